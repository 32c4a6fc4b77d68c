//! Every way it can end well: serving through the window, deployed in ECS's words, a stage reached.

use std::time::Duration;

use super::super::observation::find;
use super::super::serving::Proof;
use super::super::window::Change;
use super::super::{News, Observation, RolloutTarget, Sentence, Unmet, WaitUntil};
use super::ending::Verdict;
use super::{Rollout, pausing};

/// In their order.
const STAGES: [&str; 11] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
];

impl Rollout {
    pub(super) fn served(
        &mut self,
        seen: &Observation,
        proof: &Proof,
        elapsed: Duration,
        news: &mut Vec<News>,
    ) -> Option<Verdict> {
        let mut unmet = proof.unmet.clone();
        if let (RolloutTarget::Count { desired, .. }, Some(now)) = (&self.target, proof.desired) {
            // A stale read shows the old count as met; and what something else undid is not what was asked for.
            if !self.count_seen || (now == 0) != (*desired == 0) {
                unmet.push(Unmet::DesiredCount {
                    now,
                    wanted: *desired,
                });
            }
        }
        if self.failing.is_some() {
            unmet.push(Unmet::Failing);
        }
        if let WaitUntil::Stage(wanted) = &self.limits.wait_until {
            return self.stage_reached(wanted.clone(), seen, &unmet);
        }
        let done = self.ecs_is_done(seen);
        if proof.desired == Some(0) {
            unmet.retain(|u| *u != Unmet::DesiredZero);
            if !done {
                unmet.push(self.not_successful());
            }
            return self.settle(unmet, elapsed).then(|| {
                Verdict::deployed(Sentence::new("The desired count is 0: nothing serves."))
            });
        }
        let by_count = self.target.is_count() && self.limits.wait_until != WaitUntil::Deployed;
        if self.waits_for_deployed() {
            unmet.retain(|u| !matches!(u, Unmet::OthersAnswer { .. }));
            if !by_count {
                if !done {
                    // All else is noted without it, so that `ask` knows what is still to be proven.
                    self.settle(unmet, elapsed);
                    return None;
                }
                return self
                    .settle(unmet, elapsed)
                    .then(|| Verdict::deployed(self.said_by_ecs()));
            }
        }
        self.stable(seen, proof, unmet, elapsed, news)
    }

    fn stable(
        &mut self,
        seen: &Observation,
        proof: &Proof,
        unmet: Vec<Unmet>,
        elapsed: Duration,
        news: &mut Vec<News>,
    ) -> Option<Verdict> {
        let failed_anew = self.failed_anew(seen);
        let broken: Vec<Unmet> = unmet
            .iter()
            .filter(|u| !matches!(u, Unmet::NotSeen { .. }))
            .cloned()
            .collect();
        if !broken.is_empty() || failed_anew {
            let why = if broken.is_empty() {
                vec![Unmet::TaskReplaced]
            } else {
                broken
            };
            if self.window.broken() {
                news.push(News::WindowBroken { unmet: why });
            }
        }
        if !self.settle(unmet, elapsed) {
            return None;
        }
        let desired = proof.desired.unwrap_or_default();
        let change = self.window.met(&proof.proven, desired, elapsed);
        let length = self.window.length;
        match change {
            Change::None => None,
            Change::Begins => {
                news.push(News::WindowBegins { length });
                None
            }
            Change::Replaced => {
                news.push(News::WindowBroken {
                    unmet: vec![Unmet::TaskReplaced],
                });
                news.push(News::WindowBegins { length });
                None
            }
            Change::Over if self.waits_for_deployed() => {
                Some(Verdict::deployed(self.said_by_ecs()))
            }
            Change::Over => Some(Verdict::serving()),
        }
    }

    fn failed_anew(&mut self, seen: &Observation) -> bool {
        let Ok(service) = &seen.service else {
            return false;
        };
        let now = find(service, self.target.ours()).map_or(0, |d| d.failed_tasks);
        let before = std::mem::replace(&mut self.failed_tasks, now);
        now > before
    }

    /// Keeps what is unmet for whoever asks later. A look that saw nothing does not blot out what one saw before.
    fn settle(&mut self, unmet: Vec<Unmet>, elapsed: Duration) -> bool {
        let met = unmet.is_empty();
        let blind = !met && unmet.iter().all(|u| matches!(u, Unmet::NotSeen { .. }));
        if !blind {
            self.met_at = met.then(|| self.met_at.unwrap_or(elapsed));
            self.unmet = unmet;
        }
        met
    }

    fn said_by_ecs(&self) -> Sentence {
        let status = self.deployment.as_ref().map(|d| d.status.as_str());
        Sentence::new(match status {
            Some(status) => format!("ECS calls it {status}, and its tasks are healthy."),
            None if self.target.is_count() => "As many tasks as desired run.".to_owned(),
            None => "ECS calls it COMPLETED, and its tasks are healthy.".to_owned(),
        })
    }

    pub(super) fn not_successful(&self) -> Unmet {
        Unmet::NotSuccessful {
            status: self
                .deployment
                .as_ref()
                .map(|d| d.status.clone())
                .or_else(|| {
                    let service = self.service.as_ref()?;
                    find(service, self.target.ours())?.rollout_state.clone()
                }),
        }
    }

    fn stage_reached(
        &mut self,
        wanted: String,
        seen: &Observation,
        unmet: &[Unmet],
    ) -> Option<Verdict> {
        let now = seen
            .deployment
            .as_ref()
            .ok()
            .and_then(|d| d.lifecycle_stage.clone());
        let at = |stage: &str| STAGES.iter().position(|s| *s == stage);
        let reached = now.as_deref().is_some_and(|now| {
            now == wanted || matches!((at(now), at(&wanted)), (Some(n), Some(w)) if n >= w)
        });
        let failing = unmet.iter().any(|u| {
            matches!(
                u,
                Unmet::Failing | Unmet::DeploymentStatus { .. } | Unmet::NotPrimary { .. }
            )
        });
        if (reached || self.ecs_is_done(seen)) && !failing {
            let reached = Verdict::started(Sentence::new(format!("Stage {wanted} was reached.")));
            let traffic = seen.deployment.as_ref().ok().and_then(pausing::traffic);
            return Some(match traffic {
                Some(traffic) => reached.and(traffic),
                None => reached,
            });
        }
        self.unmet = vec![Unmet::Stage { wanted, now }];
        None
    }
}
