//! Threat 2: code of others is not built with a role in hand. By fact; by payload it is `steps/admit_tests`.

use super::*;

const BASE: &str = "2222222222222222222222222222222222222222";
const HEAD: &str = "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d";
const PRIVILEGED: [&str; 3] = ["pull_request_target", "workflow_run", "issue_comment"];
const OTHERS: [&str; 5] = [
    "push",
    "pull_request",
    "workflow_dispatch",
    "schedule",
    "release",
];

fn event(name: &str) -> Event<'_> {
    Event {
        name,
        github_sha: Some(BASE),
        commit: Some(HEAD),
        ..Event::default()
    }
}

#[test]
fn a_fork_is_refused_where_the_job_has_the_bases_rights() {
    for asks in [Asks::Deploy, Asks::Build, Asks::Plan] {
        for name in PRIVILEGED.into_iter().chain(OTHERS) {
            let mut event = event(name);
            event.fork = true;
            let refused = PRIVILEGED.contains(&name) && asks != Asks::Plan;
            assert_eq!(
                check_origin(&event, asks).is_err(),
                refused,
                "{name} {asks:?}"
            );
            event.pull_state = Some(PullState::Merged);
            assert_eq!(check_origin(&event, asks), Ok(()), "merged: {name}");
            event.pull_state = Some(PullState::Open);
            event.fork = false;
            assert_eq!(check_origin(&event, asks), Ok(()), "its own: {name}");
        }
    }
}

#[test]
fn there_only_the_events_commits_may_be_checked_out() {
    for name in PRIVILEGED {
        let event = event(name);
        assert_eq!(check_commit(&event, ".", Some(BASE)), Ok(()));
        assert_eq!(check_commit(&event, ".", Some(HEAD)), Ok(()));
        assert!(check_commit(&event, ".", Some("9".repeat(40).as_str())).is_err());
        assert!(check_commit(&event, ".", None).is_err());
        // Neither is known: nothing is right by accident.
        let blank = Event {
            name,
            ..Event::default()
        };
        assert!(check_commit(&blank, ".", Some(BASE)).is_err());
        assert!(check_commit(&blank, ".", None).is_err());
    }
    for name in OTHERS {
        assert_eq!(check_commit(&event(name), ".", Some("9")), Ok(()));
        assert_eq!(check_commit(&event(name), ".", None), Ok(()));
    }
}

#[test]
fn a_run_must_have_succeeded() {
    for conclusion in [
        None,
        Some("failure"),
        Some("cancelled"),
        Some("neutral"),
        Some("SUCCESS"),
        Some(""),
    ] {
        let mut event = event("workflow_run");
        event.conclusion = conclusion;
        assert!(check_event(&event, Asks::Deploy).is_err(), "{conclusion:?}");
        assert_eq!(check_event(&event, Asks::Plan), Ok(()));
    }
}
