//! A deployment that cannot succeed is ended early: when that is certain, what there is to go back to, and how ECS is asked.
//! Never once ECS began to roll back by itself.

use crate::model::names::family_and_revision;

use super::super::observation::find;
use super::super::superseded::{Primary, primary};
use super::super::{
    Acted, Action, News, Observation, OnFailure, RolloutTarget, Sentence, failing, hopeless,
};
use super::Rollout;
use super::ending::Verdict;

/// So often is ECS asked for the same when it does not answer.
const ASKS: u32 = 3;

/// Our ending of a deployment.
#[derive(Debug)]
pub(super) struct Ending {
    why: Sentence,
    asks: u32,
    /// Why ECS does not stop it, and why it does not go back either.
    no_stop: Option<Sentence>,
    no_restore: Option<Sentence>,
    restore_sent: bool,
    /// ECS was asked to stop it, and did not answer.
    stop_unanswered: bool,
    /// ECS does as it was asked.
    done: bool,
    /// ECS called it done before: there is nothing to stop any more.
    over: bool,
}

/// Where ECS is with it.
enum Phase {
    InFlight,
    /// ECS calls it done, and yet its tasks do not stay.
    Over,
}

/// Whether the user's circuit breaker counts what stops.
#[derive(Debug, Default)]
pub(super) struct Counted {
    stops: usize,
    /// The first look at stopped tasks is over: what it showed makes nobody act.
    begun: bool,
    /// Failures that were seen before this look.
    seen: usize,
    /// Its count was lower than that: not all of them count, whyever.
    missed: bool,
    /// One came that was not judged yet. What is long past condemns nothing that has recovered since.
    fresh: bool,
    /// Stops of the deployment that was followed before this one of the same revision: whoever began it anew knows of them.
    before: usize,
    /// Stops from before ECS called it done: it came up in spite of them.
    forgiven: Option<usize>,
}

impl Rollout {
    /// What the breaker says in this look of failures that were seen before it.
    pub(super) fn note_counted(&mut self, seen: &Observation) {
        let stops = self.evidence.stops.len();
        if self.counted.begun {
            self.counted.fresh |= stops > self.counted.stops;
        }
        // Of what is followed and was not made now, some may be an hour old.
        self.counted.begun |= seen.stopped_tasks.is_ok();
        self.counted.stops = stops;
        if let Some(count) = self.breakers_count(seen) {
            self.counted.missed |= (count as usize) < self.counted.seen;
            self.counted.seen = self.evidence.stops.len();
        }
    }

    /// Another deployment of the same revision is followed from here on.
    pub(super) fn count_anew(&mut self) {
        self.counted = Counted {
            before: self.evidence.stops.len(),
            ..Counted::default()
        };
    }

    fn breakers_count(&self, seen: &Observation) -> Option<u32> {
        let service = seen.service.as_ref().ok()?;
        let listed = find(service, self.target.ours())?;
        let breaker = seen.deployment.as_ref().ok();
        let breaker = breaker.and_then(|d| d.circuit_breaker.as_ref());
        Some(
            listed
                .failed_tasks
                .max(breaker.map_or(0, |b| b.failure_count)),
        )
    }

    /// Whether a breaker will end it that counts every failed task.
    fn breaker_counts(&self) -> bool {
        let Some(service) = &self.service else {
            return true;
        };
        let configuration = &service.deployment_configuration;
        let enabled = configuration
            .circuit_breaker
            .as_ref()
            .is_some_and(|b| b.enable);
        let at_work = self
            .deployment
            .as_ref()
            .and_then(|d| d.circuit_breaker.as_ref())
            .is_none_or(|b| !matches!(b.status.as_str(), "DISABLED" | "MONITORING_COMPLETE"));
        enabled && at_work && failing::is_rolling(service)
    }

    /// By default a task that becomes healthy sets the breaker's count to zero, even if it crashes a moment later.
    fn breaker_resets(&self) -> bool {
        let breaker = self
            .service
            .as_ref()
            .and_then(|s| s.deployment_configuration.circuit_breaker.as_ref());
        breaker.is_none_or(|b| b.reset_on_healthy_task != Some(false))
    }

    /// Why no later task will fare better. `over`: no breaker works any more.
    fn conclusive(&self, over: bool) -> Option<Sentence> {
        let from = match over {
            true => self.counted.forgiven.unwrap_or(self.counted.before),
            false => self.counted.before,
        };
        let stops = self.evidence.stops.get(from..).unwrap_or_default();
        hopeless::certain(stops).or_else(|| {
            if !self.breaker_counts() || over {
                return hopeless::alike(stops);
            }
            let served = || stops.iter().filter(|t| self.health.was_healthy(&t.arn));
            let by_health = match self.breaker_resets() {
                true => hopeless::alike(served()),
                false => None,
            };
            // Its count fell, for a task that no look found healthy, and none is healthy now: it comes up and falls over.
            let misses =
                self.counted.missed && self.teller.healthy_now().is_none_or(|h| h.healthy == 0);
            by_health.or_else(|| misses.then(|| hopeless::alike(stops)).flatten())
        })
    }

    pub(super) fn fail_fast(
        &mut self,
        seen: &Observation,
        news: &mut Vec<News>,
    ) -> Option<Verdict> {
        if !self.limits.fail_fast || self.target.is_count() || self.failing.is_some() {
            return None;
        }
        let over = match self.phase(seen)? {
            Phase::InFlight => false,
            Phase::Over => true,
        };
        if over {
            let stops = self.evidence.stops.len();
            self.counted.forgiven.get_or_insert(stops);
        }
        if over && self.ending.as_ref().is_some_and(|e| !e.over) {
            // It came up before it could be ended.
            self.ending = None;
        }
        if self.ending.is_none() {
            let fresh = std::mem::take(&mut self.counted.fresh);
            let stops = fresh.then(|| self.conclusive(over)).flatten();
            self.ending = Some(Ending {
                why: stops.or_else(|| self.unused.clone())?,
                asks: 0,
                no_stop: None,
                no_restore: None,
                restore_sent: false,
                stop_unanswered: false,
                done: false,
                over,
            });
        }
        self.end_it(news)
    }

    /// Seen in this look: ours is PRIMARY, and nothing says that ECS gave up.
    fn phase(&self, seen: &Observation) -> Option<Phase> {
        let service = seen.service.as_ref().ok()?;
        if primary(service, self.target.ours()) != Primary::Ours
            || failing::soft(seen, &self.target, &self.teller.since)
        {
            return None;
        }
        if self.ecs_is_done(seen) {
            return Some(Phase::Over);
        }
        let works = match &seen.deployment {
            Ok(deployment) => matches!(deployment.status.as_str(), "PENDING" | "IN_PROGRESS"),
            Err(_) if self.rollout_state_suffices(seen) => find(service, self.target.ours())
                .is_some_and(|d| matches!(d.rollout_state.as_deref(), None | Some("IN_PROGRESS"))),
            Err(_) => false,
        };
        works.then_some(Phase::InFlight)
    }

    fn end_it(&mut self, news: &mut Vec<News>) -> Option<Verdict> {
        let ending = self.ending.as_ref()?;
        let why = ending.why.clone();
        if self.limits.on_failure == OnFailure::Keep {
            let keep = Sentence::default().code("on-failure").text(" is ");
            let keep = keep.code("keep").text(": ");
            return Some(Verdict::failed(why).and(self.goes_on(keep)));
        }
        let arn = match &self.target {
            RolloutTarget::Deployment {
                service_deployment: Some(arn),
                ..
            } if self.deployment.is_some() && !self.by_rollout_state && !ending.over => {
                Some(arn.clone())
            }
            _ => None,
        };
        let previous = self.target.ours().previous.clone();
        let replaces = self
            .deployment
            .as_ref()
            .is_some_and(|d| !d.source_service_revision_arns.is_empty());
        if previous.is_none() && (!replaces || ending.over) {
            return Some(self.nothing_to_return_to(why));
        }
        if let (Some(service_deployment_arn), None) = (arn, &ending.no_stop) {
            let stop = Action::StopServiceDeployment {
                service_deployment_arn,
            };
            self.ask_for(stop, why, news);
            return None;
        }
        let Some(task_definition) = previous else {
            return Some(self.nothing_to_return_to(why));
        };
        let rolling = self.service.as_ref().is_some_and(failing::is_rolling);
        let another = task_definition != self.target.ours().task_definition;
        if another && rolling && ending.no_restore.is_none() {
            self.ask_for(Action::RestoreTaskDefinition { task_definition }, why, news);
            return None;
        }
        let no = ending.no_restore.clone().or(ending.no_stop.clone());
        let mut verdict = Verdict::failed(why);
        if let Some(no) = no {
            verdict = verdict.and(no);
        }
        Some(verdict.and(self.goes_on(Sentence::new("It could not be ended: "))))
    }

    fn nothing_to_return_to(&self, why: Sentence) -> Verdict {
        Verdict::failed(why).and(self.goes_on(Sentence::new("There is nothing to roll back to: ")))
    }

    /// What ECS is left at, and what would end it.
    fn goes_on(&self, because: Sentence) -> Sentence {
        let ours = self.target.ours();
        let goes_on = because
            .text("ECS goes on trying with deployment ")
            .code(ours.deployment_id.as_str())
            .text(", until another one takes its place");
        match self
            .deployment
            .as_ref()
            .filter(|d| d.status != "SUCCESSFUL")
        {
            Some(deployment) => goes_on
                .text(" or it is stopped: ")
                .code(format!(
                    "aws ecs stop-service-deployment --service-deployment-arn {}",
                    deployment.arn
                ))
                .text("."),
            None => goes_on.text("."),
        }
    }

    /// What came of asking for an end.
    pub(super) fn end_answered(&mut self, action: &Action, acted: Acted) {
        let Some(ending) = &mut self.ending else {
            return;
        };
        let stops = matches!(action, Action::StopServiceDeployment { .. });
        // What was refused was not carried out: what another does then is not ours.
        ending.restore_sent |= !stops && !matches!(acted, Acted::Denied(_) | Acted::Refused { .. });
        let no = match acted {
            Acted::Done => None,
            Acted::Restored {
                deployment_id,
                created_at,
            } => {
                self.restored = Some(Restored {
                    deployment_id,
                    created_at,
                });
                None
            }
            Acted::Denied(permission) => {
                Some(Sentence::default().code(permission).text(" is denied."))
            }
            // It was asked before and may be at it: the next looks tell.
            Acted::Refused { conflict: true, .. }
                if ending.stop_unanswered && ending.asks < ASKS =>
            {
                ending.asks += 1;
                return;
            }
            Acted::Refused { message, .. } => {
                Some(Sentence::new(format!("{} was refused: ", action.operation())).quote(&message))
            }
            Acted::Unanswered => {
                ending.asks += 1;
                ending.stop_unanswered |= stops;
                if ending.asks < ASKS {
                    return;
                }
                ending.asks = 0;
                Some(Sentence::new(format!(
                    "{} was not answered.",
                    action.operation()
                )))
            }
        };
        match no {
            None => {
                ending.done = true;
                self.failing = Some(ending.why.clone());
            }
            Some(no) if stops => ending.no_stop = Some(no),
            Some(no) => ending.no_restore = Some(no),
        }
    }

    /// Why we ended it, where that was us.
    pub(super) fn ended_by_us(&self) -> Option<Sentence> {
        let ending = self.ending.as_ref().filter(|e| e.done)?;
        Some(ending.why.clone())
    }

    /// ECS goes back, and was asked to without having answered: then that is ours.
    pub(super) fn note_stopped(&mut self) {
        if let Some(ending) = self.ending.as_mut().filter(|e| e.stop_unanswered) {
            ending.done = true;
        }
    }

    /// Whether that is what we are about, whatever came of it.
    pub(super) fn ending_why(&self) -> Option<Sentence> {
        self.ending.as_ref().map(|ending| ending.why.clone())
    }
}

/// The deployment that went back to the revision of before.
#[derive(Clone, Debug)]
pub(super) struct Restored {
    pub deployment_id: String,
    pub created_at: Option<jiff::Timestamp>,
}

impl Rollout {
    /// An UpdateService without an answer, which a look shows to have been carried out.
    pub(super) fn note_restored(&mut self, seen: &Observation) {
        let sent = self.ending.as_ref().is_some_and(|e| e.restore_sent);
        if self.restored.is_some() || !sent {
            return;
        }
        let Ok(service) = &seen.service else { return };
        if let Primary::Newer(newer) = primary(service, self.target.ours())
            && self.target.ours().previous.as_ref() == Some(&newer.task_definition)
        {
            self.restored = Some(Restored {
                deployment_id: newer.id.clone(),
                created_at: newer.created_at,
            });
            if let Some(ending) = &mut self.ending {
                ending.done = true;
                self.failing = Some(ending.why.clone());
            }
        }
    }

    /// The way back, followed until ECS calls it done or it serves.
    pub(super) fn back_again(
        &mut self,
        seen: &Observation,
        elapsed: std::time::Duration,
    ) -> Option<Verdict> {
        let restored = self.restored.clone()?;
        let service = seen.service.as_ref().ok()?;
        let why = self.failing.clone().unwrap_or_default();
        let listed = service
            .deployments
            .iter()
            .find(|d| d.id == restored.deployment_id);
        let Some(listed) = listed else {
            let newer = service
                .primary()
                .filter(|p| p.created_at > restored.created_at);
            if let Some(newer) = newer {
                return Some(Verdict::failed(why).and(Sentence::new(format!(
                    "Meanwhile a newer deployment took over: {} of {}.",
                    newer.id,
                    family_and_revision(&newer.task_definition)
                ))));
            }
            return (self.timers.missing)
                .at_least(super::MISSING, true, elapsed)
                .then(|| {
                    Verdict::failed(why).and(Sentence::new(format!(
                        "Deployment {} that went back is no longer among the service's deployments.",
                        restored.deployment_id
                    )))
                });
        };
        match listed.rollout_state.as_deref() {
            Some("COMPLETED") => return Some(Verdict::rolled_back(why)),
            Some("FAILED") => {
                let failed = Sentence::new("Going back failed too: ");
                let reason = listed.rollout_state_reason.clone().unwrap_or_default();
                return Some(Verdict::failed(why).and(failed.quote(&reason)));
            }
            _ => {}
        }
        let desired = service.desired_count;
        let looked =
            seen.tasks.is_ok() && (!self.asks_targets() || seen.targets.iter().all(|t| t.is_ok()));
        let serves = desired > 0
            && looked
            && self.healthy_in(seen, service, listed) >= desired
            && find(service, self.target.ours()).is_none_or(|d| d.running_count == 0);
        serves.then(|| Verdict::rolled_back(why))
    }
}
