//! Ups, downs, prunes and sleeps of two previews in any order and at once, killed anywhere: in the end what is open has its preview,
//! what is closed has none, and nobody else's thing was touched.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shipway_sandbox::world::inventory::Inventory;

use super::stage::{Kill, Order, Stage, Start, play};
use super::sweep::{comparable, without_revisions};
use super::whole::of_preview;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// The pull request's own run, by its state.
    Run(u64),
    Prune,
    Sleep(u64),
    /// Both pull requests' runs at once.
    Both,
    Close(u64),
    Reopen(u64),
    Push(u64),
    /// So many seconds pass.
    Wait(u64),
}

fn deed() -> impl Strategy<Value = (Deed, Option<Kill>)> {
    let pull = prop_oneof![Just(7_u64), Just(8)];
    let deed = prop_oneof![
        4 => pull.clone().prop_map(Deed::Run),
        1 => Just(Deed::Both),
        1 => Just(Deed::Prune),
        1 => pull.clone().prop_map(Deed::Sleep),
        2 => pull.clone().prop_map(Deed::Close),
        2 => pull.clone().prop_map(Deed::Reopen),
        1 => pull.prop_map(Deed::Push),
        1 => (1..30_u64).prop_map(Deed::Wait),
    ];
    let kill = (0..70_usize, any::<bool>()).prop_map(|(call, after)| Kill { call, after });
    (deed, proptest::option::weighted(0.6, kill))
}

/// Which pull requests are open, and which have a second commit.
#[derive(Clone, Debug)]
struct Pulls {
    open: BTreeSet<u64>,
    pushed: BTreeSet<u64>,
}

/// What its workflow runs, whatever happened to it.
fn order(pull: u64) -> Order {
    Order::of(Start::Pull(pull))
}

async fn happen(stage: &Stage, pulls: &mut Pulls, deed: Deed, kill: Option<Kill>) {
    let run = async |order: Order, kill: Option<Kill>| {
        let order = Order { kill, ..order };
        stage.run(order).await
    };
    match deed {
        Deed::Run(pull) => drop(run(order(pull), kill).await),
        Deed::Prune => drop(run(Order::of(Start::Schedule), kill).await),
        Deed::Sleep(pull) => drop(run(order(pull).word("sleep"), kill).await),
        Deed::Both => drop(tokio::join!(run(order(7), kill), run(order(8), None))),
        Deed::Close(pull) => {
            pulls.open.remove(&pull);
            stage.sandbox.with_world(|w| w.github.close_pull(pull));
        }
        Deed::Reopen(pull) => {
            pulls.open.insert(pull);
            stage.sandbox.with_world(|w| w.github.reopen_pull(pull));
        }
        Deed::Push(pull) => {
            pulls.pushed.insert(pull);
            stage.push(pull);
        }
        Deed::Wait(seconds) => tokio::time::sleep(std::time::Duration::from_secs(seconds)).await,
    }
}

/// The world of someone whose runs are never disturbed.
async fn undisturbed(pulls: &Pulls) -> Inventory {
    let stage = Stage::set(|_| ());
    for pull in [7, 8] {
        if pulls.pushed.contains(&pull) {
            stage.push(pull);
        }
        if pulls.open.contains(&pull) {
            let ran = stage.run(order(pull)).await;
            assert_eq!(ran.exit, Some(0), "{}", ran.said);
        }
    }
    stage.settle().await;
    without_revisions(comparable(&stage))
}

fn converges(deeds: Vec<(Deed, Option<Kill>)>) -> Result<(), TestCaseError> {
    play(async {
        let stage = Stage::set(|_| ());
        stage.settle().await;
        let before = stage.inventory();
        let mut pulls = Pulls {
            open: BTreeSet::from([7, 8]),
            pushed: BTreeSet::new(),
        };
        for (deed, kill) in deeds {
            happen(&stage, &mut pulls, deed, kill).await;
        }
        for pull in [7, 8] {
            let ran = stage.run(order(pull)).await;
            prop_assert_eq!(ran.exit, Some(0), "{}: {}", pull, ran.said);
        }
        stage.settle().await;
        let foreign = |name: &str| !of_preview(name, 7) && !of_preview(name, 8);
        let now = stage.inventory();
        let others = before
            .without(|n| !foreign(n))
            .changes(&now.clone().without(|n| !foreign(n)));
        prop_assert!(others.is_empty(), "not ours: {:#?}", others);
        let leaked = now.0.keys().filter(|name| {
            let of = |pull: u64| name.starts_with(&format!("task-definition pr-{pull}-web-"));
            [7, 8]
                .iter()
                .any(|pull| !pulls.open.contains(pull) && of(*pull))
        });
        let leaked: Vec<_> = leaked.collect();
        prop_assert!(leaked.is_empty(), "revisions: {:?}", leaked);
        let told = |name: &str| {
            ["comment on ", "pull-request "]
                .iter()
                .any(|p| name.starts_with(p))
        };
        let wanted = undisturbed(&pulls).await.without(told);
        let changes = wanted.changes(&without_revisions(comparable(&stage)).without(told));
        prop_assert!(changes.is_empty(), "{:#?}", changes);
        for pull in pulls.open.iter() {
            let again = stage.run(order(*pull)).await;
            prop_assert_eq!(again.output("changed"), "false", "{}", again.said);
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_converges(deeds in prop::collection::vec(deed(), 1..7)) {
        converges(deeds)?;
    }
}
