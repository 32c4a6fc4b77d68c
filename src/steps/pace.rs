//! Calls at the pace of the bucket that AWS counts them in: so many at once, then one after another. Knows no operation.
//!
//! The buckets belong to the account: production deploys out of the same ones. So half of a bucket's burst and half of its
//! refill is ours.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A bucket as AWS documents it ("request throttling"), of which half is used.
#[derive(Debug)]
pub struct Bucket {
    burst: u32,
    each: Duration,
    /// When the bucket is as full again as it was at the start.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Of so many requests at once, and so many a second on and on.
    pub fn half_of(burst: u32, per_second: u32) -> Bucket {
        Bucket {
            burst: (burst / 2).max(1),
            each: Duration::from_secs(2) / per_second.max(1),
            full_at: None,
        }
    }

    /// Waits until the next call may be made.
    pub async fn take(&mut self) {
        let now = Instant::now();
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + self.each;
        self.full_at = Some(full_at);
        let room = self.each * self.burst;
        sleep_until(full_at.checked_sub(room).unwrap_or(now)).await;
    }

    /// How long so many calls take from a full bucket, the calls' own time aside.
    pub fn time_of(&self, calls: usize) -> Duration {
        let waits = u32::try_from(calls)
            .unwrap_or(u32::MAX)
            .saturating_sub(self.burst);
        self.each * waits
    }
}

/// What taking previews down, or putting them to sleep, draws on.
#[derive(Debug)]
pub struct Buckets {
    /// Create, Modify and Delete of ELBv2.
    pub elbv2_changes: Bucket,
    /// Create, Update and DeleteService.
    pub services: Bucket,
    /// Register and DeregisterTaskDefinition.
    pub task_definitions: Bucket,
}

impl Default for Buckets {
    fn default() -> Buckets {
        Buckets {
            elbv2_changes: Bucket::half_of(20, 3),
            services: Bucket::half_of(50, 5),
            task_definitions: Bucket::half_of(20, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_bucket_is_left_to_others() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut bucket = Bucket::half_of(20, 1);
            let began = Instant::now();
            let mut at = Vec::new();
            for _ in 0..13 {
                bucket.take().await;
                at.push(began.elapsed().as_secs());
            }
            assert_eq!(at, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 6]);
            assert_eq!(bucket.time_of(13), Duration::from_secs(6));
            // Rested, it is full again.
            tokio::time::sleep(Duration::from_secs(60)).await;
            let rested = Instant::now();
            for _ in 0..10 {
                bucket.take().await;
            }
            assert_eq!(rested.elapsed(), Duration::ZERO);
        });
    }
}
