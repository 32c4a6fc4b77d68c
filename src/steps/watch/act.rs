//! Carries out one action of a rollout: one question to ECS, in bounded time. Decides nothing; what no later look could mend
//! is an error.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::aws::ecs::ServiceUpdate;
use crate::aws::{Aws, AwsError, Failure, Retries};
use crate::model::Untrusted;
use crate::model::service::Service;
use crate::rollout::{Acted, Action};

/// With the SDK's retries.
const ANSWER: Duration = Duration::from_secs(30);
/// After a signal: so long may ECS take to answer what it was asked for.
const AFTER_A_SIGNAL: Duration = Duration::from_millis(1_500);

/// Where it is carried out. `deployment_id`: the one that is followed.
pub(super) struct Place<'a> {
    pub aws: &'a Aws,
    pub cluster: &'a str,
    pub service: &'a str,
    pub deployment_id: &'a str,
}

/// A change that ECS was asked for is not dropped on a signal: it is heard when the answer is in, or takes too long.
pub(super) async fn act(
    place: Place<'_>,
    action: &Action,
    no_later_than: Instant,
    cancel: &CancellationToken,
) -> Result<Acted, AwsError> {
    if cancel.is_cancelled() {
        return Ok(Acted::Unanswered);
    }
    let until = no_later_than.min(Instant::now() + ANSWER);
    let asking = timeout_at(until, ask(&place, action));
    tokio::pin!(asking);
    let answer = tokio::select! {
        biased;
        answer = &mut asking => Some(answer),
        () = cancel.cancelled() => None,
    };
    let answer = match answer {
        Some(answer) => answer.ok(),
        None => timeout(AFTER_A_SIGNAL, asking)
            .await
            .ok()
            .and_then(Result::ok),
    };
    answer.unwrap_or(Ok(Acted::Unanswered))
}

async fn ask(place: &Place<'_>, action: &Action) -> Result<Acted, AwsError> {
    let ecs = &place.aws.ecs;
    let answer = match action {
        Action::StopServiceDeployment {
            service_deployment_arn,
        } => ecs.stop_service_deployment(service_deployment_arn).await,
        Action::ContinueServiceDeployment {
            service_deployment_arn,
            hook_id,
        } => {
            ecs.continue_service_deployment(service_deployment_arn, hook_id)
                .await
        }
        Action::RestoreTaskDefinition { task_definition } => {
            return restore(place, task_definition).await;
        }
    };
    match answer {
        Ok(()) => Ok(Acted::Done),
        Err(error) => refused(error),
    }
}

/// Read first: what somebody else deployed in the meantime is not undone. Sent once; without an answer the next look tells.
async fn restore(place: &Place<'_>, task_definition: &str) -> Result<Acted, AwsError> {
    let ecs = &place.aws.ecs;
    let services = [place.service.to_owned()];
    let before = match ecs
        .describe_services(place.cluster, &services, Retries::Sdk)
        .await
    {
        Ok(found) => found,
        Err(error) => return refused(error),
    };
    let primary = before.first().and_then(Service::primary);
    if primary.is_none_or(|p| p.id != place.deployment_id) {
        return Ok(Acted::Refused {
            conflict: true,
            message: Untrusted::from("another deployment is PRIMARY"),
        });
    }
    let update = ServiceUpdate {
        task_definition: Some(task_definition.to_owned()),
        ..ServiceUpdate::default()
    };
    match ecs
        .update_service(place.cluster, place.service, &update)
        .await
    {
        Ok(service) => {
            let primary = service.primary().cloned().unwrap_or_default();
            Ok(Acted::Restored {
                deployment_id: primary.id,
                created_at: primary.created_at,
            })
        }
        Err(error) => refused(error),
    }
}

fn refused(error: AwsError) -> Result<Acted, AwsError> {
    Ok(match error.failure {
        Failure::Denied { permission } => Acted::Denied(permission),
        Failure::Refused { code } => Acted::Refused {
            conflict: code == "ConflictException",
            message: error.message,
        },
        Failure::Throttled | Failure::Unreachable { .. } | Failure::Malformed { .. } => {
            Acted::Unanswered
        }
        Failure::Unauthenticated => return Err(error),
    })
}
