//! What the engine knows of an image, and naming it. One call of the engine's API a function.

use std::collections::BTreeMap;

use bollard::query_parameters::{RemoveImageOptions, TagImageOptionsBuilder};

use super::daemon::Daemon;
use super::{DockerError, Foreign};

/// The facts of an image in the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// `sha256:…`, of its configuration or, on engines with the containerd store, of its manifest
    pub id: String,
    pub os: String,
    /// in Go's words: amd64, arm64
    pub architecture: String,
    pub variant: Option<String>,
    pub size_bytes: u64,
    /// RFC 3339, as the image has it
    pub created: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub repo_tags: Vec<String>,
    /// `repository@sha256:…`, one for each repository it was pushed to or pulled from
    pub repo_digests: Vec<String>,
    /// digests of the layers' contents
    pub layers: Vec<String>,
}

/// The image, by id or reference.
pub async fn image(daemon: &Daemon, reference: &str) -> Result<ImageFacts, DockerError> {
    let found = daemon
        .docker
        .inspect_image(reference)
        .await
        .map_err(|error| refused("inspect an image", error))?;
    let config = found.config.unwrap_or_default();
    Ok(ImageFacts {
        id: found.id.unwrap_or_default(),
        os: found.os.unwrap_or_default(),
        architecture: found.architecture.unwrap_or_default(),
        variant: found.variant.filter(|variant| !variant.is_empty()),
        size_bytes: found
            .size
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or_default(),
        created: found.created.map(|at| at.to_rfc3339()),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        repo_tags: found.repo_tags.unwrap_or_default(),
        repo_digests: found.repo_digests.unwrap_or_default(),
        layers: found.root_fs.and_then(|fs| fs.layers).unwrap_or_default(),
    })
}

/// Gives the image one more name.
pub async fn tag(
    daemon: &Daemon,
    image: &str,
    repository: &str,
    tag: &str,
) -> Result<(), DockerError> {
    let options = TagImageOptionsBuilder::new()
        .repo(repository)
        .tag(tag)
        .build();
    let tagged = daemon.docker.tag_image(image, Some(options)).await;
    tagged.map_err(|error| refused("tag an image", error))
}

/// Takes a name from an image; the last name takes the image with it. A name that is not there is no error.
pub async fn remove(daemon: &Daemon, reference: &str) -> Result<(), DockerError> {
    let removed = daemon
        .docker
        .remove_image(reference, None::<RemoveImageOptions>, None)
        .await;
    match removed {
        Ok(_)
        | Err(bollard::errors::Error::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(()),
        Err(error) => Err(refused("remove an image", error)),
    }
}

fn refused(doing: &'static str, error: bollard::errors::Error) -> DockerError {
    match error {
        bollard::errors::Error::DockerResponseServerError {
            status_code,
            message,
        } => DockerError::Engine {
            doing,
            status: Some(status_code),
            message: Foreign(message),
        },
        error => super::wire::broken(doing, &error),
    }
}
