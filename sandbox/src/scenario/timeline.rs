//! What happens in a world without being asked for: other people, alarms, capacity. Each entry once, at its time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{durations, scaling};
use crate::services::autoscaling::adjusting;
use crate::services::ecs::{ServiceKey, service_deployments, services};
use crate::services::elbv2::reason_description;
use crate::services::github::{Labelled, Pushed};
use crate::world::agenda::Event;
use crate::world::shapes::list;
use crate::world::{Operation, World, failure, joins, lifecycle, scheduler, strategies};

#[derive(Clone, Debug, Default)]
pub struct Timeline {
    pub entries: Vec<Entry>,
    /// The first UpdateService has been seen.
    pub updated: bool,
    /// An entry of the timeline is at work: what it updates is not the update that others wait for.
    at_work: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    #[serde(default)]
    pub when: When,
    #[serde(default, with = "durations")]
    pub at: Duration,
    #[serde(rename = "do")]
    pub action: Action,
}

/// What `at` is counted from.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    #[default]
    Started,
    /// The first UpdateService call that came from outside.
    Updated,
}

/// One member of `do`. Services are named plainly; `cluster/name` where two clusters share a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Action {
    pub update_service: Option<UpdateService>,
    /// The alarm of a scaling policy rings. Nothing comes of it where that is suspended.
    pub autoscale: Option<Autoscale>,
    /// As if by a person, in Application Auto Scaling.
    pub register_scalable_target: Option<RegisterScalableTarget>,
    /// As if by a person, or by Terraform.
    pub tag_service: Option<TagService>,
    /// Rolls the deployment in flight back, as a person would ask for it.
    pub stop_service_deployment: Option<String>,
    /// Answers the lifecycle hook that waits for a person.
    pub continue_service_deployment: Option<ContinueServiceDeployment>,
    /// Ends it where it stands.
    pub abort_service_deployment: Option<String>,
    /// The alarm goes into ALARM.
    pub set_alarm: Option<String>,
    pub clear_alarm: Option<String>,
    pub delete_image: Option<String>,
    /// The images of the service's current task definition.
    pub delete_image_of: Option<String>,
    pub crash_tasks: Option<Tasks>,
    /// As if by a person.
    pub stop_tasks: Option<Tasks>,
    pub make_unhealthy: Option<Tasks>,
    pub spot_interrupt: Option<Tasks>,
    pub delete_service: Option<String>,
    /// The newest deployment and its service deployment vanish without a word.
    pub remove_deployment: Option<String>,
    pub close_pull: Option<u64>,
    pub merge_pull: Option<u64>,
    pub reopen_pull: Option<u64>,
    pub label_pull: Option<Labelled>,
    pub unlabel_pull: Option<Labelled>,
    /// Its head moves.
    pub push_to_pull: Option<Pushed>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ContinueServiceDeployment {
    pub service: String,
    /// CONTINUE or ROLLBACK.
    pub action: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Autoscale {
    pub service: String,
    pub desired_count: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RegisterScalableTarget {
    pub service: String,
    pub min: Option<u64>,
    pub max: Option<u64>,
    /// `SuspendedState`, as the API has it.
    pub suspended: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TagService {
    pub service: String,
    pub set: BTreeMap<String, String>,
    pub remove: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct UpdateService {
    pub service: String,
    /// A new revision with this image in its first container.
    pub image: Option<String>,
    /// Of that new revision.
    pub tags: BTreeMap<String, String>,
    pub task_definition: Option<String>,
    pub desired_count: Option<u64>,
    pub force_new_deployment: bool,
    /// Further members of the call.
    pub raw: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tasks {
    pub service: String,
    /// Only those of the PRIMARY deployment, or only the others.
    pub primary: Option<bool>,
    pub count: Option<usize>,
    pub exit_code: Option<i64>,
    pub reason: Option<String>,
    pub out_of_memory: bool,
}

/// Plans the entries that are counted from the start.
pub fn plan(world: &mut World) {
    plan_from(world, When::Started);
}

fn plan_from(world: &mut World, when: When) {
    let due: Vec<(usize, Duration)> = world
        .timeline
        .entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.when == when)
        .map(|(index, entry)| (index, entry.at))
        .collect();
    for (index, at) in due {
        world.agenda.at(world.now + at, Event::Timeline(index));
    }
}

/// A service was updated: the first time, entries that wait for it are planned.
pub fn updated(world: &mut World) {
    if !world.timeline.updated && !world.timeline.at_work {
        world.timeline.updated = true;
        plan_from(world, When::Updated);
    }
}

/// An entry is due.
pub fn happen(world: &mut World, index: usize) {
    let Some(action) = world.timeline.entries.get(index).map(|e| e.action.clone()) else {
        return;
    };
    world.timeline.at_work = true;
    act(world, &action);
    world.timeline.at_work = false;
}

/// The key of a service by `name` or `cluster/name`.
pub fn find_service(world: &World, named: &str) -> Option<ServiceKey> {
    let found = world
        .ecs
        .services
        .keys()
        .find(|(cluster, name)| name == named || format!("{cluster}/{name}") == named);
    found.cloned()
}

fn call(world: &mut World, table: &[Operation], name: &str, input: &Value) -> Option<Value> {
    let operation = table.iter().find(|o| o.name == name)?;
    (operation.function)(world, input).ok()
}

fn act(world: &mut World, action: &Action) {
    if let Some(update) = &action.update_service {
        update_service(world, update);
    }
    if let Some(scaled) = &action.autoscale
        && let Some(key) = find_service(world, &scaled.service)
    {
        adjusting::triggered(world, &key, scaled.desired_count);
    }
    if let Some(target) = &action.register_scalable_target {
        scaling::register(world, target);
    }
    if let Some(tags) = &action.tag_service {
        tag_service(world, tags);
    }
    if let Some(key) = action
        .stop_service_deployment
        .as_deref()
        .and_then(|n| find_service(world, n))
    {
        let reason = "Service deployment rolled back because of a StopServiceDeployment request.";
        service_deployments::stop_with_rollback(world, &key, reason);
    }
    if let Some(answer) = &action.continue_service_deployment
        && let Some(key) = find_service(world, &answer.service)
    {
        strategies::hooks::act(world, &key, None, &answer.action);
    }
    if let Some(key) = action
        .abort_service_deployment
        .as_deref()
        .and_then(|n| find_service(world, n))
    {
        failure::abort(world, &key);
    }
    for (alarm, ringing) in [(&action.set_alarm, true), (&action.clear_alarm, false)] {
        if let Some(name) = alarm {
            world.ecs.alarms.insert(name.clone(), ringing);
            let keys: Vec<ServiceKey> = world.ecs.services.keys().cloned().collect();
            keys.iter().for_each(|key| scheduler::look_soon(world, key));
        }
    }
    if let Some(image) = &action.delete_image {
        let image = joins::named(world, image);
        joins::delete_image(world, &image);
    }
    if let Some(key) = action
        .delete_image_of
        .as_deref()
        .and_then(|n| find_service(world, n))
    {
        for image in images_of(world, &key) {
            joins::delete_image(world, &image);
        }
    }
    if let Some(tasks) = &action.crash_tasks {
        for arn in chosen(world, tasks) {
            let code = tasks
                .exit_code
                .unwrap_or(if tasks.out_of_memory { 137 } else { 1 });
            lifecycle::container_exited(
                world,
                &arn,
                None,
                code,
                tasks.out_of_memory,
                tasks.reason.clone(),
            );
        }
    }
    if let Some(tasks) = &action.stop_tasks {
        let reason = tasks.reason.as_deref().unwrap_or("Task stopped by user");
        for arn in chosen(world, tasks) {
            lifecycle::stop(world, &arn, "UserInitiated", reason);
        }
    }
    if let Some(tasks) = &action.spot_interrupt {
        let reason = tasks
            .reason
            .as_deref()
            .unwrap_or("Your Spot Task was interrupted.");
        for arn in chosen(world, tasks) {
            lifecycle::stop(world, &arn, "SpotInterruption", reason);
        }
    }
    if let Some(tasks) = &action.make_unhealthy {
        let code = tasks
            .reason
            .clone()
            .unwrap_or_else(|| "Target.FailedHealthChecks".to_owned());
        let description = reason_description(&code).to_owned();
        for arn in chosen(world, tasks) {
            if let Some(task) = world.ecs.tasks.get_mut(&arn) {
                task.forced_unhealthy = Some((code.clone(), description.clone()));
            }
        }
    }
    if let Some((cluster, service)) = action
        .delete_service
        .as_deref()
        .and_then(|n| find_service(world, n))
    {
        let input = json!({ "cluster": cluster, "service": service, "force": true });
        call(world, services::OPERATIONS, "DeleteService", &input);
    }
    on_pull_requests(world, action);
    if let Some(key) = action
        .remove_deployment
        .as_deref()
        .and_then(|n| find_service(world, n))
    {
        remove_deployment(world, &key);
    }
}

fn on_pull_requests(world: &mut World, action: &Action) {
    let github = &mut world.github;
    if let Some(number) = action.close_pull {
        github.close_pull(number);
    }
    if let Some(number) = action.merge_pull {
        github.merge_pull(number);
    }
    if let Some(number) = action.reopen_pull {
        github.reopen_pull(number);
    }
    if let Some(to) = &action.label_pull {
        github.label_pull(to);
    }
    if let Some(of) = &action.unlabel_pull {
        github.unlabel_pull(of);
    }
    if let Some(pushed) = &action.push_to_pull {
        github.push(pushed);
    }
}

fn images_of(world: &World, key: &ServiceKey) -> Vec<String> {
    let service = world.ecs.services.get(key);
    let definition = service.and_then(|s| world.ecs.task_definition(&s.task_definition));
    let containers = definition.map(|d| d.containers()).unwrap_or_default();
    let image = |c: &Value| Some(c.get("image")?.as_str()?.to_owned());
    containers.iter().filter_map(image).collect()
}

fn chosen(world: &World, tasks: &Tasks) -> Vec<String> {
    let Some(key) = find_service(world, &tasks.service) else {
        return Vec::new();
    };
    let primary = world
        .ecs
        .services
        .get(&key)
        .and_then(|s| s.deployments.first())
        .map(|d| d.digits.clone());
    let live = world.ecs.tasks_of(&key).filter(|t| t.live());
    let fits = live.filter(|t| {
        tasks
            .primary
            .is_none_or(|p| (Some(&t.deployment) == primary.as_ref()) == p)
    });
    fits.take(tasks.count.unwrap_or(usize::MAX))
        .map(|t| t.arn.clone())
        .collect()
}

fn update_service(world: &mut World, update: &UpdateService) {
    let Some(key) = find_service(world, &update.service) else {
        return;
    };
    let mut input = json!({ "cluster": key.0, "service": key.1, "forceNewDeployment": update.force_new_deployment });
    if let Some(image) = &update.image
        && let Some(arn) = register_with_image(world, &key, image, &update.tags)
    {
        input["taskDefinition"] = json!(arn);
    }
    if let Some(definition) = &update.task_definition {
        input["taskDefinition"] = json!(definition);
    }
    if let Some(desired) = update.desired_count {
        input["desiredCount"] = json!(desired);
    }
    if let (Some(input), Some(raw)) = (input.as_object_mut(), update.raw.as_object()) {
        input.extend(raw.clone());
    }
    call(world, services::OPERATIONS, "UpdateService", &input);
}

/// As the API has tags.
fn as_list(tags: &BTreeMap<String, String>) -> Value {
    (tags.iter())
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

fn tag_service(world: &mut World, tags: &TagService) {
    let key = find_service(world, &tags.service);
    let Some(service) = key.and_then(|key| world.ecs.services.get(&key)) else {
        return;
    };
    let arn = service.arn.clone();
    let set = as_list(&tags.set);
    for (name, input) in [
        ("TagResource", json!({ "resourceArn": arn, "tags": set })),
        (
            "UntagResource",
            json!({ "resourceArn": arn, "tagKeys": tags.remove }),
        ),
    ] {
        call(world, crate::services::ecs::tags::OPERATIONS, name, &input);
    }
}

fn register_with_image(
    world: &mut World,
    key: &ServiceKey,
    image: &str,
    tags: &BTreeMap<String, String>,
) -> Option<String> {
    let current = &world.ecs.services.get(key)?.task_definition;
    let mut document = world.ecs.task_definition(current)?.document.clone();
    let mut containers = list(&document, "containerDefinitions").to_vec();
    containers.first_mut()?["image"] = json!(joins::named(world, image));
    document["containerDefinitions"] = Value::Array(containers);
    document["tags"] = as_list(tags);
    let table = crate::services::ecs::task_definitions::OPERATIONS;
    let answer = call(world, table, "RegisterTaskDefinition", &document)?;
    Some(
        answer["taskDefinition"]["taskDefinitionArn"]
            .as_str()?
            .to_owned(),
    )
}

/// The deployment is gone, and what was PRIMARY before is PRIMARY again, without an event.
fn remove_deployment(world: &mut World, key: &ServiceKey) {
    let Some(service) = world
        .ecs
        .services
        .get_mut(key)
        .filter(|s| s.deployments.len() > 1)
    else {
        return;
    };
    let removed = service.deployments.remove(0);
    service
        .service_deployments
        .retain(|d| d.target != removed.digits);
    service.revisions.retain(|r| r.digits != removed.digits);
    if let Some(primary) = service.deployments.first() {
        service.task_definition.clone_from(&primary.task_definition);
    }
    let arns: Vec<String> = world
        .ecs
        .tasks_of(key)
        .filter(|t| t.deployment == removed.digits)
        .map(|t| t.arn.clone())
        .collect();
    for arn in arns {
        lifecycle::stop(
            world,
            &arn,
            "ServiceSchedulerInitiated",
            "Scaling activity initiated by (deployment unknown)",
        );
    }
}
