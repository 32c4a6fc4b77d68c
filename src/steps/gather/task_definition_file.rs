//! A task definition from a file, member for member as it was written. Knows JSON and YAML, and of ECS only which members
//! are text; whether ECS takes the document is for ECS to say.

use std::fmt;
use std::path::Path;

use miette::Diagnostic;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use crate::model::task_definition::{READ_ONLY, TaskDefinition};

#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum TaskDefinitionFileError {
    #[error("cannot read the task definition file {file}: {source}")]
    #[diagnostic(
        code(shipway::config::task_definition_file),
        help(
            "`task-definition` with a `/` or ending in .json, .yaml or .yml is a file, from the working directory"
        )
    )]
    Unreadable {
        file: String,
        source: std::io::Error,
    },
    #[error("{file}{at}: {message}")]
    #[diagnostic(
        code(shipway::config::task_definition_file),
        help("the file must hold one task definition, as RegisterTaskDefinition takes it")
    )]
    Wrong {
        file: String,
        /// `:LINE:COLUMN`, where there is one.
        at: String,
        message: String,
    },
}

/// Whether `--task-definition` names a file, not a family or an ARN.
pub fn is_file(task_definition: &str) -> bool {
    let lower = task_definition.to_lowercase();
    let by_ending = [".json", ".yaml", ".yml"]
        .iter()
        .any(|ending| lower.ends_with(ending));
    by_ending || (task_definition.contains('/') && !task_definition.starts_with("arn:"))
}

pub fn read(cwd: &Path, file: &str) -> Result<TaskDefinition, TaskDefinitionFileError> {
    let text = std::fs::read_to_string(cwd.join(file)).map_err(|source| {
        TaskDefinitionFileError::Unreadable {
            file: file.to_owned(),
            source,
        }
    })?;
    parse(file, &text)
}

/// `file` is its name: the ending says what it is written in.
pub fn parse(file: &str, text: &str) -> Result<TaskDefinition, TaskDefinitionFileError> {
    let wrong = |at: Option<(usize, usize)>, message: String| TaskDefinitionFileError::Wrong {
        file: file.to_owned(),
        at: at.map(|(l, c)| format!(":{l}:{c}")).unwrap_or_default(),
        message,
    };
    let document = if file.to_lowercase().ends_with(".json") {
        serde_json::from_str(text).map_err(|e| wrong(Some((e.line(), e.column())), bare(&e)))?
    } else {
        yaml(text).map_err(|e| wrong(e.location().map(|l| (l.line(), l.column())), bare(&e)))?
    };
    let shape = |message: &str| wrong(None, message.to_owned());
    let Value::Object(mut document) = document else {
        return Err(shape("it holds no object"));
    };
    // `aws ecs describe-task-definition` prints it one level down, tags beside it.
    let mut tags = document.shift_remove("tags");
    if let Some(Value::Object(inner)) = document.get("taskDefinition") {
        document = inner.clone();
        tags = document.shift_remove("tags").or(tags);
    }
    if !document.get("family").is_some_and(Value::is_string) {
        return Err(shape("it has no `family`"));
    }
    let containers = document
        .get("containerDefinitions")
        .and_then(Value::as_array);
    if containers.is_none_or(Vec::is_empty) {
        return Err(shape("it has no `containerDefinitions`"));
    }
    let pairs = tags
        .as_mut()
        .and_then(Value::as_array_mut)
        .map(std::mem::take)
        .unwrap_or_default();
    let text = |tag: &Value, member: &str| tag.get(member)?.as_str().map(str::to_owned);
    let tags = pairs
        .iter()
        .filter_map(|t| Some((text(t, "key")?, text(t, "value")?)))
        .collect();
    // A file is a wish, not a registered revision: its read-only members mean nothing here.
    for member in READ_ONLY {
        document.shift_remove(member);
    }
    Ok(TaskDefinition { document, tags })
}

/// A parser's reason without the place, which stands in front already.
fn bare(error: &dyn fmt::Display) -> String {
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    // The path to the value, which the place says as well.
    match reason.split_once(": ") {
        Some((path, rest)) if !path.contains(' ') => rest.to_owned(),
        _ => reason.to_owned(),
    }
}

/// YAML as JSON: anchors resolved, `<<` merged, numbers as they are written, plain scalars text where ECS takes text.
fn yaml(text: &str) -> Result<Value, serde_yaml::Error> {
    // Twice, for the parser tells a scalar's type or its letters, not both.
    let kinds = Kind::Unknown.deserialize(serde_yaml::Deserializer::from_str(text))?;
    let as_written = AsWritten {
        kind: &kinds,
        path: &Spot::Root,
    };
    let mut value = as_written.deserialize(serde_yaml::Deserializer::from_str(text))?;
    merge(&mut value);
    Ok(value)
}

/// What stands where.
#[derive(Clone, Debug)]
enum Kind {
    Unknown,
    Null,
    Text,
    /// A number or a boolean, as the parser took it.
    Plain(Value),
    List(Vec<Kind>),
    Map(Vec<(String, Kind)>),
}

impl<'de> DeserializeSeed<'de> for Kind {
    type Value = Kind;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Kind, D::Error> {
        from.deserialize_any(Kinds)
    }
}

struct Kinds;

impl<'de> Visitor<'de> for Kinds {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value, a list or members")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Kind, E> {
        Ok(Kind::Plain(v.into()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Kind, E> {
        Ok(Kind::Plain(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Kind, E> {
        Ok(Kind::Plain(v.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Kind, E> {
        match Number::from_f64(v) {
            Some(number) => Ok(Kind::Plain(Value::Number(number))),
            None => Err(E::custom(format!("{v} is no number of JSON"))),
        }
    }

    fn visit_str<E>(self, _: &str) -> Result<Kind, E> {
        Ok(Kind::Text)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Kind, A::Error> {
        Err(A::Error::custom("a YAML tag (`!…`) means nothing here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kind, A::Error> {
        let mut kinds = Vec::new();
        while let Some(kind) = list.next_element_seed(Kind::Unknown)? {
            kinds.push(kind);
        }
        Ok(Kind::List(kinds))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut members: Vec<(String, Kind)> = Vec::new();
        while let Some(key) = map.next_key_seed(NewKey(&members))? {
            members.push((key, map.next_value_seed(Kind::Unknown)?));
        }
        Ok(Kind::Map(members))
    }
}

/// A key that is not there yet. Refused inside the visit of the key, whose place the error then carries.
struct NewKey<'a>(&'a [(String, Kind)]);

impl<'de> DeserializeSeed<'de> for NewKey<'_> {
    type Value = String;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for NewKey<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<String, E> {
        match self.0.iter().any(|(name, _)| name == key) {
            true => Err(E::custom(format!("`{key}` is set twice"))),
            false => Ok(key.to_owned()),
        }
    }
}

/// Where we are in the document.
enum Spot<'a> {
    Root,
    Member(&'a Spot<'a>, &'a str),
    Item(&'a Spot<'a>),
}

impl Spot<'_> {
    /// Whether ECS takes text here, so that `cpu: 256` and `value: 1.10` are what they look like.
    fn is_text(&self) -> bool {
        match self {
            Spot::Member(Spot::Root, name) => matches!(*name, "cpu" | "memory"),
            Spot::Member(Spot::Member(_, parent), _) => matches!(
                *parent,
                "dockerLabels" | "options" | "driverOpts" | "labels"
            ),
            Spot::Member(Spot::Item(Spot::Member(_, list)), "value") => matches!(
                *list,
                "environment" | "tags" | "systemControls" | "properties" | "resourceRequirements"
            ),
            Spot::Item(Spot::Member(_, list)) => {
                matches!(*list, "command" | "entryPoint")
            }
            _ => false,
        }
    }
}

/// The second reading: letters instead of types.
struct AsWritten<'a> {
    kind: &'a Kind,
    path: &'a Spot<'a>,
}

impl<'de> DeserializeSeed<'de> for AsWritten<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.kind {
            Kind::Plain(_) => from.deserialize_str(self),
            _ => from.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for AsWritten<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Kinds.expecting(f)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, written: &str) -> Result<Value, E> {
        Ok(match self.kind {
            Kind::Plain(_) if self.path.is_text() => Value::String(written.to_owned()),
            // What is no number in JSON's notation (0x1F) is the number that it means.
            Kind::Plain(Value::Number(meant)) => {
                Value::Number(written.parse::<Number>().unwrap_or_else(|_| meant.clone()))
            }
            Kind::Plain(meant) => meant.clone(),
            _ => Value::String(written.to_owned()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let Kind::List(kinds) = self.kind else {
            return Err(A::Error::custom("a list"));
        };
        let mut values = Vec::new();
        let path = Spot::Item(self.path);
        for kind in kinds {
            let path = &path;
            values.extend(list.next_element_seed(AsWritten { kind, path })?);
        }
        // Asked once more, so that the parser sees the end.
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Kind::Map(kinds) = self.kind else {
            return Err(A::Error::custom("members"));
        };
        let mut members = Map::new();
        for (name, kind) in kinds {
            if map.next_key::<String>()?.is_none() {
                break;
            }
            // What is merged stands where it is merged into.
            let path = &match name.as_str() {
                "<<" => Spot::Item(self.path),
                name => Spot::Member(self.path, name),
            };
            let value = map.next_value_seed(AsWritten { kind, path })?;
            members.insert(name.clone(), value);
        }
        while map
            .next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?
            .is_some()
        {}
        Ok(Value::Object(members))
    }
}

/// YAML's merge key: members of another map, where they are not set here.
fn merge(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(merge),
        Value::Object(members) => {
            members.values_mut().for_each(merge);
            let bases = match members.shift_remove("<<") {
                Some(Value::Array(list)) => list,
                Some(base) => vec![base],
                None => return,
            };
            for base in bases {
                if let Value::Object(base) = base {
                    for (name, value) in base {
                        members.entry(name).or_insert(value);
                    }
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "task_definition_file_tests.rs"]
mod tests;
