//! Deployments and service deployments: how they begin, fail, roll back, are superseded and complete.
//! Knows ECS's states and their words. Does not know which task to start next: that is the scheduler's.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::health::{self, UNCHECKED};
use super::shapes::{boolean_in, ecs_arn, text};
use super::{World, failure, joins, scheduler, strategies};
use crate::runtimes::scripted;
use crate::services::ecs::{
    Deployment, LastStatus, RolloutState, ServiceDeployment, ServiceKey, ServiceRevision,
};

/// How long alarms are still watched once the previous tasks are gone. The length is ECS's own.
const BAKE: Duration = Duration::from_secs(60);
/// What a deployment remembers of its service, because a change of it starts a new one.
pub const REVISION_MEMBERS: &[&str] = &[
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "platformFamily",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "enableExecuteCommand",
];

/// Starts a deployment of the service's present settings: a new PRIMARY, a service revision, a service deployment.
pub fn start(world: &mut World, key: &ServiceKey) {
    let digits = world.ids.digits(19);
    let suffix = world.ids.alphanumeric(21);
    let (now, arn) = (
        world.now,
        ecs_arn(
            world,
            &format!("service-deployment/{}/{}/{suffix}", key.0, key.1),
        ),
    );
    let Some(service) = world.ecs.services.get(key) else {
        return;
    };
    let definition = world.ecs.task_definition(&service.task_definition);
    let containers = definition
        .map(|d| d.containers())
        .unwrap_or_default()
        .iter();
    let images = containers
        .map(|c| {
            let image = text(c, "image").unwrap_or_default();
            (
                text(c, "name").unwrap_or_default().to_owned(),
                image.to_owned(),
                joins::digest_of(world, image),
            )
        })
        .collect();
    let ignored: Vec<String> = failure::alarm_names(service.members.get("deploymentConfiguration"))
        .into_iter()
        .filter(|name| world.ecs.alarms.get(name).copied().unwrap_or(false))
        .collect();
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    let mut members = Map::new();
    super::shapes::copy(&service.members, &mut members, REVISION_MEMBERS);
    let task_definition = service.task_definition.clone();
    let sources = service
        .deployments
        .iter()
        .map(|d| d.digits.clone())
        .collect();
    let configuration = service
        .members
        .get("deploymentConfiguration")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let breaker = configuration.get("deploymentCircuitBreaker");
    let enabled = breaker
        .and_then(|b| boolean_in(b, "enable"))
        .unwrap_or(false);
    let alarmed = !failure::alarm_names(Some(&configuration)).is_empty();
    let shifts = strategies::shifts(&configuration);
    let target_groups = strategies::traffic::groups(service, &configuration);
    let shift = strategies::planned(service, &configuration, now);
    service.revisions.push(ServiceRevision {
        digits: digits.clone(),
        task_definition: task_definition.clone(),
        created_at: now,
        members: members.clone(),
        target_groups,
        images,
    });
    service
        .deployments
        .insert(0, deployment(&digits, &task_definition, members, now));
    service.service_deployments.push(ServiceDeployment {
        arn,
        target: digits,
        sources,
        status: "PENDING",
        status_reason: None,
        created_at: now,
        started_at: None,
        finished_at: None,
        stopped_at: None,
        updated_at: now,
        threshold: failure::threshold(service.desired, &configuration),
        configuration,
        rollback: None,
        // The circuit breaker is for rolling deployments only.
        breaker_status: if enabled && !shifts {
            "MONITORING"
        } else {
            "DISABLED"
        },
        failure_count: 0,
        // With one in ALARM already it uses none.
        alarms_status: if alarmed && ignored.is_empty() {
            "MONITORING"
        } else {
            "DISABLED"
        },
        triggered_alarms: Vec::new(),
        ignored_alarms: ignored,
        shift,
        hooks: Vec::new(),
    });
    service.steady = false;
    service.launch_not_before = None;
    strategies::traffic::write(world, key);
    scheduler::look_soon(world, key);
}

pub fn deployment(
    digits: &str,
    task_definition: &str,
    members: Map<String, Value>,
    now: std::time::SystemTime,
) -> Deployment {
    Deployment {
        digits: digits.to_owned(),
        task_definition: task_definition.to_owned(),
        rollout_state: RolloutState::InProgress,
        rollout_state_reason: format!("ECS deployment ecs-svc/{digits} in progress."),
        failed_tasks: 0,
        failures_in_a_row: 0,
        created_at: now,
        updated_at: now,
        members,
        stuck_said: false,
        bake_until: None,
    }
}

/// The first look after a deployment was created: it is IN_PROGRESS, and what it supersedes is STOPPED.
pub fn begin(world: &mut World, key: &ServiceKey) {
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    let Some((newest, older)) = service.service_deployments.split_last_mut() else {
        return;
    };
    if newest.status != "PENDING" {
        return;
    }
    newest.status = "IN_PROGRESS";
    newest.started_at = Some(now);
    newest.updated_at = now;
    for superseded in older.iter_mut().filter(|d| d.in_flight()) {
        superseded.status = "STOPPED";
        superseded.finished_at = Some(now);
        superseded.stopped_at = Some(now);
        superseded.updated_at = now;
        end_monitoring(superseded);
    }
    strategies::begin(world, key);
}

pub fn end_monitoring(deployment: &mut ServiceDeployment) {
    for status in [
        &mut deployment.breaker_status,
        &mut deployment.alarms_status,
    ] {
        if *status == "MONITORING" {
            *status = "MONITORING_COMPLETE";
        }
    }
}

/// A task failed by itself: the deployment it belongs to counts it once, and the next launch waits.
pub fn task_failed(world: &mut World, arn: &str) {
    let Some(task) = world
        .ecs
        .tasks
        .get_mut(arn)
        .filter(|t| !t.counted_as_failed)
    else {
        return;
    };
    task.counted_as_failed = true;
    let digits = task.deployment.clone();
    if let Some(key) = task.service.clone() {
        failed_once(world, &key, &digits);
    }
}

/// Counts one failure of a deployment, be it of a task or of placing one.
pub fn failed_once(world: &mut World, key: &ServiceKey, digits: &str) {
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    service.steady = false;
    let Some(found) = service.deployments.iter_mut().find(|d| d.digits == digits) else {
        return;
    };
    found.failures_in_a_row += 1;
    let in_a_row = found.failures_in_a_row;
    if found.rollout_state == RolloutState::InProgress {
        found.failed_tasks += 1;
        found.updated_at = now;
        let failed = found.failed_tasks;
        if let Some(ours) = service
            .service_deployments
            .last_mut()
            .filter(|d| d.target == digits && d.in_flight())
        {
            ours.failure_count = failed;
            ours.updated_at = now;
        }
    }
    scheduler::throttle(world, key, in_a_row);
    scheduler::look_soon(world, key);
}

/// Tasks that have become healthy: they reset the count of failures, unless the breaker is told to keep it.
pub fn prove(world: &mut World, key: &ServiceKey) {
    let Some(service) = world.ecs.services.get(key) else {
        return;
    };
    let mut proven = Vec::new();
    let mut waiting = None;
    for task in world.ecs.tasks_of(key).filter(|t| t.live() && !t.proven) {
        if health::serving(world, service, task) {
            proven.push((task.arn.clone(), task.deployment.clone()));
        } else if let Some(at) = task
            .started_at
            .map(|at| at + UNCHECKED)
            .filter(|at| *at > world.now && task.targets.is_empty())
        {
            waiting = waiting.min(Some(at)).or(Some(at));
        }
    }
    if let Some(at) = waiting {
        scheduler::look(world, key, at);
    }
    for (arn, digits) in proven {
        if let Some(task) = world.ecs.tasks.get_mut(&arn) {
            task.proven = true;
        }
        scripted::plan_healthy(world, &arn);
        let Some(service) = world.ecs.services.get_mut(key) else {
            return;
        };
        let newest = service.service_deployments.last_mut();
        let breaker = newest
            .as_ref()
            .and_then(|d| d.configuration.get("deploymentCircuitBreaker"));
        let resets = breaker
            .and_then(|b| boolean_in(b, "resetOnHealthyTask"))
            .unwrap_or(true);
        if let Some(found) = service.deployments.iter_mut().find(|d| d.digits == digits) {
            found.failures_in_a_row = 0;
            if resets {
                found.failed_tasks = 0;
            }
        }
        if let Some(newest) = newest.filter(|d| resets && d.target == digits) {
            newest.failure_count = 0;
        }
    }
}

/// The end of a look: old deployments without tasks are gone, and a PRIMARY that has all it wants is COMPLETED.
pub fn conclude(world: &mut World, key: &ServiceKey) {
    let Some(service) = world.ecs.services.get(key) else {
        return;
    };
    let Some(primary) = service.deployments.first() else {
        return;
    };
    let (digits, id, desired) = (
        primary.digits.clone(),
        primary.id(),
        service.desired as usize,
    );
    let (mut live, mut serving, mut left) = (0, 0, Vec::new());
    for task in world
        .ecs
        .tasks_of(key)
        .filter(|t| t.last_status != LastStatus::Stopped)
    {
        if !left.contains(&task.deployment) {
            left.push(task.deployment.clone());
        }
        if task.deployment == digits && task.live() {
            live += 1;
            serving += usize::from(health::serving(world, service, task));
        }
    }
    let stopping = world
        .ecs
        .tasks_of(key)
        .any(|t| t.told_to_stop && t.last_status != LastStatus::Stopped && t.deployment != digits);
    let pending_zero = desired == 0 && left.contains(&digits);
    let alarmed = service
        .service_deployments
        .last()
        .is_some_and(|d| d.alarms_status == "MONITORING");
    let (state, bake_until) = (primary.rollout_state, primary.bake_until);
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    service
        .deployments
        .retain(|d| d.digits == digits || left.contains(&d.digits));
    let alone = service.deployments.len() == 1 && !stopping;
    let settled = live == desired && serving == desired && alone && !pending_zero;
    let early = service.service_deployments.last();
    let early = early
        .and_then(|d| strategies::early::of(d, desired as u64))
        .filter(|e| state == RolloutState::InProgress && serving >= e.needed);
    if let Some(early) = early {
        return completes_early(world, key, early, alone);
    }
    if !settled {
        service.steady = false;
        return;
    }
    if state == RolloutState::InProgress {
        if alarmed && service.deployments.len() == 1 {
            let until = bake_until.unwrap_or(now + BAKE);
            if let Some(primary) = service.deployments.first_mut() {
                primary.bake_until = Some(until);
            }
            if until > now {
                return scheduler::look(world, key, until);
            }
        }
        complete(world, key, &digits, &id);
    } else if state == RolloutState::Failed {
        return;
    }
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    if !service.steady {
        service.steady = true;
        scheduler::say(world, key, "has reached a steady state.".to_owned());
    }
}

/// Enough tasks are healthy for `earlySuccessCriteria`: after the bake ECS removes the previous ones, and calls it done
/// after that or before it. The rest of the new ones are started as in any service.
fn completes_early(
    world: &mut World,
    key: &ServiceKey,
    early: strategies::early::Early,
    alone: bool,
) {
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    service.steady = false;
    let alarmed = service
        .service_deployments
        .last()
        .is_some_and(|d| d.alarms_status == "MONITORING");
    let Some(primary) = service.deployments.first_mut() else {
        return;
    };
    if alarmed {
        let until = *primary.bake_until.get_or_insert(now + BAKE);
        if until > now {
            return scheduler::look(world, key, until);
        }
    }
    let (digits, id) = (primary.digits.clone(), primary.id());
    let previous = world
        .ecs
        .tasks_of(key)
        .any(|t| t.deployment != digits && t.live());
    if early.deferred || alone {
        complete(world, key, &digits, &id);
        scheduler::look_soon(world, key);
    } else if previous {
        scheduler::look_soon(world, key);
    }
}

fn complete(world: &mut World, key: &ServiceKey, digits: &str, id: &str) {
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    if let Some(primary) = service.deployments.first_mut() {
        primary.rollout_state = RolloutState::Completed;
        primary.rollout_state_reason = format!("ECS deployment {id} completed.");
        primary.updated_at = now;
    }
    service.completed = Some(digits.to_owned());
    if let Some(newest) = service
        .service_deployments
        .last_mut()
        .filter(|d| d.in_flight())
    {
        newest.status = if newest.rollback.is_some() {
            "ROLLBACK_SUCCESSFUL"
        } else {
            "SUCCESSFUL"
        };
        newest.finished_at = Some(now);
        newest.updated_at = now;
        end_monitoring(newest);
    }
    scheduler::say(
        world,
        key,
        format!("(deployment {id}) deployment completed."),
    );
}
