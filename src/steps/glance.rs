//! One complete look at a service that nobody is going to change: does the revision it is on serve already?
//!
//! The service itself was read a moment ago by gather and is not read again.

use crate::aws::{Aws, AwsError, Retries};
use crate::error::Error;
use crate::model::service::Service;
use crate::rollout::{Observation, RolloutTarget, Unmet, Unseen, revision_arn, serving};

/// Which of two target groups is a revision's.
const REVISIONS: &str = "ecs:DescribeServiceRevisions";

/// `Ok(Err(unmet))`: what stands between the service and serving.
pub async fn glance(
    aws: &Aws,
    cluster: &str,
    service: &Service,
    target: &RolloutTarget,
) -> Result<Result<(), Vec<Unmet>>, Error> {
    let settled = settle(aws, service, target).await;
    let unknown = settled.is_none() && target.ours().may_move();
    let target = settled.as_ref().unwrap_or(target);
    let mut seen = Observation::nothing(target.ours().target_groups.len());
    seen.service = Ok(service.clone());
    let tasks = async {
        let arns = aws
            .ecs
            .list_tasks(cluster, &service.name, "RUNNING", Retries::Sdk)
            .await?;
        aws.ecs.describe_tasks(cluster, &arns, Retries::Sdk).await
    };
    let health = async {
        let mut targets = Vec::new();
        for balanced in &target.ours().target_groups {
            if unknown {
                targets.push(Err(Unseen::Denied(REVISIONS.to_owned())));
                continue;
            }
            let health = aws
                .elbv2
                .describe_target_health(&balanced.group.arn, Retries::Sdk)
                .await;
            targets.push(health.map_err(unseen));
        }
        targets
    };
    let (tasks, health) = tokio::join!(tasks, health);
    seen.tasks = tasks.map_err(unseen);
    seen.targets = health;
    Ok(serving::satisfied(&seen, target))
}

/// The target with the target groups that its revision has; `None` where there is nothing to choose, or no telling.
async fn settle(aws: &Aws, service: &Service, target: &RolloutTarget) -> Option<RolloutTarget> {
    let ours = target.ours();
    let arn = revision_arn(service, &ours.deployment_id).filter(|_| ours.may_move())?;
    let revision = aws.ecs.describe_service_revision(&arn, Retries::Sdk).await;
    let mut settled = target.clone();
    let groups = revision.ok()??.target_groups;
    settled.ours_mut().settle_groups(&groups).then_some(settled)
}

/// Whatever went wrong, it is a reason to watch properly, where each kind is told.
fn unseen(error: AwsError) -> Unseen {
    match error.failure {
        crate::aws::Failure::Denied { permission } => Unseen::Denied(permission),
        crate::aws::Failure::Throttled => Unseen::Throttled,
        _ => Unseen::Unreachable,
    }
}
