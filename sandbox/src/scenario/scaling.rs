//! Scalable targets of a world file, and what happens to them by themselves. Times are the file's; schedules are the API's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::build::call;
use super::timeline::{RegisterScalableTarget, find_service};
use crate::services::autoscaling::{self, DIMENSION, NAMESPACE, resource_id};
use crate::services::ecs::ServiceKey;
use crate::world::World;

/// What moves a service's desired count by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScalableTargetFile {
    pub min: u64,
    pub max: u64,
    /// `SuspendedState`, as the API has it.
    #[serde(default)]
    pub suspended: Value,
    #[serde(default = "requests")]
    pub policies: Vec<PolicyFile>,
    /// By name.
    #[serde(default)]
    pub scheduled_actions: BTreeMap<String, ScheduledActionFile>,
}

/// What a policy follows. CPU and memory say nothing while no task runs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyFile {
    Cpu,
    Memory,
    /// Requests for each target.
    Requests,
    /// Steps on an alarm that somebody else made.
    Step,
}

fn requests() -> Vec<PolicyFile> {
    vec![PolicyFile::Requests]
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScheduledActionFile {
    /// `at(2026-11-24T20:00:00)`, `rate(1 hour)`, `cron(0 20 * * ? *)`.
    pub schedule: String,
    pub min: Option<u64>,
    pub max: Option<u64>,
}

fn input(key: &ServiceKey) -> Value {
    json!({ "ServiceNamespace": NAMESPACE, "ScalableDimension": DIMENSION, "ResourceId": resource_id(key) })
}

fn ask(world: &mut World, name: &str, input: &Value) -> Result<(), String> {
    call(world, autoscaling::OPERATIONS, name, input).map(drop)
}

pub fn create(
    world: &mut World,
    key: &ServiceKey,
    file: &ScalableTargetFile,
) -> Result<(), String> {
    let mut target = input(key);
    target["MinCapacity"] = json!(file.min);
    target["MaxCapacity"] = json!(file.max);
    if file.suspended.is_object() {
        target["SuspendedState"] = file.suspended.clone();
    }
    ask(world, "RegisterScalableTarget", &target)?;
    for policy in &file.policies {
        ask(world, "PutScalingPolicy", &policy_of(key, *policy))?;
    }
    for (name, action) in &file.scheduled_actions {
        let mut scheduled = input(key);
        scheduled["ScheduledActionName"] = json!(name);
        scheduled["Schedule"] = json!(action.schedule);
        scheduled["ScalableTargetAction"] = bounds(action.min, action.max);
        ask(world, "PutScheduledAction", &scheduled)?;
    }
    Ok(())
}

fn bounds(min: Option<u64>, max: Option<u64>) -> Value {
    let mut bounds = json!({});
    for (member, bound) in [("MinCapacity", min), ("MaxCapacity", max)] {
        if let Some(bound) = bound {
            bounds[member] = json!(bound);
        }
    }
    bounds
}

fn policy_of(key: &ServiceKey, policy: PolicyFile) -> Value {
    let (name, metric, value) = match policy {
        PolicyFile::Cpu => ("cpu", "ECSServiceAverageCPUUtilization", 60.0),
        PolicyFile::Memory => ("memory", "ECSServiceAverageMemoryUtilization", 70.0),
        PolicyFile::Requests => ("requests", "ALBRequestCountPerTarget", 1000.0),
        PolicyFile::Step => ("step", "", 0.0),
    };
    let mut asked = input(key);
    asked["PolicyName"] = json!(name);
    if policy == PolicyFile::Step {
        asked["PolicyType"] = json!("StepScaling");
        asked["StepScalingPolicyConfiguration"] = json!({
            "AdjustmentType": "ChangeInCapacity", "Cooldown": 60,
            "StepAdjustments": [{ "MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1 }],
        });
        return asked;
    }
    let mut metric = json!({ "PredefinedMetricType": metric });
    if policy == PolicyFile::Requests {
        metric["ResourceLabel"] =
            json!("app/web-alb/0123456789abcdef/targetgroup/web/0123456789abcdef");
    }
    asked["PolicyType"] = json!("TargetTrackingScaling");
    asked["TargetTrackingScalingPolicyConfiguration"] =
        json!({ "TargetValue": value, "PredefinedMetricSpecification": metric });
    asked
}

/// As a person would: what they do not say stays.
pub fn register(world: &mut World, target: &RegisterScalableTarget) {
    let Some(key) = find_service(world, &target.service) else {
        return;
    };
    let mut asked = input(&key);
    for (member, value) in [
        ("MinCapacity", target.min.map(|n| json!(n))),
        ("MaxCapacity", target.max.map(|n| json!(n))),
        ("SuspendedState", target.suspended.clone()),
    ] {
        if let Some(value) = value {
            asked[member] = value;
        }
    }
    ask(world, "RegisterScalableTarget", &asked).ok();
}
