//! Service revisions: what of a service's configuration ECS settled when it was deployed.

use aws_sdk_ecs::config::Builder;
use aws_smithy_types::retry::RetryConfig;

use super::Ecs;
use crate::aws::{AwsError, Retries};

/// An image of a container as ECS resolved it: (container, image, digest).
pub type ResolvedImage = (String, String, Option<String>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRevision {
    pub images: Vec<ResolvedImage>,
    /// ARNs of the target groups that its tasks register in.
    pub target_groups: Vec<String>,
}

/// DescribeServiceRevisions takes so many at a time (API reference).
const REVISIONS_PER_CALL: usize = 20;

impl Ecs {
    /// DescribeServiceRevisions, in twenties: which task definition each deployed, by the revision's ARN. Those that ECS does
    /// not have any more are left out.
    pub async fn describe_service_revisions(
        &self,
        arns: &[String],
    ) -> Result<Vec<(String, String)>, AwsError> {
        let mut found = Vec::new();
        for some in arns.chunks(REVISIONS_PER_CALL) {
            let answer = self
                .client
                .describe_service_revisions()
                .set_service_revision_arns(Some(some.to_vec()))
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ecs:DescribeServiceRevisions", e))?;
            let revisions = answer.service_revisions.unwrap_or_default().into_iter();
            found.extend(
                revisions.filter_map(|r| Some((r.service_revision_arn?, r.task_definition?))),
            );
        }
        Ok(found)
    }

    /// DescribeServiceRevisions of one. `None` where ECS does not have it (yet, or any more).
    pub async fn describe_service_revision(
        &self,
        arn: &str,
        retries: Retries,
    ) -> Result<Option<ServiceRevision>, AwsError> {
        let call = self
            .client
            .describe_service_revisions()
            .service_revision_arns(arn)
            .customize();
        let call = match retries {
            Retries::Sdk => call,
            Retries::Off => {
                call.config_override(Builder::new().retry_config(RetryConfig::disabled()))
            }
        };
        let answer = call
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs:DescribeServiceRevisions", e))?;
        let Some(revision) = answer.service_revisions.unwrap_or_default().pop() else {
            return Ok(None);
        };
        let images = revision.container_images.unwrap_or_default().into_iter();
        let resolved = revision.resolved_configuration;
        let balancers = resolved.and_then(|r| r.load_balancers).unwrap_or_default();
        Ok(Some(ServiceRevision {
            images: images
                .filter_map(|i| Some((i.container_name?, i.image?, i.image_digest)))
                .collect(),
            target_groups: balancers
                .into_iter()
                .filter_map(|b| b.target_group_arn)
                .collect(),
        }))
    }
}
