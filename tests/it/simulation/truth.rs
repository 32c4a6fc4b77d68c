//! What was really so: the sandbox's state after each thing that happened, kept as a history. Knows ECS's nouns and what
//! serving means. Does not know what Shipway saw or said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use shipway_sandbox::services::ecs::{LastStatus, Service, Task};
use shipway_sandbox::services::elbv2::TargetState;
use shipway_sandbox::world::health::targets_of;
use shipway_sandbox::{Sandbox, World};
use tokio::sync::Notify;

/// At the least so often, though nothing was planned.
const AT_LEAST: Duration = Duration::from_secs(30);

/// The service at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// ACTIVE, DRAINING, INACTIVE.
    pub status: &'static str,
    pub desired: u64,
    /// The first is PRIMARY.
    pub deployments: Vec<Listed>,
    /// Status of each service deployment by its target.
    pub ends: BTreeMap<String, End>,
    /// Tasks of PRIMARY that run, and those of them that are healthy everywhere.
    pub running: BTreeSet<u64>,
    pub proven: BTreeSet<u64>,
    /// Targets of others that are `healthy` or `initial`.
    pub others: usize,
    /// Tasks that stopped and were not scaled in, so far, by task definition.
    pub stops: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub digits: String,
    pub task_definition: String,
    pub state: &'static str,
    pub failed_tasks: u64,
    pub running: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct End {
    pub status: &'static str,
    /// A rollback was begun, or breaker or alarm went off.
    pub doomed: bool,
}

impl Moment {
    pub fn primary(&self) -> Option<&Listed> {
        self.deployments.first()
    }

    pub fn end_of(&self, digits: &str) -> Option<&End> {
        self.ends.get(digits)
    }

    fn sound(&self, digits: &str) -> bool {
        self.end_of(digits).is_none_or(|end| {
            !end.doomed && matches!(end.status, "PENDING" | "IN_PROGRESS" | "SUCCESSFUL")
        })
    }

    /// Everything that serving means, at this moment, of PRIMARY: the design's 5.2 a to d.
    pub fn serves(&self) -> bool {
        self.status == "ACTIVE"
            && self
                .primary()
                .is_some_and(|p| p.state != "FAILED" && self.sound(&p.digits))
            && self.desired > 0
            && self.proven.len() as u64 >= self.desired
            && self.others == 0
    }

    /// ECS calls PRIMARY done.
    pub fn done(&self) -> bool {
        self.primary()
            .is_some_and(|p| match self.end_of(&p.digits) {
                Some(end) => end.status == "SUCCESSFUL",
                None => p.state == "COMPLETED",
            })
    }
}

/// All moments so far, each with its time since the world's start.
#[derive(Default)]
pub struct History {
    pub moments: Vec<(Duration, Moment)>,
}

impl History {
    /// As it was then.
    pub fn at(&self, when: Duration) -> &Moment {
        let after = self.moments.partition_point(|(at, _)| *at <= when);
        &self.moments[after.saturating_sub(1)].1
    }

    pub fn between(
        &self,
        from: Duration,
        to: Duration,
    ) -> impl Iterator<Item = &(Duration, Moment)> {
        let first = self
            .moments
            .partition_point(|(at, _)| *at <= from)
            .saturating_sub(1);
        self.moments[first..]
            .iter()
            .take_while(move |(at, _)| *at <= to)
    }
}

/// Watches one service of a world, without a call.
pub struct Truth {
    sandbox: Sandbox,
    start: SystemTime,
    history: Mutex<History>,
    changed: Notify,
}

impl Truth {
    pub fn of(sandbox: &Sandbox) -> Arc<Truth> {
        Arc::new(Truth {
            start: sandbox.clock().now(),
            sandbox: sandbox.clone(),
            history: Mutex::default(),
            changed: Notify::new(),
        })
    }

    pub fn now(&self) -> Duration {
        let since = self.sandbox.clock().now().duration_since(self.start);
        since.unwrap_or_default()
    }

    /// Takes down how things are; a change of the world from outside is followed by this.
    pub fn note(&self) {
        let moment = self.sandbox.with_world(|world| moment(world));
        let now = self.now();
        let moments = &mut self.history.lock().unwrap().moments;
        if moments.last().is_none_or(|(_, last)| *last != moment) {
            moments.push((now, moment));
        }
        self.changed.notify_one();
    }

    /// Notes whatever happens by itself, when it happens.
    pub async fn follow(self: Arc<Truth>) {
        loop {
            let next = self.sandbox.with_world(|world| world.agenda.next());
            let wait = next
                .and_then(|at| at.duration_since(self.sandbox.clock().now()).ok())
                .unwrap_or_default()
                .clamp(Duration::from_millis(1), AT_LEAST);
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = tokio::time::sleep(wait) => {
                    self.note();
                    // The note was ours.
                    let _ = futures_util::FutureExt::now_or_never(self.changed.notified());
                }
            }
        }
    }

    pub fn history(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap()
    }
}

fn moment(world: &World) -> Moment {
    let key = ("prod".to_owned(), "web".to_owned());
    let Some(service) = world.ecs.services.get(&key) else {
        return Moment::default();
    };
    let deployments: Vec<Listed> = (service.deployments.iter())
        .map(|d| Listed {
            digits: d.digits.clone(),
            task_definition: d.task_definition.clone(),
            state: d.rollout_state.as_str(),
            failed_tasks: d.failed_tasks,
            running: 0,
        })
        .collect();
    let mut moment = Moment {
        status: service.status,
        desired: service.desired,
        deployments,
        ends: ends(world, service),
        ..Moment::default()
    };
    let primary = moment
        .primary()
        .map(|p| p.digits.clone())
        .unwrap_or_default();
    let groups = targets_of(service, &primary);
    let mut addresses = BTreeSet::new();
    for task in world
        .ecs
        .tasks
        .values()
        .filter(|t| t.service.as_ref() == Some(&key))
    {
        if task.running()
            && task.live()
            && let Some(listed) = moment
                .deployments
                .iter_mut()
                .find(|d| d.digits == task.deployment)
        {
            listed.running += 1;
        }
        if let Some(code) = task.stop_code
            && match code {
                "ServiceSchedulerInitiated" => task.counted_as_failed,
                _ => task.last_status == LastStatus::Stopped,
            }
        {
            *moment
                .stops
                .entry(task.task_definition.clone())
                .or_default() += 1;
        }
        if task.deployment != primary {
            continue;
        }
        addresses.insert(task.address.as_str());
        if !task.running() || !task.live() {
            continue;
        }
        moment.running.insert(task.number);
        if healthy_everywhere(world, &groups, task) {
            moment.proven.insert(task.number);
        }
    }
    let mut seen = BTreeSet::new();
    for (group, _) in groups
        .iter()
        .filter(|(group, _)| seen.insert(group.clone()))
    {
        let Some(group) = world.elbv2.target_groups.get(group) else {
            continue;
        };
        let answers = |state| matches!(state, TargetState::Healthy | TargetState::Initial);
        let others = group.targets.iter().filter(|((address, _), target)| {
            answers(target.state) && !addresses.contains(address.as_str())
        });
        moment.others += others.count();
    }
    moment
}

fn ends(world: &World, service: &Service) -> BTreeMap<String, End> {
    if !world.ecs.service_deployments_available {
        return BTreeMap::new();
    }
    let all = service.service_deployments.iter();
    all.map(|d| {
        let doomed = d.rollback.is_some()
            || d.breaker_status == "TRIGGERED"
            || !d.triggered_alarms.is_empty();
        (
            d.target.clone(),
            End {
                status: d.status,
                doomed,
            },
        )
    })
    .collect()
}

/// Not the scheduler's own judgement: containers and targets are looked at here.
fn healthy_everywhere(world: &World, groups: &[(String, u16)], task: &Task) -> bool {
    debug_assert_eq!(task.last_status, LastStatus::Running);
    let containers = task
        .containers
        .iter()
        .filter(|c| c.essential && c.has_health_check);
    let unhealthy = task.containers.iter().any(|c| c.health == "UNHEALTHY");
    !unhealthy
        && containers.into_iter().all(|c| c.health == "HEALTHY")
        && groups.iter().all(|(group, port)| {
            let group = world.elbv2.target_groups.get(group);
            let target = group.and_then(|g| g.targets.get(&(task.address.clone(), *port)));
            target.is_some_and(|t| t.state == TargetState::Healthy)
        })
}
