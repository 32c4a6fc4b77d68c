//! Executes the plan that was printed, change by change. Decides nothing; an ambiguous failure is re-read, not repeated.

use std::time::Duration;

use crate::aws::ecs::ServiceUpdate;
use crate::aws::{Aws, AwsError, Failure};
use crate::error::Error;
use crate::model::service::Service;
use crate::plan::{Change, Plan, TaskDefinitionRef};

/// After an ambiguous UpdateService: how long reads may take to show it (ECS reads are eventually consistent).
const SETTLE: Duration = Duration::from_secs(5);
/// UpdateService is sent again at most so often, and only when a read shows that the last one did nothing.
const SENDS: u32 = 3;

/// What came of it, up to the first failure.
#[derive(Debug)]
pub struct Applied {
    /// The revision that the service shall run now.
    pub task_definition: String,
    pub registered: bool,
    /// UpdateService's answer, or a read that shows the same.
    pub service: Option<Service>,
    /// A tagging that was refused: a warning, for the deploy does not depend on it.
    pub not_tagged: Option<AwsError>,
}

impl Applied {
    /// Nothing was done yet.
    pub fn nothing(plan: &Plan) -> Applied {
        Applied {
            task_definition: plan.previous_task_definition.clone(),
            registered: false,
            service: None,
            not_tagged: None,
        }
    }
}

pub async fn apply(
    aws: &Aws,
    plan: &Plan,
    before: &Service,
    applied: &mut Applied,
) -> Result<(), Error> {
    for change in &plan.changes {
        match &change.change {
            Change::RegisterTaskDefinition { document, tags, .. } => {
                let (registered, not_tagged) = register(aws, document, tags).await?;
                applied.task_definition = registered;
                applied.registered = true;
                applied.not_tagged = not_tagged;
            }
            Change::TagTaskDefinition { arn, tags } => {
                applied.not_tagged = aws.ecs.tag_resource(arn, tags).await.err()
            }
            Change::UpdateService {
                task_definition,
                desired_count,
                force_new_deployment,
            } => {
                if let Some(TaskDefinitionRef::Existing(arn)) = task_definition {
                    applied.task_definition.clone_from(arn);
                }
                let update = ServiceUpdate {
                    task_definition: task_definition
                        .as_ref()
                        .map(|_| applied.task_definition.clone()),
                    desired_count: *desired_count,
                    force_new_deployment: *force_new_deployment,
                };
                applied.service = Some(update_service(aws, &plan.cluster, before, &update).await?);
            }
        }
    }
    Ok(())
}

/// Tags on creation need `ecs:TagResource` too; a role without it registers the revision untagged.
async fn register(
    aws: &Aws,
    document: &serde_json::Map<String, serde_json::Value>,
    tags: &[(String, String)],
) -> Result<(String, Option<AwsError>), Error> {
    let arn = |registered: crate::model::task_definition::TaskDefinition| {
        registered
            .arn()
            .map(str::to_owned)
            .ok_or_else(|| AwsError::malformed("ecs:RegisterTaskDefinition", "taskDefinitionArn"))
    };
    match aws.ecs.register_task_definition(document, tags).await {
        Ok(registered) => Ok((arn(registered)?, None)),
        Err(e)
            if !tags.is_empty()
                && matches!(e.failure, Failure::Denied { .. })
                && e.message.contains("ecs:TagResource") =>
        {
            Ok((
                arn(aws.ecs.register_task_definition(document, &[]).await?)?,
                Some(e),
            ))
        }
        Err(e) => Err(e.into()),
    }
}

/// Sent once. UpdateService has no client token, so after a time-out or a 5xx nobody knows: read, and send again only
/// when the service shows that nothing happened. A throttled call was certainly not carried out, and neither was one that
/// came before ECS saw that a rule forwards to the target group again.
pub async fn update_service(
    aws: &Aws,
    cluster: &str,
    before: &Service,
    update: &ServiceUpdate,
) -> Result<Service, Error> {
    let mut sends = 1;
    loop {
        let error = match aws.ecs.update_service(cluster, &before.name, update).await {
            Ok(service) => return Ok(service),
            Err(error) => error,
        };
        let refused = error.failure == Failure::Throttled || error.is_without_load_balancer();
        if !refused && !error.is_ambiguous() {
            return Err(error.into());
        }
        tokio::time::sleep(SETTLE * sends).await;
        // After the last one too: "the service was not changed" must not be said of what took effect.
        if !refused {
            let now = super::gather::service::describe_service(aws, cluster, &before.name).await?;
            if shows(before, &now, update) {
                return Ok(now);
            }
        }
        if sends == SENDS {
            return Err(error.into());
        }
        sends += 1;
    }
}

/// Whether the service is as the update wanted it: a PRIMARY that was not there before, with our revision, or our count.
fn shows(before: &Service, now: &Service, update: &ServiceUpdate) -> bool {
    let new_primary = now
        .primary()
        .filter(|p| before.deployments.iter().all(|d| d.id != p.id));
    let deployed = match &update.task_definition {
        Some(wanted) => new_primary.is_some_and(|p| p.task_definition == *wanted),
        None if update.force_new_deployment => new_primary.is_some(),
        None => true,
    };
    deployed && update.desired_count.is_none_or(|n| now.desired_count == n)
}
