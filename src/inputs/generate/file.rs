//! The JSON Schema of `shipway.yml`, for editors and for checks before a run. It asks for the plain way to write a value
//! and so is narrower than the reader, which also takes a number for a text, or a key without a value.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::check::{self, Shape};
use super::patterns::{KEY, PAIR, pattern};
use super::{Setting, settings, verbs};

/// The schema, as text.
pub fn file() -> String {
    let mut properties = Map::new();
    let mut seen = BTreeSet::new();
    // The file serves every verb; where two of them explain a setting, the first does.
    for setting in verbs().iter().flat_map(settings) {
        if check::may_stand_in_a_file(&setting.name) && seen.insert(setting.name.clone()) {
            properties.insert(setting.name.clone(), property(&setting));
        }
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "shipway.yml",
        "description": "Settings of Shipway for one service. A flag, an input of the action or a variable counts before this file.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    format!("{text}\n")
}

fn property(setting: &Setting) -> Value {
    let mut members = Map::new();
    members.insert("description".to_owned(), json!(setting.help));
    let text = text_of(setting);
    let list = |items: Value| json!({ "type": "array", "items": items });
    let form = match setting.shape {
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Words => json!({ "oneOf": [text, list(json!({ "type": "string" }))] }),
        Shape::List { .. } => list(text),
        Shape::Pairs => {
            let value = pattern(&setting.name).unwrap_or_default();
            let pair = format!("{PAIR}{}", value.trim_start_matches('^'));
            json!({ "oneOf": [
                { "type": "object", "propertyNames": { "pattern": KEY }, "additionalProperties": text },
                list(json!({ "type": "string", "pattern": pair })),
            ] })
        }
        Shape::Scalar => match setting.range {
            Some((low, high)) => json!({ "type": "integer", "minimum": low, "maximum": high }),
            None => text,
        },
    };
    if let Value::Object(form) = form {
        members.extend(form);
    }
    if let Some(default) = &setting.default {
        let typed = serde_json::from_str(default).ok().filter(|v: &Value| {
            matches!((setting.shape, v), (Shape::Bool, Value::Bool(_)))
                || setting.range.is_some() && v.is_i64()
        });
        members.insert(
            "default".to_owned(),
            typed.unwrap_or_else(|| json!(default)),
        );
    }
    Value::Object(members)
}

fn text_of(setting: &Setting) -> Value {
    if !setting.choices.is_empty() {
        return json!({ "enum": setting.choices });
    }
    match pattern(&setting.name) {
        Some(pattern) => json!({ "type": "string", "pattern": pattern }),
        None => json!({ "type": "string" }),
    }
}
