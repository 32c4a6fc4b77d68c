//! When to look again. Knows the pace and its limits; the sleeping is done by `steps`.

use std::time::Duration;

/// Most rolling deployments of small services end within two minutes: there a second counts.
const EAGER: Duration = Duration::from_secs(2);
const EAGER_FOR: Duration = Duration::from_secs(120);
const CALM: Duration = Duration::from_secs(5);
/// A throttled poll must not add to what throttled it; longer than this and an end would be noticed late.
const SLOWEST: Duration = Duration::from_secs(20);
/// ELBv2 answers a whole account from one bucket of 10 calls a second: twenty deploys have to share it.
pub const PROOF_EVERY: Duration = Duration::from_secs(4);
/// Deploys that were started together should not stay in step. The shell draws it.
pub const JITTER: f64 = 0.1;
/// No two looks are closer than this, whatever ends when.
pub const CLOSEST: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    doublings: u32,
}

impl Pace {
    /// A throttled look doubles the time to the next, a clean one halves it again.
    pub fn note(&mut self, throttled: bool) {
        self.doublings = if throttled {
            (self.doublings + 1).min(4)
        } else {
            self.doublings.saturating_sub(1)
        };
    }

    pub fn backs_off(&self) -> bool {
        self.doublings > 0
    }

    pub fn after(&self, elapsed: Duration) -> Duration {
        let base = if elapsed < EAGER_FOR { EAGER } else { CALM };
        (base * 2u32.pow(self.doublings)).min(SLOWEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backs_off_and_recovers() {
        let mut pace = Pace::default();
        let mut seconds = Vec::new();
        for throttled in [
            false, true, true, true, true, true, false, false, false, false, false,
        ] {
            pace.note(throttled);
            seconds.push(pace.after(Duration::ZERO).as_secs());
        }
        assert_eq!(seconds, [2, 4, 8, 16, 20, 20, 16, 8, 4, 2, 2]);
        assert_eq!(pace.after(Duration::from_secs(119)).as_secs(), 2);
        assert_eq!(pace.after(Duration::from_secs(120)).as_secs(), 5);
    }
}
