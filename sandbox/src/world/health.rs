//! Target health: registration, thresholds, draining, and when a task counts as serving.
//! Knows target groups' settings. Does not know who checks: scripted checks and the data plane's both end in [`checked`].

use std::time::Duration;

use super::agenda::Event;
use super::{World, scheduler};
use crate::runtimes::scripted;
use crate::services::ecs::{Service, ServiceKey, Task};
use crate::services::elbv2::{Target, TargetKey, TargetState};

/// From registration to the first health check being possible.
const REGISTRATION: Duration = Duration::from_secs(1);
/// A task without a load balancer and without a container health check counts after this long in RUNNING.
pub const UNCHECKED: Duration = Duration::from_secs(40);

/// Registers every target of a task that has just become reachable.
pub fn register_task(world: &mut World, arn: &str) {
    let Some((key, address, zone)) = world
        .ecs
        .tasks
        .get(arn)
        .and_then(|t| Some((t.service.clone()?, t.address.clone(), t.zone.clone())))
    else {
        return;
    };
    let Some(service) = world.ecs.services.get(&key) else {
        return;
    };
    let deployment = world.ecs.tasks.get(arn).map(|t| t.deployment.as_str());
    for (group, port) in targets_of(service, deployment.unwrap_or_default()) {
        register(world, &group, (address.clone(), port), &zone);
        if let Some(task) = world.ecs.tasks.get_mut(arn) {
            task.targets.push((group.clone(), port));
        }
        scheduler::say(
            world,
            &key,
            format!("registered 1 targets in (target-group {group})"),
        );
    }
}

/// Target group and container port of each `loadBalancers` entry, as a revision has them.
pub fn targets_of(service: &Service, digits: &str) -> Vec<(String, u16)> {
    let revision = service.revisions.iter().find(|r| r.digits == digits);
    let entries = revision
        .map_or(&service.members, |r| &r.members)
        .get("loadBalancers")
        .and_then(|l| l.as_array())
        .map(Vec::as_slice)
        .unwrap_or_default();
    let target = |(index, entry): (usize, &serde_json::Value)| {
        let own = revision.and_then(|r| r.target_groups.get(index));
        let group = own.map(String::as_str).filter(|g| !g.is_empty());
        let group = group.or_else(|| super::shapes::text(entry, "targetGroupArn"))?;
        let port = super::shapes::number_in(entry, "containerPort")?;
        Some((group.to_owned(), port as u16))
    };
    entries.iter().enumerate().filter_map(target).collect()
}

/// Adds a target, or revives a draining one.
pub fn register(world: &mut World, group_arn: &str, key: TargetKey, zone: &str) {
    let generation = world.elbv2.next_generation();
    let now = world.now;
    let Some(group) = world.elbv2.target_groups.get_mut(group_arn) else {
        return;
    };
    let interval = group.interval;
    group
        .targets
        .insert(key.clone(), Target::registered(now, zone, generation));
    let (target_group, address, port) = (group_arn.to_owned(), key.0.clone(), key.1);
    world.agenda.at(
        now + REGISTRATION,
        Event::Registered {
            target_group: target_group.clone(),
            address: address.clone(),
            port,
            generation,
        },
    );
    if !world.real_tasks {
        world.agenda.at(
            now + interval,
            Event::Check {
                target_group,
                address,
                port,
                generation,
            },
        );
    }
}

pub fn registered(world: &mut World, group_arn: &str, key: &TargetKey, generation: u64) {
    let Some(target) = world
        .elbv2
        .target(group_arn, key)
        .filter(|t| t.generation == generation)
    else {
        return;
    };
    if target.state == TargetState::Initial {
        target.set(TargetState::Initial, "Elb.InitialHealthChecking");
    }
}

/// Deregisters every target of a task; answers how long the longest drain takes.
pub fn deregister_task(world: &mut World, arn: &str) -> Duration {
    let Some(task) = world.ecs.tasks.get(arn) else {
        return Duration::ZERO;
    };
    let (targets, address, key) = (
        task.targets.clone(),
        task.address.clone(),
        task.service.clone(),
    );
    let mut longest = Duration::ZERO;
    if let Some(key) = key.as_ref().filter(|_| !targets.is_empty()) {
        scheduler::say(
            world,
            key,
            "has begun draining connections on 1 tasks.".to_owned(),
        );
    }
    for (group, port) in targets {
        longest = longest.max(deregister(world, &group, &(address.clone(), port)));
        if let Some(key) = &key {
            scheduler::say(
                world,
                key,
                format!("deregistered 1 targets in (target-group {group})"),
            );
        }
    }
    longest
}

/// Starts a target's drain; answers how long it takes. One that never served is gone at once.
pub fn deregister(world: &mut World, group_arn: &str, key: &TargetKey) -> Duration {
    let generation = world.elbv2.next_generation();
    let Some(group) = world.elbv2.target_groups.get_mut(group_arn) else {
        return Duration::ZERO;
    };
    let delay = group.deregistration_delay;
    let Some(target) = group.targets.get_mut(key) else {
        return Duration::ZERO;
    };
    if target.state == TargetState::Draining {
        return Duration::ZERO;
    }
    target.generation = generation;
    target.set(TargetState::Draining, "Target.DeregistrationInProgress");
    let (target_group, address, port) = (group_arn.to_owned(), key.0.clone(), key.1);
    world.agenda.at(
        world.now + delay,
        Event::Drained {
            target_group,
            address,
            port,
            generation,
        },
    );
    delay
}

pub fn drained(world: &mut World, group_arn: &str, key: &TargetKey, generation: u64) {
    if world
        .elbv2
        .target(group_arn, key)
        .is_some_and(|t| t.generation == generation)
        && let Some(group) = world.elbv2.target_groups.get_mut(group_arn)
    {
        group.targets.remove(key);
    }
}

/// One scripted check, and the plan for the next.
pub fn scripted_check(world: &mut World, group_arn: &str, key: TargetKey, generation: u64) {
    let known = world
        .elbv2
        .target(group_arn, &key)
        .is_some_and(|t| t.generation == generation);
    let Some(group) = world.elbv2.target_groups.get(group_arn).filter(|_| known) else {
        return;
    };
    let interval = group.interval;
    if world.elbv2.in_use(group_arn) {
        let result = scripted::answer_check(world, &key.0, key.1);
        checked(world, group_arn, &key, result);
    }
    let (target_group, (address, port)) = (group_arn.to_owned(), key);
    world.agenda.at(
        world.now + interval,
        Event::Check {
            target_group,
            address,
            port,
            generation,
        },
    );
}

/// Counts one check's result. A new target needs one pass; after that the thresholds decide.
pub fn checked(
    world: &mut World,
    group_arn: &str,
    key: &TargetKey,
    result: Result<(), (String, String)>,
) {
    let Some(group) = world.elbv2.target_groups.get_mut(group_arn) else {
        return;
    };
    let (healthy_threshold, unhealthy_threshold) =
        (group.healthy_threshold, group.unhealthy_threshold);
    let Some(target) = group
        .targets
        .get_mut(key)
        .filter(|t| t.state != TargetState::Draining)
    else {
        return;
    };
    let before = target.state;
    match &result {
        Ok(()) => {
            target.passes += 1;
            target.failures = 0;
            if target.state == TargetState::Initial || target.passes >= healthy_threshold {
                target.set(TargetState::Healthy, "");
            }
        }
        Err((reason, description)) => {
            target.failures += 1;
            target.passes = 0;
            if target.failures >= unhealthy_threshold || target.state == TargetState::Unhealthy {
                target.set(TargetState::Unhealthy, reason);
                target.description.clone_from(description);
            }
        }
    }
    if target.state == before {
        return;
    }
    let became = target.state;
    let Some(task) = world
        .ecs
        .tasks
        .values()
        .find(|t| t.address == key.0 && t.live())
    else {
        return;
    };
    let (arn, id, service) = (task.arn.clone(), task.id.clone(), task.service.clone());
    if let (Some(service), Err((_, description)), TargetState::Unhealthy) =
        (&service, &result, became)
    {
        let port = key.1;
        let what = format!(
            "(task {id}) (port {port}) is unhealthy in (target-group {group_arn}) due to (reason {description})"
        );
        scheduler::say(world, service, what);
    }
    scheduler::look_at_service_of(world, &arn);
}

/// Whether the scheduler counts a task as healthy: RUNNING, its essential containers and all its targets healthy.
pub fn serving(world: &World, service: &Service, task: &Task) -> bool {
    if !task.live() || !task.running() {
        return false;
    }
    let checked: Vec<_> = task
        .containers
        .iter()
        .filter(|c| c.essential && c.has_health_check)
        .collect();
    if checked.iter().any(|c| c.health != "HEALTHY") {
        return false;
    }
    let targets = targets_of(service, &task.deployment);
    if targets.is_empty() && checked.is_empty() {
        let ran = task
            .started_at
            .and_then(|at| world.now.duration_since(at).ok())
            .unwrap_or_default();
        return ran >= UNCHECKED;
    }
    targets.iter().all(|(group, port)| {
        let group = world.elbv2.target_groups.get(group);
        let target = group.and_then(|g| g.targets.get(&(task.address.clone(), *port)));
        target.is_some_and(|t| t.state == TargetState::Healthy)
    })
}

/// Why the scheduler must stop a task, if it must, or when the grace period that spares it ends.
pub enum Condemned {
    No,
    /// The stopped reason and, for container health, that a container failed rather than a target.
    Yes {
        reason: String,
        by_container: bool,
    },
    Spared {
        until: std::time::SystemTime,
    },
}

pub fn condemned(world: &World, key: &ServiceKey, task: &Task) -> Condemned {
    let Some(service) = world.ecs.services.get(key) else {
        return Condemned::No;
    };
    if !task.live() || !task.running() {
        return Condemned::No;
    }
    let reason = if task
        .containers
        .iter()
        .any(|c| c.essential && c.health == "UNHEALTHY")
    {
        Some(("Task failed container health checks".to_owned(), true))
    } else {
        task.targets.iter().find_map(|(group, port)| {
            let target = world
                .elbv2
                .target_groups
                .get(group)?
                .targets
                .get(&(task.address.clone(), *port))?;
            let failed = target.state == TargetState::Unhealthy;
            failed.then(|| {
                (
                    format!("Task failed ELB health checks in (target-group {group})"),
                    false,
                )
            })
        })
    };
    let Some((reason, by_container)) = reason else {
        return Condemned::No;
    };
    let grace = service
        .members
        .get("healthCheckGracePeriodSeconds")
        .and_then(super::shapes::number)
        .unwrap_or(0);
    let until = task.started_at.unwrap_or(world.now) + Duration::from_secs(grace);
    if until > world.now {
        Condemned::Spared { until }
    } else {
        Condemned::Yes {
            reason,
            by_container,
        }
    }
}
