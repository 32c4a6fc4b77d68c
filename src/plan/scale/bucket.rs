//! AWS's request throttling as a value: a bucket that holds so many calls and fills by so many a second. Time is an argument.

use std::time::Duration;

/// What of a documented bucket is used: others of the account call as well, and a clock is never exact.
const SHARE: f64 = 0.985;
/// Throttled at the documented pace, others use the bucket up: half as fast, at slowest a thirty-second.
const SLOWEST: f64 = 1.0 / 32.0;
/// Answers of calls that were sent together are one piece of news.
const ONCE_IN: Duration = Duration::from_secs(1);
/// So many answered calls bring the documented pace back from a standstill.
const RECOVERY: f64 = 40.0;

#[derive(Clone, Debug)]
pub struct Bucket {
    burst: f64,
    /// As documented.
    per_second: f64,
    /// As it seems to be.
    rate: f64,
    tokens: f64,
    filled_at: Duration,
    slowed_at: Option<Duration>,
}

impl Bucket {
    /// Full, as documented: so many at once, so many more a second.
    pub fn new(burst: u32, per_second: u32) -> Bucket {
        let (burst, per_second) = (f64::from(burst) * SHARE, f64::from(per_second) * SHARE);
        let burst = burst.max(1.0);
        Bucket {
            burst,
            per_second,
            rate: per_second,
            tokens: burst,
            filled_at: Duration::ZERO,
            slowed_at: None,
        }
    }

    /// Takes a call out of it, or says how long there is none.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.filled_at = self.filled_at.max(now);
        self.tokens = (self.tokens + passed * self.rate).min(self.burst);
        // A hair's breadth short is what rounding leaves.
        if self.tokens >= 1.0 - 1e-6 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / self.rate))
    }

    /// AWS refused a call for its pace.
    pub fn throttled(&mut self, now: Duration) {
        // AWS's own is empty, whatever was thought to be in ours.
        self.tokens = self.tokens.min(0.0);
        self.filled_at = self.filled_at.max(now);
        if self.slowed_at.is_some_and(|at| now < at + ONCE_IN) {
            return;
        }
        self.slowed_at = Some(now);
        self.rate = (self.rate / 2.0).max(self.per_second * SLOWEST);
    }

    /// AWS answered a call.
    pub fn answered(&mut self) {
        self.rate = (self.rate + self.per_second / RECOVERY).min(self.per_second);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// When the n-th call leaves, if each is taken as soon as there is one.
    fn leaves(bucket: &mut Bucket, calls: u32) -> Duration {
        let mut now = Duration::ZERO;
        for _ in 0..calls {
            while let Err(wait) = bucket.take(now) {
                now += wait;
            }
        }
        now
    }

    #[test]
    fn a_thousand_updates_take_what_the_documented_bucket_dictates() {
        let took = leaves(&mut Bucket::new(50, 5), 1000).as_secs();
        assert!((190..=200).contains(&took), "{took}");
    }

    #[test]
    fn throttled_it_halves_its_pace_once_and_recovers() {
        let mut bucket = Bucket::new(50, 5);
        leaves(&mut bucket, 50);
        let at = Duration::from_secs(10);
        let wait = |bucket: &mut Bucket| bucket.clone().take(at).unwrap_err().as_secs_f64();
        for _ in 0..5 {
            bucket.throttled(at);
        }
        assert!((0.39..0.43).contains(&wait(&mut bucket)));
        for _ in 0..20 {
            bucket.answered();
        }
        assert!((0.20..0.22).contains(&wait(&mut bucket)));
    }

    proptest! {
        /// AWS's own bucket, full at the beginning, lets all of it through.
        #[test]
        fn it_never_asks_for_more_than_is_documented(
            burst in 2..100u32, per_second in 1..40u32, pauses in prop::collection::vec(0..3000u64, 1..200),
        ) {
            let mut bucket = Bucket::new(burst, per_second);
            let (mut now, mut theirs, mut at) = (Duration::ZERO, f64::from(burst), Duration::ZERO);
            for pause in pauses {
                now += Duration::from_millis(pause);
                while let Err(wait) = bucket.take(now) {
                    now += wait;
                }
                let filled = (now - at).as_secs_f64() * f64::from(per_second);
                theirs = (theirs + filled).min(f64::from(burst)) - 1.0;
                at = now;
                prop_assert!(theirs >= 0.0, "{}", theirs);
            }
        }
    }
}
