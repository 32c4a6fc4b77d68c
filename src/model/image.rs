//! Images: where they are, what they are for, and how a tag names what was built.

use jiff::Timestamp;
use serde::Serialize;

/// An image of a repository by digest: what a task definition deploys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// `repositoryUri` as ECR answers it (or what stands before `@` / `:` in an image given by name).
    pub repository: String,
    pub tag: Option<String>,
    /// `sha256:…`
    pub digest: Option<String>,
}

impl Image {
    /// Parses `repository[:tag][@digest]`. A port in the registry's host is no tag.
    pub fn parse(text: &str) -> Option<Image> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (text, None),
        };
        let (repository, tag) = match rest.rfind(':') {
            Some(at) if !rest[at..].contains('/') => (&rest[..at], Some(rest[at + 1..].to_owned())),
            _ => (rest, None),
        };
        let wellformed = !repository.is_empty()
            && tag.as_deref() != Some("")
            && digest
                .as_deref()
                .is_none_or(|d| d.starts_with("sha256:") && d.len() == 71)
            && !text.contains(char::is_whitespace);
        wellformed.then(|| Image {
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }

    /// What the task definition gets: by digest where it is known.
    pub fn reference(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("{}@{digest}", self.repository),
            (None, Some(tag)) => format!("{}:{tag}", self.repository),
            (None, None) => self.repository.clone(),
        }
    }
}

/// `os/architecture[/variant]` in OCI's words (`linux/amd64`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
}

impl Platform {
    pub fn parse(text: &str) -> Option<Platform> {
        let mut parts = text.split('/');
        let (os, architecture) = (parts.next()?, parts.next()?);
        (!os.is_empty() && !architecture.is_empty()).then(|| Platform {
            os: os.to_lowercase(),
            architecture: architecture.to_lowercase(),
        })
    }

    /// From a task definition's `runtimePlatform` words (`LINUX`, `X86_64` / `ARM64`).
    pub fn of_runtime(operating_system_family: &str, cpu_architecture: &str) -> Platform {
        let os = if operating_system_family.starts_with("WINDOWS") {
            "windows"
        } else {
            "linux"
        };
        let architecture = match cpu_architecture {
            "X86_64" => "amd64".to_owned(),
            "ARM64" => "arm64".to_owned(),
            other => other.to_lowercase(),
        };
        Platform {
            os: os.to_owned(),
            architecture,
        }
    }

    /// The `cpuArchitecture` word of ECS for it.
    pub fn cpu_architecture(&self) -> &str {
        match self.architecture.as_str() {
            "amd64" => "X86_64",
            "arm64" => "ARM64",
            other => other,
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// What the registry says of one image (manifest and config read back).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegistryImage {
    pub digest: String,
    /// Of its config: what the classic image store of Docker calls the image's id.
    pub config_digest: Option<String>,
    pub platform: Option<Platform>,
    /// Of the image's config; `shipway.build-key` decides reuse.
    pub labels: Vec<(String, String)>,
    pub compressed_bytes: Option<u64>,
    pub pushed_at: Option<Timestamp>,
}
