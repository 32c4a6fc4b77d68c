//! Which deployment of a service goes on already, and what is done about it. Pure.
//!
//! By the service deployments' statuses; where those are denied or not there, by what the service lists as `deployments[]`.

use jiff::Timestamp;
use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;

use crate::model::names::{family_and_revision, last_segment};
use crate::model::service::{Service, ServiceDeploymentBrief};

/// A deployment that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InFlight {
    /// `ecs-svc/N`
    pub deployment: String,
    /// ARN of what it deploys, where the service still lists it.
    pub task_definition: Option<String>,
    /// As ECS spells it.
    pub status: String,
    pub since: Option<Timestamp>,
    /// ECS is on its way back, or stops it: nothing may come in between.
    pub rolling_back: bool,
}

/// `if-deploying`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfDeploying {
    Supersede,
    Wait,
    Fail,
}

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum DeployingError {
    #[error("{} goes on, and `if-deploying` is `fail`", .other.in_words())]
    #[diagnostic(
        code(shipway::preflight::deploying),
        help(
            "run again once it has ended, or set `if-deploying: wait` to wait for its end, `supersede` to take its place"
        )
    )]
    Refused { other: InFlight },

    #[error("{} still goes on after {minutes} min: `wait-for-minutes` is all used up", .other.in_words())]
    #[diagnostic(
        code(shipway::preflight::deploying),
        help(
            "the service was not updated; run again once it has ended, or give both deployments more time with `wait-for-minutes`"
        )
    )]
    WaitedInVain { other: InFlight, minutes: u64 },
}

/// What is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way<'a> {
    Free,
    /// Goes on; what was there becomes superseded.
    Over(&'a InFlight),
    Wait(&'a InFlight),
}

pub fn way(
    in_flight: Option<&InFlight>,
    if_deploying: IfDeploying,
) -> Result<Way<'_>, DeployingError> {
    let Some(other) = in_flight else {
        return Ok(Way::Free);
    };
    match if_deploying {
        IfDeploying::Fail => Err(DeployingError::Refused {
            other: other.clone(),
        }),
        IfDeploying::Wait => Ok(Way::Wait(other)),
        IfDeploying::Supersede if other.rolling_back => Ok(Way::Wait(other)),
        IfDeploying::Supersede => Ok(Way::Over(other)),
    }
}

impl InFlight {
    /// "deployment `ecs-svc/1` of `web:2` (IN_PROGRESS since 14:00:05)": names and values between backticks.
    pub fn in_words(&self) -> String {
        let what = match self.rolling_back {
            true => "the rollback of deployment",
            false => "deployment",
        };
        let of = match &self.task_definition {
            Some(arn) => format!(" of `{}`", family_and_revision(arn)),
            None => String::new(),
        };
        let since = match self.since {
            Some(since) => format!(" since {}", since.strftime("%H:%M:%S UTC")),
            None => String::new(),
        };
        format!(
            "{what} `{}`{of} (`{}`{since})",
            self.deployment, self.status
        )
    }
}

/// Whether anything may be going on: what the service itself shows. Only then is the rest worth a call.
pub fn may_be(service: &Service) -> bool {
    let state = service.primary().and_then(|p| p.rollout_state.as_deref());
    service.deployments.len() > 1 || state.is_some_and(|s| s != "COMPLETED")
}

/// `history`: the service deployments since the oldest listed deployment began, the newest first; `None` where nobody may
/// see them, or there are none.
pub fn in_flight(
    service: &Service,
    history: Option<&[ServiceDeploymentBrief]>,
) -> Option<InFlight> {
    let Some(history) = history.filter(|h| !h.is_empty()) else {
        return by_deployments(service);
    };
    if let Some(brief) = history.iter().find(|b| goes_on(&b.status)) {
        return Some(of_brief(service, brief));
    }
    // Just begun: not in the history yet.
    let primary = service.primary()?;
    let known = history
        .iter()
        .any(|b| deployment_of(b).as_deref() == Some(&primary.id));
    match known {
        true => None,
        false => by_deployments(service),
    }
}

fn goes_on(status: &str) -> bool {
    matches!(status, "PENDING" | "IN_PROGRESS") || goes_back(status)
}

fn goes_back(status: &str) -> bool {
    matches!(
        status,
        "STOP_REQUESTED" | "ROLLBACK_REQUESTED" | "ROLLBACK_IN_PROGRESS"
    )
}

/// `ecs-svc/N` of the service revision `…/N`.
fn deployment_of(brief: &ServiceDeploymentBrief) -> Option<String> {
    let revision = brief.target_service_revision_arn.as_deref()?;
    Some(format!("ecs-svc/{}", last_segment(revision)))
}

fn of_brief(service: &Service, brief: &ServiceDeploymentBrief) -> InFlight {
    let id = deployment_of(brief);
    let listed = service
        .deployments
        .iter()
        .find(|d| Some(&d.id) == id.as_ref());
    InFlight {
        task_definition: listed.map(|d| d.task_definition.clone()),
        deployment: id.unwrap_or_else(|| last_segment(&brief.arn).to_owned()),
        status: brief.status.clone(),
        since: brief.created_at,
        rolling_back: goes_back(&brief.status),
    }
}

fn by_deployments(service: &Service) -> Option<InFlight> {
    let primary = service.primary()?;
    if primary.rollout_state.as_deref() != Some("IN_PROGRESS") {
        return None;
    }
    // ECS made an earlier one PRIMARY again.
    let failed = service
        .deployments
        .iter()
        .find(|d| d.id != primary.id && d.rollout_state.as_deref() == Some("FAILED"));
    let shown = failed.unwrap_or(primary);
    Some(InFlight {
        deployment: shown.id.clone(),
        task_definition: Some(shown.task_definition.clone()),
        status: shown.rollout_state.clone().unwrap_or_default(),
        since: shown.created_at,
        rolling_back: failed.is_some(),
    })
}

#[cfg(test)]
#[path = "in_flight_tests.rs"]
mod tests;
