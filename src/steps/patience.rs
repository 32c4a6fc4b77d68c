//! Calls that wait where AWS says "too many requests": a throttled call was certainly not carried out. Knows no operation.
//!
//! Many pull requests are pushed to at the same time, and all of an account's previews draw on the same small buckets.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::{AwsError, Failure};

/// Fifty previews made at once are through in less.
const PATIENCE: Duration = Duration::from_secs(240);
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);

pub async fn patiently<T, F>(mut call: impl FnMut() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    let until = Instant::now() + PATIENCE;
    let mut pause = FIRST;
    loop {
        match call().await {
            Err(error) if error.failure == Failure::Throttled && Instant::now() < until => {
                // Those that were throttled together shall not come back together.
                tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
                pause = (pause * 2).min(LONGEST);
            }
            answer => return answer,
        }
    }
}
