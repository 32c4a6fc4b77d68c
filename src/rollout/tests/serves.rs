//! Rollouts that end well, and what they wait for.

use std::time::Duration;

use super::script::*;
use crate::model::service::{Alarms, CircuitBreaker};
use crate::model::verdict::Status;
use crate::rollout::serving::satisfied;
use crate::rollout::{Limits, Unmet, Unseen, WaitUntil};

pub fn good() -> Script {
    Script::new()
        .at(7, |w| w.ours_run())
        .at(15, |w| w.ours_healthy())
        .at(20, |w| w.old_drains())
}

#[test]
fn serving_through_the_window_while_the_old_drain() {
    check(
        &good(),
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 2/2 healthy []
        16 2 others answer
        20 0 others answer
        20 window of 15 s begins
        35 = serving 0 (2/2, web:2 serves)
        ",
    );
}

#[test]
fn stable_for_zero_is_one_look() {
    let limits = Limits {
        stable_for: Some(Duration::ZERO),
        ..limits()
    };
    check(
        &good(),
        rolling(),
        limits,
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 2/2 healthy []
        16 2 others answer
        20 0 others answer
        20 = serving 0 (2/2, web:2 serves)
        ",
    );
}

#[test]
fn old_targets_that_answer_are_not_yet_serving() {
    let script = Script::new()
        .at(2, |w| w.ours_run())
        .at(4, |w| w.ours_healthy());
    let ended = check(
        &script,
        rolling(),
        Limits {
            wait_for: Duration::from_secs(31),
            ..limits()
        },
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        2 2/2 running, 0 pending, 0 failed
        2 0/2 healthy [initial initial]
        6 2/2 healthy []
        6 2 others answer
        31 = timed-out 3 (2/2, web:2 serves)
          The limit of 31 s ran out; ECS is still working on it.
          2 targets of another revision still answer in target group web.
        ",
    );
    assert_eq!(
        ended.unmet,
        [Unmet::OthersAnswer {
            target_group: "web".to_owned(),
            targets: 2
        }]
    );
}

#[test]
fn healthy_and_then_crashing_is_no_success() {
    let script = good().at(27, |w| {
        w.ours().running_count = 1;
        w.ours().failed_tasks = 1;
        w.tasks.as_mut().unwrap().pop();
        w.targets[0].as_mut().unwrap()[3].state = "draining".to_owned();
        w.stopped_tasks = Ok(vec![stopped(
            "new2",
            "EssentialContainerExited",
            "Essential container in task exited",
            Some(1),
        )]);
    });
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
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 2/2 healthy []
        16 2 others answer
        20 0 others answer
        20 window of 15 s begins
        28 1/2 running, 0 pending, 1 failed
        28 task new2 stopped, EssentialContainerExited (a failure)
        28 1/2 healthy []
        28 window broken: 1 of 2 tasks run.
        60 = timed-out 3 (1/2, web:2 serves)
          The limit of 1 min ran out; ECS is still working on it.
          1 of 2 tasks run.
          Task new2 stopped (EssentialContainerExited): “Essential container in task exited”
          Container web: exit code 1
        ",
    );
}

/// All that are desired stay healthy, and another of ours fails beside them.
#[test]
fn a_task_that_fails_within_the_window_begins_it_anew() {
    let script = Script::new()
        .at(8, |w| w.ours_run())
        .at(16, |w| {
            w.ours_healthy();
            w.old_drains();
        })
        .at(26, |w| w.ours().failed_tasks = 1);
    let (lines, ended) = script.run(rolling(), limits());
    let broken = |l: &&String| l.contains("window broken: A task failed");
    assert_eq!(lines.iter().filter(broken).count(), 1, "{lines:#?}");
    assert_eq!(ended.status, Status::Serving);
    assert!(ended.timings.ended >= Duration::from_secs(41), "{lines:#?}");
}

#[test]
fn a_task_replaced_within_the_window_begins_it_anew() {
    let script = good().at(26, |w| {
        w.tasks.as_mut().unwrap()[1] = task("new3", OURS, "10.0.0.5");
        w.targets[0].as_mut().unwrap()[3] = target("10.0.0.5", "healthy");
    });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 2/2 healthy []
        16 2 others answer
        20 0 others answer
        20 window of 15 s begins
        28 window broken: A task failed or was replaced.
        28 window of 15 s begins
        43 = serving 0 (2/2, web:2 serves)
        ",
    );
}

#[test]
fn desired_count_moved_by_autoscaling_is_followed() {
    let script = good()
        .at(24, |w| {
            w.service().desired_count = 3;
            w.ours().desired_count = 3;
        })
        .at(30, |w| {
            w.ours().running_count = 3;
            w.tasks
                .as_mut()
                .unwrap()
                .push(task("new3", OURS, "10.0.0.5"));
            w.targets[0]
                .as_mut()
                .unwrap()
                .push(target("10.0.0.5", "healthy"));
        });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 2/2 healthy []
        16 2 others answer
        20 0 others answer
        20 window of 15 s begins
        24 2/3 running, 0 pending, 0 failed
        24 desired count 2 → 3
        24 2/3 healthy []
        24 window broken: 2 of 3 tasks run.
        30 3/3 running, 0 pending, 0 failed
        32 3/3 healthy []
        32 window of 15 s begins
        47 = serving 0 (3/3, web:2 serves)
        ",
    );
}

#[test]
fn container_health_counts_where_there_is_a_check() {
    let mut target = rolling();
    target.ours_mut().health_checked = vec!["web".to_owned()];
    let script = good().at(30, |w| {
        for task in w.tasks.as_mut().unwrap() {
            task.health_status = Some("HEALTHY".to_owned());
            task.containers[0].health_status = Some("HEALTHY".to_owned());
        }
    });
    check(
        &script,
        target,
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 0/2 healthy []
        32 2/2 healthy []
        32 window of 15 s begins
        47 = serving 0 (2/2, web:2 serves)
        ",
    );
}

#[test]
fn without_a_load_balancer_forty_seconds() {
    let mut target = rolling();
    target.ours_mut().target_groups.clear();
    let script = Script::new().at(4, |w| w.ours_run());
    check(
        &script,
        target,
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        4 2/2 running, 0 pending, 0 failed
        4 2/2 healthy []
        4 window of 40 s begins
        44 = serving 0 (2/2, web:2 serves)
        ",
    );
}

#[test]
fn alarms_wait_for_ecs_to_say_successful() {
    let script = Script::new()
        .at(0, |w| {
            w.service().deployment_configuration.alarms = Some(Alarms {
                enable: true,
                rollback: true,
                names: vec!["5xx".to_owned()],
            });
        })
        .at(7, |w| w.ours_run())
        .at(15, |w| w.ours_healthy())
        .at(20, |w| w.old_drains())
        .at(80, |w| w.old_gone());
    check(
        &script,
        rolling(),
        limits(),
        "
        0 DeployedInstead { because: Alarms([\"5xx\"]) }
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 2/2 healthy []
        16 2 others answer
        80 SUCCESSFUL
        80 0 others answer
        80 = deployed 0 (2/2, web:2 serves)
          ECS calls it SUCCESSFUL, and its tasks are healthy.
        ",
    );
}

#[test]
fn a_breaker_that_does_not_reset_waits_for_ecs() {
    let script = good()
        .at(0, |w| {
            w.service().deployment_configuration.circuit_breaker = Some(CircuitBreaker {
                enable: true,
                rollback: true,
                reset_on_healthy_task: Some(false),
            });
        })
        .at(40, |w| w.old_gone());
    check(
        &script,
        rolling(),
        limits(),
        "
        0 DeployedInstead { because: BreakerDoesNotReset }
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 2/2 healthy []
        16 2 others answer
        40 SUCCESSFUL
        40 0 others answer
        40 = deployed 0 (2/2, web:2 serves)
          ECS calls it SUCCESSFUL, and its tasks are healthy.
        ",
    );
}

#[test]
fn desired_zero_is_deployed_when_nothing_runs() {
    let script = Script::new()
        .at(0, |w| {
            w.service().desired_count = 0;
            w.ours().desired_count = 0;
        })
        .at(11, |w| {
            w.old_drains();
            w.old_gone();
        });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/0 running, 0 pending, 0 failed
        12 SUCCESSFUL
        12 = deployed 0 (0/0, nothing serves)
          The desired count is 0: nothing serves.
        ",
    );
}

#[test]
fn a_stage_is_reached_when_a_later_one_is() {
    let script = Script::new()
        .at(0, |w| {
            w.service().deployment_configuration.strategy = "BLUE_GREEN".to_owned();
            w.sd().lifecycle_stage = Some("SCALE_UP".to_owned());
        })
        .at(11, |w| {
            w.sd().lifecycle_stage = Some("PRODUCTION_TRAFFIC_SHIFT".to_owned())
        });
    check(
        &script,
        rolling(),
        Limits {
            wait_until: WaitUntil::Stage("TEST_TRAFFIC_SHIFT".to_owned()),
            ..limits()
        },
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 Stage { stage: \"SCALE_UP\" }
        0 0/2 running, 0 pending, 0 failed
        12 Stage { stage: \"PRODUCTION_TRAFFIC_SHIFT\" }
        12 = started 0 (0/2, web:1 serves)
          Stage TEST_TRAFFIC_SHIFT was reached.
        ",
    );
}

#[test]
fn one_look_can_be_satisfied() {
    let mut world = good()
        .at(30, |w| w.old_gone())
        .world(Duration::from_secs(30));
    assert_eq!(satisfied(&world, &rolling()), Ok(()));
    world.deployment = Err(Unseen::Skipped);
    assert_eq!(satisfied(&world, &rolling()), Ok(()));
    world.targets = vec![Err(Unseen::Throttled)];
    assert_eq!(
        satisfied(&world, &rolling()),
        Err(vec![Unmet::NotSeen {
            part: "target health",
            why: Unseen::Throttled
        }])
    );
    let fresh = after_update();
    assert_eq!(
        satisfied(&fresh, &rolling()),
        Err(vec![
            Unmet::Running { running: 0, of: 2 },
            Unmet::OthersAnswer {
                target_group: "web".to_owned(),
                targets: 2
            }
        ])
    );
}
