//! Which image is wanted and whether it is there: an image or tag that was given, by the digest of its platform.
//!
//! Asks ECR alone. An image of another registry is taken at its word, for nobody here may ask that registry.

use crate::aws::ecr::Repository;
use crate::aws::{Aws, Failure};
use crate::error::Error;
use crate::model::image::{Image, Platform, RegistryImage};
use crate::model::names::Arn;
use crate::plan::preflight::PreflightError;

/// An image that was given, as far as it could be looked up.
#[derive(Debug)]
pub struct GivenImage {
    pub image: Image,
    /// What ECR says of it; `None` for another registry.
    pub found: Option<RegistryImage>,
}

/// The repository by name or URI; `None` when there is none.
pub async fn repository(aws: &Aws, name_or_uri: &str) -> Result<Option<Repository>, Error> {
    Ok(aws.ecr.describe_repository(name_of(name_or_uri)).await?)
}

/// `team/web` out of `<host>/team/web`: a first segment with a dot or a port is a host.
pub fn name_of(name_or_uri: &str) -> &str {
    match name_or_uri.split_once('/') {
        Some((host, name)) if host.contains(['.', ':']) => name,
        _ => name_or_uri,
    }
}

/// Resolves `--image`: a tag or digest of `ecr-repository`, or a whole image name.
/// `skip_config`: this digest's platform is known to fit (it runs already), so its config need not be read.
pub async fn given(
    aws: &Aws,
    given: &Image,
    ecr_repository: Option<&str>,
    platform: &Platform,
    skip_config: Option<&str>,
) -> Result<GivenImage, Error> {
    let (owner, reference) = match (bare_reference(given), ecr_repository) {
        (Some(reference), Some(name)) => {
            let owner =
                repository(aws, name)
                    .await?
                    .ok_or_else(|| PreflightError::NoRepository {
                        repository: name.to_owned(),
                    })?;
            (Some(owner), reference)
        }
        (Some(_), None) => {
            return Err(PreflightError::ImageName {
                image: given.reference(),
            }
            .into());
        }
        (None, _) => {
            let reference = given
                .digest
                .clone()
                .or_else(|| given.tag.clone())
                .unwrap_or_else(|| "latest".to_owned());
            (owning_repository(aws, given).await?, reference)
        }
    };
    let Some(repository) = owner else {
        return Ok(GivenImage {
            image: given.clone(),
            found: None,
        });
    };
    let needs_config = skip_config != Some(reference.as_str());
    let found = aws
        .ecr
        .image(&repository.name, &reference, platform, needs_config)
        .await?;
    let missing = || PreflightError::NoImage {
        image: format!(
            "{}{}{reference}",
            repository.uri,
            if reference.contains(':') { "@" } else { ":" }
        ),
    };
    let found = found.ok_or_else(missing)?;
    let tag = (!reference.starts_with("sha256:"))
        .then_some(reference)
        .or_else(|| given.tag.clone());
    let image = Image {
        repository: repository.uri,
        tag,
        digest: Some(found.digest.clone()),
    };
    Ok(GivenImage {
        image,
        found: Some(found),
    })
}

/// `v1` or `sha256:…` standing alone: no image name, but one of `ecr-repository`.
fn bare_reference(image: &Image) -> Option<String> {
    match (image.repository.as_str(), &image.tag, &image.digest) {
        ("sha256", Some(hex), None) => Some(format!("sha256:{hex}")),
        (tag, None, None) if !tag.contains('/') => Some(tag.to_owned()),
        _ => None,
    }
}

/// The ECR repository whose URI the image has, if it is one of this account and region.
async fn owning_repository(aws: &Aws, image: &Image) -> Result<Option<Repository>, Error> {
    let name = name_of(&image.repository);
    if name == image.repository {
        return Ok(None); // no host: Docker Hub
    }
    match aws.ecr.describe_repository(name).await {
        Ok(found) => Ok(found.filter(|r| r.uri == image.repository)),
        // Another account's repository, or a role that may only deploy: what ECS may pull is not for us to know.
        Err(e) if matches!(e.failure, Failure::Denied { .. } | Failure::Refused { .. }) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Repository and tag or digest, where the image is in the registry of a service's own account and Region, by the service's ARN.
/// Such a registry's host begins with the account and names the Region.
pub fn in_registry_of(service_arn: &str, image: &str) -> Option<(String, String)> {
    let place = Arn::parse(service_arn)?;
    let image = Image::parse(image)?;
    let (host, repository) = image.repository.split_once('/')?;
    let mut labels = host.split('.');
    if labels.next() != Some(place.account.as_str()) || !labels.any(|l| l == place.region) {
        return None;
    }
    let reference = image.digest.or(image.tag);
    Some((
        repository.to_owned(),
        reference.unwrap_or_else(|| "latest".to_owned()),
    ))
}
