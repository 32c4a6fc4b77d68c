//! What was seen that may tell why a rollout fails, kept from look to look for whoever asks at the end, and stops that are
//! alike put together. Decides nothing.

use std::time::Duration;

use crate::model::service::ServiceEvent;
use crate::model::task::{Container, Task};

use super::causes::{self, Cause};
use super::{News, Ours};

#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Tasks of ours that failed, in the order in which they stopped.
    pub stops: Vec<Task>,
    /// Tasks of ours that Spot, a person or the host's end stopped: nobody's fault here.
    pub interrupted: Vec<Task>,
    /// Service events since the update, the oldest first.
    pub events: Vec<ServiceEvent>,
}

impl Evidence {
    pub fn note(&mut self, news: &[News]) {
        for news in news {
            match news {
                News::TaskStopped {
                    task,
                    failure: true,
                } => self.stops.push((**task).clone()),
                News::TaskStopped { task, .. } if was_interrupted(task) => {
                    self.interrupted.push((**task).clone());
                }
                News::Event(event) => self.events.push(event.clone()),
                _ => {}
            }
        }
    }

    /// The last event that says why: after a rollback, "has reached a steady state" is none.
    pub fn telling_event(&self) -> Option<(&ServiceEvent, &'static Cause)> {
        let found = self
            .events
            .iter()
            .filter_map(|event| Some((event, causes::of_event(&event.message)?)));
        // What says least comes last in the tables, too: "deployment failed" is said of any cause.
        found.max_by_key(|(_, cause)| !matches!(cause.name, "circuit-breaker" | "alarm"))
    }

    /// The last event that tells of a failure, else the last at all.
    pub fn last_event(&self) -> Option<&ServiceEvent> {
        self.telling_event()
            .map(|(event, _)| event)
            .or_else(|| self.events.iter().rfind(|e| !is_routine(e)))
            .or(self.events.last())
    }

    /// Stops that are alike, the largest group first; of two as large the one whose words say more.
    pub fn groups(&self, ours: &Ours) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for task in &self.stops {
            let stop = of_task(task, ours);
            let alike = |group: &&mut Group<'_>| {
                let (one, other) = (group.container, stop.container);
                group.cause == stop.cause
                    && one.map(|c| (&c.name, c.exit_code)) == other.map(|c| (&c.name, c.exit_code))
            };
            match groups.iter_mut().find(alike) {
                Some(group) => group.tasks.push(task),
                None => groups.push(stop),
            }
        }
        // Stable: of equals the first that was seen.
        groups.sort_by_key(|group| {
            let certain = group.cause.is_some_and(|c| c.certain);
            let says = group
                .cause
                .is_some_and(|c| !matches!(c.name, "elb-health-check" | "container-health-check"));
            std::cmp::Reverse((certain, group.tasks.len(), says))
        });
        groups
    }
}

/// Tasks that stopped in the same way.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub cause: Option<&'static Cause>,
    pub tasks: Vec<&'a Task>,
    /// The container that is to blame, of the first of them.
    pub container: Option<&'a Container>,
    /// ECS does not say which of these ended first.
    pub candidates: Vec<&'a Container>,
}

impl<'a> Group<'a> {
    pub fn last(&self) -> Option<&'a Task> {
        self.tasks.last().copied()
    }

    /// How old the oldest of them was when it began to stop. `None`: one never ran.
    pub fn age(&self) -> Option<Duration> {
        let ages = self.tasks.iter().map(|task| {
            let end = task.stopping_at.or(task.stopped_at)?;
            Duration::try_from(end.duration_since(task.started_at?)).ok()
        });
        ages.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

fn of_task<'a>(task: &'a Task, ours: &Ours) -> Group<'a> {
    let deployed = ours.deployed_container();
    let is_deployed = |c: &&&Container| Some(c.name.as_str()) == deployed;
    let group = |cause, container, candidates| Group {
        cause,
        tasks: vec![task],
        container,
        candidates,
    };
    let own_words = task
        .containers
        .iter()
        .find(|c| c.reason.is_some() && c.reason != task.stopped_reason);
    if let Some(cause) = causes::of_stop(task) {
        let all: Vec<&Container> = task.containers.iter().collect();
        let anyone = || all.iter().find(is_deployed).or(all.first()).copied();
        let container = own_words.or_else(|| meant(task, ours)).or_else(anyone);
        return group(Some(cause), container, Vec::new());
    }
    let candidates = ended_first(task, ours);
    let first = candidates.iter().find(is_deployed).or(candidates.first());
    let container = own_words.or(first.copied());
    let beside = container
        .zip(deployed)
        .is_some_and(|(c, deployed)| c.name != deployed);
    let code = container.and_then(|c| c.exit_code);
    let cause = match (task.stop_code.as_deref(), code) {
        (Some("EssentialContainerExited"), Some(_)) if beside => {
            causes::named("sidecar-ended-first")
        }
        (Some("EssentialContainerExited"), Some(code)) => causes::named(causes::by_exit_code(code)),
        _ => causes::of_task(task),
    };
    group(cause, container, candidates)
}

/// The container that a reason of the whole task is about: the one whose image it names, or the one that has it as well.
fn meant<'a>(task: &'a Task, ours: &Ours) -> Option<&'a Container> {
    let reason = task.stopped_reason.as_ref()?;
    let image = |c: &&Container| {
        let facts = ours.facts.container(&c.name)?;
        reason.contains(&facts.image).then_some(facts.image.len())
    };
    let mut named: Vec<&Container> = task
        .containers
        .iter()
        .filter(|c| image(c).is_some())
        .collect();
    named.sort_by_key(|c| std::cmp::Reverse(image(c)));
    let mut with_it = task.containers.iter().filter(|c| c.reason.is_some());
    let alone = with_it.next().filter(|_| with_it.next().is_none());
    named.first().copied().or(alone)
}

/// Essential containers that may have brought their task down; more than one where nothing tells them apart.
fn ended_first<'a>(task: &'a Task, ours: &Ours) -> Vec<&'a Container> {
    let essential = |c: &&Container| ours.facts.container(&c.name).is_none_or(|f| f.essential);
    let exited: Vec<&Container> = task
        .containers
        .iter()
        .filter(essential)
        .filter(|c| c.exit_code.is_some())
        .collect();
    let told = |c: &Container| c.exit_code.map(causes::told_to_end);
    let least = exited.iter().map(|c| told(c)).min();
    exited
        .into_iter()
        .filter(|c| least == Some(told(c)))
        .collect()
}

fn was_interrupted(task: &Task) -> bool {
    matches!(
        task.stop_code.as_deref(),
        Some("UserInitiated" | "SpotInterruption" | "TerminationNotice" | "InfrastructureHealth")
    )
}

/// Events of a deployment that goes its way.
fn is_routine(event: &ServiceEvent) -> bool {
    let words = [
        "has reached a steady state",
        "deployment completed",
        "has started",
        "has stopped",
        "registered",
        "draining connections",
    ];
    words.iter().any(|w| event.message.contains(w))
}
