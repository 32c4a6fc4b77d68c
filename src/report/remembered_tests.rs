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
    assert!(crate::model::past::sound(vec![past]).is_some());
}

#[test]
fn however_long_the_cause_it_is_a_sound_memory() {
    let about = ended(Status::Failed, Some("web:2"), Some("é".repeat(900).into()));
    let past = remembered(&about, (9, 1), now()).unwrap();
    assert!(crate::model::past::sound(vec![past]).is_some());
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
