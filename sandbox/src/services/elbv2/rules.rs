//! Listeners' rules as the control plane keeps them. Which rule a request meets is `routing`'s.

use serde_json::{Map, Value, json};

use super::{Rule, not_found, put_tags, quotas, required, resource, rule_members, transforms};
use crate::world::shapes::{boolean_in, elb_page, everything, list, number_in, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
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

pub(super) fn add_rule(
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
    let conditions = rule_members::conditions(list(input, "Conditions"))?;
    if list(input, "Conditions").is_empty() {
        return Err(ApiError::new(
            "ValidationError",
            "A condition must be specified",
        ));
    }
    let actions = rule_members::actions(world, list(input, "Actions"))?;
    let transforms = transforms::normal(list(input, "Transforms"))?;
    let balancer = balancer_of(world, &listener);
    quotas::rules(world, &balancer)?;
    quotas::target_groups(world, &balancer, None, &actions)?;
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

fn balancer_of(world: &World, listener: &str) -> String {
    let listener = world.elbv2.listeners.get(listener);
    listener.map_or_else(String::new, |l| l.load_balancer.clone())
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
    let Some(rule) = world.elbv2.rules.get(&arn) else {
        return Err(not_found(&arn));
    };
    if rule.priority.is_none() {
        return Err(ApiError::new(
            "OperationNotPermitted",
            format!("Default rule '{arn}' cannot be modified"),
        ));
    }
    let balancer = balancer_of(world, &rule.listener);
    let actions = list(input, "Actions");
    let actions = if actions.is_empty() {
        None
    } else {
        let actions = rule_members::actions(world, actions)?;
        quotas::target_groups(world, &balancer, Some(&arn), &actions)?;
        Some(actions)
    };
    let conditions = list(input, "Conditions");
    let conditions = if conditions.is_empty() {
        None
    } else {
        Some(rule_members::conditions(conditions)?)
    };
    let reset = boolean_in(input, "ResetTransforms").unwrap_or(false);
    let transforms = list(input, "Transforms");
    if reset && !transforms.is_empty() {
        return Err(ApiError::new(
            "ValidationError",
            "You cannot specify both Transforms and ResetTransforms",
        ));
    }
    let transforms = match transforms {
        [] => reset.then(|| json!([])),
        given => Some(transforms::normal(given)?),
    };
    if let Some(rule) = world.elbv2.rules.get_mut(&arn) {
        if let Some(actions) = actions {
            rule.actions = actions;
        }
        if let Some(conditions) = conditions {
            rule.conditions = conditions;
        }
        if let Some(transforms) = transforms {
            rule.transforms = transforms;
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
            world.elbv2.tags.remove(&arn);
            Ok(json!({}))
        }
    }
}
