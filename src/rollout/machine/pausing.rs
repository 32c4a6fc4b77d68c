//! Lifecycle hooks: one that waits for a person is an end, something to wait for, or something to continue, as the settings
//! say; one that failed is a reason.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::service::{LifecycleHook, ServiceDeployment};
use crate::model::verdict::Status;

use super::super::failing::reason_of;
use super::super::reason::moment;
use super::super::{Acted, Action, News, Observation, OnPause, Sentence, WaitUntil, bakes};
use super::ending::Verdict;
use super::{MISSING, Rollout};

/// When each hook was asked to go on; `None` once ECS would not.
pub(super) type Continued = BTreeMap<String, Option<Duration>>;

impl Rollout {
    /// Asked last: a stage that was to be reached may be the one that waits.
    pub(super) fn paused(
        &mut self,
        seen: &Observation,
        elapsed: Duration,
        news: &mut Vec<News>,
    ) -> Option<Verdict> {
        let deployment = seen.deployment.as_ref().ok()?;
        let hook = waiting(deployment).filter(|_| self.failing.is_none())?;
        match self.limits.on_pause {
            OnPause::Wait => None,
            OnPause::Return => {
                let mut verdict = Verdict::paused(waits(hook, deployment));
                if let Some(traffic) = traffic(deployment) {
                    verdict = verdict.and(traffic);
                }
                Some(verdict.and(how_to_continue(hook, deployment)))
            }
            OnPause::Continue => {
                let asked = self.continued.get(&hook.id);
                // A look may be older than the answer; and an answer may never have come.
                let due = asked.is_none_or(|at| at.is_some_and(|at| elapsed >= at + MISSING));
                if due {
                    self.continued.insert(hook.id.clone(), Some(elapsed));
                    let action = Action::ContinueServiceDeployment {
                        service_deployment_arn: deployment.arn.clone(),
                        hook_id: hook.id.clone(),
                    };
                    let why = Sentence::new("a lifecycle hook waits, and ")
                        .code("on-pause")
                        .text(" is ")
                        .code("continue")
                        .text(".");
                    self.ask_for(action, why, news);
                }
                None
            }
        }
    }

    /// Told once, at the start: it is of use as long as the limit can still be changed.
    pub(super) fn note_bakes(&mut self, seen: &Observation, news: &mut Vec<News>) {
        let (Ok(service), false) = (&seen.service, self.target.is_count()) else {
            return;
        };
        let limit = self.limits.wait_for;
        let to_the_end = matches!(
            self.limits.wait_until,
            WaitUntil::Healthy | WaitUntil::Deployed
        );
        if !std::mem::replace(&mut self.bakes_told, true)
            && to_the_end
            && let Some(bakes) = bakes::together(&service.deployment_configuration)
            && bakes >= limit
        {
            news.push(News::LimitIsShort { bakes, limit });
        }
    }

    /// What ECS would not continue is waited for: somebody else may.
    pub(super) fn continue_answered(&mut self, hook_id: &str, acted: &Acted) {
        if matches!(acted, Acted::Denied(_) | Acted::Refused { .. }) {
            self.continued.insert(hook_id.to_owned(), None);
        }
    }

    /// How far a shift came, and what hooks have to do with how it ended.
    pub(super) fn of_the_shift(&self, status: Status) -> Vec<Sentence> {
        let Some(deployment) = &self.deployment else {
            return Vec::new();
        };
        let said = reason_of(deployment);
        let failed = deployment.hooks.iter().filter(|h| {
            let name = h.name();
            matches!(h.status.as_str(), "FAILED" | "TIMED_OUT")
                && !said.is_some_and(|s| s.contains(name) || s.contains(&h.id))
        });
        let mut reasons: Vec<Sentence> = failed
            .map(|hook| {
                Sentence::new("Lifecycle hook ")
                    .code(hook.name())
                    .text(format!(" is {}.", hook.status))
            })
            .collect();
        if status != Status::TimedOut {
            return reasons;
        }
        if let Some(hook) = waiting(deployment) {
            reasons.push(waits(hook, deployment));
            reasons.push(how_to_continue(hook, deployment));
        } else if let Some(stage) = &deployment.lifecycle_stage {
            reasons.push(
                Sentence::new("ECS is in stage ")
                    .code(stage.as_str())
                    .text("."),
            );
        }
        reasons.extend(traffic(deployment));
        reasons
    }
}

/// How much of the traffic is on the new revision, where ECS shifts it.
pub(super) fn traffic(deployment: &ServiceDeployment) -> Option<Sentence> {
    let percent = deployment.production_traffic?;
    Some(Sentence::new(format!(
        "{percent} % of production traffic goes to the new revision."
    )))
}

/// The hook that a deployment waits for, if that is on its way.
fn waiting(deployment: &ServiceDeployment) -> Option<&LifecycleHook> {
    let goes_on = matches!(deployment.status.as_str(), "PENDING" | "IN_PROGRESS");
    let mut hooks = deployment.hooks.iter();
    hooks.find(|h| h.is_waiting()).filter(|_| goes_on)
}

fn waits(hook: &LifecycleHook, deployment: &ServiceDeployment) -> Sentence {
    let mut sentence = Sentence::new("Lifecycle hook ")
        .code(hook.name())
        .text(" awaits an action");
    if let Some(stage) = &deployment.lifecycle_stage {
        sentence = sentence.text(" at stage ").code(stage.as_str());
    }
    sentence.text(until(hook))
}

/// `, until … UTC: then ECS rolls back.`
fn until(hook: &LifecycleHook) -> String {
    let then = match hook.timeout_action.as_deref() {
        Some("CONTINUE") => "goes on without one",
        _ => "rolls back",
    };
    match hook.expires_at {
        Some(at) => format!(", until {}: then ECS {then}.", moment(at)),
        None => ".".to_owned(),
    }
}

fn how_to_continue(hook: &LifecycleHook, deployment: &ServiceDeployment) -> Sentence {
    Sentence::new("Continue it with ")
        .code(format!(
            "aws ecs continue-service-deployment --service-deployment-arn {} --hook-id {} --action CONTINUE",
            deployment.arn, hook.id
        ))
        .text(", or end it with ")
        .code("--action ROLLBACK")
        .text(".")
}
