//! Lists in one text, as the action's inputs carry them: a line an entry, as in docker/build-push-action, or JSON. Knows
//! the notation, not what the entries mean.

use serde_json::Value;

/// Entries of a multi-line text. An entry that begins with `"` runs to the closing quote, over lines and commas; `""` is a
/// quote in it. Blank lines are none. Other quotes are part of the entry.
pub fn entries(text: &str, commas: bool) -> Result<Vec<String>, String> {
    let mut entries = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || (commas && c == ','));
        if rest.is_empty() {
            return Ok(entries);
        }
        let ends = |c: char| c == '\n' || (commas && c == ',');
        if let Some(quoted) = rest.strip_prefix('"') {
            let (entry, after) = closing_quote(quoted).ok_or("has a quote that is not closed")?;
            let tail = after.trim_start_matches([' ', '\t', '\r']);
            if !tail.is_empty() && !tail.starts_with(ends) {
                return Err("has text after a closing quote".to_owned());
            }
            entries.push(entry);
            rest = tail;
        } else {
            let end = rest.find(ends).unwrap_or(rest.len());
            entries.push(rest[..end].trim_end().to_owned());
            rest = &rest[end..];
        }
    }
}

/// `KEY=VALUE` entries of a text: lines as above, a JSON object, or a JSON array of `KEY=VALUE` or of ECS's
/// `{"name": …, "value": …}` / `{"name": …, "valueFrom": …}`.
pub fn pairs(text: &str) -> Result<Vec<String>, String> {
    let json = text.trim_start();
    if !json.starts_with(['{', '[']) {
        return entries(text, false);
    }
    let value: Value = serde_json::from_str(json).map_err(|e| {
        format!(
            "begins like JSON, but is none (line {} column {})",
            e.line(),
            e.column()
        )
    })?;
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| Ok(format!("{key}={}", scalar(&key, &value)?)))
            .collect(),
        Value::Array(items) => items.iter().map(item).collect(),
        _ => Err("must be a JSON object or array".to_owned()),
    }
}

fn item(item: &Value) -> Result<String, String> {
    match item {
        Value::String(pair) => Ok(pair.clone()),
        Value::Object(members) => {
            let name = members.get("name").and_then(Value::as_str);
            let value = members.get("value").or_else(|| members.get("valueFrom"));
            match (name, value, members.len()) {
                (Some(name), Some(value), 2) => Ok(format!("{name}={}", scalar(name, value)?)),
                _ => Err(
                    "has a JSON object without exactly `name` and `value` (or `valueFrom`)"
                        .to_owned(),
                ),
            }
        }
        _ => Err("has a JSON array of something else than texts or name and value".to_owned()),
    }
}

/// Numbers as they are written.
fn scalar(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(format!("the value of `{key}` must be a text")),
    }
}

fn closing_quote(text: &str) -> Option<(String, &str)> {
    let mut entry = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"')?;
        entry.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                entry.push('"');
                rest = after;
            }
            None => return Some((entry, rest)),
        }
    }
}
