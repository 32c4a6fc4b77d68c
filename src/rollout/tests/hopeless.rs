//! Stops that repeat: no breaker counts those of a change of the desired count.

use super::script::*;
use crate::model::Untrusted;
use crate::model::task::Task;
use crate::rollout::Part;
use crate::rollout::Sentence;
use crate::rollout::hopeless::{alike, certain};

fn hopeless(stops: &[Task]) -> Option<Sentence> {
    certain(stops).or_else(|| alike(stops))
}

const GONE: &str = "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref web@sha256:1: not found";

#[track_caller]
fn check(stops: &[(&str, &str, Option<i32>)], expected: Option<&str>) {
    let stops: Vec<Task> = stops
        .iter()
        .enumerate()
        .map(|(n, (code, reason, exit))| stopped(&format!("t{n}"), code, reason, *exit))
        .collect();
    let why = hopeless(&stops).map(|sentence| match &sentence.0[..] {
        [Part::Text(text)] => text.clone(),
        other => panic!("{other:?}"),
    });
    assert_eq!(why.as_deref(), expected, "{stops:#?}");
}

#[test]
fn a_certain_cause_on_two_tasks() {
    let gone = ("TaskFailedToStart", GONE, None);
    check(&[], None);
    check(&[gone], None);
    check(
        &[gone, gone],
        Some("2 tasks stopped because the image is not there."),
    );
    let denied = (
        "TaskFailedToStart",
        "CannotPullContainerError: pull access denied for web",
        None,
    );
    check(&[gone, denied], None);
    check(
        &[denied, gone, denied],
        Some("2 tasks stopped because pulling the image is denied."),
    );
}

#[test]
fn any_other_stop_when_it_is_the_third_of_its_kind() {
    let exited = |code| {
        (
            "EssentialContainerExited",
            "Essential container in task exited",
            Some(code),
        )
    };
    check(&[exited(1), exited(1)], None);
    check(
        &[exited(1), exited(1), exited(1)],
        Some("3 tasks stopped in the same way: exit code 1."),
    );
    check(&[exited(1), exited(137), exited(1)], None);
}

#[test]
fn what_a_container_says_counts_as_well() {
    let mut stops: Vec<Task> = (0..3)
        .map(|n| {
            stopped(
                &format!("t{n}"),
                "EssentialContainerExited",
                "exited",
                Some(1),
            )
        })
        .collect();
    stops[1].containers[0].reason = Some(Untrusted::from("OutOfMemoryError"));
    assert_eq!(hopeless(&stops), None);
    for stop in &mut stops {
        stop.containers[0].reason = Some(Untrusted::from("exec /app: exec format error"));
    }
    assert!(hopeless(&stops[..2]).is_some());
}
