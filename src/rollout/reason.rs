//! Why it ended, as sentences whose quoted parts keep their type: text that others wrote is `Untrusted` to the end.

use std::time::Duration;

use serde::Serialize;

use crate::model::Untrusted;
use crate::model::task::Task;

use super::{Unmet, Unseen};

/// One sentence: our words and others', in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Sentence(pub Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Our words, and identifiers and enum values of AWS's.
    Text(String),
    /// A name or value, set off as code where the medium has that.
    Code(String),
    /// Quoted from a message that may hold anything.
    Quoted(Untrusted),
}

impl Sentence {
    pub fn new(text: impl Into<String>) -> Sentence {
        Sentence(vec![Part::Text(text.into())])
    }

    pub fn text(mut self, text: impl Into<String>) -> Sentence {
        self.0.push(Part::Text(text.into()));
        self
    }

    pub fn code(mut self, name: impl Into<String>) -> Sentence {
        self.0.push(Part::Code(name.into()));
        self
    }

    pub fn quote(mut self, text: &Untrusted) -> Sentence {
        self.0.push(Part::Quoted(text.clone()));
        self
    }
}

/// A stop as ECS words it: code, reason, and what each container says.
pub(super) fn of_stop(task: &Task) -> Vec<Sentence> {
    let code = task.stop_code.as_deref().unwrap_or("no stop code");
    let mut first = Sentence::new(format!("Task {} stopped ({code})", task.id()));
    if let Some(reason) = &task.stopped_reason {
        first = first.text(": ").quote(reason);
    }
    let mut sentences = vec![first];
    for container in &task.containers {
        // Of a task that failed to start, ECS says the same of both.
        let reason = container
            .reason
            .as_ref()
            .filter(|r| Some(*r) != task.stopped_reason.as_ref());
        if container.exit_code.is_none() && reason.is_none() {
            continue;
        }
        let mut sentence = Sentence::new(format!("Container {}", container.name));
        if let Some(code) = container.exit_code {
            sentence = sentence.text(format!(": exit code {code}"));
        }
        if let Some(reason) = reason {
            sentence = sentence.text(": ").quote(reason);
        }
        sentences.push(sentence);
    }
    sentences
}

/// `2026-11-25 14:01:10 UTC`.
pub fn moment(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `30 min`, `90 s`, `1 min 30 s`.
pub fn spelled(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, _) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, rest) => format!("{minutes} min {rest} s"),
    }
}

impl Unmet {
    pub fn sentence(&self) -> Sentence {
        Sentence::new(match self {
            Unmet::NotSeen { part, why } => format!(
                "{} could not be seen: {}.",
                capitalised(part),
                match why {
                    Unseen::Throttled => "AWS throttled the calls".to_owned(),
                    Unseen::Denied(permission) => format!("{permission} is denied"),
                    Unseen::Unreachable => "AWS could not be reached".to_owned(),
                    Unseen::Absent => "AWS does not have it".to_owned(),
                    Unseen::Skipped => "no fresh answer came".to_owned(),
                }
            ),
            Unmet::DeploymentMissing => {
                "Our deployment is not among the service's deployments.".to_owned()
            }
            Unmet::NotPrimary { primary } => format!(
                "Our deployment is not PRIMARY: {} is.",
                primary.as_deref().unwrap_or("none")
            ),
            Unmet::DeploymentStatus { status } => format!("The deployment is {status}."),
            Unmet::Failing => "The deployment is failing.".to_owned(),
            Unmet::NotSuccessful { status } => format!(
                "ECS has not ended the deployment: it is {}.",
                status.as_deref().unwrap_or("not to be seen")
            ),
            Unmet::DesiredCount { now, wanted } => {
                format!("The desired count is {now}, not {wanted}.")
            }
            Unmet::DesiredZero => "The desired count is 0: nothing can serve.".to_owned(),
            Unmet::StillRunning { tasks } => format!("{tasks} of our tasks still run."),
            Unmet::Running { running, of } => format!("{running} of {of} tasks run."),
            Unmet::ContainerHealth { healthy, of } => {
                format!("{healthy} of {of} tasks are HEALTHY by their containers' health checks.")
            }
            Unmet::TargetHealth {
                target_group,
                healthy,
                of,
                example,
            } => {
                let example = match example {
                    Some((state, Some(reason))) => format!(" (one is {state}: {reason})"),
                    Some((state, None)) => format!(" (one is {state})"),
                    None => " (not registered yet)".to_owned(),
                };
                format!(
                    "{healthy} of {of} targets are healthy in target group {target_group}{example}."
                )
            }
            Unmet::OthersAnswer {
                target_group,
                targets,
            } => match targets {
                1 => format!(
                    "1 target of another revision still answers in target group {target_group}."
                ),
                _ => format!(
                    "{targets} targets of another revision still answer in target group {target_group}."
                ),
            },
            Unmet::Window {
                so_far_seconds,
                of_seconds,
            } => format!(
                "All is healthy, but only for {so_far_seconds} s of the {of_seconds} s it has to stay so."
            ),
            Unmet::TaskReplaced => "A task failed or was replaced.".to_owned(),
            Unmet::Stage { wanted, now } => format!(
                "Stage {wanted} was not reached: {}.",
                now.as_deref().unwrap_or("ECS reports none")
            ),
        })
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
