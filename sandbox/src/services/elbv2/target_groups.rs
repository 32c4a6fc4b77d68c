//! Target groups and their attributes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{TargetGroup, not_found, put_tags, required, resource};
use crate::world::shapes::{elb_arn, elb_page, everything, list, number_in, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

/// The one VPC of this world.
pub const VPC: &str = "vpc-0a1b2c3d4e5f60718";

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "elasticloadbalancing",
        name: "CreateTargetGroup",
        function: create_target_group,
        resources: |w, i| {
            vec![elb_arn(
                w,
                &format!("targetgroup/{}/*", text(i, "Name").unwrap_or("*")),
            )]
        },
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeTargetGroups",
        function: describe_target_groups,
        resources: everything,
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DeleteTargetGroup",
        function: delete_target_group,
        resources: |_, i| resource(i, "TargetGroupArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "ModifyTargetGroupAttributes",
        function: modify_target_group_attributes,
        resources: |_, i| resource(i, "TargetGroupArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeTargetGroupAttributes",
        function: describe_target_group_attributes,
        resources: everything,
    },
];

fn create_target_group(world: &mut World, input: &Value) -> Answer {
    let name = required(input, "Name")?.to_owned();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if name.len() > 32 || !plain || name.starts_with('-') || name.ends_with('-') {
        let message = format!(
            "Target group name '{name}' cannot be longer than '32' characters, and can only contain characters that are alphanumeric characters or hyphens(-)"
        );
        return Err(ApiError::new("ValidationError", message));
    }
    let interval = number_in(input, "HealthCheckIntervalSeconds").unwrap_or(30);
    if !(5..=300).contains(&interval) {
        return Err(ApiError::new(
            "ValidationError",
            "Health check interval must be between '5' and '300'",
        ));
    }
    let protocol = text(input, "Protocol").unwrap_or("HTTP").to_owned();
    let seconds =
        |member: &str, usual: u64| Duration::from_secs(number_in(input, member).unwrap_or(usual));
    let count = |member: &str, usual: u64| number_in(input, member).unwrap_or(usual) as u32;
    let mut group = TargetGroup {
        arn: String::new(),
        name,
        protocol_version: text(input, "ProtocolVersion").unwrap_or("HTTP1").to_owned(),
        port: number_in(input, "Port").unwrap_or(80) as u16,
        vpc: text(input, "VpcId").unwrap_or(VPC).to_owned(),
        target_type: text(input, "TargetType").unwrap_or("instance").to_owned(),
        ip_address_type: text(input, "IpAddressType").unwrap_or("ipv4").to_owned(),
        check_protocol: text(input, "HealthCheckProtocol")
            .unwrap_or(&protocol)
            .to_owned(),
        check_port: input
            .get("HealthCheckPort")
            .and_then(plain_text)
            .unwrap_or_else(|| "traffic-port".to_owned()),
        check_path: text(input, "HealthCheckPath").unwrap_or("/").to_owned(),
        interval: seconds("HealthCheckIntervalSeconds", 30),
        timeout: seconds("HealthCheckTimeoutSeconds", 5),
        healthy_threshold: count("HealthyThresholdCount", 5),
        unhealthy_threshold: count("UnhealthyThresholdCount", 2),
        matcher: input
            .get("Matcher")
            .and_then(|m| text(m, "HttpCode"))
            .unwrap_or("200")
            .to_owned(),
        deregistration_delay: Duration::from_secs(300),
        attributes: default_attributes(),
        targets: BTreeMap::new(),
        protocol,
    };
    if let Some(there) = world
        .elbv2
        .target_groups
        .values()
        .find(|g| g.name == group.name)
    {
        if there.same_settings(&group) {
            return Ok(json!({ "TargetGroups": [describe(world, &there.arn)] }));
        }
        let message = "A target group with the same name exists, but with different settings";
        return Err(ApiError::new("DuplicateTargetGroupName", message));
    }
    let suffix = world.ids.hex(16);
    let arn = elb_arn(world, &format!("targetgroup/{}/{suffix}", group.name));
    put_tags(world, &arn, list(input, "Tags"));
    group.arn.clone_from(&arn);
    world.elbv2.target_groups.insert(arn.clone(), group);
    Ok(json!({ "TargetGroups": [describe(world, &arn)] }))
}

impl TargetGroup {
    /// Whether creating the other would be creating this one again, which succeeds (CreateTargetGroup is idempotent).
    fn same_settings(&self, other: &TargetGroup) -> bool {
        let settings = |g: &TargetGroup| {
            (
                [
                    g.protocol.clone(),
                    g.protocol_version.clone(),
                    g.vpc.clone(),
                    g.target_type.clone(),
                    g.check_protocol.clone(),
                    g.check_port.clone(),
                    g.check_path.clone(),
                    g.matcher.clone(),
                ],
                (g.port, g.interval, g.timeout),
                (g.healthy_threshold, g.unhealthy_threshold),
            )
        };
        settings(self) == settings(other)
    }
}

fn plain_text(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::to_owned)
        .or_else(|| Some(value.as_u64()?.to_string()))
}

fn default_attributes() -> BTreeMap<String, String> {
    let usual = [
        ("deregistration_delay.timeout_seconds", "300"),
        ("load_balancing.algorithm.type", "round_robin"),
        (
            "load_balancing.cross_zone.enabled",
            "use_load_balancer_configuration",
        ),
        ("slow_start.duration_seconds", "0"),
        ("stickiness.enabled", "false"),
        ("stickiness.lb_cookie.duration_seconds", "86400"),
        ("stickiness.type", "lb_cookie"),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.count",
            "1",
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            "1",
        ),
    ];
    usual
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn describe(world: &World, arn: &str) -> Value {
    let Some(group) = world.elbv2.target_groups.get(arn) else {
        return Value::Null;
    };
    json!({
        "TargetGroupArn": group.arn, "TargetGroupName": group.name, "Protocol": group.protocol, "Port": group.port,
        "VpcId": group.vpc, "HealthCheckProtocol": group.check_protocol, "HealthCheckPort": group.check_port,
        "HealthCheckEnabled": true, "HealthCheckIntervalSeconds": group.interval.as_secs(),
        "HealthCheckTimeoutSeconds": group.timeout.as_secs(), "HealthyThresholdCount": group.healthy_threshold,
        "UnhealthyThresholdCount": group.unhealthy_threshold, "HealthCheckPath": group.check_path,
        "Matcher": { "HttpCode": group.matcher }, "LoadBalancerArns": world.elbv2.load_balancers_of(arn),
        "TargetType": group.target_type, "ProtocolVersion": group.protocol_version, "IpAddressType": group.ip_address_type,
    })
}

fn describe_target_groups(world: &mut World, input: &Value) -> Answer {
    let (arns, names) = (texts(input, "TargetGroupArns"), texts(input, "Names"));
    let groups = &world.elbv2.target_groups;
    if let Some(missing) = arns.iter().find(|a| !groups.contains_key(*a)) {
        return Err(not_found(missing));
    }
    if names.iter().any(|n| !groups.values().any(|g| g.name == *n)) {
        return Err(ApiError::new(
            "TargetGroupNotFound",
            "One or more target groups not found",
        ));
    }
    let balancer = text(input, "LoadBalancerArn");
    if let Some(balancer) = balancer.filter(|b| !world.elbv2.load_balancers.contains_key(*b)) {
        return Err(not_found(balancer));
    }
    let asked = |g: &&TargetGroup| match balancer {
        Some(balancer) => world.elbv2.load_balancers_of(&g.arn).contains(&balancer),
        None => {
            arns.is_empty() && names.is_empty() || arns.contains(&g.arn) || names.contains(&g.name)
        }
    };
    let shown = groups
        .values()
        .filter(asked)
        .map(|g| describe(world, &g.arn))
        .collect();
    elb_page(shown, "TargetGroups", input)
}

fn delete_target_group(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "TargetGroupArn")?.to_owned();
    if world.elbv2.in_use(&arn) {
        let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(ApiError::new("ResourceInUse", message));
    }
    world.elbv2.target_groups.remove(&arn);
    world.elbv2.tags.remove(&arn);
    Ok(json!({}))
}

fn attributes(group: &TargetGroup) -> Value {
    let each = group
        .attributes
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }));
    json!({ "Attributes": each.collect::<Vec<_>>() })
}

fn modify_target_group_attributes(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "TargetGroupArn")?;
    let Some(group) = world.elbv2.target_groups.get_mut(arn) else {
        return Err(not_found(arn));
    };
    for attribute in list(input, "Attributes") {
        let key = required(attribute, "Key")?;
        let value = attribute
            .get("Value")
            .and_then(plain_text)
            .unwrap_or_default();
        if !group.attributes.contains_key(key) {
            return Err(ApiError::new(
                "ValidationError",
                format!("Target group attribute key '{key}' is not recognized"),
            ));
        }
        if key == "deregistration_delay.timeout_seconds" {
            let seconds = value.parse().ok().filter(|s| *s <= 3600);
            let message = format!("'{key}' value must be between '0' and '3600' inclusive");
            let seconds = seconds.ok_or_else(|| ApiError::new("ValidationError", message))?;
            group.deregistration_delay = Duration::from_secs(seconds);
        }
        group.attributes.insert(key.to_owned(), value);
    }
    Ok(attributes(group))
}

fn describe_target_group_attributes(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "TargetGroupArn")?;
    world
        .elbv2
        .target_groups
        .get(arn)
        .map(attributes)
        .ok_or_else(|| not_found(arn))
}
