//! Scaling policies and their alarms. What their metrics say is a world file's timeline to decide.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{
    NAMESPACE, Policy, adjusting, asked_for, identified, invalid, listed, old_arn, registered,
    resource_id, target_resource,
};
use crate::services::ecs::ServiceKey;
use crate::world::shapes::{epoch_seconds, everything, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "application-autoscaling",
        name: "PutScalingPolicy",
        function: put_scaling_policy,
        resources: target_resource,
    },
    Operation {
        service: "application-autoscaling",
        name: "DescribeScalingPolicies",
        function: describe_scaling_policies,
        resources: everything,
    },
    Operation {
        service: "application-autoscaling",
        name: "DeleteScalingPolicy",
        function: delete_scaling_policy,
        resources: target_resource,
    },
];

const CONFIGURATIONS: [(&str, &str); 3] = [
    (
        "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration",
    ),
    ("StepScaling", "StepScalingPolicyConfiguration"),
    ("PredictiveScaling", "PredictiveScalingPolicyConfiguration"),
];

impl Policy {
    /// Whether its alarm can ring for a service of which no task runs: average CPU and memory have no data then.
    pub fn wakes_from_zero(&self) -> bool {
        let metric = &self.configuration.1["PredefinedMetricSpecification"]["PredefinedMetricType"];
        !matches!(
            metric.as_str(),
            Some("ECSServiceAverageCPUUtilization" | "ECSServiceAverageMemoryUtilization")
        )
    }
}

/// A target-tracking policy makes its two alarms itself; a step policy's alarm is its owner's.
fn put_scaling_policy(world: &mut World, input: &Value) -> Answer {
    let key = registered(world, input)?;
    let name = text(input, "PolicyName")
        .filter(|n| !n.is_empty())
        .ok_or_else(|| invalid("PolicyName cannot be empty"))?;
    let policy_type = text(input, "PolicyType").unwrap_or("StepScaling");
    let (_, member) = CONFIGURATIONS
        .into_iter()
        .find(|(of, _)| *of == policy_type)
        .ok_or_else(|| invalid(format!("Unsupported policy type: {policy_type}")))?;
    let configuration = input
        .get(member)
        .filter(|c| c.is_object())
        .ok_or_else(|| invalid(format!("{member} cannot be null")))?
        .clone();
    let before = world
        .autoscaling
        .targets
        .get(&key)
        .and_then(|t| t.policies.get(name))
        .map(|p| (p.arn.clone(), p.alarms.clone(), p.created_at));
    let (policy_arn, alarms, created_at) = match before {
        Some(kept) => kept,
        None => made(world, &key, name, policy_type),
    };
    let policy = Policy {
        arn: policy_arn.clone(),
        policy_type: policy_type.to_owned(),
        configuration: (member, configuration),
        alarms: alarms.clone(),
        created_at,
    };
    if let Some(target) = world.autoscaling.targets.get_mut(&key) {
        target.policies.insert(name.to_owned(), policy);
    }
    adjusting::watch(world, &key);
    Ok(json!({ "PolicyARN": policy_arn, "Alarms": shown_alarms(&alarms) }))
}

/// ARN, alarms and time of a new policy.
fn made(
    world: &mut World,
    key: &ServiceKey,
    name: &str,
    policy_type: &str,
) -> (String, Vec<(String, String)>, SystemTime) {
    let place = world.place.clone();
    let resource = resource_id(key);
    let policy_arn = old_arn(world, key, "scalingPolicy", &format!("policyName/{name}"));
    let alarms = ["AlarmHigh", "AlarmLow"].map(|kind| {
        let alarm = format!("TargetTracking-{resource}-{kind}-{}", world.ids.uuid());
        let alarm_arn = format!(
            "arn:{}:cloudwatch:{}:{}:alarm:{alarm}",
            place.partition, place.region, place.account
        );
        (alarm, alarm_arn)
    });
    let tracks = policy_type == "TargetTrackingScaling";
    let alarms = if tracks { alarms.to_vec() } else { Vec::new() };
    (policy_arn, alarms, world.now)
}

fn shown_alarms(alarms: &[(String, String)]) -> Value {
    alarms
        .iter()
        .map(|(name, arn)| json!({ "AlarmName": name, "AlarmARN": arn }))
        .collect()
}

fn describe_scaling_policies(world: &mut World, input: &Value) -> Answer {
    let wanted = texts(input, "PolicyNames");
    let mut shown = Vec::new();
    for (key, target) in &world.autoscaling.targets {
        let policies = target.policies.iter();
        let fits = |name: &String| wanted.is_empty() || wanted.contains(name);
        for (name, policy) in policies.filter(|(name, _)| asked_for(input, key) && fits(name)) {
            let mut members = identified(key);
            members.insert("PolicyARN".to_owned(), json!(policy.arn));
            members.insert("PolicyName".to_owned(), json!(name));
            members.insert("PolicyType".to_owned(), json!(policy.policy_type));
            let (member, configuration) = &policy.configuration;
            members.insert((*member).to_owned(), configuration.clone());
            members.insert("Alarms".to_owned(), shown_alarms(&policy.alarms));
            members.insert("CreationTime".to_owned(), epoch_seconds(policy.created_at));
            shown.push(Value::Object(members));
        }
    }
    listed(shown, "ScalingPolicies", input, 10)
}

fn delete_scaling_policy(world: &mut World, input: &Value) -> Answer {
    let key = registered(world, input)?;
    let name = text(input, "PolicyName").unwrap_or_default();
    let target = world.autoscaling.targets.get_mut(&key);
    match target.and_then(|t| t.policies.remove(name)) {
        Some(_) => Ok(json!({})),
        None => Err(ApiError::new(
            "ObjectNotFoundException",
            format!(
                "No scaling policy found for service namespace: {NAMESPACE}, resource ID: {}, policy name: {name}",
                resource_id(&key)
            ),
        )),
    }
}
