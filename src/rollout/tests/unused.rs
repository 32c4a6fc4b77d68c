//! A production target group that no load balancer sends to: for a minute it may be on its way, then it will not be.

use super::script::{OURS, Script, World, limits, rolling, target, task};
use crate::model::target::TargetHealth;
use crate::rollout::Observation;

fn unused(address: &str) -> TargetHealth {
    TargetHealth {
        state: "unused".to_owned(),
        reason: Some("Target.NotInUse".to_owned()),
        ..target(address, "unused")
    }
}

/// Two tasks of ours run, and their targets are these.
fn running(w: &mut Observation, targets: Vec<TargetHealth>) {
    w.ours().running_count = 2;
    w.tasks = Ok(vec![
        task("a", OURS, "10.0.0.1"),
        task("b", OURS, "10.0.0.2"),
    ]);
    w.targets = vec![Ok(targets)];
}

fn asks(script: &Script) -> Vec<String> {
    let (lines, _) = script.run(rolling(), limits());
    lines
        .into_iter()
        .filter(|l| l.contains("asks for"))
        .collect()
}

#[test]
fn after_a_minute_it_is_ended() {
    let script = Script::new().at(10, |w| {
        running(w, vec![unused("10.0.0.1"), unused("10.0.0.2")]);
    });
    let asks = asks(&script);
    let first = asks.first().expect("it is ended");
    assert!(
        first.contains("No load balancer sends to the tasks"),
        "{first}"
    );
    let seconds: f64 = first.split(' ').next().unwrap().parse().unwrap();
    assert!((70.0..80.0).contains(&seconds), "{first}");
}

#[test]
fn a_rule_that_comes_within_the_minute_is_in_time() {
    let script = Script::new()
        .at(10, |w| {
            running(w, vec![unused("10.0.0.1"), unused("10.0.0.2")])
        })
        .at(60, |w| {
            running(w, vec![target("10.0.0.1", "healthy"), unused("10.0.0.2")]);
        })
        .at(64, |w| {
            let targets = ["10.0.0.1", "10.0.0.2"];
            running(w, targets.map(|t| target(t, "healthy")).into());
        });
    assert_eq!(asks(&script), Vec::<String>::new());
}
