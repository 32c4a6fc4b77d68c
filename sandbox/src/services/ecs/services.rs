//! ECS services: create, update, describe, list, delete. Knows what ECS refuses and which changes start a deployment.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::service_settings::{active_definition, check, defaults, invalid};
use super::{
    RolloutState, Service, ServiceKey, cluster_in, counts, existing_service, listed_resources,
    service_resource, tags, task_sets,
};
use crate::services::autoscaling;
use crate::world::shapes::{
    boolean_in, copy, ecs_arn, ecs_page, epoch_seconds, everything, last_segment, number_in, text,
    texts,
};
use crate::world::{Answer, ApiError, Operation, World, rollout, scheduler};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "ecs",
        name: "CreateService",
        function: create_service,
        resources: |w, i| service_resource(w, i, "serviceName"),
    },
    Operation {
        service: "ecs",
        name: "UpdateService",
        function: update_service,
        resources: |w, i| service_resource(w, i, "service"),
    },
    Operation {
        service: "ecs",
        name: "DeleteService",
        function: delete_service,
        resources: |w, i| service_resource(w, i, "service"),
    },
    Operation {
        service: "ecs",
        name: "DescribeServices",
        function: describe_services,
        resources: described,
    },
    Operation {
        service: "ecs",
        name: "ListServices",
        function: list_services,
        resources: everything,
    },
];

/// Container instances of a cluster, each of which has a task of a daemon.
const INSTANCES: u64 = 2;

/// Members that are kept and shown as they were given.
const PASSED_THROUGH: &[&str] = &[
    "availabilityZoneRebalancing",
    "loadBalancers",
    "serviceRegistries",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "platformFamily",
    "deploymentConfiguration",
    "placementConstraints",
    "placementStrategy",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "deploymentController",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
    "resourceManagementType",
];

/// Kept, but shown in deployments and revisions only.
const HIDDEN: &[&str] = &[
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
];

/// A change of one of these starts a deployment.
const STARTS_DEPLOYMENT: &[&str] = &[
    "networkConfiguration",
    "platformVersion",
    "capacityProviderStrategy",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
];

fn described(world: &World, input: &Value) -> Vec<String> {
    let cluster = last_segment(text(input, "cluster").unwrap_or("default"));
    let arns = listed_resources(input, "services").into_iter();
    arns.map(|s| {
        if s.starts_with("arn:") {
            s
        } else {
            ecs_arn(world, &format!("service/{cluster}/{s}"))
        }
    })
    .collect()
}

fn daemon(members: &Map<String, Value>) -> bool {
    members
        .get("schedulingStrategy")
        .is_some_and(|s| s == "DAEMON")
}

fn no_count_of_a_daemon(input: &Value) -> Result<(), ApiError> {
    match input.get("desiredCount").is_none_or(Value::is_null) {
        true => Ok(()),
        false => Err(invalid(
            "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again",
        )),
    }
}

fn create_service(world: &mut World, input: &Value) -> Answer {
    let cluster = cluster_in(world, input)?;
    let name = text(input, "serviceName").unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(invalid("Service name cannot be empty."));
    }
    let key: ServiceKey = (cluster, name);
    match world.ecs.services.get(&key).map(|s| s.status) {
        Some("ACTIVE") => return Err(invalid("Creation of service was not idempotent.")),
        Some("DRAINING") => {
            return Err(invalid("Unable to Start a service that is still Draining."));
        }
        _ => {}
    }
    let definition = active_definition(world, text(input, "taskDefinition").unwrap_or_default())?;
    let mut members = Map::new();
    copy(
        input.as_object().unwrap_or(&Map::new()),
        &mut members,
        PASSED_THROUGH,
    );
    let both = ["launchType", "capacityProviderStrategy"];
    if both.iter().all(|member| members.contains_key(*member)) {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    defaults(&mut members);
    check(world, &key.0, &members, &definition)?;
    let desired = if daemon(&members) {
        no_count_of_a_daemon(input)?;
        INSTANCES
    } else {
        number_in(input, "desiredCount")
            .ok_or_else(|| invalid("DesiredCount cannot be null or empty."))?
    };
    let arn = ecs_arn(world, &format!("service/{}/{}", key.0, key.1));
    // What an earlier service of this name was tagged with went with it.
    world.ecs.tags.remove(&arn);
    tags::put(world, &arn, input.get("tags"));
    let created_by = format!(
        "arn:{}:iam::{}:root",
        world.place.partition, world.place.account
    );
    let service = Service {
        cluster: key.0.clone(),
        name: key.1.clone(),
        arn,
        status: "ACTIVE",
        desired,
        task_definition: definition,
        members,
        created_at: world.now,
        created_by,
        events: VecDeque::new(),
        deployments: Vec::new(),
        service_deployments: Vec::new(),
        revisions: Vec::new(),
        completed: None,
        steady: false,
        look_due: None,
        launch_not_before: None,
    };
    world.ecs.services.insert(key.clone(), service);
    rollout::start(world, &key);
    Ok(json!({ "service": describe(world, &key, true) }))
}

fn update_service(world: &mut World, input: &Value) -> Answer {
    let key = existing_service(world, input, "service")?;
    let Some(service) = world.ecs.services.get(&key) else {
        return Err(invalid("Service not found."));
    };
    if service.status != "ACTIVE" {
        return Err(ApiError::new(
            "ServiceNotActiveException",
            "Service was not ACTIVE.",
        ));
    }
    if daemon(&service.members) {
        no_count_of_a_daemon(input)?;
    }
    if let Some(controller) = task_sets::controller(service) {
        task_sets::refuse_deployment(controller, input)?;
    }
    let before = service.task_definition.clone();
    let definition = match text(input, "taskDefinition") {
        Some(named) => active_definition(world, named)?,
        None => before.clone(),
    };
    let Some(service) = world.ecs.services.get(&key) else {
        return Err(invalid("Service not found."));
    };
    let given = input.as_object().cloned().unwrap_or_default();
    let given: Map<String, Value> = given
        .into_iter()
        .filter(|(m, v)| PASSED_THROUGH.contains(&m.as_str()) && !v.is_null())
        .collect();
    let changes = |member: &&str| {
        given
            .get(*member)
            .is_some_and(|v| service.members.get(*member) != Some(v))
    };
    let starts = definition != before
        || boolean_in(input, "forceNewDeployment").unwrap_or(false)
        || STARTS_DEPLOYMENT.iter().any(changes);
    let mut members = service.members.clone();
    for (member, value) in given {
        match (
            members.get_mut(&member).and_then(Value::as_object_mut),
            value,
        ) {
            (Some(kept), Value::Object(new)) if member == "deploymentConfiguration" => {
                kept.extend(new)
            }
            (_, value) => {
                members.insert(member, value);
            }
        }
    }
    if members
        .get("capacityProviderStrategy")
        .and_then(Value::as_array)
        .is_some_and(|s| !s.is_empty())
    {
        members.remove("launchType");
    }
    check(world, &key.0, &members, &definition)?;
    let Some(service) = world.ecs.services.get_mut(&key) else {
        return Err(invalid("Service not found."));
    };
    service.members = members;
    service.task_definition = definition;
    if let Some(desired) = number_in(input, "desiredCount").filter(|d| *d != service.desired) {
        service.desired = desired;
        service.steady = false;
    }
    autoscaling::adjusting::watch(world, &key);
    if starts {
        rollout::start(world, &key);
    } else {
        scheduler::look_soon(world, &key);
    }
    crate::scenario::updated(world);
    Ok(json!({ "service": describe(world, &key, true) }))
}

fn delete_service(world: &mut World, input: &Value) -> Answer {
    let key = existing_service(world, input, "service")?;
    let force = boolean_in(input, "force").unwrap_or(false);
    let Some(service) = world.ecs.services.get_mut(&key) else {
        return Err(invalid("Service not found."));
    };
    // Once more is no error, however far it has got.
    if service.status != "ACTIVE" {
        return Ok(json!({ "service": describe(world, &key, true) }));
    }
    if service.desired > 0 && !force {
        return Err(invalid(
            "The service cannot be stopped while it is scaled above 0.",
        ));
    }
    service.status = "DRAINING";
    service.desired = 0;
    for ended in service
        .service_deployments
        .iter_mut()
        .filter(|d| d.in_flight())
    {
        ended.status = "STOPPED";
        ended.stopped_at = Some(world.now);
        ended.finished_at = Some(world.now);
    }
    scheduler::look_soon(world, &key);
    Ok(json!({ "service": describe(world, &key, true) }))
}

fn describe_services(world: &mut World, input: &Value) -> Answer {
    let names = texts(input, "services");
    if names.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if names.len() > 10 {
        return Err(invalid("Services cannot have more than 10 elements."));
    }
    let cluster = cluster_in(world, input)?;
    let with_tags = texts(input, "include").iter().any(|i| i == "TAGS");
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let key = (cluster.clone(), last_segment(&name).to_owned());
        if world.ecs.services.contains_key(&key) {
            services.push(describe(world, &key, with_tags));
        } else {
            failures.push(json!({ "arn": ecs_arn(world, &format!("service/{cluster}/{}", key.1)), "reason": "MISSING" }));
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

fn list_services(world: &mut World, input: &Value) -> Answer {
    let cluster = cluster_in(world, input)?;
    let launch_type = text(input, "launchType");
    // One that is being drained is listed no more (DeleteService), though it can be described.
    let services = world
        .ecs
        .services
        .values()
        .filter(|s| s.cluster == cluster && s.status == "ACTIVE");
    let fits = |s: &&Service| {
        launch_type.is_none_or(|l| s.members.get("launchType").is_some_and(|v| v == l))
    };
    let arns = services.filter(fits).map(|s| json!(s.arn)).collect();
    ecs_page(arns, "serviceArns", input, 10)
}

/// A service as DescribeServices answers it.
pub fn describe(world: &World, key: &ServiceKey, with_tags: bool) -> Value {
    let Some(service) = world.ecs.services.get(key) else {
        return Value::Null;
    };
    let tasks: Vec<_> = world.ecs.tasks_of(key).collect();
    let events = service.events.iter();
    let events: Vec<Value> = events
        .map(|e| json!({ "id": e.id, "createdAt": epoch_seconds(e.at), "message": e.message }))
        .collect();
    let deployments: Vec<Value> = service.deployments.iter().enumerate().map(|(i, d)| {
        let (running, pending) = counts(tasks.iter().copied(), &d.digits);
        let failed_and_replaced = i > 0 || d.rollout_state == RolloutState::Failed && service.status != "ACTIVE";
        let mut shown = json!({
            "id": d.id(), "status": if i == 0 { "PRIMARY" } else { "ACTIVE" }, "taskDefinition": d.task_definition,
            "desiredCount": if failed_and_replaced { 0 } else { service.desired },
            "pendingCount": pending, "runningCount": running, "failedTasks": d.failed_tasks,
            "createdAt": epoch_seconds(d.created_at), "updatedAt": epoch_seconds(d.updated_at),
        });
        if let Some(shown) = shown.as_object_mut() {
            let hidden = ["loadBalancers", "serviceRegistries", "enableExecuteCommand"];
            let of_deployment: Vec<&str> = rollout::REVISION_MEMBERS.iter().copied().filter(|m| !hidden.contains(m)).collect();
            copy(&d.members, shown, &of_deployment);
            shown.insert("rolloutState".to_owned(), json!(d.rollout_state.as_str()));
            shown.insert("rolloutStateReason".to_owned(), json!(d.rollout_state_reason));
        }
        shown
    }).collect();
    let mut shown = json!({
        "serviceArn": service.arn, "serviceName": service.name,
        "clusterArn": ecs_arn(world, &format!("cluster/{}", service.cluster)),
        "status": service.status, "desiredCount": service.desired,
        "runningCount": tasks.iter().filter(|t| t.running()).count(),
        "pendingCount": tasks.iter().filter(|t| t.pending()).count(),
        "taskDefinition": service.task_definition, "deployments": deployments, "events": events,
        "createdAt": epoch_seconds(service.created_at), "createdBy": service.created_by,
    });
    if with_tags {
        shown["tags"] = tags::of(world, &service.arn);
    }
    if let Some(shown) = shown.as_object_mut() {
        let visible: Vec<&str> = PASSED_THROUGH
            .iter()
            .copied()
            .filter(|m| !HIDDEN.contains(m))
            .collect();
        copy(&service.members, shown, &visible);
        if let Some(controller) = task_sets::controller(service) {
            task_sets::instead_of_deployments(world, service, controller, shown);
        } else if world.ecs.service_deployments_available {
            super::service_deployments::current(world, service, shown);
        }
    }
    shown
}
