//! A task's start: what it is made of, and what a runtime is told to run. Does not know what becomes of it: that is `lifecycle`.

use serde_json::{Map, Value, json};

use super::agenda::Step;
use super::lifecycle::plan;
use super::shapes::{copy, ecs_arn, list, number, number_in, text, texts};
use super::{ContainerToStart, Effect, TaskToStart, World, placement, rollout, scheduler};
use crate::runtimes::scripted;
use crate::services::ecs::{Container, LastStatus, ServiceKey, Task};

/// Starts a task of a service's deployment and answers its id.
pub fn start(world: &mut World, key: &ServiceKey, deployment: &str) -> Option<String> {
    let service = world.ecs.services.get(key)?;
    let entry = service
        .deployments
        .iter()
        .find(|d| d.digits == deployment)?;
    let revision = service.revisions.iter().find(|r| r.digits == deployment);
    let images = revision.map(|r| r.images.clone()).unwrap_or_default();
    let (definition_arn, entry_members) = (entry.task_definition.clone(), entry.members.clone());
    let definition = world.ecs.task_definition(&definition_arn)?;
    let (definitions, document) = (
        definition.containers().to_vec(),
        definition.document.clone(),
    );
    let id = world.ids.hex(32);
    let task_path = format!("{}/{id}", key.0);
    let containers = definitions
        .iter()
        .map(|d| container(world, d, &task_path, &id, &images))
        .collect();
    world.ecs.tasks_started += 1;
    let number = world.ecs.tasks_started;
    let network = entry_members
        .get("networkConfiguration")
        .and_then(|n| n.get("awsvpcConfiguration"));
    let subnets = network.map(|n| texts(n, "subnets")).unwrap_or_default();
    let index = if subnets.is_empty() {
        0
    } else {
        number as usize % subnets.len()
    };
    let mut members = Map::new();
    if let Some(document) = document.as_object() {
        copy(
            document,
            &mut members,
            &["cpu", "memory", "ephemeralStorage"],
        );
    }
    copy(
        &entry_members,
        &mut members,
        &[
            "launchType",
            "platformVersion",
            "platformFamily",
            "enableExecuteCommand",
        ],
    );
    let provider = entry_members
        .get("capacityProviderStrategy")
        .and_then(|s| s.get(0))
        .and_then(|s| s.get("capacityProvider"));
    if let Some(provider) = provider {
        members.insert("capacityProviderName".to_owned(), provider.clone());
        members.insert("launchType".to_owned(), json!("FARGATE"));
    }
    let mut task = Task {
        arn: ecs_arn(world, &format!("task/{task_path}")),
        id: id.clone(),
        number,
        cluster: key.0.clone(),
        service: Some(key.clone()),
        deployment: deployment.to_owned(),
        task_definition: definition_arn,
        last_status: LastStatus::Provisioning,
        told_to_stop: false,
        epoch: 0,
        version: 1,
        containers,
        address: format!("10.0.{}.{}", number / 250 % 250, number % 250 + 4),
        subnet: subnets
            .get(index)
            .cloned()
            .unwrap_or_else(|| "subnet-0a1b2c3d4e5f60718".to_owned()),
        zone: format!("{}{}", world.place.region, ["a", "c", "d"][index % 3]),
        attachment: world.ids.uuid(),
        interface: format!("eni-{}", world.ids.hex(17)),
        members,
        created_at: world.now,
        pull_started_at: None,
        pull_stopped_at: None,
        containers_run_at: None,
        started_at: None,
        stopping_at: None,
        execution_stopped_at: None,
        stopped_at: None,
        stop_code: None,
        stopped_reason: None,
        placed: None,
        targets: Vec::new(),
        behaviour: None,
        forced_unhealthy: None,
        proven: false,
        counted_as_failed: false,
    };
    task.behaviour = world.behaviours.choose(&task);
    if let Some(reason) = task.behaviour.as_ref().and_then(|b| b.unplaceable.clone()) {
        not_placed(world, key, deployment, &format!("Reason: {reason}"));
        return None;
    }
    if placement::needed(world, &key.0, &entry_members) {
        match placement::place(world, &key.0, &document) {
            Ok(placed) => task.placed = Some(placed),
            Err(lacks) => {
                not_placed(world, key, deployment, &lacks);
                return None;
            }
        }
    }
    if let Some(event) = task.behaviour.as_ref().and_then(|b| b.not_started.clone()) {
        scheduler::say(world, key, event);
        rollout::failed_once(world, key, deployment);
        return None;
    }
    let propagated = propagated_tags(world, key, &task.task_definition);
    crate::services::ecs::tags::put(world, &task.arn, propagated.get("tags"));
    if world.real_tasks {
        let effect = Effect::StartTask(to_start(&task));
        world.effects.push(effect);
    }
    plan(
        world,
        &task,
        Step::Pending,
        scripted::provisioning(&world.behaviours, &task),
    );
    world.ecs.tasks.insert(task.arn.clone(), task);
    Some(id)
}

/// There is no room for a task: ECS says so, counts a failure and tries again later. On Fargate nobody looks for an instance.
fn not_placed(world: &mut World, key: &ServiceKey, deployment: &str, why: &str) {
    let service = world.ecs.services.get(key);
    let launch_type = service.and_then(|s| text_of(&s.members, "launchType"));
    let sought = match launch_type.as_deref() {
        Some("EC2") => " because no container instance met all of its requirements",
        _ => "",
    };
    let message = format!(
        "was unable to place a task{sought}. {why} \
         For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    );
    // Once a look, however many tasks are wanted.
    let newest = world.ecs.services.get(key).and_then(|s| s.events.front());
    let said = newest.is_some_and(|e| e.at == world.now && e.message.ends_with(&message));
    if !said {
        scheduler::say(world, key, message);
    }
    rollout::failed_once(world, key, deployment);
}

fn text_of(members: &Map<String, Value>, member: &str) -> Option<String> {
    Some(members.get(member)?.as_str()?.to_owned())
}

fn propagated_tags(world: &World, key: &ServiceKey, definition: &str) -> Value {
    let Some(service) = world.ecs.services.get(key) else {
        return Value::Null;
    };
    let source = match service.members.get("propagateTags").and_then(Value::as_str) {
        Some("SERVICE") => service.arn.as_str(),
        Some("TASK_DEFINITION") => definition,
        _ => return Value::Null,
    };
    json!({ "tags": crate::services::ecs::tags::of(world, source) })
}

fn container(
    world: &mut World,
    definition: &Value,
    task_path: &str,
    task_id: &str,
    images: &[(String, String, Option<String>)],
) -> Container {
    let name = text(definition, "name").unwrap_or_default().to_owned();
    let resolved = images
        .iter()
        .find(|(n, _, _)| *n == name)
        .and_then(|(_, _, digest)| digest.clone());
    let suffix = world.ids.uuid();
    Container {
        arn: ecs_arn(world, &format!("container/{task_path}/{suffix}")),
        image: text(definition, "image").unwrap_or_default().to_owned(),
        image_digest: resolved,
        runtime_id: format!("{task_id}-{}", world.ids.digits(10)),
        essential: definition
            .get("essential")
            .and_then(Value::as_bool)
            .unwrap_or(true),
        has_health_check: definition.get("healthCheck").is_some_and(|h| !h.is_null()),
        health: "UNKNOWN",
        last_status: "PENDING",
        exit_code: None,
        reason: None,
        definition: definition.clone(),
        name,
    }
}

fn to_start(task: &Task) -> TaskToStart {
    let containers = task.containers.iter().map(|c| {
        let definition = &c.definition;
        let environment = list(definition, "environment").iter();
        let ports = list(definition, "portMappings").iter();
        let options = definition
            .get("logConfiguration")
            .and_then(|l| l.get("options"));
        let group = options.and_then(|o| text(o, "awslogs-group"));
        let prefix = options.and_then(|o| text(o, "awslogs-stream-prefix"));
        ContainerToStart {
            name: c.name.clone(),
            image: c.image.clone(),
            command: texts(definition, "command"),
            entry_point: texts(definition, "entryPoint"),
            environment: environment
                .filter_map(|e| Some((text(e, "name")?.to_owned(), text(e, "value")?.to_owned())))
                .collect(),
            container_ports: ports
                .filter_map(|p| number_in(p, "containerPort").map(|n| n as u16))
                .collect(),
            essential: c.essential,
            memory_mib: number_in(definition, "memory")
                .or_else(|| number(task.members.get("memory")?)),
            log_stream: group.map(|g| (g.to_owned(), log_stream(prefix, &c.name, &task.id))),
        }
    });
    TaskToStart {
        task_arn: task.arn.clone(),
        address: task.address.clone(),
        containers: containers.collect(),
    }
}

/// The stream that a container's awslogs lines go to.
pub fn log_stream(prefix: Option<&str>, container: &str, task_id: &str) -> String {
    match prefix {
        Some(prefix) => format!("{prefix}/{container}/{task_id}"),
        None => task_id.to_owned(),
    }
}
