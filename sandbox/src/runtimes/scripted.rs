//! Tasks without containers: a behaviour says when one starts, answers its health checks, crashes and logs.
//! Knows the script. Does not know what ECS makes of it.

use std::time::Duration;

use serde_json::Value;

use crate::scenario::Behaviours;
use crate::services::ecs::Task;
use crate::services::elbv2::reason_description;
use crate::world::agenda::Step;
use crate::world::lifecycle::{container_exited, plan};
use crate::world::shapes::{list, number_in, text};
use crate::world::starting::log_stream;
use crate::world::{World, joins};

/// The time in PROVISIONING. A behaviour's `start-after` is split in the proportions of the usual timings.
pub fn provisioning(behaviours: &Behaviours, task: &Task) -> Duration {
    let timings = &behaviours.timings;
    match task.behaviour.as_ref().and_then(|b| b.start_after) {
        Some(all) => all.saturating_sub(timings.activating).mul_f64(0.25),
        None => timings.provisioning,
    }
}

/// The time in PENDING ends with running containers or with a failure to start.
pub fn plan_pull(world: &mut World, arn: &str) {
    let Some(task) = world.ecs.tasks.get(arn) else {
        return;
    };
    let timings = &world.behaviours.timings;
    let pulling = match task.behaviour.as_ref().and_then(|b| b.start_after) {
        Some(all) => all.saturating_sub(timings.activating).mul_f64(0.75),
        None => timings.pending,
    };
    let scripted_failure = task
        .behaviour
        .as_ref()
        .is_some_and(|b| b.fail_to_start.is_some());
    let fails = scripted_failure
        || task
            .containers
            .iter()
            .any(|c| joins::pullable(world, &c.image).is_err());
    let next = if fails {
        Step::FailToStart
    } else {
        Step::Activating
    };
    let event = crate::world::agenda::Event::Task {
        arn: arn.to_owned(),
        step: next,
        epoch: task.epoch,
    };
    world.agenda.at(world.now + pulling, event);
}

/// What is to come once the task is RUNNING.
pub fn plan_running(world: &mut World, arn: &str) {
    let Some(task) = world.ecs.tasks.remove(arn) else {
        return;
    };
    let behaviour = task.behaviour.clone().unwrap_or_default();
    if let Some(after) = behaviour
        .crash
        .as_ref()
        .filter(|_| !world.real_tasks)
        .and_then(|c| c.after)
    {
        plan(world, &task, Step::Crash, after);
    }
    if let Some(check) = task
        .containers
        .iter()
        .filter(|c| c.has_health_check)
        .find_map(|c| c.definition.get("healthCheck"))
    {
        let interval = Duration::from_secs(number_in(check, "interval").unwrap_or(30));
        let retries = number_in(check, "retries").unwrap_or(3) as u32;
        let start_period = Duration::from_secs(number_in(check, "startPeriod").unwrap_or(0));
        let script = behaviour.container_health.unwrap_or_default();
        if let Some(after) = script.unhealthy_after {
            plan(
                world,
                &task,
                Step::ContainerUnhealthy,
                start_period.max(after) + interval * retries,
            );
        }
        if script.unhealthy_after.is_none_or(|after| after > interval) {
            plan(
                world,
                &task,
                Step::ContainerHealthy,
                script.healthy_after.unwrap_or(interval),
            );
        }
    }
    world.ecs.tasks.insert(task.arn.clone(), task);
}

/// The task has become healthy: crashes that are counted from there on are planned.
pub fn plan_healthy(world: &mut World, arn: &str) {
    let Some(task) = world.ecs.tasks.remove(arn) else {
        return;
    };
    let crash = task
        .behaviour
        .as_ref()
        .and_then(|b| b.crash.as_ref())
        .filter(|_| !world.real_tasks);
    if let Some(after) = crash.and_then(|c| c.after_healthy) {
        plan(world, &task, Step::Crash, after);
    }
    world.ecs.tasks.insert(task.arn.clone(), task);
}

pub fn crash(world: &mut World, arn: &str) {
    let script = world
        .ecs
        .tasks
        .get(arn)
        .and_then(|t| t.behaviour.as_ref()?.crash.clone())
        .unwrap_or_default();
    let code = script
        .exit_code
        .unwrap_or(if script.out_of_memory { 137 } else { 1 });
    let name = script.container.as_deref();
    container_exited(
        world,
        arn,
        name,
        code,
        script.out_of_memory,
        script.reason.clone(),
    );
}

/// The streams of the containers, and the lines that the behaviour's one prints when it starts.
pub fn write_logs(world: &mut World, arn: &str) {
    let Some(task) = world.ecs.tasks.get(arn) else {
        return;
    };
    let behaviour = task.behaviour.as_ref();
    let late = behaviour.map(|b| b.logs_late).unwrap_or_default();
    let lines = behaviour.map(|b| b.logs.clone()).unwrap_or_default();
    let speaks = task.containers.iter().position(|c| c.essential);
    let mut streams = Vec::new();
    for (number, container) in task.containers.iter().enumerate() {
        let options = container
            .definition
            .get("logConfiguration")
            .and_then(|l| l.get("options"));
        if let Some(group) = options.and_then(|o| text(o, "awslogs-group")) {
            let prefix = options.and_then(|o| text(o, "awslogs-stream-prefix"));
            let region = options.and_then(|o| text(o, "awslogs-region"));
            streams.push((
                region.unwrap_or_default().to_owned(),
                group.to_owned(),
                log_stream(prefix, &container.name, &task.id),
                speaks == Some(number),
            ));
        }
    }
    let now = world.now;
    for (region, group, stream, speaks) in streams {
        world.in_region(&region, |world| {
            world.logs.open(&group, &stream, now);
            for line in lines.iter().filter(|_| speaks) {
                world.logs.append_late(&group, &stream, line, now, late);
            }
        });
    }
}

/// What a load balancer's health check of this address and port meets now. `Err`: reason code and description.
pub fn answer_check(world: &World, address: &str, port: u16) -> Result<(), (String, String)> {
    let fail = |reason: &str| Err((reason.to_owned(), reason_description(reason).to_owned()));
    let named = |t: &&Task| {
        let mut keys = t.targets.iter().map(|(_, key)| key);
        t.address == address || keys.any(|(a, p)| a == address && *p == port)
    };
    // A port of an instance may have been another task's before.
    let tasks = world.ecs.tasks.values().filter(named);
    let started = tasks.filter(|t| t.containers_run_at.is_some());
    let Some(task) = started.max_by_key(|t| (t.containers_run(), t.number)) else {
        return fail("Target.Timeout");
    };
    let port = task.container_port(port);
    let listens = |c: &Value| {
        list(c, "portMappings")
            .iter()
            .any(|p| number_in(p, "containerPort") == Some(u64::from(port)))
    };
    if !task.containers_run() || !task.containers.iter().any(|c| listens(&c.definition)) {
        return fail("Target.FailedHealthChecks");
    }
    if let Some(forced) = &task.forced_unhealthy {
        return Err(forced.clone());
    }
    let Some(behaviour) = &task.behaviour else {
        return Ok(());
    };
    let up = task
        .containers_run_at
        .and_then(|at| world.now.duration_since(at).ok())
        .unwrap_or_default();
    if let Some(unhealthy) = behaviour
        .unhealthy
        .as_ref()
        .filter(|u| up >= u.after.unwrap_or_default())
    {
        let reason = unhealthy
            .reason
            .as_deref()
            .unwrap_or("Target.FailedHealthChecks");
        let description = unhealthy
            .description
            .as_deref()
            .unwrap_or_else(|| reason_description(reason));
        return Err((reason.to_owned(), description.to_owned()));
    }
    match behaviour.healthy_after {
        Some(after) if up < after => fail("Target.FailedHealthChecks"),
        _ => Ok(()),
    }
}
