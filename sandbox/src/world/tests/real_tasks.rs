//! The world with real tasks: it moves by what a runtime saw.

use std::net::SocketAddr;

use serde_json::json;

use super::Story;
use crate::seed_world::{Parameters, seed_world};
use crate::services::elbv2::target_health::checks_due;
use crate::world::{Effect, Fact};

#[test]
fn real_tasks_move_by_what_a_runtime_saw() {
    let start = std::time::UNIX_EPOCH + std::time::Duration::from_secs(super::START);
    let file = seed_world(Parameters {
        real_tasks: true,
        ..Parameters::default()
    });
    let mut s = Story {
        world: file.build(start).unwrap(),
        start,
    };
    s.to(1.0);
    let effects: Vec<Effect> = s.world.effects.drain(..).collect();
    let [Effect::StartTask(task)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(task.containers[0].container_ports, [80]);
    let (group, stream) = task.containers[0].log_stream.clone().unwrap();
    assert_eq!(
        (group.as_str(), stream.starts_with("ecs/nginx/")),
        ("/ecs/nginx-test", true)
    );
    let here: SocketAddr = "127.0.0.1:40001".parse().unwrap();
    s.world.learn(Fact::TaskRunning {
        task_arn: task.task_arn.clone(),
        reachable: vec![(80, here)],
        image_digests: vec![("nginx".to_owned(), "sha256:0123".to_owned())],
    });
    s.to(3.0);
    assert_eq!(s.world.ecs.reachable[&(task.address.clone(), 80)], here);
    let checks = checks_due(&s.world);
    assert_eq!(
        (
            checks[0].address.as_str(),
            checks[0].port,
            checks[0].interval.as_secs()
        ),
        (task.address.as_str(), 80, 5)
    );
    let check = |s: &mut Story, result| {
        let check = checks_due(&s.world)[0].clone();
        s.world.learn(Fact::HealthChecked {
            target_group_arn: check.target_group_arn,
            address: check.address,
            port: 80,
            result,
        });
    };
    assert_eq!(s.targets(), ["t1 initial Elb.InitialHealthChecking"]);
    check(&mut s, Ok(()));
    assert_eq!(s.targets(), ["t1 healthy -"]);
    for _ in 0..2 {
        check(
            &mut s,
            Err(("Target.Timeout".to_owned(), "Request timed out".to_owned())),
        );
    }
    assert_eq!(s.targets(), ["t1 unhealthy Target.Timeout"]);
    s.to(10.0);
    let stops = s
        .world
        .effects
        .iter()
        .filter(|e| matches!(e, Effect::StopTask { .. }))
        .count();
    assert_eq!(stops, 1);
    s.world.learn(Fact::TaskStopped {
        task_arn: task.task_arn.clone(),
        exit_codes: vec![("nginx".to_owned(), 0)],
    });
    s.to(20.0);
    assert_eq!(
        s.stops()[0],
        "t1 ServiceSchedulerInitiated 0 Task failed ELB health checks"
    );
    assert_eq!(
        s.world.ecs.tasks[&task.task_arn].last_status.as_str(),
        "STOPPED"
    );
}

#[test]
fn a_real_task_may_fail_to_start_after_it_was_told_to_stop() {
    let start = std::time::UNIX_EPOCH + std::time::Duration::from_secs(super::START);
    let file = seed_world(Parameters {
        real_tasks: true,
        ..Parameters::default()
    });
    let mut s = Story {
        world: file.build(start).unwrap(),
        start,
    };
    s.to(0.3);
    let arn = s.world.ecs.tasks.keys().next().unwrap().clone();
    s.call(
        "StopTask",
        &json!({ "cluster": "nginx-dev-cluster", "task": arn }),
    );
    s.world.learn(Fact::TaskFailedToStart {
        task_arn: arn.clone(),
        reason: "CannotPullContainerError: x".to_owned(),
    });
    s.to(10.0);
    let task = &s.world.ecs.tasks[&arn];
    assert_eq!(
        (task.last_status.as_str(), task.stop_code),
        ("STOPPED", Some("UserInitiated"))
    );
    assert_eq!(s.world.ecs.tasks.len(), 2);
}

#[test]
fn a_real_task_that_runs_at_once_does_not_fall_back() {
    let start = std::time::UNIX_EPOCH + std::time::Duration::from_secs(super::START);
    let file = seed_world(Parameters {
        real_tasks: true,
        ..Parameters::default()
    });
    let mut s = Story {
        world: file.build(start).unwrap(),
        start,
    };
    s.to(0.3);
    let arn = s.world.ecs.tasks.keys().next().unwrap().clone();
    s.world.learn(Fact::TaskRunning {
        task_arn: arn.clone(),
        reachable: Vec::new(),
        image_digests: Vec::new(),
    });
    s.to(5.0);
    assert_eq!(s.world.ecs.tasks[&arn].last_status.as_str(), "RUNNING");
}
