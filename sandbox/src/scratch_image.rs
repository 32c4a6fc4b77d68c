//! A runnable image out of a few files, without a builder: what `FROM scratch` and `COPY` would make of them.
//!
//! Knows: the OCI image format, as far as one layer needs it. Does not know where the image goes.

use std::io;

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest as _, Sha256};

pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";

/// A file of the image, by its path without a leading slash.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    pub path: &'a str,
    pub mode: u32,
    pub content: &'a [u8],
}

/// Bytes with their digest, `sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub digest: String,
    pub bytes: Bytes,
}

/// The three parts of an image. The same files make the same digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScratchImage {
    pub layer: Blob,
    pub config: Blob,
    pub manifest: Blob,
}

impl ScratchImage {
    /// For linux/amd64.
    pub fn new(files: &[File<'_>], entrypoint: &[&str]) -> io::Result<ScratchImage> {
        let mut layer = tar::Builder::new(Vec::new());
        for file in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(file.content.len() as u64);
            header.set_mode(file.mode);
            layer.append_data(&mut header, file.path, file.content)?;
        }
        let layer = Blob::new(layer.into_inner()?);
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": entrypoint},
            // An uncompressed layer is its own diff.
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        });
        let config = Blob::new(config.to_string());
        let part = |media_type: &str, blob: &Blob| json!({"mediaType": media_type, "digest": blob.digest, "size": blob.bytes.len()});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": part(CONFIG_TYPE, &config),
            "layers": [part(LAYER_TYPE, &layer)],
        });
        Ok(ScratchImage {
            layer,
            config,
            manifest: Blob::new(manifest.to_string()),
        })
    }
}

impl Blob {
    fn new(bytes: impl Into<Bytes>) -> Blob {
        let bytes = bytes.into();
        Blob {
            digest: format!("sha256:{}", hex::encode(Sha256::digest(&bytes))),
            bytes,
        }
    }
}
