//! What the settings ask of a service and of the wait for it, in the plan's and the rollout's words: the same for every verb.

use std::time::Duration;

use crate::inputs::arguments::{self, Overrides};
use crate::inputs::trigger::Trigger;
use crate::inputs::values::{self, KeyValue};
use crate::model::stamp;
use crate::plan::Wanted;
use crate::plan::in_flight::IfDeploying;
use crate::plan::service::{WantedImage, tag_value};
use crate::rollout::{Limits, OnFailure, OnPause, OnSuperseded, WaitUntil};

/// `commit` is the one that the image stands for.
pub fn wanted(
    overrides: &Overrides,
    image: WantedImage,
    commit: Option<&str>,
    trigger: Option<&Trigger>,
) -> Wanted {
    let pairs = |list: &[KeyValue]| {
        list.iter()
            .map(|p| (p.key.clone(), p.value.clone()))
            .collect()
    };
    let mut tags = Vec::new();
    let mut tag = |name: &str, value: Option<String>| {
        tags.extend(value.map(|v| (name.to_owned(), tag_value(&v))))
    };
    tag(stamp::COMMIT, commit.map(str::to_owned));
    tag(
        stamp::RUN,
        trigger.and_then(|t| t.run_id).map(|id| id.to_string()),
    );
    tag(stamp::REPOSITORY, trigger.map(|t| t.repository.clone()));
    Wanted {
        image: Some(image),
        environment_variables: pairs(&overrides.environment_variables),
        secrets: pairs(&overrides.secrets),
        command: overrides.command.as_ref().map(|c| c.0.clone()),
        desired_count: overrides.desired_count,
        force_new_deployment: overrides.force_new_deployment,
        tags,
    }
}

pub fn limits(limits: &arguments::Limits) -> Limits {
    Limits {
        wait_until: match &limits.wait_until {
            values::WaitUntil::Healthy => WaitUntil::Healthy,
            values::WaitUntil::Deployed => WaitUntil::Deployed,
            values::WaitUntil::Stage(stage) => WaitUntil::Stage(stage.clone()),
            values::WaitUntil::None => WaitUntil::None,
        },
        wait_for: Duration::from_secs(u64::from(limits.wait_for_minutes) * 60),
        stable_for: limits.stable_for.map(|s| Duration::from_secs(u64::from(s))),
        on_superseded: match limits.on_superseded {
            values::OnSuperseded::Succeed => OnSuperseded::Succeed,
            values::OnSuperseded::Fail => OnSuperseded::Fail,
        },
        fail_fast: limits.fail_fast,
        on_failure: match limits.on_failure {
            values::OnFailure::Rollback => OnFailure::Rollback,
            values::OnFailure::Keep => OnFailure::Keep,
        },
        on_pause: match limits.on_pause {
            values::OnPause::Return => OnPause::Return,
            values::OnPause::Wait => OnPause::Wait,
            values::OnPause::Continue => OnPause::Continue,
        },
    }
}

pub fn if_deploying(order: &arguments::Order) -> IfDeploying {
    match order.if_deploying {
        values::IfDeploying::Supersede => IfDeploying::Supersede,
        values::IfDeploying::Wait => IfDeploying::Wait,
        values::IfDeploying::Fail => IfDeploying::Fail,
    }
}
