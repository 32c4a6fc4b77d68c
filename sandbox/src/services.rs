//! The services' operations, a row each. A service is a folder or file here; the table joins them.

pub mod acm;
pub mod autoscaling;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod github;
pub mod iam;
pub mod logs;
pub mod ssm;
pub mod sts;

use serde_json::{Value, json};

use crate::iam::Principal;
use crate::iam::policy::Context;
use crate::wire::{Decoded, Protocol, query};
use crate::world::{Answer, ApiError, Operation, World};

/// Every operation of AWS that this world answers.
pub fn table() -> impl Iterator<Item = &'static Operation> {
    [
        acm::OPERATIONS,
        autoscaling::OPERATIONS,
        ecs::OPERATIONS,
        elbv2::OPERATIONS,
        ecr::OPERATIONS,
        iam::OPERATIONS,
        logs::OPERATIONS,
        ssm::OPERATIONS,
        sts::OPERATIONS,
    ]
    .into_iter()
    .flatten()
}

pub fn find(service: &str, name: &str) -> Option<&'static Operation> {
    table().find(|operation| operation.service == service && operation.name == name)
}

/// The row of a decoded request; AWS's error where there is none.
pub fn operation(decoded: &Decoded) -> Result<&'static Operation, ApiError> {
    find(decoded.service, &decoded.operation).ok_or_else(|| match decoded.protocol {
        Protocol::Json11 => ApiError::new(
            "UnknownOperationException",
            format!(
                "{} has no operation {} here",
                decoded.service, decoded.operation
            ),
        ),
        Protocol::Query => {
            query::unknown_action(&decoded.operation, query::version(decoded.service))
        }
    })
}

/// Answers one call of a caller whose signature was right: its policies first, then the operation.
pub fn handle(
    world: &mut World,
    operation: &Operation,
    protocol: Protocol,
    caller: &Principal,
    input: &Value,
) -> Answer {
    // STS asks the trust policy for AssumeRoleWithWebIdentity, and no policy at all for GetCallerIdentity.
    if operation.service != "sts" {
        authorise(world, operation, protocol, caller, input)?;
    }
    world.iam.caller = caller.clone();
    (operation.function)(world, input)
}

fn authorise(
    world: &mut World,
    operation: &Operation,
    protocol: Protocol,
    caller: &Principal,
    input: &Value,
) -> Result<(), ApiError> {
    let action = format!("{}:{}", operation.service, operation.name);
    let resources = (operation.resources)(world, input);
    let mut context = context(world, caller, input);
    let by_tags = world.iam.asks_for_tags(caller);
    for resource in &resources {
        if by_tags {
            // Only one resource's tags can be in the context at a time.
            context.retain(|key, _| !key.contains(":ResourceTag/"));
            for (key, value) in resource_tags(world, operation.service, resource) {
                context.insert(format!("aws:ResourceTag/{key}"), vec![value.clone()]);
                context.insert(
                    format!("{}:ResourceTag/{key}", operation.service),
                    vec![value],
                );
            }
        }
        world.iam.authorise(
            caller,
            protocol,
            &action,
            std::slice::from_ref(resource),
            &context,
        )?;
        if let Some((tagging, made)) = tagging_on_creation(operation, resource, input) {
            let mut context = context.clone();
            context.insert(
                format!("{}:CreateAction", operation.service),
                vec![operation.name.to_owned()],
            );
            world
                .iam
                .authorise(caller, protocol, tagging, &[made], &context)?;
        }
    }
    if operation.service == "ecs" {
        pass_roles(world, protocol, caller, input)?;
    }
    Ok(())
}

/// Tags that are given with a new resource are an action of their own, on what is made.
fn tagging_on_creation(
    operation: &Operation,
    resource: &str,
    input: &Value,
) -> Option<(&'static str, String)> {
    let has_tags = ["tags", "Tags"]
        .iter()
        .any(|member| input[*member].as_array().is_some_and(|t| !t.is_empty()));
    let creates = ["Create", "Register", "RunTask"]
        .iter()
        .any(|verb| operation.name.starts_with(verb));
    if !has_tags || !creates {
        return None;
    }
    // A rule is made of a listener, a listener of a load balancer.
    let below = |from: &str, to: &str| format!("{}/*", resource.replace(from, to));
    let made = match operation.name {
        "CreateRule" => below(":listener/", ":listener-rule/"),
        "CreateListener" => below(":loadbalancer/", ":listener/"),
        _ => resource.to_owned(),
    };
    match operation.service {
        "ecs" => Some(("ecs:TagResource", made)),
        "elasticloadbalancing" => Some(("elasticloadbalancing:AddTags", made)),
        _ => None,
    }
}

/// Handing a role to ECS is an action of its own.
fn pass_roles(
    world: &World,
    protocol: Protocol,
    caller: &Principal,
    input: &Value,
) -> Result<(), ApiError> {
    let context = Context::from([(
        "iam:PassedToService".to_owned(),
        vec!["ecs-tasks.amazonaws.com".to_owned()],
    )]);
    let place = &world.place;
    for role in [&input["taskRoleArn"], &input["executionRoleArn"]]
        .into_iter()
        .filter_map(Value::as_str)
        .filter(|role| !role.is_empty())
    {
        // A task definition may name a role without its ARN.
        let arn = if role.starts_with("arn:") {
            role.to_owned()
        } else {
            format!("arn:{}:iam::{}:role/{role}", place.partition, place.account)
        };
        world
            .iam
            .authorise(caller, protocol, "iam:PassRole", &[arn], &context)?;
    }
    Ok(())
}

/// The condition keys that follow from the request itself.
fn context(world: &World, caller: &Principal, input: &Value) -> Context {
    let place = &world.place;
    let mut context = Context::from([
        ("aws:RequestedRegion".to_owned(), vec![place.region.clone()]),
        ("aws:PrincipalArn".to_owned(), vec![caller.arn.clone()]),
    ]);
    let ecs_arn = |kind: &str, name: &str| {
        if name.starts_with("arn:") {
            name.to_owned()
        } else {
            format!(
                "arn:{}:ecs:{}:{}:{kind}/{name}",
                place.partition, place.region, place.account
            )
        }
    };
    if let Some(cluster) = input["cluster"].as_str() {
        context.insert("ecs:cluster".to_owned(), vec![ecs_arn("cluster", cluster)]);
        if let Some(service) = input["service"].as_str().or(input["serviceName"].as_str()) {
            let short = cluster.rsplit('/').next().unwrap_or(cluster);
            context.insert(
                "ecs:service".to_owned(),
                vec![ecs_arn(
                    "service",
                    &if service.starts_with("arn:") {
                        service.to_owned()
                    } else {
                        format!("{short}/{service}")
                    },
                )],
            );
        }
    }
    if let Some(definition) = input["taskDefinition"].as_str() {
        context.insert(
            "ecs:task-definition".to_owned(),
            vec![ecs_arn("task-definition", definition)],
        );
    }
    for (member, key) in [
        (
            "ServiceNamespace",
            "application-autoscaling:service-namespace",
        ),
        (
            "ScalableDimension",
            "application-autoscaling:scalable-dimension",
        ),
    ] {
        if let Some(value) = input[member].as_str() {
            context.insert(key.to_owned(), vec![value.to_owned()]);
        }
    }
    let untagged = ["tagKeys", "TagKeys"]
        .iter()
        .filter_map(|m| input[*m].as_array());
    for key in untagged.flatten().filter_map(Value::as_str) {
        let keys = context.entry("aws:TagKeys".to_owned()).or_default();
        keys.push(key.to_owned());
    }
    let tags = ["tags", "Tags"]
        .iter()
        .filter_map(|member| input[*member].as_array())
        .flatten();
    for tag in tags {
        let text = |lower: &str, upper: &str| {
            tag[lower]
                .as_str()
                .or(tag[upper].as_str())
                .unwrap_or_default()
                .to_owned()
        };
        context.insert(
            format!("aws:RequestTag/{}", text("key", "Key")),
            vec![text("value", "Value")],
        );
        context
            .entry("aws:TagKeys".to_owned())
            .or_default()
            .push(text("key", "Key"));
    }
    context
}

/// The tags a resource has now, asked of its own service.
fn resource_tags(world: &mut World, service: &str, resource: &str) -> Vec<(String, String)> {
    if resource.contains('*') {
        return Vec::new();
    }
    let asked = match service {
        "elasticloadbalancing" => find(service, "DescribeTags")
            .map(|tags| (tags.function)(world, &json!({"ResourceArns": [resource]}))),
        _ => find(service, "ListTagsForResource")
            .map(|tags| (tags.function)(world, &json!({"resourceArn": resource}))),
    };
    let Some(Ok(answer)) = asked else {
        return Vec::new();
    };
    let tags = answer["tags"]
        .as_array()
        .or_else(|| answer["TagDescriptions"][0]["Tags"].as_array());
    let text = |tag: &Value, lower: &str, upper: &str| {
        tag[lower]
            .as_str()
            .or(tag[upper].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    tags.into_iter()
        .flatten()
        .map(|tag| (text(tag, "key", "Key"), text(tag, "value", "Value")))
        .collect()
}
