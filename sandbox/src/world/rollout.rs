//! Deployments and service deployments: how they begin, fail, roll back, are superseded and complete.
//! Knows ECS's states and their words. Does not know which task to start next: that is the scheduler's.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::health::{self, UNCHECKED};
use super::shapes::{boolean_in, ecs_arn, number_in, text, texts};
use super::{World, joins, scheduler};
use crate::runtimes::scripted;
use crate::services::ecs::{
    Deployment, LastStatus, Rollback, RolloutState, ServiceDeployment, ServiceKey, ServiceRevision,
};

/// How long alarms are still watched once the previous tasks are gone. The length is ECS's own.
const BAKE: Duration = Duration::from_secs(60);
const BREAKER_EXCEEDED: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";

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
    let ignored: Vec<String> = alarm_names(service.members.get("deploymentConfiguration"))
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
    let alarmed = !alarm_names(Some(&configuration)).is_empty();
    service.revisions.push(ServiceRevision {
        digits: digits.clone(),
        task_definition: task_definition.clone(),
        created_at: now,
        members: members.clone(),
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
        threshold: threshold(service.desired, &configuration),
        configuration,
        rollback: None,
        breaker_status: if enabled { "MONITORING" } else { "DISABLED" },
        failure_count: 0,
        alarms_status: if alarmed { "MONITORING" } else { "DISABLED" },
        triggered_alarms: Vec::new(),
        ignored_alarms: ignored,
    });
    service.steady = false;
    service.launch_not_before = None;
    scheduler::look_soon(world, key);
}

fn deployment(
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

/// The names of the alarms that guard a deployment, if they are enabled.
fn alarm_names(configuration: Option<&Value>) -> Vec<String> {
    let alarms = configuration.and_then(|c| c.get("alarms"));
    let enabled = alarms.filter(|a| boolean_in(a, "enable").unwrap_or(false));
    enabled.map(|a| texts(a, "alarmNames")).unwrap_or_default()
}

/// How many failed tasks the breaker bears.
pub fn threshold(desired: u64, configuration: &Value) -> u64 {
    let settings = configuration
        .get("deploymentCircuitBreaker")
        .and_then(|b| b.get("thresholdConfiguration"));
    let kind = settings
        .and_then(|s| text(s, "type"))
        .unwrap_or("BOUNDED_PERCENT");
    let value = settings.and_then(|s| number_in(s, "value")).unwrap_or(50);
    let share = (desired * value).div_ceil(100);
    match kind {
        "COUNT" => value,
        "UNBOUNDED_PERCENT" => share.max(1),
        _ => share.clamp(3, 200),
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
}

fn end_monitoring(deployment: &mut ServiceDeployment) {
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
    let now = world.now;
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
    let Some(key) = task.service.clone() else {
        return;
    };
    let Some(service) = world.ecs.services.get_mut(&key) else {
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
    scheduler::throttle(world, &key, in_a_row);
    scheduler::look_soon(world, &key);
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

/// Breaker and alarms: has the deployment failed?
pub fn judge(world: &mut World, key: &ServiceKey) {
    let Some(service) = world.ecs.services.get(key) else {
        return;
    };
    let Some(newest) = service.service_deployments.last().filter(|d| d.in_flight()) else {
        return;
    };
    if newest.status == "ROLLBACK_REQUESTED" {
        return roll_back_now(world, key);
    }
    let desired = service.desired;
    if newest.status == "ROLLBACK_IN_PROGRESS" {
        let limit = threshold(desired, &newest.configuration);
        let failed = service
            .deployments
            .first()
            .is_some_and(|d| d.failed_tasks >= limit);
        if failed && newest.breaker_status != "DISABLED" {
            rollback_failed(world, key);
        }
        return;
    }
    let watched = newest.status == "IN_PROGRESS";
    let breaker = newest
        .configuration
        .get("deploymentCircuitBreaker")
        .cloned()
        .unwrap_or_default();
    let threshold = threshold(desired, &newest.configuration);
    let exceeded = newest.breaker_status == "MONITORING" && newest.failure_count >= threshold;
    let names = alarm_names(Some(&newest.configuration));
    let alarms = &world.ecs.alarms;
    let ringing =
        |n: &String| alarms.get(n).copied().unwrap_or(false) && !newest.ignored_alarms.contains(n);
    let guarded = newest.alarms_status == "MONITORING";
    let triggered: Vec<String> = names
        .into_iter()
        .filter(|n| guarded && ringing(n))
        .collect();
    let alarm_rollback = newest
        .configuration
        .get("alarms")
        .and_then(|a| boolean_in(a, "rollback"))
        .unwrap_or(false);
    if let Some(newest) = world
        .ecs
        .services
        .get_mut(key)
        .and_then(|s| s.service_deployments.last_mut())
    {
        newest.threshold = threshold;
        if watched && exceeded {
            newest.breaker_status = "TRIGGERED";
        } else if watched && !triggered.is_empty() {
            newest.alarms_status = "TRIGGERED";
            newest.triggered_alarms.clone_from(&triggered);
        }
    }
    if watched && exceeded {
        let rollback = boolean_in(&breaker, "rollback").unwrap_or(false);
        let words = Words {
            event: "tasks failed to start.",
            rollout: "ECS deployment circuit breaker: tasks failed to start.",
            reason: BREAKER_EXCEEDED.to_owned(),
        };
        fail(world, key, rollback, &words);
    } else if watched && !triggered.is_empty() {
        let words = Words {
            event: "alarm detected.",
            rollout: "ECS deployment failed: alarm detected.",
            reason: format!(
                "Service deployment rolled back because of alarms detected: {}.",
                triggered.join(", ")
            ),
        };
        fail(world, key, alarm_rollback, &words);
    }
}

struct Words {
    event: &'static str,
    rollout: &'static str,
    reason: String,
}

fn fail(world: &mut World, key: &ServiceKey, rollback: bool, words: &Words) {
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    let can_return = service.completed.is_some();
    let Some(primary) = service.deployments.first_mut() else {
        return;
    };
    let id = primary.id();
    primary.rollout_state = RolloutState::Failed;
    words.rollout.clone_into(&mut primary.rollout_state_reason);
    primary.updated_at = now;
    scheduler::say(
        world,
        key,
        format!("(deployment {id}) deployment failed: {}", words.event),
    );
    if rollback && can_return {
        request_rollback(world, key, &words.reason);
        return;
    }
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    if let Some(newest) = service.service_deployments.last_mut().filter(|_| !rollback) {
        // With nothing to return to the service deployment stalls where it is; without rollback it ends.
        newest.status = "STOPPED";
        newest.status_reason = Some(words.reason.replace("rolled back", "stopped"));
        newest.finished_at = Some(now);
        newest.stopped_at = Some(now);
        newest.updated_at = now;
        end_monitoring(newest);
    }
}

/// Asks for a rollback of the deployment in flight; the scheduler's next look begins it.
pub fn request_rollback(world: &mut World, key: &ServiceKey, reason: &str) {
    begin(world, key);
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    let Some(revision) = service.completed.clone() else {
        return;
    };
    let Some(newest) = service.service_deployments.last_mut() else {
        return;
    };
    newest.status = "ROLLBACK_REQUESTED";
    newest.status_reason = Some(reason.to_owned());
    newest.updated_at = now;
    newest.rollback = Some(Rollback {
        reason: reason.to_owned(),
        started_at: now,
        revision,
    });
    scheduler::look_soon(world, key);
}

/// The revision returned to is PRIMARY again, under its own id; its tasks that still run are kept.
fn roll_back_now(world: &mut World, key: &ServiceKey) {
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    let Some(newest) = service.service_deployments.last_mut() else {
        return;
    };
    let Some(rollback) = &newest.rollback else {
        return;
    };
    let (digits, reason) = (rollback.revision.clone(), rollback.reason.clone());
    newest.status = "ROLLBACK_IN_PROGRESS";
    newest.updated_at = now;
    let by_breaker = newest.breaker_status == "TRIGGERED";
    let why = match (by_breaker, newest.alarms_status) {
        (true, _) => "ECS deployment circuit breaker",
        (false, "TRIGGERED") => "ECS deployment alarms",
        _ => "ECS deployment stopped",
    };
    end_monitoring(newest);
    let Some(revision) = service.revisions.iter().find(|r| r.digits == digits) else {
        return;
    };
    let (definition, members) = (revision.task_definition.clone(), revision.members.clone());
    for member in REVISION_MEMBERS {
        match members.get(*member) {
            Some(value) => service.members.insert((*member).to_owned(), value.clone()),
            None => service.members.remove(*member),
        };
    }
    service.task_definition.clone_from(&definition);
    let mut stopped = None;
    if let Some(failed) = service
        .deployments
        .first_mut()
        .filter(|d| d.rollout_state == RolloutState::InProgress)
    {
        failed.rollout_state = RolloutState::Failed;
        failed.rollout_state_reason.clone_from(&reason);
        stopped = Some(failed.id());
    }
    service.deployments.retain(|d| d.digits != digits);
    let mut back = deployment(&digits, &definition, members, now);
    back.rollout_state_reason = format!("{why}: rolling back to deploymentId ecs-svc/{digits}.");
    service.deployments.insert(0, back);
    service.launch_not_before = None;
    service.steady = false;
    if let Some(id) = stopped {
        scheduler::say(
            world,
            key,
            format!("(deployment {id}) deployment failed: {reason}"),
        );
    }
    scheduler::say(
        world,
        key,
        format!("rolling back to deployment ecs-svc/{digits}."),
    );
}

/// The revision returned to does not come up either: nothing more is launched.
fn rollback_failed(world: &mut World, key: &ServiceKey) {
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    let Some(primary) = service.deployments.first_mut() else {
        return;
    };
    let id = primary.id();
    primary.rollout_state = RolloutState::Failed;
    "ECS deployment circuit breaker: tasks failed to start."
        .clone_into(&mut primary.rollout_state_reason);
    if let Some(newest) = service.service_deployments.last_mut() {
        newest.status = "ROLLBACK_FAILED";
        newest.finished_at = Some(now);
        newest.updated_at = now;
    }
    scheduler::say(
        world,
        key,
        format!("(deployment {id}) deployment failed: tasks failed to start."),
    );
}

/// StopServiceDeployment with ABORT: what runs stays, nothing more is started.
pub fn abort(world: &mut World, key: &ServiceKey) {
    let now = world.now;
    let Some(service) = world.ecs.services.get_mut(key) else {
        return;
    };
    if let Some(newest) = service.service_deployments.last_mut() {
        newest.status = "STOPPED";
        newest.status_reason = Some("Service deployment stopped by a user.".to_owned());
        newest.stopped_at = Some(now);
        newest.finished_at = Some(now);
        newest.updated_at = now;
        end_monitoring(newest);
    }
    if let Some(primary) = service.deployments.first_mut() {
        primary.rollout_state = RolloutState::Failed;
        "ECS deployment stopped by a user.".clone_into(&mut primary.rollout_state_reason);
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
