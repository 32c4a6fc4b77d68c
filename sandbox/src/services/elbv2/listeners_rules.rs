//! Listeners and their rules as the control plane keeps them. Which rule a request meets is `routing`'s.

use serde_json::{Map, Value, json};

pub use super::routing::{Route, route};
use super::{Listener, Rule, not_found, put_tags, required, resource};
use crate::world::shapes::{elb_page, everything, list, number_in, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "elasticloadbalancing",
        name: "CreateListener",
        function: create_listener,
        resources: |_, i| resource(i, "LoadBalancerArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeListeners",
        function: describe_listeners,
        resources: everything,
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DeleteListener",
        function: delete_listener,
        resources: |_, i| resource(i, "ListenerArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "CreateRule",
        function: create_rule,
        resources: |_, i| resource(i, "ListenerArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DescribeRules",
        function: describe_rules,
        resources: everything,
    },
    Operation {
        service: "elasticloadbalancing",
        name: "ModifyRule",
        function: modify_rule,
        resources: |_, i| resource(i, "RuleArn"),
    },
    Operation {
        service: "elasticloadbalancing",
        name: "DeleteRule",
        function: delete_rule,
        resources: |_, i| resource(i, "RuleArn"),
    },
];

/// Target groups and weights that a list of actions forwards to: the scalar form and the weighted one.
pub fn forwards_to(actions: &Value) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for action in actions
        .as_array()
        .into_iter()
        .flatten()
        .filter(|a| text(a, "Type") == Some("forward"))
    {
        let groups = action
            .get("ForwardConfig")
            .map(|c| list(c, "TargetGroups"))
            .unwrap_or_default();
        if groups.is_empty() {
            found.extend(text(action, "TargetGroupArn").map(|arn| (arn.to_owned(), 1)));
        }
        for group in groups {
            let weight = number_in(group, "Weight").unwrap_or(1);
            found.extend(text(group, "TargetGroupArn").map(|arn| (arn.to_owned(), weight)));
        }
    }
    found
}

/// Actions as ELBv2 keeps them: forwards in both forms where there is one group, weights as numbers.
fn normal_actions(world: &World, actions: &[Value]) -> Result<Value, ApiError> {
    if actions.is_empty() {
        return Err(ApiError::new(
            "ValidationError",
            "At least one action must be specified",
        ));
    }
    let mut kept = Vec::new();
    for action in actions {
        let mut action = action.as_object().cloned().unwrap_or_default();
        if let Some(order) = action.get("Order").and_then(crate::world::shapes::number) {
            action.insert("Order".to_owned(), json!(order));
        }
        if action.get("Type").is_some_and(|t| t == "forward") {
            let groups = forwards_to(&json!([action]));
            for (arn, _) in &groups {
                if !world.elbv2.target_groups.contains_key(arn) {
                    return Err(not_found(arn));
                }
            }
            if groups.len() > 5 {
                return Err(ApiError::new(
                    "TooManyTargetGroups",
                    "A rule can forward to at most 5 target groups",
                ));
            }
            let shown: Vec<Value> = groups
                .iter()
                .map(|(arn, weight)| json!({ "TargetGroupArn": arn, "Weight": weight }))
                .collect();
            let stickiness = action
                .get("ForwardConfig")
                .and_then(|c| c.get("TargetGroupStickinessConfig"))
                .cloned();
            let stickiness = stickiness.unwrap_or_else(|| json!({ "Enabled": false }));
            action.insert(
                "ForwardConfig".to_owned(),
                json!({ "TargetGroups": shown, "TargetGroupStickinessConfig": stickiness }),
            );
            match groups.as_slice() {
                [(only, _)] => action.insert("TargetGroupArn".to_owned(), json!(only)),
                _ => action.remove("TargetGroupArn"),
            };
        }
        kept.push(Value::Object(action));
    }
    Ok(Value::Array(kept))
}

/// Conditions as ELBv2 keeps them: host and path values in both forms.
fn normal_conditions(conditions: &[Value]) -> Result<Value, ApiError> {
    let mut kept = Vec::new();
    let mut wildcards_and_values = 0;
    for condition in conditions {
        let field = required(condition, "Field")?.to_owned();
        let mut condition = condition.as_object().cloned().unwrap_or_default();
        let config = match field.as_str() {
            "host-header" => Some("HostHeaderConfig"),
            "path-pattern" => Some("PathPatternConfig"),
            "http-header" | "query-string" | "source-ip" | "http-request-method" => None,
            other => {
                let message = format!(
                    "Condition field '{other}' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'"
                );
                return Err(ApiError::new("ValidationError", message));
            }
        };
        let values = super::routing::values_of(&Value::Object(condition.clone()));
        wildcards_and_values += values.len();
        if let Some(config) = config {
            if values.is_empty() {
                return Err(ApiError::new(
                    "ValidationError",
                    "A condition value must be specified",
                ));
            }
            condition.insert("Values".to_owned(), json!(values));
            condition.insert(config.to_owned(), json!({ "Values": values }));
        } else {
            condition.entry("Values").or_insert_with(|| json!([]));
        }
        kept.push(Value::Object(condition));
    }
    if wildcards_and_values > 5 {
        return Err(ApiError::new(
            "ValidationError",
            "Rules cannot have more than 5 condition values",
        ));
    }
    Ok(Value::Array(kept))
}

fn create_listener(world: &mut World, input: &Value) -> Answer {
    let balancer = required(input, "LoadBalancerArn")?.to_owned();
    if !world.elbv2.load_balancers.contains_key(&balancer) {
        return Err(not_found(&balancer));
    }
    let port = number_in(input, "Port")
        .ok_or_else(|| ApiError::new("ValidationError", "A listener port must be specified"))?;
    let port = port as u16;
    let actions = normal_actions(world, list(input, "DefaultActions"))?;
    let protocol = text(input, "Protocol").unwrap_or("HTTP").to_owned();
    let certificates = input
        .get("Certificates")
        .cloned()
        .unwrap_or_else(|| json!([]));
    let ssl_policy = text(input, "SslPolicy").map(str::to_owned);
    if let Some(there) = world
        .elbv2
        .listeners
        .values()
        .find(|l| l.load_balancer == balancer && l.port == port)
    {
        let default = describe_listener(world, &there.arn);
        let same = there.protocol == protocol
            && there.certificates == certificates
            && there.ssl_policy == ssl_policy
            && default["DefaultActions"] == actions;
        // The same again succeeds: CreateListener is idempotent.
        if same {
            return Ok(json!({ "Listeners": [default] }));
        }
        let message =
            format!("A listener already exists on this port for this load balancer '{balancer}'");
        return Err(ApiError::new("DuplicateListener", message));
    }
    let arn = format!(
        "{}/{}",
        balancer.replace(":loadbalancer/", ":listener/"),
        world.ids.hex(16)
    );
    put_tags(world, &arn, list(input, "Tags"));
    let listener = Listener {
        arn: arn.clone(),
        load_balancer: balancer,
        port,
        protocol,
        certificates,
        ssl_policy,
    };
    world.elbv2.listeners.insert(arn.clone(), listener);
    add_rule(world, &arn, None, json!([]), actions, json!([]));
    Ok(json!({ "Listeners": [describe_listener(world, &arn)] }))
}

fn add_rule(
    world: &mut World,
    listener: &str,
    priority: Option<u32>,
    conditions: Value,
    actions: Value,
    transforms: Value,
) -> String {
    let arn = format!(
        "{}/{}",
        listener.replace(":listener/", ":listener-rule/"),
        world.ids.hex(16)
    );
    let rule = Rule {
        arn: arn.clone(),
        listener: listener.to_owned(),
        priority,
        conditions,
        actions,
        transforms,
    };
    world.elbv2.rules.insert(arn.clone(), rule);
    arn
}

fn describe_listener(world: &World, arn: &str) -> Value {
    let Some(listener) = world.elbv2.listeners.get(arn) else {
        return Value::Null;
    };
    let default = world
        .elbv2
        .rules
        .values()
        .find(|r| r.listener == arn && r.priority.is_none());
    let mut shown = json!({
        "ListenerArn": listener.arn, "LoadBalancerArn": listener.load_balancer, "Port": listener.port,
        "Protocol": listener.protocol, "DefaultActions": default.map(|r| r.actions.clone()),
    });
    if listener.protocol == "HTTPS" {
        shown["Certificates"] = listener.certificates.clone();
        shown["SslPolicy"] = json!(
            listener
                .ssl_policy
                .as_deref()
                .unwrap_or("ELBSecurityPolicy-TLS13-1-2-2021-06")
        );
    }
    shown
}

fn describe_listeners(world: &mut World, input: &Value) -> Answer {
    let arns = texts(input, "ListenerArns");
    let listeners = &world.elbv2.listeners;
    let asked: Vec<&String> = if let Some(balancer) = text(input, "LoadBalancerArn") {
        if !world.elbv2.load_balancers.contains_key(balancer) {
            return Err(not_found(balancer));
        }
        listeners
            .values()
            .filter(|l| l.load_balancer == balancer)
            .map(|l| &l.arn)
            .collect()
    } else if arns.is_empty() {
        return Err(ApiError::new(
            "ValidationError",
            "You must specify either listener ARNs or a load balancer ARN",
        ));
    } else {
        arns.iter().collect()
    };
    if let Some(missing) = asked.iter().find(|a| !listeners.contains_key(**a)) {
        return Err(not_found(missing));
    }
    let shown = asked
        .iter()
        .map(|arn| describe_listener(world, arn))
        .collect();
    elb_page(shown, "Listeners", input)
}

pub fn remove_listener(world: &mut World, arn: &str) {
    world.elbv2.listeners.remove(arn);
    world.elbv2.rules.retain(|_, rule| rule.listener != arn);
}

fn delete_listener(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "ListenerArn")?.to_owned();
    if !world.elbv2.listeners.contains_key(&arn) {
        return Err(not_found(&arn));
    }
    remove_listener(world, &arn);
    Ok(json!({}))
}

fn create_rule(world: &mut World, input: &Value) -> Answer {
    let listener = required(input, "ListenerArn")?.to_owned();
    if !world.elbv2.listeners.contains_key(&listener) {
        return Err(not_found(&listener));
    }
    let priority = number_in(input, "Priority").filter(|p| (1..=50_000).contains(p));
    let Some(priority) = priority.map(|p| p as u32) else {
        return Err(ApiError::new(
            "ValidationError",
            "Priority must be between 1 and 50000",
        ));
    };
    if world
        .elbv2
        .rules
        .values()
        .any(|r| r.listener == listener && r.priority == Some(priority))
    {
        return Err(ApiError::new(
            "PriorityInUse",
            format!("Priority '{priority}' is currently in use"),
        ));
    }
    let conditions = normal_conditions(list(input, "Conditions"))?;
    if list(input, "Conditions").is_empty() {
        return Err(ApiError::new(
            "ValidationError",
            "A condition must be specified",
        ));
    }
    let actions = normal_actions(world, list(input, "Actions"))?;
    let transforms = input
        .get("Transforms")
        .cloned()
        .unwrap_or_else(|| json!([]));
    let arn = add_rule(
        world,
        &listener,
        Some(priority),
        conditions,
        actions,
        transforms,
    );
    put_tags(world, &arn, list(input, "Tags"));
    Ok(json!({ "Rules": [describe_rule(world, &arn)] }))
}

fn describe_rule(world: &World, arn: &str) -> Value {
    let Some(rule) = world.elbv2.rules.get(arn) else {
        return Value::Null;
    };
    let mut shown = Map::new();
    shown.insert("RuleArn".to_owned(), json!(rule.arn));
    shown.insert(
        "Priority".to_owned(),
        json!(
            rule.priority
                .map_or_else(|| "default".to_owned(), |p| p.to_string())
        ),
    );
    shown.insert("Conditions".to_owned(), rule.conditions.clone());
    shown.insert("Actions".to_owned(), rule.actions.clone());
    shown.insert("IsDefault".to_owned(), json!(rule.priority.is_none()));
    if rule.transforms.as_array().is_some_and(|t| !t.is_empty()) {
        shown.insert("Transforms".to_owned(), rule.transforms.clone());
    }
    Value::Object(shown)
}

fn describe_rules(world: &mut World, input: &Value) -> Answer {
    let arns = texts(input, "RuleArns");
    let rules = &world.elbv2.rules;
    let mut asked: Vec<&Rule> = if let Some(listener) = text(input, "ListenerArn") {
        if !world.elbv2.listeners.contains_key(listener) {
            return Err(not_found(listener));
        }
        rules.values().filter(|r| r.listener == listener).collect()
    } else if arns.is_empty() {
        return Err(ApiError::new(
            "ValidationError",
            "You must specify either listener rule ARNs or a listener ARN",
        ));
    } else {
        if let Some(missing) = arns.iter().find(|a| !rules.contains_key(*a)) {
            return Err(not_found(missing));
        }
        rules.values().filter(|r| arns.contains(&r.arn)).collect()
    };
    asked.sort_by_key(|r| r.priority.unwrap_or(u32::MAX));
    let shown = asked.iter().map(|r| describe_rule(world, &r.arn)).collect();
    elb_page(shown, "Rules", input)
}

fn modify_rule(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "RuleArn")?.to_owned();
    if !world.elbv2.rules.contains_key(&arn) {
        return Err(not_found(&arn));
    }
    let actions = list(input, "Actions");
    let actions = if actions.is_empty() {
        None
    } else {
        Some(normal_actions(world, actions)?)
    };
    let conditions = list(input, "Conditions");
    let conditions = if conditions.is_empty() {
        None
    } else {
        Some(normal_conditions(conditions)?)
    };
    if let Some(rule) = world.elbv2.rules.get_mut(&arn) {
        if let Some(actions) = actions {
            rule.actions = actions;
        }
        if let Some(conditions) = conditions {
            rule.conditions = conditions;
        }
        if let Some(transforms) = input.get("Transforms") {
            rule.transforms = transforms.clone();
        }
    }
    Ok(json!({ "Rules": [describe_rule(world, &arn)] }))
}

fn delete_rule(world: &mut World, input: &Value) -> Answer {
    let arn = required(input, "RuleArn")?.to_owned();
    match world.elbv2.rules.get(&arn).map(|r| r.priority) {
        None => Err(not_found(&arn)),
        Some(None) => Err(ApiError::new(
            "OperationNotPermitted",
            format!("Default rule '{arn}' cannot be deleted"),
        )),
        Some(Some(_)) => {
            world.elbv2.rules.remove(&arn);
            Ok(json!({}))
        }
    }
}
