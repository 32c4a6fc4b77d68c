//! One task's life, from PROVISIONING to STOPPED. Knows what ECS shows at each step and what a runtime must be told.
//! Does not know why a task starts or stops: that is the scheduler's. Does not know when scripted containers misbehave.

use std::net::SocketAddr;
use std::time::Duration;

use super::agenda::{Event, Step};
use super::shapes::number_in;
use super::{Effect, World, health, joins, rollout, scheduler};
use crate::runtimes::scripted;
use crate::services::ecs::{Container, LastStatus, Task};

/// How long a stopped task is still shown.
const SHOWN_AFTER_STOP: Duration = Duration::from_secs(3600);
const STOP_TIMEOUT: u64 = 30;

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
        // A real task may be running by now.
        Step::Pending if task.last_status != LastStatus::Provisioning => {}
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
    scripted::write_logs(world, arn);
    health::register_task(world, arn);
    let after = world.behaviours.timings.activating;
    plan_by_arn(world, arn, Step::Running, after);
}

/// The task never ran: its image, its secrets or its network could not be had.
pub fn fail_to_start(world: &mut World, arn: &str, reason: &str) {
    let now = world.now;
    let Some(task) = world.ecs.tasks.get_mut(arn) else {
        return;
    };
    // It was told to stop while it started: that it never came up is how it stopped.
    if task.told_to_stop {
        return containers_stopped(world, arn, &[]);
    }
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
    scheduler::look_at_drained(world, arn);
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
