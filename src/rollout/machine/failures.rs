//! Every way it can end other than well, in the order in which they have to be asked.

use std::time::Duration;

use crate::model::names::family_and_revision;

use super::super::hopeless;
use super::super::observation::find;
use super::super::serving::Proof;
use super::super::superseded::{Primary, primary, same_revision};
use super::super::{News, Observation, RolloutTarget, Sentence, Unseen, WaitUntil, failing};
use super::ending::Verdict;
use super::{MISSING, Rollout};

/// A superseded deployment is STOPPED within a second, but the newer one may be read a little later.
const SETTLE: Duration = Duration::from_secs(5);
/// A newer PRIMARY next to a deployment that seems to go on: were it a rollback's, ECS would have said so by then.
const CONFIRM: Duration = Duration::from_secs(10);

/// Registering takes seconds; a rule that is made at the same time, a little longer.
const UNUSED: Duration = Duration::from_secs(60);

impl Rollout {
    pub(super) fn judge(
        &mut self,
        seen: &Observation,
        proof: &Proof,
        elapsed: Duration,
        news: &mut Vec<News>,
    ) -> Option<Verdict> {
        if self.limits.wait_until == WaitUntil::None {
            return Some(Verdict::started(Sentence::new("Not waited for.")));
        }
        self.note_unused(proof, elapsed);
        self.note_restored(seen);
        if self.restored.is_some() {
            return self
                .service_gone(seen, elapsed)
                .or_else(|| self.back_again(seen, elapsed));
        }
        let doomed = match self.failing {
            Some(_) => None,
            None => failing::hard(seen, &self.target).or_else(|| self.said_by_event(seen)),
        };
        if doomed.is_some() {
            self.note_stopped();
            self.failing = self.ended_by_us().or_else(|| doomed.clone());
        }
        let verdict = self
            .service_gone(seen, elapsed)
            .or_else(|| self.rolled_back(seen, elapsed))
            .or_else(|| self.superseded(seen, elapsed, news))
            .or_else(|| self.stopped(seen, elapsed))
            .or_else(|| self.failed_by_state(seen, elapsed))
            .or_else(|| self.stalled(seen, elapsed))
            .or_else(|| self.vanished(seen, elapsed))
            .or_else(|| self.count_undone(seen, elapsed))
            .or_else(|| self.hopeless())
            .or_else(|| self.fail_fast(seen, news));
        // What we are ending is neither a success nor something to wait for.
        if verdict.is_none() && self.ending.is_some() {
            return None;
        }
        if let (None, Some(why)) = (&verdict, doomed) {
            news.push(News::Doomed { why });
        }
        verdict
            .or_else(|| self.served(seen, proof, elapsed, news))
            .or_else(|| self.paused(seen, elapsed, news))
    }

    /// No deployment, no breaker, nothing to end: a count just comes to nothing.
    fn hopeless(&self) -> Option<Verdict> {
        let stops = &self.evidence.stops;
        if !self.target.is_count() {
            return None;
        }
        hopeless::certain(stops)
            .or_else(|| hopeless::alike(stops))
            .or_else(|| self.unused.clone())
            .map(Verdict::failed)
    }

    /// Whether targets of ours were in no load balancer's use for so long that they will not be.
    fn note_unused(&mut self, proof: &Proof, elapsed: Duration) {
        if !proof.saw_tasks() {
            return;
        }
        let unused = hopeless::not_in_use(&proof.notes);
        let long = self
            .timers
            .unused
            .at_least(UNUSED, unused.is_some(), elapsed);
        self.unused = unused.filter(|_| long);
    }

    /// Where the service deployment cannot be read, an event that speaks of rolling back is all the evidence there is.
    fn said_by_event(&self, seen: &Observation) -> Option<Sentence> {
        if seen.deployment.is_ok() || !self.rollout_state_suffices(seen) {
            return None;
        }
        let service = seen.service.as_ref().ok()?;
        let event = failing::says_rolling_back(service, &self.target, &self.teller.since)?;
        Some(Sentence::new("ECS says: ").quote(&event.message))
    }

    fn service_gone(&mut self, seen: &Observation, elapsed: Duration) -> Option<Verdict> {
        if let Ok(service) = &seen.service {
            self.timers.gone.at_least(MISSING, false, elapsed);
            return matches!(service.status.as_str(), "DRAINING" | "INACTIVE").then(|| {
                Verdict::failed(Sentence::new(format!(
                    "The service was deleted: its status is {}.",
                    service.status
                )))
            });
        }
        if seen.service == Err(Unseen::Absent) && self.timers.gone.at_least(MISSING, true, elapsed)
        {
            return Some(Verdict::unknown(Sentence::new("The service is gone.")));
        }
        None
    }

    fn rolled_back(&mut self, seen: &Observation, elapsed: Duration) -> Option<Verdict> {
        let deployment = seen.deployment.as_ref().ok()?;
        if self.target.is_count() {
            return None;
        }
        let verdict = match deployment.status.as_str() {
            "ROLLBACK_SUCCESSFUL" => Verdict::rolled_back,
            "ROLLBACK_FAILED" => Verdict::failed,
            _ => return None,
        };
        // What serves now is half of the answer: worth a few more looks when the service was not seen.
        if seen.service.is_err() && !self.timers.over_unseen.at_least(SETTLE, true, elapsed) {
            return None;
        }
        let ecs = failing::worded(&deployment.status, failing::reason_of(deployment));
        let failed_too = "Going back failed too: the revision of before does not come up either.";
        Some(match (self.ended_by_us(), deployment.status.as_str()) {
            (None, "ROLLBACK_SUCCESSFUL") => verdict(ecs),
            (Some(why), "ROLLBACK_SUCCESSFUL") => verdict(why),
            (ours, _) => verdict(ours.unwrap_or(ecs)).and(Sentence::new(failed_too)),
        })
    }

    /// Asked before "stopped". A newer PRIMARY counts while ours did not fail and nothing says "rolling back".
    fn superseded(
        &mut self,
        seen: &Observation,
        elapsed: Duration,
        news: &mut Vec<News>,
    ) -> Option<Verdict> {
        let service = seen.service.as_ref().ok()?;
        let Primary::Newer(newer) = primary(service, self.target.ours()) else {
            self.timers.newer.at_least(CONFIRM, false, elapsed);
            return None;
        };
        let known = seen.deployment.is_ok() || self.rollout_state_suffices(seen);
        if !known || self.failing.is_some() || failing::soft(seen, &self.target, &self.teller.since)
        {
            return None;
        }
        if self.newer_told.as_ref() != Some(&newer.id) {
            self.newer_told = Some(newer.id.clone());
            news.push(News::NewerPrimary {
                deployment_id: newer.id.clone(),
                task_definition: newer.task_definition.clone(),
            });
        }
        let settled = matches!(&seen.deployment, Ok(d) if matches!(d.status.as_str(), "STOPPED" | "STOP_REQUESTED" | "SUCCESSFUL"));
        // Of a revision that served before ours it may be a rollback's: then only ECS's own word settles it.
        let back_again = self.earlier.contains(&newer.task_definition)
            && !same_revision(newer, self.target.ours());
        let confirm = if back_again { MISSING } else { CONFIRM };
        let confirmed = self.timers.newer.at_least(confirm, true, elapsed);
        if back_again && !settled {
            return (confirmed && seen.deployment.is_err()).then(|| {
                Verdict::unknown(Sentence::new(format!(
                    "PRIMARY is {} of the earlier {} again, and nothing says why.",
                    newer.id,
                    family_and_revision(&newer.task_definition)
                )))
            });
        }
        if !settled && !confirmed {
            return None;
        }
        if !same_revision(newer, self.target.ours()) {
            return Some(Verdict::superseded(newer, self.limits.on_superseded));
        }
        news.push(News::Adopted {
            from: self.target.ours().deployment_id.clone(),
            to: newer.id.clone(),
        });
        self.adopt(newer.id.clone(), newer.created_at);
        None
    }

    /// STOPPED and nothing newer; a breaker without rollback ends like this, too.
    fn stopped(&mut self, seen: &Observation, elapsed: Duration) -> Option<Verdict> {
        let deployment = seen.deployment.as_ref().ok()?;
        let stopped = deployment.status == "STOPPED";
        if stopped && seen.service.is_err() {
            return None;
        }
        let settled = self.timers.stopped.at_least(SETTLE, stopped, elapsed);
        (stopped && (settled || failing::triggered(deployment))).then(|| {
            let ecs = failing::worded("STOPPED", failing::reason_of(deployment));
            match self.ended_by_us() {
                Some(why) => Verdict::failed(why).and(ecs),
                None => Verdict::failed(ecs),
            }
        })
    }

    /// Where service deployments cannot be read, `rolloutState` and PRIMARY tell how a failing one ends.
    fn failed_by_state(&mut self, seen: &Observation, elapsed: Duration) -> Option<Verdict> {
        let why = self.failing.clone()?;
        if seen.deployment.is_ok() || !self.rollout_state_suffices(seen) {
            return None;
        }
        let service = seen.service.as_ref().ok()?;
        if primary(service, self.target.ours()) == Primary::Ours {
            let configuration = &service.deployment_configuration;
            let rolls_back = configuration
                .circuit_breaker
                .as_ref()
                .is_some_and(|b| b.rollback)
                || configuration.alarms.as_ref().is_some_and(|a| a.rollback);
            let waited = self.timers.failed_state.at_least(MISSING, true, elapsed);
            return match (rolls_back, waited) {
                (true, false) => None,
                (true, true) => Some(Verdict::failed(why).and(Sentence::new(
                    "There is nothing to roll back to, or ECS has not begun to.",
                ))),
                (false, _) => Some(Verdict::failed(why)),
            };
        }
        let primary = service.primary()?;
        match primary.rollout_state.as_deref() {
            // Somebody deployed another one after it had failed.
            Some("COMPLETED") | None if !self.earlier.contains(&primary.task_definition) => {
                Some(Verdict::failed(why).and(Sentence::new(format!(
                    "Meanwhile a newer deployment took over: {} of {}.",
                    primary.id,
                    family_and_revision(&primary.task_definition)
                ))))
            }
            Some("COMPLETED") | None => Some(Verdict::rolled_back(why)),
            Some("FAILED") => Some(Verdict::failed(why)),
            Some(_) => None,
        }
    }

    /// The breaker went off and there is no completed deployment to return to: ECS launches nothing more, and says no more.
    fn stalled(&mut self, seen: &Observation, elapsed: Duration) -> Option<Verdict> {
        let deployment = seen.deployment.as_ref().ok()?;
        let service = seen.service.as_ref().ok()?;
        let state_failed = find(service, self.target.ours())
            .is_some_and(|d| d.rollout_state.as_deref() == Some("FAILED"));
        let stalled = matches!(deployment.status.as_str(), "PENDING" | "IN_PROGRESS")
            && (state_failed || failing::triggered(deployment))
            && (deployment.source_service_revision_arns.is_empty()
                // What it replaces may never have completed either.
                || service.deployments.iter().all(|d| d.rollout_state.as_deref() != Some("COMPLETED")));
        self.timers
            .stalled
            .at_least(MISSING, stalled, elapsed)
            .then(|| {
                Verdict::failed(self.failing.clone().unwrap_or_else(|| {
                    failing::worded("Circuit breaker TRIGGERED", failing::reason_of(deployment))
                }))
                .and(Sentence::new(
                    "There is nothing to roll back to: ECS launches nothing more.",
                ))
            })
    }

    fn vanished(&mut self, seen: &Observation, elapsed: Duration) -> Option<Verdict> {
        let service = seen.service.as_ref().ok()?;
        let missing = find(service, self.target.ours()).is_none();
        let alive = seen.deployment.is_ok() || !self.rollout_state_suffices(seen);
        if alive && missing {
            return None;
        }
        self.timers
            .missing
            .at_least(MISSING, missing, elapsed)
            .then(|| {
                Verdict::unknown(Sentence::new(format!(
                    "Deployment {} is no longer among the service's deployments, and nothing says why.",
                    self.target.ours().deployment_id
                )))
            })
    }

    fn count_undone(&mut self, seen: &Observation, elapsed: Duration) -> Option<Verdict> {
        let RolloutTarget::Count { desired, .. } = self.target else {
            return None;
        };
        let now = seen.service.as_ref().ok()?.desired_count;
        self.count_seen |= now == desired || elapsed >= MISSING;
        let undone = self.count_seen && (now == 0) != (desired == 0);
        self.timers
            .count_undone
            .at_least(MISSING, undone, elapsed)
            .then(|| {
                Verdict::failed(Sentence::new(format!(
                    "The desired count is {now}, not {desired}: something else sets it (a scalable target's minimum, or a person)."
                )))
            })
    }
}
