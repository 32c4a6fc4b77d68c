//! Fifty previews at once, in one account that keeps to AWS's documented request limits: how long that takes, beside the time
//! that the limits alone dictate. In virtual time, so neither the machine nor the profile matters.
//!
//! `cargo bench --bench previews`; RUNS changes how many seeds are tried (3). Ends with 1 if a target is missed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::exit
)]

/// The tests' own stage.
#[path = "../tests/it/previews/stage.rs"]
#[allow(dead_code, reason = "a part of it suffices here")]
mod stage;

#[path = "../tests/it/harness/commit.rs"]
mod commit;
#[path = "../tests/it/harness/killable.rs"]
pub mod killable;
mod harness {
    pub use crate::commit::commit;
    pub use crate::killable;
}

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use serde_json::json;
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::wire::record::Record;
use shipway_sandbox::wire::trouble::limits::LIMITS;
use stage::{Order, Stage, Start, contexts, play};

const PREVIEWS: u64 = 50;
const FIRST: u64 = 101;
/// Of the time that the limits alone dictate.
const MOST: f64 = 1.3;
/// What an answer takes within a Region.
const LATENCY: Duration = Duration::from_millis(50);

fn main() {
    // `cargo test` runs every target once; this one is for `cargo bench`
    if !std::env::args().any(|arg| arg == "--bench") {
        return println!("skipped: run it with cargo bench");
    }
    let one = run(0, 1, false);
    println!(
        "one alone, without limits: {} calls to AWS, {:.1} s\n",
        one.calls.len(),
        one.took
    );
    let dictated = table(&one);
    println!("\n{:<60} {dictated:>8.1} s", "the limits alone dictate");
    let seeds: u64 = std::env::var("RUNS").map_or(3, |text| text.parse().unwrap());
    let mut missed = false;
    for seed in 1..=seeds {
        let all = run(seed, PREVIEWS, true);
        let ratio = all.took / dictated;
        let distinct = all.priorities.iter().collect::<BTreeSet<_>>().len();
        let all_distinct = distinct == PREVIEWS as usize && all.priorities.len() == distinct;
        missed |= ratio > MOST || !all_distinct;
        println!(
            "{:<60} {:>8.1} s",
            format!("{PREVIEWS} at once, seed {seed}: the last one is made"),
            all.made.unwrap_or_default()
        );
        println!("{:<60} {:>8.1} s", "    and ready", all.took);
        println!(
            "{:<60} {ratio:>8.2}    ≤ {MOST}{}",
            "    of what the limits dictate",
            if ratio <= MOST { "" } else { " MISSED" }
        );
        println!(
            "{:<60} {distinct:>8}    = {PREVIEWS}",
            "    distinct priorities"
        );
        println!(
            "{:<60} {:>8} of {}",
            "    calls that were throttled",
            all.throttled(),
            all.calls.len()
        );
    }
    if missed {
        std::process::exit(1);
    }
}

/// What each limit lets through at the earliest: what an undisturbed run asks of it, [`PREVIEWS`] times, and then what an
/// undisturbed run still does after its last such call. No schedule, however clever, is faster than the slowest row.
fn table(one: &Played) -> f64 {
    println!(
        "{:<60} {:>8} {:>8} {:>8}",
        "limit", "calls", "s", "with the rest"
    );
    let mut dictated = one.took;
    for limit in LIMITS {
        // A wait's looks are not what has to be asked: how often is up to whoever waits.
        let until = one.made.unwrap_or(one.took);
        let calls = one
            .calls
            .iter()
            .filter(|(at, r)| limit.concerns(&r.service, &r.operation) && *at <= until);
        let (mut count, mut last) = (0_u64, 0.0_f64);
        for (at, _) in calls {
            count += 1;
            last = last.max(*at);
        }
        let earliest = (((count * PREVIEWS) as f64 - limit.burst) / limit.per_second).max(0.0);
        let whole = earliest + if count > 0 { one.took - last } else { 0.0 };
        println!(
            "{:<60} {:>8} {earliest:>8.1} {whole:>8.1}",
            limit.name,
            count * PREVIEWS
        );
        dictated = dictated.max(whole);
    }
    dictated
}

/// What came of it. Times are seconds from the start.
struct Played {
    took: f64,
    calls: Vec<(f64, Record)>,
    /// When the last service had been made.
    made: Option<f64>,
    /// Of every rule that is a preview's.
    priorities: Vec<u32>,
}

impl Played {
    fn throttled(&self) -> usize {
        let throttled = |r: &Record| {
            r.error
                .as_deref()
                .is_some_and(|e| e.contains("Throttl") || e.contains("Rate exceeded"))
        };
        self.calls.iter().filter(|(_, r)| throttled(r)).count()
    }
}

fn run(seed: u64, previews: u64, limits: bool) -> Played {
    play(async {
        let stage = Stage::seeded(seed, |file| world(file, previews, limits));
        let began = stage.sandbox.clock().now();
        let runs =
            (FIRST..FIRST + previews).map(|number| stage.run(Order::of(Start::Pull(number))));
        for ran in join_all(runs).await {
            assert_eq!(ran.exit, Some(0), "{}", ran.said);
        }
        let since = |at: SystemTime| at.duration_since(began).unwrap_or_default().as_secs_f64();
        let took = since(stage.sandbox.clock().now());
        let calls = stage
            .recorded()
            .into_iter()
            .filter(|r| r.service != "github");
        let calls: Vec<(f64, Record)> = calls.map(|r| (since(at(&r)), r)).collect();
        let made = calls
            .iter()
            .filter(|(_, r)| r.operation == "CreateService")
            .map(|(at, _)| *at);
        let ours = |tags: &Vec<(String, String)>| tags.iter().any(|(k, _)| k == "shipway:preview");
        Played {
            took,
            made: made.reduce(f64::max),
            priorities: stage.sandbox.with_world(|world| {
                let rules = world.elbv2.rules.values();
                let own = rules.filter(|r| world.elbv2.tags.get(&r.arn).is_some_and(ours));
                own.filter_map(|r| r.priority).collect()
            }),
            calls,
        }
    })
}

fn at(record: &Record) -> SystemTime {
    let at = jiff::Timestamp::from_str(&record.at).unwrap();
    SystemTime::try_from(at).unwrap()
}

/// As many open pull requests, all at one commit that was built before.
fn world(file: &mut WorldFile, previews: u64, limits: bool) {
    file.trouble.limits = limits;
    file.trouble.latency = LATENCY;
    let sha = &contexts()[0].sha;
    let pull = |number: u64| json!({ "number": number, "head-sha": sha, "head-ref": format!("feature-{number}") });
    let pulls = (FIRST..FIRST + previews).map(|n| serde_json::from_value(pull(n)).unwrap());
    file.github.pull_requests = pulls.collect();
}
