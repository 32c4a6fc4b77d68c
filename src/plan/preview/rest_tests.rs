//! What sleeping and waking change, and that each done twice changes nothing more.

use super::super::parts::tests::{Change, asleep, group_arn, of, whole};
use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn expires(at: &str) -> RestStep {
    RestStep::Expires {
        service_arn: format!("arn:x:ecs:r:1:service/staging/{}", of(7).name()),
        at: at.parse().unwrap(),
    }
}

#[test]
fn the_count_goes_and_the_page_comes_at_once() {
    let say = RestStep::SayAsleep {
        rule_arn: format!("rule-to-{}", of(7).name()),
    };
    let zero = RestStep::DesiredCount(0);
    assert_eq!(sleep(&whole(7)), [zero.clone(), say.clone()]);
    assert_eq!(sleep(&asleep(7)), []);
    // Broken off between the two.
    let mut half = whole(7);
    half.service.as_mut().unwrap().desired_count = 0;
    assert_eq!(sleep(&half), std::slice::from_ref(&say));
    // Somebody started its tasks: ECS changes the service only while the rule forwards.
    let mut behind = asleep(7);
    behind.service.as_mut().unwrap().desired_count = 1;
    let forward = RestStep::Forward {
        rule_arn: format!("rule-to-{}", of(7).name()),
        target_group_arn: group_arn(&of(7).name()),
    };
    assert_eq!(sleep(&behind), [forward, zero.clone(), say.clone()]);
    let mut drained = whole(7);
    drained.service.as_mut().unwrap().status = "DRAINING".to_owned();
    assert_eq!(sleep(&drained), [say]);
    let mut bare = whole(7);
    bare.rules.clear();
    assert_eq!(sleep(&bare), [zero]);
    assert_eq!(sleep(&Parts::nothing(of(7))), []);
}

#[test]
fn waking_forwards_before_the_tasks_start() {
    let until = "2026-12-08T00:00:00Z";
    let steps = wake(&asleep(7), at(until)).unwrap();
    let forward = RestStep::Forward {
        rule_arn: format!("rule-to-{}", of(7).name()),
        target_group_arn: group_arn(&of(7).name()),
    };
    assert_eq!(steps, [expires(until), forward, RestStep::DesiredCount(1)]);
    // Awake: it lives on.
    assert_eq!(wake(&whole(7), at(until)).unwrap(), [expires(until)]);
    let mut half = whole(7);
    half.service.as_mut().unwrap().desired_count = 0;
    let steps = wake(&half, at(until)).unwrap();
    assert_eq!(steps, [expires(until), RestStep::DesiredCount(1)]);
}

#[test]
fn what_is_not_whole_cannot_be_woken() {
    let none = RestError::NoPreview { number: 7 };
    let lacks = |lacks| RestError::Incomplete { number: 7, lacks };
    let cases: [(Change, RestError); 4] = [
        (|p| *p = Parts::nothing(of(7)), none),
        (|p| p.service = None, lacks("service")),
        (|p| p.target_group = None, lacks("target group")),
        (|p| p.rules.clear(), lacks("rule")),
    ];
    for (change, refused) in cases {
        let mut parts = asleep(7);
        change(&mut parts);
        assert_eq!(wake(&parts, at("2026-12-08T00:00:00Z")), Err(refused));
    }
}

#[test]
fn the_page_is_one_that_elb_takes() {
    let page = asleep_page(u64::MAX);
    assert!(page.len() <= 1_024, "{} bytes", page.len());
    assert!(page.contains("/preview wake"));
}
