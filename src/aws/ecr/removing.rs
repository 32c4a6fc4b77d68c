//! Tags that are taken off images, and what is listed for it: ListImages, BatchDeleteImage. One API operation a function.

use aws_sdk_ecr::types as sdk;

use super::Ecr;
use crate::aws::{AwsError, Failure};
use crate::model::Untrusted;

/// A page as long as ECR gives it.
const IMAGES_PER_PAGE: i32 = 1_000;

impl Ecr {
    /// ListImages that have a tag, all pages: each tag with the digest that it names. `None`: there is no such repository.
    pub async fn list_image_tags(
        &self,
        repository: &str,
    ) -> Result<Option<Vec<(String, String)>>, AwsError> {
        let mut tags = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .client
                .list_images()
                .repository_name(repository)
                .filter(
                    sdk::ListImagesFilter::builder()
                        .tag_status(sdk::TagStatus::Tagged)
                        .build(),
                )
                .max_results(IMAGES_PER_PAGE)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ecr:ListImages", e));
            let answer = match answer {
                Ok(answer) => answer,
                Err(e) if e.is_code("RepositoryNotFoundException") => return Ok(None),
                Err(e) => return Err(e),
            };
            let pairs = answer.image_ids.unwrap_or_default().into_iter();
            tags.extend(pairs.filter_map(|id| Some((id.image_tag?, id.image_digest?))));
            token = answer.next_token.filter(|t| !t.is_empty());
            if token.is_none() {
                return Ok(Some(tags));
            }
        }
    }

    /// BatchDeleteImage by one tag, never by digest: the image keeps its other tags. With its last tag ECR deletes the image,
    /// so who calls this looks first. A tag that is gone is no error.
    pub async fn delete_image_tag(&self, repository: &str, tag: &str) -> Result<(), AwsError> {
        const OPERATION: &str = "ecr:BatchDeleteImage";
        let answer = self
            .client
            .batch_delete_image()
            .repository_name(repository)
            .image_ids(sdk::ImageIdentifier::builder().image_tag(tag).build())
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e));
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) if e.is_code("RepositoryNotFoundException") => return Ok(()),
            Err(e) => return Err(e),
        };
        let Some(failure) = answer.failures.unwrap_or_default().into_iter().next() else {
            return Ok(());
        };
        let code = failure.failure_code.map(|c| c.as_str().to_owned());
        match code.as_deref() {
            Some("ImageNotFound") => Ok(()),
            code => Err(AwsError {
                operation: OPERATION.to_owned(),
                failure: Failure::Refused {
                    code: code.unwrap_or_default().to_owned(),
                },
                message: Untrusted::new(failure.failure_reason.unwrap_or_default()),
                request_id: None,
            }),
        }
    }
}
