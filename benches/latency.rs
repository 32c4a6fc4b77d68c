//! How late Shipway notices, and how often it asks, in virtual time over the simulation's seeds; and twenty deploys at once in an
//! account that keeps to AWS's documented request limits.
//!
//! `cargo bench --workspace --profile dev --bench latency`; SEEDS changes how many worlds are tried. Neither the machine nor
//! the profile matters. Ends with 1 if a target is missed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::exit
)]

#[path = "../tests/it/harness/killable.rs"]
pub mod killable;
#[path = "../tests/it/harness/overlay.rs"]
#[allow(dead_code, reason = "a part of it suffices here")]
pub mod overlay;
mod harness {
    pub use crate::killable;
    pub use crate::overlay;
}
#[path = "../tests/it/simulation"]
#[allow(dead_code, reason = "a part of it suffices here")]
mod simulation {
    pub mod draw;
    pub mod holds;
    pub mod seeds;
    pub mod stage;
    pub mod truth;
}
#[path = "latency/at_once.rs"]
mod at_once;

use std::collections::BTreeMap;
use std::time::Duration;

use simulation::holds::Measured;
use simulation::seeds::{Played, mean_and_95, number_in, play_all, show};

const SEEDS: u64 = 1_000;

fn main() {
    // `cargo test` runs every target once; this one is for `cargo bench`
    if !std::env::args().any(|arg| arg == "--bench") {
        return println!("skipped: run it with cargo bench");
    }
    if let Some(seed) = number_in("SHIPWAY_SEED") {
        return println!("{}", show(seed));
    }
    let all = play_all(0..number_in("SEEDS").unwrap_or(SEEDS));
    let wrong: Vec<String> = all.iter().filter_map(Played::wrong).collect();
    wrong.iter().for_each(|wrong| println!("{wrong}"));
    let mut words = BTreeMap::<&str, usize>::new();
    for played in &all {
        *words.entry(&played.measured.word).or_default() += 1;
    }
    println!("{} runs: {words:?}\n", all.len());
    let mut missed = late(&all, "a good end noticed after it was one", |m| {
        m.served_late
    });
    missed |= late(&all, "ECS's last word on a failure noticed", |m| {
        m.failed_late
    });
    missed |= late(&all, "hopeless: from the stop that makes it so", |m| {
        m.hopeless_late
    });
    calls(&all);
    missed |= !wrong.is_empty() || at_once::twenty();
    if missed {
        println!("MISSED");
        std::process::exit(1);
    }
}

/// Mean and 95 %, of those where nothing stood between us and the world.
fn late(all: &[Played], what: &str, of: fn(&Measured) -> Option<Duration>) -> bool {
    let late: Vec<Duration> = all.iter().filter_map(|p| of(&p.measured)).collect();
    let (number, most) = (late.len(), late.iter().max().copied().unwrap_or_default());
    let (mean, in_95) = mean_and_95(late);
    println!(
        "{what:<44} {number:>5} runs   mean {mean:>6.2?} ≤ 3s   95 % {in_95:>6.2?} ≤ 6s   most {most:.2?}"
    );
    mean > Duration::from_secs(3) || in_95 > Duration::from_secs(6)
}

fn calls(all: &[Played]) {
    let quiet: Vec<&Measured> = all
        .iter()
        .filter(|p| !p.troubled)
        .map(|p| &p.measured)
        .collect();
    let watched: f64 = quiet.iter().map(|m| m.watched.as_secs_f64()).sum();
    let mut by_name = BTreeMap::<&str, usize>::new();
    for (name, number) in quiet.iter().flat_map(|m| &m.by_name) {
        *by_name.entry(name).or_default() += number;
    }
    println!("\ncalls of a deployment from its update on, a second");
    for (name, number) in by_name
        .iter()
        .filter(|(_, number)| **number as f64 / watched >= 0.005)
    {
        println!("    {name:<40} {:>6.2}", *number as f64 / watched);
    }
    let number: usize = quiet.iter().map(|m| m.calls).sum();
    println!("    {:<40} {:>6.2}", "all", number as f64 / watched);
    let mut each: Vec<usize> = quiet.iter().map(|m| m.all_calls).collect();
    each.sort_unstable();
    println!(
        "calls of a whole run: median {}, 95 % {}",
        each[each.len() / 2],
        each[each.len() * 95 / 100]
    );
}
