//! ECS: its state, the table of its operations, and how names and ARNs are resolved.
//! Does not know how services change over time: that is `world::{scheduler, rollout, lifecycle}`.

pub mod clusters;
pub mod nouns;
pub mod service_deployments;
pub mod service_settings;
pub mod services;
pub mod tags;
pub mod task_definitions;
mod task_sets;
pub mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::world::shapes::{last_segment, text};
use crate::world::{ApiError, Operation, World, joined, rows};
pub use nouns::*;

/// A cluster's name and a service's.
pub type ServiceKey = (String, String);

pub struct Ecs {
    pub clusters: BTreeMap<String, Cluster>,
    /// Of all clusters, in the order in which they came.
    pub instances: Vec<crate::world::placement::Instance>,
    /// By family, revisions in order from 1.
    pub families: BTreeMap<String, Vec<TaskDefinition>>,
    pub services: BTreeMap<ServiceKey, Service>,
    /// By ARN.
    pub tasks: BTreeMap<String, Task>,
    /// By the ARN of what is tagged.
    pub tags: BTreeMap<String, Vec<(String, String)>>,
    /// Where the port of a task's made-up address can be reached on this machine.
    pub reachable: BTreeMap<(String, u16), SocketAddr>,
    /// CloudWatch alarms: in ALARM or not.
    pub alarms: BTreeMap<String, bool>,
    /// False: service deployments and revisions answer as in an emulator that has none.
    pub service_deployments_available: bool,
    pub tasks_started: u64,
}

impl Default for Ecs {
    fn default() -> Ecs {
        Ecs {
            clusters: BTreeMap::new(),
            instances: Vec::new(),
            families: BTreeMap::new(),
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            tags: BTreeMap::new(),
            reachable: BTreeMap::new(),
            alarms: BTreeMap::new(),
            service_deployments_available: true,
            tasks_started: 0,
        }
    }
}

impl Ecs {
    /// A service's tasks, oldest first.
    pub fn tasks_of<'a>(&'a self, key: &'a ServiceKey) -> impl Iterator<Item = &'a Task> {
        // The ARN begins with the cluster's: in a fleet, a look at a service need not see all tasks.
        let cluster = self.clusters.get(&key.0).map(|c| c.arn.as_str());
        let prefix = cluster
            .unwrap_or_default()
            .replacen(":cluster/", ":task/", 1)
            + "/";
        let mut tasks: Vec<&Task> = self
            .tasks
            .range(prefix.clone()..)
            .take_while(|(arn, _)| arn.starts_with(&prefix))
            .map(|(_, task)| task)
            .filter(|t| t.service.as_ref() == Some(key))
            .collect();
        tasks.sort_by_key(|t| t.number);
        tasks.into_iter()
    }

    /// `family`, `family:revision` or ARN; a bare family is its latest ACTIVE revision.
    pub fn task_definition(&self, name: &str) -> Option<&TaskDefinition> {
        let (family, revision) = split_revision(last_segment(name));
        let revisions = self.families.get(family)?;
        match revision {
            Some(revision) => revisions.iter().find(|d| d.revision == revision),
            None => revisions.iter().rev().find(|d| d.active),
        }
    }
}

/// `web:7` → (`web`, 7).
pub fn split_revision(name: &str) -> (&str, Option<u64>) {
    match name.rsplit_once(':') {
        Some((family, revision)) if revision.parse::<u64>().is_ok() => {
            (family, revision.parse().ok())
        }
        _ => (name, None),
    }
}

/// The cluster an input names; `default` when it names none.
pub fn cluster_in(world: &World, input: &Value) -> Result<String, ApiError> {
    let name = last_segment(text(input, "cluster").unwrap_or("default"));
    match world.ecs.clusters.get(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err(ApiError::new(
            "ClusterNotFoundException",
            "Cluster not found.",
        )),
    }
}

/// Cluster and name of the service that `member` names; a full ARN brings its cluster along.
pub fn service_key(world: &World, input: &Value, member: &str) -> Result<ServiceKey, ApiError> {
    let named = text(input, member).unwrap_or_default();
    if named.is_empty() {
        return Err(ApiError::new(
            "InvalidParameterException",
            "Service name cannot be empty.",
        ));
    }
    let cluster = match (
        text(input, "cluster"),
        named.split('/').collect::<Vec<_>>().as_slice(),
    ) {
        (None, [_, cluster, _]) => (*cluster).to_owned(),
        _ => cluster_in(world, input)?,
    };
    Ok((cluster, last_segment(named).to_owned()))
}

/// The service that `member` names, or ECS's word for its absence.
pub fn existing_service(
    world: &World,
    input: &Value,
    member: &str,
) -> Result<ServiceKey, ApiError> {
    let key = service_key(world, input, member)?;
    match world.ecs.services.get(&key) {
        Some(_) => Ok(key),
        None => Err(ApiError::new(
            "ServiceNotFoundException",
            "Service not found.",
        )),
    }
}

/// The ARN of the service that an input names, for policies.
pub fn service_resource(world: &World, input: &Value, member: &str) -> Vec<String> {
    let named = text(input, member).unwrap_or("*");
    if named.starts_with("arn:") {
        return vec![named.to_owned()];
    }
    let cluster = last_segment(text(input, "cluster").unwrap_or("default"));
    vec![crate::world::shapes::ecs_arn(
        world,
        &format!("service/{cluster}/{named}"),
    )]
}

/// The ARNs that `member` lists, for policies.
pub fn listed_resources(input: &Value, member: &str) -> Vec<String> {
    let listed = crate::world::shapes::texts(input, member);
    if listed.is_empty() {
        vec!["*".to_owned()]
    } else {
        listed
    }
}

/// Every operation of this service.
pub const OPERATIONS: &[Operation] = &joined::<{ rows(TABLES) }>(TABLES);

const TABLES: &[&[Operation]] = &[
    clusters::OPERATIONS,
    task_definitions::OPERATIONS,
    services::OPERATIONS,
    tasks::OPERATIONS,
    service_deployments::OPERATIONS,
    tags::OPERATIONS,
];
