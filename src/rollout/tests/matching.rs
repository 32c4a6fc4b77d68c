//! Which targets are ours: by address and port, by host port, in every group.

use std::time::Duration;

use super::script::*;
use crate::rollout::serving::satisfied;
use crate::rollout::{Observation, RolloutTarget, Unmet};

/// Ours alone answer.
fn served() -> Observation {
    Script::new()
        .at(1, |w| {
            w.ours_run();
            w.ours_healthy();
            w.old_drains();
        })
        .world(Duration::from_secs(1))
}

fn targets(world: &mut Observation) -> &mut Vec<crate::model::target::TargetHealth> {
    world.targets[0].as_mut().unwrap()
}

fn others(targets: u32) -> Unmet {
    Unmet::OthersAnswer {
        target_group: "web".to_owned(),
        targets,
    }
}

fn healthy(healthy: u32) -> Unmet {
    Unmet::TargetHealth {
        target_group: "web".to_owned(),
        healthy,
        of: 2,
        example: None,
    }
}

#[test]
fn draining_is_fine_and_initial_is_not() {
    let mut world = served();
    assert_eq!(satisfied(&world, &rolling()), Ok(()));
    targets(&mut world)[0].state = "initial".to_owned();
    assert_eq!(satisfied(&world, &rolling()), Err(vec![others(1)]));
}

#[test]
fn the_same_address_at_another_port_is_not_ours() {
    let mut world = served();
    targets(&mut world)[2].port = Some(8080);
    assert_eq!(
        satisfied(&world, &rolling()),
        Err(vec![healthy(1), others(1)])
    );
}

#[test]
fn ipv6_in_another_spelling_is_ours() {
    let mut world = served();
    world.tasks.as_mut().unwrap()[0].addresses = vec!["2001:db8::1".to_owned()];
    targets(&mut world)[2].target = "2001:0db8:0:0:0:0:0:1".to_owned();
    assert_eq!(satisfied(&world, &rolling()), Ok(()));
}

#[test]
fn every_group_counts() {
    let mut target = rolling();
    let mut second = balanced();
    second.group.name = "internal".to_owned();
    target.ours_mut().target_groups.push(second);
    let mut world = served();
    let mut there = world.targets[0].clone();
    there.as_mut().unwrap().pop();
    world.targets.push(there);
    assert_eq!(
        satisfied(&world, &target),
        Err(vec![Unmet::TargetHealth {
            target_group: "internal".to_owned(),
            healthy: 1,
            of: 2,
            example: None,
        }])
    );
}

fn on_instances() -> (RolloutTarget, Observation) {
    let mut target = rolling();
    target.ours_mut().target_groups[0].group.target_type = "instance".to_owned();
    let mut world = served();
    for (n, task) in world.tasks.as_mut().unwrap().iter_mut().enumerate() {
        task.addresses.clear();
        task.containers[0].bindings = vec![(80, 32768 + u16::try_from(n).unwrap())];
    }
    for (n, target) in targets(&mut world)[2..].iter_mut().enumerate() {
        target.target = "i-1".to_owned();
        target.port = Some(32768 + u16::try_from(n).unwrap());
    }
    (target, world)
}

#[test]
fn instances_are_matched_by_host_port() {
    let (target, mut world) = on_instances();
    assert_eq!(satisfied(&world, &target), Ok(()));
    targets(&mut world)[3].port = Some(40000);
    assert_eq!(satisfied(&world, &target), Err(vec![healthy(1), others(1)]));
}

/// With the same fixed host port old and new cannot be told apart: no old one may run.
#[test]
fn on_instances_no_old_task_may_run() {
    let (target, mut world) = on_instances();
    world.service().deployments[1].running_count = 1;
    assert_eq!(satisfied(&world, &target), Err(vec![others(1)]));
}

/// By task definition only where `startedBy` names no deployment.
#[test]
fn tasks_are_ours_by_started_by() {
    let mut world = served();
    let tasks = world.tasks.as_mut().unwrap();
    tasks[0].started_by = Some("ecs-svc/9".to_owned());
    tasks[1].started_by = None;
    assert_eq!(
        satisfied(&world, &rolling()),
        Err(vec![Unmet::Running { running: 1, of: 2 }, others(1)])
    );
}

/// Should UpdateService's answer still show the earlier deployment as PRIMARY, that one's tasks must not pass for ours.
#[test]
fn tasks_of_another_revision_are_never_ours() {
    let mut world = served();
    world.tasks.as_mut().unwrap()[0].task_definition = revision(1);
    assert_eq!(
        satisfied(&world, &rolling()),
        Err(vec![Unmet::Running { running: 1, of: 2 }, others(1)])
    );
}
