//! A world file's load balancers, made through ELBv2's own operations.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::build::{call, target_group};
use super::{AlternateFile, ListenerFile, LoadBalancerFile, RuleFile};
use crate::services::{acm, elbv2};
use crate::world::World;

/// A load balancer with its listeners and their rules.
pub fn create(world: &mut World, file: &LoadBalancerFile) -> Result<(), String> {
    let input = json!({
        "Name": file.name, "Subnets": ["subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2"],
        "SecurityGroups": ["sg-0a1b2c3d4e5f60718"],
    });
    let answer = call(world, elbv2::OPERATIONS, "CreateLoadBalancer", &input)?;
    let arn = answer["LoadBalancers"][0]["LoadBalancerArn"].clone();
    if let Some(dns_name) = &file.dns_name
        && let Some(balancer) = arn
            .as_str()
            .and_then(|a| world.elbv2.load_balancers.get_mut(a))
    {
        balancer.dns_name.clone_from(dns_name);
    }
    for listener in &file.listeners {
        let default = match &listener.forward {
            Some(name) => {
                json!({ "Type": "forward", "TargetGroupArn": target_group(world, name)? })
            }
            None => json!({
                "Type": "fixed-response",
                "FixedResponseConfig": { "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "Not found" },
            }),
        };
        let mut input = json!({
            "LoadBalancerArn": arn, "Port": listener.port, "DefaultActions": [default],
            "Protocol": listener.protocol.as_deref().unwrap_or("HTTP"),
        });
        if let Some(certificates) = default_certificate(world, listener) {
            input["Certificates"] = certificates;
        }
        let answer = call(world, elbv2::OPERATIONS, "CreateListener", &input)?;
        let listener_arn = answer["Listeners"][0]["ListenerArn"].clone();
        further_certificates(world, listener, &listener_arn)?;
        for rule in &listener.rules {
            create_rule(world, rule, &listener_arn)?;
        }
    }
    Ok(())
}

/// The certificate that CreateListener takes.
fn default_certificate(world: &World, listener: &ListenerFile) -> Option<Value> {
    if listener.protocol.as_deref() != Some("HTTPS") {
        return None;
    }
    let named = listener.certificates.first().map_or(acm::USUAL, |n| n);
    Some(json!([{ "CertificateArn": acm::arn(&world.place, named) }]))
}

/// Those that a listener has beside its default one.
fn further_certificates(
    world: &mut World,
    listener: &ListenerFile,
    arn: &Value,
) -> Result<(), String> {
    for name in listener.certificates.iter().skip(1) {
        let certificate = acm::arn(&world.place, name);
        if !world.acm.certificates.contains_key(&certificate) {
            return Err(format!("no certificate is for `{name}`"));
        }
        let made = arn.as_str().and_then(|a| world.elbv2.listeners.get_mut(a));
        if let Some(made) = made {
            made.certificates.push(certificate);
        }
    }
    Ok(())
}

fn create_rule(world: &mut World, rule: &RuleFile, listener: &Value) -> Result<(), String> {
    let mut conditions = Vec::new();
    for (field, value) in [("host-header", &rule.host), ("path-pattern", &rule.path)] {
        conditions.extend(
            value
                .iter()
                .map(|v| json!({ "Field": field, "Values": [v] })),
        );
    }
    if let Some((name, value)) = rule.header.as_deref().and_then(|h| h.split_once(": ")) {
        conditions.push(json!({
            "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": name, "Values": [value] },
        }));
    }
    let mut groups = Vec::new();
    for (index, name) in rule.forward.iter().enumerate() {
        let weight = rule.weights.get(index).copied().unwrap_or(1);
        groups.push(json!({ "TargetGroupArn": target_group(world, name)?, "Weight": weight }));
    }
    let action = match &rule.fixed_response {
        Value::Null => json!({ "Type": "forward", "ForwardConfig": { "TargetGroups": groups } }),
        config => json!({ "Type": "fixed-response", "FixedResponseConfig": config }),
    };
    let mut input = json!({
        "ListenerArn": listener, "Priority": rule.priority, "Conditions": conditions, "Actions": [action],
    });
    if !rule.transforms.is_null() {
        input["Transforms"] = rule.transforms.clone();
    }
    if !rule.tags.is_empty() {
        input["Tags"] = tags(&rule.tags);
    }
    call(world, elbv2::OPERATIONS, "CreateRule", &input).map(drop)
}

/// A service's `advancedConfiguration`.
pub fn advanced(world: &World, file: &AlternateFile) -> Result<Value, String> {
    let role = format!(
        "arn:{}:iam::{}:role/ecsInfrastructureRoleForLoadBalancers",
        world.place.partition, world.place.account
    );
    let mut advanced = json!({
        "alternateTargetGroupArn": target_group(world, &file.target_group)?,
        "productionListenerRule": rule_at(world, &file.production_rule)?, "roleArn": role,
    });
    if let Some(test) = &file.test_rule {
        advanced["testListenerRule"] = json!(rule_at(world, test)?);
    }
    Ok(advanced)
}

/// The ARN of a rule, named by port and priority.
fn rule_at(world: &World, named: &str) -> Result<String, String> {
    let (port, priority) = match named.split_once(':') {
        Some((port, priority)) => (port, Some(priority)),
        None => (named, None),
    };
    let fits = |rule: &&elbv2::Rule| {
        let listener = world.elbv2.listeners.get(&rule.listener);
        listener.is_some_and(|l| l.port.to_string() == port)
            && rule.priority.map(|p| p.to_string()).as_deref() == priority
    };
    let found = world.elbv2.rules.values().find(fits);
    found
        .map(|rule| rule.arn.clone())
        .ok_or_else(|| format!("no listener rule is at `{named}`"))
}

/// As ELBv2 writes them.
pub fn tags(tags: &BTreeMap<String, String>) -> Value {
    let each = tags.iter();
    each.map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}
