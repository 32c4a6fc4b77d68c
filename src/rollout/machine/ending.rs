//! How an end is put: the verdict, what serves now, and what was last seen.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::names::family_and_revision;
use crate::model::service::Deployment;
use crate::model::task::Task;
use crate::model::verdict::Status;

use super::super::diagnosis::{Case, diagnose};
use super::super::news::Because;
use super::super::observation::find;
use super::super::serving::desired_now;
use super::super::{
    Ended, Healthy, OnSuperseded, RolloutTarget, Sentence, TaskTimes, Timings, Unmet, Unseen,
    advice, failing,
};
use super::Rollout;

pub(super) struct Verdict {
    status: Status,
    exit_code: u8,
    reasons: Vec<Sentence>,
}

impl Verdict {
    fn new(status: Status, exit_code: u8, why: Sentence) -> Verdict {
        Verdict {
            status,
            exit_code,
            reasons: vec![why],
        }
    }

    pub fn serving() -> Verdict {
        Verdict {
            status: Status::Serving,
            exit_code: 0,
            reasons: Vec::new(),
        }
    }

    pub fn deployed(why: Sentence) -> Verdict {
        Verdict::new(Status::Deployed, 0, why)
    }

    pub fn started(why: Sentence) -> Verdict {
        Verdict::new(Status::Started, 0, why)
    }

    pub fn paused(why: Sentence) -> Verdict {
        Verdict::new(Status::Paused, 0, why)
    }

    pub fn failed(why: Sentence) -> Verdict {
        Verdict::new(Status::Failed, 1, why)
    }

    pub fn rolled_back(why: Sentence) -> Verdict {
        Verdict::new(Status::RolledBack, 1, why)
    }

    pub fn unknown(why: Sentence) -> Verdict {
        Verdict::new(Status::Unknown, 1, why)
    }

    pub fn superseded(newer: &Deployment, on_superseded: OnSuperseded) -> Verdict {
        Verdict::new(
            Status::Superseded,
            match on_superseded {
                OnSuperseded::Succeed => 0,
                OnSuperseded::Fail => 1,
            },
            Sentence::new(format!(
                "A newer deployment took over: {} of {}.",
                newer.id,
                family_and_revision(&newer.task_definition)
            )),
        )
    }

    pub fn and(mut self, why: Sentence) -> Verdict {
        self.reasons.push(why);
        self
    }
}

impl Rollout {
    /// Our limit ran out. What is doomed already has failed, though ECS is still at it.
    pub(super) fn out_of_time(&mut self, elapsed: Duration) -> Verdict {
        let ran_out = format!(
            "The limit of {} ran out",
            crate::rollout::reason::spelled(self.limits.wait_for)
        );
        let stopping = self
            .deployment
            .as_ref()
            .filter(|d| d.status.starts_with("STOP"));
        if let Some(why) = self.failing.clone().or_else(|| self.ending_why()) {
            let goes_on = self.restored.is_some()
                || self
                    .deployment
                    .as_ref()
                    .is_some_and(|d| failing::is_rollback(&d.status));
            return Verdict::failed(why).and(Sentence::new(match goes_on {
                true => format!("{ran_out}: the rollback goes on."),
                false => format!("{ran_out} before ECS had ended it."),
            }));
        }
        if let Some(deployment) = stopping {
            return Verdict::failed(failing::worded(
                &deployment.status,
                failing::reason_of(deployment),
            ))
            .and(Sentence::new(format!("{ran_out}.")));
        }
        if let Some(begun) = self.window.begun() {
            self.unmet.push(Unmet::Window {
                so_far_seconds: elapsed.saturating_sub(begun).as_secs(),
                of_seconds: self.window.length.as_secs(),
            });
        } else if self.unmet.is_empty() {
            self.unmet.push(self.not_successful());
        }
        Verdict::new(
            Status::TimedOut,
            3,
            Sentence::new(format!("{ran_out}; {}", self.ecs_meanwhile())),
        )
    }

    /// What ECS is at while our time is over.
    fn ecs_meanwhile(&self) -> String {
        let listed = self
            .service
            .as_ref()
            .and_then(|s| find(s, self.target.ours()));
        let state = match (&self.deployment, listed) {
            (Some(deployment), _) => Some(deployment.status.as_str()),
            (None, Some(listed)) if !self.target.is_count() => listed.rollout_state.as_deref(),
            _ => None,
        };
        let all_run =
            self.target.is_count() && listed.is_some_and(|d| d.running_count == self.healthy().of);
        match state {
            Some(done @ ("SUCCESSFUL" | "COMPLETED")) => {
                format!("ECS calls it {done}, but it was not seen to serve.")
            }
            _ if all_run => {
                "ECS runs as many tasks as desired, but they were not seen to serve.".to_owned()
            }
            _ => "ECS is still working on it.".to_owned(),
        }
    }

    /// A signal ended our watching. ECS goes on.
    pub fn cancelled(&self, elapsed: Duration) -> Ended {
        let ours = self.target.ours();
        let revision = family_and_revision(&ours.task_definition);
        let what = match self.ending.is_some() {
            true => "was asked to go back from",
            false => "goes on with",
        };
        let left = Sentence::new(format!(
            "ECS {what} deployment {} of {revision}.",
            ours.deployment_id
        ));
        self.ended(Verdict::new(Status::Cancelled, 130, left), elapsed)
    }

    pub(super) fn ended(&self, verdict: Verdict, elapsed: Duration) -> Ended {
        let Verdict {
            status,
            exit_code,
            mut reasons,
        } = verdict;
        let failed = matches!(
            status,
            Status::RolledBack | Status::Failed | Status::Unknown | Status::TimedOut
        );
        let diagnosis = failed
            .then(|| diagnose(&self.case(status, reasons.first())))
            .flatten();
        if failed {
            reasons.extend(self.of_the_shift(status));
        }
        let endings = reasons.len();
        if failed {
            reasons.extend(self.unmet_reasons(status));
            if let Some(stop) = &self.teller.last_stop {
                reasons.extend(crate::rollout::reason::of_stop(stop));
            }
            if let Some(event) = self.evidence.last_event() {
                reasons.push(Sentence::new("Last event: ").quote(&event.message));
            }
        }
        let ours = self.target.ours();
        let timings = self.timings(status, elapsed);
        Ended {
            status,
            exit_code,
            reasons,
            endings,
            given_up: self.ending.is_some(),
            targets_unread: matches!(
                self.deployed_instead,
                Some(Because::TargetHealthDenied { .. })
            ),
            healthy: self.healthy(),
            serves_now: self.serves_now(status),
            deployment_id: ours.deployment_id.clone(),
            service_deployment_arn: match &self.target {
                RolloutTarget::Deployment {
                    service_deployment, ..
                } => service_deployment.clone(),
                RolloutTarget::Count { .. } => None,
            },
            advice: match status {
                Status::Serving | Status::Deployed => {
                    let drained = self.drained(status, elapsed);
                    advice::advice(ours, &timings, drained, self.killed_and_waited_for(drained))
                }
                _ => Vec::new(),
            },
            diagnosis,
            logs: None,
            targets: self.health.targets(failed),
            timings,
            last_event: self.teller.last_event.clone(),
            last_stop: self.teller.last_stop.clone(),
            unmet: if status.is_success() {
                Vec::new()
            } else {
                self.unmet.clone()
            },
        }
    }

    fn case<'a>(&'a self, status: Status, reason: Option<&'a Sentence>) -> Case<'a> {
        Case {
            status,
            reason,
            evidence: &self.evidence,
            targets: self.health.unhealthy(),
            waiting: self.health.waiting(),
            ours: self.target.ours(),
            tasks: &self.my_tasks,
            start_up: self.health.start_up(),
            wanted: match self.target {
                RolloutTarget::Count { desired, .. } => Some(desired),
                RolloutTarget::Deployment { .. } => None,
            },
            service: self.service.as_ref(),
            deployment: self.deployment.as_ref(),
            unmet: &self.unmet,
        }
    }

    fn unmet_reasons(&self, status: Status) -> Vec<Sentence> {
        if status == Status::TimedOut {
            let asked = |u: &&Unmet| {
                !matches!(
                    u,
                    Unmet::NotSeen {
                        why: Unseen::Skipped,
                        ..
                    }
                )
            };
            self.unmet
                .iter()
                .filter(asked)
                .map(Unmet::sentence)
                .collect()
        } else {
            Vec::new()
        }
    }

    pub(super) fn healthy(&self) -> Healthy {
        let of = self
            .service
            .as_ref()
            .map_or(0, |s| desired_now(s, find(s, self.target.ours())));
        // Health is looked at less often than the counts: what does not run any more is not healthy either.
        let running = self
            .service
            .as_ref()
            .and_then(|s| find(s, self.target.ours()))
            .map_or(of, |d| d.running_count);
        Healthy {
            healthy: self
                .teller
                .healthy_now()
                .map_or(0, |h| h.healthy)
                .min(running),
            of,
        }
    }

    /// How long ECS took to call it done while nothing but the end of old targets and tasks was left.
    fn drained(&self, status: Status, elapsed: Duration) -> Option<Duration> {
        let waited = status == Status::Deployed && self.waits_for_deployed();
        (waited && self.health.drained())
            .then(|| Some(elapsed.saturating_sub(self.met_at?)))
            .flatten()
    }

    /// An old task's slow end costs time where ECS's own word was waited for, or where it made room for a new one.
    fn killed_and_waited_for(&self, drained: Option<Duration>) -> Option<&advice::Killed> {
        let no_room = self.service.as_ref().is_some_and(|s| {
            let most = s.deployment_configuration.maximum_percent;
            most.is_some_and(|percent| percent <= 100)
        });
        self.killed
            .as_ref()
            .filter(|_| drained.is_some() || no_room)
    }

    fn timings(&self, status: Status, elapsed: Duration) -> Timings {
        let since = match &self.target {
            RolloutTarget::Deployment { ours, .. } => ours.created_at,
            RolloutTarget::Count { events_after, .. } => *events_after,
        };
        let offset = |moment: Option<Timestamp>| {
            let passed = moment?.duration_since(since?);
            Duration::try_from(passed).ok()
        };
        let last =
            |of: fn(&Task) -> Option<Timestamp>| offset(self.my_tasks.iter().filter_map(of).max());
        Timings {
            first_task: offset(self.my_tasks.iter().filter_map(|t| t.created_at).min()),
            pulled: last(|t| t.pull_stopped_at),
            running: last(|t| t.started_at),
            healthy: self.met_at,
            ended: elapsed,
            longest_pull: self
                .my_tasks
                .iter()
                .filter_map(|t| {
                    let pull = t.pull_stopped_at?.duration_since(t.pull_started_at?);
                    Duration::try_from(pull).ok()
                })
                .max(),
            draining: self.health.draining(),
            window: (status == Status::Serving).then_some(self.window.length),
            tasks: self.task_times(offset),
        }
    }

    fn task_times(&self, offset: impl Fn(Option<Timestamp>) -> Option<Duration>) -> Vec<TaskTimes> {
        let mut tasks: Vec<TaskTimes> = self
            .my_tasks
            .iter()
            .map(|task| TaskTimes {
                task: task.id().to_owned(),
                created: offset(task.created_at),
                pull_started: offset(task.pull_started_at),
                pulled: offset(task.pull_stopped_at),
                running: offset(task.started_at),
                healthy: self.health.since(&task.arn),
            })
            .collect();
        tasks.sort_by(|a, b| (a.created, &a.task).cmp(&(b.created, &b.task)));
        tasks
    }
}
