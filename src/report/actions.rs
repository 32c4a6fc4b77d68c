//! What GitHub's runner reads: workflow commands, the outputs file and the summary file. Knows its grammar and limits.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::Path;

use crate::model::verdict::Outputs;

use super::escape;

/// Annotations of a level that a step may have; GitHub drops the rest without a word.
pub(super) const ANNOTATIONS: u32 = 10;

/// Levels of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    pub(super) fn word(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        }
    }
}

/// `::error title=…::…`
pub(super) fn annotation(level: Level, title: &str, message: &str) -> String {
    let word = level.word();
    let message = escape::command_message(message);
    if title.is_empty() {
        return format!("::{word}::{message}");
    }
    format!(
        "::{word} title={}::{message}",
        escape::command_property(title)
    )
}

pub(super) fn group(title: &str) -> String {
    format!("::group::{}", escape::command_message(title))
}

/// Unguessable by whoever wrote the text between two of them: from the operating system's randomness, not from a seed.
pub(super) fn token() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("shipway-{:016x}{:016x}", random(), random())
}

/// Appends every output to the file that `GITHUB_OUTPUT` names, each in a heredoc whose delimiter no value can guess.
pub(super) fn append_outputs(file: &Path, outputs: &Outputs) -> std::io::Result<()> {
    append(file, &outputs_text(outputs, &token()))
}

pub(super) fn append_summary(file: &Path, markdown: &str) -> std::io::Result<()> {
    append(file, &format!("{markdown}\n"))
}

pub(super) fn outputs_text(outputs: &Outputs, delimiter: &str) -> String {
    let mut text = String::new();
    let Ok(serde_json::Value::Object(members)) = serde_json::to_value(outputs) else {
        return text;
    };
    for (name, value) in members {
        let value = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(value) => value,
            other => other.to_string(),
        };
        text.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    text
}

/// In one write, so that a run killed here leaves no half heredoc.
fn append(file: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?
        .write_all(text.as_bytes())
}
