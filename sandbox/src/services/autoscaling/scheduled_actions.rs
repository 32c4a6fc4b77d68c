//! Scheduled actions: bounds that change at a time. One that falls into a suspension is missed, not made up for.

use serde_json::{Value, json};

use super::targets::capacity;
use super::{
    NAMESPACE, ScheduledAction, adjusting, asked_for, identified, invalid, listed, old_arn,
    registered, resource_id, target_resource,
};
use crate::services::autoscaling::schedule::Schedule;
use crate::services::ecs::ServiceKey;
use crate::world::agenda::Event;
use crate::world::shapes::{epoch_seconds, everything, instant, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "application-autoscaling",
        name: "PutScheduledAction",
        function: put_scheduled_action,
        resources: target_resource,
    },
    Operation {
        service: "application-autoscaling",
        name: "DescribeScheduledActions",
        function: describe_scheduled_actions,
        resources: everything,
    },
    Operation {
        service: "application-autoscaling",
        name: "DeleteScheduledAction",
        function: delete_scheduled_action,
        resources: target_resource,
    },
];

/// Start and end that are not given are forgotten; other members that are not given stay.
fn put_scheduled_action(world: &mut World, input: &Value) -> Answer {
    let key = registered(world, input)?;
    let name = text(input, "ScheduledActionName")
        .filter(|n| !n.is_empty())
        .ok_or_else(|| invalid("ScheduledActionName cannot be empty"))?;
    // No data of time zones is here.
    if let Some(zone) = text(input, "Timezone").filter(|z| !matches!(*z, "UTC" | "Etc/UTC")) {
        return Err(invalid(format!("Timezone {zone} is not known here")));
    }
    let target = world.autoscaling.targets.get(&key);
    let before = target.and_then(|t| t.scheduled_actions.get(name));
    let schedule = match text(input, "Schedule") {
        Some(given) => Schedule::parse(given)
            .ok_or_else(|| invalid(format!("Schedule {given} is not valid")))?,
        None => before
            .map(|a| a.schedule.clone())
            .ok_or_else(|| invalid("Schedule cannot be null"))?,
    };
    let action = input.get("ScalableTargetAction").unwrap_or(&Value::Null);
    let (min, max) = match (
        capacity(action, "MinCapacity")?,
        capacity(action, "MaxCapacity")?,
    ) {
        (None, None) => before
            .map(|a| (a.min, a.max))
            .ok_or_else(|| invalid("ScalableTargetAction cannot be null"))?,
        given => given,
    };
    let time = |member: &str| input.get(member).and_then(instant);
    let (generation, created_at) =
        before.map_or((0, world.now), |a| (a.generation + 1, a.created_at));
    let arn = match before {
        Some(before) => before.arn.clone(),
        None => {
            let named = format!("scheduledActionName/{name}");
            old_arn(world, &key, "scheduledAction", &named)
        }
    };
    let action = ScheduledAction {
        arn,
        schedule,
        min,
        max,
        start: time("StartTime"),
        end: time("EndTime"),
        created_at,
        generation,
    };
    if let Some(target) = world.autoscaling.targets.get_mut(&key) {
        target.scheduled_actions.insert(name.to_owned(), action);
    }
    plan(world, &key, name);
    Ok(json!({}))
}

/// Puts an action's next time on the agenda.
fn plan(world: &mut World, key: &ServiceKey, name: &str) {
    let target = world.autoscaling.targets.get(key);
    let Some(action) = target.and_then(|t| t.scheduled_actions.get(name)) else {
        return;
    };
    let from = action.start.map_or(world.now, |start| start.max(world.now));
    let next = action
        .schedule
        .next(action.start.unwrap_or(action.created_at), from);
    let Some(at) = next.filter(|at| action.end.is_none_or(|end| *at <= end)) else {
        return;
    };
    let event = Event::ScheduledAction {
        cluster: key.0.clone(),
        service: key.1.clone(),
        name: name.to_owned(),
        generation: action.generation,
    };
    world.agenda.at(at, event);
}

/// An action's time has come.
pub fn due(world: &mut World, key: &ServiceKey, name: &str, generation: u32) {
    let Some(target) = world.autoscaling.targets.get_mut(key) else {
        return;
    };
    let Some(action) = target.scheduled_actions.get(name) else {
        return;
    };
    if action.generation != generation {
        return;
    }
    if !target.suspended.scheduled {
        let (min, max) = (
            action.min.unwrap_or(target.min),
            action.max.unwrap_or(target.max),
        );
        // One bound that crosses the other takes it along.
        target.min = if action.min.is_some() {
            min
        } else {
            min.min(max)
        };
        target.max = max.max(target.min);
        let cause = format!("scheduled action name {name} was triggered");
        adjusting::into_bounds_because(world, key, &cause);
    }
    plan(world, key, name);
}

fn describe_scheduled_actions(world: &mut World, input: &Value) -> Answer {
    let wanted = texts(input, "ScheduledActionNames");
    let mut shown = Vec::new();
    for (key, target) in &world.autoscaling.targets {
        let actions = target.scheduled_actions.iter();
        let fits = |name: &String| wanted.is_empty() || wanted.contains(name);
        for (name, action) in actions.filter(|(name, _)| asked_for(input, key) && fits(name)) {
            shown.push(describe(key, name, action));
        }
    }
    listed(shown, "ScheduledActions", input, 50)
}

fn describe(key: &ServiceKey, name: &str, action: &ScheduledAction) -> Value {
    let mut members = identified(key);
    let mut bounds = json!({});
    for (member, bound) in [("MinCapacity", action.min), ("MaxCapacity", action.max)] {
        if let Some(bound) = bound {
            bounds[member] = json!(bound);
        }
    }
    for (member, value) in [
        ("ScheduledActionName", Some(json!(name))),
        ("ScheduledActionARN", Some(json!(action.arn))),
        ("Schedule", Some(json!(action.schedule.text))),
        ("StartTime", action.start.map(epoch_seconds)),
        ("EndTime", action.end.map(epoch_seconds)),
        ("ScalableTargetAction", Some(bounds)),
        ("CreationTime", Some(epoch_seconds(action.created_at))),
    ] {
        if let Some(value) = value {
            members.insert(member.to_owned(), value);
        }
    }
    Value::Object(members)
}

fn delete_scheduled_action(world: &mut World, input: &Value) -> Answer {
    let key = registered(world, input)?;
    let name = text(input, "ScheduledActionName").unwrap_or_default();
    let target = world.autoscaling.targets.get_mut(&key);
    match target.and_then(|t| t.scheduled_actions.remove(name)) {
        Some(_) => Ok(json!({})),
        None => Err(ApiError::new(
            "ObjectNotFoundException",
            format!(
                "No scheduled action found for service namespace: {NAMESPACE}, resource ID: {}, scheduled action name: {name}",
                resource_id(&key)
            ),
        )),
    }
}
