//! Service revisions: what of a service's configuration ECS settled when it was deployed.

use super::Ecs;
use crate::aws::AwsError;

/// An image of a container as ECS resolved it: (container, image, digest).
pub type ResolvedImage = (String, String, Option<String>);

impl Ecs {
    /// DescribeServiceRevisions of one: its containers' images. `None` where ECS does not have it any more.
    pub async fn describe_service_revision(
        &self,
        arn: &str,
    ) -> Result<Option<Vec<ResolvedImage>>, AwsError> {
        let answer = self
            .client
            .describe_service_revisions()
            .service_revision_arns(arn)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs:DescribeServiceRevisions", e))?;
        let Some(revision) = answer.service_revisions.unwrap_or_default().pop() else {
            return Ok(None);
        };
        let images = revision.container_images.unwrap_or_default().into_iter();
        Ok(Some(
            images
                .filter_map(|i| Some((i.container_name?, i.image?, i.image_digest)))
                .collect(),
        ))
    }
}
