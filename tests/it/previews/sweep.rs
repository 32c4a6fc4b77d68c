//! A run is killed at each of its calls, before and after the call takes effect; the same run again ends where an undisturbed
//! one does. Knows which calls are looks of a wait: of those in a row only some are tried.

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

/// What two ways to the same end may differ in: when it expires, and what was told on the way.
pub fn comparable(stage: &Stage) -> Inventory {
    let mut all = stage.inventory();
    let mut open = Vec::new();
    for (name, facts) in &mut all.0 {
        if let Some(tags) = facts.get_mut("tags").and_then(Value::as_object_mut) {
            tags.remove("shipway:expires");
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

/// The calls at which a run is killed: each that changes something twice, of reads in a row the first, second and last.
fn kills(calls: &[String]) -> Vec<Kill> {
    let reads = |name: &String| {
        let operation = name.split(':').nth(1).unwrap_or(name);
        ["Describe", "List", "Get", "BatchGet"]
            .iter()
            .any(|p| operation.starts_with(p))
    };
    let mut kills = Vec::new();
    for (number, name) in calls.iter().enumerate() {
        let read_at = |at: Option<usize>| at.and_then(|at| calls.get(at)).is_some_and(reads);
        let kill = |after| Kill {
            call: number as u64,
            after,
        };
        if !reads(name) {
            kills.extend([kill(false), kill(true)]);
        } else if !read_at(number.checked_sub(2)) || !read_at(Some(number + 1)) {
            kills.push(kill(false));
        }
    }
    kills
}

fn sweep(prepare: impl AsyncFn(&Stage), order: &Order) {
    let (wanted, calls) = play(async {
        let stage = Stage::set(|_| ());
        prepare(&stage).await;
        let before = stage.recorded().len();
        let ran = stage.run(order.clone()).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        let calls = stage.recorded().split_off(before);
        stage.settle().await;
        let names: Vec<String> = calls.iter().map(|r| r.name()).collect();
        (comparable(&stage), names)
    });
    let kills = kills(&calls);
    assert!(kills.len() > 10, "{calls:?}");
    for kill in kills {
        let name = calls.get(kill.call as usize).cloned().unwrap_or_default();
        let at = format!("killed at {name}, {kill:?}");
        play(async {
            let stage = Stage::set(|_| ());
            prepare(&stage).await;
            let killed = stage.run(order.clone().killed_at(kill)).await;
            // A call less, now and then: then it was over.
            assert!(
                matches!(killed.exit, None | Some(0)),
                "{at}: {}",
                killed.said
            );
            let again = stage.run(order.clone()).await;
            assert_eq!(again.exit, Some(0), "{at}:\n{}", again.said);
            stage.settle().await;
            let changes = wanted.changes(&comparable(&stage));
            assert!(changes.is_empty(), "{at}: {changes:#?}\n{}", again.said);
        });
    }
}

#[test]
fn an_up_is_killed_at_each_call_and_run_again() {
    sweep(nothing, &Order::of(SEVEN));
}

#[test]
fn an_up_to_a_new_commit_is_killed_at_each_call_and_run_again() {
    sweep(one_that_was_pushed_to, &Order::of(SEVEN));
}

#[test]
fn a_down_is_killed_at_each_call_and_run_again() {
    sweep(one_that_was_closed, &Order::of(SEVEN));
}
