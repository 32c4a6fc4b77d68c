//! How scripted tasks behave: which behaviour a task gets, and the usual durations of a task's states.

use std::time::Duration;

use serde::Deserialize;

use super::durations;
use crate::services::ecs::Task;
use crate::world::shapes::last_segment;

/// The behaviours of a world, the first that fits a task is its own.
#[derive(Clone, Debug, Default)]
pub struct Behaviours {
    pub list: Vec<Behaviour>,
    pub timings: Timings,
}

/// How long a task stays in its states.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Timings {
    #[serde(with = "durations")]
    pub provisioning: Duration,
    /// Pulling included.
    #[serde(with = "durations")]
    pub pending: Duration,
    #[serde(with = "durations")]
    pub activating: Duration,
    /// From SIGTERM to the last container's end.
    #[serde(with = "durations")]
    pub stopping: Duration,
    #[serde(with = "durations")]
    pub deprovisioning: Duration,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings {
            provisioning: Duration::from_secs(4),
            pending: Duration::from_secs(10),
            activating: Duration::from_secs(1),
            stopping: Duration::from_secs(2),
            deprovisioning: Duration::from_secs(4),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Behaviour {
    /// A part of a container's image or digest.
    pub image: Option<String>,
    /// `family`, `family:revision` or a bare revision number as text.
    pub task_definition: Option<String>,
    /// Only for so many tasks; later ones look further.
    pub only_first: Option<u64>,
    /// From starting to RUNNING.
    #[serde(with = "durations::optional")]
    pub start_after: Option<Duration>,
    /// From the containers running to the first check that passes.
    #[serde(with = "durations::optional")]
    pub healthy_after: Option<Duration>,
    pub unhealthy: Option<Unhealthy>,
    pub container_health: Option<ContainerHealth>,
    pub crash: Option<Crash>,
    /// The stopped reason: `CannotPullContainerError: …`.
    pub fail_to_start: Option<String>,
    /// No task can be placed; this is the reason ECS gives.
    pub unplaceable: Option<String>,
    /// No task starts; this is the event that ECS makes of it, as "failed to launch a task with (error …).".
    pub not_started: Option<String>,
    /// Exit code of a container that is told to stop.
    pub stop_exit_code: Option<i64>,
    /// What the first essential container logs at its start.
    pub logs: Vec<String>,
    /// So long after they were written CloudWatch Logs has them.
    #[serde(with = "durations")]
    pub logs_late: Duration,
}

/// Load-balancer checks fail, from the start or from some time on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Unhealthy {
    #[serde(with = "durations::optional")]
    pub after: Option<Duration>,
    /// `Target.FailedHealthChecks` without it.
    pub reason: Option<String>,
    pub description: Option<String>,
}

/// The containers' own health checks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ContainerHealth {
    #[serde(with = "durations::optional")]
    pub healthy_after: Option<Duration>,
    #[serde(with = "durations::optional")]
    pub unhealthy_after: Option<Duration>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Crash {
    /// From RUNNING on.
    #[serde(with = "durations::optional")]
    pub after: Option<Duration>,
    /// From the task's first being healthy on.
    #[serde(with = "durations::optional")]
    pub after_healthy: Option<Duration>,
    /// The first essential one without it.
    pub container: Option<String>,
    pub exit_code: Option<i64>,
    pub reason: Option<String>,
    pub out_of_memory: bool,
}

impl Behaviours {
    /// The behaviour of a task that starts now.
    pub fn choose(&mut self, task: &Task) -> Option<Behaviour> {
        let found = self
            .list
            .iter_mut()
            .find(|b| b.only_first != Some(0) && b.fits(task))?;
        if let Some(left) = &mut found.only_first {
            *left -= 1;
        }
        Some(found.clone())
    }
}

impl Behaviour {
    fn fits(&self, task: &Task) -> bool {
        let part_of = |wanted: &str| {
            let mut containers = task.containers.iter();
            containers.any(|c| {
                c.image.contains(wanted)
                    || c.image_digest.as_ref().is_some_and(|d| d.contains(wanted))
            })
        };
        let definition = last_segment(&task.task_definition);
        let names = |wanted: &str| {
            let (family, revision) = definition.rsplit_once(':').unwrap_or((definition, ""));
            wanted == definition || wanted == family || wanted == revision
        };
        self.image.as_deref().is_none_or(part_of)
            && self.task_definition.as_deref().is_none_or(names)
    }
}
