//! The world's registry as the protocol's store: what is pushed here, ECR's API shows, and the other way round.
//!
//! Knows: the two traits of `ferro-oci-server`. Does not know: who may do what; that was decided at the door.
//! Uploads in flight are the protocol's own affair and stay in its own memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ferro_blob_store::{BlobStore, BlobStoreError, Digest, Result};
use ferro_oci_server::upload::UploadState;
use ferro_oci_server::{
    InMemoryRegistryMeta, Reference, ReferrerDescriptor, RegistryMeta, UploadAdmission,
};

use crate::Clock;
use crate::driver::{Inner, lock};
use crate::world::World;
use crate::world::registry::PutRefusal;

pub struct Store {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
    /// Uploads and referrers, which the world does not know.
    uploads: InMemoryRegistryMeta,
}

impl Store {
    pub fn new(inner: Arc<Mutex<Inner>>, clock: Clock) -> Store {
        Store {
            inner,
            clock,
            uploads: InMemoryRegistryMeta::new(),
        }
    }

    fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut lock(&self.inner, &self.clock).world)
    }
}

fn text(reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => tag.clone(),
        Reference::Digest(digest) => digest.to_string(),
    }
}

/// What follows `last` in a sorted list, `n` at most.
fn after(names: impl Iterator<Item = String>, last: Option<&str>, n: Option<usize>) -> Vec<String> {
    names
        .filter(|name| last.is_none_or(|last| name.as_str() > last))
        .take(n.unwrap_or(usize::MAX))
        .collect()
}

#[async_trait]
impl BlobStore for Store {
    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<()> {
        let computed = Digest::sha256_of(&bytes);
        if computed != *digest {
            return Err(BlobStoreError::DigestMismatch {
                expected: digest.to_string(),
                computed: computed.to_string(),
            });
        }
        self.world(|world| world.ecr.registry.put_blob(digest.to_string(), bytes));
        Ok(())
    }

    async fn get(&self, digest: &Digest) -> Result<Bytes> {
        self.world(|world| world.ecr.registry.blob(&digest.to_string()))
            .ok_or_else(|| BlobStoreError::NotFound(digest.to_string()))
    }

    async fn contains(&self, digest: &Digest) -> Result<bool> {
        Ok(self.world(|world| world.ecr.registry.blob(&digest.to_string()).is_some()))
    }

    async fn delete(&self, digest: &Digest) -> Result<()> {
        self.world(|world| world.ecr.registry.delete_blob(&digest.to_string()));
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Digest>> {
        Ok(self
            .world(|world| world.ecr.registry.blob_digests())
            .iter()
            .filter_map(|digest| digest.parse().ok())
            .collect())
    }
}

#[async_trait]
impl RegistryMeta for Store {
    async fn put_manifest(
        &self,
        name: &str,
        reference: &Reference,
        _: &Digest,
        media_type: &str,
        body: Bytes,
    ) -> Result<()> {
        let tag = match reference {
            Reference::Tag(tag) => Some(tag.as_str()),
            Reference::Digest(_) => None,
        };
        match self.world(|world| {
            world
                .ecr
                .registry
                .put_manifest(name, tag, media_type, body, world.now)
        }) {
            Ok(_) | Err(PutRefusal::AlreadyThere) => Ok(()),
            // The door checks both; this is the race between two pushes.
            Err(refusal) => Err(BlobStoreError::Io(std::io::Error::other(format!(
                "{refusal:?}"
            )))),
        }
    }

    async fn put_manifest_with_referrer(
        &self,
        name: &str,
        reference: &Reference,
        digest: &Digest,
        media_type: &str,
        body: Bytes,
        referrer: Option<(Digest, ReferrerDescriptor)>,
    ) -> Result<()> {
        self.put_manifest(name, reference, digest, media_type, body)
            .await?;
        match referrer {
            Some((subject, descriptor)) => {
                self.uploads
                    .register_referrer(name, &subject, descriptor)
                    .await
            }
            None => Ok(()),
        }
    }

    async fn get_manifest(
        &self,
        name: &str,
        reference: &Reference,
    ) -> Result<Option<(Digest, String, Bytes)>> {
        let found = self.world(|world| {
            world
                .ecr
                .registry
                .repositories
                .get(name)?
                .manifest(&text(reference))
                .cloned()
        });
        found
            .map(|manifest| Ok((manifest.digest.parse()?, manifest.media_type, manifest.body)))
            .transpose()
    }

    async fn delete_manifest(&self, name: &str, reference: &Reference) -> Result<bool> {
        Ok(self
            .world(|world| world.ecr.registry.delete(name, &text(reference)))
            .is_some())
    }

    async fn list_tags(
        &self,
        name: &str,
        last: Option<&str>,
        n: Option<usize>,
    ) -> Result<Vec<String>> {
        Ok(self.world(|world| {
            let tags = world
                .ecr
                .registry
                .repositories
                .get(name)
                .into_iter()
                .flat_map(|repository| repository.image_tags.keys().cloned());
            after(tags, last, n)
        }))
    }

    async fn list_repositories(&self, last: Option<&str>, n: Option<usize>) -> Result<Vec<String>> {
        Ok(self.world(|world| after(world.ecr.registry.repositories.keys().cloned(), last, n)))
    }

    async fn start_upload(&self, name: &str) -> Result<UploadAdmission> {
        self.uploads.start_upload(name).await
    }

    async fn append_upload(
        &self,
        name: &str,
        uuid: &str,
        offset: u64,
        chunk: Bytes,
    ) -> Result<u64> {
        self.uploads.append_upload(name, uuid, offset, chunk).await
    }

    async fn complete_upload(&self, name: &str, uuid: &str, digest: &Digest) -> Result<()> {
        self.uploads.complete_upload(name, uuid, digest).await
    }

    async fn get_upload_state(&self, name: &str, uuid: &str) -> Result<Option<UploadState>> {
        self.uploads.get_upload_state(name, uuid).await
    }

    async fn cancel_upload(&self, name: &str, uuid: &str) -> Result<bool> {
        self.uploads.cancel_upload(name, uuid).await
    }

    async fn list_referrers(
        &self,
        name: &str,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<ReferrerDescriptor>> {
        self.uploads
            .list_referrers(name, digest, artifact_type)
            .await
    }

    async fn take_upload_bytes(&self, name: &str, uuid: &str) -> Result<Option<Bytes>> {
        self.uploads.take_upload_bytes(name, uuid).await
    }

    async fn register_referrer(
        &self,
        name: &str,
        subject: &Digest,
        descriptor: ReferrerDescriptor,
    ) -> Result<()> {
        self.uploads
            .register_referrer(name, subject, descriptor)
            .await
    }
}
