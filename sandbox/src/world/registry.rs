//! Repositories, manifests, tags and blobs: one registry behind two doors (ECR's API and the OCI protocol).
//!
//! Knows: content addressing and which tags may move. Does not know: either door's words for a refusal.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Digest;

use crate::iam::policy::glob;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A repository as a world file writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RepositorySpec {
    pub name: String,
    #[serde(default)]
    pub mutability: Mutability,
    /// Wildcards of tags that the mutability does not hold for.
    #[serde(default)]
    pub exclusion_filters: Vec<String>,
    #[serde(default)]
    pub images: Vec<ImageSpec>,
    /// Its resource policy; absent: it has none.
    #[serde(default)]
    pub policy: Value,
}

/// An image that is there without having been pushed: its manifest and config are made up, its digests are right.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ImageSpec {
    pub tags: Vec<String>,
    pub os: String,
    pub architecture: String,
    pub labels: BTreeMap<String, String>,
    /// RFC 3339.
    pub created: String,
    /// What the manifest says of its layer, in place of the true size.
    pub megabytes: Option<u64>,
}

impl Default for ImageSpec {
    fn default() -> ImageSpec {
        ImageSpec {
            tags: Vec::new(),
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            labels: BTreeMap::new(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            megabytes: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mutability {
    #[default]
    Mutable,
    Immutable,
    MutableWithExclusion,
    ImmutableWithExclusion,
}

impl Mutability {
    pub fn name(self) -> &'static str {
        match self {
            Mutability::Mutable => "MUTABLE",
            Mutability::Immutable => "IMMUTABLE",
            Mutability::MutableWithExclusion => "MUTABLE_WITH_EXCLUSION",
            Mutability::ImmutableWithExclusion => "IMMUTABLE_WITH_EXCLUSION",
        }
    }

    pub fn parse(name: &str) -> Option<Mutability> {
        [
            Mutability::Mutable,
            Mutability::Immutable,
            Mutability::MutableWithExclusion,
            Mutability::ImmutableWithExclusion,
        ]
        .into_iter()
        .find(|mutability| mutability.name() == name)
    }

    pub fn takes_filters(self) -> bool {
        matches!(
            self,
            Mutability::MutableWithExclusion | Mutability::ImmutableWithExclusion
        )
    }
}

#[derive(Clone, Debug)]
pub struct Manifest {
    pub digest: String,
    pub media_type: String,
    pub body: Bytes,
    pub pushed_at: SystemTime,
    pub pulled_at: Option<SystemTime>,
}

impl Manifest {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What ECR shows as the image's size: its layers, compressed, and its config.
    pub fn size(&self) -> u64 {
        let document = self.json();
        let layers = document["layers"].as_array().into_iter().flatten();
        layers
            .chain([&document["config"]])
            .filter_map(|part| part["size"].as_u64())
            .sum()
    }

    pub fn config_media_type(&self) -> Option<String> {
        Some(self.json()["config"]["mediaType"].as_str()?.to_owned())
    }
}

#[derive(Clone, Debug)]
pub struct Repository {
    pub name: String,
    pub created_at: SystemTime,
    pub mutability: Mutability,
    pub exclusion_filters: Vec<String>,
    pub scan_on_push: bool,
    pub encryption: Value,
    /// The resource policy; null without one.
    pub policy: Value,
    pub tags: BTreeMap<String, String>,
    /// By digest.
    pub manifests: BTreeMap<String, Manifest>,
    /// Tag to digest.
    pub image_tags: BTreeMap<String, String>,
}

/// Why a manifest was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutRefusal {
    NoSuchRepository,
    /// The same digest is there under the same tag.
    AlreadyThere,
    TagIsImmutable,
}

impl Repository {
    pub fn new(name: &str, created_at: SystemTime) -> Repository {
        Repository {
            name: name.to_owned(),
            created_at,
            mutability: Mutability::default(),
            exclusion_filters: Vec::new(),
            scan_on_push: false,
            encryption: json!({"encryptionType": "AES256"}),
            policy: Value::Null,
            tags: BTreeMap::new(),
            manifests: BTreeMap::new(),
            image_tags: BTreeMap::new(),
        }
    }

    /// Whether this tag may come to name another image.
    pub fn may_move(&self, tag: &str) -> bool {
        let excluded = self
            .exclusion_filters
            .iter()
            .any(|filter| glob(filter, tag));
        match self.mutability {
            Mutability::Mutable => true,
            Mutability::Immutable => false,
            Mutability::MutableWithExclusion => !excluded,
            Mutability::ImmutableWithExclusion => excluded,
        }
    }

    /// By tag or digest.
    pub fn manifest(&self, reference: &str) -> Option<&Manifest> {
        self.manifests.get(self.digest_of(reference)?)
    }

    pub fn digest_of<'a>(&'a self, reference: &'a str) -> Option<&'a str> {
        if reference.contains(':') {
            Some(reference)
        } else {
            self.image_tags.get(reference).map(String::as_str)
        }
    }

    pub fn tags_of(&self, digest: &str) -> Vec<String> {
        self.image_tags
            .iter()
            .filter(|(_, of)| *of == digest)
            .map(|(tag, _)| tag.clone())
            .collect()
    }

    /// Whether `digest` may be put under `tag`.
    pub fn admits(&self, tag: Option<&str>, digest: &str) -> Result<(), PutRefusal> {
        match tag {
            None if self.manifests.contains_key(digest) => Err(PutRefusal::AlreadyThere),
            None => Ok(()),
            Some(tag) => match self.image_tags.get(tag) {
                Some(present) if present == digest => Err(PutRefusal::AlreadyThere),
                Some(_) if !self.may_move(tag) => Err(PutRefusal::TagIsImmutable),
                _ => Ok(()),
            },
        }
    }
}

#[derive(Default)]
pub struct Registry {
    pub repositories: BTreeMap<String, Repository>,
    /// By digest, shared by all repositories.
    blobs: BTreeMap<String, Bytes>,
}

impl Registry {
    pub fn from_specs(specs: &[RepositorySpec], now: SystemTime) -> Registry {
        let mut registry = Registry::default();
        for spec in specs {
            let mut repository = Repository::new(&spec.name, now);
            repository.mutability = spec.mutability;
            repository.exclusion_filters = spec.exclusion_filters.clone();
            repository.policy = spec.policy.clone();
            registry.repositories.insert(spec.name.clone(), repository);
            for image in &spec.images {
                registry.add_image(&spec.name, image, now);
            }
        }
        registry
    }

    /// Makes an image up and puts it under each of its tags; its digest.
    pub fn add_image(
        &mut self,
        repository: &str,
        image: &ImageSpec,
        now: SystemTime,
    ) -> Option<String> {
        // The layer's bytes follow from the image, so that two images differ in content as well.
        let layer = Bytes::from(format!(
            "layer of {repository} {}/{} {:?} {}",
            image.os, image.architecture, image.labels, image.created
        ));
        let layer_digest = digest_of(&layer);
        let config = Bytes::from(
            json!({
                "created": image.created,
                "architecture": image.architecture,
                "os": image.os,
                "config": {"Labels": image.labels},
                "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
                "history": [{"created": image.created, "created_by": "COPY . /"}],
            })
            .to_string(),
        );
        let said = image.megabytes.map(|n| n * 1_000_000);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(&config), "size": config.len()},
            "layers": [{"mediaType": LAYER, "digest": layer_digest, "size": said.unwrap_or(layer.len() as u64)}],
        });
        self.put_blob(digest_of(&config), config);
        self.put_blob(layer_digest, layer);
        let body = Bytes::from(manifest.to_string());
        let digest = digest_of(&body);
        let tags = image.tags.iter().map(|tag| Some(tag.as_str()));
        for tag in tags.chain(image.tags.is_empty().then_some(None)) {
            // A seed may say the same image twice.
            match self.put_manifest(repository, tag, MANIFEST, body.clone(), now) {
                Ok(_) | Err(PutRefusal::AlreadyThere) => {}
                Err(_) => return None,
            }
        }
        Some(digest)
    }

    pub fn put_manifest(
        &mut self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        body: Bytes,
        now: SystemTime,
    ) -> Result<String, PutRefusal> {
        let digest = digest_of(&body);
        let repository = self
            .repositories
            .get_mut(repository)
            .ok_or(PutRefusal::NoSuchRepository)?;
        repository.admits(tag, &digest)?;
        repository
            .manifests
            .entry(digest.clone())
            .or_insert_with(|| Manifest {
                digest: digest.clone(),
                media_type: media_type.to_owned(),
                body,
                pushed_at: now,
                pulled_at: None,
            });
        if let Some(tag) = tag {
            repository.image_tags.insert(tag.to_owned(), digest.clone());
        }
        Ok(digest)
    }

    /// Marks the image as pulled.
    pub fn pulled(&mut self, repository: &str, reference: &str, now: SystemTime) {
        let Some(repository) = self.repositories.get_mut(repository) else {
            return;
        };
        let Some(digest) = repository.digest_of(reference).map(str::to_owned) else {
            return;
        };
        if let Some(manifest) = repository.manifests.get_mut(&digest) {
            manifest.pulled_at = Some(now);
        }
    }

    /// Deletes an image with all its tags (by digest), or a tag and, with its last tag, its image. What was deleted: digest and tags.
    pub fn delete(&mut self, repository: &str, reference: &str) -> Option<(String, Vec<String>)> {
        let repository = self.repositories.get_mut(repository)?;
        let digest = repository.digest_of(reference)?.to_owned();
        repository.manifests.get(&digest)?;
        let tags = if reference.contains(':') {
            repository.tags_of(&digest)
        } else {
            vec![reference.to_owned()]
        };
        for tag in &tags {
            repository.image_tags.remove(tag);
        }
        if repository.tags_of(&digest).is_empty() {
            repository.manifests.remove(&digest);
        }
        Some((digest, tags))
    }

    pub fn put_blob(&mut self, digest: String, bytes: Bytes) {
        self.blobs.insert(digest, bytes);
    }

    pub fn blob(&self, digest: &str) -> Option<Bytes> {
        self.blobs.get(digest).cloned()
    }

    pub fn delete_blob(&mut self, digest: &str) {
        self.blobs.remove(digest);
    }

    pub fn blob_digests(&self) -> Vec<String> {
        self.blobs.keys().cloned().collect()
    }
}

/// `sha256:…` of these bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(mutability: Mutability, filters: &[&str]) -> Registry {
        let spec = RepositorySpec {
            name: "web".into(),
            mutability,
            exclusion_filters: filters.iter().map(|filter| (*filter).to_owned()).collect(),
            images: vec![ImageSpec {
                tags: vec!["abc".into(), "latest".into()],
                ..ImageSpec::default()
            }],
            policy: Value::Null,
        };
        Registry::from_specs(&[spec], SystemTime::UNIX_EPOCH)
    }

    fn put(registry: &mut Registry, tag: &str) -> Result<String, PutRefusal> {
        registry.put_manifest(
            "web",
            Some(tag),
            MANIFEST,
            Bytes::from_static(b"{}"),
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn immutable_tags_do_not_move_except_where_a_filter_says_so() {
        let mut registry = registry(Mutability::ImmutableWithExclusion, &["latest", "pr-*"]);
        assert_eq!(put(&mut registry, "abc"), Err(PutRefusal::TagIsImmutable));
        assert!(put(&mut registry, "latest").is_ok());
        assert_eq!(put(&mut registry, "latest"), Err(PutRefusal::AlreadyThere));
        assert!(put(&mut registry, "new").is_ok());
        assert_eq!(
            registry.repositories["web"].tags_of(&digest_of(b"{}")),
            ["latest", "new"]
        );
    }

    #[test]
    fn a_made_up_image_has_right_digests() {
        let registry = registry(Mutability::Mutable, &[]);
        let manifest = registry.repositories["web"].manifest("abc").unwrap();
        assert_eq!(manifest.digest, digest_of(&manifest.body));
        let config = manifest.json()["config"].clone();
        let bytes = registry.blob(config["digest"].as_str().unwrap()).unwrap();
        assert_eq!(config["size"], bytes.len());
        assert_eq!(config["digest"], digest_of(&bytes));
    }

    #[test]
    fn an_image_goes_with_its_last_tag() {
        let mut registry = registry(Mutability::Mutable, &[]);
        registry.delete("web", "latest").unwrap();
        assert!(registry.repositories["web"].manifest("abc").is_some());
        registry.delete("web", "abc").unwrap();
        assert!(registry.repositories["web"].manifests.is_empty());
    }
}
