//! Service deployments and service revisions: their history, and stopping one.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::{
    Service, ServiceDeployment, ServiceKey, counts, existing_service, listed_resources,
    service_resource,
};
use crate::world::shapes::{copy, ecs_arn, ecs_page, epoch_seconds, instant, text, texts};
use crate::world::strategies::{Stage, hooks, traffic};
use crate::world::{Answer, ApiError, Operation, World, failure, rollout};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "ecs",
        name: "ListServiceDeployments",
        function: list_service_deployments,
        resources: |w, i| service_resource(w, i, "service"),
    },
    Operation {
        service: "ecs",
        name: "DescribeServiceDeployments",
        function: describe_service_deployments,
        resources: |_, i| listed_resources(i, "serviceDeploymentArns"),
    },
    Operation {
        service: "ecs",
        name: "DescribeServiceRevisions",
        function: describe_service_revisions,
        resources: |_, i| listed_resources(i, "serviceRevisionArns"),
    },
    Operation {
        service: "ecs",
        name: "StopServiceDeployment",
        function: stop_service_deployment,
        resources: |_, i| vec![text(i, "serviceDeploymentArn").unwrap_or("*").to_owned()],
    },
    Operation {
        service: "ecs",
        name: "ContinueServiceDeployment",
        function: continue_service_deployment,
        resources: |_, i| vec![text(i, "serviceDeploymentArn").unwrap_or("*").to_owned()],
    },
];

fn revision_arn(world: &World, service: &Service, digits: &str) -> String {
    ecs_arn(
        world,
        &format!(
            "service-revision/{}/{}/{digits}",
            service.cluster, service.name
        ),
    )
}

fn key_of(service: &Service) -> ServiceKey {
    (service.cluster.clone(), service.name.clone())
}

fn revision_summary(world: &World, service: &Service, digits: &str) -> Value {
    let key = key_of(service);
    let (running, pending) = counts(world.ecs.tasks_of(&key), digits);
    let primary = service
        .deployments
        .first()
        .is_some_and(|d| d.digits == digits);
    json!({
        "arn": revision_arn(world, service, digits),
        "requestedTaskCount": if primary || keeps(service, digits) { service.desired } else { 0 },
        "runningTaskCount": running, "pendingTaskCount": pending,
    })
}

/// Whether a deployment that shifts traffic keeps this revision's tasks for now.
fn keeps(service: &Service, digits: &str) -> bool {
    let newest = service.service_deployments.last();
    let shift = newest
        .filter(|d| d.in_flight())
        .and_then(|d| d.shift.as_ref());
    shift.is_some_and(|s| s.kept == digits && s.stage < Stage::CleanUp)
}

/// A revision's summary in a service deployment, with its traffic where that is shifted.
fn deployed_summary(
    world: &World,
    service: &Service,
    deployment: &ServiceDeployment,
    digits: &str,
) -> Value {
    let mut shown = revision_summary(world, service, digits);
    if let Some(shift) = &deployment.shift {
        let (production, test) = shift.weights(digits, &deployment.target);
        shown["requestedProductionTrafficWeight"] = json!(production);
        shown["requestedTestTrafficWeight"] = json!(test);
    }
    shown
}

/// The members of DescribeServices that speak of these.
pub fn current(world: &World, service: &Service, shown: &mut Map<String, Value>) {
    if let Some(newest) = service.service_deployments.last() {
        shown.insert("currentServiceDeployment".to_owned(), json!(newest.arn));
    }
    let revisions = service
        .deployments
        .iter()
        .map(|d| revision_summary(world, service, &d.digits))
        .collect();
    shown.insert(
        "currentServiceRevisions".to_owned(),
        Value::Array(revisions),
    );
}

fn list_service_deployments(world: &mut World, input: &Value) -> Answer {
    let key = existing_service(world, input, "service")?;
    if !world.ecs.service_deployments_available {
        return Ok(json!({ "serviceDeployments": [] }));
    }
    let Some(service) = world.ecs.services.get(&key) else {
        return Ok(json!({ "serviceDeployments": [] }));
    };
    let statuses = texts(input, "status");
    let bound = |member: &str| {
        input
            .get("createdAt")
            .and_then(|c| c.get(member))
            .and_then(instant)
    };
    let (after, before) = (bound("after"), bound("before"));
    let fits = |d: &&ServiceDeployment| {
        (statuses.is_empty() || statuses.iter().any(|s| s == d.status))
            && after.is_none_or(|a| d.created_at >= a)
            && before.is_none_or(|b| d.created_at <= b)
    };
    let newest_first = service.service_deployments.iter().rev().filter(fits);
    let briefs = newest_first.map(|d| {
        let mut brief = json!({
            "serviceDeploymentArn": d.arn, "serviceArn": service.arn,
            "clusterArn": ecs_arn(world, &format!("cluster/{}", service.cluster)),
            "createdAt": epoch_seconds(d.created_at),
            "targetServiceRevisionArn": revision_arn(world, service, &d.target), "status": d.status,
        });
        put_times(
            &mut brief,
            &[("startedAt", d.started_at), ("finishedAt", d.finished_at)],
        );
        if let Some(reason) = &d.status_reason {
            brief["statusReason"] = json!(reason);
        }
        brief
    });
    ecs_page(briefs.collect(), "serviceDeployments", input, 100)
}

fn put_times(shown: &mut Value, times: &[(&str, Option<SystemTime>)]) {
    for (name, at) in times {
        if let Some(at) = at {
            shown[*name] = epoch_seconds(*at);
        }
    }
}

fn describe_service_deployments(world: &mut World, input: &Value) -> Answer {
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for arn in texts(input, "serviceDeploymentArns") {
        let found = world
            .ecs
            .services
            .values()
            .find_map(|s| Some((s, s.service_deployments.iter().find(|d| d.arn == arn)?)));
        match found.filter(|_| world.ecs.service_deployments_available) {
            Some((service, deployment)) => shown.push(describe(world, service, deployment)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceDeployments": shown, "failures": failures }))
}

fn describe(world: &World, service: &Service, deployment: &ServiceDeployment) -> Value {
    let d = deployment;
    let sources: Vec<Value> = d
        .sources
        .iter()
        .map(|s| deployed_summary(world, service, d, s))
        .collect();
    let mut shown = json!({
        "serviceDeploymentArn": d.arn, "serviceArn": service.arn,
        "clusterArn": ecs_arn(world, &format!("cluster/{}", service.cluster)),
        "createdAt": epoch_seconds(d.created_at), "updatedAt": epoch_seconds(d.updated_at),
        "sourceServiceRevisions": sources, "targetServiceRevision": deployed_summary(world, service, d, &d.target),
        "status": d.status, "deploymentConfiguration": d.configuration,
        "deploymentCircuitBreaker": { "status": d.breaker_status, "failureCount": d.failure_count, "threshold": d.threshold },
        "alarms": {
            "status": d.alarms_status, "alarmNames": alarm_names(&d.configuration), "triggeredAlarmNames": d.triggered_alarms,
        },
    });
    let times = [
        ("startedAt", d.started_at),
        ("finishedAt", d.finished_at),
        ("stoppedAt", d.stopped_at),
    ];
    put_times(&mut shown, &times);
    if let Some(reason) = &d.status_reason {
        shown["statusReason"] = json!(reason);
    }
    if let Some(shift) = d.shift.as_ref().filter(|_| d.started_at.is_some()) {
        shown["lifecycleStage"] = json!(shift.reported());
        shown["lifecycleHookDetails"] = Value::Array(hooks::details(d));
    }
    if let Some(rollback) = &d.rollback {
        shown["rollback"] = json!({
            "reason": rollback.reason, "startedAt": epoch_seconds(rollback.started_at),
            "serviceRevisionArn": revision_arn(world, service, &rollback.revision),
        });
    }
    shown
}

fn alarm_names(configuration: &Value) -> Vec<String> {
    configuration
        .get("alarms")
        .map(|a| texts(a, "alarmNames"))
        .unwrap_or_default()
}

fn describe_service_revisions(world: &mut World, input: &Value) -> Answer {
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for arn in texts(input, "serviceRevisionArns") {
        let found = world.ecs.services.values().find_map(|service| {
            let revision = service
                .revisions
                .iter()
                .find(|r| revision_arn(world, service, &r.digits) == arn)?;
            Some((service, revision))
        });
        let Some((service, revision)) = found.filter(|_| world.ecs.service_deployments_available)
        else {
            failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            continue;
        };
        let images: Vec<Value> = revision
            .images
            .iter()
            .map(|(name, image, digest)| {
                let mut shown = json!({ "containerName": name, "image": image });
                if let Some(digest) = digest {
                    shown["imageDigest"] = json!(digest);
                }
                shown
            })
            .collect();
        let resolved = traffic::resolved(&revision.members, &revision.target_groups);
        let mut revision_shown = json!({
            "serviceRevisionArn": arn, "serviceArn": service.arn,
            "clusterArn": ecs_arn(world, &format!("cluster/{}", service.cluster)),
            "taskDefinition": revision.task_definition, "containerImages": images, "guardDutyEnabled": false,
            "createdAt": epoch_seconds(revision.created_at), "resolvedConfiguration": { "loadBalancers": resolved },
        });
        if let Some(members) = revision_shown.as_object_mut() {
            let of_revision: Vec<&str> = rollout::REVISION_MEMBERS
                .iter()
                .copied()
                .filter(|m| *m != "enableExecuteCommand")
                .collect();
            copy(&revision.members, members, &of_revision);
        }
        shown.push(revision_shown);
    }
    Ok(json!({ "serviceRevisions": shown, "failures": failures }))
}

/// The service deployment that an input names, with its service.
fn named<'w>(
    world: &'w World,
    input: &Value,
) -> Result<(ServiceKey, &'w ServiceDeployment), ApiError> {
    let arn = text(input, "serviceDeploymentArn").unwrap_or_default();
    let found = world.ecs.services.values().find_map(|s| {
        Some((
            key_of(s),
            s.service_deployments.iter().find(|d| d.arn == arn)?,
        ))
    });
    found
        .filter(|_| world.ecs.service_deployments_available)
        .ok_or_else(|| {
            let message = "The service deployment ARN that you specified doesn't exist.";
            ApiError::new("ServiceDeploymentNotFoundException", message)
        })
}

fn continue_service_deployment(world: &mut World, input: &Value) -> Answer {
    let (key, deployment) = named(world, input)?;
    let arn = deployment.arn.clone();
    let id = text(input, "hookId").unwrap_or_default();
    let action = text(input, "action").unwrap_or("CONTINUE");
    let newest = world.ecs.services.get(&key);
    let newest = newest.and_then(|s| s.service_deployments.last());
    let current = newest.is_some_and(|d| d.arn == arn);
    if !current || !hooks::act(world, &key, Some(id), action) {
        let message = "The lifecycle hook that you specified isn't awaiting action.";
        return Err(ApiError::new("InvalidParameterException", message));
    }
    Ok(json!({ "serviceDeploymentArn": arn }))
}

fn stop_service_deployment(world: &mut World, input: &Value) -> Answer {
    let (key, deployment) = named(world, input)?;
    let arn = deployment.arn.clone();
    if !deployment.in_flight() {
        let message = format!(
            "The service deployment is in a terminal state ({}) and cannot be stopped.",
            deployment.status
        );
        return Err(ApiError::new("ConflictException", message));
    }
    if text(input, "stopType") == Some("ABORT") {
        failure::abort(world, &key);
    } else if !deployment.status.starts_with("ROLLBACK") {
        let reason = "Service deployment rolled back because of a StopServiceDeployment request.";
        if !stop_with_rollback(world, &key, reason) {
            return Err(ApiError::new(
                "ConflictException",
                "No service revision was found to roll back to.",
            ));
        }
    }
    Ok(json!({ "serviceDeploymentArn": arn }))
}

/// Rolls a service back as a person would ask for it; false when there is nothing to return to.
pub fn stop_with_rollback(world: &mut World, key: &ServiceKey, reason: &str) -> bool {
    let possible = world
        .ecs
        .services
        .get(key)
        .is_some_and(|s| s.completed.is_some());
    if possible {
        failure::request_rollback(world, key, reason);
    }
    possible
}
