//! What ECS adds to a service's settings, and what it refuses of them.

use serde_json::{Map, Value, json};

use crate::world::shapes::{list, number_in, text};
use crate::world::{ApiError, World};

pub fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

pub fn defaults(members: &mut Map<String, Value>) {
    if !members.contains_key("capacityProviderStrategy") {
        members.entry("launchType").or_insert_with(|| json!("EC2"));
    }
    let fargate = members.get("launchType").is_some_and(|l| l == "FARGATE")
        || members.contains_key("capacityProviderStrategy");
    if fargate {
        members
            .entry("platformVersion")
            .or_insert_with(|| json!("LATEST"));
        members
            .entry("platformFamily")
            .or_insert_with(|| json!("Linux"));
    }
    for member in [
        "loadBalancers",
        "serviceRegistries",
        "placementConstraints",
        "placementStrategy",
    ] {
        members.entry(member).or_insert_with(|| json!([]));
    }
    members
        .entry("schedulingStrategy")
        .or_insert_with(|| json!("REPLICA"));
    members
        .entry("deploymentController")
        .or_insert_with(|| json!({ "type": "ECS" }));
    members
        .entry("enableECSManagedTags")
        .or_insert(json!(false));
    members
        .entry("propagateTags")
        .or_insert_with(|| json!("NONE"));
    members
        .entry("enableExecuteCommand")
        .or_insert(json!(false));
    members
        .entry("availabilityZoneRebalancing")
        .or_insert_with(|| json!("ENABLED"));
    if members
        .get("loadBalancers")
        .and_then(Value::as_array)
        .is_some_and(|l| !l.is_empty())
    {
        members
            .entry("healthCheckGracePeriodSeconds")
            .or_insert(json!(0));
    }
    members
        .entry("deploymentConfiguration")
        .or_insert_with(|| json!({}));
    if let Some(configuration) = members
        .get_mut("deploymentConfiguration")
        .and_then(Value::as_object_mut)
    {
        configuration
            .entry("deploymentCircuitBreaker")
            .or_insert_with(|| json!({ "enable": false, "rollback": false }));
        configuration.entry("maximumPercent").or_insert(json!(200));
        configuration
            .entry("minimumHealthyPercent")
            .or_insert(json!(100));
        configuration
            .entry("strategy")
            .or_insert_with(|| json!("ROLLING"));
        configuration.entry("bakeTimeInMinutes").or_insert(json!(0));
    }
}

pub fn active_definition(world: &World, named: &str) -> Result<String, ApiError> {
    let found = world
        .ecs
        .task_definition(named)
        .filter(|d| !named.starts_with("arn:") || d.arn == named);
    match found {
        None => Err(ApiError::new(
            "ClientException",
            "TaskDefinition not found.",
        )),
        Some(found) if !found.active => Err(ApiError::new(
            "ClientException",
            "TaskDefinition is inactive",
        )),
        Some(found) => Ok(found.arn.clone()),
    }
}

/// What ECS refuses about a service's settings together with its task definition.
pub fn check(
    world: &World,
    cluster: &str,
    members: &Map<String, Value>,
    definition: &str,
) -> Result<(), ApiError> {
    let Some(definition) = world.ecs.task_definition(definition) else {
        return Ok(());
    };
    let strategy = members
        .get("capacityProviderStrategy")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let of_cluster = world
        .ecs
        .clusters
        .get(cluster)
        .and_then(|c| c.members.get("capacityProviders")?.as_array())
        .map(Vec::as_slice)
        .unwrap_or_default();
    if strategy.iter().any(|s| {
        !s.get("capacityProvider")
            .is_some_and(|p| of_cluster.contains(p))
    }) {
        return Err(invalid(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. \
             Associate the capacity provider with the cluster or specify a valid capacity provider and try again.",
        ));
    }
    let fargate = members.get("launchType").is_some_and(|l| l == "FARGATE");
    let supports = list(&definition.document, "compatibilities")
        .iter()
        .any(|c| c == "FARGATE");
    if fargate && !supports {
        return Err(invalid(
            "Task definition does not support launch_type FARGATE.",
        ));
    }
    let network = members
        .get("networkConfiguration")
        .and_then(|n| n.get("awsvpcConfiguration"));
    if definition.awsvpc() && network.is_none() {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    }
    for entry in members
        .get("loadBalancers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let container = text(entry, "containerName").unwrap_or_default();
        let port = number_in(entry, "containerPort").unwrap_or_default();
        let found = definition
            .containers()
            .iter()
            .find(|c| text(c, "name") == Some(container));
        let Some(found) = found else {
            return Err(invalid(format!(
                "The container {container} does not exist in the task definition."
            )));
        };
        if !list(found, "portMappings")
            .iter()
            .any(|p| number_in(p, "containerPort") == Some(port))
        {
            return Err(invalid(format!(
                "The container {container} did not have a container port {port} defined."
            )));
        }
        let arn = text(entry, "targetGroupArn").unwrap_or_default();
        let Some(group) = world.elbv2.target_groups.get(arn) else {
            return Err(invalid(format!(
                "The target group with targetGroupArn {arn} does not exist."
            )));
        };
        if definition.awsvpc() && group.target_type != "ip" {
            return Err(invalid(format!(
                "The provided target group {arn} has target type {}, which is incompatible with the awsvpc network mode specified in the task definition.",
                group.target_type
            )));
        }
        if !world.elbv2.in_use(arn) {
            return Err(invalid(format!(
                "The target group with targetGroupArn {arn} does not have an associated load balancer."
            )));
        }
    }
    crate::world::strategies::traffic::check(world, members).map_err(invalid)?;
    let configuration = members.get("deploymentConfiguration");
    let percent = |member| configuration.and_then(|c| number_in(c, member));
    if let (Some(least), Some(most)) = (percent("minimumHealthyPercent"), percent("maximumPercent"))
        && most <= least.min(100)
        && most < 100
    {
        return Err(invalid(
            "maximumPercent must be greater than or equal to 100.",
        ));
    }
    Ok(())
}
