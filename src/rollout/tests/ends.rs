//! Rollouts that end otherwise: rolled back, stopped, superseded, vanished, timed out.

use std::time::Duration;

use super::script::*;
use crate::model::Untrusted;
use crate::model::service::{CircuitBreakerProgress, Rollback};
use crate::rollout::{Limits, Next, Observation, Rollout, RolloutTarget, Unseen, WaitUntil};

fn crash(w: &mut Observation, n: u32) {
    w.ours().failed_tasks = n;
    w.stopped_tasks = Ok((0..n)
        .map(|n| {
            stopped(
                &format!("new{n}"),
                "EssentialContainerExited",
                "Essential container in task exited",
                Some(1),
            )
        })
        .collect());
}

fn rolls_back(w: &mut Observation) {
    w.sd().status = "ROLLBACK_IN_PROGRESS".to_owned();
    w.sd().rollback = Some(Rollback {
        reason: Some(Untrusted::from(
            "Service deployment rolled back because of circuit breaker",
        )),
        service_revision_arn: None,
    });
    let deployments = &mut w.service().deployments;
    deployments[0].status = "ACTIVE".to_owned();
    deployments[0].rollout_state = Some("FAILED".to_owned());
    deployments[1].status = "PRIMARY".to_owned();
    w.service().events.insert(
        0,
        event(
            "e2",
            20,
            "(service web) rolling back to (deployment ecs-svc/1).",
        ),
    );
    w.service().events.insert(
        1,
        event(
            "e1",
            20,
            "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.",
        ),
    );
}

fn rolled_back(w: &mut Observation) {
    w.sd().status = "ROLLBACK_SUCCESSFUL".to_owned();
    w.service().deployments.remove(0);
}

fn broken() -> Script {
    Script::new()
        .at(5, |w| crash(w, 1))
        .at(12, |w| crash(w, 3))
        .at(20, rolls_back)
        .at(30, rolled_back)
}

#[test]
fn rolled_back_is_not_green() {
    check(
        &broken(),
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        6 0/2 running, 0 pending, 1 failed
        6 task new0 stopped, EssentialContainerExited (a failure)
        12 0/2 running, 0 pending, 3 failed
        12 task new1 stopped, EssentialContainerExited (a failure)
        12 task new2 stopped, EssentialContainerExited (a failure)
        20 ROLLBACK_IN_PROGRESS “Service deployment rolled back because of circuit breaker”
        20 event “(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.”
        20 event “(service web) rolling back to (deployment ecs-svc/1).”
        20 doomed: “Service deployment rolled back because of circuit breaker” (ROLLBACK_IN_PROGRESS)
        30 ROLLBACK_SUCCESSFUL “Service deployment rolled back because of circuit breaker”
        30 = rolled-back 1 (0/2, web:1 serves)
          “circuit breaker” (ROLLBACK_SUCCESSFUL)
          Task new2 stopped (EssentialContainerExited): “Essential container in task exited”
          Container web: exit code 1
          Last event: “(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.”
        ",
    );
}

#[test]
fn rolled_back_without_service_deployments() {
    let script = broken().at(0, |w| {
        w.deployment = Err(Unseen::Denied("ecs:ListServiceDeployments".to_owned()));
    });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 NoServiceDeployments { permission: Some(\"ecs:ListServiceDeployments\") }
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        6 0/2 running, 0 pending, 1 failed
        6 task new0 stopped, EssentialContainerExited (a failure)
        12 0/2 running, 0 pending, 3 failed
        12 task new1 stopped, EssentialContainerExited (a failure)
        12 task new2 stopped, EssentialContainerExited (a failure)
        20 FAILED
        20 event “(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.”
        20 event “(service web) rolling back to (deployment ecs-svc/1).”
        20 = rolled-back 1 (0/2, web:1 serves)
          rolloutState FAILED, and ECS gives no reason.
          Task new2 stopped (EssentialContainerExited): “Essential container in task exited”
          Container web: exit code 1
          Last event: “(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.”
        ",
    );
}

/// A rollback may come as a new deployment, younger than ours.
#[test]
fn a_rollback_is_not_taken_for_a_newer_deployment() {
    let script = Script::new()
        .at(12, |w| crash(w, 3))
        .at(20, |w| {
            w.ours().status = "ACTIVE".to_owned();
            w.service()
                .deployments
                .push(deployment("ecs-svc/3", "PRIMARY", 1, 2, 20));
            w.service().events = vec![event(
                "e1",
                20,
                "(service web) rolling back to (deployment ecs-svc/3).",
            )];
        })
        .at(40, |w| {
            w.service().deployments[2].rollout_state = Some("COMPLETED".to_owned());
            w.service().deployments.remove(0);
        })
        .at(0, |w| w.deployment = Err(Unseen::Absent));
    check(
        &script,
        rolling(),
        limits(),
        "
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        12 0/2 running, 0 pending, 3 failed
        12 task new0 stopped, EssentialContainerExited (a failure)
        12 task new1 stopped, EssentialContainerExited (a failure)
        12 task new2 stopped, EssentialContainerExited (a failure)
        20 event “(service web) rolling back to (deployment ecs-svc/3).”
        20 doomed: ECS says: “(service web) rolling back to (deployment ecs-svc/3).”
        30 NoServiceDeployments { permission: None }
        40 = rolled-back 1 (0/2, web:1 serves)
          ECS says: “(service web) rolling back to (deployment ecs-svc/3).”
          Task new2 stopped (EssentialContainerExited): “Essential container in task exited”
          Container web: exit code 1
          Last event: “(service web) rolling back to (deployment ecs-svc/3).”
        ",
    );
}

#[test]
fn a_breaker_without_rollback_ends_stopped() {
    let script = Script::new().at(5, |w| crash(w, 1)).at(14, |w| {
        w.sd().status = "STOPPED".to_owned();
        w.sd().status_reason = Some(Untrusted::from("tasks failed to start"));
        w.sd().circuit_breaker = Some(CircuitBreakerProgress {
            status: "TRIGGERED".to_owned(),
            failure_count: 3,
            threshold: 3,
        });
        w.ours().rollout_state = Some("FAILED".to_owned());
    });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        6 0/2 running, 0 pending, 1 failed
        6 task new0 stopped, EssentialContainerExited (a failure)
        14 STOPPED “tasks failed to start”
        14 = failed 1 (0/2, web:1 serves)
          “tasks failed to start” (STOPPED)
          Task new0 stopped (EssentialContainerExited): “Essential container in task exited”
          Container web: exit code 1
        ",
    );
}

#[test]
fn stopped_by_somebody_is_said_once_nothing_newer_shows() {
    let script = Script::new().at(9, |w| {
        w.sd().status = "STOPPED".to_owned();
    });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        10 STOPPED
        16 = failed 1 (0/2, web:1 serves)
          STOPPED, and ECS gives no reason.
        ",
    );
}

#[test]
fn ours_missing_at_first_is_no_verdict() {
    let script = Script::new()
        .at(0, |w| {
            w.service().deployments.remove(0);
            w.service().deployments[0].status = "PRIMARY".to_owned();
            w.deployment = Err(Unseen::Absent);
        })
        .at(12, |w| {
            *w = after_update();
            w.ours_run();
            w.ours_healthy();
            w.old_drains();
        });
    check(
        &script,
        rolling(),
        limits(),
        "
        12 found arn:sd/2
        12 IN_PROGRESS
        12 2/2 running, 0 pending, 0 failed
        12 2/2 healthy []
        12 window of 15 s begins
        27 = serving 0 (2/2, web:2 serves)
        ",
    );
}

#[test]
fn vanished_without_evidence_is_unknown() {
    let script = Script::new().at(12, |w| {
        w.service().deployments.remove(0);
        w.service().deployments[0].status = "PRIMARY".to_owned();
        w.deployment = Err(Unseen::Absent);
    });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        42 NoServiceDeployments { permission: None }
        42 = unknown 1 (0/2, web:1 serves)
          Deployment ecs-svc/2 is no longer among the service's deployments, and nothing says why.
        ",
    );
}

#[test]
fn timed_out_exactly_and_says_what_is_unmet() {
    let script = Script::new().at(7, |w| {
        w.ours_run();
        w.targets[0].as_mut().unwrap()[3] = target("10.0.0.4", "unhealthy");
    });
    let ended = check(
        &script,
        rolling(),
        Limits {
            wait_for: Duration::from_millis(33_300),
            ..limits()
        },
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial unhealthy]
        33.3 = timed-out 3 (0/2, web:1 serves)
          The limit of 33 s ran out; ECS is still working on it.
          0 of 2 targets are healthy in target group web (one is unhealthy: Target.FailedHealthChecks).
          2 targets of another revision still answer in target group web.
        ",
    );
    assert_eq!(ended.timings.ended, Duration::from_millis(33_300));
}

/// Doomed at the deadline is failed, though ECS is still at it.
#[test]
fn a_rollback_that_outlasts_the_limit_has_failed() {
    let script = Script::new().at(20, rolls_back);
    let (lines, ended) = script.run(
        rolling(),
        Limits {
            wait_for: Duration::from_secs(25),
            ..limits()
        },
    );
    assert_eq!(
        (ended.status.word(), ended.exit_code),
        ("failed", 1),
        "{lines:#?}"
    );
}

#[test]
fn nothing_to_roll_back_to_is_told_apart() {
    let script = Script::new()
        .at(0, |w| w.sd().source_service_revision_arns.clear())
        .at(14, |w| {
            w.sd().circuit_breaker = Some(CircuitBreakerProgress {
                status: "TRIGGERED".to_owned(),
                failure_count: 3,
                threshold: 3,
            });
            w.service().deployments.truncate(1);
        });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        44 = failed 1 (0/2, nothing serves)
          Circuit breaker TRIGGERED, and ECS gives no reason.
          There is nothing to roll back to: ECS launches nothing more.
        ",
    );
}

#[test]
fn a_status_that_aws_added_since_is_told_once_and_never_success() {
    let script = Script::new()
        .at(0, |w| {
            w.ours_run();
            w.ours_healthy();
            w.old_drains();
        })
        .at(4, |w| w.sd().status = "REBALANCING".to_owned());
    check(
        &script,
        rolling(),
        Limits {
            wait_for: Duration::from_secs(60),
            ..limits()
        },
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 2/2 running, 0 pending, 0 failed
        0 2/2 healthy []
        0 window of 15 s begins
        4 UnknownValue { member: \"serviceDeployments[].status\", value: \"REBALANCING\" }
        4 REBALANCING
        4 window broken: The deployment is REBALANCING.
        60 = timed-out 3 (2/2, web:2 serves)
          The limit of 1 min ran out; ECS is still working on it.
          The deployment is REBALANCING.
        ",
    );
}

#[test]
fn a_deleted_service_ends_it() {
    let script = Script::new().at(5, |w| w.service().status = "DRAINING".to_owned());
    let (_, ended) = script.run(rolling(), limits());
    assert_eq!(
        (ended.status.word(), ended.timings.ended.as_secs()),
        ("failed", 6)
    );
}

#[test]
fn throttled_looks_back_off_and_recover() {
    let mut rollout = Rollout::start(rolling(), limits());
    let mut elapsed = Duration::ZERO;
    let mut afters = Vec::new();
    for n in 0..9 {
        let mut seen = after_update();
        if (1..5).contains(&n) {
            seen.service = Err(Unseen::Throttled);
        }
        match rollout.observe(seen, elapsed).next {
            Next::LookAgain { after, .. } => {
                afters.push(after.as_secs());
                elapsed += after;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(afters, [2, 4, 8, 16, 20, 16, 8, 4, 2]);
}

#[test]
fn old_answers_are_dropped() {
    let script = Script::new().at(20, rolls_back);
    let mut rollout = Rollout::start(rolling(), limits());
    rollout.observe(
        script.world(Duration::from_secs(20)),
        Duration::from_secs(20),
    );
    let step = rollout.observe(
        script.world(Duration::from_secs(10)),
        Duration::from_secs(22),
    );
    assert_eq!(step.news, []);
}

#[test]
fn events_and_stops_of_before_the_update_are_not_told() {
    let script = Script::new().at(0, |w| {
        w.service().events = vec![
            event("new", 1, "(service web) has started 2 tasks."),
            event("old", -60, "(service web) has reached a steady state."),
        ];
    });
    let (lines, _) = script.run(
        rolling(),
        Limits {
            wait_for: Duration::from_secs(3),
            ..limits()
        },
    );
    let events: Vec<_> = lines.iter().filter(|l| l.contains("event")).collect();
    assert_eq!(
        events,
        [
            "0 event “(service web) has started 2 tasks.”",
            "  Last event: “(service web) has started 2 tasks.”"
        ]
        .iter()
        .collect::<Vec<_>>()
    );
}

#[test]
fn not_waited_for_is_started_at_once() {
    let limits = Limits {
        wait_until: WaitUntil::None,
        ..limits()
    };
    let (_, ended) = Script::new().run(rolling(), limits);
    assert_eq!((ended.status.word(), ended.exit_code), ("started", 0));
}

#[test]
fn cancelled_says_what_ecs_goes_on_with() {
    let mut rollout = Rollout::start(rolling(), limits());
    rollout.observe(after_update(), Duration::ZERO);
    let ended = rollout.cancelled(Duration::from_secs(3));
    assert_eq!(ended.exit_code, 130);
    assert_eq!(
        flat(&ended.reasons[0]),
        "ECS goes on with deployment ecs-svc/2 of web:2."
    );
    assert_eq!(ended.service_deployment_arn.as_deref(), Some("arn:sd/2"));
    assert!(matches!(rollout.target(), RolloutTarget::Deployment { .. }));
}
