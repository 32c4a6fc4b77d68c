//! ECS tasks, running and stopped, as DescribeTasks shows them.

use jiff::Timestamp;
use serde::Serialize;

use super::Untrusted;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Task {
    pub arn: String,
    pub task_definition: String,
    /// `ecs-svc/N` for a task of a service's deployment.
    pub started_by: Option<String>,
    /// PROVISIONING … RUNNING … STOPPED.
    pub last_status: String,
    pub desired_status: String,
    /// HEALTHY, UNHEALTHY, UNKNOWN: of the essential containers together.
    pub health_status: Option<String>,
    /// Private addresses, IPv4 and IPv6, of the task's network interfaces. Empty in bridge and host mode.
    pub addresses: Vec<String>,
    /// The EC2 container instance, where there is one (its targets are registered by instance id and host port).
    pub container_instance_arn: Option<String>,
    pub containers: Vec<Container>,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<Untrusted>,
    pub created_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    /// When it was told to stop, or began to by itself.
    pub stopping_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub pull_started_at: Option<Timestamp>,
    pub pull_stopped_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Container {
    pub name: String,
    pub last_status: Option<String>,
    pub health_status: Option<String>,
    pub exit_code: Option<i32>,
    pub reason: Option<Untrusted>,
    /// (container port, host port).
    pub bindings: Vec<(u16, u16)>,
}

impl Task {
    pub fn is_running(&self) -> bool {
        self.last_status == "RUNNING" && self.desired_status == "RUNNING"
    }

    /// The task's id: the last segment of its ARN.
    pub fn id(&self) -> &str {
        super::names::last_segment(&self.arn)
    }
}
