//! Two task definitions compared: are they the same to ECS, and if not, where do they differ?
//!
//! ECS injects defaults when it registers a document and gives environment variables no order; neither is a difference.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::task_definition::READ_ONLY;

/// One place where two task definitions differ. Values where people put secrets (environment variables, options of log
/// drivers that name one) are never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// e.g. `containerDefinitions[web].image`
    pub path: String,
    pub was: Option<String>,
    pub becomes: Option<String>,
}

/// The document as ECS understands it: no read-only members, no injected defaults, name lists in order of their names.
pub fn normalized(document: &Map<String, Value>) -> Map<String, Value> {
    let awsvpc = document.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
    let mut normal: Map<String, Value> = document
        .iter()
        .filter(|(k, _)| !READ_ONLY.contains(&k.as_str()) && k.as_str() != "tags")
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    for list in ["volumes", "placementConstraints", "inferenceAccelerators"] {
        drop_if(&mut normal, list, is_empty_array);
    }
    drop_if(&mut normal, "enableFaultInjection", |v| {
        v == &Value::Bool(false)
    });
    let containers = normal
        .get_mut("containerDefinitions")
        .and_then(Value::as_array_mut);
    for container in containers
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        normalize_container(container, awsvpc);
    }
    normal
}

fn normalize_container(container: &mut Map<String, Value>, awsvpc: bool) {
    for list in [
        "environment",
        "environmentFiles",
        "mountPoints",
        "volumesFrom",
        "systemControls",
        "portMappings",
        "secrets",
        "links",
        "dependsOn",
    ] {
        drop_if(container, list, is_empty_array);
    }
    drop_if(container, "cpu", |v| v.as_u64() == Some(0));
    drop_if(container, "essential", |v| v == &Value::Bool(true));
    for list in ["environment", "secrets"] {
        if let Some(entries) = container.get_mut(list).and_then(Value::as_array_mut) {
            entries.sort_by_key(|e| {
                e.get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            });
        }
    }
    let ports = container
        .get_mut("portMappings")
        .and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        drop_if(port, "protocol", |v| v == "tcp");
        let host_is_container =
            port.get("hostPort").is_some() && port.get("hostPort") == port.get("containerPort");
        if awsvpc && host_is_container || port.get("hostPort").and_then(Value::as_u64) == Some(0) {
            port.remove("hostPort");
        }
    }
    let log = container
        .get_mut("logConfiguration")
        .and_then(Value::as_object_mut);
    if let Some(log) = log {
        drop_if(log, "secretOptions", is_empty_array);
    }
}

fn is_empty_array(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

/// `shift_remove`: the order of the other members stays.
fn drop_if(map: &mut Map<String, Value>, key: &str, when: impl Fn(&Value) -> bool) {
    if map.get(key).is_some_and(when) {
        map.shift_remove(key);
    }
}

/// Where `becomes` differs from `was`; empty when ECS would see the same.
pub fn differences(was: &Map<String, Value>, becomes: &Map<String, Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(
        "",
        &Value::Object(normalized(was)),
        &Value::Object(normalized(becomes)),
        &mut found,
    );
    found
}

fn compare(path: &str, was: &Value, becomes: &Value, found: &mut Vec<Difference>) {
    if same(was, becomes) {
        return;
    }
    match (was, becomes) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(
                    &path,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        // Lists of named things are compared by name, so that one new variable is one difference.
        (Value::Array(_) | Value::Null, Value::Array(_) | Value::Null)
            if names(was).is_some() && names(becomes).is_some() =>
        {
            let (a, b) = (
                names(was).unwrap_or_default(),
                names(becomes).unwrap_or_default(),
            );
            for name in a.iter().chain(b.iter().filter(|n| !a.contains(n))) {
                compare(
                    &format!("{path}[{name}]"),
                    named(was, name),
                    named(becomes, name),
                    found,
                );
            }
        }
        _ => found.push(Difference {
            path: path.to_owned(),
            was: shown(path, was),
            becomes: shown(path, becomes),
        }),
    }
}

/// Equal, an object's member order aside.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(v, w)| same(v, w))
        }
        _ => a == b,
    }
}

/// The entries' names, when every entry has one and no two are equal. Null is an empty list.
fn names(list: &Value) -> Option<Vec<String>> {
    let Value::Array(entries) = list else {
        return list.is_null().then(Vec::new);
    };
    let names: Vec<String> = entries
        .iter()
        .map(|e| Some(e.get("name")?.as_str()?.to_owned()))
        .collect::<Option<_>>()?;
    let mut unique = names.clone();
    unique.sort();
    unique.dedup();
    (unique.len() == names.len()).then_some(names)
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let entries = list.as_array().map(Vec::as_slice).unwrap_or_default();
    entries
        .iter()
        .find(|e| e.get("name").and_then(Value::as_str) == Some(name))
        .unwrap_or(&Value::Null)
}

fn shown(path: &str, value: &Value) -> Option<String> {
    let is_environment = path.contains(".environment[") || path.ends_with(".environment");
    let member = path.rsplit('.').next().unwrap_or_default();
    match value {
        Value::Null => None,
        _ if is_environment => Some(NOT_SHOWN.to_owned()),
        Value::String(_) if path.contains(".options.") && names_a_secret(member) => {
            Some(NOT_SHOWN.to_owned())
        }
        Value::String(text) => Some(text.clone()),
        other => Some(without_secrets(other).to_string()),
    }
}

const NOT_SHOWN: &str = "(value not shown)";

/// A whole container that comes or goes carries its environment with it.
fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| {
                    let value = match (name.as_str(), value) {
                        ("environment", Value::Array(entries)) => {
                            Value::Array(entries.iter().map(name_alone).collect())
                        }
                        ("options", Value::Object(options)) => Value::Object(
                            options
                                .iter()
                                .map(|(k, v)| match names_a_secret(k) {
                                    true => (k.clone(), Value::from(NOT_SHOWN)),
                                    false => (k.clone(), v.clone()),
                                })
                                .collect(),
                        ),
                        _ => without_secrets(value),
                    };
                    (name.clone(), value)
                })
                .collect(),
        ),
        Value::Array(entries) => Value::Array(entries.iter().map(without_secrets).collect()),
        other => other.clone(),
    }
}

fn name_alone(entry: &Value) -> Value {
    let name = entry.get("name").cloned().unwrap_or_default();
    Value::Object(Map::from_iter([
        ("name".to_owned(), name),
        ("value".to_owned(), Value::from(NOT_SHOWN)),
    ]))
}

/// `splunk-token`, `password`, `api_key`: log drivers and Docker volumes take them as options.
fn names_a_secret(option: &str) -> bool {
    let option = option.to_ascii_lowercase();
    ["token", "secret", "password", "key", "credential"]
        .iter()
        .any(|word| option.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn injected_defaults_and_order_are_no_difference() {
        let written = document(
            json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": [
            {"name": "web", "image": "i", "portMappings": [{"containerPort": 80}], "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}]}),
        );
        let registered = document(
            json!({"taskDefinitionArn": "arn:…", "revision": 3, "status": "ACTIVE", "family": "web", "networkMode": "awsvpc", "volumes": [],
            "containerDefinitions": [{"image": "i", "name": "web", "cpu": 0, "essential": true, "mountPoints": [], "volumesFrom": [], "systemControls": [],
            "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}], "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]}),
        );
        assert_eq!(differences(&registered, &written), []);
    }

    #[test]
    fn a_container_that_comes_or_goes_brings_no_secret_with_it() {
        let was = document(json!({"containerDefinitions": [{"name": "web", "image": "a"}]}));
        let becomes = document(
            json!({"containerDefinitions": [{"name": "web", "image": "a", "logConfiguration": {"options": {"splunk-token": "hunter2"}}},
            {"name": "side", "image": "s", "environment": [{"name": "K", "value": "hunter2"}],
             "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "hunter2", "tag": "x"}}}]}),
        );
        for (a, b) in [(&was, &becomes), (&becomes, &was)] {
            let found = format!("{:?}", differences(a, b));
            assert!(!found.contains("hunter2"), "{found}");
            assert!(found.contains("side") && found.contains("tag"), "{found}");
        }
        let alone = document(
            json!({"containerDefinitions": [{"name": "web", "image": "a", "logConfiguration": {"options": {"tag": "x"}}}]}),
        );
        let found = format!("{:?}", differences(&alone, &becomes));
        assert!(!found.contains("hunter2"), "{found}");
    }

    #[test]
    fn a_difference_names_its_place_and_hides_environment_values() {
        let was = document(
            json!({"containerDefinitions": [{"name": "web", "image": "a", "environment": [{"name": "K", "value": "old"}]}]}),
        );
        let becomes = document(
            json!({"containerDefinitions": [{"name": "web", "image": "b", "brandNew": {"x": 15}, "environment": [{"name": "K", "value": "new"}, {"name": "N", "value": "v"}]}]}),
        );
        let lines: Vec<String> = differences(&was, &becomes)
            .iter()
            .map(|d| format!("{}: {:?} -> {:?}", d.path, d.was, d.becomes))
            .collect();
        assert_eq!(
            lines,
            [
                r#"containerDefinitions[web].image: Some("a") -> Some("b")"#,
                r#"containerDefinitions[web].environment[K].value: Some("(value not shown)") -> Some("(value not shown)")"#,
                r#"containerDefinitions[web].environment[N]: None -> Some("(value not shown)")"#,
                r#"containerDefinitions[web].brandNew: None -> Some("{\"x\":15}")"#,
            ]
        );
    }
}
