//! Whole comments, as people read them.

use std::time::Duration;

use super::comment::COMMENT_LIMIT;
use super::*;
use crate::model::Untrusted;
use crate::model::verdict::Status;
use crate::report::event::{Phase, Text};

pub(super) const MARKER: &str = "<!-- shipway v1 {} -->";

pub(super) fn base(state: State) -> Announcement {
    Announcement {
        service: "web".to_owned(),
        state,
        commit: Some(Commit {
            sha: "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d".to_owned(),
            url: Some("https://github.com/octo-org/web/commit/4f2a9c1d".to_owned()),
        }),
        revision: Some("web:42".to_owned()),
        previous_revision: Some("web:41".to_owned()),
        run_url: Some("https://github.com/octo-org/web/actions/runs/7/attempts/1".to_owned()),
        ..Announcement::default()
    }
}

pub(super) fn ended(status: Status, cause: Option<Text>, failure: Option<Failure>) -> State {
    State::Ended {
        status,
        cause,
        failure: failure.map(Box::new),
    }
}

#[test]
fn a_success() {
    let about = Announcement {
        url: Some("https://www.example.com/".to_owned()),
        healthy: Some((2, 2)),
        took: Some(Duration::from_secs(112)),
        image: Some("web@sha256:9c1e".to_owned()),
        phases: vec![
            (Phase::Build, Duration::from_secs(41)),
            (Phase::Push, Duration::from_secs(12)),
        ],
        environment: Some("production".into()),
        ..base(ended(Status::Serving, None, None))
    };
    assert_eq!(
        comment(MARKER, &about),
        "<!-- shipway v1 {} -->
### ✅ web (production) is serving: <https://www.example.com/>
commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `web:42` (was `web:41`) · 2 of 2 targets healthy · 1 min 52 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

<details><summary>Details</summary>

| | |
|:--|:--|
| Image | `web@sha256:9c1e…` |
| Build · push | 41 s · 12 s |

</details>
"
    );
    assert_eq!(
        summary(&about),
        "# ✅ web (production) is serving: <https://www.example.com/>
commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `web:42` (was `web:41`) · 2 of 2 targets healthy · 1 min 52 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

| Phase | Took | |
|:--|--:|:--|
| build | 41 s |  |
| push | 12 s |  |

Image `web@sha256:9c1e`
"
    );
    assert_eq!(
        crate::report::escape::text_line(&headline(&about)),
        "web (production) is serving: https://www.example.com/"
    );
}

#[test]
fn in_progress() {
    let about = Announcement {
        healthy: Some((1, 2)),
        url: Some("https://www.example.com".to_owned()),
        phases: vec![
            (Phase::Build, Duration::from_secs(41)),
            (Phase::Push, Duration::from_secs(12)),
        ],
        ..base(State::InProgress {
            phase: Phase::Rollout,
            since: "14:01:20".to_owned(),
        })
    };
    assert_eq!(
        comment(MARKER, &about),
        "<!-- shipway v1 {} -->
### 🔄 Deploying `4f2a9c1` to web
Built and pushed, rolling out since 14:01:20 UTC · commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `web:42` (was `web:41`) · 1 of 2 targets healthy · [follow](https://github.com/octo-org/web/actions/runs/7/attempts/1)

Until then `web:41` stays at <https://www.example.com>

<details><summary>Details</summary>

| | |
|:--|:--|
| Build · push | 41 s · 12 s |

</details>
"
    );
}

#[test]
fn a_failure_quotes_safely() {
    let log = "~~~~~\n\u{1b}[31mboom\u{1b}[0m @octocat ##[error]x\n</details><script>";
    let about = Announcement {
        now_serving: Some(Text::new().code("web:41").say(" keeps serving")),
        ..base(ended(
            Status::Failed,
            Some(
                Text::new()
                    .say("container ")
                    .code("web")
                    .say(" exited with 137"),
            ),
            Some(Failure {
                code: Some("shipway::deploy::failed".to_owned()),
                evidence: vec![
                    Text::new()
                        .say("ECS says: ")
                        .quote(&"OutOfMemoryError: [x](http://evil) @octocat".into()),
                ],
                fixes: vec!["raise the memory".into()],
                quoted: Some((
                    Text::new().say("Last log lines of ").code("web"),
                    Untrusted::new(log),
                )),
                ..Failure::default()
            }),
        ))
    };
    assert_eq!(
        comment(MARKER, &about),
        "<!-- shipway v1 {} -->
### ❌ web not deployed: container `web` exited with 137
**`web:41` keeps serving** · commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `web:42` (was `web:41`) · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

1. **Evidence** ECS says: OutOfMemoryError: \\[x\\](http:\u{200b}//evil) @\u{200b}octocat
2. **Fix** raise the memory
3. **Code** `shipway::deploy::failed`

<details><summary>Last log lines of <code>web</code></summary>

~~~~~~text
~~~~~
boom @octocat #\u{200b}#[error]x
</details><script>
~~~~~~

</details>
"
    );
}

#[test]
fn every_ending_has_its_word_in_the_heading() {
    let heading = |status: Status, healthy: Option<(u32, u32)>| {
        let about = Announcement {
            url: Some("https://u.example/".to_owned()),
            healthy,
            ..base(ended(status, None, None))
        };
        comment(MARKER, &about).lines().nth(1).unwrap().to_owned()
    };
    let table = [
        (
            Status::Serving,
            "### ✅ web is serving: <https://u.example/>",
        ),
        (
            Status::Deployed,
            "### ✅ web deployed: <https://u.example/>",
        ),
        (
            Status::Unchanged,
            "### ✅ web unchanged, already serving: <https://u.example/>",
        ),
        (
            Status::Started,
            "### 🔄 web deployment started, its end not waited for: <https://u.example/>",
        ),
        (
            Status::Paused,
            "### ⏸️ web paused, a lifecycle hook waits: <https://u.example/>",
        ),
        (Status::Superseded, "### ⏭️ web superseded"),
        (Status::RolledBack, "### ❌ web rolled back"),
        (Status::Failed, "### ❌ web not deployed"),
        (Status::Unknown, "### ❌ web has an unknown outcome"),
        (Status::TimedOut, "### ⌛ web timed out"),
        (Status::Cancelled, "### 🛑 web cancelled"),
        (
            Status::NotStarted,
            "### ❌ web not deployed, the service was not changed",
        ),
    ];
    for (status, expected) in table {
        assert_eq!(heading(status, Some((1, 1))), expected);
    }
    assert_eq!(
        heading(Status::Deployed, Some((0, 0))),
        "### ✅ web deployed, nothing serves (desired count 0)"
    );
}

#[test]
fn a_comment_stays_within_githubs_limit() {
    let about = base(ended(
        Status::Failed,
        None,
        Some(Failure {
            quoted: Some(("log".into(), Untrusted::new("x~".repeat(60_000)))),
            evidence: vec![Text::new().quote(&Untrusted::new("*".repeat(90_000))); 60],
            ..Failure::default()
        }),
    ));
    let body = comment(MARKER, &about);
    assert!(
        body.chars().count() <= COMMENT_LIMIT,
        "{}",
        body.chars().count()
    );
}
