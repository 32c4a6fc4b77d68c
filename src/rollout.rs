//! The wait, decided purely: `(observation, elapsed) → (news, next)`. Knows ECS's words and what each means for us;
//! knows no clock, no I/O, no randomness and no SDK. `elapsed` is ours; AWS's timestamps are only compared with one
//! another.
//!
//! `observation` is what one look saw, `machine` follows it to an end, `serving` says what is still unmet, `standing`
//! who is PRIMARY and what that means, `pace` when to look again (`settling`, of many, at which), `news` and `reason` what there is to tell, `advice` where
//! a setting would give time back; `causes` has what can be wrong as data, `evidence` what was seen of it, and `diagnosis`
//! chooses.

pub mod action;
pub mod advice;
mod bakes;
pub mod causes;
pub mod diagnosis;
mod evidence;
mod facts;
mod failing;
mod fresh;
mod groups;
mod hopeless;
pub mod machine;
pub mod news;
pub mod observation;
pub mod pace;
mod placing;
pub mod reason;
pub mod serves;
pub mod serving;
pub mod settling;
mod superseded;
mod telling;
mod template;
mod window;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::container_logs::ContainerLogs;
use crate::model::service::ServiceEvent;
use crate::model::target::TargetGroup;
use crate::model::task::Task;
use crate::model::verdict::Status;

pub use action::{Acted, Action};
pub use advice::Advice;
pub use diagnosis::Diagnosis;
pub use facts::Facts;
pub use groups::revision_arn;
pub use machine::Rollout;
pub use news::{News, TargetNote};
pub use observation::{Ask, Observation, Seen, Unseen};
pub use reason::{Part, Sentence};
pub use serves::{ServesNow, Whose};
pub use serving::Unmet;

/// What is watched. A change of the desired count alone starts no deployment, and no breaker protects it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum RolloutTarget {
    Deployment {
        ours: Ours,
        /// Its ARN, where it is known already. Otherwise a look finds it by `targetServiceRevisionArn`.
        service_deployment: Option<String>,
    },
    Count {
        /// The PRIMARY whose tasks are counted.
        ours: Ours,
        desired: u32,
        /// The newest event before the update, by AWS's clock: only later ones are news.
        events_after: Option<Timestamp>,
    },
}

/// The deployment whose tasks are ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ours {
    /// `deployments[].id` of the PRIMARY in UpdateService's answer (`ecs-svc/N`).
    pub deployment_id: String,
    /// Its task definition's ARN.
    pub task_definition: String,
    /// `createdAt` of that PRIMARY, by AWS's clock.
    pub created_at: Option<Timestamp>,
    /// Essential containers to which the task definition gives a health check: each must be HEALTHY.
    pub health_checked: Vec<String>,
    /// One for each `loadBalancers[]` entry with a target group.
    pub target_groups: Vec<Balanced>,
    /// The task definition of the last deployment before ours that completed, as far as the service showed one: what there is
    /// to go back to.
    pub previous: Option<String>,
    /// What a diagnosis wants to know of the task definition.
    pub facts: Facts,
}

impl Ours {
    /// The container that people mean: the one behind the load balancer, else the first essential one.
    pub fn deployed_container(&self) -> Option<&str> {
        let behind = self
            .target_groups
            .first()
            .map(|b| b.container_name.as_str());
        let essential = || self.facts.containers.iter().find(|c| c.essential);
        behind
            .filter(|name| !name.is_empty())
            .or_else(|| essential().map(|c| c.name.as_str()))
    }
}

/// A production target group and the container port that is registered in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Balanced {
    pub group: TargetGroup,
    /// The other of two, which the revision before or after ours has.
    pub alternate: Option<TargetGroup>,
    pub container_name: String,
    pub container_port: u16,
}

impl RolloutTarget {
    pub fn ours(&self) -> &Ours {
        match self {
            RolloutTarget::Deployment { ours, .. } | RolloutTarget::Count { ours, .. } => ours,
        }
    }

    pub fn ours_mut(&mut self) -> &mut Ours {
        match self {
            RolloutTarget::Deployment { ours, .. } | RolloutTarget::Count { ours, .. } => ours,
        }
    }

    pub fn is_count(&self) -> bool {
        matches!(self, RolloutTarget::Count { .. })
    }
}

/// `wait-until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitUntil {
    Healthy,
    Deployed,
    /// A lifecycle stage as ECS spells it.
    Stage(String),
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnSuperseded {
    Succeed,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    pub wait_until: WaitUntil,
    /// From the start of the watching. Exact: one last look is taken when it ends.
    pub wait_for: Duration,
    /// In place of the window in which the load balancer would have noticed a failure. Zero is one look.
    pub stable_for: Option<Duration>,
    pub on_superseded: OnSuperseded,
    /// Whether a deployment that cannot succeed is ended by us.
    pub fail_fast: bool,
    pub on_failure: OnFailure,
    pub on_pause: OnPause,
}

/// What becomes of a deployment that fail-fast ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    Rollback,
    Keep,
}

/// What a lifecycle hook that waits for a person means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnPause {
    Return,
    Wait,
    Continue,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Only what changed.
    pub news: Vec<News>,
    pub next: Next,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    LookAgain {
        after: Duration,
        /// Whether this is a moment that matters (the window's end, the deadline): then without jitter.
        exact: bool,
    },
    /// Ask ECS for this, tell `acted` what came of it, and look again.
    Act(Action),
    Done(Box<Ended>),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ended {
    pub status: Status,
    /// 130 for `cancelled`: who knows the signal corrects it to 143.
    pub exit_code: u8,
    /// Why, the most telling first.
    pub reasons: Vec<Sentence>,
    /// So many of them say how it ended; the rest, what was seen, a diagnosis says better.
    pub endings: usize,
    /// We ended it, or would have: it was seen to be hopeless.
    pub given_up: bool,
    /// The health of targets was not to be read: it is tasks that were counted.
    pub targets_unread: bool,
    pub healthy: Healthy,
    pub serves_now: ServesNow,
    /// `ecs-svc/N`, the adopted one after an adoption.
    pub deployment_id: String,
    pub service_deployment_arn: Option<String>,
    pub timings: Timings,
    /// The last service event since the update.
    pub last_event: Option<ServiceEvent>,
    /// The last task of ours that stopped and was no harmless stop.
    pub last_stop: Option<Task>,
    /// What stood between us and success when it ended without one.
    pub unmet: Vec<Unmet>,
    /// Of the production target groups, ours alone, as last seen; of a failure, those that were not healthy.
    pub targets: Vec<TargetNote>,
    pub advice: Vec<Advice>,
    /// Of a failure: what was wrong, where that could be told.
    pub diagnosis: Option<Diagnosis>,
    /// The last lines of the container that the diagnosis looks at; the shell reads them.
    pub logs: Option<ContainerLogs>,
}

/// Tasks of ours that run and are healthy everywhere, of the desired count now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Healthy {
    pub healthy: u32,
    pub of: u32,
}

/// Moments since the update. The first three by AWS's clock (first task created, last image pulled, last task
/// started), the others by ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timings {
    pub first_task: Option<Duration>,
    pub pulled: Option<Duration>,
    pub running: Option<Duration>,
    /// Everything was met for the first time in the last unbroken stretch.
    pub healthy: Option<Duration>,
    pub ended: Duration,
    /// The longest pull of a task of ours.
    pub longest_pull: Option<Duration>,
    /// Old targets still drained when it ended.
    pub draining: bool,
    /// How long all has to stay healthy, where that was waited for.
    pub window: Option<Duration>,
    /// Tasks of ours that are still there, the first created first.
    pub tasks: Vec<TaskTimes>,
}

/// Moments of one task since the update: AWS's clock, save `healthy`, which is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TaskTimes {
    /// The task's id.
    pub task: String,
    pub created: Option<Duration>,
    pub pull_started: Option<Duration>,
    pub pulled: Option<Duration>,
    pub running: Option<Duration>,
    /// First seen healthy everywhere, in the last unbroken stretch.
    pub healthy: Option<Duration>,
}
