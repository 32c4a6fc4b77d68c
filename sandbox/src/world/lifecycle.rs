//! One task's life, from PROVISIONING to STOPPED. Knows what ECS shows at each step and what a runtime must be told.
//! Does not know why a task starts or stops: that is the scheduler's. Does not know when scripted containers misbehave.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::agenda::{Event, Step};
use super::shapes::{copy, ecs_arn, list, number_in, text};
use super::{ContainerToStart, Effect, TaskToStart, World, health, joins, rollout, scheduler};
use crate::runtimes::scripted;
use crate::services::ecs::{Container, LastStatus, ServiceKey, Task};

/// How long a stopped task is still shown.
const SHOWN_AFTER_STOP: Duration = Duration::from_secs(3600);
const STOP_TIMEOUT: u64 = 30;

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
    let subnets = network
        .map(|n| super::shapes::texts(n, "subnets"))
        .unwrap_or_default();
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
        targets: Vec::new(),
        behaviour: None,
        forced_unhealthy: None,
        proven: false,
        counted_as_failed: false,
    };
    task.behaviour = world.behaviours.choose(&task);
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
            command: super::shapes::texts(definition, "command"),
            entry_point: super::shapes::texts(definition, "entryPoint"),
            environment: environment
                .filter_map(|e| Some((text(e, "name")?.to_owned(), text(e, "value")?.to_owned())))
                .collect(),
            container_ports: ports
                .filter_map(|p| number_in(p, "containerPort").map(|n| n as u16))
                .collect(),
            essential: c.essential,
            memory_mib: number_in(definition, "memory")
                .or_else(|| super::shapes::number(task.members.get("memory")?)),
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

/// Plans a step of a task, void once the task's epoch moves on.
pub fn plan(world: &mut World, task: &Task, step: Step, after: Duration) {
    let event = Event::Task {
        arn: task.arn.clone(),
        step,
        epoch: task.epoch,
    };
    world.agenda.at(world.now + after, event);
}

fn plan_by_arn(world: &mut World, arn: &str, step: Step, after: Duration) {
    if let Some(epoch) = world.ecs.tasks.get(arn).map(|t| t.epoch) {
        world.agenda.at(
            world.now + after,
            Event::Task {
                arn: arn.to_owned(),
                step,
                epoch,
            },
        );
    }
}

/// A planned step is due.
pub fn step(world: &mut World, arn: &str, step: Step, epoch: u32) {
    let now = world.now;
    let Some(task) = world.ecs.tasks.get_mut(arn).filter(|t| t.epoch == epoch) else {
        return;
    };
    task.version += 1;
    match step {
        Step::Pending => {
            task.last_status = LastStatus::Pending;
            task.pull_started_at = Some(now);
            if !world.real_tasks {
                scripted::plan_pull(world, arn);
            }
        }
        Step::FailToStart => {
            let reason = task
                .behaviour
                .as_ref()
                .and_then(|b| b.fail_to_start.clone());
            let image = |c: &Container| joins::pullable(world, &c.image).err();
            let reason =
                reason.or_else(|| world.ecs.tasks.get(arn)?.containers.iter().find_map(image));
            fail_to_start(
                world,
                arn,
                &reason.unwrap_or_else(|| "CannotPullContainerError: unknown".to_owned()),
            );
        }
        Step::Activating => containers_run(world, arn, &[], &[]),
        Step::Running => {
            task.last_status = LastStatus::Running;
            task.started_at = Some(now);
            scripted::plan_running(world, arn);
            scheduler::look_at_service_of(world, arn);
        }
        Step::ContainerHealthy | Step::ContainerUnhealthy => {
            let health = if step == Step::ContainerHealthy {
                "HEALTHY"
            } else {
                "UNHEALTHY"
            };
            for container in task.containers.iter_mut().filter(|c| c.has_health_check) {
                container.health = health;
            }
            scheduler::look_at_service_of(world, arn);
        }
        Step::Crash => scripted::crash(world, arn),
        Step::Stopping => stopping(world, arn),
        Step::Exited => {
            let code = task
                .behaviour
                .as_ref()
                .and_then(|b| b.stop_exit_code)
                .unwrap_or(0);
            let codes: Vec<_> = task
                .containers
                .iter()
                .map(|c| (c.name.clone(), code))
                .collect();
            containers_stopped(world, arn, &codes);
        }
        Step::Stopped => {
            task.last_status = LastStatus::Stopped;
            task.stopped_at = Some(now);
            plan_by_arn(world, arn, Step::Forgotten, SHOWN_AFTER_STOP);
            scheduler::look_at_service_of(world, arn);
        }
        Step::Forgotten => {
            if let Some(task) = world.ecs.tasks.remove(arn) {
                world.ecs.tags.remove(arn);
                world
                    .ecs
                    .reachable
                    .retain(|(address, _), _| *address != task.address);
            }
        }
    }
}

/// The containers run; the task registers its targets and is RUNNING a moment later.
pub fn containers_run(
    world: &mut World,
    arn: &str,
    reachable: &[(u16, SocketAddr)],
    digests: &[(String, String)],
) {
    let now = world.now;
    let Some(task) = world
        .ecs
        .tasks
        .get_mut(arn)
        .filter(|t| t.live() && t.containers_run_at.is_none())
    else {
        return;
    };
    task.last_status = LastStatus::Activating;
    task.pull_started_at.get_or_insert(now);
    task.pull_stopped_at = Some(now);
    task.containers_run_at = Some(now);
    for container in &mut task.containers {
        container.last_status = "RUNNING";
        if let Some((_, digest)) = digests.iter().find(|(name, _)| *name == container.name) {
            container.image_digest = Some(digest.clone());
        }
    }
    let address = task.address.clone();
    for (port, socket) in reachable {
        world
            .ecs
            .reachable
            .insert((address.clone(), *port), *socket);
    }
    let images: Vec<(String, String)> = match world.ecs.tasks.get(arn) {
        Some(task) => task
            .containers
            .iter()
            .map(|c| (c.name.clone(), c.image.clone()))
            .collect(),
        None => return,
    };
    for (name, image) in images {
        let digest = joins::digest_of(world, &image);
        let found = world
            .ecs
            .tasks
            .get_mut(arn)
            .and_then(|t| t.containers.iter_mut().find(|c| c.name == name));
        if let Some(container) = found.filter(|c| c.image_digest.is_none()) {
            container.image_digest = digest;
        }
    }
    if !world.real_tasks {
        scripted::write_logs(world, arn);
    }
    health::register_task(world, arn);
    let after = world.behaviours.timings.activating;
    plan_by_arn(world, arn, Step::Running, after);
}

/// The task never ran: its image, its secrets or its network could not be had.
pub fn fail_to_start(world: &mut World, arn: &str, reason: &str) {
    let now = world.now;
    let Some(task) = world
        .ecs
        .tasks
        .get_mut(arn)
        .filter(|t| t.last_status <= LastStatus::Running)
    else {
        return;
    };
    task.told_to_stop = true;
    task.epoch += 1;
    task.stop_code = Some("TaskFailedToStart");
    task.stopped_reason = Some(reason.to_owned());
    task.stopping_at = Some(now);
    task.execution_stopped_at = Some(now);
    task.last_status = LastStatus::Deprovisioning;
    for container in &mut task.containers {
        container.last_status = "STOPPED";
        container.reason = Some(reason.to_owned());
    }
    let after = world.behaviours.timings.deprovisioning;
    plan_by_arn(world, arn, Step::Stopped, after);
    rollout::task_failed(world, arn);
}

/// A container ended by itself. An essential one takes its task along.
pub fn container_exited(
    world: &mut World,
    arn: &str,
    name: Option<&str>,
    exit_code: i64,
    out_of_memory: bool,
    reason: Option<String>,
) {
    let now = world.now;
    let Some(task) = world.ecs.tasks.get_mut(arn) else {
        return;
    };
    let found = task
        .containers
        .iter_mut()
        .find(|c| name.map_or(c.essential, |n| c.name == n));
    let Some(container) = found.filter(|c| c.last_status != "STOPPED") else {
        return;
    };
    container.last_status = "STOPPED";
    container.exit_code = Some(exit_code);
    let killed = "OutOfMemoryError: Container killed due to memory usage".to_owned();
    container.reason = if out_of_memory { Some(killed) } else { reason };
    if !container.essential || !task.live() {
        return;
    }
    for other in task
        .containers
        .iter_mut()
        .filter(|c| c.last_status != "STOPPED")
    {
        other.last_status = "STOPPED";
        other.exit_code = Some(137);
    }
    task.told_to_stop = true;
    task.epoch += 1;
    task.stop_code = Some("EssentialContainerExited");
    task.stopped_reason = Some("Essential container in task exited".to_owned());
    task.stopping_at = Some(now);
    task.execution_stopped_at = Some(now);
    task.last_status = LastStatus::Deprovisioning;
    task.started_at.get_or_insert(now);
    if world.real_tasks {
        world.effects.push(Effect::StopTask {
            task_arn: arn.to_owned(),
            stop_timeout: Duration::ZERO,
        });
    }
    health::deregister_task(world, arn);
    let after = world.behaviours.timings.deprovisioning;
    plan_by_arn(world, arn, Step::Stopped, after);
    rollout::task_failed(world, arn);
}

/// Tells a task to stop. Its targets are drained first, for as long as their target group says.
pub fn stop(world: &mut World, arn: &str, code: &'static str, reason: &str) {
    let now = world.now;
    let Some(task) = world.ecs.tasks.get_mut(arn).filter(|t| t.live()) else {
        return;
    };
    task.told_to_stop = true;
    task.epoch += 1;
    task.version += 1;
    task.stop_code = Some(code);
    task.stopped_reason = Some(reason.to_owned());
    task.stopping_at = Some(now);
    let ran = task.containers_run_at.is_some();
    task.last_status = if ran {
        LastStatus::Deactivating
    } else {
        LastStatus::Deprovisioning
    };
    let drain = health::deregister_task(world, arn);
    if ran {
        plan_by_arn(world, arn, Step::Stopping, drain);
    } else if world.real_tasks {
        stopping(world, arn);
    } else {
        containers_stopped(world, arn, &[]);
    }
    scheduler::look_at_service_of(world, arn);
}

/// SIGTERM is sent.
fn stopping(world: &mut World, arn: &str) {
    let Some(task) = world.ecs.tasks.get_mut(arn) else {
        return;
    };
    task.last_status = LastStatus::Stopping;
    if world.real_tasks {
        let patience = task
            .containers
            .iter()
            .filter_map(|c| number_in(&c.definition, "stopTimeout"))
            .max();
        let stop_timeout = Duration::from_secs(patience.unwrap_or(STOP_TIMEOUT));
        world.effects.push(Effect::StopTask {
            task_arn: arn.to_owned(),
            stop_timeout,
        });
    } else {
        let after = world.behaviours.timings.stopping;
        plan_by_arn(world, arn, Step::Exited, after);
    }
}

/// All containers have ended after a stop.
pub fn containers_stopped(world: &mut World, arn: &str, exit_codes: &[(String, i64)]) {
    let now = world.now;
    let Some(task) = world.ecs.tasks.get_mut(arn) else {
        return;
    };
    // After a crash the runtime's cleaning up is no news.
    if task.last_status == LastStatus::Stopped || task.execution_stopped_at.is_some() {
        return;
    }
    task.epoch += 1;
    task.last_status = LastStatus::Deprovisioning;
    task.execution_stopped_at.get_or_insert(now);
    for container in task
        .containers
        .iter_mut()
        .filter(|c| c.last_status != "STOPPED")
    {
        container.last_status = "STOPPED";
        container.exit_code = exit_codes
            .iter()
            .find(|(name, _)| *name == container.name)
            .map(|(_, code)| *code);
    }
    let after = world.behaviours.timings.deprovisioning;
    plan_by_arn(world, arn, Step::Stopped, after);
}
