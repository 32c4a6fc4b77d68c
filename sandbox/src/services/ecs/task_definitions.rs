//! Task definitions, kept as documents: every member survives, numbers as they were written.
//! Adds what ECS adds (defaults, status, revision) and refuses what ECS refuses at registration.

use serde_json::{Map, Value, json};

use super::{TaskDefinition, split_revision, tags};
use crate::world::shapes::{
    ecs_arn, ecs_page, epoch_seconds, everything, last_segment, list, text, texts,
};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "ecs",
        name: "RegisterTaskDefinition",
        function: register_task_definition,
        resources: registered,
    },
    Operation {
        service: "ecs",
        name: "DescribeTaskDefinition",
        function: describe_task_definition,
        resources: everything,
    },
    Operation {
        service: "ecs",
        name: "ListTaskDefinitions",
        function: list_task_definitions,
        resources: everything,
    },
    Operation {
        service: "ecs",
        name: "ListTaskDefinitionFamilies",
        function: list_task_definition_families,
        resources: everything,
    },
    Operation {
        service: "ecs",
        name: "DeregisterTaskDefinition",
        function: deregister_task_definition,
        resources: everything,
    },
];

/// Members that ECS sets; sent back to it they are ignored.
pub const READ_ONLY: &[&str] = &[
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

fn registered(world: &World, input: &Value) -> Vec<String> {
    let family = text(input, "family").unwrap_or("*");
    vec![ecs_arn(world, &format!("task-definition/{family}:*"))]
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new("ClientException", message)
}

fn register_task_definition(world: &mut World, input: &Value) -> Answer {
    let family = text(input, "family").unwrap_or_default().to_owned();
    check(input, &family)?;
    let revision = world.ecs.families.get(&family).map_or(0, Vec::len) as u64 + 1;
    let arn = ecs_arn(world, &format!("task-definition/{family}:{revision}"));
    let document = Value::Object(as_described(world, input, &arn, revision));
    tags::put(world, &arn, input.get("tags"));
    world
        .ecs
        .families
        .entry(family.clone())
        .or_default()
        .push(TaskDefinition {
            arn: arn.clone(),
            family,
            revision,
            active: true,
            document: document.clone(),
        });
    let mut answer = json!({ "taskDefinition": document });
    if !list(input, "tags").is_empty() {
        answer["tags"] = tags::of(world, &arn);
    }
    Ok(answer)
}

fn check(input: &Value, family: &str) -> Result<(), ApiError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if family.is_empty() || family.len() > 255 || !family.chars().all(plain) {
        return Err(refused("Family contains invalid characters."));
    }
    let containers = list(input, "containerDefinitions");
    if containers.is_empty() {
        return Err(refused("Container list cannot be empty."));
    }
    let fargate = texts(input, "requiresCompatibilities")
        .iter()
        .any(|c| c == "FARGATE");
    if fargate {
        if text(input, "networkMode") != Some("awsvpc") {
            return Err(refused("Fargate only supports network mode ‘awsvpc’."));
        }
        for member in ["cpu", "memory"] {
            if input.get(member).is_none_or(Value::is_null) {
                return Err(refused(format!(
                    "Fargate requires that '{member}' be defined at the task level."
                )));
            }
        }
    }
    for container in containers {
        let name = text(container, "name").unwrap_or_default();
        if name.is_empty() {
            return Err(refused("Container.name should not be null or empty."));
        }
        if text(container, "image").unwrap_or_default().is_empty() {
            return Err(refused("Container.image should not be null or empty."));
        }
        let has = |member: &str| container.get(member).is_some_and(|v| !v.is_null());
        if !has("memory")
            && !has("memoryReservation")
            && input.get("memory").is_none_or(Value::is_null)
        {
            return Err(refused(format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
            )));
        }
        let driver = container
            .get("logConfiguration")
            .and_then(|l| text(l, "logDriver"));
        let keeps_secrets = !list(container, "secrets").is_empty();
        if fargate
            && (driver == Some("awslogs") || keeps_secrets)
            && text(input, "executionRoleArn").is_none()
        {
            let what = if keeps_secrets {
                "container secrets"
            } else {
                "log driver awslogs"
            };
            return Err(refused(format!(
                "Fargate requires task definition to have execution role ARN to support {what}."
            )));
        }
    }
    if !containers
        .iter()
        .any(|c| c.get("essential").and_then(Value::as_bool).unwrap_or(true))
    {
        return Err(refused(
            "Invalid 'containerDefinitions' setting: at least one container must be essential.",
        ));
    }
    Ok(())
}

/// The input's members, and those that ECS adds.
fn as_described(world: &World, input: &Value, arn: &str, revision: u64) -> Map<String, Value> {
    let awsvpc = text(input, "networkMode") == Some("awsvpc");
    let mut document = Map::new();
    document.insert("taskDefinitionArn".to_owned(), json!(arn));
    let given = input.as_object().into_iter().flatten();
    for (member, value) in given.filter(|(m, _)| *m != "tags" && !READ_ONLY.contains(&m.as_str())) {
        document.insert(member.clone(), value.clone());
    }
    let containers = list(input, "containerDefinitions")
        .iter()
        .map(|c| with_defaults(c, awsvpc))
        .collect();
    document.insert("containerDefinitions".to_owned(), Value::Array(containers));
    document.insert("revision".to_owned(), json!(revision));
    document.entry("volumes").or_insert_with(|| json!([]));
    document.insert("status".to_owned(), json!("ACTIVE"));
    document.insert(
        "requiresAttributes".to_owned(),
        required_attributes(input, awsvpc),
    );
    document
        .entry("placementConstraints")
        .or_insert_with(|| json!([]));
    let mut compatibilities = vec!["EC2"];
    if awsvpc && input.get("cpu").is_some() && input.get("memory").is_some() {
        compatibilities.push("FARGATE");
    }
    document.insert("compatibilities".to_owned(), json!(compatibilities));
    document.insert("registeredAt".to_owned(), epoch_seconds(world.now));
    let place = &world.place;
    document.insert(
        "registeredBy".to_owned(),
        json!(format!(
            "arn:{}:iam::{}:root",
            place.partition, place.account
        )),
    );
    document
}

fn with_defaults(container: &Value, awsvpc: bool) -> Value {
    let mut container = container.as_object().cloned().unwrap_or_default();
    container.entry("cpu").or_insert_with(|| json!(0));
    container.entry("portMappings").or_insert_with(|| json!([]));
    container.entry("essential").or_insert_with(|| json!(true));
    for member in [
        "environment",
        "mountPoints",
        "volumesFrom",
        "systemControls",
    ] {
        container.entry(member).or_insert_with(|| json!([]));
    }
    if let Some(ports) = container
        .get_mut("portMappings")
        .and_then(Value::as_array_mut)
    {
        for port in ports.iter_mut().filter_map(Value::as_object_mut) {
            let on_host = if awsvpc {
                port.get("containerPort").cloned().unwrap_or(json!(0))
            } else {
                json!(0)
            };
            port.entry("hostPort").or_insert(on_host);
            port.entry("protocol").or_insert_with(|| json!("tcp"));
        }
    }
    Value::Object(container)
}

fn required_attributes(input: &Value, awsvpc: bool) -> Value {
    let containers = list(input, "containerDefinitions");
    let mut names = vec!["com.amazonaws.ecs.capability.docker-remote-api.1.18"];
    if awsvpc {
        names.push("ecs.capability.task-eni");
    }
    if containers
        .iter()
        .any(|c| text(c, "image").is_some_and(|i| i.contains(".dkr.ecr.")))
    {
        names.push("com.amazonaws.ecs.capability.ecr-auth");
    }
    if containers
        .iter()
        .any(|c| c.get("logConfiguration").and_then(|l| text(l, "logDriver")) == Some("awslogs"))
    {
        names.push("com.amazonaws.ecs.capability.logging-driver.awslogs");
    }
    if containers.iter().any(|c| c.get("healthCheck").is_some()) {
        names.push("ecs.capability.container-health-check");
    }
    if text(input, "taskRoleArn").is_some() {
        names.push("com.amazonaws.ecs.capability.task-iam-role");
    }
    names
        .into_iter()
        .map(|name| json!({ "name": name }))
        .collect()
}

fn describe_task_definition(world: &mut World, input: &Value) -> Answer {
    let named = text(input, "taskDefinition").unwrap_or_default();
    let found = world.ecs.task_definition(named);
    let found = found.filter(|d| !named.starts_with("arn:") || d.arn == named);
    let Some(found) = found else {
        return Err(refused("Unable to describe task definition."));
    };
    let mut answer = json!({ "taskDefinition": found.document });
    if texts(input, "include").iter().any(|i| i == "TAGS") {
        answer["tags"] = tags::of(world, &found.arn);
    }
    Ok(answer)
}

fn list_task_definitions(world: &mut World, input: &Value) -> Answer {
    let active = text(input, "status").unwrap_or("ACTIVE") == "ACTIVE";
    let prefix = text(input, "familyPrefix");
    let all = world
        .ecs
        .families
        .iter()
        .filter(|(family, _)| prefix.is_none_or(|p| p == family.as_str()));
    let mut arns: Vec<Value> = all
        .flat_map(|(_, r)| r)
        .filter(|d| d.active == active)
        .map(|d| json!(d.arn))
        .collect();
    if text(input, "sort") == Some("DESC") {
        arns.reverse();
    }
    ecs_page(arns, "taskDefinitionArns", input, 100)
}

/// A family is ACTIVE while one of its revisions is. Here the prefix is the beginning of a name; above it is all of it.
fn list_task_definition_families(world: &mut World, input: &Value) -> Answer {
    let status = text(input, "status").unwrap_or("ALL");
    let prefix = text(input, "familyPrefix").unwrap_or_default();
    let families: Vec<Value> = world
        .ecs
        .families
        .iter()
        .filter(|(family, revisions)| {
            let active = revisions.iter().any(|d| d.active);
            family.starts_with(prefix) && (status == "ALL" || active == (status == "ACTIVE"))
        })
        .map(|(family, _)| json!(family))
        .collect();
    ecs_page(families, "families", input, 100)
}

fn deregister_task_definition(world: &mut World, input: &Value) -> Answer {
    let named = text(input, "taskDefinition").unwrap_or_default();
    let (family, revision) = split_revision(last_segment(named));
    if revision.is_none() {
        return Err(refused(
            "Revision should be specified when deregistering a task definition.",
        ));
    }
    let at = epoch_seconds(world.now);
    let revisions = world
        .ecs
        .families
        .get_mut(family)
        .map(Vec::as_mut_slice)
        .unwrap_or_default();
    let Some(found) = revisions.iter_mut().find(|d| Some(d.revision) == revision) else {
        return Err(refused(
            "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
        ));
    };
    found.active = false;
    found.document["status"] = json!("INACTIVE");
    found.document["deregisteredAt"] = at;
    Ok(json!({ "taskDefinition": found.document }))
}
