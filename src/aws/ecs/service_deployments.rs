//! A service deployment as DescribeServiceDeployments answers it, in the model's words.

use aws_sdk_ecs::types as sdk;

use super::{count, timestamp};
use crate::aws::AwsError;
use crate::model::Untrusted;
use crate::model::service::{CircuitBreakerProgress, LifecycleHook, Rollback, ServiceDeployment};

pub(super) fn of(deployment: sdk::ServiceDeployment) -> Result<ServiceDeployment, AwsError> {
    let missing = |member: &str| AwsError::malformed("ecs:DescribeServiceDeployments", member);
    Ok(ServiceDeployment {
        arn: deployment
            .service_deployment_arn
            .ok_or_else(|| missing("serviceDeploymentArn"))?,
        status: deployment
            .status
            .ok_or_else(|| missing("status"))?
            .as_str()
            .to_owned(),
        status_reason: deployment.status_reason.map(Untrusted::new),
        lifecycle_stage: deployment.lifecycle_stage.map(|s| s.as_str().to_owned()),
        hooks: deployment
            .lifecycle_hook_details
            .unwrap_or_default()
            .into_iter()
            .map(hook_of)
            .collect(),
        production_traffic: deployment
            .target_service_revision
            .as_ref()
            .and_then(|r| r.requested_production_traffic_weight),
        target_service_revision_arn: deployment.target_service_revision.and_then(|r| r.arn),
        source_service_revision_arns: deployment
            .source_service_revisions
            .unwrap_or_default()
            .into_iter()
            .filter_map(|r| r.arn)
            .collect(),
        rollback: deployment.rollback.map(|r| Rollback {
            reason: r.reason.map(Untrusted::new),
            service_revision_arn: r.service_revision_arn,
        }),
        circuit_breaker: deployment
            .deployment_circuit_breaker
            .map(|b| CircuitBreakerProgress {
                status: b.status.map(|s| s.as_str().to_owned()).unwrap_or_default(),
                failure_count: count(b.failure_count),
                threshold: count(b.threshold),
            }),
        alarms_status: deployment
            .alarms
            .as_ref()
            .and_then(|a| a.status.as_ref())
            .map(|s| s.as_str().to_owned()),
        triggered_alarms: deployment
            .alarms
            .and_then(|a| a.triggered_alarm_names)
            .unwrap_or_default(),
        created_at: deployment.created_at.and_then(timestamp),
        updated_at: deployment.updated_at.and_then(timestamp),
    })
}

fn hook_of(hook: sdk::DeploymentLifecycleHookDetail) -> LifecycleHook {
    LifecycleHook {
        id: hook.hook_id.unwrap_or_default(),
        target_type: hook
            .target_type
            .map(|t| t.as_str().to_owned())
            .unwrap_or_default(),
        target_arn: hook.target_arn,
        status: hook
            .status
            .map(|s| s.as_str().to_owned())
            .unwrap_or_default(),
        expires_at: hook.expires_at.and_then(timestamp),
        timeout_action: hook.timeout_action.map(|a| a.as_str().to_owned()),
    }
}
