//! Many seeds, on as many threads as there are cores. Knows nothing of what a seed stands for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::draw::Drawn;
use super::holds::{Measured, judge};
use super::stage::play;

/// Whoever sees so many wrong seeds need not see more.
const ENOUGH: u64 = 20;

pub struct Played {
    pub seed: u64,
    pub faults: Vec<String>,
    pub measured: Measured,
    pub troubled: bool,
}

impl Played {
    /// Its faults, as a line each.
    pub fn wrong(&self) -> Option<String> {
        let lines = self
            .faults
            .iter()
            .map(|fault| format!("seed {}: {fault}", self.seed));
        let lines: Vec<String> = lines.collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// A number in the environment.
pub fn number_in(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

pub fn mean_and_95(mut all: Vec<Duration>) -> (Duration, Duration) {
    all.sort_unstable();
    let number = u32::try_from(all.len()).unwrap().max(1);
    let mean = all.iter().sum::<Duration>() / number;
    (
        mean,
        all.get(all.len() * 95 / 100).copied().unwrap_or_default(),
    )
}

/// All of one seed: its world, what was said, each call, what was really so.
pub fn show(seed: u64) -> String {
    let drawn = Drawn::of(seed);
    let directory = tempfile::tempdir().unwrap();
    let ran = play(&drawn, directory.path());
    let mut lines = vec![drawn.scenario(), ran.said.clone()];
    let calls = ran.calls.iter().map(|c| {
        let error = c.error.as_deref().unwrap_or_default();
        (c.at, format!("{} {error}", c.name))
    });
    let moments = ran
        .history
        .moments
        .iter()
        .map(|(at, moment)| (*at, format!("{moment:?}")));
    let mut all: Vec<(Duration, String)> = calls.chain(moments).collect();
    all.sort_by_key(|(at, _)| *at);
    lines.extend(
        all.iter()
            .map(|(at, what)| format!("{:.2} {what}", at.as_secs_f64())),
    );
    let (faults, measured) = judge(&drawn, &ran);
    lines.push(format!(
        "exit {}, {:?} to {:?}: {measured:?}",
        ran.exit, ran.began, ran.ended
    ));
    lines.extend(faults);
    lines.join("\n")
}

/// Plays one; a panic is a fault.
pub fn play_one(seed: u64, cwd: &std::path::Path) -> Played {
    let drawn = Drawn::of(seed);
    let played = catch_unwind(AssertUnwindSafe(|| judge(&drawn, &play(&drawn, cwd))));
    let (faults, measured) =
        played.unwrap_or_else(|_| (vec!["it panicked".to_owned()], Measured::default()));
    Played {
        seed,
        faults,
        measured,
        troubled: drawn.troubled,
    }
}

pub fn play_all(seeds: std::ops::Range<u64>) -> Vec<Played> {
    let enough = number_in("SHIPWAY_ENOUGH").unwrap_or(ENOUGH);
    let wrong = AtomicU64::new(0);
    let directory = tempfile::tempdir().unwrap();
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            // A run's futures are large in a debug build.
            let work = || loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end || wrong.load(Ordering::Relaxed) >= enough {
                    return;
                }
                let played = play_one(seed, directory.path());
                wrong.fetch_add(u64::from(!played.faults.is_empty()), Ordering::Relaxed);
                all.lock().unwrap().push(played);
            };
            let builder = std::thread::Builder::new().stack_size(16 << 20);
            builder.spawn_scoped(scope, work).unwrap();
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_by_key(|p| p.seed);
    all
}
