//! How previews read, in every state: the comment, the headline of the log, the summary.

use std::time::Duration;

use crate::model::Untrusted;
use crate::model::preview::PreviewState;
use crate::model::verdict::Status;
use crate::plan::preview::decide::Word;
use crate::report::event::{Phase, Text};
use crate::report::markdown::announcement::{Announcement, Commit, Failure, Preview, State};
use crate::report::markdown::{comment, headline, is_worth_a_comment, summary};

const MARKER: &str = "<!-- shipway v1 {} -->";
const RUN: &str = "https://github.com/octo-org/web/actions/runs/7/attempts/1";

fn preview(word: Word, state: PreviewState) -> Preview {
    Preview {
        word,
        pull_request: 7,
        state,
        since: None,
        expires: Some("2026-12-01T14:02:00Z".parse().unwrap()),
        why: None,
        removed: None,
        left: Vec::new(),
    }
}

fn about(state: State, preview: Preview) -> Announcement {
    Announcement {
        cluster: "staging".to_owned(),
        service: "web".to_owned(),
        state,
        took: Some(Duration::from_secs(9)),
        run_url: Some(RUN.to_owned()),
        preview: Some(preview),
        ..Announcement::default()
    }
}

fn deployed(about: Announcement) -> Announcement {
    Announcement {
        url: Some("https://pr-7.preview.example.com".to_owned()),
        commit: Some(Commit {
            sha: "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d".to_owned(),
            url: Some("https://github.com/octo-org/web/commit/4f2a9c1d".to_owned()),
        }),
        revision: Some("pr-7-web-c3be0c48:12".to_owned()),
        healthy: Some((1, 1)),
        took: Some(Duration::from_secs(112)),
        ..about
    }
}

fn ended(status: Status) -> State {
    State::Ended {
        status,
        cause: None,
        failure: None,
    }
}

fn failed(status: Status, cause: &str, fix: &str) -> State {
    State::Ended {
        status,
        cause: Some(cause.into()),
        failure: Some(Box::new(Failure {
            code: Some("shipway::deploy::failed".to_owned()),
            fixes: vec![fix.into()],
            ..Failure::default()
        })),
    }
}

/// Without the marker, and the log's line behind it.
fn read(about: &Announcement) -> (String, String) {
    let body = comment(MARKER, about);
    let body = body.strip_prefix(&format!("{MARKER}\n")).unwrap();
    let line = crate::report::escape::text_line(&headline(about));
    (body.to_owned(), line)
}

fn assert_reads(about: &Announcement, body: &str, line: &str) {
    let (read_body, read_line) = read(about);
    assert_eq!(read_body, body);
    assert_eq!(read_line, line);
    assert!(is_worth_a_comment(about) || body.contains("There was no preview"));
}

#[test]
fn ready() {
    let about = Announcement {
        image: Some("web-preview@sha256:9c1e4d8082041f".to_owned()),
        phases: vec![
            (Phase::Build, Duration::from_secs(41)),
            (Phase::Push, Duration::from_secs(12)),
        ],
        ..deployed(about(
            ended(Status::Serving),
            preview(Word::Up, PreviewState::Ready),
        ))
    };
    assert_reads(
        &about,
        "### ✅ Preview ready: <https://pr-7.preview.example.com>
commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `pr-7-web-c3be0c48:12` · 1 of 1 target healthy · 1 min 52 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

<details><summary>Details</summary>

| | |
|:--|:--|
| Image | `web-preview@sha256:9c1e4d808204…` |
| Build · push | 41 s · 12 s |
| Expires | 2026-12-01 14:02 UTC |

</details>
",
        "Preview of pull request 7 ready: https://pr-7.preview.example.com",
    );
    assert_eq!(
        summary(&about),
        "# ✅ Preview of pull request 7 ready: <https://pr-7.preview.example.com>
commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `pr-7-web-c3be0c48:12` · 1 of 1 target healthy · 1 min 52 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

| Phase | Took | |
|:--|--:|:--|
| build | 41 s |  |
| push | 12 s |  |

Expires 2026-12-01 14:02 UTC

Image `web-preview@sha256:9c1e4d8082041f`
"
    );
}

#[test]
fn woken_by_a_comment() {
    let by: Text = Text::new()
        .code("/preview wake")
        .say(" by ")
        .quote(&Untrusted::from("octocat"));
    let going = Preview {
        why: Some(by),
        ..preview(Word::Wake, PreviewState::Deploying)
    };
    let progress = State::InProgress {
        phase: Phase::Rollout,
        since: "14:01:20".to_owned(),
    };
    let going = Announcement {
        took: None,
        healthy: None,
        ..deployed(about(progress, going))
    };
    assert_reads(
        &going,
        "### 🔄 Waking the preview of `4f2a9c1`
Rolling out since 14:01:20 UTC · `/preview wake` by octocat · commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `pr-7-web-c3be0c48:12` · [follow](https://github.com/octo-org/web/actions/runs/7/attempts/1)
",
        "Waking the preview of `4f2a9c1`",
    );
}

#[test]
fn deploying() {
    let progress = State::InProgress {
        phase: Phase::Rollout,
        since: "14:01:20".to_owned(),
    };
    let about = Announcement {
        took: None,
        healthy: Some((0, 1)),
        previous_revision: Some("pr-7-web-c3be0c48:11".to_owned()),
        phases: vec![
            (Phase::Build, Duration::from_secs(41)),
            (Phase::Push, Duration::from_secs(12)),
        ],
        ..deployed(about(progress, preview(Word::Up, PreviewState::Deploying)))
    };
    assert_reads(
        &about,
        "### 🔄 Deploying the preview of `4f2a9c1`
Built and pushed, rolling out since 14:01:20 UTC · commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `pr-7-web-c3be0c48:12` (was `pr-7-web-c3be0c48:11`) · 0 of 1 target healthy · [follow](https://github.com/octo-org/web/actions/runs/7/attempts/1)

Until then `pr-7-web-c3be0c48:11` stays at <https://pr-7.preview.example.com>

<details><summary>Details</summary>

| | |
|:--|:--|
| Build · push | 41 s · 12 s |

</details>
",
        "Deploying the preview of `4f2a9c1`",
    );
}

#[test]
fn asleep() {
    let asleep = Preview {
        since: Some("2026-11-24T16:05:10Z".parse().unwrap()),
        why: Some("expired".into()),
        ..preview(Word::Sleep, PreviewState::Asleep)
    };
    let about = about(ended(Status::NotStarted), asleep);
    assert_reads(
        &about,
        "### 💤 Preview asleep since 16:05 UTC · wake it: comment `/preview wake`, or push
expired · 9 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)
",
        "Preview of pull request 7 asleep since 16:05 UTC · wake it: comment `/preview wake`, or push",
    );
}

#[test]
fn removed() {
    let removed = Preview {
        why: Some("pull request merged".into()),
        removed: Some((5, 5)),
        ..preview(Word::Down, PreviewState::Removed)
    };
    let about = about(ended(Status::NotStarted), removed);
    assert_reads(
        &about,
        "### 🗑️ Preview removed (pull request merged) · 5 of 5 resources deleted
9 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)
",
        "Preview of pull request 7 removed (pull request merged) · 5 of 5 resources deleted",
    );
    assert_eq!(
        summary(&about),
        "# 🗑️ Preview of pull request 7 removed (pull request merged) · 5 of 5 resources deleted
9 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)
"
    );
}

#[test]
fn a_removal_that_left_something() {
    let incomplete = Preview {
        why: Some("label removed".into()),
        removed: Some((3, 5)),
        left: vec![
            Text::new()
                .say("target group ")
                .code("pr-7-web-c3be0c48")
                .say(": ")
                .quote(&"ResourceInUse: <b>@octocat</b>".into()),
            Text::new()
                .say("service ")
                .code("pr-7-web-c3be0c48")
                .say(" is draining"),
        ],
        ..preview(Word::Down, PreviewState::Incomplete)
    };
    let about = about(ended(Status::NotStarted), incomplete);
    assert_reads(
        &about,
        "### ⚠️ Preview not wholly removed (label removed) · 3 of 5 resources deleted
9 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

- target group `pr-7-web-c3be0c48`: ResourceInUse: &lt;b&gt;@\u{200b}octocat&lt;/b&gt;
- service `pr-7-web-c3be0c48` is draining
",
        "Preview of pull request 7 not wholly removed (label removed) · 3 of 5 resources deleted",
    );
}

#[test]
fn there_was_none() {
    let absent = Preview {
        why: Some("pull request closed".into()),
        ..preview(Word::Down, PreviewState::Absent)
    };
    let about = about(ended(Status::NotStarted), absent);
    assert_reads(
        &about,
        "### ⏭️ There was no preview to remove (pull request closed)
9 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)
",
        "There was no preview of pull request 7 to remove (pull request closed)",
    );
    assert!(!is_worth_a_comment(&about), "nobody asked for one");
}

#[test]
fn a_failed_up_says_what_serves() {
    let state = failed(
        Status::Failed,
        "container `web` ran out of memory (exit 137)",
        "raise `memory` to 1024",
    );
    let about = Announcement {
        now_serving: Some(
            Text::new()
                .code("pr-7-web-c3be0c48:11")
                .say(" keeps serving"),
        ),
        healthy: None,
        ..deployed(about(state, preview(Word::Up, PreviewState::Incomplete)))
    };
    assert_reads(
        &about,
        "### ❌ Preview not deployed: container \\`web\\` ran out of memory (exit 137)
**`pr-7-web-c3be0c48:11` keeps serving** · commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `pr-7-web-c3be0c48:12` · 1 min 52 s · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

1. **Fix** raise \\`memory\\` to 1024
2. **Code** `shipway::deploy::failed`
",
        "Preview of pull request 7 not deployed: container `web` ran out of memory (exit 137) `pr-7-web-c3be0c48:11` keeps serving fix: raise `memory` to 1024",
    );
}

#[test]
fn refused_before_anything_was_done() {
    for (word, done) in [
        (Word::Up, "deployed"),
        (Word::Down, "removed"),
        (Word::Sleep, "put to sleep"),
        (Word::Wake, "woken"),
    ] {
        let state = failed(Status::NotStarted, "AWS STS refused", "compare the role");
        let about = about(state, preview(word, PreviewState::Deploying));
        let (body, line) = read(&about);
        assert!(
            body.starts_with(&format!(
                "### ❌ Preview not {done}: AWS STS refused\n**The preview was not changed** · 9 s"
            )),
            "{body}"
        );
        assert!(line.starts_with(&format!("Preview of pull request 7 not {done}: AWS STS")));
    }
}

#[test]
fn incomplete_and_cancelled() {
    let incomplete = about(
        ended(Status::Serving),
        preview(Word::Up, PreviewState::Incomplete),
    );
    assert!(
        read(&incomplete)
            .0
            .starts_with("### ⚠️ Preview incomplete, it does not answer\n")
    );
    let state = State::Ended {
        status: Status::Cancelled,
        cause: Some("Nothing was changed.".into()),
        failure: None,
    };
    let cancelled = about(state, preview(Word::Up, PreviewState::Deploying));
    assert_eq!(
        read(&cancelled).1,
        "Preview of pull request 7 cancelled: Nothing was changed."
    );
}

#[test]
fn a_removal_begins_no_comment_before_it_is_over() {
    let progress = State::InProgress {
        phase: Phase::Update,
        since: "14:01:20".to_owned(),
    };
    for (word, begins) in [(Word::Down, false), (Word::Sleep, false), (Word::Up, true)] {
        let about = about(progress.clone(), preview(word, PreviewState::Deploying));
        assert_eq!(is_worth_a_comment(&about), begins, "{word:?}");
    }
}
