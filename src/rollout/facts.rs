//! What a diagnosis wants to know of the task definition, read from its document once. Decides nothing.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::task_definition::TaskDefinition;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    pub execution_role: Option<String>,
    /// CPU units and MiB of the task.
    pub cpu: Option<String>,
    pub memory_mib: Option<u64>,
    /// `linux/arm64`, as the task definition says it.
    pub platform: Option<String>,
    pub containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Container {
    pub name: String,
    pub essential: bool,
    pub image: String,
    pub memory_mib: Option<u64>,
    pub ports: Vec<u16>,
    /// `CMD-SHELL curl -f http://localhost/`, joined.
    pub health_command: Option<String>,
    pub start_period_seconds: Option<u64>,
    pub stop_timeout_seconds: Option<u64>,
    pub log_driver: Option<String>,
    pub log_group: Option<String>,
}

impl Facts {
    pub fn of(definition: &TaskDefinition) -> Facts {
        let document = &definition.document;
        Facts {
            execution_role: text(document, "executionRoleArn"),
            cpu: text(document, "cpu"),
            memory_mib: number(document.get("memory")),
            platform: definition.runtime_platform().map(|p| p.to_string()),
            containers: definition.containers().map(container).collect(),
        }
    }

    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|c| c.name == name)
    }
}

fn container(document: &Map<String, Value>) -> Container {
    let check = document.get("healthCheck").and_then(Value::as_object);
    let log = document.get("logConfiguration").and_then(Value::as_object);
    let options = log.and_then(|l| l.get("options")?.as_object());
    let command = check.and_then(|c| c.get("command")?.as_array());
    Container {
        name: text(document, "name").unwrap_or_default(),
        essential: document
            .get("essential")
            .and_then(Value::as_bool)
            .unwrap_or(true),
        image: text(document, "image").unwrap_or_default(),
        memory_mib: number(document.get("memory")),
        ports: document
            .get("portMappings")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|p| u16::try_from(number(p.get("containerPort"))?).ok())
            .collect(),
        health_command: command.map(|words| {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            words.join(" ")
        }),
        start_period_seconds: check.and_then(|c| number(c.get("startPeriod"))),
        stop_timeout_seconds: number(document.get("stopTimeout")),
        log_driver: log.and_then(|l| text(l, "logDriver")),
        log_group: options.and_then(|o| text(o, "awslogs-group")),
    }
}

fn text(document: &Map<String, Value>, member: &str) -> Option<String> {
    document.get(member)?.as_str().map(str::to_owned)
}

/// Numbers come as text, too: `"memory": "512"`.
fn number(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}
