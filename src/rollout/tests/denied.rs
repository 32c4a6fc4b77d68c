//! Parts of the world that may not be read are done without, and that is said.

use super::script::*;
use super::serves::good;
use crate::rollout::{Limits, Unseen, WaitUntil};

#[test]
fn target_health_denied_is_deployed_and_said() {
    let script = good().at(40, |w| w.old_gone()).at(0, |w| {
        w.targets = vec![Err(Unseen::Denied(
            "elasticloadbalancing:DescribeTargetHealth".to_owned(),
        ))];
    });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 DeployedInstead { because: TargetHealthDenied { permission: \"elasticloadbalancing:DescribeTargetHealth\" } }
        8 2/2 running, 0 pending, 0 failed
        8 2/2 healthy []
        40 SUCCESSFUL
        40 = deployed 0 (2/2, web:2 serves)
          ECS calls it SUCCESSFUL, and its tasks are healthy.
        ",
    );
}

#[test]
fn tasks_denied_is_deployed_by_their_number() {
    let script = good().at(40, |w| w.old_gone()).at(0, |w| {
        w.tasks = Err(Unseen::Denied("ecs:ListTasks".to_owned()));
        w.stopped_tasks = Err(Unseen::Denied("ecs:ListTasks".to_owned()));
    });
    check(
        &script,
        rolling(),
        limits(),
        "
        0 DeployedInstead { because: TasksDenied { permission: \"ecs:ListTasks\" } }
        0 found arn:sd/2
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 2/2 healthy []
        40 SUCCESSFUL
        40 = deployed 0 (2/2, web:2 serves)
          ECS calls it SUCCESSFUL, and its tasks are healthy.
        ",
    );
}

#[test]
fn service_deployments_denied_falls_back_and_says_so_once() {
    let script = good().at(0, |w| {
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
fn no_service_deployments_at_all_is_deployed_by_rollout_state() {
    let script = good()
        .at(50, |w| w.old_gone())
        .at(0, |w| w.deployment = Err(Unseen::Absent));
    check(
        &script,
        rolling(),
        Limits {
            wait_until: WaitUntil::Deployed,
            ..limits()
        },
        "
        0 IN_PROGRESS
        0 0/2 running, 0 pending, 0 failed
        8 2/2 running, 0 pending, 0 failed
        8 0/2 healthy [initial initial]
        16 2/2 healthy []
        16 2 others answer
        30 NoServiceDeployments { permission: None }
        50 COMPLETED
        50 0 others answer
        50 = deployed 0 (2/2, web:2 serves)
          ECS calls it COMPLETED, and its tasks are healthy.
        ",
    );
}
