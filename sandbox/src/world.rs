//! The simulated world: every noun of AWS and GitHub that Shipway touches, and the time they are at.
//!
//! Knows: state, and how it changes by calls, facts and time. Does not know: HTTP, sockets, Docker, async.

pub mod agenda;
pub mod failure;
pub mod health;
pub mod ids;
pub mod inventory;
pub mod joins;
pub mod lifecycle;
pub mod registry;
pub mod rollout;
pub mod scheduler;
pub mod shapes;
pub mod starting;
pub mod strategies;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use serde_json::Value;

use crate::services::autoscaling;
use agenda::Event;

pub use agenda::Agenda;
pub use ids::Ids;

/// Where this world's AWS account is.
#[derive(Clone, Debug)]
pub struct Place {
    pub partition: String,
    pub account: String,
    pub region: String,
}

pub struct World {
    pub place: Place,
    /// The instant up to which everything due has happened.
    pub now: SystemTime,
    pub agenda: Agenda,
    pub ids: Ids,
    /// Of calls and of what calls hand out for a while (request ids, sessions, tokens): apart from the resources' ids,
    /// so that one more read renames nothing.
    pub call_ids: Ids,
    pub ecs: crate::services::ecs::Ecs,
    pub elbv2: crate::services::elbv2::Elbv2,
    pub acm: crate::services::acm::Acm,
    pub ecr: crate::services::ecr::Ecr,
    pub autoscaling: autoscaling::Autoscaling,
    pub ssm: crate::services::ssm::Ssm,
    pub logs: crate::services::logs::Logs,
    pub iam: crate::iam::Iam,
    pub github: crate::services::github::GitHub,
    /// How scripted tasks behave, by image or task definition.
    pub behaviours: crate::scenario::Behaviours,
    /// What the Lambda functions of lifecycle hooks answer.
    pub hook_answers: Vec<strategies::HookAnswer>,
    /// True when real containers are run for tasks: the docker runtime then carries out [`Effect`]s and reports [`Fact`]s.
    pub real_tasks: bool,
    /// What a driver must do next. Always empty with scripted tasks.
    pub effects: Vec<Effect>,
    /// What happens by itself, and what happens after the first update.
    pub timeline: crate::scenario::Timeline,
    /// What scripted tasks answer through a load balancer.
    pub pages: crate::scenario::Pages,
    /// The account's other regions. Who may do what is known in this one alone, and lent to them for a call.
    pub elsewhere: Vec<World>,
}

impl World {
    pub fn new(place: Place, start: SystemTime, seed: u64) -> World {
        World {
            place,
            now: start,
            agenda: Agenda::default(),
            ids: Ids::seeded(seed),
            call_ids: Ids::seeded(!seed),
            ecs: crate::services::ecs::Ecs::default(),
            elbv2: crate::services::elbv2::Elbv2::default(),
            acm: crate::services::acm::Acm::default(),
            ecr: crate::services::ecr::Ecr::default(),
            autoscaling: autoscaling::Autoscaling::default(),
            ssm: crate::services::ssm::Ssm::default(),
            logs: crate::services::logs::Logs::default(),
            iam: crate::iam::Iam::default(),
            github: crate::services::github::GitHub::default(),
            behaviours: crate::scenario::Behaviours::default(),
            hook_answers: Vec::new(),
            real_tasks: false,
            effects: Vec::new(),
            timeline: crate::scenario::Timeline::default(),
            pages: crate::scenario::Pages::default(),
            elsewhere: Vec::new(),
        }
    }

    /// Lets everything happen that is due by `to`, each at its exact time. Time never goes backwards.
    pub fn advance(&mut self, to: SystemTime) {
        while let Some((when, event)) = self.agenda.pop_due(to) {
            self.now = self.now.max(when);
            self.happen(event);
        }
        self.now = self.now.max(to);
        self.elsewhere
            .iter_mut()
            .for_each(|world| world.advance(to));
    }

    /// The world of a region; this one where no other is of that name.
    pub fn in_region<T>(&mut self, region: &str, look: impl FnOnce(&mut World) -> T) -> T {
        let mut elsewhere = self.elsewhere.iter_mut();
        match elsewhere.find(|world| world.place.region == region) {
            None => look(self),
            Some(world) => {
                std::mem::swap(&mut self.iam, &mut world.iam);
                let seen = look(world);
                std::mem::swap(&mut self.iam, &mut world.iam);
                seen
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Reconcile { cluster, service } => {
                scheduler::reconcile(self, &(cluster, service))
            }
            Event::Task { arn, step, epoch } => lifecycle::step(self, &arn, step, epoch),
            Event::Registered {
                target_group,
                address,
                port,
                generation,
            } => {
                health::registered(self, &target_group, &(address, port), generation);
            }
            Event::Check {
                target_group,
                address,
                port,
                generation,
            } => {
                health::scripted_check(self, &target_group, (address, port), generation);
            }
            Event::Drained {
                target_group,
                address,
                port,
                generation,
            } => {
                health::drained(self, &target_group, &(address, port), generation);
            }
            Event::ScaleOut { cluster, service } => {
                autoscaling::adjusting::scale_out(self, &(cluster, service));
            }
            Event::ScheduledAction {
                cluster,
                service,
                name,
                generation,
            } => autoscaling::adjusting::due(self, &(cluster, service), &name, generation),
            Event::Timeline(index) => crate::scenario::happen(self, index),
        }
    }

    /// Takes what a runtime saw. The caller advances the world to the time of seeing first.
    pub fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::TaskRunning {
                task_arn,
                reachable,
                image_digests,
            } => {
                lifecycle::containers_run(self, &task_arn, &reachable, &image_digests);
            }
            Fact::TaskFailedToStart { task_arn, reason } => {
                lifecycle::fail_to_start(self, &task_arn, &reason)
            }
            Fact::ContainerExited {
                task_arn,
                container,
                exit_code,
                out_of_memory,
            } => {
                lifecycle::container_exited(
                    self,
                    &task_arn,
                    Some(&container),
                    exit_code,
                    out_of_memory,
                    None,
                );
            }
            Fact::TaskStopped {
                task_arn,
                exit_codes,
            } => lifecycle::containers_stopped(self, &task_arn, &exit_codes),
            Fact::HealthChecked {
                target_group_arn,
                address,
                port,
                result,
            } => {
                health::checked(self, &target_group_arn, &(address, port), result);
            }
            Fact::LogLine {
                group,
                stream,
                line,
            } => joins::log_line(self, &group, &stream, &line),
        }
    }
}

/// One API call, decoded. The same for JSON 1.1 and query protocols: query parameters become nested JSON of strings.
#[derive(Clone, Debug)]
pub struct Call {
    /// `ecs`, `ecr`, `elasticloadbalancing`, `sts`, `logs`: the IAM prefix and signing name.
    pub service: &'static str,
    pub operation: String,
    pub input: Value,
    /// The ARN of who signed, empty for unsigned operations.
    pub caller: String,
}

/// An error as AWS answers it.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// e.g. `ServiceNotFoundException`, `TargetGroupNotFound`.
    pub code: String,
    pub message: String,
    /// 400 unless AWS documents another.
    pub status: u16,
}

impl ApiError {
    pub fn new(code: &str, message: impl Into<String>) -> ApiError {
        ApiError {
            code: code.to_owned(),
            message: message.into(),
            status: 400,
        }
    }
}

pub type Answer = Result<Value, ApiError>;

/// One operation of an API: a row of its service's table. `services::table()` joins them all.
#[derive(Clone, Copy)]
pub struct Operation {
    pub service: &'static str,
    pub name: &'static str,
    pub function: fn(&mut World, &Value) -> Answer,
    /// The ARNs that a policy's `Resource` is matched against; `*` where AWS knows no resource type for it.
    pub resources: fn(&World, &Value) -> Vec<String>,
}

/// How many rows these tables have together.
pub const fn rows(tables: &[&[Operation]]) -> usize {
    let (mut total, mut table) = (0, 0);
    while table < tables.len() {
        total += tables[table].len();
        table += 1;
    }
    total
}

/// One table of several; `N` is their [`rows`].
pub const fn joined<const N: usize>(tables: &[&[Operation]]) -> [Operation; N] {
    let mut all = [tables[0][0]; N];
    let (mut next, mut table) = (0, 0);
    while table < tables.len() {
        let mut row = 0;
        while row < tables[table].len() {
            all[next] = tables[table][row];
            next += 1;
            row += 1;
        }
        table += 1;
    }
    all
}

/// What the world wants done outside of it (docker runtime only).
#[derive(Clone, Debug)]
pub enum Effect {
    StartTask(TaskToStart),
    /// SIGTERM, then SIGKILL after `stop_timeout`.
    StopTask {
        task_arn: String,
        stop_timeout: std::time::Duration,
    },
}

#[derive(Clone, Debug)]
pub struct TaskToStart {
    pub task_arn: String,
    /// The made-up ENI address that DescribeTasks shows and targets are registered with.
    pub address: String,
    pub containers: Vec<ContainerToStart>,
}

#[derive(Clone, Debug)]
pub struct ContainerToStart {
    pub name: String,
    pub image: String,
    pub command: Vec<String>,
    pub entry_point: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub container_ports: Vec<u16>,
    pub essential: bool,
    pub memory_mib: Option<u64>,
    /// (log group, stream) when the container logs to awslogs.
    pub log_stream: Option<(String, String)>,
}

/// What a runtime saw happen (docker runtime only).
#[derive(Clone, Debug)]
pub enum Fact {
    /// All containers run. `reachable`: container port → where it can be reached on this machine.
    TaskRunning {
        task_arn: String,
        reachable: Vec<(u16, std::net::SocketAddr)>,
        image_digests: Vec<(String, String)>,
    },
    /// As ECS words it, e.g. `CannotPullContainerError: …`.
    TaskFailedToStart { task_arn: String, reason: String },
    ContainerExited {
        task_arn: String,
        container: String,
        exit_code: i64,
        out_of_memory: bool,
    },
    /// The runtime finished stopping (answer to [`Effect::StopTask`]).
    TaskStopped {
        task_arn: String,
        exit_codes: Vec<(String, i64)>,
    },
    /// One health check of the ALB's data plane. `Err` holds (ELB reason code, description).
    HealthChecked {
        target_group_arn: String,
        address: String,
        port: u16,
        result: Result<(), (String, String)>,
    },
    LogLine {
        group: String,
        stream: String,
        line: String,
    },
}
