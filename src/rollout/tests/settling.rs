//! When one of many services is worth a complete look: a story of what it shows, and at which seconds it is looked at.

use std::time::Duration;

use super::script::*;
use crate::model::service::Service;
use crate::rollout::settling::Settling;
use crate::rollout::{Ask, Ours, RolloutTarget};

const EVERYTHING: Ask = Ask {
    tasks: true,
    stopped_tasks: true,
    targets: true,
};

/// Two are desired, of a service without a load balancer; `shows` what it shows at each second.
fn looks(until: u64, every: usize, shows: impl Fn(u64, &mut Service)) -> String {
    let target = RolloutTarget::Count {
        ours: Ours {
            target_groups: Vec::new(),
            ..ours()
        },
        desired: 2,
        events_after: at(0),
    };
    let mut settling = Settling::default();
    let mut looks = Vec::new();
    for second in (0..=until).step_by(every) {
        let mut service = Service {
            desired_count: 2,
            deployments: vec![deployment(OURS, "PRIMARY", 2, 0, -5000)],
            ..Service::default()
        };
        shows(second, &mut service);
        let ask = settling.worth(&service, &target, EVERYTHING, Duration::from_secs(second));
        match (ask.tasks, ask.stopped_tasks) {
            (true, _) => looks.push(format!("{second}")),
            (false, true) => looks.push(format!("{second}: stopped")),
            (false, false) => {}
        }
    }
    looks.join(", ")
}

#[test]
fn once_when_as_many_run_for_a_while() {
    let one_by_one = |second, service: &mut Service| {
        service.deployments[0].running_count = match second {
            0..10 => 0,
            10..14 => 1,
            _ => 2,
        };
    };
    assert_eq!(looks(24, 2, one_by_one), "20");
}

#[test]
fn again_when_ecs_says_that_all_is_healthy_and_else_ever_more_seldom() {
    let slow_health = |steady_at| {
        move |second, service: &mut Service| {
            service.deployments[0].running_count = 2;
            if second >= steady_at {
                let text = "(service web) has reached a steady state.";
                service.events = vec![event("e1", 60, text)];
            }
        }
    };
    assert_eq!(looks(100, 2, slow_health(1000)), "6, 16, 32, 62, 92");
    assert_eq!(looks(60, 2, slow_health(20)), "6, 16, 20, 50");
}

#[test]
fn stopped_tasks_are_asked_for_at_a_sign_of_trouble_and_when_it_takes_long() {
    let crashes = |second: u64, service: &mut Service| {
        service.deployments[0].running_count = if second % 20 < 12 { 2 } else { 0 };
    };
    // At 12 they are gone; at 14 one may not have been STOPPED yet.
    let told = looks(40, 2, crashes);
    assert!(told.starts_with("6, 12: stopped, 14: stopped"), "{told}");
    let nothing = |_: u64, _: &mut Service| {};
    let told = looks(100, 5, nothing);
    assert!(told.starts_with("45: stopped"), "{told}");
    let fails = |second: u64, service: &mut Service| {
        service.deployments[0].failed_tasks = u32::from(second >= 20);
    };
    assert!(looks(30, 2, fails).starts_with("20: stopped"));
}
