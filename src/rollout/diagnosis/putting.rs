//! A chosen cause with its values: from the task definition, the service, the target group and what was seen. Chooses
//! nothing.

use std::time::Duration;

use crate::model::names::{family_and_revision, last_segment};
use crate::model::service::ServiceLoadBalancer;

use super::super::causes::answered;
use super::super::reason::spelled;
use super::super::template::{Values, fill};
use super::super::{Balanced, TargetNote};
use super::{Case, Choice, Diagnosis, LookAt, saying};

/// What ECS waits after SIGTERM unless the container says otherwise.
const STOP_TIMEOUT: u64 = 30;

pub(super) fn diagnosis(case: &Case<'_>, choice: Choice<'_>) -> Diagnosis {
    let values = values(case, &choice);
    Diagnosis {
        cause: choice.cause,
        headline: headline(case, &choice, &values),
        evidence: saying::evidence(case, &choice),
        fixes: choice
            .cause
            .fixes
            .iter()
            .map(|fix| fill(fix, &values))
            .collect(),
        look_at: look_at(case, &choice),
        values,
    }
}

/// Where nothing tells why, the verdict's own words say more than that.
fn headline(case: &Case<'_>, choice: &Choice<'_>, values: &Values) -> super::Sentence {
    match case.reason {
        Some(reason) if matches!(choice.cause.name, "unexplained" | "limit-ran-out") => {
            reason.clone()
        }
        _ => fill(choice.cause.headline, values),
    }
}

/// The container that the cause is about.
fn container<'a>(case: &'a Case<'_>, choice: &'a Choice<'_>) -> Option<&'a str> {
    let of_group = choice.group.as_ref().and_then(|g| g.container);
    match balanced(case, choice.targets.first().copied()) {
        Some(balanced) if !choice.targets.is_empty() => Some(balanced.container_name.as_str()),
        _ if choice.cause.name == "container-health-check" => {
            let unhealthy = |name: &&String| {
                let tasks = choice.group.iter().flat_map(|g| g.tasks.iter().copied());
                let mut containers = tasks.chain(case.tasks).flat_map(|t| &t.containers);
                containers
                    .any(|c| c.name == **name && c.health_status.as_deref() == Some("UNHEALTHY"))
            };
            let checked = &case.ours.health_checked;
            let found = checked.iter().find(unhealthy).or(checked.first());
            found.map(String::as_str)
        }
        _ => of_group
            .map(|c| c.name.as_str())
            .or(case.ours.deployed_container()),
    }
    .filter(|name| !name.is_empty())
}

/// The entry of the target group that a target is in, else the first.
fn balanced<'a>(case: &'a Case<'_>, note: Option<&TargetNote>) -> Option<&'a Balanced> {
    let groups = &case.ours.target_groups;
    let of_note = |b: &&Balanced| note.is_some_and(|n| n.target_group == b.group.name);
    groups.iter().find(of_note).or(groups.first())
}

fn values(case: &Case<'_>, choice: &Choice<'_>) -> Values {
    let mut values = Values::default();
    let name = container(case, choice);
    if let Some(name) = name {
        values.named("container", "container", name);
    }
    if let Some(deployed) = case.ours.deployed_container() {
        values.named("deployed", "container", deployed);
    }
    of_task_definition(case, name, &mut values);
    of_target_group(case, choice, &mut values);
    of_service(case, &mut values);
    if let Some(group) = &choice.group {
        if let Some(code) = group.container.and_then(|c| c.exit_code) {
            values.text("code", code.to_string());
        }
        if let Some(age) = group.age() {
            values.text("age", seconds(age));
        }
    }
    if let Some(took) = case.start_up {
        values.text("took", seconds(took));
    }
    if let Some(deployment) = case.deployment {
        if let Some(hook) = deployment.hooks.iter().find(super::failed) {
            // One that pauses has only an id that ECS made up.
            if hook.target_arn.is_some() {
                values.code("hook", hook.name());
            }
            let timed_out = hook.status == "TIMED_OUT";
            values.text("outcome", if timed_out { "timed out" } else { "failed" });
        }
        if let Some(stage) = &deployment.lifecycle_stage {
            values.code("stage", stage.as_str());
        }
        if !deployment.triggered_alarms.is_empty() {
            values.code("alarms", deployment.triggered_alarms.join(", "));
        }
        if let Some(breaker) = deployment
            .circuit_breaker
            .as_ref()
            .filter(|b| b.failure_count > 0)
        {
            values.text("failures", breaker.failure_count.to_string());
        }
    }
    values
}

fn of_task_definition(case: &Case<'_>, name: Option<&str>, values: &mut Values) {
    let facts = &case.ours.facts;
    values.code("revision", family_and_revision(&case.ours.task_definition));
    if let Some(role) = &facts.execution_role {
        values.code("role", last_segment(role));
    }
    if let Some(cpu) = &facts.cpu {
        values.text("cpu", cpu.as_str());
    }
    let on_fargate = case.service.is_some_and(|s| s.on_fargate());
    match &facts.platform {
        Some(platform) => values.code("platform", platform.as_str()),
        // Without a word ECS takes X86_64 there; on EC2 the instance decides.
        None if on_fargate => values.code("platform", "linux/amd64"),
        None => {}
    }
    let container = name.and_then(|name| facts.container(name));
    if let Some(memory) = container.and_then(|c| c.memory_mib).or(facts.memory_mib) {
        values.text("memory", format!("{memory} MiB"));
    }
    let Some(container) = container else { return };
    values.named("image", "image", &short(&container.image));
    let stop = container.stop_timeout_seconds.unwrap_or(STOP_TIMEOUT);
    values.text("stop-timeout", format!("{stop} s"));
    for (name, value) in [
        ("health-command", &container.health_command),
        ("log-driver", &container.log_driver),
        ("log-group", &container.log_group),
    ] {
        if let Some(value) = value {
            values.code(name, value.as_str());
        }
    }
    if container.health_command.is_some() {
        let period = container.start_period_seconds.unwrap_or_default();
        values.text("start-period", format!("{period} s"));
    }
    if let Some(port) = container.ports.first() {
        values.code("port", port.to_string());
    }
}

fn of_target_group(case: &Case<'_>, choice: &Choice<'_>, values: &mut Values) {
    let Some(balanced) = balanced(case, choice.targets.first().copied()) else {
        return;
    };
    let group = &balanced.group;
    values.named("group", "target group", &group.name);
    if let Some(path) = &group.health_check_path {
        values.code("path", path.as_str());
    }
    if let Some(matcher) = &group.matcher {
        values.code("matcher", matcher.as_str());
    }
    let own_port = group
        .health_check_port
        .as_ref()
        .filter(|p| *p != "traffic-port");
    match own_port {
        Some(port) => values.code("port", port.as_str()),
        None if balanced.container_port > 0 => {
            values.code("port", balanced.container_port.to_string());
        }
        None => {}
    }
    if group.health_check_interval_seconds > 0 {
        let interval = group.health_check_interval_seconds;
        values.text("interval", format!("{interval} s"));
    }
    if let Some(timeout) = group.health_check_timeout_seconds {
        values.text("check-timeout", format!("{timeout} s"));
    }
    let described = choice.targets.first().and_then(|t| t.description.as_ref());
    if let Some(code) = described
        .or(choice.event.map(|e| &e.message))
        .and_then(answered)
    {
        values.text("answer", code.to_string());
    }
}

fn of_service(case: &Case<'_>, values: &mut Values) {
    let Some(service) = case.service else { return };
    let behind = |entry: &ServiceLoadBalancer| entry.target_group_arn.is_some();
    if service.load_balancers.iter().any(behind) {
        let grace = service
            .health_check_grace_period_seconds
            .unwrap_or_default();
        values.text("grace", format!("{grace} s"));
    }
    let configuration = &service.deployment_configuration;
    for (name, percent) in [
        ("minimum", configuration.minimum_healthy_percent),
        ("maximum", configuration.maximum_percent),
    ] {
        if let Some(percent) = percent {
            values.text(name, percent.to_string());
        }
    }
    values.text("desired", service.desired_count.to_string());
}

/// A container that ran has lines to read.
fn look_at(case: &Case<'_>, choice: &Choice<'_>) -> Option<LookAt> {
    let name = container(case, choice)?;
    let stopped = choice.group.as_ref().and_then(|g| g.last());
    let note = choice.targets.first();
    let behind = |note: &&TargetNote| {
        let mut tasks = case.tasks.iter();
        tasks.find(|t| t.addresses.contains(&note.target))
    };
    let about_tasks = stopped.is_some() || note.is_some() || !case.ours.health_checked.is_empty();
    let task = stopped
        .or_else(|| behind(note?))
        .or_else(|| case.tasks.last().filter(|_| about_tasks))?;
    let ran = task.started_at.is_some() || task.containers.iter().any(|c| c.exit_code.is_some());
    ran.then(|| LookAt {
        task_id: task.id().to_owned(),
        task_definition: task.task_definition.clone(),
        container: name.to_owned(),
    })
}

/// As people know it: without the registry's host, which the quoted reason has, and with the digest's first twelve digits.
fn short(image: &str) -> String {
    let name = match image.split_once('/') {
        Some((host, name)) if host.contains(['.', ':']) => name,
        _ => image,
    };
    match name.split_once("@sha256:") {
        Some((name, digest)) => {
            format!("{name}@sha256:{}…", digest.get(..12).unwrap_or(digest))
        }
        None => name.to_owned(),
    }
}

/// In whole seconds, and not less than it was.
pub(super) fn seconds(time: Duration) -> String {
    spelled(Duration::from_secs(time.as_secs_f64().ceil() as u64))
}
