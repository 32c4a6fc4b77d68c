//! Many seeds, on as many threads as there are cores. Knows nothing of what a seed stands for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::draw::Drawn;
use super::holds::{Measured, judge};
use super::stage::play;

/// Whoever sees so many wrong seeds need not see more.
const ENOUGH: usize = 40;

pub struct Played {
    pub seed: u64,
    pub faults: Vec<String>,
    pub measured: Measured,
    pub troubled: bool,
}

/// Plays one; a panic is a fault.
pub fn play_one(seed: u64, cwd: &std::path::Path) -> Played {
    let drawn = Drawn::of(seed);
    let played = catch_unwind(AssertUnwindSafe(|| judge(&drawn, &play(&drawn, cwd))));
    let (faults, measured) = played.unwrap_or_else(|_| (vec!["it panicked".to_owned()], Measured::default()));
    Played { seed, faults, measured, troubled: drawn.troubled }
}

pub fn play_all(seeds: std::ops::Range<u64>) -> Vec<Played> {
    let directory = tempfile::tempdir().unwrap();
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            // A run's futures are large in a debug build.
            let work = || loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end || all.lock().unwrap().iter().filter(|p: &&Played| !p.faults.is_empty()).count() > ENOUGH {
                    return;
                }
                let played = play_one(seed, directory.path());
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
