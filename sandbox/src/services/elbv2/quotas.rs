//! How much of what a load balancer takes, in ELBv2's words. The numbers are AWS's defaults (quotas for Application Load
//! Balancers). Does not know how often it may be asked: that is the wire's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rule_members::forwards_to;
use crate::world::shapes::everything;
use crate::world::{Answer, ApiError, Operation, World};

/// Rules per load balancer, default rules not counted.
pub const RULES: usize = 100;
/// Target groups per load balancer, over all its listeners. It cannot be raised.
pub const TARGET_GROUPS: usize = 100;

pub const OPERATIONS: &[Operation] = &[Operation {
    service: "elasticloadbalancing",
    name: "DescribeAccountLimits",
    function: describe_account_limits,
    resources: everything,
}];

fn describe_account_limits(_: &mut World, _: &Value) -> Answer {
    Ok(json!({ "Limits": [
        { "Name": "rules-per-application-load-balancer", "Max": RULES.to_string() },
        { "Name": "target-groups-per-application-load-balancer", "Max": TARGET_GROUPS.to_string() },
    ] }))
}

/// Whether a load balancer takes one more rule.
pub fn rules(world: &World, balancer: &str) -> Result<(), ApiError> {
    let rules = world.elbv2.rules.values().filter(|r| {
        let listener = world.elbv2.listeners.get(&r.listener);
        r.priority.is_some() && listener.is_some_and(|l| l.load_balancer == balancer)
    });
    if rules.count() < RULES {
        return Ok(());
    }
    Err(ApiError::new(
        "TooManyRules",
        format!("The maximum number of rules on load balancer '{balancer}' has been reached"),
    ))
}

/// Whether a load balancer's rules, with these actions in place of a rule's own, forward to no more target groups than it
/// takes, and to none of another load balancer.
pub fn target_groups(
    world: &World,
    balancer: &str,
    instead_of: Option<&str>,
    actions: &Value,
) -> Result<(), ApiError> {
    let wanted = forwards_to(actions).into_iter().map(|(arn, _)| arn);
    let wanted: BTreeSet<String> = wanted.collect();
    let mut used = wanted.clone();
    for rule in world.elbv2.rules.values() {
        let listener = world.elbv2.listeners.get(&rule.listener);
        let own = listener.is_some_and(|l| l.load_balancer == balancer);
        let groups = forwards_to(&rule.actions).into_iter().map(|(arn, _)| arn);
        if own && instead_of != Some(rule.arn.as_str()) {
            used.extend(groups);
        } else if !own && let Some(taken) = groups.into_iter().find(|g| wanted.contains(g)) {
            return Err(ApiError::new(
                "TargetGroupAssociationLimit",
                format!(
                    "The following target groups cannot be associated with more than one load balancer: {taken}"
                ),
            ));
        }
    }
    if used.len() <= TARGET_GROUPS {
        return Ok(());
    }
    Err(ApiError::new(
        "TooManyUniqueTargetGroupsPerLoadBalancer",
        format!(
            "The maximum number of unique target groups per load balancer has been reached on '{balancer}'"
        ),
    ))
}
