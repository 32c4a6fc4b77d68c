//! Targets of target groups: registering, deregistering, and their health as described.

use std::time::Duration;

use serde_json::{Value, json};

use super::{TargetGroup, TargetState, not_found, required, resource};
use crate::services::elbv2::reason_description;
use crate::world::shapes::{everything, list, number_in};
use crate::world::{Answer, ApiError, Operation, World, health};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "elasticloadbalancing",
        name: "RegisterTargets",
        function: register_targets,
        resources: |_, i| resource(i, "TargetGroupArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DeregisterTargets",
        function: deregister_targets,
        resources: |_, i| resource(i, "TargetGroupArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeTargetHealth",
        function: describe_target_health,
        resources: everything,
    },
];

/// One target to check, with its group's settings.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    pub target_group_arn: String,
    pub address: String,
    pub port: u16,
    /// The port to ask, when the group does not check the traffic port.
    pub check_port: u16,
    pub protocol: String,
    pub path: String,
    pub interval: Duration,
    pub timeout: Duration,
    pub matcher: String,
}

/// Every target that a data plane must check at its interval: registered, not draining, of a group in use.
pub fn checks_due(world: &World) -> Vec<HealthCheck> {
    let groups = world
        .elbv2
        .target_groups
        .values()
        .filter(|g| world.elbv2.in_use(&g.arn));
    let checks = groups.flat_map(|group| {
        let targets = group
            .targets
            .iter()
            .filter(|(_, t)| t.state != TargetState::Draining);
        targets.map(|((address, port), _)| HealthCheck {
            target_group_arn: group.arn.clone(),
            address: address.clone(),
            port: *port,
            check_port: group.check_port.parse().unwrap_or(*port),
            protocol: group.check_protocol.clone(),
            path: group.check_path.clone(),
            interval: group.interval,
            timeout: group.timeout,
            matcher: group.matcher.clone(),
        })
    });
    checks.collect()
}

fn named(group: &TargetGroup, target: &Value) -> Result<(String, u16), ApiError> {
    let id = required(target, "Id")?.to_owned();
    Ok((
        id,
        number_in(target, "Port").map_or(group.port, |p| p as u16),
    ))
}

fn group<'a>(world: &'a World, input: &Value) -> Result<&'a TargetGroup, ApiError> {
    let arn = required(input, "TargetGroupArn")?;
    world
        .elbv2
        .target_groups
        .get(arn)
        .ok_or_else(|| not_found(arn))
}

fn register_targets(world: &mut World, input: &Value) -> Answer {
    let group = group(world, input)?;
    let arn = group.arn.clone();
    let keys = list(input, "Targets")
        .iter()
        .map(|t| named(group, t))
        .collect::<Result<Vec<_>, _>>()?;
    let zone = format!("{}a", world.place.region);
    for key in keys {
        if world
            .elbv2
            .target(&arn, &key)
            .is_none_or(|t| t.state == TargetState::Draining)
        {
            health::register(world, &arn, key, &zone);
        }
    }
    Ok(json!({}))
}

fn deregister_targets(world: &mut World, input: &Value) -> Answer {
    let group = group(world, input)?;
    let arn = group.arn.clone();
    let keys = list(input, "Targets")
        .iter()
        .map(|t| named(group, t))
        .collect::<Result<Vec<_>, _>>()?;
    for key in keys {
        if world.elbv2.target(&arn, &key).is_none() {
            return Err(ApiError::new(
                "InvalidTarget",
                format!(
                    "The following targets are not registered: '{}:{}'",
                    key.0, key.1
                ),
            ));
        }
        health::deregister(world, &arn, &key);
    }
    Ok(json!({}))
}

fn describe_target_health(world: &mut World, input: &Value) -> Answer {
    let group = group(world, input)?;
    let in_use = world.elbv2.in_use(&group.arn);
    let asked = list(input, "Targets")
        .iter()
        .map(|t| named(group, t))
        .collect::<Result<Vec<_>, _>>()?;
    let mut shown = Vec::new();
    for (key, target) in &group.targets {
        if !asked.is_empty() && !asked.contains(key) {
            continue;
        }
        let unused = !in_use && target.state != TargetState::Draining;
        let reason = if unused {
            "Target.NotInUse"
        } else {
            target.reason.as_str()
        };
        let description = if unused {
            reason_description(reason)
        } else {
            target.description.as_str()
        };
        let state = if unused {
            "unused"
        } else {
            target.state.as_str()
        };
        shown.push(description_of(
            group,
            key,
            Some(&target.zone),
            (state, reason, description),
        ));
    }
    for key in asked.iter().filter(|k| !group.targets.contains_key(*k)) {
        let reason = "Target.NotRegistered";
        shown.push(description_of(
            group,
            key,
            None,
            ("unused", reason, reason_description(reason)),
        ));
    }
    Ok(json!({ "TargetHealthDescriptions": shown }))
}

fn description_of(
    group: &TargetGroup,
    key: &(String, u16),
    zone: Option<&str>,
    health: (&str, &str, &str),
) -> Value {
    let (address, port) = key;
    let (state, reason, description) = health;
    let mut target = json!({ "Id": address, "Port": port });
    if let Some(zone) = zone {
        target["AvailabilityZone"] = json!(zone);
    }
    let mut health = json!({ "State": state });
    if !reason.is_empty() {
        health["Reason"] = json!(reason);
        health["Description"] = json!(description);
    }
    let check_port = if group.check_port == "traffic-port" {
        port.to_string()
    } else {
        group.check_port.clone()
    };
    json!({ "Target": target, "HealthCheckPort": check_port, "TargetHealth": health })
}
