//! Target group and rule: what has to be made or changed, and why. Pure.

use super::{Change, DEREGISTRATION_DELAY, Found, Tags, Wanted};
use crate::model::target::{Conditions, ListenerRule, TargetGroup};
use crate::plan::preview::PreviewRefusal;
use crate::plan::preview::priority::allocate;

/// A preview is seen healthy soon, and given up soon.
const INTERVAL: u32 = 10;
const TIMEOUT_MAX: u32 = 9;
const THRESHOLD: u32 = 2;

pub(super) fn target_group(found: &Found, tags: &Tags) -> Option<(Change, String)> {
    if found.there.group.is_some() {
        return None;
    }
    let base = &found.base_group;
    let group = TargetGroup {
        arn: String::new(),
        name: found.of.name(),
        health_check_interval_seconds: INTERVAL,
        health_check_timeout_seconds: base
            .health_check_timeout_seconds
            .map(|timeout| timeout.min(TIMEOUT_MAX)),
        healthy_threshold_count: THRESHOLD,
        unhealthy_threshold_count: THRESHOLD,
        load_balancer_arns: Vec::new(),
        ..base.clone()
    };
    let change = Change::CreateTargetGroup {
        group,
        tags: tags.clone(),
    };
    Some((change, format!("made after target group {}", base.name)))
}

/// Before the rule is there nothing says that an earlier run came this far.
pub(super) fn delay(found: &Found) -> Option<(Change, String)> {
    if found.there.rule.is_some() && found.there.group.is_some() {
        return None;
    }
    let seconds = DEREGISTRATION_DELAY;
    let why = "nobody waits for old connections of a preview".to_owned();
    Some((Change::SetDeregistrationDelay { seconds }, why))
}

pub(super) fn rule(
    found: &Found,
    wanted: &Wanted,
    tags: &Tags,
) -> Result<Option<(Change, String)>, PreviewRefusal> {
    let conditions = wanted.routing.conditions(&found.place.base_way)?;
    let rewrites = wanted.routing.rewrites();
    let Some((rule, _)) = &found.there.rule else {
        let priority = allocate(&found.place.rules, &conditions, &found.of.name(), 0)?;
        let change = Change::CreateRule {
            listener_arn: found.place.listener.arn.clone(),
            priority,
            conditions,
            rewrites,
            tags: tags.clone(),
        };
        return Ok(Some((change, "none leads to the preview yet".to_owned())));
    };
    let group = found.there.group.as_ref().map(|(group, _)| &group.arn);
    let forwards = rule.fixed_response.is_none()
        && matches!(rule.forwards_to.as_slice(), [one] if Some(&one.target_group_arn) == group);
    let why = if rule.fixed_response.is_some() {
        "the preview is asleep: the rule shall lead to its tasks again"
    } else if !forwards {
        "the rule leads elsewhere"
    } else if !asks_for(rule, &conditions) || rule.rewrites != rewrites {
        "the preview is reached in another way now"
    } else {
        return Ok(None);
    };
    let change = Change::ModifyRule {
        rule_arn: rule.arn.clone(),
        conditions,
        rewrites,
    };
    Ok(Some((change, why.to_owned())))
}

/// Values have no order.
fn asks_for(rule: &ListenerRule, conditions: &Conditions) -> bool {
    let sorted = |values: &[String]| {
        let mut values = values.to_vec();
        values.sort();
        values
    };
    let headers = |headers: &[(String, Vec<String>)]| {
        let mut all: Vec<(String, Vec<String>)> = headers
            .iter()
            .map(|(name, values)| (name.to_ascii_lowercase(), sorted(values)))
            .collect();
        all.sort();
        all
    };
    // What is known of other conditions is that they are there: headers are some of them.
    rule.other_conditions != rule.headers.is_empty()
        && sorted(&rule.host_headers) == sorted(&conditions.host_headers)
        && sorted(&rule.path_patterns) == sorted(&conditions.path_patterns)
        && headers(&rule.headers) == headers(&conditions.headers)
}
