//! What fails after it looked well, or never even starts; and what recovered.

use super::fail_fast::{asks, exited, gone, restored, said, stop, went_back};
use super::script::*;
use crate::model::verdict::Status;
use crate::rollout::Observation;

/// ECS calls it done in the very moment in which all of it is healthy, and it crashes again.
#[test]
fn what_crashes_after_ecs_called_it_done_is_gone_back_from() {
    let done = |w: &mut Observation| {
        w.ours_run();
        w.ours_healthy();
        w.old_drains();
        w.old_gone();
    };
    let crashes = |w: &mut Observation, names: &[&str]| {
        stop(w, exited(names));
        w.ours().failed_tasks = 0;
        w.ours().running_count = 0;
        w.tasks = Ok(Vec::new());
    };
    let script = Script::new()
        .at(4, done)
        .at(10, move |w| crashes(w, &["new1", "new2"]))
        .at(14, |w| w.ours().running_count = 1)
        .answers(went_back(16));
    let after = script.at(16, move |w| crashes(w, &["new1", "new2", "c"]));
    let (asks, ended) = asks(&restored(after, 17), rolling(), limits());
    assert_eq!(
        asks,
        ["16 asks for UpdateService: 3 tasks stopped in the same way: exit code 1."]
    );
    assert_eq!(ended.status, Status::RolledBack, "{ended:?}");
}

/// Two failed before ECS called it done, and one does after: it came up in spite of the two.
#[test]
fn what_failed_before_ecs_called_it_done_is_not_counted_after() {
    let script = Script::new()
        .at(6, |w| stop(w, exited(&["a", "b"])))
        .at(10, |w| {
            w.ours().failed_tasks = 0;
            w.ours_run();
            w.ours_healthy();
            w.old_drains();
            w.old_gone();
        })
        .at(16, |w| {
            stop(w, exited(&["a", "b", "new1"]));
            w.ours().failed_tasks = 0;
            w.ours().running_count = 1;
            let tasks = w.tasks.as_mut().expect("tasks");
            tasks.retain(|t| !t.arn.ends_with("new1"));
        });
    let (asks, ended) = asks(&script, rolling(), limits());
    assert_eq!(
        (asks.len(), ended.status),
        (0, Status::TimedOut),
        "{ended:?}"
    );
}

/// A task that became healthy and stays set the breaker's count to zero: the next stop is the first of three again.
#[test]
fn a_count_that_a_healthy_task_reset_condemns_nothing() {
    let script = Script::new()
        .at(6, |w| stop(w, exited(&["a", "b"])))
        .at(10, |w| {
            w.ours().failed_tasks = 0;
            w.ours().running_count = 1;
            let tasks = w.tasks.as_mut().expect("tasks");
            tasks.push(task("new3", OURS, "10.0.0.5"));
            let targets = w.targets[0].as_mut().expect("targets");
            targets.push(target("10.0.0.5", "healthy"));
        })
        .at(18, |w| {
            stop(w, exited(&["a", "b", "c"]));
            w.ours().failed_tasks = 1;
        });
    let (asks, ended) = asks(&script, rolling(), limits());
    assert_eq!(
        (asks.len(), ended.status),
        (0, Status::TimedOut),
        "{ended:?}"
    );
}

/// Three failed alike, the breaker counted them, and then it came up: they condemn nothing any more.
#[test]
fn what_recovered_is_left_alone() {
    let script = Script::new()
        .at(6, |w| stop(w, exited(&["a", "b", "c"])))
        .at(12, |w| {
            w.ours().failed_tasks = 0;
            w.ours_run();
            w.ours_healthy();
        })
        .at(16, |w| w.old_drains())
        .at(20, |w| w.old_gone());
    let (asks, ended) = asks(&script, rolling(), limits());
    assert_eq!((asks.len(), ended.status), (0, Status::Serving));
}

#[test]
fn no_place_for_a_minute_is_said_once_and_quoted_at_the_end() {
    let full = "(service web) was unable to place a task because no container instance met all of its requirements.";
    let script = Script::new().at(5, move |w| {
        w.service().events = vec![event("e1", 5, full)];
    });
    let (lines, ended) = script.run(rolling(), limits());
    let said_so: Vec<&String> = lines
        .iter()
        .filter(|l| l.contains("no place for 2"))
        .collect();
    assert_eq!(said_so.len(), 1, "{lines:#?}");
    assert!(said_so[0].starts_with("66 "), "{said_so:?}");
    assert_eq!(ended.status, Status::TimedOut);
    assert!(
        said(&ended).contains("unable to place a task"),
        "{}",
        said(&ended)
    );
}

/// What is followed and was not made now may have failed an hour ago: it takes one more.
#[test]
fn what_had_stopped_before_the_first_look_makes_nobody_act() {
    let script = Script::new().at(0, |w| stop(w, gone(3)));
    let (asks_of_old, ended) = asks(&script, rolling(), limits());
    assert_eq!((asks_of_old.len(), ended.status), (0, Status::TimedOut));
    let one_more = script.at(20, |w| stop(w, gone(4)));
    let (asks, _) = asks(&one_more, rolling(), limits());
    assert_eq!(
        asks,
        ["20 asks for StopServiceDeployment: 4 tasks stopped because the image is not there."]
    );
}
