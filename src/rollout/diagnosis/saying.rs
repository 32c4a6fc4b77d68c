//! What a diagnosis rests on, in sentences: counts, what ECS, ELB and containers said, and what was still missing. What
//! others wrote stays quoted.

use crate::model::service::ServiceEvent;
use crate::model::task::{Container, Task};
use crate::model::verdict::Status;

use super::super::evidence::Group;
use super::super::{Sentence, TargetNote, Unmet, Unseen};
use super::putting::seconds;
use super::{Case, Choice};

pub(super) fn evidence(case: &Case<'_>, choice: &Choice<'_>) -> Vec<Sentence> {
    let mut said = Vec::new();
    if let Some(group) = &choice.group {
        said.push(counted(case, group));
        said.extend(ambiguous(group));
        said.extend(group.last().into_iter().flat_map(containers));
    }
    if let Some(note) = choice.targets.first() {
        said.push(target(note, choice.targets.len() - 1));
    }
    let event = choice.event.or_else(|| last_word(case, choice));
    if let Some(event) = event {
        said.push(Sentence::new("ECS: ").quote(&event.message));
    }
    if case.status == Status::TimedOut {
        said.extend(missing(case.unmet));
    }
    said
}

/// "3 of 3 failed tasks stopped within 9 s of their start: …".
fn counted(case: &Case<'_>, group: &Group<'_>) -> Sentence {
    let failed = group.last().is_some_and(|t| !is_interruption(t));
    let all = case.evidence.stops.len();
    let tasks = group.tasks.len();
    let those = match (failed, tasks) {
        (true, 1) if all == 1 => "1 failed task".to_owned(),
        (true, _) => format!("{tasks} of {all} failed tasks"),
        (false, 1) => "1 task".to_owned(),
        (false, _) => format!("{tasks} tasks"),
    };
    let by_ecs = group
        .last()
        .is_some_and(|t| t.stop_code.as_deref() != Some("EssentialContainerExited"));
    let (were, their) = match tasks {
        1 => ("was", "its"),
        _ => ("were", "their"),
    };
    let how = match (group.age(), by_ecs) {
        (Some(age), true) => format!(" {were} stopped within {} of {their} start", seconds(age)),
        (Some(age), false) => format!(" stopped within {} of {their} start", seconds(age)),
        (None, _) => " did not get to run".to_owned(),
    };
    let sentence = Sentence::new(format!("{those}{how}"));
    match group.last().and_then(|t| t.stopped_reason.as_ref()) {
        Some(reason) => sentence.text(": ").quote(reason),
        None => sentence,
    }
}

fn is_interruption(task: &Task) -> bool {
    matches!(
        task.stop_code.as_deref(),
        Some("UserInitiated" | "SpotInterruption" | "TerminationNotice" | "InfrastructureHealth")
    )
}

/// Several essential containers ended, and ECS does not say which was the first.
fn ambiguous(group: &Group<'_>) -> Option<Sentence> {
    if group.candidates.len() < 2 {
        return None;
    }
    let mut sentence = Sentence::new("ECS does not say which container ended first:");
    for (number, container) in group.candidates.iter().enumerate() {
        let code = container.exit_code.unwrap_or_default();
        sentence = sentence
            .text(if number == 0 { " " } else { " or " })
            .code(container.name.as_str())
            .text(format!(" (exit code {code})"));
    }
    Some(sentence)
}

fn containers(task: &Task) -> Vec<Sentence> {
    let told = task.stop_code.as_deref() != Some("EssentialContainerExited");
    let of = |container: &Container| {
        // Of a task that failed to start, ECS says the same of both.
        let reason = container
            .reason
            .as_ref()
            .filter(|r| Some(*r) != task.stopped_reason.as_ref());
        let code = container.exit_code;
        // How a container ends that is told to is worth a word only if it had to be killed.
        let killed = told && code == Some(137);
        if reason.is_none() && (code.is_none() || (told && !killed)) {
            return None;
        }
        let mut sentence = Sentence::new("container ").code(container.name.as_str());
        if let Some(code) = code {
            sentence = sentence.text(format!(": exit code {code}"));
        }
        if killed {
            sentence = sentence.text(", which is SIGKILL after stopTimeout, not a lack of memory");
        }
        Some(match reason {
            Some(reason) => sentence.text(": ").quote(reason),
            None => sentence,
        })
    };
    task.containers.iter().filter_map(of).collect()
}

fn target(note: &TargetNote, more: usize) -> Sentence {
    let mut sentence = Sentence::new("target ")
        .code(note.address())
        .text(" in ")
        .code(note.target_group.as_str())
        .text(format!(" is {}", note.state));
    if let Some(reason) = &note.reason {
        sentence = sentence.text(": ").code(reason.as_str());
    }
    if let Some(description) = note.description.as_ref().filter(|d| !d.is_empty()) {
        sentence = sentence.text(" (").quote(description).text(")");
    }
    if more > 0 {
        sentence = sentence.text(format!(", and {more} more like it"));
    }
    sentence
}

/// Where neither tasks nor targets said anything, the last that ECS did.
fn last_word<'a>(case: &Case<'a>, choice: &Choice<'_>) -> Option<&'a ServiceEvent> {
    (choice.group.is_none() && choice.targets.is_empty())
        .then(|| case.evidence.last_event())
        .flatten()
}

/// What stood between us and success.
fn missing(unmet: &[Unmet]) -> impl Iterator<Item = Sentence> {
    let asked = |u: &&Unmet| {
        !matches!(
            u,
            Unmet::NotSeen {
                why: Unseen::Skipped,
                ..
            }
        )
    };
    unmet.iter().filter(asked).map(Unmet::sentence)
}
