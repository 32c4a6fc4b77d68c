//! What was wrong, of all that was seen: one cause, what it rests on, what helps, and whose log lines would say more. Pure:
//! the shell reads those lines, and `report` shows the card.
//!
//! Here is the choice among causes, the most telling first; `putting` puts values into a cause's texts, `saying` words what
//! it rests on, `lines` takes in what the log says.

mod lines;
mod putting;
mod saying;

use std::time::Duration;

use serde::Serialize;

use crate::model::service::{LifecycleHook, Service, ServiceDeployment, ServiceEvent};
use crate::model::task::Task;
use crate::model::verdict::Status;

use super::causes::{self, Cause};
use super::evidence::{Evidence, Group};
use super::template::Values;
use super::{Ours, Sentence, TargetNote, Unmet, failing};

pub use lines::with_logs;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diagnosis {
    pub cause: &'static Cause,
    /// In one line, with values: "container `web` ran out of memory (exit code 137)".
    pub headline: Sentence,
    /// What it rests on, the most telling first: "3 of 3 failed tasks stopped within 9 s of their start", then what was said.
    pub evidence: Vec<Sentence>,
    /// What helps, the likeliest first, with values.
    pub fixes: Vec<Sentence>,
    pub look_at: Option<LookAt>,
    /// For what the log may still tell.
    #[serde(skip)]
    values: Values,
}

/// The container whose last lines would say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LookAt {
    pub task_id: String,
    /// The task definition's ARN: its `logConfiguration` says where the lines go.
    pub task_definition: String,
    pub container: String,
}

/// What a diagnosis is made of.
pub(super) struct Case<'a> {
    pub status: Status,
    /// What the verdict itself says.
    pub reason: Option<&'a Sentence>,
    pub evidence: &'a Evidence,
    /// Targets of ours that were not healthy when last seen, and were more than not ready yet.
    pub targets: &'a [TargetNote],
    /// Targets of ours that were not healthy in the last look.
    pub waiting: &'a [TargetNote],
    pub ours: &'a Ours,
    /// Tasks of ours that are there.
    pub tasks: &'a [Task],
    pub service: Option<&'a Service>,
    pub deployment: Option<&'a ServiceDeployment>,
    pub unmet: &'a [Unmet],
    /// The longest that a task of ours took from its start to being seen healthy.
    pub start_up: Option<Duration>,
    /// The count that was asked for, where that was all.
    pub wanted: Option<u32>,
}

/// What the choice fell on.
struct Choice<'a> {
    cause: &'static Cause,
    group: Option<Group<'a>>,
    /// Alike.
    targets: Vec<&'a TargetNote>,
    event: Option<&'a ServiceEvent>,
}

impl Choice<'_> {
    fn of(cause: &'static Cause) -> Self {
        Choice {
            cause,
            group: None,
            targets: Vec::new(),
            event: None,
        }
    }
}

/// One cause, whatever the failure: where nothing tells, that is said, and the last that was seen is quoted.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    let choice = over_and_above(case)
        .or_else(|| of_stops(case))
        .or_else(|| of_targets(case))
        .or_else(|| of_events(case))
        .or_else(|| of_unexplained_stops(case))
        .or_else(|| of_deployment(case))
        .or_else(|| of_interruptions(case))
        .or_else(|| of_waiting(case))
        .or_else(|| causes::named("unexplained").map(Choice::of))?;
    Some(putting::diagnosis(case, choice))
}

/// What ends a rollout however its tasks are.
fn over_and_above<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    let service = case.service?;
    let deleted = matches!(service.status.as_str(), "DRAINING" | "INACTIVE");
    let overruled = case
        .wanted
        .is_some_and(|wanted| (wanted == 0) != (service.desired_count == 0));
    let name = match (deleted, overruled && case.status == Status::Failed) {
        (true, _) => "service-deleted",
        (_, true) => "count-overruled",
        _ => return None,
    };
    causes::named(name).map(Choice::of)
}

fn of_stops<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    if enough_are_healthy(case) {
        return None;
    }
    let group = case
        .evidence
        .groups(case.ours)
        .into_iter()
        .find(|group| group.cause.is_some())?;
    let cause = group.cause?;
    if cause.name != "elb-health-check" {
        return Some(Choice {
            group: Some(group),
            ..Choice::of(cause)
        });
    }
    // ECS stopped them for what the load balancer says, and that is in the targets or in an event.
    let mut choice = of_targets(case)
        .or_else(|| of_unhealthy_event(case))
        .unwrap_or_else(|| Choice::of(cause));
    if starts_longer_than_it_may(case, &group)
        && let Some(cause) = causes::named("grace-period-too-short")
    {
        choice.cause = cause;
    }
    choice.group = Some(group);
    Some(choice)
}

/// As many as desired are healthy: what stopped before is not what it waits for.
fn enough_are_healthy(case: &Case<'_>) -> bool {
    let harmless = |unmet: &Unmet| {
        matches!(
            unmet,
            Unmet::OthersAnswer { .. }
                | Unmet::NotSuccessful { .. }
                | Unmet::Window { .. }
                | Unmet::Stage { .. }
        )
    };
    case.status == Status::TimedOut && !case.unmet.is_empty() && case.unmet.iter().all(harmless)
}

/// Some became healthy, and took about as long as those that were stopped were given.
fn starts_longer_than_it_may(case: &Case<'_>, group: &Group<'_>) -> bool {
    let grace = case
        .service
        .and_then(|s| s.health_check_grace_period_seconds)
        .map_or(Duration::ZERO, |s| Duration::from_secs(s.into()));
    let (Some(took), Some(age)) = (case.start_up, group.age()) else {
        return false;
    };
    grace < took && age < took + took / 2
}

/// The reason that most of the unhealthy targets give.
fn of_targets<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    most_alike(case.targets)
}

fn most_alike(notes: &[TargetNote]) -> Option<Choice<'_>> {
    let mut groups: Vec<(&'static Cause, Vec<&TargetNote>)> = Vec::new();
    for note in notes {
        let Some(cause) = causes::of_target(note) else {
            continue;
        };
        match groups.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, targets)) => targets.push(note),
            None => groups.push((cause, vec![note])),
        }
    }
    groups.sort_by_key(|(_, targets)| std::cmp::Reverse(targets.len()));
    let (cause, targets) = groups.into_iter().next()?;
    Some(Choice {
        targets,
        ..Choice::of(cause)
    })
}

/// Where target health cannot be read, the event that ECS makes of it says the same.
fn of_unhealthy_event<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    let event = case
        .evidence
        .events
        .iter()
        .rfind(|e| e.message.contains("is unhealthy in"))?;
    Some(Choice {
        event: Some(event),
        ..Choice::of(causes::of_event(&event.message)?)
    })
}

fn of_events<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    if enough_are_healthy(case) {
        return None;
    }
    let (event, cause) = case.evidence.telling_event()?;
    // What ended the deployment is told with numbers and names below.
    (!matches!(cause.name, "circuit-breaker" | "alarm")).then(|| Choice {
        event: Some(event),
        ..Choice::of(cause)
    })
}

/// They stopped, and nobody says why: that, and what they say, is more than that a breaker counted them.
fn of_unexplained_stops<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    if enough_are_healthy(case) {
        return None;
    }
    let group = case.evidence.groups(case.ours).into_iter().next()?;
    Some(Choice {
        group: Some(group),
        ..Choice::of(causes::named("stop-unexplained")?)
    })
}

/// The answer of a hook that ends a deployment.
fn failed(hook: &&LifecycleHook) -> bool {
    matches!(hook.status.as_str(), "FAILED" | "TIMED_OUT")
}

fn of_deployment<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    let said = |words: &str| {
        let reason = case.deployment.and_then(failing::reason_of);
        let listed = case.service.and_then(|s| {
            let ours = s
                .deployments
                .iter()
                .find(|d| d.id == case.ours.deployment_id);
            ours?.rollout_state_reason.as_ref()
        });
        let event = case.evidence.telling_event().map(|(e, _)| &e.message);
        [reason, listed, event]
            .into_iter()
            .flatten()
            .any(|text| text.contains(words))
    };
    let alarms = case
        .deployment
        .is_some_and(|d| !d.triggered_alarms.is_empty());
    let broken = case.deployment.is_some_and(failing::triggered);
    let hook = case.deployment.and_then(|d| d.hooks.iter().find(failed));
    let name = if alarms || said("alarm") {
        "alarm"
    } else if said("ContinueServiceDeployment") {
        "lifecycle-hook-refused"
    } else if hook.is_some() {
        "lifecycle-hook-failed"
    } else if broken || said("circuit breaker") || said("tasks failed to start") {
        "circuit-breaker"
    } else if said("StopServiceDeployment") || said("stopped by a user") {
        "deployment-stopped"
    } else {
        return None;
    };
    causes::named(name).map(Choice::of)
}

/// Spot alone is never why a deployment fails, unless nothing else is seen.
fn of_interruptions<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    if enough_are_healthy(case) {
        return None;
    }
    let last = case.evidence.interrupted.last()?;
    let cause = causes::of_task(last)?;
    let tasks = case.evidence.interrupted.iter();
    let alike: Vec<&Task> = tasks
        .filter(|t| causes::of_task(t) == Some(cause))
        .collect();
    Some(Choice {
        group: Some(Group {
            cause: Some(cause),
            tasks: alike,
            container: None,
            candidates: Vec::new(),
        }),
        ..Choice::of(cause)
    })
}

/// Our limit ran out, and nothing was seen to fail: what was still to come.
fn of_waiting<'a>(case: &Case<'a>) -> Option<Choice<'a>> {
    if case.status != Status::TimedOut {
        return None;
    }
    let unmet = |is: fn(&Unmet) -> bool| case.unmet.iter().any(is);
    if let Some(choice) = most_alike(case.waiting)
        && unmet(|u| matches!(u, Unmet::TargetHealth { .. }))
    {
        return Some(choice);
    }
    let name = if unmet(|u| matches!(u, Unmet::ContainerHealth { .. })) {
        "container-health-check"
    } else if unmet(|u| matches!(u, Unmet::Running { .. })) {
        "starts-slowly"
    } else if case
        .deployment
        .is_some_and(|d| d.hooks.iter().any(LifecycleHook::is_waiting))
    {
        "lifecycle-hook-waits"
    } else if unmet(|u| matches!(u, Unmet::OthersAnswer { .. })) {
        "old-targets-answer"
    } else {
        "limit-ran-out"
    };
    causes::named(name).map(Choice::of)
}
