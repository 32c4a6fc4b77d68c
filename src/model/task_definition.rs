//! A task definition is a document, not a struct: raw JSON in member order, so that a member which ECS adds tomorrow
//! survives today's binary, numbers as written. This file knows the few members Shipway reads or writes.

use serde_json::{Map, Value};

use super::image::Platform;

/// Members that DescribeTaskDefinition answers and RegisterTaskDefinition refuses.
pub const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

#[derive(Clone, Debug, PartialEq)]
pub struct TaskDefinition {
    /// The document as it was read, read-only members included.
    pub document: Map<String, Value>,
    /// As DescribeTaskDefinition answers them beside the document (include TAGS).
    pub tags: Vec<(String, String)>,
}

impl TaskDefinition {
    pub fn arn(&self) -> Option<&str> {
        self.document.get("taskDefinitionArn")?.as_str()
    }

    pub fn family(&self) -> Option<&str> {
        self.document.get("family")?.as_str()
    }

    pub fn is_active(&self) -> bool {
        self.document
            .get("status")
            .and_then(Value::as_str)
            .is_none_or(|s| s == "ACTIVE")
    }

    pub fn containers(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.document
            .get("containerDefinitions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
    }

    pub fn container(&self, name: &str) -> Option<&Map<String, Value>> {
        self.containers()
            .find(|c| c.get("name").and_then(Value::as_str) == Some(name))
    }

    pub fn container_mut(&mut self, name: &str) -> Option<&mut Map<String, Value>> {
        let containers = self
            .document
            .get_mut("containerDefinitions")?
            .as_array_mut()?;
        containers
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .find(|c| c.get("name").and_then(Value::as_str) == Some(name))
    }

    pub fn container_names(&self) -> Vec<&str> {
        self.containers()
            .filter_map(|c| c.get("name").and_then(Value::as_str))
            .collect()
    }

    /// Containers whose `essential` is true or left out (ECS's default).
    pub fn essential_containers(&self) -> Vec<&str> {
        self.containers()
            .filter(|c| c.get("essential").and_then(Value::as_bool).unwrap_or(true))
            .filter_map(|c| c.get("name").and_then(Value::as_str))
            .collect()
    }

    /// Container ports of `portMappings`, `None` when there is no such container.
    pub fn container_ports(&self, name: &str) -> Option<Vec<u16>> {
        let container = self.container(name)?;
        let ports = container
            .get("portMappings")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        Some(
            ports
                .iter()
                .filter_map(|p| p.get("containerPort")?.as_u64())
                .filter_map(|p| u16::try_from(p).ok())
                .collect(),
        )
    }

    pub fn has_health_check(&self, name: &str) -> bool {
        self.container(name)
            .is_some_and(|c| c.get("healthCheck").is_some_and(Value::is_object))
    }

    /// `runtimePlatform`, where it names an architecture.
    pub fn runtime_platform(&self) -> Option<Platform> {
        let platform = self.document.get("runtimePlatform")?;
        let architecture = platform.get("cpuArchitecture")?.as_str()?;
        let family = platform
            .get("operatingSystemFamily")
            .and_then(Value::as_str)
            .unwrap_or("LINUX");
        Some(Platform::of_runtime(family, architecture))
    }

    /// The document that RegisterTaskDefinition takes: the read-only members left out, all else as it is.
    pub fn to_register(&self) -> Map<String, Value> {
        self.document
            .iter()
            .filter(|(k, _)| !READ_ONLY.contains(&k.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }
}
