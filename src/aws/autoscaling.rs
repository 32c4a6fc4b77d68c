//! Application Auto Scaling: what moves a service's desired count by itself. Of its many namespaces only ECS services.

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::types as sdk;

use super::AwsError;
use super::ecs::timestamp;
use crate::model::Untrusted;
use crate::model::autoscaling::{Bounds, ScalableTarget, ScalingActivity, SuspendedState};

/// DescribeScalableTargets takes so many resources at a time (API reference).
pub const RESOURCES_PER_CALL: usize = 50;

#[derive(Clone, Debug)]
pub struct AutoScaling {
    pub(super) client: Client,
}

impl AutoScaling {
    /// DescribeScalableTargets of these resources, in fifties. Those that are none are left out.
    pub async fn describe_scalable_targets(
        &self,
        resource_ids: &[String],
    ) -> Result<Vec<ScalableTarget>, AwsError> {
        const OPERATION: &str = "application-autoscaling:DescribeScalableTargets";
        let mut found = Vec::new();
        for some in resource_ids.chunks(RESOURCES_PER_CALL) {
            let mut token = None;
            loop {
                let answer = self
                    .client
                    .describe_scalable_targets()
                    .service_namespace(sdk::ServiceNamespace::Ecs)
                    .scalable_dimension(sdk::ScalableDimension::EcsServiceDesiredCount)
                    .set_resource_ids(Some(some.to_vec()))
                    .set_next_token(token.take())
                    .send()
                    .await
                    .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
                found.extend(
                    answer
                        .scalable_targets
                        .unwrap_or_default()
                        .into_iter()
                        .map(scalable_target_of),
                );
                token = answer.next_token.filter(|t| !t.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// DescribeScheduledActions of a resource or of all ECS services, all pages: the resource of each action.
    pub async fn describe_scheduled_actions(
        &self,
        resource_id: Option<&str>,
    ) -> Result<Vec<String>, AwsError> {
        const OPERATION: &str = "application-autoscaling:DescribeScheduledActions";
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .client
                .describe_scheduled_actions()
                .service_namespace(sdk::ServiceNamespace::Ecs)
                .set_resource_id(resource_id.map(str::to_owned))
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
            found.extend(
                answer
                    .scheduled_actions
                    .unwrap_or_default()
                    .into_iter()
                    .map(|action| action.resource_id),
            );
            token = answer.next_token.filter(|t| !t.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// DescribeScalingActivities of a service, the newest page: the newest first.
    pub async fn describe_scaling_activities(
        &self,
        resource_id: &str,
    ) -> Result<Vec<ScalingActivity>, AwsError> {
        const OPERATION: &str = "application-autoscaling:DescribeScalingActivities";
        let answer = self
            .client
            .describe_scaling_activities()
            .service_namespace(sdk::ServiceNamespace::Ecs)
            .resource_id(resource_id)
            .scalable_dimension(sdk::ScalableDimension::EcsServiceDesiredCount)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let activities = answer.scaling_activities.unwrap_or_default();
        Ok(activities
            .into_iter()
            .map(|activity| ScalingActivity {
                resource_id: activity.resource_id,
                description: Untrusted::new(activity.description),
                status: activity.status_code.as_str().to_owned(),
                started_at: timestamp(activity.start_time),
            })
            .collect())
    }

    /// RegisterScalableTarget of one that is there: its minimum and what is suspended. The maximum is left as it is, and so one
    /// that is gone is refused, not made anew.
    pub async fn register_scalable_target(
        &self,
        resource_id: &str,
        bounds: &Bounds,
    ) -> Result<(), AwsError> {
        const OPERATION: &str = "application-autoscaling:RegisterScalableTarget";
        let suspended = sdk::SuspendedState::builder()
            .dynamic_scaling_in_suspended(bounds.suspended.dynamic_scaling_in)
            .dynamic_scaling_out_suspended(bounds.suspended.dynamic_scaling_out)
            .scheduled_scaling_suspended(bounds.suspended.scheduled_scaling)
            .build();
        self.client
            .register_scalable_target()
            .service_namespace(sdk::ServiceNamespace::Ecs)
            .resource_id(resource_id)
            .scalable_dimension(sdk::ScalableDimension::EcsServiceDesiredCount)
            .min_capacity(i32::try_from(bounds.min).unwrap_or(i32::MAX))
            .suspended_state(suspended)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        Ok(())
    }
}

fn scalable_target_of(target: sdk::ScalableTarget) -> ScalableTarget {
    let count = |n: i32| u32::try_from(n).unwrap_or(0);
    let suspended = target.suspended_state;
    let is = |of: fn(&sdk::SuspendedState) -> Option<bool>| {
        suspended.as_ref().and_then(of).unwrap_or(false)
    };
    ScalableTarget {
        bounds: Bounds {
            min: count(target.min_capacity),
            max: count(target.max_capacity),
            suspended: SuspendedState {
                dynamic_scaling_in: is(|s| s.dynamic_scaling_in_suspended),
                dynamic_scaling_out: is(|s| s.dynamic_scaling_out_suspended),
                scheduled_scaling: is(|s| s.scheduled_scaling_suspended),
            },
        },
        resource_id: target.resource_id,
    }
}
