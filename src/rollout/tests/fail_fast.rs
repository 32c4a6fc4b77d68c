//! Deployments that we end: when, by which question, and how the way back is told.

use std::time::Duration;

use super::script::*;
use crate::model::Untrusted;
use crate::model::service::{Deployment, Rollback};
use crate::model::task::Task;
use crate::model::verdict::Status;
use crate::rollout::{
    Acted, Action, Ended, Limits, Next, Observation, OnFailure, Ours, Rollout, RolloutTarget,
    ServesNow, Unseen, Whose,
};

const GONE: &str = "CannotPullContainerError: web@sha256:1: not found";

pub fn gone(n: usize) -> Vec<Task> {
    let stop = |n| stopped(&format!("new{n}"), "TaskFailedToStart", GONE, None);
    (0..n).map(stop).collect()
}

pub fn exited(names: &[&str]) -> Vec<Task> {
    let stop = |name: &&str| {
        let mut task = stopped(name, "EssentialContainerExited", "exited", Some(1));
        task.stopped_at = at(20);
        task
    };
    names.iter().map(stop).collect()
}

pub fn stop(w: &mut Observation, tasks: Vec<Task>) {
    w.ours().failed_tasks = u32::try_from(tasks.len()).expect("few");
    w.stopped_tasks = Ok(tasks);
}

fn no_breaker(w: &mut Observation) {
    w.service().deployment_configuration.circuit_breaker = None;
}

/// ECS goes back at so many seconds, and is there ten seconds later.
fn goes_back(script: Script, seconds: u64) -> Script {
    script
        .at(seconds, |w| {
            w.sd().status = "ROLLBACK_IN_PROGRESS".to_owned();
            w.sd().rollback = Some(Rollback {
                reason: Some(Untrusted::from(
                    "Service deployment rolled back because of a StopServiceDeployment request.",
                )),
                service_revision_arn: None,
            });
            let deployments = &mut w.service().deployments;
            deployments[0].status = "ACTIVE".to_owned();
            deployments[0].rollout_state = Some("FAILED".to_owned());
            deployments[1].status = "PRIMARY".to_owned();
        })
        .at(seconds + 10, |w| {
            w.sd().status = "ROLLBACK_SUCCESSFUL".to_owned();
            w.service().deployments.remove(0);
        })
}

/// UpdateService went back at so many seconds; ECS calls that COMPLETED twenty seconds later.
pub fn restored(script: Script, seconds: u64) -> Script {
    let created = i64::try_from(seconds).expect("small");
    script
        .at(seconds, move |w| {
            w.sd().status = "STOPPED".to_owned();
            w.ours().status = "ACTIVE".to_owned();
            let back = deployment("ecs-svc/3", "PRIMARY", 1, 0, created);
            w.service().deployments.insert(0, back);
        })
        .at(seconds + 20, |w| {
            let deployments = &mut w.service().deployments;
            deployments.truncate(1);
            deployments[0].rollout_state = Some("COMPLETED".to_owned());
            deployments[0].running_count = 2;
            let back = |name, address| Task {
                task_definition: revision(1),
                ..task(name, "ecs-svc/3", address)
            };
            w.tasks = Ok(vec![back("b1", "10.0.0.6"), back("b2", "10.0.0.7")]);
            let healthy = |address| target(address, "healthy");
            w.targets = vec![Ok(vec![healthy("10.0.0.6"), healthy("10.0.0.7")])];
        })
}

pub fn went_back(seconds: i64) -> Acted {
    Acted::Restored {
        deployment_id: "ecs-svc/3".to_owned(),
        created_at: at(seconds),
    }
}

fn denied() -> Acted {
    Acted::Denied("ecs:StopServiceDeployment".to_owned())
}

/// What was asked for and when, and how it ended.
pub fn asks(script: &Script, target: RolloutTarget, limits: Limits) -> (Vec<String>, Ended) {
    let (lines, ended) = script.run(target, limits);
    let asks = lines.iter().filter(|l| l.contains("asks for"));
    (asks.cloned().collect(), ended)
}

pub fn said(ended: &Ended) -> String {
    let said: Vec<String> = ended.reasons.iter().map(flat).collect();
    said.join(" ")
}

#[track_caller]
fn nothing_is_asked(script: &Script) -> Ended {
    let (asks, ended) = asks(script, rolling(), limits());
    assert_eq!(asks, Vec::<String>::new());
    assert_eq!(ended.status, Status::TimedOut, "{ended:?}");
    ended
}

fn image_gone() -> Script {
    Script::new()
        .at(5, |w| stop(w, gone(1)))
        .at(12, |w| stop(w, gone(2)))
}

#[test]
fn a_certain_cause_ends_it_at_the_second_task_whatever_counts() {
    let (asks, ended) = asks(&goes_back(image_gone(), 14), rolling(), limits());
    assert_eq!(
        asks,
        ["12 asks for StopServiceDeployment: 2 tasks stopped because the image is not there."]
    );
    assert_eq!(ended.status, Status::RolledBack);
    assert_eq!(ended.timings.ended.as_secs(), 24);
    assert!(
        said(&ended).starts_with("2 tasks stopped because the image is not there. Task new1"),
        "{}",
        said(&ended)
    );
    match &ended.serves_now {
        ServesNow::Revision(now) => {
            assert_eq!(now.whose, Whose::Back);
            assert_eq!((now.healthy.healthy, now.healthy.of), (2, 2));
            assert_eq!(now.task_definition, revision(1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_task_is_no_evidence() {
    nothing_is_asked(&Script::new().at(5, |w| stop(w, gone(1))));
}

#[test]
fn any_other_stop_ends_it_at_the_third_where_no_breaker_counts() {
    let script = Script::new()
        .at(0, no_breaker)
        .at(8, |w| stop(w, exited(&["a", "b"])))
        .at(14, |w| stop(w, exited(&["a", "b", "c"])));
    let (asks, ended) = asks(&goes_back(script, 16), rolling(), limits());
    assert_eq!(
        asks,
        ["14 asks for StopServiceDeployment: 3 tasks stopped in the same way: exit code 1."]
    );
    assert_eq!(ended.status, Status::RolledBack);
}

#[test]
fn a_breaker_that_counts_is_waited_for() {
    nothing_is_asked(
        &Script::new()
            .at(8, |w| stop(w, exited(&["a", "b"])))
            .at(14, |w| stop(w, exited(&["a", "b", "c", "d"]))),
    );
}

#[test]
fn a_breaker_that_misses_failures_is_not() {
    let script = Script::new()
        .at(8, |w| stop(w, exited(&["a", "b"])))
        .at(14, |w| {
            stop(w, exited(&["a", "b", "c"]));
            w.ours().failed_tasks = 1;
        });
    let (asks, _) = asks(&goes_back(script, 20), rolling(), limits());
    assert_eq!(asks.len(), 1, "{asks:?}");
    assert!(asks[0].starts_with("14 "), "{asks:?}");
}

fn serves_and_crashes(reset: Option<bool>) -> Script {
    Script::new()
        .at(0, move |w| {
            let configuration = &mut w.service().deployment_configuration;
            if let Some(breaker) = &mut configuration.circuit_breaker {
                breaker.reset_on_healthy_task = reset;
            }
        })
        .at(4, |w| {
            w.ours_run();
            w.ours_healthy();
        })
        .at(12, |w| {
            stop(w, exited(&["new1", "new2"]));
            let tasks = w.tasks.as_mut().expect("tasks");
            tasks.retain(|t| t.started_by.as_deref() == Some(OLD));
            tasks.push(task("new3", OURS, "10.0.0.5"));
            let targets = w.targets[0].as_mut().expect("targets");
            targets.push(target("10.0.0.5", "healthy"));
            w.ours().running_count = 1;
        })
        .at(20, |w| {
            stop(w, exited(&["new1", "new2", "new3"]));
            let tasks = w.tasks.as_mut().expect("tasks");
            tasks.retain(|t| t.started_by.as_deref() == Some(OLD));
            w.ours().running_count = 0;
        })
}

#[test]
fn tasks_that_had_been_healthy_are_not_counted_by_a_breaker_that_resets() {
    let script = goes_back(serves_and_crashes(None), 24);
    let (asks, ended) = asks(&script, rolling(), limits());
    assert_eq!(asks.len(), 1, "{asks:?}");
    assert!(asks[0].starts_with("20 "), "{asks:?}");
    assert_eq!(ended.status, Status::RolledBack);
    nothing_is_asked(&serves_and_crashes(Some(false)));
}

#[test]
fn spot_and_people_never_count() {
    let script = Script::new().at(0, no_breaker).at(8, |w| {
        let mut tasks = exited(&["a", "b", "c", "d"]);
        for task in &mut tasks {
            task.stop_code = Some("SpotInterruption".to_owned());
        }
        w.stopped_tasks = Ok(tasks);
    });
    nothing_is_asked(&script);
}

#[test]
fn off_is_off() {
    let limits = Limits {
        fail_fast: false,
        ..limits()
    };
    let (asks, ended) = asks(&image_gone(), rolling(), limits);
    assert_eq!((asks.len(), ended.status), (0, Status::TimedOut));
}

#[test]
fn keep_leaves_it_as_it_stands() {
    let limits = Limits {
        on_failure: OnFailure::Keep,
        ..limits()
    };
    let (asks, ended) = asks(&image_gone(), rolling(), limits);
    assert_eq!((asks.len(), ended.status), (0, Status::Failed));
    assert_eq!(ended.timings.ended, Duration::from_secs(12));
    assert!(
        said(&ended)
            .contains("`on-failure` is `keep`: ECS goes on trying with deployment `ecs-svc/2`"),
        "{}",
        said(&ended)
    );
    assert!(
        said(&ended).contains("stop-service-deployment --service-deployment-arn arn:sd/2"),
        "{}",
        said(&ended)
    );
    match &ended.serves_now {
        ServesNow::Revision(now) => assert_eq!(now.whose, Whose::Kept),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_denied_stop_goes_back_by_an_update() {
    let script = restored(image_gone().answers(denied()).answers(went_back(13)), 13);
    let (lines, ended) = script.run(rolling(), limits());
    let asked: Vec<&str> = lines
        .iter()
        .filter(|l| l.contains("Service"))
        .filter_map(|l| l.split_once(' ').map(|(_, said)| said))
        .filter(|l| l.contains("asks for") || l.contains("Denied"))
        .collect();
    assert_eq!(
        asked,
        [
            "asks for StopServiceDeployment: 2 tasks stopped because the image is not there.",
            "StopServiceDeployment: Denied(\"ecs:StopServiceDeployment\")",
            "asks for UpdateService: 2 tasks stopped because the image is not there.",
        ]
    );
    assert_eq!(ended.status, Status::RolledBack, "{lines:#?}");
    assert!(ended.timings.ended >= Duration::from_secs(33));
    match &ended.serves_now {
        ServesNow::Revision(now) => assert_eq!(now.whose, Whose::Back),
        other => panic!("{other:?}"),
    }
}

#[test]
fn going_back_that_fails_too_is_told() {
    let script = restored(image_gone().answers(denied()).answers(went_back(13)), 13).at(25, |w| {
        let back: &mut Deployment = &mut w.service().deployments[0];
        back.rollout_state = Some("FAILED".to_owned());
        back.rollout_state_reason = Some(Untrusted::from("tasks failed to start."));
    });
    let (_, ended) = asks(&script, rolling(), limits());
    assert_eq!(ended.status, Status::Failed);
    assert!(
        said(&ended).contains("Going back failed too: “tasks failed"),
        "{}",
        said(&ended)
    );
}

#[test]
fn a_conflict_while_ecs_goes_back_by_itself_asks_for_nothing_more() {
    let conflict = Acted::Refused {
        conflict: true,
        message: Untrusted::from("conflict"),
    };
    let script = goes_back(image_gone().answers(conflict), 12);
    let (asks, ended) = asks(&script, rolling(), limits());
    assert!(asks.len() <= 1, "{asks:?}");
    assert_eq!(ended.status, Status::RolledBack);
}

#[test]
fn without_an_answer_it_asks_three_times_and_then_otherwise() {
    let script = image_gone()
        .answers(Acted::Unanswered)
        .answers(Acted::Unanswered)
        .answers(Acted::Unanswered)
        .answers(went_back(13));
    let (asks, ended) = asks(&restored(script, 13), rolling(), limits());
    // The way back shows at 13 already: it is nobody else's, for it was not asked for yet.
    assert!(asks.len() <= 4, "{asks:?}");
    assert!(!ended.status.is_success());
}

#[test]
fn an_update_without_an_answer_is_recognised() {
    let script = image_gone().answers(denied()).answers(Acted::Unanswered);
    let (asks, ended) = asks(&restored(script, 14), rolling(), limits());
    assert_eq!(ended.status, Status::RolledBack, "{asks:?} {ended:?}");
}

#[test]
fn the_first_deployment_has_nothing_to_go_back_to() {
    let first = RolloutTarget::Deployment {
        ours: Ours {
            previous: None,
            ..ours()
        },
        service_deployment: None,
    };
    let script = image_gone().at(0, |w| {
        w.sd().source_service_revision_arns.clear();
        w.service().deployments.truncate(1);
        w.tasks = Ok(Vec::new());
    });
    let (asks, ended) = asks(&script, first, limits());
    assert_eq!((asks.len(), ended.status), (0, Status::Failed));
    assert!(
        said(&ended).contains("There is nothing to roll back to"),
        "{}",
        said(&ended)
    );
    assert_eq!(ended.serves_now, ServesNow::Nothing);
}

#[test]
fn an_action_is_asked_for_once_until_it_is_answered() {
    let script = image_gone();
    let mut rollout = Rollout::start(rolling(), limits());
    let mut asked: Vec<(u64, Action)> = Vec::new();
    for second in (0..40).step_by(2) {
        let elapsed = Duration::from_secs(second);
        if let Next::Act(action) = rollout
            .observe(script.look(&rollout, elapsed), elapsed)
            .next
        {
            asked.push((second, action));
        }
    }
    assert_eq!(asked.len(), 1, "{asked:?}");
    // Somebody else's answer changes nothing.
    let other = Action::RestoreTaskDefinition {
        task_definition: revision(1),
    };
    rollout.acted(&other, Acted::Done);
    rollout.acted(&asked[0].1, Acted::Unanswered);
    let elapsed = Duration::from_secs(41);
    let next = rollout
        .observe(script.look(&rollout, elapsed), elapsed)
        .next;
    assert_eq!(next, Next::Act(asked[0].1.clone()));
}

#[test]
fn the_limit_may_end_before_the_way_back_does() {
    let script = image_gone().at(14, |w| {
        w.sd().status = "ROLLBACK_IN_PROGRESS".to_owned();
    });
    let (_, ended) = asks(&script, rolling(), limits());
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(ended.timings.ended, limits().wait_for);
    assert!(
        said(&ended).contains("the rollback goes on"),
        "{}",
        said(&ended)
    );
}

#[test]
fn it_never_fires_where_ecs_cannot_be_seen_to_work_on_it() {
    let script = image_gone().at(10, |w| w.deployment = Err(Unseen::Throttled));
    let (asks, _) = asks(&script, rolling(), limits());
    assert_eq!(asks, Vec::<String>::new());
}

#[test]
fn a_newer_deployment_takes_over_from_one_that_is_failing() {
    let script = image_gone().answers(Acted::Unanswered).at(13, |w| {
        w.sd().status = "STOPPED".to_owned();
        w.ours().status = "ACTIVE".to_owned();
        let newer = deployment("ecs-svc/9", "PRIMARY", 9, 0, 13);
        w.service().deployments.insert(0, newer);
    });
    let (asks, ended) = asks(&script, rolling(), limits());
    assert_eq!(asks.len(), 1, "{asks:?}");
    assert_eq!(ended.status, Status::Superseded);
}
