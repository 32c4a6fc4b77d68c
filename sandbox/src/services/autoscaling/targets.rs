//! Scalable targets: registering, describing and deregistering them, and what was done for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    ScalableTarget, Suspended, adjusting, asked_for, identified, invalid, listed, named,
    registered, resource_id, target_arn, target_resource,
};
use crate::services::ecs::ServiceKey;
use crate::world::shapes::{boolean_in, epoch_seconds, everything, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "application-autoscaling",
        name: "RegisterScalableTarget",
        function: register_scalable_target,
        resources: target_resource,
    },
    Operation {
        service: "application-autoscaling",
        name: "DescribeScalableTargets",
        function: describe_scalable_targets,
        resources: everything,
    },
    Operation {
        service: "application-autoscaling",
        name: "DeregisterScalableTarget",
        function: deregister_scalable_target,
        resources: target_resource,
    },
    Operation {
        service: "application-autoscaling",
        name: "DescribeScalingActivities",
        function: describe_scaling_activities,
        resources: everything,
    },
];

/// Makes a target or changes what is given of one. The desired count is put within the bounds at once, whatever was given:
/// also while dynamic scaling is suspended, for that stops scaling policies only (API reference, RegisterScalableTarget).
fn register_scalable_target(world: &mut World, input: &Value) -> Answer {
    let key = named(input)?;
    let exists = world.ecs.services.get(&key).map(|s| s.status);
    if exists.is_none_or(|status| status == "INACTIVE") {
        return Err(invalid(format!(
            "ECS service doesn't exist: {}",
            resource_id(&key)
        )));
    }
    let before = world.autoscaling.targets.get(&key);
    let bound = |member: &str, kept: Option<u64>| match capacity(input, member)? {
        Some(given) => Ok(given),
        None => kept.ok_or_else(|| invalid(format!("{member} cannot be null"))),
    };
    let min = bound("MinCapacity", before.map(|t| t.min))?;
    let max = bound("MaxCapacity", before.map(|t| t.max))?;
    if min > max {
        return Err(invalid(
            "Maximum capacity cannot be less than minimum capacity",
        ));
    }
    let mut suspended = before.map(|t| t.suspended).unwrap_or_default();
    if let Some(given) = input.get("SuspendedState") {
        suspend(&mut suspended, given);
    }
    if before.is_none() {
        let target = ScalableTarget {
            id: world.ids.hex(36),
            min,
            max,
            suspended,
            created_at: world.now,
            policies: BTreeMap::new(),
            scheduled_actions: BTreeMap::new(),
        };
        world.autoscaling.targets.insert(key.clone(), target);
    }
    let Some(target) = world.autoscaling.targets.get_mut(&key) else {
        return Ok(json!({}));
    };
    (target.min, target.max, target.suspended) = (min, max, suspended);
    let id = target.id.clone();
    adjusting::into_bounds(world, &key);
    adjusting::watch(world, &key);
    Ok(json!({ "ScalableTargetARN": target_arn(world, &id) }))
}

/// A capacity as given; a negative one is refused.
pub(super) fn capacity(input: &Value, member: &str) -> Result<Option<u64>, ApiError> {
    match input.get(member).filter(|v| !v.is_null()) {
        None => Ok(None),
        Some(given) => given
            .as_u64()
            .map(Some)
            .ok_or_else(|| invalid(format!("{member} must be greater than or equal to 0"))),
    }
}

/// Members that are not given stay as they are.
fn suspend(suspended: &mut Suspended, given: &Value) {
    for (member, kept) in [
        ("DynamicScalingInSuspended", &mut suspended.dynamic_in),
        ("DynamicScalingOutSuspended", &mut suspended.dynamic_out),
        ("ScheduledScalingSuspended", &mut suspended.scheduled),
    ] {
        if let Some(given) = boolean_in(given, member) {
            *kept = given;
        }
    }
}

fn describe(world: &World, key: &ServiceKey, target: &ScalableTarget) -> Value {
    let place = &world.place;
    let mut shown = identified(key);
    let role = format!(
        "arn:{}:iam::{}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
        place.partition, place.account
    );
    let members = json!({
        "MinCapacity": target.min, "MaxCapacity": target.max, "RoleARN": role,
        "CreationTime": epoch_seconds(target.created_at),
        "SuspendedState": {
            "DynamicScalingInSuspended": target.suspended.dynamic_in,
            "DynamicScalingOutSuspended": target.suspended.dynamic_out,
            "ScheduledScalingSuspended": target.suspended.scheduled,
        },
        "ScalableTargetARN": target_arn(world, &target.id),
    });
    shown.extend(members.as_object().cloned().unwrap_or_default());
    Value::Object(shown)
}

fn describe_scalable_targets(world: &mut World, input: &Value) -> Answer {
    let wanted = texts(input, "ResourceIds");
    if wanted.len() > 50 {
        return Err(invalid(
            "1 validation error detected: Value at 'resourceIds' failed to satisfy constraint: Member must have length less than or equal to 50",
        ));
    }
    let targets = world.autoscaling.targets.iter();
    let fits = |key: &ServiceKey| {
        asked_for(input, key) && (wanted.is_empty() || wanted.contains(&resource_id(key)))
    };
    let shown = targets
        .filter(|(key, _)| fits(key))
        .map(|(key, target)| describe(world, key, target))
        .collect();
    listed(shown, "ScalableTargets", input, 50)
}

/// Its policies and scheduled actions go with it.
fn deregister_scalable_target(world: &mut World, input: &Value) -> Answer {
    let key = registered(world, input)?;
    world.autoscaling.targets.remove(&key);
    Ok(json!({}))
}

fn describe_scaling_activities(world: &mut World, input: &Value) -> Answer {
    let newest_first = world.autoscaling.activities.iter().rev();
    let shown = newest_first.filter(|a| asked_for(input, &a.key)).map(|a| {
        let mut shown = identified(&a.key);
        let members = json!({
            "ActivityId": a.id, "Description": format!("Setting desired count to {}.", a.desired), "Cause": a.cause,
            "StartTime": epoch_seconds(a.at), "EndTime": epoch_seconds(a.at), "StatusCode": "Successful",
            "StatusMessage": format!("Successfully set desired count to {}. Change successfully fulfilled by ecs.", a.desired),
        });
        shown.extend(members.as_object().cloned().unwrap_or_default());
        Value::Object(shown)
    });
    listed(shown.collect(), "ScalingActivities", input, 50)
}
