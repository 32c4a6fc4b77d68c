//! Previews where there is little room: full load balancers, few priorities, several that ask at once. In virtual time.

use std::collections::BTreeSet;

use futures_util::future::join;
use serde_json::{Value, json};
use shipway_sandbox::scenario::WorldFile;

use super::stage::{Order, Stage, Start, play};

/// A second load balancer, and so many rules on the first as fill it up with these.
fn crowded(file: &mut WorldFile, rules: u32) {
    let mut balancers: Vec<Value> = vec![json!({
        "name": "second-alb",
        "listeners": [{ "port": 443, "protocol": "HTTPS", "certificates": ["preview.example.com"] }],
    })];
    file.load_balancers.extend(
        balancers
            .drain(..)
            .map(|b| serde_json::from_value(b).unwrap()),
    );
    let listener = &mut file.load_balancers[0].listeners[0];
    let there = u32::try_from(listener.rules.len()).unwrap();
    for n in there..rules {
        let rule = json!({ "priority": 1000 + n, "host": format!("h{n}.example.com"), "forward": ["shop"] });
        listener.rules.push(serde_json::from_value(rule).unwrap());
    }
}

/// Of pull request 7, with one more setting.
fn with(setting: &str) -> Order {
    let mut order = Order::of(Start::Pull(7));
    order.args.push(setting.to_owned());
    order
}

const BOTH: &str = "--load-balancers=web-alb,second-alb";

#[test]
fn the_first_load_balancer_with_room_is_taken() {
    for (rules, expected) in [(99, "web-alb"), (100, "second-alb")] {
        play(async {
            let stage = Stage::set(|file| crowded(file, rules));
            let ran = stage.run(with(BOTH)).await;
            assert_eq!(ran.exit, Some(0), "{}", ran.said);
            let place = format!("on load balancer {expected} port 443");
            assert!(ran.said.replace('`', "").contains(&place), "{}", ran.said);
            // It is found there again, and taken away.
            let again = stage.run(with(BOTH)).await;
            assert_eq!(again.output("changed"), "false", "{}", again.said);
            stage.sandbox.with_world(|w| w.github.close_pull(7));
            let down = stage.run(with(BOTH)).await;
            assert_eq!(down.output("preview-state"), "removed", "{}", down.said);
        });
    }
}

#[test]
fn without_room_anywhere_nothing_is_made() {
    play(async {
        let stage = Stage::set(|file| crowded(file, 100));
        let before = stage.inventory();
        let ran = stage.run(Order::of(Start::Pull(7))).await;
        assert_eq!(ran.exit, Some(6), "{}", ran.said);
        let code = "shipway::preflight::load_balancer_full";
        assert_eq!(ran.output("failure-code"), code, "{}", ran.said);
        assert!(
            ran.said.contains("web-alb has 100 rules of 100"),
            "{}",
            ran.said
        );
        let changes = before.changes(&stage.inventory());
        let made: Vec<&String> = changes
            .iter()
            .filter(|c| !c.contains("comment on 7 "))
            .collect();
        assert!(made.is_empty(), "{made:#?}");
    });
}

/// A preview that was made on a load balancer which is named no more is left there, and nothing is made elsewhere.
#[test]
fn a_preview_is_not_made_twice_on_two_load_balancers() {
    play(async {
        let stage = Stage::set(|file| crowded(file, 10));
        let first = stage.run(with(BOTH)).await;
        assert_eq!(first.exit, Some(0), "{}", first.said);
        let before = stage.inventory();
        let elsewhere = with("--load-balancers=second-alb");
        let ran = stage.run(elsewhere).await;
        assert_eq!(ran.exit, Some(6), "{}", ran.said);
        let code = "shipway::preflight::preview_elsewhere";
        assert_eq!(ran.output("failure-code"), code, "{}", ran.said);
        let changes = before.changes(&stage.inventory());
        assert!(
            changes
                .iter()
                .all(|c| c.contains(" on 7 ") || c.contains("preview-pr-7")),
            "{changes:#?}"
        );
    });
}

/// Two priorities are left before the rule that would take their requests, and both want one at once.
#[test]
fn who_meets_at_a_priority_takes_another() {
    let mut met = false;
    for latency in [20, 60, 100] {
        play(async {
            let stage = Stage::set(|file| {
                file.trouble.latency = std::time::Duration::from_millis(latency);
                let rules = &mut file.load_balancers[0].listeners[0].rules;
                for rule in rules.iter_mut().filter(|r| r.priority == 900) {
                    rule.priority = 3;
                }
            });
            let (seven, eight) = join(
                stage.run(Order::of(Start::Pull(7))),
                stage.run(Order::of(Start::Pull(8))),
            )
            .await;
            for ran in [&seven, &eight] {
                assert_eq!(ran.exit, Some(0), "{}", ran.said);
                met |= ran.said.contains("was taken meanwhile");
            }
            let priorities: BTreeSet<Option<u32>> = stage.sandbox.with_world(|world| {
                let ours = |arn: &String| {
                    let tags = world.elbv2.tags.get(arn);
                    tags.is_some_and(|t| t.iter().any(|(k, _)| k == "shipway:preview"))
                };
                let rules = world.elbv2.rules.values().filter(|r| ours(&r.arn));
                rules.map(|r| r.priority).collect()
            });
            assert_eq!(priorities, BTreeSet::from([Some(1), Some(2)]));
        });
    }
    assert!(met, "they never met: the test shows nothing");
}
