//! ECS's nouns as this world keeps them. Knows no operation and no time's passing.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::ServiceKey;
use crate::scenario::Behaviour;
use crate::world::strategies::{Hook, Shift};

pub struct Cluster {
    pub name: String,
    pub arn: String,
    /// `settings`, `configuration`, `capacityProviders`, … as given.
    pub members: Map<String, Value>,
}

pub struct TaskDefinition {
    pub arn: String,
    pub family: String,
    pub revision: u64,
    pub active: bool,
    /// As DescribeTaskDefinition answers it: every member as registered, with ECS's defaults.
    pub document: Value,
}

impl TaskDefinition {
    pub fn containers(&self) -> &[Value] {
        crate::world::shapes::list(&self.document, "containerDefinitions")
    }

    pub fn awsvpc(&self) -> bool {
        self.document.get("networkMode").and_then(Value::as_str) == Some("awsvpc")
    }
}

pub struct Service {
    pub cluster: String,
    pub name: String,
    pub arn: String,
    /// ACTIVE, DRAINING or INACTIVE.
    pub status: &'static str,
    pub desired: u64,
    pub task_definition: String,
    /// Members that pass through: `loadBalancers`, `networkConfiguration`, `deploymentConfiguration`, …
    pub members: Map<String, Value>,
    pub created_at: SystemTime,
    pub created_by: String,
    /// Newest first.
    pub events: VecDeque<ServiceEvent>,
    /// PRIMARY first, then newest first.
    pub deployments: Vec<Deployment>,
    /// Oldest first.
    pub service_deployments: Vec<ServiceDeployment>,
    pub revisions: Vec<ServiceRevision>,
    /// The revision of the last deployment that completed.
    pub completed: Option<String>,
    pub steady: bool,
    /// The earliest look of the scheduler that is planned.
    pub look_due: Option<SystemTime>,
    /// No task is launched earlier: restarts are throttled.
    pub launch_not_before: Option<SystemTime>,
}

pub struct ServiceEvent {
    pub id: String,
    pub at: SystemTime,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutState {
    InProgress,
    Completed,
    Failed,
}

impl RolloutState {
    pub fn as_str(self) -> &'static str {
        match self {
            RolloutState::InProgress => "IN_PROGRESS",
            RolloutState::Completed => "COMPLETED",
            RolloutState::Failed => "FAILED",
        }
    }
}

/// An entry of a service's `deployments`. Its id is `ecs-svc/` and the digits of its service revision.
pub struct Deployment {
    pub digits: String,
    pub task_definition: String,
    pub rollout_state: RolloutState,
    pub rollout_state_reason: String,
    /// Failed tasks in a row, unless the breaker is told to count all.
    pub failed_tasks: u64,
    /// Failures in a row, for the throttle: the breaker's settings do not reset it.
    pub failures_in_a_row: u32,
    pub created_at: SystemTime,
    pub updated_at: SystemTime,
    /// As of the deployment's start: `networkConfiguration`, `launchType`, …
    pub members: Map<String, Value>,
    /// "unable to stop or start tasks" was said.
    pub stuck_said: bool,
    /// With alarms, the end of the time in which they are still watched.
    pub bake_until: Option<SystemTime>,
}

impl Deployment {
    pub fn id(&self) -> String {
        format!("ecs-svc/{}", self.digits)
    }
}

pub struct ServiceDeployment {
    pub arn: String,
    /// Digits of revisions.
    pub target: String,
    pub sources: Vec<String>,
    pub status: &'static str,
    pub status_reason: Option<String>,
    pub created_at: SystemTime,
    pub started_at: Option<SystemTime>,
    pub finished_at: Option<SystemTime>,
    pub stopped_at: Option<SystemTime>,
    pub updated_at: SystemTime,
    /// `deploymentConfiguration` as of its start.
    pub configuration: Value,
    pub rollback: Option<Rollback>,
    pub breaker_status: &'static str,
    pub failure_count: u64,
    pub threshold: u64,
    pub alarms_status: &'static str,
    pub triggered_alarms: Vec<String>,
    /// In ALARM already at the start: not watched.
    pub ignored_alarms: Vec<String>,
    /// Of a deployment that shifts traffic.
    pub shift: Option<Shift>,
    /// Lifecycle hooks that have begun, in their order.
    pub hooks: Vec<Hook>,
}

impl ServiceDeployment {
    pub fn in_flight(&self) -> bool {
        matches!(
            self.status,
            "PENDING"
                | "IN_PROGRESS"
                | "STOP_REQUESTED"
                | "ROLLBACK_REQUESTED"
                | "ROLLBACK_IN_PROGRESS"
        )
    }
}

pub struct Rollback {
    pub reason: String,
    pub started_at: SystemTime,
    /// Digits of the revision returned to.
    pub revision: String,
}

pub struct ServiceRevision {
    pub digits: String,
    pub task_definition: String,
    pub created_at: SystemTime,
    pub members: Map<String, Value>,
    /// One for each `loadBalancers` entry: of two, the one that its tasks register in.
    pub target_groups: Vec<String>,
    /// Container name, image, digest.
    pub images: Vec<(String, String, Option<String>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LastStatus {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl LastStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            LastStatus::Provisioning => "PROVISIONING",
            LastStatus::Pending => "PENDING",
            LastStatus::Activating => "ACTIVATING",
            LastStatus::Running => "RUNNING",
            LastStatus::Deactivating => "DEACTIVATING",
            LastStatus::Stopping => "STOPPING",
            LastStatus::Deprovisioning => "DEPROVISIONING",
            LastStatus::Stopped => "STOPPED",
        }
    }
}

pub struct Task {
    pub arn: String,
    pub id: String,
    /// Order of starting.
    pub number: u64,
    pub cluster: String,
    pub service: Option<ServiceKey>,
    /// Digits of its deployment.
    pub deployment: String,
    pub task_definition: String,
    pub last_status: LastStatus,
    pub told_to_stop: bool,
    /// Raised when the task's plan changes: earlier steps on the agenda are void.
    pub epoch: u32,
    pub version: u64,
    pub containers: Vec<Container>,
    pub address: String,
    pub subnet: String,
    pub zone: String,
    pub attachment: String,
    pub interface: String,
    pub members: Map<String, Value>,
    pub created_at: SystemTime,
    pub pull_started_at: Option<SystemTime>,
    pub pull_stopped_at: Option<SystemTime>,
    /// Containers run from here on; RUNNING comes after the targets are registered.
    pub containers_run_at: Option<SystemTime>,
    pub started_at: Option<SystemTime>,
    pub stopping_at: Option<SystemTime>,
    pub execution_stopped_at: Option<SystemTime>,
    pub stopped_at: Option<SystemTime>,
    pub stop_code: Option<&'static str>,
    pub stopped_reason: Option<String>,
    /// Target group and port of every target that is registered for it.
    pub targets: Vec<(String, u16)>,
    pub behaviour: Option<Behaviour>,
    /// Made unhealthy by the timeline: reason code and description.
    pub forced_unhealthy: Option<(String, String)>,
    /// It has been healthy once.
    pub proven: bool,
    /// The scheduler's failure count has it.
    pub counted_as_failed: bool,
}

impl Task {
    /// Wanted: the scheduler counts on it.
    pub fn live(&self) -> bool {
        !self.told_to_stop && self.last_status <= LastStatus::Running
    }

    pub fn running(&self) -> bool {
        self.last_status == LastStatus::Running
    }

    pub fn pending(&self) -> bool {
        self.last_status < LastStatus::Running && !self.told_to_stop
    }

    pub fn containers_run(&self) -> bool {
        self.containers_run_at.is_some() && self.execution_stopped_at.is_none()
    }
}

pub struct Container {
    pub name: String,
    pub arn: String,
    pub image: String,
    pub image_digest: Option<String>,
    pub runtime_id: String,
    pub essential: bool,
    pub has_health_check: bool,
    /// UNKNOWN, HEALTHY or UNHEALTHY.
    pub health: &'static str,
    pub last_status: &'static str,
    pub exit_code: Option<i64>,
    pub reason: Option<String>,
    pub definition: Value,
}

/// Counts of a deployment's tasks: (running, pending).
pub fn counts<'a>(tasks: impl Iterator<Item = &'a Task>, digits: &str) -> (u64, u64) {
    let mut counts: BTreeMap<bool, u64> = BTreeMap::new();
    for task in tasks.filter(|t| t.deployment == digits) {
        if task.running() {
            *counts.entry(true).or_default() += 1;
        } else if task.pending() {
            *counts.entry(false).or_default() += 1;
        }
    }
    (
        counts.get(&true).copied().unwrap_or(0),
        counts.get(&false).copied().unwrap_or(0),
    )
}
