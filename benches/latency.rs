//! How late Shipway notices, in virtual time over the simulation's seeds.

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
mod simulation {
    pub mod draw;
    pub mod holds;
    pub mod seeds;
    pub mod stage;
    pub mod truth;
}

use simulation::{draw, holds, seeds, stage};

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return println!("skipped: run it with cargo bench");
    }
    let number = |name: &str| std::env::var(name).ok().map(|t| t.parse::<u64>().unwrap());
    if let Some(seed) = number("SHIPWAY_SEED") {
        let drawn = draw::Drawn::of(seed);
        println!("{}", drawn.scenario());
        let directory = tempfile::tempdir().unwrap();
        let ran = stage::play(&drawn, directory.path());
        println!("{}", ran.said);
        for (at, moment) in &ran.history.moments {
            println!("{:.1} {moment:?}", at.as_secs_f64());
        }
        for call in &ran.calls { println!("CALL {:.2} {} {}", call.at.as_secs_f64(), call.name, call.error.as_deref().unwrap_or_default()); }
        println!("exit {} {:?} - {:?}", ran.exit, ran.began, ran.ended);
        println!("{:?}", holds::judge(&drawn, &ran));
        return;
    }
    let started = std::time::Instant::now();
    let all = seeds::play_all(0..number("SHIPWAY_SEEDS").unwrap_or(100));
    let mut words = std::collections::BTreeMap::<&str, usize>::new();
    for played in &all {
        *words.entry(&played.measured.word).or_default() += 1;
        for fault in &played.faults {
            println!("seed {}: {}", played.seed, &fault[..fault.len().min(300)]);
        }
    }
    let watched: f64 = all.iter().filter(|p| !p.troubled).map(|p| p.measured.watched.as_secs_f64()).sum();
    let mut by_name = std::collections::BTreeMap::<&str, usize>::new();
    for played in all.iter().filter(|p| !p.troubled) {
        for (name, n) in &played.measured.by_name { *by_name.entry(name).or_default() += n; }
    }
    for (name, n) in by_name { println!("{name:<30} {:.2}/s", n as f64 / watched); }
    for (what, of) in [("served", (|m: &holds::Measured| m.served_late) as fn(&holds::Measured) -> Option<std::time::Duration>), ("failed", |m| m.failed_late)] {
        let mut late: Vec<f64> = all.iter().filter_map(|p| of(&p.measured)).map(|d| d.as_secs_f64()).collect();
        late.sort_by(f64::total_cmp);
        if late.is_empty() { continue; }
        println!("{what}: {} mean {:.2} p95 {:.2} max {:.2}", late.len(), late.iter().sum::<f64>() / late.len() as f64, late[late.len() * 95 / 100], late[late.len() - 1]);
    }
    for p in &all { if p.measured.failed_late.is_some_and(|l| l.as_secs() > 6) || p.measured.served_late.is_some_and(|l| l.as_secs_f64() > 5.0) { println!("LATE {} {:?}", p.seed, (p.measured.failed_late, p.measured.served_late)); } }
    println!("{words:?} {:?}", started.elapsed());
}
