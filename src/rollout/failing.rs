//! Evidence that ours will not succeed, in ECS's own words. Hard evidence stays; soft evidence (an event, a triggered
//! breaker or alarm) only forbids taking what follows for something better.

use crate::model::service::{Service, ServiceDeployment, ServiceEvent};

use super::observation::find;
use super::superseded::{Primary, primary};
use super::telling::Since;
use super::{Observation, RolloutTarget, Sentence};

/// The first hard evidence in this look, as a sentence.
pub(super) fn hard(seen: &Observation, target: &RolloutTarget) -> Option<Sentence> {
    if let (Ok(deployment), false) = (&seen.deployment, target.is_count())
        && let Some(why) = of_deployment(deployment)
    {
        return Some(why);
    }
    let service = seen.service.as_ref().ok()?;
    of_service(service, target)
}

fn of_deployment(deployment: &ServiceDeployment) -> Option<Sentence> {
    if !is_rollback(&deployment.status) && !rollback_began(deployment) {
        return None;
    }
    Some(worded(&deployment.status, reason_of(deployment)))
}

fn of_service(service: &Service, target: &RolloutTarget) -> Option<Sentence> {
    let ours = target.ours();
    let listed = find(service, ours)?;
    if !target.is_count() && listed.rollout_state.as_deref() == Some("FAILED") {
        return Some(worded(
            "rolloutState FAILED",
            listed.rollout_state_reason.as_ref(),
        ));
    }
    // Ours is listed, so the read is not stale: an older deployment became PRIMARY again.
    match primary(service, ours) {
        Primary::Older(older) if is_rolling(service) => Some(Sentence::new(format!(
            "ECS made the earlier deployment {} PRIMARY again.",
            older.id
        ))),
        _ => None,
    }
}

/// The API describes `rollback` also as options: only one with a reason has begun.
pub(super) fn rollback_began(deployment: &ServiceDeployment) -> bool {
    let reason = deployment.rollback.as_ref().and_then(|r| r.reason.as_ref());
    reason.is_some_and(|r| !r.is_empty())
}

/// Whether anything hints at a failure of ours, so that a newer PRIMARY may be a rollback's.
pub(super) fn soft(seen: &Observation, target: &RolloutTarget, since: &Since) -> bool {
    if let Ok(deployment) = &seen.deployment
        && (triggered(deployment) || !deployment.triggered_alarms.is_empty())
    {
        return true;
    }
    seen.service
        .as_ref()
        .is_ok_and(|s| says_rolling_back(s, target, since).is_some())
}

/// "… deployment failed …" of ours, or "rolling back to …" another than ours, since the update.
pub(super) fn says_rolling_back<'s>(
    service: &'s Service,
    target: &RolloutTarget,
    since: &Since,
) -> Option<&'s ServiceEvent> {
    let id = target.ours().deployment_id.as_str();
    service.events.iter().filter(|e| since.is_new(e)).find(|e| {
        let ours = e.message.contains(id);
        (e.message.contains("deployment failed") && ours)
            || (e.message.contains("rolling back") && !ours)
    })
}

/// How other strategies order their deployments is not documented.
pub(super) fn is_rolling(service: &Service) -> bool {
    matches!(
        service.deployment_configuration.strategy.as_str(),
        "" | "ROLLING"
    )
}

pub(super) fn triggered(deployment: &ServiceDeployment) -> bool {
    deployment
        .circuit_breaker
        .as_ref()
        .is_some_and(|b| b.status == "TRIGGERED")
}

pub(super) fn is_rollback(status: &str) -> bool {
    matches!(
        status,
        "ROLLBACK_REQUESTED" | "ROLLBACK_IN_PROGRESS" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED"
    )
}

/// ECS's reason: the rollback's own, else the status's.
pub(super) fn reason_of(deployment: &ServiceDeployment) -> Option<&crate::model::Untrusted> {
    deployment
        .rollback
        .as_ref()
        .and_then(|r| r.reason.as_ref())
        .or(deployment.status_reason.as_ref())
        .filter(|r| !r.is_empty())
}

/// How ECS's reasons begin: what a verdict says in front of them.
const SAID: [&str; 2] = [
    "Service deployment rolled back because of ",
    "Service deployment rolled back because ",
];

pub(super) fn worded(status: &str, reason: Option<&crate::model::Untrusted>) -> Sentence {
    let Some(reason) = reason else {
        return Sentence::new(format!("{status}, and ECS gives no reason."));
    };
    let said = match status {
        "ROLLBACK_SUCCESSFUL" => SAID.iter().find_map(|said| reason.after(said)),
        _ => None,
    };
    // The reason repeats in words what the status says: it goes first.
    Sentence::default()
        .quote(said.as_ref().unwrap_or(reason))
        .text(format!(" ({status})"))
}
