//! Why tasks do not come up or do not stay: one entry a cause, with what ECS, Docker or ELB says of it, what that means, what
//! helps, and AWS's page. Data, a file a stage of a task's life, and how words, exit codes and targets are looked up in it;
//! `diagnosis` chooses among several and puts values in.

mod deployment;
mod exits;
mod health;
mod image;
mod logs;
mod pages;
mod placement;
mod resources;
mod start;

use serde::{Serialize, Serializer};

use crate::model::Untrusted;
use crate::model::task::{Container, Task};

use super::TargetNote;

/// All of these words together.
pub type Words = &'static [&'static str];

/// One cause. Texts hold values as `template` has them: "container {container|the container}".
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// `image-not-found`: the output `failure-cause`, and the heading in docs/causes.md. Stays.
    pub name: &'static str,
    /// A clause: "the image is not there".
    pub title: &'static str,
    /// The title with values, where there are any to put in.
    pub headline: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// What helps, the likeliest first.
    pub fixes: &'static [&'static str],
    /// AWS's page about it.
    pub page: &'static str,
    /// No later task escapes it: fail-fast ends the deployment at the second one.
    pub certain: bool,
    /// Any of these in a reason of a stop, or in the reason that a service event gives.
    pub says: &'static [Words],
    /// Any of these in a service event.
    pub events: &'static [Words],
    /// Any of these in a line of the container's log: only the log tells.
    pub logs: &'static [Words],
    /// ELB's reason codes of a target's health.
    pub target: &'static [&'static str],
    /// Where the message's shape is from: AWS's page, or a public issue.
    pub source: &'static str,
}

/// What most entries have not.
const NONE: Cause = Cause {
    name: "",
    title: "",
    headline: "",
    meaning: "",
    fixes: &[],
    page: "",
    certain: false,
    says: &[],
    events: &[],
    logs: &[],
    target: &[],
    source: "",
};

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name)
    }
}

/// In the order in which they are asked: words that say more stand before those that say less.
const TABLES: [&[Cause]; 8] = [
    image::CAUSES,
    resources::CAUSES,
    start::CAUSES,
    exits::CAUSES,
    health::CAUSES,
    placement::CAUSES,
    deployment::CAUSES,
    logs::CAUSES,
];

pub fn all() -> impl Iterator<Item = &'static Cause> {
    TABLES.into_iter().flatten()
}

/// By its name. The names that the code knows are checked by a test.
pub fn named(name: &str) -> Option<&'static Cause> {
    all().find(|cause| cause.name == name)
}

fn any(of: &[Words], text: &Untrusted) -> bool {
    of.iter()
        .any(|words| words.iter().all(|word| text.contains(word)))
}

/// What a stop's own words give as its cause.
pub fn of_stop(task: &Task) -> Option<&'static Cause> {
    all().find(|cause| reasons(task).any(|reason| any(cause.says, reason)))
}

/// The same, else what its stop code or the exit code of a container mean.
pub(super) fn of_task(task: &Task) -> Option<&'static Cause> {
    of_stop(task)
        .or_else(|| named(by_stop_code(task)?))
        .or_else(|| by_itself(task))
}

/// By its exit code, unless ECS told it to end: then that is how it ended, not why.
fn by_itself(task: &Task) -> Option<&'static Cause> {
    let told = task.stop_code.as_deref() == Some("ServiceSchedulerInitiated");
    let code = exited_first(task).filter(|_| !told)?.exit_code?;
    named(by_exit_code(code))
}

/// Stops that nobody's container is to blame for.
fn by_stop_code(task: &Task) -> Option<&'static str> {
    match task.stop_code.as_deref()? {
        "SpotInterruption" => Some("spot-interruption"),
        "TerminationNotice" | "InfrastructureHealth" => Some("host-retired"),
        "UserInitiated" => Some("stopped-by-a-person"),
        // ECS told it to stop: how it ended then is no cause of that.
        "ServiceSchedulerInitiated" => task
            .containers
            .iter()
            .any(|c| c.exit_code == Some(137))
            .then_some("killed-after-stop-timeout"),
        _ => None,
    }
}

/// Of a container that ended by itself. 137 is SIGKILL: that it ran out of memory is said, or it is not known.
pub(super) fn by_exit_code(code: i32) -> &'static str {
    match code {
        0 => "finished",
        126 => "entrypoint-not-executable",
        127 => "entrypoint-not-found",
        134 => "aborted",
        137 => "killed",
        139 => "segmentation-fault",
        143 => "terminated",
        _ => "application-error",
    }
}

/// The container that brought its task down: ECS names none. One with a reason, else one whose exit code is none of those
/// with which the others are stopped.
fn exited_first(task: &Task) -> Option<&Container> {
    let exited = task.containers.iter().filter(|c| c.exit_code.is_some());
    exited.min_by_key(|c| {
        let own_words = c.reason.is_some() && c.reason != task.stopped_reason;
        (!own_words, c.exit_code.map(told_to_end))
    })
}

/// How much an exit code looks like that of a container that was told to end: SIGKILL, SIGTERM, or well-behaved.
pub(super) fn told_to_end(code: i32) -> u8 {
    match code {
        137 => 3,
        143 => 2,
        0 => 1,
        _ => 0,
    }
}

/// What a service event says of why tasks do not come up or stay.
pub(super) fn of_event(message: &Untrusted) -> Option<&'static Cause> {
    // A task's own reason is quoted in an event as well; without such a beginning the words would mean something else.
    let quotes = any(
        &[
            &["unable to place a task", "Reason:"],
            &["failed to launch a task"],
        ],
        message,
    );
    all().find(|cause| any(cause.events, message) || (quotes && any(cause.says, message)))
}

/// What the health of a target says.
pub(super) fn of_target(note: &TargetNote) -> Option<&'static Cause> {
    let reason = note.reason.as_deref().unwrap_or(&note.state);
    if reason == "Target.ResponseCodeMismatch" {
        return named(by_answer(note.description.as_ref()?));
    }
    all().find(|cause| cause.target.contains(&reason))
}

/// By the status codes that a health check was answered: "Health checks failed with these codes: [404]".
fn by_answer(description: &Untrusted) -> &'static str {
    match answered(description) {
        Some(404) => "health-path-not-found",
        Some(401 | 403) => "health-path-denied",
        Some(301 | 302 | 303 | 307 | 308) => "health-path-redirects",
        Some(500..=599) => "health-path-errors",
        _ => "health-path-other-answer",
    }
}

/// The first status code of a health check's description.
pub(super) fn answered(description: &Untrusted) -> Option<u16> {
    (100..600).find(|code| description.contains(&format!("[{code}")))
}

/// What a line of a container's log gives as the cause.
pub(super) fn of_line(line: &Untrusted) -> Option<&'static Cause> {
    let said = |words: &&Words| words.iter().all(|word| line.contains_in_any_case(word));
    all().find(|cause| cause.logs.iter().any(|words| said(&words)))
}

fn reasons(task: &Task) -> impl Iterator<Item = &Untrusted> {
    let containers = task.containers.iter().filter_map(|c| c.reason.as_ref());
    task.stopped_reason.iter().chain(containers)
}
