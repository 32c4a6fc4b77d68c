//! World files over world files: what a scenario changes of the usual world.

use serde_yaml::Value;

/// Lays `over` over `base`. Mappings merge, lists replace; a mapping over a list changes the members of those names.
pub fn overlay(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Mapping(base), Value::Mapping(over)) => {
            for (key, value) in over {
                match base.get_mut(key) {
                    Some(there) => overlay(there, value),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Sequence(base), Value::Mapping(over)) => {
            for (name, value) in over {
                let named = |member: &&mut Value| {
                    ["name", "number"]
                        .iter()
                        .any(|k| member.get(k) == Some(name))
                };
                let member = base.iter_mut().find(named);
                overlay(
                    member.unwrap_or_else(|| panic!("no member is called {name:?}")),
                    value,
                );
            }
        }
        (_, Value::Null) => {}
        (base, over) => *base = over.clone(),
    }
}

/// Words in place of placeholders, in every text.
pub fn substitute(value: &mut Value, words: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            for (placeholder, word) in words {
                *text = text.replace(placeholder, word);
            }
        }
        Value::Sequence(list) => list.iter_mut().for_each(|v| substitute(v, words)),
        Value::Mapping(map) => map.values_mut().for_each(|v| substitute(v, words)),
        _ => {}
    }
}
