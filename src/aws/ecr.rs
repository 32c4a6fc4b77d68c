//! Amazon ECR: repositories, images by tag or digest, and the login that the Docker daemon pushes with.
//!
//! `BatchGetImage` rather than `DescribeImages`: the latter is often not granted to a role that can push.

mod removing;
mod tagging;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types as sdk;
use base64::Engine;
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::Value;

use super::{AwsError, Failure};
use crate::model::Untrusted;
use crate::model::image::{Platform, RegistryImage};
use crate::wire::Wire;

/// All forms of manifest, so that ECR answers the one that was pushed instead of converting it.
const MANIFEST_MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

#[derive(Clone, Debug)]
pub struct Ecr {
    pub(super) client: Client,
    pub(super) wire: Wire,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    pub name: String,
    /// What images are named by; its first segment is the registry's host.
    pub uri: String,
    pub registry_id: Option<String>,
    /// MUTABLE, IMMUTABLE, and either with exclusions.
    pub image_tag_mutability: String,
}

/// A manifest as the registry stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub digest: String,
    pub document: Value,
    /// Byte by byte, as the digest says it.
    pub text: String,
    pub media_type: Option<String>,
}

/// A login for one registry. The password is in memory only.
#[derive(Clone, Debug)]
pub struct RegistryLogin {
    pub username: String,
    pub password: SecretString,
}

impl Ecr {
    /// DescribeRepositories by name; `None` when there is no such repository.
    pub async fn describe_repository(&self, name: &str) -> Result<Option<Repository>, AwsError> {
        const OPERATION: &str = "ecr:DescribeRepositories";
        match self
            .client
            .describe_repositories()
            .repository_names(name)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))
        {
            Ok(answer) => answer
                .repositories
                .unwrap_or_default()
                .into_iter()
                .next()
                .map(|r| repository_of(OPERATION, r))
                .transpose(),
            Err(e) if e.is_code("RepositoryNotFoundException") => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// GetRepositoryPolicy: the policy's document; `None` when the repository has none.
    pub async fn get_repository_policy(&self, name: &str) -> Result<Option<Value>, AwsError> {
        const OPERATION: &str = "ecr:GetRepositoryPolicy";
        let call = self.client.get_repository_policy().repository_name(name);
        match call
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))
        {
            Ok(answer) => {
                let text = answer
                    .policy_text
                    .ok_or_else(|| AwsError::malformed(OPERATION, "policyText"))?;
                serde_json::from_str(&text)
                    .map(Some)
                    .map_err(|_| AwsError::malformed(OPERATION, "JSON in policyText"))
            }
            Err(e) if e.is_code("RepositoryPolicyNotFoundException") => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// CreateRepository: scanned on push; tags immutable except those that move by design.
    pub async fn create_repository(
        &self,
        name: &str,
        mutable_tags: &[&str],
    ) -> Result<Repository, AwsError> {
        const OPERATION: &str = "ecr:CreateRepository";
        let mut call = self
            .client
            .create_repository()
            .repository_name(name)
            .image_scanning_configuration(
                sdk::ImageScanningConfiguration::builder()
                    .scan_on_push(true)
                    .build(),
            )
            .image_tag_mutability(sdk::ImageTagMutability::from("IMMUTABLE_WITH_EXCLUSION"));
        for filter in mutable_tags {
            let filter = sdk::ImageTagMutabilityExclusionFilter::builder()
                .filter(*filter)
                .filter_type(sdk::ImageTagMutabilityExclusionFilterType::Wildcard)
                .build()
                .map_err(|e| AwsError::malformed(OPERATION, &e.to_string()))?;
            call = call.image_tag_mutability_exclusion_filters(filter);
        }
        match call
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))
        {
            Ok(answer) => repository_of(
                OPERATION,
                answer
                    .repository
                    .ok_or_else(|| AwsError::malformed(OPERATION, "repository"))?,
            ),
            // Somebody was faster: then it is theirs as it is.
            Err(e) if e.is_code("RepositoryAlreadyExistsException") => self
                .describe_repository(name)
                .await?
                .ok_or_else(|| AwsError::malformed(OPERATION, "repository")),
            Err(e) => Err(e),
        }
    }

    /// BatchGetImage of one image by tag or `sha256:` digest; `None` when the repository has no such image.
    pub async fn batch_get_image(
        &self,
        repository: &str,
        tag_or_digest: &str,
    ) -> Result<Option<Manifest>, AwsError> {
        const OPERATION: &str = "ecr:BatchGetImage";
        let id = match tag_or_digest.starts_with("sha256:") {
            true => sdk::ImageIdentifier::builder()
                .image_digest(tag_or_digest)
                .build(),
            false => sdk::ImageIdentifier::builder()
                .image_tag(tag_or_digest)
                .build(),
        };
        let answer = self
            .client
            .batch_get_image()
            .repository_name(repository)
            .image_ids(id)
            .set_accepted_media_types(Some(MANIFEST_MEDIA_TYPES.map(str::to_owned).to_vec()))
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        if let Some(image) = answer.images.unwrap_or_default().into_iter().next() {
            let digest = image
                .image_id
                .and_then(|i| i.image_digest)
                .ok_or_else(|| AwsError::malformed(OPERATION, "imageId.imageDigest"))?;
            let manifest = image
                .image_manifest
                .ok_or_else(|| AwsError::malformed(OPERATION, "imageManifest"))?;
            let document = serde_json::from_str(&manifest)
                .map_err(|_| AwsError::malformed(OPERATION, "JSON in imageManifest"))?;
            return Ok(Some(Manifest {
                digest,
                document,
                text: manifest,
                media_type: image.image_manifest_media_type,
            }));
        }
        match answer.failures.unwrap_or_default().into_iter().next() {
            Some(f)
                if f.failure_code
                    .as_ref()
                    .is_none_or(|c| c.as_str() == "ImageNotFound") =>
            {
                Ok(None)
            }
            Some(f) => Err(AwsError {
                operation: OPERATION.to_owned(),
                failure: Failure::Refused {
                    code: f
                        .failure_code
                        .map(|c| c.as_str().to_owned())
                        .unwrap_or_default(),
                },
                message: Untrusted::new(f.failure_reason.unwrap_or_default()),
                request_id: None,
            }),
            None => Ok(None),
        }
    }

    /// The image that a tag or digest means for a platform: of an index, the platform's own manifest.
    /// `None` when there is none. The config is read only where `with_config` asks (platform and labels).
    pub async fn image(
        &self,
        repository: &str,
        tag_or_digest: &str,
        platform: &Platform,
        with_config: bool,
    ) -> Result<Option<RegistryImage>, AwsError> {
        let Some(mut manifest) = self.batch_get_image(repository, tag_or_digest).await? else {
            return Ok(None);
        };
        if let Some(entries) = manifest.document.get("manifests").and_then(Value::as_array) {
            let of = |entry: &Value| {
                let p = entry.get("platform")?;
                Some(Platform {
                    os: p.get("os")?.as_str()?.to_owned(),
                    architecture: p.get("architecture")?.as_str()?.to_owned(),
                })
            };
            let chosen = entries
                .iter()
                .find(|e| of(e).as_ref() == Some(platform))
                .or_else(|| {
                    // None for this platform: the first real image stands for what is there (attestations are `unknown/unknown`).
                    entries
                        .iter()
                        .find(|e| of(e).is_some_and(|p| p.os != "unknown"))
                });
            let Some(digest) = chosen.and_then(|e| e.get("digest")?.as_str()) else {
                return Ok(None);
            };
            match self.batch_get_image(repository, digest).await? {
                Some(child) => manifest = child,
                None => return Ok(None),
            }
        }
        let mut image = RegistryImage {
            digest: manifest.digest.clone(),
            config_digest: manifest
                .document
                .get("config")
                .and_then(|c| Some(c.get("digest")?.as_str()?.to_owned())),
            platform: None,
            labels: Vec::new(),
            compressed_bytes: manifest
                .document
                .get("layers")
                .and_then(Value::as_array)
                .map(|layers| layers.iter().filter_map(|l| l.get("size")?.as_u64()).sum()),
            pushed_at: None,
        };
        if with_config {
            let config = self.image_config(repository, &manifest).await?;
            let text = |key: &str| config.get(key).and_then(Value::as_str);
            image.platform = text("os")
                .zip(text("architecture"))
                .map(|(os, a)| Platform {
                    os: os.to_owned(),
                    architecture: a.to_owned(),
                });
            let labels = config
                .get("config")
                .and_then(|c| c.get("Labels"))
                .and_then(Value::as_object);
            image.labels = labels
                .into_iter()
                .flatten()
                .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
                .collect();
        }
        Ok(Some(image))
    }

    /// The image's config: GetDownloadUrlForLayer of its digest, then a plain GET of that signed URL.
    async fn image_config(&self, repository: &str, manifest: &Manifest) -> Result<Value, AwsError> {
        const OPERATION: &str = "ecr:GetDownloadUrlForLayer";
        let digest = manifest
            .document
            .get("config")
            .and_then(|c| c.get("digest")?.as_str());
        let digest = digest.ok_or_else(|| {
            AwsError::malformed("ecr:BatchGetImage", "config.digest in imageManifest")
        })?;
        let call = self
            .client
            .get_download_url_for_layer()
            .repository_name(repository)
            .layer_digest(digest);
        let answer = call
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let url = answer
            .download_url
            .ok_or_else(|| AwsError::malformed(OPERATION, "downloadUrl"))?;
        let unreachable = |message: String| AwsError {
            operation: OPERATION.to_owned(),
            failure: Failure::Unreachable { ambiguous: false },
            message: Untrusted::new(message),
            request_id: None,
        };
        let request = http::Request::get(url)
            .body(Bytes::new())
            .map_err(|_| AwsError::malformed(OPERATION, "URL in downloadUrl"))?;
        let answer = tokio::time::timeout(DOWNLOAD_TIMEOUT, self.wire.send(request))
            .await
            .map_err(|_| {
                unreachable(format!(
                    "the image's config did not arrive within {} s",
                    DOWNLOAD_TIMEOUT.as_secs()
                ))
            })?
            .map_err(|e| unreachable(e.to_string()))?;
        if !answer.status().is_success() {
            return Err(unreachable(format!(
                "the image's config was answered with HTTP {}",
                answer.status().as_u16()
            )));
        }
        serde_json::from_slice(answer.body())
            .map_err(|_| AwsError::malformed(OPERATION, "JSON in the image's config"))
    }

    /// GetAuthorizationToken: good for every registry the role may use.
    pub async fn get_authorization_token(&self) -> Result<RegistryLogin, AwsError> {
        const OPERATION: &str = "ecr:GetAuthorizationToken";
        let answer = self
            .client
            .get_authorization_token()
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let data = answer
            .authorization_data
            .unwrap_or_default()
            .into_iter()
            .next();
        let token = data
            .and_then(|d| d.authorization_token)
            .ok_or_else(|| AwsError::malformed(OPERATION, "authorizationToken"))?;
        let plain = base64::engine::general_purpose::STANDARD
            .decode(token)
            .ok()
            .and_then(|b| String::from_utf8(b).ok());
        let (username, password) = plain
            .as_deref()
            .and_then(|p| p.split_once(':'))
            .ok_or_else(|| AwsError::malformed(OPERATION, "user:password in authorizationToken"))?;
        Ok(RegistryLogin {
            username: username.to_owned(),
            password: password.to_owned().into(),
        })
    }
}

/// A config is a few kilobytes.
const DOWNLOAD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

fn repository_of(operation: &str, repository: sdk::Repository) -> Result<Repository, AwsError> {
    Ok(Repository {
        name: repository
            .repository_name
            .ok_or_else(|| AwsError::malformed(operation, "repositoryName"))?,
        uri: repository
            .repository_uri
            .ok_or_else(|| AwsError::malformed(operation, "repositoryUri"))?,
        registry_id: repository.registry_id,
        image_tag_mutability: repository
            .image_tag_mutability
            .map(|m| m.as_str().to_owned())
            .unwrap_or_default(),
    })
}
