//! Outputs as JSON for other programs, on stdout. Knows that a runner reads stdout too.

use serde::Serialize;

use crate::model::verdict::Outputs;

/// One line of JSON. `##[` is a workflow command even inside it, so it is written as `\u0023#[`, which reads the same.
pub fn outputs(outputs: &Outputs) -> String {
    to_line(outputs)
}

/// Any value as one such line.
pub fn to_line(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|_| "{}".to_owned())
        .replace("##[", "\\u0023#[")
}

/// Indented, for a file that people open too.
pub fn to_lines(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value)
        .unwrap_or_else(|_| "{}".to_owned())
        .replace("##[", "\\u0023#[")
}
