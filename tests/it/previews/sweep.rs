//! A run is killed at each of its calls, before and after the call takes effect; the same run again ends where an undisturbed
//! one does. A run that is killed at a read leaves the world as one that is killed before its next change does.

use serde_json::{Value, json};
use shipway_sandbox::world::inventory::Inventory;

use super::stage::{Kill, Order, Stage, Start, play};
use super::whole::told;

const SEVEN: Start = Start::Pull(7);

/// What the swept run finds, from nothing.
async fn nothing(_: &Stage) {}

async fn one_that_serves(stage: &Stage) {
    let ran = stage.run(Order::of(SEVEN)).await;
    assert_eq!(ran.exit, Some(0), "{}", ran.said);
}

async fn one_that_was_pushed_to(stage: &Stage) {
    one_that_serves(stage).await;
    stage.push(7);
}

async fn one_that_was_closed(stage: &Stage) {
    one_that_serves(stage).await;
    stage.sandbox.with_world(|w| w.github.close_pull(7));
}

/// What two ways to the same end may differ in is left out: run and expiry, and what was told on the way.
pub fn comparable(stage: &Stage) -> Inventory {
    let mut all = stage.inventory();
    let mut open = Vec::new();
    for (name, facts) in &mut all.0 {
        if let Some(tags) = facts.get_mut("tags").and_then(Value::as_object_mut) {
            tags.remove("shipway:expires");
            tags.remove("shipway:run");
        }
        if name.starts_with("deployment ") {
            let last = facts["statuses"].as_array().and_then(|all| all.last());
            let over = ["success", "failure", "error", "inactive"];
            let over = last
                .and_then(Value::as_str)
                .is_some_and(|s| over.contains(&s));
            open.extend((!over).then(|| name.clone()));
        }
        if told(name, 7) || told(name, 8) {
            *facts = json!(null);
        }
    }
    assert!(open.is_empty(), "nobody closed {open:?}");
    // One comment, and as many deployments as there were runs.
    all.without(|name| name.starts_with("deployment "))
}

/// What is left to compare where a revision more may have been registered on the way: `down` removes them all.
pub fn without_revisions(inventory: Inventory) -> Inventory {
    let mut all = inventory.without(|name| name.starts_with("task-definition pr-"));
    for facts in all.0.values_mut() {
        if let Some(definition) = facts.get("task-definition").and_then(|d| d.as_str())
            && let Some((family, _)) = definition.split_once(':')
            && family.starts_with("pr-")
        {
            facts["task-definition"] = family.into();
        }
    }
    all
}

/// The calls at which a run is killed: the first, and each that changes something, before and after.
fn kills(calls: &[String]) -> Vec<Kill> {
    let reads = |name: &String| {
        let operation = name.split(':').nth(1).unwrap_or(name);
        [
            "Describe", "List", "Get", "BatchGet", "Assume", "Simulate", "GET ",
        ]
        .iter()
        .any(|p| operation.starts_with(p))
    };
    let kill = |call: usize, after| Kill { call, after };
    let changes = calls.iter().enumerate().filter(|(_, name)| !reads(name));
    let around = changes.flat_map(|(at, _)| [kill(at, false), kill(at, true)]);
    [kill(0, false)].into_iter().chain(around).collect()
}

fn sweep(prepare: impl AsyncFn(&Stage), order: &Order, same: fn(Inventory) -> Inventory) {
    let (wanted, calls) = play(async {
        let stage = Stage::set(|_| ());
        prepare(&stage).await;
        let before = stage.recorded().len();
        let ran = stage.run(order.clone()).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        let calls = stage.recorded().split_off(before);
        stage.settle().await;
        let names: Vec<String> = calls.iter().map(|r| r.name()).collect();
        (same(comparable(&stage)), names)
    });
    let kills = kills(&calls);
    assert!(kills.len() > 10, "{calls:?}");
    for kill in kills {
        let name = calls.get(kill.call).cloned().unwrap_or_default();
        let at = format!("killed at {name}, {kill:?}");
        play(async {
            let stage = Stage::set(|_| ());
            prepare(&stage).await;
            let killed = stage.run(order.clone().killed_at(kill)).await;
            // A look less, now and then: then it was over.
            let over = killed.exit == Some(0) && killed.calls <= kill.call;
            assert!(killed.exit.is_none() || over, "{at}: {}", killed.said);
            let again = stage.run(order.clone()).await;
            assert_eq!(again.exit, Some(0), "{at}:\n{}", again.said);
            stage.settle().await;
            let changes = wanted.changes(&same(comparable(&stage)));
            assert!(changes.is_empty(), "{at}: {changes:#?}\n{}", again.said);
        });
    }
}

#[test]
fn an_up_is_killed_at_each_call_and_run_again() {
    sweep(nothing, &Order::of(SEVEN), |all| all);
}

#[test]
fn an_up_to_a_new_commit_is_killed_at_each_call_and_run_again() {
    sweep(one_that_was_pushed_to, &Order::of(SEVEN), without_revisions);
}

#[test]
fn a_down_is_killed_at_each_call_and_run_again() {
    sweep(one_that_was_closed, &Order::of(SEVEN), |all| all);
}
