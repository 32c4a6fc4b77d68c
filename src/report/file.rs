//! The report file: all that is known at the end as JSON, for programs that want more than the outputs. Knows its keys, which
//! stay; text of others is in it as plain text, escaped for nothing but JSON.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::event::{Stretch, Text};
use super::fleet::{self, Fleet};
use super::markdown::{Announcement, Counted, Failure, Preview, advice_in_words};
use super::page::{Outcome, Page};
use super::{container_logs, escape, json, plan};
use crate::model::container_logs::ContainerLogs;
use crate::model::past::PastDeployment;
use crate::model::verdict::Outputs;
use crate::rollout::{ServesNow, TargetNote, TaskTimes, Timings};

/// Grows when a key changes its meaning, not when one is added.
const VERSION: u32 = 1;
/// Deploys of one service in one job that get a file each.
const FILES: u32 = 100;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct File<'a> {
    pub version: u32,
    pub outputs: &'a Outputs,
    pub exit_code: u8,
    pub took_ms: u64,
    #[serde(flatten)]
    pub details: &'a Details,
    pub phases: Vec<PhaseOf>,
}

/// What an announcement says beyond the outputs.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Details {
    /// Names of the file.
    #[serde(skip)]
    subject: Vec<String>,
    cluster: Option<String>,
    service: Option<String>,
    environment: Option<String>,
    verdict: String,
    commit: Option<String>,
    revision: Option<String>,
    previous_revision: Option<String>,
    health: Option<Health>,
    now_serving: Option<String>,
    what_serves: Option<ServesNow>,
    /// Why, the most telling first.
    reasons: Vec<String>,
    failure: Option<FailureOf>,
    plan: Vec<Planned>,
    rollout: Option<RolloutTimes>,
    tasks: Vec<TaskOf>,
    target_health: Vec<Target>,
    advice: Vec<String>,
    notes: Vec<String>,
    history: Vec<Past>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<PreviewOf>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct PreviewOf {
    pull_request: u64,
    state: &'static str,
    expires: Option<String>,
    why: Option<String>,
    removed: Option<u32>,
    resources: Option<u32>,
    left: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Health {
    healthy: u32,
    of: u32,
    counted: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct FailureOf {
    code: Option<String>,
    headline: Option<String>,
    cause: Option<CauseOf>,
    evidence: Vec<String>,
    fixes: Vec<String>,
    next: Option<String>,
    quoted: Option<Quoted>,
    logs: Option<LogsOf>,
    now_serving: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct CauseOf {
    name: &'static str,
    title: &'static str,
    meaning: &'static str,
    page: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct LogsOf {
    container: String,
    group: Option<String>,
    stream: Option<String>,
    region: Option<String>,
    url: Option<String>,
    lines: Vec<String>,
    note: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Quoted {
    title: String,
    text: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Planned {
    change: String,
    why: String,
    differences: Vec<DifferenceOf>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct DifferenceOf {
    path: String,
    was: Option<String>,
    becomes: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PhaseOf {
    phase: &'static str,
    began_ms: u64,
    took_ms: u64,
    ended: bool,
    note: Option<String>,
}

/// Since the update.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct RolloutTimes {
    first_task_ms: Option<u64>,
    pulled_ms: Option<u64>,
    running_ms: Option<u64>,
    healthy_ms: Option<u64>,
    ended_ms: u64,
    longest_pull_ms: Option<u64>,
    window_ms: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct TaskOf {
    task: String,
    created_ms: Option<u64>,
    pull_started_ms: Option<u64>,
    pulled_ms: Option<u64>,
    running_ms: Option<u64>,
    healthy_ms: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Target {
    target_group: String,
    target: String,
    port: Option<u16>,
    state: String,
    reason: Option<String>,
    description: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Past {
    run: u64,
    attempt: u64,
    status: &'static str,
    cause: Option<String>,
    commit: Option<String>,
    ended_at: i64,
    took_ms: u64,
}

impl Details {
    pub fn of(about: &Announcement) -> Details {
        let cause = about.state.cause().map(escape::plain);
        let failure = about.state.failure();
        let evidence = failure.iter().flat_map(|f| &f.evidence).map(escape::plain);
        let mut subject = vec![about.cluster.clone(), about.service.clone()];
        let number = about.preview.as_ref().map(|p| p.pull_request);
        subject.extend(number.map(|number| format!("pr-{number}")));
        Details {
            subject,
            cluster: Some(about.cluster.clone()),
            service: Some(about.service.clone()),
            environment: about
                .environment
                .as_ref()
                .map(|e| escape::plain(&Text::new().quote(e))),
            verdict: escape::plain(&super::markdown::verdict_alone(about)),
            commit: about.commit.as_ref().map(|c| c.sha.clone()),
            revision: about.revision.clone(),
            previous_revision: about.previous_revision.clone(),
            health: about.healthy.map(|(healthy, of)| Health {
                healthy,
                of,
                counted: match about.counted {
                    Counted::Targets => "targets",
                    Counted::Tasks => "tasks",
                },
            }),
            now_serving: about.now_serving.as_ref().map(escape::plain),
            what_serves: about.what_serves.clone(),
            reasons: cause.iter().cloned().chain(evidence).collect(),
            failure: failure.map(|failure| FailureOf {
                now_serving: about.now_serving.as_ref().map(escape::plain),
                ..failure_of(failure, cause.clone())
            }),
            plan: planned(&about.plan),
            rollout: about.timings.as_ref().map(times),
            tasks: about
                .timings
                .iter()
                .flat_map(|t| &t.tasks)
                .map(task)
                .collect(),
            target_health: about.targets.iter().map(target).collect(),
            advice: about
                .advice
                .iter()
                .map(|advice| escape::plain(&advice_in_words(advice)))
                .collect(),
            notes: about
                .commit_note
                .iter()
                .chain(&about.notes)
                .map(escape::plain)
                .collect(),
            history: about.history.iter().map(past).collect(),
            preview: about.preview.as_ref().map(preview),
        }
    }

    /// Of many services.
    pub fn of_fleet(fleet: &Fleet) -> Details {
        Details {
            subject: vec!["scale".to_owned()],
            verdict: fleet::verdict(fleet),
            reasons: fleet
                .regions
                .iter()
                .map(|(_, why)| escape::plain(why))
                .collect(),
            ..Details::default()
        }
    }

    /// Of a verb that deploys nothing.
    pub fn of_page(page: &Page) -> Details {
        let mut details = Details {
            subject: page.subject.clone(),
            verdict: escape::plain(&page.headline),
            commit: page.about.commit.as_ref().map(|c| c.sha.clone()),
            notes: page.about.note.iter().map(escape::plain).collect(),
            ..Details::default()
        };
        match &page.outcome {
            Outcome::Planned(plan) => {
                details.cluster = Some(plan.cluster.clone());
                details.service = Some(plan.service.clone());
                details.plan = planned(&plan::planned(plan));
            }
            Outcome::Failed { cause, failure } => {
                let cause = cause.as_ref().map(escape::plain);
                let evidence = failure.evidence.iter().map(escape::plain);
                details.reasons = cause.iter().cloned().chain(evidence).collect();
                details.failure = Some(failure_of(failure, cause));
            }
            Outcome::Built(_) | Outcome::Cancelled => {}
        }
        details
    }
}

fn failure_of(failure: &Failure, headline: Option<String>) -> FailureOf {
    FailureOf {
        code: failure.code.clone(),
        headline,
        cause: failure.cause.map(|cause| CauseOf {
            name: cause.name,
            title: cause.title,
            meaning: cause.meaning,
            page: cause.page,
        }),
        evidence: failure.evidence.iter().map(escape::plain).collect(),
        fixes: failure.fixes.iter().map(escape::plain).collect(),
        next: failure.next.as_ref().map(escape::plain),
        quoted: failure.quoted.as_ref().map(|(title, text)| Quoted {
            title: escape::plain(title),
            text: escape::plain_block(text),
        }),
        logs: failure.logs.as_ref().map(logs_of),
        now_serving: None,
    }
}

fn logs_of(logs: &ContainerLogs) -> LogsOf {
    let at = logs.place.stream();
    LogsOf {
        container: logs.container.clone(),
        group: at.map(|at| at.group.clone()),
        stream: at.and_then(|at| at.stream.clone()),
        region: at.map(|at| at.region.clone()),
        url: logs.url.clone(),
        lines: logs.lines().iter().map(escape::plain_block).collect(),
        note: container_logs::note(logs).map(|note| escape::plain(&note)),
    }
}

fn planned(plan: &[plan::Planned]) -> Vec<Planned> {
    plan.iter()
        .map(|planned| Planned {
            change: escape::plain(&planned.change),
            why: planned.why.clone(),
            differences: planned
                .differences
                .iter()
                .map(|d| DifferenceOf {
                    path: d.path.clone(),
                    was: d.was.clone(),
                    becomes: d.becomes.clone(),
                })
                .collect(),
        })
        .collect()
}

pub(super) fn phases(stretches: &[Stretch]) -> Vec<PhaseOf> {
    stretches
        .iter()
        .map(|stretch| PhaseOf {
            phase: stretch.phase.word(),
            began_ms: millis(stretch.began),
            took_ms: millis(stretch.took),
            ended: stretch.ended,
            note: Some(escape::plain(&stretch.note)).filter(|n| !n.is_empty()),
        })
        .collect()
}

fn times(timings: &Timings) -> RolloutTimes {
    RolloutTimes {
        first_task_ms: timings.first_task.map(millis),
        pulled_ms: timings.pulled.map(millis),
        running_ms: timings.running.map(millis),
        healthy_ms: timings.healthy.map(millis),
        ended_ms: millis(timings.ended),
        longest_pull_ms: timings.longest_pull.map(millis),
        window_ms: timings.window.map(millis),
    }
}

fn task(task: &TaskTimes) -> TaskOf {
    TaskOf {
        task: task.task.clone(),
        created_ms: task.created.map(millis),
        pull_started_ms: task.pull_started.map(millis),
        pulled_ms: task.pulled.map(millis),
        running_ms: task.running.map(millis),
        healthy_ms: task.healthy.map(millis),
    }
}

fn target(note: &TargetNote) -> Target {
    Target {
        target_group: note.target_group.clone(),
        target: note.target.clone(),
        port: note.port,
        state: note.state.clone(),
        reason: note.reason.clone(),
        description: note
            .description
            .as_ref()
            .map(|d| escape::plain(&Text::new().quote(d))),
    }
}

fn preview(preview: &Preview) -> PreviewOf {
    PreviewOf {
        pull_request: preview.pull_request,
        state: preview.state.word(),
        expires: preview.expires.map(|at| at.to_string()),
        why: preview.why.as_ref().map(escape::plain),
        removed: preview.removed.map(|(gone, _)| gone),
        resources: preview.removed.map(|(_, of)| of),
        left: preview.left.iter().map(escape::plain).collect(),
    }
}

fn past(past: &PastDeployment) -> Past {
    Past {
        run: past.run,
        attempt: past.attempt,
        status: past.status.word(),
        cause: past
            .cause
            .as_ref()
            .map(|c| escape::plain(&Text::new().quote(c))),
        commit: past.commit.clone(),
        ended_at: past.ended_at,
        took_ms: past.took_ms,
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An empty file of its own in `folder`, for no two deploys of a job may share one. Never one that is there already, which
/// might be a link to elsewhere.
pub(super) fn create(folder: &Path, details: &Details) -> std::io::Result<PathBuf> {
    let mut name = vec!["shipway".to_owned()];
    for part in &details.subject {
        // Each may be given as an ARN.
        let part = part.rsplit('/').next().unwrap_or_default();
        name.push(escape::label(part).replace(' ', "-"));
    }
    name.retain(|part| !part.is_empty());
    let name = name.join("-");
    let mut tried = 1;
    loop {
        let path = match tried {
            1 => folder.join(format!("{name}.json")),
            n => folder.join(format!("{name}-{n}.json")),
        };
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && tried < FILES => {
                tried += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn write(
    path: &Path,
    outputs: &Outputs,
    exit_code: u8,
    took: Duration,
    details: &Details,
    stretches: &[Stretch],
) -> std::io::Result<()> {
    let file = File {
        version: VERSION,
        outputs,
        exit_code,
        took_ms: millis(took),
        details,
        phases: phases(stretches),
    };
    OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)?
        .write_all(format!("{}\n", json::to_lines(&file)).as_bytes())
}
