//! Deployments that fail: breaker, alarms, StopServiceDeployment, and the way back to the last completed revision.
//! Knows ECS's states and their words. Does not know how a deployment begins and completes: that is `rollout`.

use serde_json::Value;

use super::rollout::{REVISION_MEMBERS, begin, deployment, end_monitoring};
use super::shapes::{boolean_in, number_in, text, texts};
use super::{World, scheduler, strategies};
use crate::services::ecs::{Rollback, RolloutState, ServiceKey};

const BREAKER_EXCEEDED: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";

/// The names of the alarms that guard a deployment, if they are enabled.
pub fn alarm_names(configuration: Option<&Value>) -> Vec<String> {
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
    strategies::roll_back(world, key);
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
