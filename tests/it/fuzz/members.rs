//! Members of JSON and XML answers: which there are, and an answer with one of them missing, empty, of another type, of a
//! value that nobody knows yet, or with a new one beside it. Knows nothing of AWS.

use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Drop,
    Null,
    Retype,
    Unknown,
    Extra,
}

pub const CHANGES: [Change; 5] = [
    Change::Drop,
    Change::Null,
    Change::Retype,
    Change::Unknown,
    Change::Extra,
];

/// The paths of all members: `services[].deployments[].id`, or an element's name.
pub fn members(body: &str) -> Vec<String> {
    let mut found = Vec::new();
    match serde_json::from_str::<Value>(body) {
        Ok(value) => walk(&value, "", &mut found),
        Err(_) => found.extend(elements(body)),
    }
    found.sort();
    found.dedup();
    found
}

/// The body with every member of this path changed.
pub fn changed(body: &str, path: &str, change: Change) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
            let steps: Vec<&str> = path.split('/').collect();
            change_in(&mut value, &steps, change);
            value.to_string()
        }
        Err(_) => change_element(body, path, change),
    }
}

fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                // Keys of a map hold anything; a path is split at slashes.
                if name.contains('/') {
                    continue;
                }
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}/{name}")
                };
                walk(value, &path, found);
                found.push(path);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, path, found);
            }
        }
        _ => {}
    }
}

fn change_in(value: &mut Value, steps: &[&str], change: Change) {
    match (value, steps) {
        (Value::Array(items), _) => {
            for item in items {
                change_in(item, steps, change);
            }
        }
        (Value::Object(members), [name]) => change_member(members, name, change),
        (Value::Object(members), [name, rest @ ..]) => {
            if let Some(inner) = members.get_mut(*name) {
                change_in(inner, rest, change);
            }
        }
        _ => {}
    }
}

fn change_member(members: &mut Map<String, Value>, name: &str, change: Change) {
    let Some(value) = members.get_mut(name) else {
        return;
    };
    match change {
        Change::Drop => {
            members.shift_remove(name);
        }
        Change::Null => *value = Value::Null,
        Change::Retype => {
            *value = match value {
                Value::String(_) => json!(7),
                Value::Number(_) | Value::Bool(_) => json!("seven"),
                Value::Array(_) => json!({ "seven": 7 }),
                Value::Object(_) => json!(["seven"]),
                Value::Null => json!(false),
            }
        }
        Change::Unknown => {
            *value = match value {
                Value::String(_) => json!("OF_TOMORROW"),
                Value::Array(_) => json!([]),
                Value::Object(_) => json!({}),
                _ => return,
            }
        }
        Change::Extra => {
            members.insert(
                "ofTomorrow".to_owned(),
                json!({ "deep": [null, 1.5e300, "\u{0}"] }),
            );
        }
    }
}

/// Names of elements; lists are all called `member`.
fn elements(body: &str) -> Vec<String> {
    let names = body.split('<').skip(1).filter_map(|rest| {
        let name: String = rest
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        (!name.is_empty() && name != "member").then_some(name)
    });
    names.collect()
}

fn change_element(body: &str, name: &str, change: Change) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = body;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once(&open) {
        let Some((inner, behind)) = after.split_once(&close) else {
            break;
        };
        text.push_str(before);
        match change {
            Change::Drop => {}
            Change::Null => text.push_str(&format!("{open}{close}")),
            Change::Retype => text.push_str(&format!("{open}<seven>7</seven>{close}")),
            Change::Unknown => text.push_str(&format!("{open}OF_TOMORROW{close}")),
            Change::Extra => {
                text.push_str(&format!("{open}{inner}{close}<OfTomorrow>1</OfTomorrow>"));
            }
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}
