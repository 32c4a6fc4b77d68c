//! Makes images local.
//!
//! Knows: image references, and when the registry must be asked. Does not know ECS's words for failure.

use bollard::errors::Error;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt as _;

use super::task::Runtime;

impl Runtime {
    /// Makes an image local, and returns the digest of its manifest.
    pub async fn pull(&self, image: &str) -> Result<Option<String>, Error> {
        let credentials = self.world.credentials(registry(image));
        let here_by_digest =
            image.contains("@sha256:") && self.docker.inspect_image(image).await.is_ok();
        if credentials.is_some() || !here_by_digest {
            // Without a tag Docker would pull them all; ECS means `latest`.
            let full = if has_tag_or_digest(image) {
                image.to_owned()
            } else {
                format!("{image}:latest")
            };
            let options = CreateImageOptionsBuilder::new().from_image(&full).build();
            self.docker
                .create_image(Some(options), None, credentials)
                .try_for_each(|_| async { Ok(()) })
                .await?;
        }
        if let Some((_, digest)) = image.split_once('@') {
            return Ok(Some(digest.to_owned()));
        }
        let here = self.docker.inspect_image(image).await?;
        let repository = image
            .rsplit_once(':')
            .filter(|(_, tag)| !tag.contains('/'))
            .map_or(image, |(repository, _)| repository);
        let of_repository = |digest: &String| {
            digest
                .split_once('@')
                .filter(|(name, _)| *name == repository)
                .map(|(_, digest)| digest.to_owned())
        };
        Ok(here.repo_digests.iter().flatten().find_map(of_repository))
    }
}

/// The registry's host of an image reference, by Docker's own rule.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

fn has_tag_or_digest(image: &str) -> bool {
    image
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains([':', '@']))
}

#[cfg(test)]
mod tests {
    use super::{has_tag_or_digest, registry};

    #[test]
    fn references_are_read_as_docker_reads_them() {
        assert_eq!(registry("nginx:latest"), "docker.io");
        assert_eq!(registry("library/nginx"), "docker.io");
        assert_eq!(registry("127.0.0.1:5000/test-repos:a"), "127.0.0.1:5000");
        assert_eq!(
            registry("123.dkr.ecr.eu-west-1.amazonaws.com/a/b@sha256:0"),
            "123.dkr.ecr.eu-west-1.amazonaws.com"
        );
        assert!(has_tag_or_digest("127.0.0.1:5000/test-repos:a"));
        assert!(has_tag_or_digest("nginx@sha256:0"));
        assert!(!has_tag_or_digest("127.0.0.1:5000/test-repos"));
    }
}
