//! A plan in words: each change, why, and where the task definition differs.

use super::event::Text;
use crate::model::Untrusted;
use crate::model::names::family_and_revision;
use crate::plan::{Change, Difference, Plan, TaskDefinitionRef};

pub fn lines(plan: &Plan) -> Vec<Text> {
    let mut lines = Vec::new();
    for reasoned in &plan.changes {
        lines.push(change(plan, &reasoned.change).say(format!(" ({})", reasoned.why)));
        lines.extend(differences(&reasoned.change).iter().map(difference));
    }
    if lines.is_empty() {
        lines.push(
            Text::new()
                .say("nothing to change: the service is on ")
                .code(family_and_revision(&plan.previous_task_definition))
                .say(" already"),
        );
    }
    lines
}

/// Where a new revision differs from the live one.
pub(super) fn differences(change: &Change) -> &[Difference] {
    match change {
        Change::RegisterTaskDefinition { differences, .. } => differences,
        _ => &[],
    }
}

pub(super) fn change(plan: &Plan, change: &Change) -> Text {
    match change {
        Change::RegisterTaskDefinition { family, .. } => Text::new()
            .say("register a revision of ")
            .code(family.as_str()),
        Change::TagTaskDefinition { arn, tags } => {
            let names: Vec<&str> = tags.iter().map(|(k, _)| k.as_str()).collect();
            Text::new()
                .say("tag ")
                .code(family_and_revision(arn))
                .say(format!(" with {}", names.join(", ")))
        }
        Change::UpdateService {
            task_definition,
            desired_count,
            force_new_deployment,
        } => {
            let mut text = Text::new()
                .say("update service ")
                .code(plan.service.as_str());
            text = match task_definition {
                Some(TaskDefinitionRef::JustRegistered) => text.say(" to that revision"),
                Some(TaskDefinitionRef::Existing(arn)) => {
                    text.say(" to ").code(family_and_revision(arn))
                }
                None => text,
            };
            if let Some(count) = desired_count {
                text = text.say(format!(", desired count {count}"));
            }
            if *force_new_deployment {
                text.say(", by a new deployment")
            } else {
                text
            }
        }
    }
}

fn difference(difference: &Difference) -> Text {
    let text = Text::new()
        .say("  ")
        .code(difference.path.as_str())
        .say(": ");
    let value = |v: &String| Untrusted::new(short_digest(v));
    match (&difference.was, &difference.becomes) {
        (Some(was), Some(becomes)) if was == becomes => text.quote(&value(becomes)),
        (Some(was), Some(becomes)) => text.quote(&value(was)).say(" → ").quote(&value(becomes)),
        (None, Some(becomes)) => text.say("new: ").quote(&value(becomes)),
        (Some(was), None) => text.say("removed, was ").quote(&value(was)),
        (None, None) => text.say("differs"),
    }
}

/// Twelve digits tell two images apart; the outputs have the whole digest.
fn short_digest(value: &str) -> String {
    match value.split_once("@sha256:") {
        Some((name, hex)) if hex.len() == 64 && hex.is_ascii() => {
            format!("{name}@sha256:{}…", &hex[..12])
        }
        _ => value.to_owned(),
    }
}
