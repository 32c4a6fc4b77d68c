//! The one loop that waits: look, let the rollout decide, say what is new, sleep as the pace says. Decides nothing.

mod act;
pub mod fleet;
mod look;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::aws::{Aws, AwsError};
use crate::rollout::{
    Action, Ended, Limits, News, Next, Observation, Rollout, RolloutTarget, Step, pace,
};

/// One look may take this long. Each call has its own limit, of which several follow one another.
const LOOK: Duration = Duration::from_secs(20);
/// The look at the deadline may go on for this long beyond it, and no longer: the limit is meant.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// Follows one service's rollout to its end.
pub async fn watch(
    aws: &Aws,
    cluster: &str,
    service: &str,
    target: RolloutTarget,
    limits: Limits,
    say: &mut dyn FnMut(&News),
    cancel: &CancellationToken,
) -> Result<Ended, AwsError> {
    let mut watched = [Watched::start(service.to_owned(), target, limits)];
    run(aws, cluster, &mut watched, &mut |_, news| say(news), cancel).await?;
    let [one] = watched;
    Ok(one.into_ended())
}

/// One service on its way.
struct Watched {
    service: String,
    rollout: Rollout,
    began: Instant,
    deadline: Instant,
    due: Instant,
    /// What ECS is to be asked for before the next look.
    act: Option<Action>,
    ended: Option<Ended>,
}

impl Watched {
    fn start(service: String, target: RolloutTarget, limits: Limits) -> Watched {
        let now = Instant::now();
        Watched {
            service,
            began: now,
            deadline: now + limits.wait_for,
            due: now,
            rollout: Rollout::start(target, limits),
            act: None,
            ended: None,
        }
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// One look, bounded: what did not come in time was not seen.
    async fn look(&self, aws: &Aws, cluster: &str) -> Result<Observation, AwsError> {
        let now = Instant::now();
        let until = if now < self.deadline {
            self.deadline.min(now + LOOK)
        } else {
            now + LAST_LOOK
        };
        let look = look::look(aws, cluster, &self.service, &self.rollout, self.began);
        match timeout_at(until, look).await {
            Ok(seen) => seen,
            Err(_) => Ok(look::unreachable(&self.rollout)),
        }
    }

    /// A look that the deadline cut short is no last look.
    fn observe(&mut self, seen: Observation, looked_at: Instant, say: &mut dyn FnMut(&str, &News)) {
        let elapsed = if looked_at < self.deadline {
            self.elapsed()
                .min((self.deadline - self.began).saturating_sub(pace::CLOSEST))
        } else {
            self.elapsed()
        };
        let step = self.rollout.observe(seen, elapsed);
        self.follow(step, say);
    }

    /// One action, if there is one to take. What came of it leads to a look at once, or to another action.
    async fn act(
        &mut self,
        aws: &Aws,
        cluster: &str,
        say: &mut dyn FnMut(&str, &News),
        cancel: &CancellationToken,
    ) -> Result<(), AwsError> {
        let Some(action) = self.act.take() else {
            return Ok(());
        };
        let place = act::Place {
            aws,
            cluster,
            service: &self.service,
            deployment_id: &self.rollout.target().ours().deployment_id,
        };
        let no_later_than = self.deadline + LAST_LOOK;
        let acted = act::act(place, &action, no_later_than, cancel).await?;
        let step = self.rollout.acted(&action, acted);
        self.follow(step, say);
        Ok(())
    }

    fn follow(&mut self, step: Step, say: &mut dyn FnMut(&str, &News)) {
        for news in &step.news {
            say(&self.service, news);
        }
        match step.next {
            Next::Done(ended) => self.ended = Some(*ended),
            Next::LookAgain { after, exact } => {
                let after = if exact { after } else { jittered(after) };
                self.due = (Instant::now() + after).min(self.deadline);
            }
            Next::Act(action) => {
                self.act = Some(action);
                self.due = Instant::now();
            }
        }
    }

    fn cancelled(&mut self) {
        if self.ended.is_none() {
            self.ended = Some(self.rollout.cancelled(self.elapsed()));
        }
    }

    fn into_ended(self) -> Ended {
        let elapsed = self.elapsed();
        self.ended
            .unwrap_or_else(|| self.rollout.cancelled(elapsed))
    }
}

async fn run(
    aws: &Aws,
    cluster: &str,
    watched: &mut [Watched],
    say: &mut dyn FnMut(&str, &News),
    cancel: &CancellationToken,
) -> Result<(), AwsError> {
    loop {
        let waiting = || watched.iter().filter(|w| w.ended.is_none());
        let Some(due) = waiting().map(|w| w.due).min() else {
            return Ok(());
        };
        let rested = rest_until(due, cancel).await;
        let now = Instant::now();
        let looks = watched
            .iter()
            .enumerate()
            .filter(|(_, w)| w.ended.is_none() && w.due <= now)
            .map(|(at, w)| async move { (at, w.look(aws, cluster).await) });
        let looks = async {
            match rested {
                Rested::Cancelled => None,
                Rested::Due => Some(futures_util::future::join_all(looks).await),
            }
        };
        let seen = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            seen = looks => seen,
        };
        let Some(seen) = seen else {
            watched.iter_mut().for_each(Watched::cancelled);
            return Ok(());
        };
        for (at, seen) in seen {
            watched[at].observe(seen?, now, say);
            watched[at].act(aws, cluster, say, cancel).await?;
        }
    }
}

enum Rested {
    Due,
    Cancelled,
}

/// The one place that sleeps.
async fn rest_until(due: Instant, cancel: &CancellationToken) -> Rested {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Rested::Cancelled,
        () = sleep_until(due) => Rested::Due,
    }
}

/// ± 10 %, so that deploys which were started together do not stay in step.
fn jittered(after: Duration) -> Duration {
    let factor = 1.0 + pace::JITTER * (2.0 * fastrand::f64() - 1.0);
    after.mul_f64(factor)
}
