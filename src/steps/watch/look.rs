//! One look at the world: the port's parts, joined into an `Observation`. What failed is a part not seen; only what no
//! later look could mend is an error.

use std::time::Duration;

use futures_util::future::{join, join_all, join3};
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::aws::{Aws, AwsError, Failure, Retries};
use crate::model::names::last_segment;
use crate::model::service::{Service, ServiceDeployment};
use crate::model::target::TargetHealth;
use crate::model::task::Task;
use crate::rollout::{Observation, Ours, Rollout, RolloutTarget, Seen, Unseen};

/// Our service deployment is listed by AWS's clock, a little before our deployment's creation: the two are written one
/// after the other.
const BEFORE: Duration = Duration::from_secs(5);

pub(super) async fn look(
    aws: &Aws,
    cluster: &str,
    service: &str,
    rollout: &Rollout,
    began: Instant,
) -> Result<Observation, AwsError> {
    let ours = rollout.target().ours();
    let mut seen = Observation::nothing(ours.target_groups.len());
    let (found, deployment) = join(
        describe_service(aws, cluster, service),
        our_deployment(aws, cluster, service, rollout, began.elapsed()),
    )
    .await;
    (seen.service, seen.deployment) = (found?, deployment?);
    if let Some(revision) = rollout.asks_revision(&seen) {
        seen.own_groups = own_groups(aws, &revision).await?;
    }
    let ask = rollout.ask(&seen, began.elapsed());
    let (tasks, stopped_tasks, targets) = join3(
        wanted(ask.tasks, tasks(aws, cluster, service, "RUNNING")),
        wanted(ask.stopped_tasks, tasks(aws, cluster, service, "STOPPED")),
        join_all(
            groups(ours)
                .into_iter()
                .map(|group| wanted(ask.targets, target_health(aws, group))),
        ),
    )
    .await;
    (seen.tasks, seen.stopped_tasks) = (tasks?, stopped_tasks?);
    let targets = targets.into_iter().collect::<Result<Vec<_>, _>>()?;
    // Once for each group, though two entries may share one.
    let groups = groups(ours);
    seen.targets = ours
        .target_groups
        .iter()
        .map(|b| {
            groups
                .iter()
                .position(|g| *g == b.group.arn)
                .and_then(|at| targets.get(at).cloned())
                .unwrap_or(Err(Unseen::Skipped))
        })
        .collect();
    Ok(seen)
}

/// A look that did not end in time.
pub(super) fn unreachable(rollout: &Rollout) -> Observation {
    let mut seen = Observation::nothing(rollout.target().ours().target_groups.len());
    seen.service = Err(Unseen::Unreachable);
    seen
}

pub(super) fn groups(ours: &Ours) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for balanced in &ours.target_groups {
        if !groups.contains(&balanced.group.arn.as_str()) {
            groups.push(&balanced.group.arn);
        }
    }
    groups
}

/// A part that is not asked for costs no call.
async fn wanted<T>(
    ask: bool,
    part: impl Future<Output = Result<Seen<T>, AwsError>>,
) -> Result<Seen<T>, AwsError> {
    if ask {
        part.await
    } else {
        Ok(Err(Unseen::Skipped))
    }
}

async fn describe_service(
    aws: &Aws,
    cluster: &str,
    service: &str,
) -> Result<Seen<Service>, AwsError> {
    let services = [service.to_owned()];
    match aws
        .ecs
        .describe_services(cluster, &services, Retries::Off)
        .await
    {
        Ok(found) => Ok(found.into_iter().next().ok_or(Unseen::Absent)),
        // Without the service there is nothing to watch: no later look would see more.
        Err(error) => match error.failure {
            Failure::Throttled | Failure::Unreachable { .. } => seen(Err(error)),
            _ => Err(error),
        },
    }
}

async fn our_deployment(
    aws: &Aws,
    cluster: &str,
    service: &str,
    rollout: &Rollout,
    elapsed: Duration,
) -> Result<Seen<ServiceDeployment>, AwsError> {
    let RolloutTarget::Deployment {
        ours,
        service_deployment,
    } = rollout.target()
    else {
        return Ok(Err(Unseen::Skipped));
    };
    if !rollout.asks_deployment(elapsed) {
        return Ok(Err(Unseen::Skipped));
    }
    let arn = match service_deployment {
        Some(arn) => arn.clone(),
        None => match find_deployment(aws, cluster, service, ours).await? {
            Ok(arn) => arn,
            Err(unseen) => return Ok(Err(unseen)),
        },
    };
    let described = aws
        .ecs
        .describe_service_deployments(&[arn], Retries::Off)
        .await;
    Ok(seen(described)?.and_then(|found| found.into_iter().next().ok_or(Unseen::Absent)))
}

/// The one whose target revision ends in the number of our deployment.
async fn find_deployment(
    aws: &Aws,
    cluster: &str,
    service: &str,
    ours: &Ours,
) -> Result<Seen<String>, AwsError> {
    let after = ours.created_at.and_then(|at| {
        let before = SignedDuration::try_from(BEFORE).ok()?;
        at.checked_sub(before).ok()
    });
    let briefs = aws
        .ecs
        .list_service_deployments(cluster, service, after, Retries::Off)
        .await;
    let number = last_segment(&ours.deployment_id);
    Ok(seen(briefs)?.and_then(|briefs| {
        briefs
            .into_iter()
            .find(|brief| {
                brief
                    .target_service_revision_arn
                    .as_deref()
                    .is_some_and(|arn| last_segment(arn) == number)
            })
            .map(|brief| brief.arn)
            .ok_or(Unseen::Absent)
    }))
}

/// A revision that has no target groups yet is as good as none.
async fn own_groups(aws: &Aws, revision: &str) -> Result<Seen<Vec<String>>, AwsError> {
    let described = aws
        .ecs
        .describe_service_revision(revision, Retries::Off)
        .await;
    Ok(seen(described)?.and_then(|found| {
        let groups = found.map(|revision| revision.target_groups);
        groups.filter(|g| !g.is_empty()).ok_or(Unseen::Absent)
    }))
}

async fn tasks(
    aws: &Aws,
    cluster: &str,
    service: &str,
    desired_status: &str,
) -> Result<Seen<Vec<Task>>, AwsError> {
    let arns = aws
        .ecs
        .list_tasks(cluster, service, desired_status, Retries::Off)
        .await;
    match seen(arns)? {
        Ok(arns) if arns.is_empty() => Ok(Ok(Vec::new())),
        Ok(arns) => seen(aws.ecs.describe_tasks(cluster, &arns, Retries::Off).await),
        Err(unseen) => Ok(Err(unseen)),
    }
}

async fn target_health(aws: &Aws, group: &str) -> Result<Seen<Vec<TargetHealth>>, AwsError> {
    seen(aws.elbv2.describe_target_health(group, Retries::Off).await)
}

/// A failed call is a part not seen. Expired credentials end the watching at once: no later look would fare better.
pub(super) fn seen<T>(answer: Result<T, AwsError>) -> Result<Seen<T>, AwsError> {
    let error = match answer {
        Ok(part) => return Ok(Ok(part)),
        Err(error) => error,
    };
    Ok(Err(match &error.failure {
        Failure::Throttled => Unseen::Throttled,
        Failure::Denied { permission } => Unseen::Denied(permission.clone()),
        Failure::Unauthenticated => return Err(error),
        // An answer that we cannot read tells no more than none.
        Failure::Unreachable { .. } | Failure::Malformed { .. } => Unseen::Unreachable,
        Failure::Refused { .. } => Unseen::Absent,
    }))
}
