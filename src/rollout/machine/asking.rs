//! What to look at: only what can change the answer, for AWS rations its calls.

use std::time::Duration;

use super::super::observation::find;
use super::super::pace::PROOF_EVERY;
use super::super::serving::desired_now;
use super::super::{Ask, Observation, failing};
use super::Rollout;
use super::grouping::Groups;

/// A service deployment that was not there is asked for again this often.
const ASK_AGAIN: Duration = Duration::from_secs(30);

impl Rollout {
    /// Whether the first half of a look should ask for the service deployment.
    pub fn asks_deployment(&self, elapsed: Duration) -> bool {
        let again = || {
            self.asked_deployment_at
                .is_none_or(|at| elapsed >= at + ASK_AGAIN)
        };
        !self.target.is_count() && !self.deployments_denied && (!self.by_rollout_state || again())
    }

    /// What the second half should ask for, by what the first half saw.
    pub fn ask(&self, seen: &Observation, elapsed: Duration) -> Ask {
        let Ok(service) = &seen.service else {
            return Ask::default();
        };
        let listed = find(service, self.target.ours());
        let runs = listed.is_some_and(|d| d.running_count > 0);
        let nothing_desired = listed.is_some() && desired_now(service, listed) == 0;
        let changed = self.teller.would_change(service, &self.target);
        let last = elapsed >= self.limits.wait_for;
        let doomed = self.failing.is_some() || failing::hard(seen, &self.target).is_some();
        let stopped = matches!(&seen.deployment, Ok(d) if d.status.starts_with("STOP"));
        // A short window needs its looks closer, but only once it is on.
        let every = match self.window.begun() {
            Some(_) => self.window.proof_every(),
            None => PROOF_EVERY,
        };
        // Now is better than the next look when that would come later than now is early.
        let every = every.saturating_sub(self.pace.after(elapsed) / 2);
        // What serves now is half of the answer.
        let over = last
            || matches!(&seen.deployment, Ok(d) if matches!(d.status.as_str(), "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED" | "STOPPED"));
        if let Some(restored) = &self.restored {
            let runs = service
                .deployments
                .iter()
                .any(|d| d.id == restored.deployment_id && d.running_count > 0);
            let due = over || (runs && self.asked_at.is_none_or(|at| elapsed >= at + every));
            return Ask {
                tasks: !self.tasks_denied && due,
                stopped_tasks: !self.tasks_denied && (changed || self.teller.stopping || last),
                targets: self.asks_targets() && due,
            };
        }
        // Of a count ECS says nothing.
        let waits_for_ecs =
            !self.target.is_count() && (self.waits_for_deployed() || nothing_desired);
        let proven = self.waits_for_deployed() && self.unmet.is_empty() && self.asked_at.is_some();
        let due = last
            || self.window.ends().is_some_and(|end| elapsed >= end)
            || (waits_for_ecs && self.ecs_is_done(seen))
            || (!proven && self.asked_at.is_none_or(|at| elapsed >= at + every));
        // Once that is known, only what changes is worth a look at the tasks.
        let newly_doomed = doomed && self.failing.is_none();
        let due_tasks = (runs || nothing_desired) && due && !doomed;
        Ask {
            tasks: !self.tasks_denied && (changed || over || due_tasks),
            stopped_tasks: !self.tasks_denied
                && (changed || self.teller.stopping || newly_doomed || stopped || over),
            targets: self.asks_targets() && (over || (runs && due && !doomed)),
        }
    }

    pub(super) fn asks_targets(&self) -> bool {
        let settled = matches!(self.groups, Groups::Settled);
        settled && self.reads_targets() && !self.target.ours().target_groups.is_empty()
    }

    pub(super) fn reads_targets(&self) -> bool {
        !self.targets_denied && !matches!(self.groups, Groups::Unreadable)
    }
}
