//! Waits until nothing of a service is in flight: what somebody else deploys, and ECS's own rollbacks. Says what it waits for
//! when that changes.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Rested, jittered, rest_until};
use crate::aws::{Aws, AwsError, Failure, Retries};
use crate::plan::in_flight::InFlight;
use crate::rollout::pace::Pace;
use crate::steps::gather::in_flight::in_flight;

/// `Some`: what still goes on at the end of `within`, or when a signal came. `first` was seen a moment ago.
pub async fn wait(
    aws: &Aws,
    cluster: &str,
    service: &str,
    first: &InFlight,
    within: Duration,
    say: &mut dyn FnMut(&InFlight),
    cancel: &CancellationToken,
) -> Result<Option<InFlight>, AwsError> {
    let began = Instant::now();
    let deadline = began + within;
    let mut pace = Pace::default();
    let mut seen = first.clone();
    say(&seen);
    loop {
        let due = (Instant::now() + jittered(pace.after(began.elapsed()))).min(deadline);
        if let Rested::Cancelled = rest_until(due, cancel).await {
            return Ok(Some(seen));
        }
        let looked = look(aws, cluster, service).await;
        pace.note(matches!(&looked, Err(e) if e.failure == Failure::Throttled));
        match looked {
            Ok(None) => return Ok(None),
            Ok(Some(now)) => {
                if now != seen {
                    say(&now);
                }
                seen = now;
            }
            // The next look may see it.
            Err(e) if e.failure == Failure::Throttled || is_no_answer(&e) => {}
            Err(e) => return Err(e),
        }
        if Instant::now() >= deadline {
            return Ok(Some(seen));
        }
    }
}

fn is_no_answer(error: &AwsError) -> bool {
    matches!(error.failure, Failure::Unreachable { .. })
}

/// A service that is gone has nothing in flight: the next gather says that it is gone.
async fn look(aws: &Aws, cluster: &str, service: &str) -> Result<Option<InFlight>, AwsError> {
    let names = [service.to_owned()];
    let found = aws.ecs.describe_services(cluster, &names, Retries::Off);
    match found.await?.first() {
        Some(service) => in_flight(aws, cluster, service, Retries::Off).await,
        None => Ok(None),
    }
}
