//! The port to the Docker engine: connect, build with BuildKit, push, inspect, tag.
//!
//! Knows the engine's API, BuildKit's session protocol, build contexts and registries' push errors. It knows nothing
//! of AWS, of git or of GitHub, prints nothing, and returns every text that a build, an engine or a registry wrote as
//! [`Foreign`], which cannot be displayed by accident.

pub mod build;
pub mod context;
mod credentials;
pub mod daemon;
pub mod dockerfile;
pub mod dockerignore;
pub mod filesync;
pub mod inspect;
pub mod progress;
pub mod push;
pub mod registry_auth;
pub mod session;
pub mod wire;

#[cfg(test)]
mod engine_tests;

use std::time::Duration;

use miette::Diagnostic;
use thiserror::Error;

/// Text that someone else wrote: build output, step names, an engine's or a registry's message.
/// It has no `Display`; whoever shows it has to escape it first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Foreign(pub String);

impl From<String> for Foreign {
    fn from(text: String) -> Foreign {
        Foreign(text)
    }
}

impl From<&str> for Foreign {
    fn from(text: &str) -> Foreign {
        Foreign(text.to_owned())
    }
}

#[derive(Debug, Error, Diagnostic)]
pub enum DockerError {
    #[error("no Docker engine answers at {address}")]
    #[diagnostic(
        code(shipway::build::no_daemon),
        help(
            "start Docker (`sudo systemctl start docker`, or open Docker Desktop), or point DOCKER_HOST at a running engine; GitHub's ubuntu runners have one"
        )
    )]
    NoDaemon {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error("this user may not speak to the Docker engine at {address}")]
    #[diagnostic(
        code(shipway::build::daemon_denied),
        help("add the user to the group `docker`, or run as root")
    )]
    DaemonDenied { address: String },
    #[error("DOCKER_HOST is {address}, which Shipway does not speak")]
    #[diagnostic(
        code(shipway::build::docker_host),
        help(
            "use unix:///path or tcp://host:port; for ssh:// and TLS, forward the engine's socket to a local one"
        )
    )]
    UnsupportedHost { address: String },
    #[error("the Docker engine speaks API {found}; building needs {needed} or later")]
    #[diagnostic(
        code(shipway::build::engine_too_old),
        help("update Docker Engine to 20.10 or later")
    )]
    EngineTooOld { found: String, needed: String },
    #[error(
        "the Docker engine runs on {engine} and has no emulator for {platform}, which this Dockerfile's RUN steps need"
    )]
    #[diagnostic(
        code(shipway::build::no_emulator),
        help(
            "run the job on a runner of that architecture, or add docker/setup-qemu-action before Shipway, or set `platform` and the task definition's runtimePlatform to the engine's architecture"
        )
    )]
    NoEmulator { engine: String, platform: String },
    #[error("the Docker engine failed while asked to {doing}")]
    #[diagnostic(
        code(shipway::build::engine),
        help("`docker info` and the engine's log say more")
    )]
    Engine {
        doing: &'static str,
        status: Option<u16>,
        message: Foreign,
    },
    #[error("the build secret {id} cannot be read from {from}")]
    #[diagnostic(
        code(shipway::build::secret_unreadable),
        help("set the variable, or check the file's path; a secret may hold 500 kB")
    )]
    SecretUnreadable { id: String, from: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Context(#[from] context::ContextError),
    #[error("the image could not be built")]
    #[diagnostic(code(shipway::build::failed))]
    BuildFailed(Box<BuildFailure>),
    #[error("the push to {repository} was refused: the credentials may not push there")]
    #[diagnostic(
        code(shipway::push::denied),
        help(
            "the role needs ecr:InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload, BatchCheckLayerAvailability, PutImage and BatchGetImage on this repository"
        )
    )]
    PushDenied {
        repository: String,
        message: Foreign,
    },
    #[error("the push to {repository} was refused: the registry login has expired")]
    #[diagnostic(
        code(shipway::push::login_expired),
        help("log in again; an ECR login lasts 12 hours")
    )]
    LoginExpired { repository: String },
    #[error("the repository {repository} does not exist")]
    #[diagnostic(
        code(shipway::push::no_repository),
        help("create it, or set `create-repository`")
    )]
    NoRepository { repository: String },
    #[error("the push to {repository} failed after {tries} tries in {} s", took.as_secs())]
    #[diagnostic(
        code(shipway::push::failed),
        help("the registry's message says why; run again if it was the network")
    )]
    PushFailed {
        repository: String,
        tries: u32,
        took: Duration,
        message: Foreign,
    },
}

/// The step that failed, with its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildFailure {
    pub step: Option<progress::Step>,
    /// the last lines that the step wrote
    pub log: Vec<Foreign>,
    /// BuildKit's message
    pub message: Foreign,
    pub dockerfile: std::path::PathBuf,
    pub dockerfile_line: Option<u32>,
    /// the instruction as it stands in the Dockerfile
    pub instruction: Option<Foreign>,
}

impl DockerError {
    /// What the engine, the build or the registry said about it.
    pub fn said(&self) -> Option<&Foreign> {
        match self {
            DockerError::Engine { message, .. }
            | DockerError::PushDenied { message, .. }
            | DockerError::PushFailed { message, .. } => Some(message),
            DockerError::BuildFailed(failure) => Some(&failure.message),
            _ => None,
        }
    }
}
