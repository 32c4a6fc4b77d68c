//! Which target group a revision has, and the weights that ECS writes into listener rules. Knows no stage's conditions.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::super::World;
use super::super::shapes::{list, text};
use super::{Stage, shifts, strategy};
use crate::services::ecs::{Service, ServiceKey};

/// How far a deployment has shifted traffic. It stays as it was once the deployment has ended.
#[derive(Clone, Debug)]
pub struct Shift {
    pub stage: Stage,
    pub since: SystemTime,
    /// Percent of production traffic that goes to the target revision.
    pub production: f64,
    /// Percent of test traffic.
    pub test: f64,
    /// Digits of the revision that has the rest.
    pub kept: String,
}

impl Shift {
    /// `lifecycleStage`. The hooks before a production shift run in a stage that ECS's enum does not have.
    pub fn reported(&self) -> &'static str {
        match self.stage {
            Stage::PreProductionTrafficShift if self.production > 0.0 => {
                Stage::ProductionTrafficShift.as_str()
            }
            Stage::PreProductionTrafficShift => Stage::PostTestTrafficShift.as_str(),
            stage => stage.as_str(),
        }
    }

    /// Percents of a revision: production and test.
    pub fn weights(&self, digits: &str, target: &str) -> (f64, f64) {
        if digits == target {
            (self.production, self.test)
        } else if digits == self.kept {
            (100.0 - self.production, 100.0 - self.test)
        } else {
            (0.0, 0.0)
        }
    }
}

pub struct Step {
    pub percent: f64,
    /// All of the rest comes after the first.
    pub once: bool,
}

/// How much traffic moves at a time.
pub fn step(configuration: &Value) -> Step {
    let percent = |part: &str, member: &str, usual: f64| {
        let part = configuration.get(part);
        part.and_then(|p| p.get(member)?.as_f64()).unwrap_or(usual)
    };
    match strategy(configuration) {
        "LINEAR" => Step {
            percent: percent("linearConfiguration", "stepPercent", 10.0),
            once: false,
        },
        "CANARY" => Step {
            percent: percent("canaryConfiguration", "canaryPercent", 5.0),
            once: true,
        },
        _ => Step {
            percent: 100.0,
            once: true,
        },
    }
}

fn advanced(entry: &Value) -> Option<&Value> {
    entry.get("advancedConfiguration").filter(|a| a.is_object())
}

fn entries(members: &Map<String, Value>) -> &[Value] {
    let entries = members.get("loadBalancers").and_then(Value::as_array);
    entries.map(Vec::as_slice).unwrap_or_default()
}

/// The target group that a new revision has for each `loadBalancers` entry: of the two, the one that the revision before it
/// has not.
pub fn groups(service: &Service, configuration: &Value) -> Vec<String> {
    let before = service.completed.as_ref().and_then(|digits| {
        let revisions = &service.revisions;
        revisions.iter().find(|r| r.digits == *digits)
    });
    let each = entries(&service.members).iter().enumerate();
    each.map(|(index, entry)| {
        let given = text(entry, "targetGroupArn").unwrap_or_default();
        let alternate = advanced(entry).and_then(|a| text(a, "alternateTargetGroupArn"));
        let before = before.and_then(|r| r.target_groups.get(index));
        match (alternate, before.map(String::as_str)) {
            (Some(alternate), Some(before)) if before == given || before == alternate => {
                let other = if before == given { alternate } else { given };
                if shifts(configuration) { other } else { before }
            }
            _ => given,
        }
        .to_owned()
    })
    .collect()
}

/// Writes the weights as they shall be into production and test rules; a service's first revision has all of it.
pub fn write(world: &mut World, key: &ServiceKey) {
    let Some(service) = world.ecs.services.get(key) else {
        return;
    };
    let Some(newest) = service.service_deployments.last() else {
        return;
    };
    let revision = service.revisions.iter().find(|r| r.digits == newest.target);
    let Some(revision) = revision else { return };
    let shift = newest.shift.as_ref();
    let (production, test) = shift.map_or((100.0, 100.0), |s| (s.production, s.test));
    let mut written = Vec::new();
    for (entry, ours) in entries(&revision.members)
        .iter()
        .zip(&revision.target_groups)
    {
        let Some(advanced) = advanced(entry) else {
            continue;
        };
        let two = [
            text(entry, "targetGroupArn"),
            text(advanced, "alternateTargetGroupArn"),
        ];
        for (member, percent) in [
            ("productionListenerRule", production),
            ("testListenerRule", test),
        ] {
            if let Some(rule) = text(advanced, member) {
                let groups = two.iter().flatten().map(|group| {
                    let weight = if group == ours {
                        percent
                    } else {
                        100.0 - percent
                    };
                    json!({ "TargetGroupArn": group, "Weight": weight.round() as u64 })
                });
                written.push((rule.to_owned(), groups.collect::<Vec<Value>>()));
            }
        }
    }
    for (rule, groups) in written {
        if let Some(rule) = world.elbv2.rules.get_mut(&rule) {
            rule.actions = json!([{
                "Type": "forward", "Order": 1,
                "ForwardConfig": { "TargetGroups": groups, "TargetGroupStickinessConfig": { "Enabled": false } },
            }]);
        }
    }
}

/// `resolvedConfiguration.loadBalancers` of a revision.
pub fn resolved(members: &Map<String, Value>, groups: &[String]) -> Vec<Value> {
    let each = entries(members).iter().zip(groups);
    each.filter(|(_, group)| !group.is_empty())
        .map(|(entry, group)| {
            let mut shown = json!({ "targetGroupArn": group });
            if let Some(rule) = advanced(entry).and_then(|a| text(a, "productionListenerRule")) {
                shown["productionListenerRule"] = json!(rule);
            }
            shown
        })
        .collect()
}

/// What ECS refuses of a service whose deployments shift traffic.
pub fn check(world: &World, members: &Map<String, Value>) -> Result<(), String> {
    let none = json!({});
    let configuration = members.get("deploymentConfiguration").unwrap_or(&none);
    for hook in list(configuration, "lifecycleHooks") {
        let stages = list(hook, "lifecycleStages");
        let shifting = |s: &Value| s == "TEST_TRAFFIC_SHIFT" || s == "PRODUCTION_TRAFFIC_SHIFT";
        let pause = text(hook, "targetType") == Some("PAUSE");
        if pause && stages.iter().any(shifting) {
            return Err("PAUSE hooks cannot be configured at TEST_TRAFFIC_SHIFT or PRODUCTION_TRAFFIC_SHIFT.".to_owned());
        }
        if !pause && text(hook, "hookTargetArn").is_none() {
            return Err("A lifecycle hook needs a hookTargetArn.".to_owned());
        }
        if stages.is_empty() {
            return Err("A lifecycle hook needs lifecycleStages.".to_owned());
        }
    }
    if !shifts(configuration) {
        return super::early::check(configuration);
    }
    if configuration.get("earlySuccessCriteria").is_some() {
        return Err(
            "earlySuccessCriteria can be used with the ROLLING deployment strategy only."
                .to_owned(),
        );
    }
    for entry in entries(members) {
        let Some(advanced) = advanced(entry) else {
            return Err(format!(
                "advancedConfiguration is required for the {} deployment strategy.",
                strategy(configuration)
            ));
        };
        let group = text(advanced, "alternateTargetGroupArn").unwrap_or_default();
        if !world.elbv2.in_use(group) {
            return Err(format!(
                "The target group with targetGroupArn {group} does not have an associated load balancer."
            ));
        }
        let rule = text(advanced, "productionListenerRule").unwrap_or_default();
        if !world.elbv2.rules.contains_key(rule) {
            return Err(format!("The listener rule {rule} does not exist."));
        }
    }
    Ok(())
}
