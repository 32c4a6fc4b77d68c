//! Lifecycle hooks: when they begin, how they end, and what ECS makes of it. A Lambda function is not run: the world file
//! says what it answers. Does not know which stage follows.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::shapes::{epoch_seconds, list, number_in, text};
use super::super::{World, failure, scheduler};
use super::{Stage, newest};
use crate::services::ecs::{ServiceDeployment, ServiceKey};

/// A hook that nobody resolves is timed out after a day (API reference, DeploymentLifecycleHookTimeoutConfiguration).
const TIMEOUT_MINUTES: u64 = 1440;
/// How long a function takes that no world file speaks of.
const USUAL: Duration = Duration::from_secs(5);

/// A hook that has begun.
#[derive(Clone, Debug)]
pub struct Hook {
    pub id: String,
    pub pauses: bool,
    pub target: Option<String>,
    pub stage: Stage,
    pub status: &'static str,
    pub expires_at: SystemTime,
    /// CONTINUE or ROLLBACK.
    pub timeout_action: String,
    /// When its function answers, and whether well.
    answer: Option<(SystemTime, bool)>,
}

impl Hook {
    fn waits(&self) -> bool {
        matches!(self.status, "IN_PROGRESS" | "AWAITING_ACTION")
    }
}

/// What a function answers, by a part of its ARN.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HookAnswer {
    pub function: String,
    #[serde(default, with = "crate::scenario::durations")]
    pub after: Duration,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Answer {
    Succeeded,
    Failed,
    /// It goes on saying so for ever.
    InProgress,
}

/// How the hooks of a stage stand.
pub enum Resolved {
    Done,
    /// Until then, if a time is all they wait for.
    Waits(Option<SystemTime>),
    /// Why the deployment rolls back.
    Failed(String),
}

/// Begins the hooks of a stage.
pub fn begin(world: &mut World, key: &ServiceKey, stage: Stage) {
    let now = world.now;
    let answers = world.hook_answers.clone();
    let Some(deployment) = newest(world, key) else {
        return;
    };
    let configured: Vec<Value> = list(&deployment.configuration, "lifecycleHooks")
        .iter()
        .filter(|hook| {
            list(hook, "lifecycleStages")
                .iter()
                .any(|s| s == stage.as_str())
        })
        .cloned()
        .collect();
    for configured in configured {
        let pauses = text(&configured, "targetType") == Some("PAUSE");
        let suffix = world.ids.alphanumeric(43);
        let timeout = configured
            .get("timeoutConfiguration")
            .unwrap_or(&Value::Null);
        let minutes = number_in(timeout, "timeoutInMinutes").unwrap_or(TIMEOUT_MINUTES);
        let target = text(&configured, "hookTargetArn").filter(|_| !pauses);
        let said = answers
            .iter()
            .find(|a| target.is_some_and(|t| t.contains(&a.function)));
        let answer = match said {
            _ if pauses => None,
            None => Some((now + USUAL, true)),
            Some(said) if said.answer == Answer::InProgress => None,
            Some(said) => Some((now + said.after, said.answer == Answer::Succeeded)),
        };
        let hook = Hook {
            id: format!("ecs-{}-{suffix}", if pauses { "pause" } else { "lambda" }),
            pauses,
            target: target.map(str::to_owned),
            stage,
            status: if pauses {
                "AWAITING_ACTION"
            } else {
                "IN_PROGRESS"
            },
            expires_at: now + Duration::from_secs(60 * minutes),
            timeout_action: text(timeout, "action").unwrap_or("ROLLBACK").to_owned(),
            answer,
        };
        if let Some(deployment) = newest(world, key) {
            deployment.hooks.push(hook);
            deployment.updated_at = now;
        }
    }
}

/// Lets time pass for the hooks that wait.
pub fn resolve(world: &mut World, key: &ServiceKey) -> Resolved {
    let now = world.now;
    let Some(deployment) = newest(world, key) else {
        return Resolved::Done;
    };
    let mut waits = false;
    let mut until: Option<SystemTime> = None;
    let mut failed = None;
    for hook in deployment.hooks.iter_mut().filter(|h| h.waits()) {
        let named = hook.target.as_deref().unwrap_or(&hook.id);
        let stage = hook.stage.as_str();
        match hook.answer {
            Some((at, well)) if at <= now => {
                hook.status = if well { "SUCCEEDED" } else { "FAILED" };
                if !well {
                    failed = Some(format!(
                        "Service deployment rolled back because lifecycle hook {named} failed at {stage}."
                    ));
                }
                deployment.updated_at = now;
            }
            _ if hook.expires_at <= now => {
                hook.status = "TIMED_OUT";
                if hook.timeout_action == "ROLLBACK" {
                    failed = Some(format!(
                        "Service deployment rolled back because lifecycle hook {named} timed out at {stage}."
                    ));
                }
                deployment.updated_at = now;
            }
            answer => {
                waits = true;
                let due = answer.map_or(hook.expires_at, |(at, _)| at.min(hook.expires_at));
                until = Some(until.map_or(due, |u| u.min(due)));
            }
        }
    }
    match failed {
        Some(reason) => Resolved::Failed(reason),
        None if waits => Resolved::Waits(until),
        None => Resolved::Done,
    }
}

/// ContinueServiceDeployment; false where no hook of that id waits for it.
pub fn act(world: &mut World, key: &ServiceKey, id: Option<&str>, action: &str) -> bool {
    let now = world.now;
    let Some(deployment) = newest(world, key).filter(|d| d.status == "IN_PROGRESS") else {
        return false;
    };
    let hook = deployment
        .hooks
        .iter_mut()
        .find(|h| h.status == "AWAITING_ACTION" && id.is_none_or(|id| h.id == id));
    let Some(hook) = hook else { return false };
    let rolls_back = action == "ROLLBACK";
    hook.status = if rolls_back { "FAILED" } else { "SUCCEEDED" };
    deployment.updated_at = now;
    if rolls_back {
        let reason =
            "Service deployment rolled back because of a ContinueServiceDeployment request.";
        failure::request_rollback(world, key, reason);
    }
    scheduler::look_soon(world, key);
    true
}

/// `lifecycleHookDetails`.
pub fn details(deployment: &ServiceDeployment) -> Vec<Value> {
    let each = deployment.hooks.iter();
    each.map(|hook| {
        let mut shown = json!({
            "hookId": hook.id, "targetType": if hook.pauses { "PAUSE" } else { "AWS_LAMBDA" },
            "status": hook.status, "expiresAt": epoch_seconds(hook.expires_at),
            "timeoutAction": hook.timeout_action,
        });
        if let Some(target) = &hook.target {
            shown["targetArn"] = json!(target);
        }
        shown
    })
    .collect()
}
