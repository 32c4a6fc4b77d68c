//! The plan of a preview in words: each change, why, and where the task definition differs.

use super::event::Text;
use super::plan::{Planned, difference, image_line};
use crate::model::names::{family_and_revision, last_segment};
use crate::model::service::NewService;
use crate::model::target::Conditions;
use crate::plan::TaskDefinitionRef;
use crate::plan::preview::up::{Change, Plan};

pub fn planned(plan: &Plan) -> Vec<Planned> {
    plan.changes
        .iter()
        .map(|reasoned| Planned {
            change: change(plan, &reasoned.change),
            why: reasoned.why.clone(),
            differences: match &reasoned.change {
                Change::RegisterTaskDefinition { differences, .. } => differences.clone(),
                _ => Vec::new(),
            },
        })
        .collect()
}

pub fn lines(plan: &Plan) -> Vec<Text> {
    let mut lines = Vec::new();
    for planned in planned(plan) {
        lines.push(planned.change.say(format!(" ({})", planned.why)));
        lines.extend(planned.differences.iter().map(difference));
    }
    if lines.is_empty() {
        let mut text = Text::new().say("nothing to change: the preview is on ");
        text = match &plan.previous_task_definition {
            Some(revision) => text.code(family_and_revision(revision)),
            None => text.say("this commit"),
        };
        lines.push(text.say(" already"));
    }
    lines
}

/// What happens to the image before, where that is not settled yet.
pub fn image_lines(plan: &Plan) -> Vec<Text> {
    image_line(plan.image.as_ref())
}

fn change(plan: &Plan, change: &Change) -> Text {
    match change {
        Change::CreateTargetGroup { group, .. } => {
            let text = Text::new()
                .say("make target group ")
                .code(group.name.as_str());
            match &group.health_check_path {
                Some(path) => text.say(", health check ").code(path.as_str()),
                None => text,
            }
        }
        Change::SetDeregistrationDelay { seconds } => {
            Text::new().say(format!("set its deregistration delay to {seconds} s"))
        }
        Change::CreateRule {
            priority,
            conditions,
            rewrites,
            ..
        } => {
            let text = Text::new().say("make rule ").code(priority.to_string());
            with_conditions(text.say(" for"), conditions, !rewrites.is_empty())
        }
        Change::ModifyRule {
            rule_arn,
            conditions,
            rewrites,
        } => {
            let text = Text::new()
                .say("let rule ")
                .code(last_segment(rule_arn))
                .say(" forward for");
            with_conditions(text, conditions, !rewrites.is_empty())
        }
        Change::RegisterTaskDefinition { family, .. } => Text::new()
            .say("register a revision of ")
            .code(family.as_str()),
        Change::CreateService {
            service,
            task_definition,
            ..
        } => {
            let text = Text::new().say("make service ").code(service.name.as_str());
            revision(text, Some(task_definition), " with ").say(on(service))
        }
        Change::UpdateService {
            task_definition,
            desired_count,
            force_new_deployment,
        } => {
            let text = Text::new()
                .say("update service ")
                .code(plan.preview.as_str());
            let text = revision(text, task_definition.as_ref(), " to ");
            let text = match desired_count {
                Some(count) => text.say(format!(", desired count {count}")),
                None => text,
            };
            match force_new_deployment {
                true => text.say(", by a new deployment"),
                false => text,
            }
        }
        Change::Tag { tags, .. } => {
            let brief = ["shipway:commit", "shipway:expires"];
            let mut text = Text::new().say("tag it");
            for (n, (key, value)) in tags
                .iter()
                .filter(|(key, _)| brief.contains(&key.as_str()))
                .enumerate()
            {
                text = text
                    .say(if n == 0 { " " } else { ", " })
                    .code(format!("{key}={value}"));
            }
            text
        }
    }
}

fn with_conditions(mut text: Text, conditions: &Conditions, rewritten: bool) -> Text {
    for value in conditions
        .host_headers
        .iter()
        .chain(&conditions.path_patterns)
    {
        text = text.say(" ").code(value.as_str());
    }
    for (name, values) in &conditions.headers {
        text = text
            .say(" ")
            .code(format!("{name}: {}", values.join(" or ")));
    }
    match rewritten {
        true => text.say(", which is taken off the path"),
        false => text,
    }
}

fn revision(text: Text, of: Option<&TaskDefinitionRef>, between: &str) -> Text {
    match of {
        Some(TaskDefinitionRef::JustRegistered) => text.say(between).say("that revision"),
        Some(TaskDefinitionRef::Existing(arn)) => text.say(between).code(family_and_revision(arn)),
        None => text,
    }
}

/// What its task runs on.
fn on(service: &NewService) -> String {
    let providers: Vec<&str> = service
        .capacity_providers
        .iter()
        .map(|p| p.name.as_str())
        .collect();
    match (&service.launch_type, providers.is_empty()) {
        (_, false) => format!(", one task on {}", providers.join(" or ")),
        (Some(launch_type), true) => format!(", one task on {launch_type}"),
        (None, true) => ", one task".to_owned(),
    }
}
