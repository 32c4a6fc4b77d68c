//! What of an ended deploy is worth a memory.

use std::time::Duration;

use super::*;
use crate::model::verdict::Status;
use crate::report::Text;
use crate::report::event::Phase;
use crate::report::markdown::Commit;

/// Each of their names has to be sound, or a run forgets what the last one remembered.
const EVERY: [Phase; 7] = [
    Phase::Preflight,
    Phase::Build,
    Phase::Push,
    Phase::Plan,
    Phase::Update,
    Phase::Rollout,
    Phase::Smoke,
];

fn ended(status: Status, revision: Option<&str>, cause: Option<Text>) -> Announcement {
    Announcement {
        state: State::Ended {
            status,
            cause,
            failure: None,
        },
        revision: revision.map(str::to_owned),
        commit: Some(Commit {
            sha: "4f2a9c1d00000000000000000000000000000000".to_owned(),
            url: None,
        }),
        phases: EVERY.map(|p| (p, Duration::from_millis(1500))).to_vec(),
        took: Some(Duration::from_secs(48)),
        ..Announcement::default()
    }
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_528_880).unwrap()
}

#[test]
fn a_deployment_is_remembered_with_its_cause_in_one_line_and_its_times() {
    let hostile = Text::new().quote(&"exit 137\n::error::gotcha\u{1b}[31m".into());
    let about = ended(Status::Failed, Some("web:2"), Some(hostile));
    let past = remembered(&about, (9, 2), now()).unwrap();
    assert_eq!((past.run, past.attempt, past.took_ms), (9, 2, 48_000));
    assert_eq!(past.phases.len(), EVERY.len());
    assert_eq!(past.phases[1], ("build".to_owned(), 1500));
    let cause = past.cause.clone().unwrap();
    assert!(cause.contains("exit 137") && !cause.contains("\n") && !cause.contains("\u{1b}"));
    assert!(past::sound(vec![past]).is_some());
}

#[test]
fn however_long_the_cause_it_is_a_sound_memory() {
    let about = ended(Status::Failed, Some("web:2"), Some("é".repeat(900).into()));
    let past = remembered(&about, (9, 1), now()).unwrap();
    assert!(past::sound(vec![past]).is_some());
}

#[test]
fn what_touched_no_service_pushes_no_deployment_out() {
    for about in [
        ended(Status::NotStarted, None, None),
        ended(Status::Cancelled, None, None),
        Announcement::default(),
    ] {
        assert_eq!(remembered(&about, (9, 1), now()), None);
    }
    let cancelled = ended(Status::Cancelled, Some("web:2"), None);
    assert!(remembered(&cancelled, (9, 1), now()).is_some());
}

#[test]
fn a_deployments_status_says_its_times_and_they_are_read_back() {
    let about = Announcement {
        took: Some(Duration::from_millis(112_400)),
        phases: vec![
            (Phase::Preflight, Duration::from_millis(300)),
            (Phase::Build, Duration::from_secs(41)),
            (Phase::Rollout, Duration::from_secs(59)),
        ],
        state: State::Ended {
            status: Status::Serving,
            cause: None,
            failure: None,
        },
        ..Announcement::default()
    };
    let times = times_in_words(&about).unwrap();
    assert_eq!(times, " · 112 s (build 41, rollout 59)");
    let at = Some(jiff::Timestamp::UNIX_EPOCH);
    let read = |state, words: &str| of_status((7, 1), state, words, None, at);
    let past = read("success", &format!("web is serving{times}")).unwrap();
    assert_eq!((past.status, past.took_ms), (Status::Serving, 112_000));
    assert_eq!(
        past.phases,
        [("build".to_owned(), 41_000), ("rollout".to_owned(), 59_000)]
    );
    let failed = read("failure", "web not deployed: exit 1 · 48 s").unwrap();
    assert_eq!(failed.cause, Some("web not deployed: exit 1".into()));
}

#[test]
fn what_a_run_would_not_write_is_not_read() {
    let at = Some(jiff::Timestamp::UNIX_EPOCH);
    for (state, words) in [
        ("success", "web is serving"),
        ("success", "a · 9 min"),
        ("success", "a · 9 s (build)"),
        ("success", "a · 9 s (build 1"),
        ("success", "a · 9 s (Build 1)"),
        ("success", "a · 99999999999999999999 s"),
        ("success", "a · 18446744073709551615 s"),
        ("in_progress", "a · 9 s"),
        ("inactive", "a · 9 s"),
    ] {
        assert_eq!(of_status((7, 1), state, words, None, at), None, "{words}");
    }
    assert_eq!(
        of_status((7, 1), "success", "a · 9 s", Some("](evil)".to_owned()), at),
        None
    );
}
