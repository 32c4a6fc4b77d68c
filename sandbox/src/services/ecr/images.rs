//! The operations on images: what is there, what may be put, what may be fetched.
//!
//! Knows: ECR's failures and exceptions for each. Does not know: repositories' settings beyond their answers.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{DOWNLOAD_LIFETIME, immutable_tag, page, repository, text, with_token};
use crate::iam::dns_suffix;
use crate::wire::timestamp_json;
use crate::world::registry::{Manifest, PutRefusal, Repository, digest_of};
use crate::world::{Answer, ApiError, World};

const INDEXES: &[&str] = &[
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Why an image id yields no image, as BatchGetImage and BatchDeleteImage list it.
fn failure(id: &Value, code: &str, reason: &str) -> Value {
    json!({"imageId": id, "failureCode": code, "failureReason": reason})
}

fn find<'a>(repository: &'a Repository, id: &Value) -> Result<&'a Manifest, Value> {
    let (tag, digest) = (id["imageTag"].as_str(), id["imageDigest"].as_str());
    if digest.is_some_and(|digest| !is_digest(digest)) {
        let reason = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
        return Err(failure(id, "InvalidImageDigest", reason));
    }
    let Some(reference) = digest.or(tag) else {
        return Err(failure(
            id,
            "MissingDigestAndTag",
            "Invalid request parameters: both tag and digest cannot be null",
        ));
    };
    let manifest = repository
        .manifest(reference)
        .ok_or_else(|| failure(id, "ImageNotFound", "Requested image not found"))?;
    match tag {
        Some(tag) if repository.digest_of(tag) != Some(manifest.digest.as_str()) => Err(failure(
            id,
            "ImageTagDoesNotMatchDigest",
            "Image tag does not match the image digest",
        )),
        _ => Ok(manifest),
    }
}

fn is_digest(digest: &str) -> bool {
    digest
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn ids(input: &Value) -> Result<Vec<Value>, ApiError> {
    let ids = input["imageIds"].as_array().cloned().unwrap_or_default();
    if ids.is_empty() || ids.len() > 100 {
        let message = "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length between 1 and 100'";
        return Err(ApiError::new("InvalidParameterException", message));
    }
    Ok(ids)
}

/// The id as answers carry it: with the digest, and with the tag it was asked by.
fn full_id(manifest: &Manifest, tag: Option<&str>) -> Value {
    match tag {
        Some(tag) => json!({"imageDigest": manifest.digest, "imageTag": tag}),
        None => json!({"imageDigest": manifest.digest}),
    }
}

pub fn batch_get_image(world: &mut World, input: &Value) -> Answer {
    let ids = ids(input)?;
    let accepted: Vec<&str> = input["acceptedMediaTypes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let repository = repository(world, input)?;
    let name = repository.name.clone();
    let (mut images, mut failures, mut pulled) = (Vec::new(), Vec::new(), Vec::new());
    for id in &ids {
        match find(repository, id) {
            Err(failure) => failures.push(failure),
            Ok(manifest)
                if !accepted.is_empty() && !accepted.contains(&manifest.media_type.as_str()) =>
            {
                let reason = format!(
                    "The image's media type {} is not among those accepted",
                    manifest.media_type
                );
                failures.push(failure(id, "UnsupportedImageType", &reason));
            }
            Ok(manifest) => {
                pulled.push(manifest.digest.clone());
                images.push(json!({
                    "registryId": world.place.account,
                    "repositoryName": name,
                    "imageId": full_id(manifest, id["imageTag"].as_str()),
                    "imageManifest": String::from_utf8_lossy(&manifest.body),
                    "imageManifestMediaType": manifest.media_type,
                }));
            }
        }
    }
    let now = world.now;
    for digest in pulled {
        world.ecr.registry.pulled(&name, &digest, now);
    }
    Ok(json!({"images": images, "failures": failures}))
}

pub fn describe_images(world: &mut World, input: &Value) -> Answer {
    let repository = repository(world, input)?;
    let manifests: Vec<&Manifest> = match input["imageIds"].as_array().filter(|ids| !ids.is_empty()) {
        None => {
            let status = input["filter"]["tagStatus"].as_str().unwrap_or("ANY");
            repository.manifests.values().filter(|manifest| has_status(repository, manifest, status)).collect()
        }
        Some(ids) => ids
            .iter()
            .map(|id| {
                find(repository, id).map_err(|_| {
                    let shown = format!(
                        "{{imageDigest:'{}', imageTag:'{}'}}",
                        id["imageDigest"].as_str().unwrap_or("null"),
                        id["imageTag"].as_str().unwrap_or("null")
                    );
                    let message = format!(
                        "The image with imageId {shown} does not exist within the repository with name '{}' in the registry with id '{}'",
                        repository.name, world.place.account
                    );
                    ApiError::new("ImageNotFoundException", message)
                })
            })
            .collect::<Result<_, _>>()?,
    };
    let details = manifests.into_iter().map(|manifest| {
        let mut detail = json!({
            "registryId": world.place.account,
            "repositoryName": repository.name,
            "imageDigest": manifest.digest,
            "imageSizeInBytes": manifest.size(),
            "imagePushedAt": timestamp_json(manifest.pushed_at),
            "imageManifestMediaType": manifest.media_type,
            "imageStatus": "ACTIVE",
        });
        let tags = repository.tags_of(&manifest.digest);
        if !tags.is_empty() {
            detail["imageTags"] = Value::from(tags);
        }
        if let Some(media_type) = manifest.config_media_type() {
            detail["artifactMediaType"] = Value::from(media_type);
        }
        if let Some(at) = manifest.pulled_at {
            detail["lastRecordedPullTime"] = timestamp_json(at);
        }
        detail
    });
    let (details, next) = page(details.collect(), input)?;
    Ok(with_token(json!({"imageDetails": details}), next))
}

fn has_status(repository: &Repository, manifest: &Manifest, status: &str) -> bool {
    match status {
        "TAGGED" => !repository.tags_of(&manifest.digest).is_empty(),
        "UNTAGGED" => repository.tags_of(&manifest.digest).is_empty(),
        _ => true,
    }
}

pub fn list_images(world: &mut World, input: &Value) -> Answer {
    let repository = repository(world, input)?;
    let status = input["filter"]["tagStatus"].as_str().unwrap_or("ANY");
    let mut ids = Vec::new();
    for manifest in repository
        .manifests
        .values()
        .filter(|manifest| has_status(repository, manifest, status))
    {
        let tags = repository.tags_of(&manifest.digest);
        ids.extend(tags.iter().map(|tag| full_id(manifest, Some(tag))));
        if tags.is_empty() {
            ids.push(full_id(manifest, None));
        }
    }
    let (ids, next) = page(ids, input)?;
    Ok(with_token(json!({"imageIds": ids}), next))
}

pub fn put_image(world: &mut World, input: &Value) -> Answer {
    let repository = repository(world, input)?;
    let name = repository.name.clone();
    let body = text(input, "imageManifest")?;
    let invalid = |message: &str| ApiError::new("InvalidParameterException", message);
    let document: Value = serde_json::from_str(&body)
        .map_err(|_| invalid("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"))?;
    let media_type = input["imageManifestMediaType"]
        .as_str()
        .or(document["mediaType"].as_str())
        .map(str::to_owned);
    let media_type = media_type.ok_or_else(|| {
        invalid("Invalid parameter at 'ImageManifestMediaType': the manifest names none")
    })?;
    let digest = digest_of(body.as_bytes());
    if input["imageDigest"]
        .as_str()
        .is_some_and(|said| said != digest)
    {
        return Err(ApiError::new(
            "ImageDigestDoesNotMatchException",
            "The specified image digest does not match the digest that Amazon ECR calculated for the image.",
        ));
    }
    let missing = missing_parts(world, repository, &document, &media_type);
    if !missing.is_empty() {
        let code = if INDEXES.contains(&media_type.as_str()) {
            "ReferencedImagesNotFoundException"
        } else {
            "LayersNotFoundException"
        };
        return Err(ApiError::new(
            code,
            format!(
                "The following were not found in the repository with name '{name}': {}",
                missing.join(", ")
            ),
        ));
    }
    let tag = input["imageTag"].as_str();
    let now = world.now;
    let put =
        world
            .ecr
            .registry
            .put_manifest(&name, tag, &media_type, Bytes::from(body.clone()), now);
    match put {
        Ok(digest) => {
            let mut id = json!({"imageDigest": digest});
            if let Some(tag) = tag {
                id["imageTag"] = Value::from(tag);
            }
            Ok(json!({"image": {
                "registryId": world.place.account,
                "repositoryName": name,
                "imageId": id,
                "imageManifest": body,
                "imageManifestMediaType": media_type,
            }}))
        }
        Err(PutRefusal::TagIsImmutable) => Err(ApiError::new(
            "ImageTagAlreadyExistsException",
            immutable_tag(&name, tag.unwrap_or_default()),
        )),
        Err(_) => {
            let message = format!(
                "Image with digest '{digest}' and tag '{}' already exists in the repository with name '{name}' in registry with id '{}'",
                tag.unwrap_or("null"),
                world.place.account
            );
            Err(ApiError::new("ImageAlreadyExistsException", message))
        }
    }
}

/// The layers of an image, or the images of an index, that are not there.
fn missing_parts(
    world: &World,
    repository: &Repository,
    document: &Value,
    media_type: &str,
) -> Vec<String> {
    let digest = |part: &Value| part["digest"].as_str().map(str::to_owned);
    if INDEXES.contains(&media_type) {
        let listed = document["manifests"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(digest);
        return listed
            .filter(|digest| !repository.manifests.contains_key(digest))
            .collect();
    }
    let layers = document["layers"]
        .as_array()
        .into_iter()
        .flatten()
        .chain([&document["config"]])
        .filter_map(digest);
    layers
        .filter(|digest| world.ecr.registry.blob(digest).is_none())
        .collect()
}

pub fn batch_delete_image(world: &mut World, input: &Value) -> Answer {
    let ids = ids(input)?;
    let name = repository(world, input)?.name.clone();
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in &ids {
        if let Err(failure) = find(repository(world, input)?, id) {
            failures.push(failure);
            continue;
        }
        // A tag alone is untagged; with a digest the image goes, tags and all.
        let reference = id["imageDigest"]
            .as_str()
            .or(id["imageTag"].as_str())
            .unwrap_or_default();
        let Some((digest, tags)) = world.ecr.registry.delete(&name, reference) else {
            continue;
        };
        deleted.extend(
            tags.iter()
                .map(|tag| json!({"imageDigest": digest, "imageTag": tag})),
        );
        if tags.is_empty() {
            deleted.push(json!({"imageDigest": digest}));
        }
    }
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

pub fn get_download_url_for_layer(world: &mut World, input: &Value) -> Answer {
    let digest = text(input, "layerDigest")?;
    let repository = repository(world, input)?;
    // A layer belongs to a repository through the manifests that name it.
    let named = repository
        .manifests
        .values()
        .any(|manifest| String::from_utf8_lossy(&manifest.body).contains(&digest));
    if !named || world.ecr.registry.blob(&digest).is_none() {
        let message = format!(
            "The layer with digest '{digest}' does not exist in the repository with name '{}' in the registry with id '{}'",
            repository.name, world.place.account
        );
        return Err(ApiError::new("LayersNotFoundException", message));
    }
    let token = world.call_ids.alphanumeric(64);
    let now = world.now;
    world.ecr.downloads.retain(|_, (_, end)| now < *end);
    world
        .ecr
        .downloads
        .insert(token.clone(), (digest.clone(), now + DOWNLOAD_LIFETIME));
    let place = &world.place;
    let base = match &world.ecr.registry_host {
        Some(host) => format!("http://{host}"),
        None => format!(
            "https://prod-{0}-starport-layer-bucket.s3.{0}.{1}",
            place.region,
            dns_suffix(&place.partition)
        ),
    };
    Ok(
        json!({"layerDigest": digest, "downloadUrl": format!("{base}/_layers/{digest}?token={token}")}),
    )
}
