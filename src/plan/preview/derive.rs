//! A preview's task definition out of the base service's: another family and image, and without what code of a pull request
//! must not have. Pure. What it does not know of, it leaves as it is.

use serde_json::{Map, Value};

use super::PreviewRefusal;
use crate::model::task_definition::TaskDefinition;
use crate::plan::overrides::Overrides;

/// What is taken over and what is put in its place.
#[derive(Clone, Debug, Default)]
pub struct Inherited {
    pub task_role_arn: Option<String>,
    pub execution_role_arn: Option<String>,
    pub secrets: bool,
    pub environment: bool,
    pub cpu: Option<u32>,
    pub memory: Option<u32>,
}

/// The document to register, and what somebody should know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    pub definition: TaskDefinition,
    /// Volumes that the preview shares with the base service.
    pub shared_volumes: Vec<String>,
    /// Volumes that ECS made for the base service, and that are scratch space here.
    pub scratch_volumes: Vec<String>,
}

/// `overrides` go to `container` alone; what is not inherited is left out of every container.
pub fn derive(
    base: &TaskDefinition,
    container: &str,
    name: &str,
    inherited: &Inherited,
    overrides: &Overrides,
) -> Result<Derived, PreviewRefusal> {
    let mut document = base.to_register();
    document.insert("family".to_owned(), Value::from(name));
    roles(&mut document, inherited)?;
    for (member, units) in [("cpu", inherited.cpu), ("memory", inherited.memory)] {
        if let Some(units) = units {
            document.insert(member.to_owned(), Value::from(units.to_string()));
        }
    }
    let bridged = !matches!(
        document.get("networkMode").and_then(Value::as_str),
        Some("awsvpc" | "host" | "none")
    );
    let (shared_volumes, scratch_volumes) = volumes(&mut document);
    for container in containers(&mut document) {
        strip(container, inherited);
        log_apart(container, name);
        if bridged {
            free_ports(container);
        }
    }
    let stripped = TaskDefinition {
        document,
        tags: Vec::new(),
    };
    Ok(Derived {
        definition: overrides.applied_to(&stripped, container),
        shared_volumes,
        scratch_volumes,
    })
}

fn containers(document: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let list = document
        .get_mut("containerDefinitions")
        .and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// The task role is what the code may do in the account: it is named, never taken over.
fn roles(document: &mut Map<String, Value>, inherited: &Inherited) -> Result<(), PreviewRefusal> {
    let base = document.shift_remove("taskRoleArn");
    let base = base.as_ref().and_then(Value::as_str).unwrap_or_default();
    match &inherited.task_role_arn {
        Some(role) => {
            document.insert("taskRoleArn".to_owned(), Value::from(role.as_str()));
        }
        None if !base.is_empty() => {
            return Err(PreviewRefusal::TaskRole {
                role: base.to_owned(),
            });
        }
        None => {}
    }
    if let Some(role) = &inherited.execution_role_arn {
        document.insert("executionRoleArn".to_owned(), Value::from(role.as_str()));
    }
    Ok(())
}

fn strip(container: &mut Map<String, Value>, inherited: &Inherited) {
    let mut drop = |member: &str| container.shift_remove(member);
    if !inherited.secrets {
        drop("secrets");
        // Windows identities of the base service's tasks.
        drop("credentialSpecs");
    }
    if !inherited.environment {
        drop("environment");
        drop("environmentFiles");
    }
}

/// Streams of a preview are told from the base service's by their prefix.
fn log_apart(container: &mut Map<String, Value>, name: &str) {
    let log = container
        .get_mut("logConfiguration")
        .and_then(Value::as_object_mut);
    let Some(log) = log.filter(|l| l.get("logDriver").and_then(Value::as_str) == Some("awslogs"))
    else {
        return;
    };
    let options = log.get_mut("options").and_then(Value::as_object_mut);
    if let Some(prefix) = options.and_then(|o| o.get_mut("awslogs-stream-prefix")) {
        *prefix = Value::from(name);
    }
}

/// A fixed port of the host is the base service's already.
fn free_ports(container: &mut Map<String, Value>) {
    let ports = container
        .get_mut("portMappings")
        .and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        if port.contains_key("hostPort") {
            port.insert("hostPort".to_owned(), Value::from(0));
        }
    }
}

/// Volumes that ECS configures at launch need the service's configuration, which is not taken over.
fn volumes(document: &mut Map<String, Value>) -> (Vec<String>, Vec<String>) {
    const SHARED: [&str; 3] = [
        "efsVolumeConfiguration",
        "fsxWindowsFileServerVolumeConfiguration",
        "s3filesVolumeConfiguration",
    ];
    let (mut shared, mut scratch) = (Vec::new(), Vec::new());
    let list = document.get_mut("volumes").and_then(Value::as_array_mut);
    for volume in list.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = volume.get("name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        if SHARED.iter().any(|member| volume.contains_key(*member)) {
            shared.push(name);
        } else if volume.get("configuredAtLaunch") == Some(&Value::Bool(true)) {
            volume.shift_remove("configuredAtLaunch");
            scratch.push(name);
        }
    }
    (shared, scratch)
}

#[cfg(test)]
#[path = "derive_tests.rs"]
mod tests;
