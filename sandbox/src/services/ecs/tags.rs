//! Tags of ECS resources, kept by ARN beside the resources, in the order they were given.

use serde_json::{Value, json};

use super::service_settings::invalid;
use crate::world::shapes::{list, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "ecs",
        name: "TagResource",
        function: tag_resource,
        resources: tagged,
    },
    Operation {
        service: "ecs",
        name: "UntagResource",
        function: untag_resource,
        resources: tagged,
    },
    Operation {
        service: "ecs",
        name: "ListTagsForResource",
        function: list_tags_for_resource,
        resources: tagged,
    },
];

fn tagged(_: &World, input: &Value) -> Vec<String> {
    vec![text(input, "resourceArn").unwrap_or("*").to_owned()]
}

/// Sets tags from a list of `{key, value}`.
pub fn put(world: &mut World, arn: &str, tags: Option<&Value>) {
    let given = tags
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if given.is_empty() {
        return;
    }
    let kept = world.ecs.tags.entry(arn.to_owned()).or_default();
    for tag in given {
        let (key, value) = (
            text(tag, "key").unwrap_or_default(),
            text(tag, "value").unwrap_or_default(),
        );
        match kept.iter_mut().find(|(k, _)| k == key) {
            Some(found) => value.clone_into(&mut found.1),
            None => kept.push((key.to_owned(), value.to_owned())),
        }
    }
}

/// The tags of a resource as ECS lists them.
pub fn of(world: &World, arn: &str) -> Value {
    let tags = world
        .ecs
        .tags
        .get(arn)
        .map(Vec::as_slice)
        .unwrap_or_default();
    tags.iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

fn existing(world: &World, input: &Value) -> Result<String, ApiError> {
    let arn = text(input, "resourceArn").unwrap_or_default();
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let kind = resource.split('/').next().unwrap_or_default();
    if kind == "service" && resource.matches('/').count() == 1 {
        return Err(invalid(
            "Long arn format must be used for tagging operations",
        ));
    }
    let (known, code, message) = match kind {
        "cluster" => (
            world.ecs.clusters.values().any(|c| c.arn == arn),
            "ClusterNotFoundException",
            "Cluster not found.",
        ),
        "service" => (
            world
                .ecs
                .services
                .values()
                .any(|s| s.arn == arn && s.status != "INACTIVE"),
            // The tag operations declare no ServiceNotFoundException.
            "InvalidParameterException",
            "The specified service is not found. Specify a valid service ARN and try again.",
        ),
        "task" => (
            world.ecs.tasks.contains_key(arn),
            "InvalidParameterException",
            "The specified task is not found. Specify a valid task ARN and try again.",
        ),
        "task-definition" => (
            world.ecs.task_definition(arn).is_some_and(|d| d.arn == arn),
            "InvalidParameterException",
            "The specified task definition is not found. Specify a valid task definition ARN and try again.",
        ),
        _ => (false, "InvalidParameterException", "Invalid resource ARN."),
    };
    if known {
        Ok(arn.to_owned())
    } else {
        Err(ApiError::new(code, message))
    }
}

/// Lengths and alphabet of a tag (developer guide, "Tag restrictions").
fn check(tag: &Value) -> Result<(), ApiError> {
    let (key, value) = (
        text(tag, "key").unwrap_or_default(),
        text(tag, "value").unwrap_or_default(),
    );
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
    if key.is_empty() || key.chars().count() > 128 || !key.chars().all(allowed) {
        return Err(invalid(format!("Invalid tag key {key}.")));
    }
    if value.chars().count() > 256 || !value.chars().all(allowed) {
        return Err(invalid(format!(
            "Invalid value for the tag with key {key}."
        )));
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(invalid("Tag keys cannot start with aws:."));
    }
    Ok(())
}

fn tag_resource(world: &mut World, input: &Value) -> Answer {
    let arn = existing(world, input)?;
    if list(input, "tags").is_empty() {
        return Err(invalid("Tags can not be null or empty."));
    }
    list(input, "tags").iter().try_for_each(check)?;
    let new = list(input, "tags").iter().filter(|t| {
        let kept = world
            .ecs
            .tags
            .get(&arn)
            .map(Vec::as_slice)
            .unwrap_or_default();
        !kept.iter().any(|(k, _)| Some(k.as_str()) == text(t, "key"))
    });
    if new.count() + world.ecs.tags.get(&arn).map_or(0, Vec::len) > 50 {
        return Err(invalid("The maximum number of tags (50) was exceeded."));
    }
    put(world, &arn, input.get("tags"));
    Ok(json!({}))
}

fn untag_resource(world: &mut World, input: &Value) -> Answer {
    let arn = existing(world, input)?;
    let keys = texts(input, "tagKeys");
    if let Some(kept) = world.ecs.tags.get_mut(&arn) {
        kept.retain(|(key, _)| !keys.contains(key));
    }
    Ok(json!({}))
}

fn list_tags_for_resource(world: &mut World, input: &Value) -> Answer {
    let arn = existing(world, input)?;
    Ok(json!({ "tags": of(world, &arn) }))
}
