//! Which engine answers, what it speaks and which platforms it can run. Knows DOCKER_HOST and the usual sockets, and
//! where Linux registers emulators; reads no environment of its own and starts nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::{ClientVersion, Docker};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde::Deserialize;

use super::DockerError;
use super::wire::{Address, accepted, broken};

/// For calls that answer at once (inspect, tag). Builds and pushes stream, and have limits of their own.
const CALL_TIMEOUT_SECONDS: u64 = 600;
/// An engine that does not say its version in this time is not there.
const FIRST_ANSWER: Duration = Duration::from_secs(20);
/// The newest API version that this program was written against.
const NEWEST_API: ApiVersion = ApiVersion {
    major: 1,
    minor: 53,
};
/// BuildKit's sessions came with 1.39, `platform` in 1.38; 1.41 is Docker 20.10, the oldest that is tried.
const OLDEST_API: ApiVersion = ApiVersion {
    major: 1,
    minor: 41,
};
const BINFMT: &str = "/proc/sys/fs/binfmt_misc";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    pub major: usize,
    pub minor: usize,
}

impl std::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for ApiVersion {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<ApiVersion, Self::Err> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        Ok(ApiVersion {
            major: major.parse()?,
            minor: minor.parse()?,
        })
    }
}

/// An engine that answered.
#[derive(Debug, Clone)]
pub struct Daemon {
    pub(super) docker: Docker,
    pub(super) address: Address,
    pub facts: EngineFacts,
}

/// What the engine says of itself. `architecture` in Go's words: amd64, arm64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    pub version: String,
    pub api: ApiVersion,
    pub os: String,
    pub architecture: String,
}

/// Whether a platform's programs can run on the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanRun {
    Natively,
    Emulated,
    /// The engine is elsewhere, or in a machine of its own: only trying tells.
    Unknown,
    No,
}

impl Daemon {
    /// Finds the engine by DOCKER_HOST, else at the usual sockets, and agrees on an API version.
    pub async fn connect(variables: &BTreeMap<String, String>) -> Result<Daemon, DockerError> {
        let address = address(variables)?;
        let facts = ask_version(&address).await?;
        if facts.api < OLDEST_API {
            return Err(DockerError::EngineTooOld {
                found: facts.api.to_string(),
                needed: OLDEST_API.to_string(),
            });
        }
        let version = ClientVersion {
            major_version: facts.api.major,
            minor_version: facts.api.minor,
        };
        let docker = match &address {
            #[cfg(unix)]
            Address::Unix(path) => {
                Docker::connect_with_unix(&path.to_string_lossy(), CALL_TIMEOUT_SECONDS, &version)
            }
            #[cfg(not(unix))]
            Address::Unix(path) => Docker::connect_with_named_pipe(
                &path.to_string_lossy(),
                CALL_TIMEOUT_SECONDS,
                &version,
            ),
            Address::Tcp(host) => Docker::connect_with_http(host, CALL_TIMEOUT_SECONDS, &version),
        }
        .map_err(|error| broken("connect", &error))?;
        Ok(Daemon {
            docker,
            address,
            facts,
        })
    }

    pub fn platform(&self) -> String {
        format!("{}/{}", self.facts.os, self.facts.architecture)
    }

    /// Whether programs of `platform` (`linux/arm64`, `linux/arm/v7`) run on this engine.
    pub fn can_run(&self, platform: &str) -> CanRun {
        // an engine at the system's own socket shares this kernel, and so its emulators
        let here = |path: &Path| path.starts_with("/var/run") || path.starts_with("/run");
        let local =
            cfg!(target_os = "linux") && matches!(&self.address, Address::Unix(path) if here(path));
        can_run(&self.facts, platform, local.then_some(Path::new(BINFMT)))
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/v{}{rest}", self.facts.api)
    }
}

fn can_run(facts: &EngineFacts, platform: &str, binfmt: Option<&Path>) -> CanRun {
    let mut parts = platform.split('/');
    let (os, architecture) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    if os != facts.os {
        return CanRun::No;
    }
    let own = facts.architecture.as_str();
    if architecture == own || (own == "amd64" && architecture == "386") {
        return CanRun::Natively;
    }
    // some 64-bit ARM processors run 32-bit programs, some do not
    if own == "arm64" && architecture == "arm" {
        return CanRun::Unknown;
    }
    let Some(binfmt) = binfmt else {
        return CanRun::Unknown;
    };
    let kernel_name = match architecture {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "386" => "i386",
        other => other,
    };
    let registered = ["qemu-", "", "buildkit-qemu-"]
        .iter()
        .map(|prefix| binfmt.join(format!("{prefix}{kernel_name}")))
        .chain((architecture == "amd64").then(|| binfmt.join("rosetta")));
    for file in registered {
        if std::fs::read_to_string(file).is_ok_and(|text| text.starts_with("enabled")) {
            return CanRun::Emulated;
        }
    }
    CanRun::No
}

fn address(variables: &BTreeMap<String, String>) -> Result<Address, DockerError> {
    let given = variables
        .get("DOCKER_HOST")
        .map(|host| host.trim())
        .filter(|host| !host.is_empty());
    if let Some(host) = given {
        let tls = variables
            .get("DOCKER_TLS_VERIFY")
            .is_some_and(|value| !value.is_empty());
        return match host.split_once("://") {
            Some(("unix", path)) => Ok(Address::Unix(PathBuf::from(path))),
            Some(("tcp" | "http", rest)) if !tls => {
                Ok(Address::Tcp(rest.trim_end_matches('/').to_owned()))
            }
            _ => Err(DockerError::UnsupportedHost {
                address: host.to_owned(),
            }),
        };
    }
    let usual = PathBuf::from("/var/run/docker.sock");
    let rootless = variables
        .get("XDG_RUNTIME_DIR")
        .map(|dir| Path::new(dir).join("docker.sock"));
    let desktop = variables
        .get("HOME")
        .map(|home| Path::new(home).join(".docker/run/docker.sock"));
    let found = [Some(usual.clone()), rootless, desktop]
        .into_iter()
        .flatten()
        .find(|path| path.exists());
    Ok(Address::Unix(found.unwrap_or(usual)))
}

async fn ask_version(address: &Address) -> Result<EngineFacts, DockerError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Version {
        version: String,
        api_version: String,
        os: String,
        arch: String,
    }
    const DOING: &str = "say its version";
    // without a version in the path: an engine refuses versions that it does not know
    let request = Request::get("/version").body(Full::new(Bytes::new()));
    let request = request.map_err(|error| broken(DOING, &error))?;
    let answer = tokio::time::timeout(FIRST_ANSWER, address.send(request)).await;
    let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answer.map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => DockerError::DaemonDenied {
            address: address.to_string(),
        },
        _ => DockerError::NoDaemon {
            address: address.to_string(),
            source,
        },
    })?;
    let answer = accepted(DOING, Ok(answer)).await?;
    let body = answer
        .into_body()
        .collect()
        .await
        .map_err(|error| broken(DOING, &error))?;
    let version: Version =
        serde_json::from_slice(&body.to_bytes()).map_err(|error| broken(DOING, &error))?;
    let api: ApiVersion = version
        .api_version
        .parse()
        .map_err(|error| broken(DOING, &error))?;
    Ok(EngineFacts {
        version: version.version,
        api: api.min(NEWEST_API),
        os: version.os,
        architecture: version.arch,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn docker_host_is_read_and_refused_by_scheme() {
        for (host, expected) in [
            ("unix:///tmp/d.sock", Some("unix:///tmp/d.sock")),
            ("tcp://10.0.0.1:2375/", Some("tcp://10.0.0.1:2375")),
            ("ssh://me@host", None),
            ("https://host:2376", None),
            ("npipe:////./pipe/docker_engine", None),
        ] {
            let found = address(&variables(&[("DOCKER_HOST", host)]));
            assert_eq!(
                found.ok().map(|a| a.to_string()).as_deref(),
                expected,
                "{host}"
            );
        }
        let tls = variables(&[("DOCKER_HOST", "tcp://h:2376"), ("DOCKER_TLS_VERIFY", "1")]);
        assert!(matches!(
            address(&tls),
            Err(DockerError::UnsupportedHost { .. })
        ));
    }

    #[test]
    fn emulators_are_found_where_linux_registers_them() {
        let binfmt = tempfile::tempdir().unwrap();
        std::fs::write(
            binfmt.path().join("qemu-aarch64"),
            "enabled\ninterpreter /usr/bin/qemu",
        )
        .unwrap();
        std::fs::write(binfmt.path().join("qemu-riscv64"), "disabled\n").unwrap();
        let engine = |architecture: &str| EngineFacts {
            version: "20.10".to_owned(),
            api: OLDEST_API,
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
        };
        for (own, platform, expected) in [
            ("amd64", "linux/amd64", CanRun::Natively),
            ("amd64", "linux/arm64", CanRun::Emulated),
            ("amd64", "linux/arm64/v8", CanRun::Emulated),
            ("amd64", "linux/riscv64", CanRun::No),
            ("amd64", "windows/amd64", CanRun::No),
            ("arm64", "linux/amd64", CanRun::No),
            ("arm64", "linux/arm/v7", CanRun::Unknown),
        ] {
            assert_eq!(
                can_run(&engine(own), platform, Some(binfmt.path())),
                expected,
                "{own} {platform}"
            );
        }
        assert_eq!(
            can_run(&engine("arm64"), "linux/amd64", None),
            CanRun::Unknown
        );
    }

    #[test]
    fn api_versions_compare_as_numbers() {
        let parse = |text: &str| text.parse::<ApiVersion>().unwrap();
        assert!(parse("1.9") < parse("1.41"));
        assert_eq!(parse("1.41").to_string(), "1.41");
    }
}
