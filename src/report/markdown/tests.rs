//! Whole comments, as people read them.

use std::time::Duration;

use super::comment::COMMENT_LIMIT;
use super::*;
use crate::model::{Untrusted, past::PastDeployment, verdict::Status};
use crate::report::event::{Phase, Stretch, Text};
use crate::rollout::{Advice, TargetNote, TaskTimes, Timings};

const MARKER: &str = "<!-- shipway v1 {} -->";

fn base(state: State) -> Announcement {
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

fn ended(status: Status, cause: Option<Text>, failure: Option<Failure>) -> State {
    State::Ended {
        status,
        cause,
        failure,
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
                fix: Some("raise the memory".into()),
                quoted: Some((
                    Text::new().say("Last log lines of ").code("web"),
                    Untrusted::new(log),
                )),
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
            "### 🔄 web deployment started, not waited for: <https://u.example/>",
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

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn stretch(phase: Phase, began: u64, took: u64, note: &str) -> Stretch {
    Stretch {
        phase,
        began: seconds(began),
        took: seconds(took),
        note: note.into(),
        ended: true,
    }
}

fn past(status: Status, took: u64, cause: Option<&str>) -> PastDeployment {
    PastDeployment {
        run: 7,
        attempt: 1,
        status,
        cause: cause.map(Untrusted::from),
        commit: Some("77b01de000".to_owned()),
        ended_at: 1_795_528_920,
        took_ms: took * 1000,
        phases: Vec::new(),
    }
}

/// A run with everything there is to tell.
fn rich() -> Announcement {
    let task = |n: u64| TaskTimes {
        task: format!("33c0a0f227efccb59bbf25c76179935{n}"),
        created: Some(seconds(2)),
        pull_started: Some(seconds(5)),
        pulled: Some(seconds(23)),
        running: Some(seconds(24 + n)),
        healthy: Some(seconds(59)),
    };
    Announcement {
        url: Some("https://www.example.com".to_owned()),
        healthy: Some((2, 2)),
        took: Some(seconds(112)),
        stretches: vec![
            stretch(Phase::Build, 0, 41, "7 of 11 steps cached"),
            stretch(Phase::Push, 41, 12, "3 MB sent"),
            stretch(Phase::Rollout, 54, 119, "serving"),
        ],
        timings: Some(Timings {
            running: Some(seconds(25)),
            healthy: Some(seconds(59)),
            ended: seconds(119),
            longest_pull: Some(seconds(18)),
            window: Some(seconds(60)),
            tasks: vec![task(0), task(1)],
            ..Timings::default()
        }),
        targets: vec![
            TargetNote {
                target_group: "web".to_owned(),
                target: "10.0.0.9".to_owned(),
                port: Some(80),
                state: "draining".to_owned(),
                reason: Some("Target.DeregistrationInProgress".to_owned()),
                description: Some("Target deregistration is in progress".into()),
            },
            TargetNote {
                target_group: "web".to_owned(),
                target: "10.0.0.7".to_owned(),
                port: Some(80),
                state: "healthy".to_owned(),
                reason: None,
                description: None,
            },
        ],
        advice: vec![Advice::HealthCheckInterval {
            target_group: "web".to_owned(),
            interval_seconds: 30,
            unhealthy_threshold: 2,
            spent: seconds(90),
            better_seconds: 5,
            saves: seconds(70),
        }],
        history: vec![
            past(Status::Serving, 121, None),
            past(Status::Failed, 48, Some("exit 137 | out of memory")),
        ],
        ..base(ended(Status::Serving, None, None))
    }
}

#[test]
fn a_summary_says_where_the_time_went_and_draws_it() {
    assert_eq!(
        summary(&rich()),
        "# ✅ web is serving: <https://www.example.com>
commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `web:42` (was `web:41`) · 2 of 2 targets healthy · 1 min 52 s, 9 s faster than the last one · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

| Phase | Took | |
|:--|--:|:--|
| build | 41 s | 7 of 11 steps cached |
| push | 12 s | 3 MB sent |
| rollout | 1 min 59 s |  |
| – pull | 18 s | the longest of 2 tasks |
| – start → healthy | 34 s | a health check every 30 s |
| – stays healthy | 1 min | 2 checks every 30 s: so long a failure takes to show |

```mermaid
gantt
    accTitle: Where the time went
    accDescr: build 41 s, push 12 s, rollout to healthy 59 s, stays healthy 1 min, pull 18 s, start to healthy 35 s, pull 18 s, start to healthy 34 s
    dateFormat YYYY-MM-DD HH:mm:ss
    axisFormat %M:%S
    todayMarker off
    section Build
    build 41 s :done, 2000-01-01 00:00:00, 41s
    section Push
    push 12 s :done, 2000-01-01 00:00:41, 12s
    section Rollout
    rollout to healthy 59 s :done, 2000-01-01 00:00:54, 59s
    stays healthy 1 min :done, 2000-01-01 00:01:53, 60s
    section Task 1
    pull 18 s :done, 2000-01-01 00:00:59, 18s
    start to healthy 35 s :active, 2000-01-01 00:01:18, 35s
    section Task 2
    pull 18 s :done, 2000-01-01 00:00:59, 18s
    start to healthy 34 s :active, 2000-01-01 00:01:19, 34s
```

> [!TIP]
> 1 min 30 s went into the health check of `web`, which looks every 30 s and takes 2 failures for one: an interval of 5 s would save 1 min 10 s of every deploy (`HealthCheckIntervalSeconds`; the check's time-out has to be shorter)

<details><summary>Targets: 1 of 2 healthy</summary>

| Target | State | Why |
|:--|:--|:--|
| `10.0.0.9:80` | draining | `Target.DeregistrationInProgress` Target deregistration is in progress |
| `10.0.0.7:80` | healthy |  |

</details>

<details><summary>Tasks</summary>

| Task | Created after | Pull | Start → healthy |
|:--|--:|--:|--:|
| `33c0a0f227efccb59bbf25c761799350` | 2 s | 18 s | 35 s |
| `33c0a0f227efccb59bbf25c761799351` | 2 s | 18 s | 34 s |

</details>

<details><summary>Last 2 deployments before this one</summary>

| Result | Commit | When (UTC) | Took |
|:--|:--|:--|--:|
| ✅ serving | `77b01de` | 24 Nov 14:02 | 2 min 1 s |
| ❌ failed: exit 137 \\| out of memory | `77b01de` | 24 Nov 14:02 | 48 s |

</details>
"
    );
    let comment = comment(MARKER, &rich());
    assert!(!comment.contains("mermaid"), "{comment}");
    assert!(
        comment.contains("| Build · push · pull · start → healthy · stays healthy | 41 s · 12 s · 18 s · 34 s · 1 min |"),
        "{comment}"
    );
}

#[test]
fn a_chart_has_forty_bars_at_most() {
    let mut about = rich();
    let timings = about.timings.as_mut().unwrap();
    let task = timings.tasks[0].clone();
    timings.tasks = vec![task; 300];
    let bars = |about: &Announcement| summary(about).matches(", 2000-01-01").count();
    assert!((38..=40).contains(&bars(&about)), "{}", bars(&about));
    assert!(summary(&about).contains("and 280 more"));
    // One bar is no comparison.
    about.stretches = vec![stretch(Phase::Build, 0, 41, "")];
    about.timings = None;
    assert_eq!(bars(&about), 0);
}

#[test]
fn this_time_is_compared_with_those_that_went_well() {
    let told = |took: u64, history: Vec<PastDeployment>| {
        let about = Announcement {
            took: Some(seconds(took)),
            history,
            ..base(ended(Status::Serving, None, None))
        };
        let line = comment(MARKER, &about).lines().nth(2).unwrap().to_owned();
        line.split(" · ").nth(2).unwrap().to_owned()
    };
    let good = |took| past(Status::Serving, took, None);
    assert_eq!(told(60, vec![]), "1 min");
    assert_eq!(told(60, vec![past(Status::Failed, 5, None)]), "1 min");
    assert_eq!(told(60, vec![good(60)]), "1 min, as fast as the last one");
    assert_eq!(
        told(60, (0..7).map(|n| good(66 + n)).collect()),
        "1 min, 8 s faster than the last five"
    );
    assert_eq!(
        told(70, vec![good(61), good(59)]),
        "1 min 10 s, 10 s slower than the last two"
    );
    // Whoever edits the comment may write any number.
    assert_eq!(
        told(60, vec![past(Status::Serving, u64::MAX / 1000, None); 5])
            .split(',')
            .count(),
        2
    );
}

#[test]
fn a_fix_of_several_lines_keeps_them() {
    let help = "one of these:\n- the role does not exist\n- `sub` does not match\nthe token claims:\n  sub: repo:octo-org/web:pull_request\n  aud: ~~~\nthen run again";
    let about = base(ended(
        Status::NotStarted,
        Some(Text::with_code(
            "AWS STS refused arn:aws:iam::111122223333:role/x".to_owned(),
        )),
        Some(Failure {
            code: Some("shipway::credentials::role_refused".to_owned()),
            fix: Some(Text::with_code(help.to_owned())),
            ..Failure::default()
        }),
    ));
    let body = comment(MARKER, &about);
    let expected = "### ❌ web not deployed: AWS STS refused `arn:aws:iam::111122223333:role/x`
**The service was not changed** · commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `web:42` (was `web:41`) · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

1. **Fix** one of these:
2. **Code** `shipway::credentials::role_refused`

- the role does not exist
- `sub` does not match

the token claims:

~~~~text
sub: repo:octo-org/web:pull_request
aud: ~~~
~~~~

then run again
";
    assert_eq!(body.split_once('\n').unwrap().1, expected);
}

#[test]
fn a_summary_that_is_too_long_says_where_the_rest_is() {
    let mut about = rich();
    about.notes = vec![Text::new().quote(&Untrusted::new("*".repeat(2_000))); 2_000];
    let summary = summary(&about);
    assert!(summary.len() < 1024 * 1024, "{}", summary.len());
    assert!(
        summary.ends_with("has the rest\n") && summary.contains("[the run](https://github.com/"),
        "{}",
        &summary[summary.len() - 200..]
    );
}
