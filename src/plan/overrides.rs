//! A task definition with another image, environment, secrets or command: by the names amazon-ecs-render-task-definition uses.

use serde_json::{Value, json};

use crate::model::task_definition::TaskDefinition;

/// What to change in one container. Unset things stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    pub image: Option<String>,
    pub environment_variables: Vec<(String, String)>,
    /// Name → `valueFrom`.
    pub secrets: Vec<(String, String)>,
    pub command: Option<Vec<String>>,
}

impl Overrides {
    /// The task definition with these overrides in `container`, which exists (preflight asked).
    pub fn applied_to(&self, source: &TaskDefinition, container: &str) -> TaskDefinition {
        let mut next = source.clone();
        let Some(definition) = next.container_mut(container) else {
            return next;
        };
        if let Some(image) = &self.image {
            definition.insert("image".to_owned(), Value::from(image.as_str()));
        }
        // A name stands in one of the two lists: ECS refuses it in both.
        for (name, value) in &self.environment_variables {
            remove(definition, "secrets", name);
            put(
                definition,
                "environment",
                name,
                json!({"name": name, "value": value}),
            );
        }
        for (name, value_from) in &self.secrets {
            remove(definition, "environment", name);
            put(
                definition,
                "secrets",
                name,
                json!({"name": name, "valueFrom": value_from}),
            );
        }
        if let Some(command) = &self.command {
            definition.insert("command".to_owned(), Value::from(command.clone()));
        }
        next
    }
}

fn is_named(entry: &Value, name: &str) -> bool {
    entry.get("name").and_then(Value::as_str) == Some(name)
}

fn remove(container: &mut serde_json::Map<String, Value>, list: &str, name: &str) {
    if let Some(entries) = container.get_mut(list).and_then(Value::as_array_mut) {
        entries.retain(|e| !is_named(e, name));
    }
}

fn put(container: &mut serde_json::Map<String, Value>, list: &str, name: &str, entry: Value) {
    let entries = container
        .entry(list)
        .or_insert_with(|| Value::Array(Vec::new()));
    let Some(entries) = entries.as_array_mut() else {
        return;
    };
    match entries.iter_mut().find(|e| is_named(e, name)) {
        Some(old) => *old = entry,
        None => entries.push(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_equals_signs_quotes_and_newlines_and_a_name_stands_once() {
        let document: Value = serde_json::from_str(
            r#"{"containerDefinitions": [{"name": "web", "secrets": [{"name": "K", "valueFrom": "/k"}], "unknownMember": 1.50}]}"#,
        )
        .unwrap();
        let source = TaskDefinition {
            document: document.as_object().unwrap().clone(),
            tags: Vec::new(),
        };
        let overrides = Overrides {
            environment_variables: vec![("K".into(), "a=b=\"c\"\nd".into())],
            secrets: vec![("S".into(), "arn:aws:x".into())],
            ..Overrides::default()
        };
        let next = overrides.applied_to(&source, "web");
        assert_eq!(
            Value::Object(next.document).to_string(),
            r#"{"containerDefinitions":[{"name":"web","secrets":[{"name":"S","valueFrom":"arn:aws:x"}],"unknownMember":1.50,"environment":[{"name":"K","value":"a=b=\"c\"\nd"}]}]}"#
        );
    }
}
