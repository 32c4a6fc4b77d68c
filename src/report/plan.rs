//! A plan in words: each change, why, and where the task definition differs.

use super::escape;
use super::event::Text;
use crate::model::Untrusted;
use crate::model::names::family_and_revision;
use crate::plan::service::{Reasoned, WantedImage};
use crate::plan::{Change, Difference, Plan, TaskDefinitionRef};

/// A change of a plan as it is told, whatever the plan is of.
#[derive(Clone, Debug)]
pub struct Planned {
    pub change: Text,
    pub why: String,
    /// Of a task definition.
    pub differences: Vec<Difference>,
}

pub fn planned(plan: &Plan) -> Vec<Planned> {
    let one = |reasoned: &Reasoned| Planned {
        change: change(plan, &reasoned.change),
        why: reasoned.why.clone(),
        differences: differences(reasoned).to_vec(),
    };
    plan.changes.iter().map(one).collect()
}

pub fn lines(plan: &Plan) -> Vec<Text> {
    let mut lines = Vec::new();
    for reasoned in &plan.changes {
        lines.push(reason(plan, reasoned));
        lines.extend(differences(reasoned).iter().map(difference));
    }
    if lines.is_empty() {
        lines.push(nothing(plan));
    }
    lines
}

/// What happens to the image before the plan is carried out, where that is not settled yet.
pub fn image_lines(plan: &Plan) -> Vec<Text> {
    image_line(plan.image.as_ref())
}

pub(super) fn image_line(image: Option<&WantedImage>) -> Vec<Text> {
    let Some(WantedImage::NotPushedYet {
        repository,
        tag,
        why,
        creates_repository,
    }) = image
    else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    if *creates_repository {
        lines.push(
            Text::new()
                .say("ECR repository ")
                .code(repository.as_str())
                .say(" would be created"),
        );
    }
    lines.push(
        Text::new()
            .say("image would be built and pushed as ")
            .code(tag.as_str())
            .say(format!(": {why}")),
    );
    lines
}

/// What goes on already, and what a deploy does about it.
pub fn in_flight_line(plan: &Plan) -> Option<Text> {
    let other = plan.in_flight.as_ref()?;
    let does = if !plan.updates_service() && !other.rolling_back {
        "`deploy` follows it, for nothing is to be changed"
    } else if other.rolling_back {
        "`deploy` waits for its end, and refuses with `if-deploying: fail`"
    } else {
        "`deploy` takes its place, waits for its end with `if-deploying: wait`, and refuses with `if-deploying: fail`"
    };
    let words = format!("{} goes on: {does}", other.in_words());
    Some(Text::with_code(words))
}

/// That a deploy refuses the commit.
pub fn older_line(plan: &Plan) -> Option<Text> {
    let older = plan.older_commit.as_ref()?;
    Some(Text::with_code(format!(
        "`deploy` refuses this without `allow-older: true`: {older}"
    )))
}

/// The same as a Markdown list.
pub(super) fn list(plan: &Plan) -> String {
    let mut out = String::new();
    for line in image_lines(plan) {
        out.push_str(&format!("- {}\n", escape::markdown(&line)));
    }
    for line in in_flight_line(plan).into_iter().chain(older_line(plan)) {
        out.push_str(&format!("- {}\n", escape::markdown(&line)));
    }
    for reasoned in &plan.changes {
        let line = escape::markdown(&reason(plan, reasoned));
        out.push_str(&format!("- {line}\n"));
        for found in differences(reasoned) {
            let line = escape::markdown(&difference(found));
            out.push_str(&format!("  - {}\n", line.trim_start()));
        }
    }
    if out.is_empty() {
        out.push_str(&format!("{}\n", escape::markdown(&nothing(plan))));
    }
    out
}

fn reason(plan: &Plan, reasoned: &Reasoned) -> Text {
    change(plan, &reasoned.change).say(format!(" ({})", reasoned.why))
}

fn differences(reasoned: &Reasoned) -> &[Difference] {
    match &reasoned.change {
        Change::RegisterTaskDefinition { differences, .. } => differences,
        _ => &[],
    }
}

fn nothing(plan: &Plan) -> Text {
    Text::new()
        .say("nothing to change: the service is on ")
        .code(family_and_revision(&plan.previous_task_definition))
        .say(" already")
}

fn change(plan: &Plan, change: &Change) -> Text {
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

pub(super) fn difference(difference: &Difference) -> Text {
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
