//! A newer deployment takes over: given way to, or followed.

use std::time::Duration;

use super::script::*;
use crate::model::service::CircuitBreakerProgress;
use crate::model::verdict::Status;
use crate::rollout::{Limits, Next, OnSuperseded, Rollout};

fn overtaken(n: u32) -> Script {
    Script::new()
        .at(9, |w| {
            w.sd().status = "STOPPED".to_owned();
        })
        .at(11, move |w| {
            w.ours().status = "ACTIVE".to_owned();
            w.service()
                .deployments
                .push(deployment("ecs-svc/3", "PRIMARY", n, 0, 9));
        })
}

/// The newer deployment is read two seconds after ours is STOPPED.
#[test]
fn superseded_is_neither_stopped_nor_a_rollback() {
    check(
        &overtaken(3),
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        10 STOPPED
        12 newer ecs-svc/3 of web:3
        12 = superseded 0 (0/2, web:1 serves)
          A newer deployment took over: ecs-svc/3 of web:3.
        ",
    );
    let (_, ended) = overtaken(3).run(
        rolling(),
        Limits {
            on_superseded: OnSuperseded::Fail,
            ..limits()
        },
    );
    assert_eq!(ended.exit_code, 1);
}

/// ECS still says that ours goes on, and its tasks are healthy to the end of the window.
#[test]
fn what_is_not_primary_any_more_does_not_serve() {
    let script = Script::new()
        .at(8, |w| w.ours_run())
        .at(16, |w| {
            w.ours_healthy();
            w.old_drains();
        })
        .at(30, |w| {
            w.ours().status = "ACTIVE".to_owned();
            w.service()
                .deployments
                .push(deployment("ecs-svc/3", "PRIMARY", 3, 0, 30));
        });
    let (lines, ended) = script.run(rolling(), limits());
    assert_eq!(ended.status, Status::Superseded, "{lines:#?}");
}

#[test]
fn a_newer_deployment_of_the_same_revision_is_followed() {
    let script = overtaken(2)
        .at(20, |w| {
            let third = w.service().deployments.len() - 1;
            w.service().deployments[third].running_count = 2;
            let tasks = w.tasks.as_mut().unwrap();
            tasks.clear();
            tasks.push(task("third1", "ecs-svc/3", "10.0.0.6"));
            tasks.push(task("third2", "ecs-svc/3", "10.0.0.7"));
            w.targets = vec![Ok(vec![
                target("10.0.0.6", "healthy"),
                target("10.0.0.7", "healthy"),
            ])];
        })
        .at(13, |w| {
            w.sd().arn = "arn:sd/3".to_owned();
            w.sd().status = "IN_PROGRESS".to_owned();
        });
    let ended = check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        10 STOPPED
        12 newer ecs-svc/3 of web:2
        12 adopted ecs-svc/3 after ecs-svc/2
        14 found arn:sd/3
        14 IN_PROGRESS
        14 0/2 running, 0 pending, 0 failed
        20 2/2 running, 0 pending, 0 failed
        20 2/2 healthy []
        20 window of 15 s begins
        35 = serving 0 (2/2, web:2 serves)
        ",
    );
    assert_eq!(ended.deployment_id, "ecs-svc/3");
    assert_eq!(ended.service_deployment_arn.as_deref(), Some("arn:sd/3"));
}

/// After a long back-off both are seen at once: STOPPED for long enough, and the newer PRIMARY.
#[test]
fn superseded_is_asked_before_stopped() {
    let script = overtaken(3);
    let mut rollout = Rollout::start(rolling(), limits());
    rollout.observe(
        script.world(Duration::from_secs(10)),
        Duration::from_secs(10),
    );
    let step = rollout.observe(
        script.world(Duration::from_secs(30)),
        Duration::from_secs(30),
    );
    let Next::Done(ended) = step.next else {
        panic!("{step:?}")
    };
    assert_eq!(ended.status, Status::Superseded);
}

/// A deploy into a rollback, or after the breaker went off: ours had failed before.
#[test]
fn what_failed_is_not_superseded() {
    let rolling_back = overtaken(3).at(6, |w| w.sd().status = "ROLLBACK_IN_PROGRESS".to_owned());
    let breaker = overtaken(3).at(11, |w| {
        w.sd().circuit_breaker = Some(CircuitBreakerProgress {
            status: "TRIGGERED".to_owned(),
            failure_count: 3,
            threshold: 3,
        });
    });
    for script in [
        rolling_back.at(9, |w| w.sd().status = "STOPPED".to_owned()),
        breaker,
    ] {
        let (lines, ended) = script.run(rolling(), limits());
        assert_eq!(ended.status, Status::Failed, "{lines:#?}");
    }
}
