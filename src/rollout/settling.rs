//! When one of many services is worth a complete look, for AWS rations the calls that it takes: a read of ten services costs
//! what one service's tasks cost. Knows only what the service itself shows.

use std::time::Duration;

use crate::model::service::Service;

use super::observation::find;
use super::{Ask, RolloutTarget};

/// As many tasks as desired run, for so long: what crashes at its start has crashed by then.
const SETTLED: Duration = Duration::from_secs(6);
/// The same where a load balancer or a container's health check asks them besides.
const SETTLED_IF_CHECKED: Duration = Duration::from_secs(4);
/// After a look that did not find them healthy, unless ECS says meanwhile that they are.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(10),
    Duration::from_secs(15),
    Duration::from_secs(30),
];
/// What takes longer to start is asked for its stopped tasks, whether or not it shows any sign of them.
const SLOW: Duration = Duration::from_secs(45);
/// A service event that ECS writes once it finds all of it healthy, and words of those about tasks that came to nothing.
const STEADY: &str = "has reached a steady state";
const TROUBLE: [&str; 4] = ["unable to", "failed", "unhealthy", "has stopped"];

#[derive(Debug, Default)]
pub struct Settling {
    /// Since when as many run as are desired.
    full_since: Option<Duration>,
    running: u32,
    failed: u32,
    settles_at: Option<Duration>,
    /// Events that were seen, in number: they only grow.
    troubles: usize,
    steady: usize,
    looks: usize,
    looked_at: Option<Duration>,
    asked_for_stops_at: Option<Duration>,
}

impl Settling {
    /// When the first complete look is worth it, if nothing happens.
    pub fn settles_at(&self) -> Option<Duration> {
        self.settles_at.filter(|_| self.looked_at.is_none())
    }

    /// Of what the rollout would ask for, what this service is worth now; all of it when its time is over.
    pub fn worth(
        &mut self,
        service: &Service,
        target: &RolloutTarget,
        wanted: Ask,
        elapsed: Duration,
    ) -> Ask {
        let RolloutTarget::Count {
            ours, events_after, ..
        } = target
        else {
            return wanted;
        };
        let listed = find(service, ours);
        let (running, failed) = listed.map_or((0, 0), |d| (d.running_count, d.failed_tasks));
        let since = |word: &str| {
            let events = service.events.iter();
            events
                .filter(|e| e.created_at > *events_after && e.message.contains(word))
                .count()
        };
        let troubles: usize = TROUBLE.iter().map(|w| since(w)).sum();
        let steady = since(STEADY);
        let full = running >= service.desired_count && running > 0;
        let in_trouble = running < self.running || failed > self.failed || troubles > self.troubles;
        self.full_since = match full && !in_trouble {
            true => self.full_since.or(Some(elapsed)),
            false => None,
        };
        (self.running, self.failed, self.troubles) = (running, failed, troubles);

        let checked = !ours.target_groups.is_empty() || !ours.health_checked.is_empty();
        let length = if checked { SETTLED_IF_CHECKED } else { SETTLED };
        self.settles_at = self.full_since.map(|since| since + length);
        let settled = self.settles_at.is_some_and(|at| elapsed >= at);
        let again = AGAIN[self.looks.min(AGAIN.len() - 1)];
        let due = self.looked_at.is_none_or(|at| elapsed >= at + again) || steady > self.steady;
        let complete = settled && due;
        if complete {
            self.looks += usize::from(self.looked_at.is_some());
            self.looked_at = Some(elapsed);
            self.steady = steady;
        }
        let since_stops = elapsed.saturating_sub(self.asked_for_stops_at.unwrap_or_default());
        let slow = !full && since_stops >= SLOW;
        // The rollout wants more of it: a task was on its way to STOPPED, and its exit codes were not in.
        let more =
            wanted.stopped_tasks && self.asked_for_stops_at.is_some() && since_stops < AGAIN[0];
        let stops = in_trouble || slow || more;
        if stops {
            self.asked_for_stops_at = Some(elapsed);
        }
        Ask {
            tasks: wanted.tasks && complete,
            stopped_tasks: stops,
            targets: wanted.targets && complete,
        }
    }
}
