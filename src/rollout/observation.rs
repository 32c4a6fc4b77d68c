//! What one look at the world saw. Any part may be missing: a throttled call is an observation too.

use crate::model::service::{Deployment, Service, ServiceDeployment};
use crate::model::target::TargetHealth;
use crate::model::task::Task;

use super::Ours;

pub type Seen<T> = Result<T, Unseen>;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Unseen {
    Throttled,
    /// The permission that is missing (`elasticloadbalancing:DescribeTargetHealth`).
    Denied(String),
    Unreachable,
    /// AWS answered, and it was not there.
    Absent,
    /// Not asked for in this look, or older than what was seen already.
    Skipped,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub service: Seen<Service>,
    pub deployment: Seen<ServiceDeployment>,
    /// Tasks of the service whose desired status is RUNNING, all deployments.
    pub tasks: Seen<Vec<Task>>,
    /// Tasks of the service whose desired status is STOPPED.
    pub stopped_tasks: Seen<Vec<Task>>,
    /// ARNs of the target groups that ECS resolved for our revision.
    pub own_groups: Seen<Vec<String>>,
    /// One for each of the target's groups, in its order.
    pub targets: Vec<Seen<Vec<TargetHealth>>>,
}

impl Observation {
    /// A look that saw nothing yet, for as many target groups.
    pub fn nothing(groups: usize) -> Observation {
        Observation {
            service: Err(Unseen::Skipped),
            deployment: Err(Unseen::Skipped),
            tasks: Err(Unseen::Skipped),
            stopped_tasks: Err(Unseen::Skipped),
            own_groups: Err(Unseen::Skipped),
            targets: vec![Err(Unseen::Skipped); groups],
        }
    }

    fn unseen(&self) -> impl Iterator<Item = &Unseen> {
        [
            self.service.as_ref().err(),
            self.deployment.as_ref().err(),
            self.tasks.as_ref().err(),
            self.stopped_tasks.as_ref().err(),
            self.own_groups.as_ref().err(),
        ]
        .into_iter()
        .chain(self.targets.iter().map(|t| t.as_ref().err()))
        .flatten()
    }

    pub fn throttled(&self) -> bool {
        self.unseen().any(|u| *u == Unseen::Throttled)
    }

    pub fn unreachable(&self) -> bool {
        self.unseen().any(|u| *u == Unseen::Unreachable)
    }
}

/// What the second half of a look should ask for, decided from its first half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    pub tasks: bool,
    pub stopped_tasks: bool,
    pub targets: bool,
}

/// A task is ours if it runs our revision and was started by our deployment, where `startedBy` names one. The revision is
/// asked for as well because the deployment's id was read from an answer, which may have been a stale one.
pub(super) fn is_ours(task: &Task, ours: &Ours) -> bool {
    let another_deployments = task
        .started_by
        .as_deref()
        .is_some_and(|by| by.starts_with("ecs-svc/") && by != ours.deployment_id);
    task.task_definition == ours.task_definition && !another_deployments
}

pub(super) fn find<'s>(service: &'s Service, ours: &Ours) -> Option<&'s Deployment> {
    service
        .deployments
        .iter()
        .find(|d| d.id == ours.deployment_id)
}
