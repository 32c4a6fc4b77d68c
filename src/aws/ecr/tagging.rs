//! Tags that are put on images: PutImage.

use super::{Ecr, Manifest};
use crate::aws::AwsError;

impl Ecr {
    /// PutImage of a manifest that is there, under a further tag. `ImageAlreadyExistsException`: it has the tag.
    pub async fn put_image(
        &self,
        repository: &str,
        manifest: &Manifest,
        tag: &str,
    ) -> Result<(), AwsError> {
        self.client
            .put_image()
            .repository_name(repository)
            .image_manifest(&manifest.text)
            .set_image_manifest_media_type(manifest.media_type.clone())
            .image_tag(tag)
            .image_digest(&manifest.digest)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecr:PutImage", e))?;
        Ok(())
    }
}
