//! What was told already, so that only what changed becomes news. Decides nothing about the end.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::Untrusted;
use crate::model::service::{Deployment, Service, ServiceDeployment, ServiceEvent};
use crate::model::task::Task;

use super::failing::reason_of;
use super::news::TargetNote;
use super::observation::{find, is_ours};
use super::serving::Proof;
use super::{Healthy, News, Observation, RolloutTarget};

/// Events and stops of before the update are not ours to tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Since {
    at: Option<Timestamp>,
    /// Whether an event of that very moment still counts (a deployment's own creation does).
    inclusive: bool,
    /// Without a time to compare with: the first look's are old.
    old_ids: BTreeSet<String>,
}

impl Since {
    pub fn of(target: &RolloutTarget) -> Since {
        let (at, inclusive) = match target {
            RolloutTarget::Deployment { ours, .. } => (ours.created_at, true),
            RolloutTarget::Count { events_after, .. } => (*events_after, false),
        };
        Since {
            at,
            inclusive,
            old_ids: BTreeSet::new(),
        }
    }

    pub fn is_new(&self, event: &ServiceEvent) -> bool {
        !self.old_ids.contains(&event.id) && self.is_after(event.created_at)
    }

    fn is_new_stop(&self, task: &Task) -> bool {
        !self.old_ids.contains(&task.arn) && self.is_after(task.stopped_at)
    }

    fn is_after(&self, moment: Option<Timestamp>) -> bool {
        match (self.at, moment) {
            (Some(at), Some(moment)) => moment > at || (self.inclusive && moment == at),
            _ => true,
        }
    }
}

#[derive(Debug)]
pub(super) struct Teller {
    pub since: Since,
    first_service: bool,
    first_stops: bool,
    arn: Option<String>,
    status: Option<(String, Option<Untrusted>)>,
    stage: Option<String>,
    traffic: Option<f64>,
    /// By id, the status that was told.
    hooks: BTreeMap<String, String>,
    unknown: BTreeSet<(&'static str, String)>,
    counts: Option<(u32, u32, u32, u32)>,
    desired: Option<u32>,
    healthy: Option<(Healthy, Vec<TargetNote>)>,
    others: u32,
    stopped: BTreeSet<String>,
    events: BTreeSet<String>,
    pub last_event: Option<ServiceEvent>,
    pub last_stop: Option<Task>,
    /// A task of ours is on its way to STOPPED: its exit codes are not in yet.
    pub stopping: bool,
}

impl Teller {
    pub fn new(target: &RolloutTarget) -> Teller {
        Teller {
            since: Since::of(target),
            first_service: true,
            first_stops: true,
            arn: None,
            status: None,
            stage: None,
            traffic: None,
            hooks: BTreeMap::new(),
            unknown: BTreeSet::new(),
            counts: None,
            desired: None,
            healthy: None,
            others: 0,
            stopped: BTreeSet::new(),
            events: BTreeSet::new(),
            last_event: None,
            last_stop: None,
            stopping: false,
        }
    }

    /// After an adoption its status, stage and counts are told anew.
    pub fn adopted(&mut self) {
        self.arn = None;
        self.status = None;
        self.stage = None;
        self.traffic = None;
        self.counts = None;
    }

    pub fn tell(
        &mut self,
        seen: &Observation,
        target: &RolloutTarget,
        by_rollout_state: bool,
        news: &mut Vec<News>,
    ) {
        if let Ok(deployment) = &seen.deployment {
            self.deployment(deployment, news);
        }
        if let Ok(service) = &seen.service {
            let listed = find(service, target.ours());
            if let Some(listed) = listed {
                if by_rollout_state {
                    self.rollout_state(listed, news);
                }
                self.counts(listed, news);
            }
            self.desired(service, target, news);
        }
        self.stops(seen, target, news);
        if let Ok(service) = &seen.service {
            self.events(service, news);
        }
    }

    fn deployment(&mut self, deployment: &ServiceDeployment, news: &mut Vec<News>) {
        if self.arn.as_ref() != Some(&deployment.arn) {
            self.arn = Some(deployment.arn.clone());
            news.push(News::ServiceDeployment {
                arn: deployment.arn.clone(),
            });
        }
        if !is_known_status(&deployment.status) {
            self.unknown("serviceDeployments[].status", &deployment.status, news);
        }
        self.status(&deployment.status, reason_of(deployment), news);
        if let Some(stage) = &deployment.lifecycle_stage
            && self.stage.as_ref() != Some(stage)
        {
            self.stage = Some(stage.clone());
            news.push(News::Stage {
                stage: stage.clone(),
            });
        }
        self.shift(deployment, news);
    }

    fn shift(&mut self, deployment: &ServiceDeployment, news: &mut Vec<News>) {
        let before = self.traffic.unwrap_or_default();
        if let Some(percent) = deployment.production_traffic
            && percent != before
        {
            self.traffic = Some(percent);
            news.push(News::Traffic { percent });
        }
        for hook in &deployment.hooks {
            let told = self.hooks.insert(hook.id.clone(), hook.status.clone());
            if told.as_ref() != Some(&hook.status) {
                // Once it is over, the deployment may be further on.
                let waits = matches!(hook.status.as_str(), "IN_PROGRESS" | "AWAITING_ACTION");
                let stage = deployment.lifecycle_stage.clone();
                news.push(News::Hook {
                    hook: hook.clone(),
                    stage: stage.filter(|_| waits),
                });
            }
        }
    }

    fn rollout_state(&mut self, listed: &Deployment, news: &mut Vec<News>) {
        let Some(state) = &listed.rollout_state else {
            return;
        };
        if !matches!(state.as_str(), "IN_PROGRESS" | "COMPLETED" | "FAILED") {
            self.unknown("deployments[].rolloutState", state, news);
        }
        let reason = listed
            .rollout_state_reason
            .as_ref()
            .filter(|r| !r.is_empty());
        self.status(state, reason, news);
    }

    fn status(&mut self, status: &str, reason: Option<&Untrusted>, news: &mut Vec<News>) {
        let now = (status.to_owned(), reason.cloned());
        if self.status.as_ref() != Some(&now) {
            self.status = Some(now);
            news.push(News::Status {
                status: status.to_owned(),
                reason: reason.cloned(),
            });
        }
    }

    fn unknown(&mut self, member: &'static str, value: &str, news: &mut Vec<News>) {
        if self.unknown.insert((member, value.to_owned())) {
            news.push(News::UnknownValue {
                member,
                value: value.to_owned(),
            });
        }
    }

    fn counts(&mut self, listed: &Deployment, news: &mut Vec<News>) {
        let counts = counts_of(listed);
        if self.counts != Some(counts) {
            self.counts = Some(counts);
            let (desired, running, pending, failed) = counts;
            news.push(News::Counts {
                desired,
                running,
                pending,
                failed,
            });
        }
    }

    fn desired(&mut self, service: &Service, target: &RolloutTarget, news: &mut Vec<News>) {
        let to = service.desired_count;
        let from = self.desired.replace(to);
        let asked_for = matches!(target, RolloutTarget::Count { desired, .. } if *desired == to);
        if let Some(from) = from
            && from != to
            && !asked_for
        {
            news.push(News::DesiredCount { from, to });
        }
    }

    fn stops(&mut self, seen: &Observation, target: &RolloutTarget, news: &mut Vec<News>) {
        let Ok(stopped) = &seen.stopped_tasks else {
            return;
        };
        let mut mine: Vec<&Task> = stopped
            .iter()
            .filter(|t| is_ours(t, target.ours()))
            .collect();
        if std::mem::take(&mut self.first_stops) && self.since.at.is_none() && target.is_count() {
            self.since
                .old_ids
                .extend(mine.iter().map(|t| t.arn.clone()));
        }
        mine.retain(|t| self.since.is_new_stop(t));
        mine.sort_by_key(|t| (t.stopped_at.is_none(), t.stopped_at));
        // One that is only scaled in may drain for minutes, and nobody waits to hear of it.
        self.stopping = mine.iter().any(|t| is_failure(t) && !is_over(t));
        for task in mine {
            if !is_over(task) || !self.stopped.insert(task.arn.clone()) {
                continue;
            }
            let failure = is_failure(task);
            if failure {
                self.last_stop = Some(task.clone());
            }
            news.push(News::TaskStopped {
                task: Box::new(task.clone()),
                failure,
            });
        }
    }

    fn events(&mut self, service: &Service, news: &mut Vec<News>) {
        if std::mem::take(&mut self.first_service) && self.since.at.is_none() {
            self.since
                .old_ids
                .extend(service.events.iter().map(|e| e.id.clone()));
        }
        // ECS answers the newest first; people read the oldest first.
        for event in service.events.iter().rev() {
            if self.since.is_new(event) && self.events.insert(event.id.clone()) {
                self.last_event = Some(event.clone());
                news.push(News::Event(event.clone()));
            }
        }
    }

    /// Whether this service shows something that a look at the tasks may explain.
    pub fn would_change(&self, service: &Service, target: &RolloutTarget) -> bool {
        let counts = find(service, target.ours()).map(counts_of);
        (counts.is_some() && counts != self.counts)
            || self.desired.is_some_and(|d| d != service.desired_count)
            || service
                .events
                .iter()
                .any(|e| self.since.is_new(e) && !self.events.contains(&e.id))
    }

    /// Health, told only when tasks and targets were seen.
    pub fn health(&mut self, proof: &Proof, news: &mut Vec<News>) {
        let (Some(of), true) = (proof.desired, proof.saw_tasks()) else {
            return;
        };
        let healthy = Healthy {
            healthy: proof.healthy(),
            of,
        };
        let mut notes = proof.notes.clone();
        notes.sort();
        let now = (healthy, notes);
        // Nothing healthy goes without saying until something was.
        let silent =
            of == 0 || (self.healthy.is_none() && healthy.healthy == 0 && now.1.is_empty());
        if !silent && self.healthy.as_ref() != Some(&now) {
            news.push(News::Healthy {
                healthy,
                targets: now.1.clone(),
            });
            self.healthy = Some(now);
        }
        // Until ours are healthy it goes without saying that others answer.
        let others = if healthy.healthy >= of {
            proof.others
        } else {
            0
        };
        if others != self.others && (others > 0 || healthy.healthy >= of) {
            self.others = others;
            news.push(News::OthersAnswer { targets: others });
        }
    }

    pub fn healthy_now(&self) -> Option<Healthy> {
        self.healthy.as_ref().map(|(healthy, _)| *healthy)
    }
}

fn counts_of(listed: &Deployment) -> (u32, u32, u32, u32) {
    (
        listed.desired_count,
        listed.running_count,
        listed.pending_count,
        listed.failed_tasks,
    )
}

fn is_known_status(status: &str) -> bool {
    super::failing::is_rollback(status)
        || matches!(
            status,
            "PENDING" | "IN_PROGRESS" | "SUCCESSFUL" | "STOP_REQUESTED" | "STOPPED"
        )
}

/// It stopped; or ECS stops it for its health, which says all: it may drain for minutes, and no exit code matters any more.
fn is_over(task: &Task) -> bool {
    let for_its_health =
        task.stop_code.as_deref() == Some("ServiceSchedulerInitiated") && is_failure(task);
    task.last_status == "STOPPED" || for_its_health
}

/// `ServiceSchedulerInitiated` covers scaling and failed health checks alike: its reason tells them apart. Spot, host
/// trouble and people are nobody's fault here.
pub(super) fn is_failure(task: &Task) -> bool {
    let says_failed = task
        .stopped_reason
        .as_ref()
        .is_some_and(|r| r.contains("failed"));
    match task.stop_code.as_deref() {
        Some("EssentialContainerExited" | "TaskFailedToStart") => true,
        Some(
            "UserInitiated" | "SpotInterruption" | "TerminationNotice" | "InfrastructureHealth",
        ) => false,
        Some(_) | None => says_failed,
    }
}
