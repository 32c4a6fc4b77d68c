//! ECS tasks: list, describe, stop. Starting is the scheduler's.

use serde_json::{Map, Value, json};

use super::{
    Container, LastStatus, Task, cluster_in, existing_service, listed_resources, split_revision,
    tags,
};
use crate::world::health as health_of;
use crate::world::shapes::{
    ecs_arn, ecs_page, epoch_seconds, everything, last_segment, list, number_in, text, texts,
};
use crate::world::{Answer, ApiError, Operation, World, lifecycle, scheduler};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "ecs",
        name: "ListTasks",
        function: list_tasks,
        resources: everything,
    },
    Operation {
        service: "ecs",
        name: "DescribeTasks",
        function: describe_tasks,
        resources: described,
    },
    Operation {
        service: "ecs",
        name: "StopTask",
        function: stop_task,
        resources: stopped,
    },
];

fn task_resource(world: &World, input: &Value, named: &str) -> String {
    let cluster = last_segment(text(input, "cluster").unwrap_or("default"));
    if named.starts_with("arn:") || named == "*" {
        named.to_owned()
    } else {
        ecs_arn(world, &format!("task/{cluster}/{named}"))
    }
}

fn described(world: &World, input: &Value) -> Vec<String> {
    listed_resources(input, "tasks")
        .iter()
        .map(|t| task_resource(world, input, t))
        .collect()
}

fn stopped(world: &World, input: &Value) -> Vec<String> {
    vec![task_resource(
        world,
        input,
        text(input, "task").unwrap_or("*"),
    )]
}

fn list_tasks(world: &mut World, input: &Value) -> Answer {
    let cluster = cluster_in(world, input)?;
    let service = match text(input, "serviceName") {
        Some(_) => Some(existing_service(world, input, "serviceName")?),
        None => None,
    };
    let wants_stopped = text(input, "desiredStatus") == Some("STOPPED");
    let (family, started_by, launch_type) = (
        text(input, "family"),
        text(input, "startedBy"),
        text(input, "launchType"),
    );
    let fits = |task: &&Task| {
        task.cluster == cluster
            && task.told_to_stop == wants_stopped
            && service
                .as_ref()
                .is_none_or(|s| task.service.as_ref() == Some(s))
            && family.is_none_or(|f| split_revision(last_segment(&task.task_definition)).0 == f)
            && started_by.is_none_or(|s| format!("ecs-svc/{}", task.deployment) == s)
            && launch_type.is_none_or(|l| task.members.get("launchType").is_some_and(|v| v == l))
    };
    let mut tasks: Vec<&Task> = world.ecs.tasks.values().filter(fits).collect();
    tasks.sort_by_key(|t| t.number);
    let arns = tasks.into_iter().map(|t| json!(t.arn)).collect();
    ecs_page(arns, "taskArns", input, 100)
}

fn find<'a>(world: &'a World, cluster: &str, named: &str) -> Option<&'a Task> {
    let arn = ecs_arn(world, &format!("task/{cluster}/{}", last_segment(named)));
    world.ecs.tasks.get(&arn)
}

fn describe_tasks(world: &mut World, input: &Value) -> Answer {
    let cluster = cluster_in(world, input)?;
    let named = texts(input, "tasks");
    if named.is_empty() {
        return Err(ApiError::new(
            "InvalidParameterException",
            "Tasks cannot be empty.",
        ));
    }
    if named.len() > 100 {
        return Err(ApiError::new(
            "InvalidParameterException",
            "Tasks cannot have more than 100 elements.",
        ));
    }
    let with_tags = texts(input, "include").iter().any(|i| i == "TAGS");
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for name in named {
        match find(world, &cluster, &name) {
            Some(task) => tasks.push(describe(world, task, with_tags)),
            None => {
                let arn = ecs_arn(world, &format!("task/{cluster}/{}", last_segment(&name)));
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "tasks": tasks, "failures": failures }))
}

fn stop_task(world: &mut World, input: &Value) -> Answer {
    let cluster = cluster_in(world, input)?;
    let found =
        find(world, &cluster, text(input, "task").unwrap_or_default()).map(|t| t.arn.clone());
    let Some(arn) = found else {
        return Err(ApiError::new(
            "InvalidParameterException",
            "The referenced task was not found.",
        ));
    };
    let reason = text(input, "reason")
        .unwrap_or("Task stopped by user")
        .to_owned();
    lifecycle::stop(world, &arn, "UserInitiated", &reason);
    scheduler::look_at_service_of(world, &arn);
    let task = world.ecs.tasks.get(&arn);
    Ok(json!({ "task": task.map(|t| describe(world, t, false)) }))
}

fn health(containers: &[Container]) -> &'static str {
    let checked: Vec<_> = containers
        .iter()
        .filter(|c| c.essential && c.has_health_check)
        .collect();
    if checked.iter().any(|c| c.health == "UNHEALTHY") {
        "UNHEALTHY"
    } else if !checked.is_empty() && checked.iter().all(|c| c.health == "HEALTHY") {
        "HEALTHY"
    } else {
        "UNKNOWN"
    }
}

/// A task as DescribeTasks answers it.
pub fn describe(world: &World, task: &Task, with_tags: bool) -> Value {
    let definition = world.ecs.task_definition(&task.task_definition);
    let platform = definition.and_then(|d| d.document.get("runtimePlatform"));
    let arm = platform.and_then(|p| text(p, "cpuArchitecture")) == Some("ARM64");
    let attachment_status = match task.last_status {
        LastStatus::Provisioning => "ATTACHING",
        LastStatus::Stopped => "DELETED",
        _ => "ATTACHED",
    };
    let detail = |name: &str, value: String| json!({ "name": name, "value": value });
    let host = task.address.replace('.', "-");
    let mut details = vec![detail("subnetId", task.subnet.clone())];
    if task.last_status > LastStatus::Provisioning {
        details.push(detail("networkInterfaceId", task.interface.clone()));
        details.push(detail(
            "privateDnsName",
            format!("ip-{host}.{}.compute.internal", world.place.region),
        ));
        details.push(detail("privateIPv4Address", task.address.clone()));
        if has_ipv6(world, task) {
            details.push(detail("ipv6Address", task.ipv6_address()));
        }
    }
    let awsvpc = definition.is_some_and(super::TaskDefinition::awsvpc);
    let attachments = if awsvpc {
        json!([{ "id": task.attachment, "type": "ElasticNetworkInterface", "status": attachment_status, "details": details }])
    } else {
        json!([])
    };
    let overrides: Vec<Value> = task
        .containers
        .iter()
        .map(|c| json!({ "name": c.name }))
        .collect();
    let containers: Vec<Value> = task
        .containers
        .iter()
        .map(|c| describe_container(world, task, c, awsvpc))
        .collect();
    let group = task
        .service
        .as_ref()
        .map(|(_, service)| format!("service:{service}"));
    let mut shown = json!({
        "attachments": attachments,
        "attributes": [{ "name": "ecs.cpu-architecture", "value": if arm { "arm64" } else { "x86_64" } }],
        "availabilityZone": task.zone,
        "clusterArn": ecs_arn(world, &format!("cluster/{}", task.cluster)),
        "containers": containers,
        "createdAt": epoch_seconds(task.created_at),
        "desiredStatus": if task.told_to_stop { "STOPPED" } else { "RUNNING" },
        "enableExecuteCommand": false,
        "healthStatus": health(&task.containers),
        "lastStatus": task.last_status.as_str(),
        "overrides": { "containerOverrides": overrides, "inferenceAcceleratorOverrides": [] },
        "startedBy": format!("ecs-svc/{}", task.deployment),
        "tags": if with_tags { tags::of(world, &task.arn) } else { json!([]) },
        "taskArn": task.arn,
        "taskDefinitionArn": task.task_definition,
        "version": task.version,
    });
    let Some(members) = shown.as_object_mut() else {
        return shown;
    };
    let mut put =
        |name: &str, value: Option<Value>| value.map(|v| members.insert(name.to_owned(), v));
    put("group", group.map(|g| json!(g)));
    let instance = task.placed.as_ref().map(|p| {
        let path = format!(
            "container-instance/{}/{}",
            task.cluster, p.container_instance
        );
        json!(ecs_arn(world, &path))
    });
    put("containerInstanceArn", instance);
    for (name, at) in [
        ("pullStartedAt", task.pull_started_at),
        ("pullStoppedAt", task.pull_stopped_at),
        ("startedAt", task.started_at),
        ("stoppingAt", task.stopping_at),
        ("executionStoppedAt", task.execution_stopped_at),
        ("stoppedAt", task.stopped_at),
        ("connectivityAt", task.pull_started_at),
    ] {
        put(name, at.map(epoch_seconds));
    }
    put(
        "connectivity",
        task.pull_started_at.map(|_| json!("CONNECTED")),
    );
    put("stopCode", task.stop_code.map(|c| json!(c)));
    put(
        "stoppedReason",
        task.stopped_reason.as_ref().map(|r| json!(r)),
    );
    for (member, value) in &task.members {
        let value = if member == "platformVersion" && value == "LATEST" {
            json!("1.4.0")
        } else {
            value.clone()
        };
        put(member, Some(value));
    }
    shown
}

/// One of its target groups takes IPv6 targets.
fn has_ipv6(world: &World, task: &Task) -> bool {
    let service = task
        .service
        .as_ref()
        .and_then(|key| world.ecs.services.get(key));
    let targets = service.map(|s| health_of::targets_of(s, &task.deployment));
    targets.into_iter().flatten().any(|(group, _)| {
        let group = world.elbv2.target_groups.get(&group);
        group.is_some_and(|g| g.ip_address_type == "ipv6")
    })
}

fn describe_container(world: &World, task: &Task, container: &Container, awsvpc: bool) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("containerArn", json!(container.arn));
    put("taskArn", json!(task.arn));
    put("name", json!(container.name));
    put("image", json!(container.image));
    if task.containers_run_at.is_some() {
        put("runtimeId", json!(container.runtime_id));
        if let Some(digest) = &container.image_digest {
            put("imageDigest", json!(digest));
        }
    }
    put("lastStatus", json!(container.last_status));
    if let Some(code) = container.exit_code {
        put("exitCode", json!(code));
    }
    if let Some(reason) = &container.reason {
        put("reason", json!(reason));
    }
    let bindings = list(&container.definition, "portMappings")
        .iter()
        .filter(|_| !awsvpc && task.containers_run());
    let bindings: Vec<Value> = bindings
        .filter_map(|p| number_in(p, "containerPort"))
        .map(|port| json!({ "bindIP": "0.0.0.0", "containerPort": port, "hostPort": task.host_port(port as u16), "protocol": "tcp" }))
        .collect();
    put("networkBindings", json!(bindings));
    let addressed = awsvpc && task.last_status > LastStatus::Provisioning;
    let mut interface =
        json!({ "attachmentId": task.attachment, "privateIpv4Address": task.address });
    if has_ipv6(world, task) {
        interface["ipv6Address"] = json!(task.ipv6_address());
    }
    put(
        "networkInterfaces",
        if addressed {
            json!([interface])
        } else {
            json!([])
        },
    );
    put("healthStatus", json!(container.health));
    for member in ["cpu", "memory", "memoryReservation"] {
        if let Some(value) = container.definition.get(member).filter(|v| !v.is_null()) {
            put(
                member,
                json!(
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned)
                ),
            );
        }
    }
    Value::Object(shown)
}
