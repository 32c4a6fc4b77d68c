//! Application Auto Scaling, for the desired counts of ECS services alone: its state and the table of its operations.
//! Does not know when a count is moved: that is `adjusting`.

pub mod adjusting;
mod policies;
mod schedule;
mod scheduled_actions;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::services::ecs::ServiceKey;
use crate::world::shapes::{number_in, page, text};
use crate::world::{Answer, ApiError, Operation, World, joined, rows};
use schedule::Schedule;

pub const NAMESPACE: &str = "ecs";
pub const DIMENSION: &str = "ecs:service:DesiredCount";

/// Every operation of this service.
pub const OPERATIONS: &[Operation] = &joined::<{ rows(TABLES) }>(TABLES);

const TABLES: &[&[Operation]] = &[
    targets::OPERATIONS,
    policies::OPERATIONS,
    scheduled_actions::OPERATIONS,
];

#[derive(Default)]
pub struct Autoscaling {
    pub targets: BTreeMap<ServiceKey, ScalableTarget>,
    /// Oldest first.
    pub activities: Vec<Activity>,
}

pub struct ScalableTarget {
    pub id: String,
    pub min: u64,
    pub max: u64,
    pub suspended: Suspended,
    pub created_at: SystemTime,
    pub policies: BTreeMap<String, Policy>,
    pub scheduled_actions: BTreeMap<String, ScheduledAction>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspended {
    pub dynamic_in: bool,
    pub dynamic_out: bool,
    pub scheduled: bool,
}

pub struct Policy {
    pub arn: String,
    pub policy_type: String,
    /// The configuration's member and its value, as given.
    pub configuration: (&'static str, Value),
    /// Name and ARN.
    pub alarms: Vec<(String, String)>,
    pub created_at: SystemTime,
}

pub struct ScheduledAction {
    pub arn: String,
    pub schedule: Schedule,
    /// `ScalableTargetAction`.
    pub min: Option<u64>,
    pub max: Option<u64>,
    pub start: Option<SystemTime>,
    pub end: Option<SystemTime>,
    pub created_at: SystemTime,
    /// Raised when the action changes: times planned before are void.
    pub generation: u32,
}

/// A movement of a desired count by Application Auto Scaling.
pub struct Activity {
    pub id: String,
    pub key: ServiceKey,
    pub desired: u64,
    pub cause: String,
    pub at: SystemTime,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

pub fn resource_id(key: &ServiceKey) -> String {
    format!("service/{}/{}", key.0, key.1)
}

fn target_arn(world: &World, id: &str) -> String {
    let place = &world.place;
    format!(
        "arn:{}:application-autoscaling:{}:{}:scalable-target/{id}",
        place.partition, place.region, place.account
    )
}

/// A new ARN of the older nouns, which are named as EC2's autoscaling names its own.
fn old_arn(world: &mut World, key: &ServiceKey, kind: &str, named: &str) -> String {
    let id = world.ids.uuid();
    let place = &world.place;
    format!(
        "arn:{}:autoscaling:{}:{}:{kind}:{id}:resource/{NAMESPACE}/{}:{named}",
        place.partition,
        place.region,
        place.account,
        resource_id(key)
    )
}

/// `service/CLUSTER/NAME`.
fn key_of(resource_id: &str) -> Option<ServiceKey> {
    match resource_id.split('/').collect::<Vec<_>>()[..] {
        ["service", cluster, name] => Some((cluster.to_owned(), name.to_owned())),
        _ => None,
    }
}

/// The namespace, which every operation must name. Others than ECS's hold nothing here.
fn namespace(input: &Value) -> Result<&str, ApiError> {
    text(input, "ServiceNamespace").ok_or_else(|| invalid("Service namespace cannot be empty"))
}

/// The service whose desired count an operation is about.
fn named(input: &Value) -> Result<ServiceKey, ApiError> {
    let (namespace, dimension) = (namespace(input)?, text(input, "ScalableDimension"));
    if namespace != NAMESPACE || dimension != Some(DIMENSION) {
        return Err(invalid(format!(
            "Unsupported service namespace, resource type or scalable dimension: {namespace}, {}",
            dimension.unwrap_or("null")
        )));
    }
    let resource = text(input, "ResourceId").unwrap_or_default();
    key_of(resource).ok_or_else(|| invalid(format!("Invalid resource ID: {resource}")))
}

/// The registered target of that service.
fn registered(world: &World, input: &Value) -> Result<ServiceKey, ApiError> {
    let key = named(input)?;
    match world.autoscaling.targets.contains_key(&key) {
        true => Ok(key),
        false => Err(ApiError::new(
            "ObjectNotFoundException",
            format!(
                "No scalable target registered for service namespace: {NAMESPACE}, resource ID: {}, scalable dimension: {DIMENSION}",
                resource_id(&key)
            ),
        )),
    }
}

/// Whether a Describe operation asks for this service: it may name a resource, and a dimension with it.
fn asked_for(input: &Value, key: &ServiceKey) -> bool {
    text(input, "ServiceNamespace") == Some(NAMESPACE)
        && text(input, "ScalableDimension").is_none_or(|d| d == DIMENSION)
        && text(input, "ResourceId").is_none_or(|r| r == resource_id(key))
}

/// A page of at most `most`, which is also what comes unasked.
fn listed(items: Vec<Value>, member: &str, input: &Value, most: usize) -> Answer {
    namespace(input)?;
    let size = number_in(input, "MaxResults").map_or(most, |n| n as usize);
    if size == 0 || size > most {
        return Err(invalid(format!(
            "MaxResults must be between 1 and {most}, inclusive"
        )));
    }
    let token = ("NextToken", text(input, "NextToken"));
    page(items, member, token, "NextToken", size)
        .map_err(|e| ApiError::new("InvalidNextTokenException", e.message))
}

/// What every noun here is identified by.
fn identified(key: &ServiceKey) -> Map<String, Value> {
    let members = json!({
        "ServiceNamespace": NAMESPACE, "ResourceId": resource_id(key), "ScalableDimension": DIMENSION,
    });
    members.as_object().cloned().unwrap_or_default()
}

/// For policies: the target's ARN, or any where there is none yet.
fn target_resource(world: &World, input: &Value) -> Vec<String> {
    let target = text(input, "ResourceId")
        .and_then(key_of)
        .and_then(|key| world.autoscaling.targets.get(&key));
    vec![target_arn(world, target.map_or("*", |t| t.id.as_str()))]
}
