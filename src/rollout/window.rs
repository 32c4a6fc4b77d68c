//! Stability: the same tasks, met at every complete look, for as long as the load balancer needs to notice a failure.
//! Knows tasks by ARN and our own elapsed time, nothing of AWS.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::{Limits, Ours, pace};

/// Shorter, and three looks do not fit; longer, and a slow health check would cost more than it can tell.
const SHORTEST: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_secs(120);
/// ECS itself waits this long after RUNNING where nothing checks a task's health.
const UNBALANCED: Duration = Duration::from_secs(40);
/// One look can be luck, two a stale read.
const LOOKS: usize = 3;
/// Three slow looks may not fit into a short window: within this time they prove as much.
const LOOKS_WITHIN: Duration = Duration::from_secs(60);

/// UnhealthyThreshold × Interval, clamped, of the slowest group; `stable-for` overrides.
pub(super) fn length(ours: &Ours, limits: &Limits) -> Duration {
    if let Some(length) = limits.stable_for {
        return length;
    }
    ours.target_groups
        .iter()
        .map(|b| {
            of_checks(
                b.group.unhealthy_threshold_count,
                b.group.health_check_interval_seconds,
            )
        })
        .max()
        .unwrap_or(UNBALANCED)
}

/// The time in which a load balancer would have noticed a failure.
pub(super) fn of_checks(unhealthy_threshold: u32, interval_seconds: u32) -> Duration {
    let seconds = unhealthy_threshold.saturating_mul(interval_seconds);
    Duration::from_secs(seconds.into()).clamp(SHORTEST, LONGEST)
}

#[derive(Debug)]
pub(super) struct Window {
    pub length: Duration,
    healthy_since: BTreeMap<String, Duration>,
    looks: VecDeque<Duration>,
    begun: Option<Duration>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Begins,
    /// The stretch began anew, for another task took the place of one.
    Replaced,
    Over,
}

impl Window {
    pub fn new(length: Duration) -> Window {
        Window {
            length,
            healthy_since: BTreeMap::new(),
            looks: VecDeque::new(),
            begun: None,
        }
    }

    /// When the present stretch began.
    pub fn begun(&self) -> Option<Duration> {
        self.begun
    }

    /// When it will be over if nothing happens.
    pub fn ends(&self) -> Option<Duration> {
        self.begun.map(|b| b + self.length)
    }

    /// How often a complete look is needed, so that three fit in.
    pub fn proof_every(&self) -> Duration {
        pace::PROOF_EVERY.min(self.length / 2).max(pace::CLOSEST)
    }

    /// A look that was complete and found everything met by these tasks.
    pub fn met(&mut self, proven: &BTreeSet<String>, desired: u32, elapsed: Duration) -> Change {
        self.healthy_since.retain(|arn, _| proven.contains(arn));
        for arn in proven {
            self.healthy_since.entry(arn.clone()).or_insert(elapsed);
        }
        let mut since: Vec<Duration> = self.healthy_since.values().copied().collect();
        since.sort_unstable();
        // As many as are desired have been healthy since the youngest of the oldest D.
        let Some(begun) = since.get((desired as usize).saturating_sub(1)).copied() else {
            return Change::None;
        };
        let change = match self.begun {
            None => Change::Begins,
            Some(before) if begun > before => Change::Replaced,
            Some(_) => Change::None,
        };
        // Never earlier than it was: a stretch that was broken begins after the break.
        let begun = self.begun.map_or(elapsed.max(begun), |b| b.max(begun));
        self.begun = Some(begun);
        self.looks.push_back(elapsed);
        let within = self.length.max(LOOKS_WITHIN);
        let from = elapsed.saturating_sub(within).max(begun);
        while self.looks.front().is_some_and(|l| *l < from) {
            self.looks.pop_front();
        }
        let needed = if self.length.is_zero() { 1 } else { LOOKS };
        if elapsed.saturating_sub(begun) >= self.length && self.looks.len() >= needed {
            return Change::Over;
        }
        change
    }

    /// Something was seen that breaks it. True when a stretch was on.
    pub fn broken(&mut self) -> bool {
        self.healthy_since.clear();
        self.looks.clear();
        self.begun.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn three_looks_and_the_whole_length() {
        let mut window = Window::new(at(15));
        assert_eq!(window.met(&tasks(&["a"]), 1, at(10)), Change::Begins);
        assert_eq!(window.met(&tasks(&["a"]), 1, at(24)), Change::None);
        assert_eq!(window.met(&tasks(&["a"]), 1, at(25)), Change::Over);
    }

    #[test]
    fn two_looks_are_not_enough_however_far_apart() {
        let mut window = Window::new(at(15));
        window.met(&tasks(&["a"]), 1, at(0));
        assert_eq!(window.met(&tasks(&["a"]), 1, at(90)), Change::None);
        assert_eq!(window.met(&tasks(&["a"]), 1, at(92)), Change::None);
        assert_eq!(window.met(&tasks(&["a"]), 1, at(94)), Change::Over);
    }

    #[test]
    fn three_slow_looks_suffice_where_the_window_is_short() {
        let mut window = Window::new(at(5));
        window.met(&tasks(&["a"]), 1, at(0));
        assert_eq!(window.met(&tasks(&["a"]), 1, at(4)), Change::None);
        assert_eq!(window.met(&tasks(&["a"]), 1, at(8)), Change::Over);
    }

    #[test]
    fn another_task_begins_it_anew() {
        let mut window = Window::new(at(15));
        window.met(&tasks(&["a", "b"]), 2, at(0));
        window.met(&tasks(&["a", "b"]), 2, at(8));
        assert_eq!(window.met(&tasks(&["a", "c"]), 2, at(12)), Change::Replaced);
        assert_eq!(window.met(&tasks(&["a", "c"]), 2, at(20)), Change::None);
        assert_eq!(window.met(&tasks(&["a", "c"]), 2, at(27)), Change::Over);
    }

    #[test]
    fn a_break_forgets_everything() {
        let mut window = Window::new(at(15));
        window.met(&tasks(&["a"]), 1, at(0));
        assert!(window.broken());
        assert!(!window.broken());
        assert_eq!(window.met(&tasks(&["a"]), 1, at(14)), Change::Begins);
        assert_eq!(window.met(&tasks(&["a"]), 1, at(16)), Change::None);
    }

    #[test]
    fn zero_is_one_look() {
        let mut window = Window::new(Duration::ZERO);
        assert_eq!(window.met(&tasks(&["a"]), 1, at(3)), Change::Over);
    }
}
