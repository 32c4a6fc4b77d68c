//! `earlySuccessCriteria`: a rolling deployment that ECS calls SUCCESSFUL before all of its tasks are healthy. Knows the
//! criteria. Does not know how a deployment completes: that is `rollout`'s.

use serde_json::Value;

use super::super::shapes::{boolean_in, number_in, text};
use crate::services::ecs::{Deployment, RolloutState, ServiceDeployment};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Early {
    /// So many healthy tasks suffice.
    pub needed: usize,
    /// The previous tasks are removed after its end, not before it.
    pub deferred: bool,
}

fn criteria(configuration: &Value) -> Option<&Value> {
    let criteria = configuration.get("earlySuccessCriteria")?;
    boolean_in(criteria, "enable")
        .unwrap_or(false)
        .then_some(criteria)
}

/// The criteria of a deployment; a rollback has none.
pub fn of(deployment: &ServiceDeployment, desired: u64) -> Option<Early> {
    let criteria = criteria(&deployment.configuration)?;
    let percent = number_in(criteria, "healthyPercent").unwrap_or(100);
    deployment.rollback.is_none().then(|| Early {
        needed: (desired * percent).div_ceil(100) as usize,
        deferred: text(criteria, "sourceServiceRevisionCleanup") == Some("DEFERRED"),
    })
}

/// Whether the previous tasks go now, with so many of ours healthy.
pub fn cleans_up(
    deployment: &ServiceDeployment,
    primary: &Deployment,
    desired: u64,
    serving: usize,
    now: std::time::SystemTime,
) -> bool {
    let Some(early) = of(deployment, desired) else {
        return false;
    };
    let completed = primary.rollout_state == RolloutState::Completed;
    let baking =
        deployment.alarms_status == "MONITORING" && primary.bake_until.is_none_or(|b| b > now);
    let going = primary.rollout_state == RolloutState::InProgress && !early.deferred && !baking;
    serving >= early.needed && (completed || going)
}

/// What ECS refuses of them.
pub fn check(configuration: &Value) -> Result<(), String> {
    let Some(criteria) = criteria(configuration) else {
        return Ok(());
    };
    let Some(percent) = number_in(criteria, "healthyPercent").filter(|p| *p <= 100) else {
        return Err("healthyPercent must be between 0 and 100.".to_owned());
    };
    let least = number_in(configuration, "minimumHealthyPercent").unwrap_or(100);
    if percent < least {
        return Err("healthyPercent must be at least minimumHealthyPercent.".to_owned());
    }
    match text(criteria, "sourceServiceRevisionCleanup") {
        Some("BLOCKING" | "DEFERRED") => Ok(()),
        _ => Err("sourceServiceRevisionCleanup must be BLOCKING or DEFERRED.".to_owned()),
    }
}
