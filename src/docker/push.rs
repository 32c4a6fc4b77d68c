//! Pushes one tag through the engine. Knows the engine's progress lines and what registries (ECR first) say when they
//! refuse; retries what passes by itself. It does not decide whether a push is needed, nor what a refused tag means.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::daemon::Daemon;
use super::registry_auth::{self, RegistryAuth};
use super::wire::{Line, Lines, accepted, broken};
use super::{DockerError, Foreign};

const DOING: &str = "push an image";
/// Pauses before the second, third and fourth try: a registry's hiccup passes within seconds.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// The engine reports several times a second while it uploads, and between layers waits for the registry; it retries
/// each layer five times by itself. This long a silence means that the connection is lost.
const SILENCE: Duration = Duration::from_secs(300);

/// What a push tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushNews {
    Layer {
        id: String,
        state: LayerState,
    },
    Retrying {
        attempt: u32,
        of: u32,
        after: Duration,
        why: Foreign,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerState {
    Waiting,
    Pushing {
        current_bytes: u64,
        total_bytes: u64,
    },
    Pushed,
    /// the registry had it, or took it from another of its repositories
    AlreadyThere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// `digest` is the manifest's, `manifest_bytes` its size
    Pushed { digest: String, manifest_bytes: u64 },
    /// The tag names another image already and the repository forbids moving it.
    TagImmutable { tag: String },
}

/// Why one try ended.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Immutable,
    Denied,
    LoginExpired,
    NoRepository,
    Transient,
    Permanent,
}

/// Pushes `repository:tag`, which the engine holds.
pub async fn push(
    daemon: &Daemon,
    repository: &str,
    tag: &str,
    auths: &[RegistryAuth],
    tell: &mut (dyn FnMut(PushNews) + Send),
) -> Result<PushOutcome, DockerError> {
    let started = Instant::now();
    let login = registry_auth::registry_of(repository)
        .and_then(|registry| registry_auth::find(auths, registry));
    let mut tries = 0;
    loop {
        tries += 1;
        let (refusal, message) = match attempt(daemon, repository, tag, login, tell).await {
            Ok(outcome) => return Ok(outcome),
            Err(message) => (classify(&message.0), message),
        };
        let repository = repository.to_owned();
        match refusal {
            Refusal::Immutable => {
                return Ok(PushOutcome::TagImmutable {
                    tag: tag.to_owned(),
                });
            }
            Refusal::Denied => {
                return Err(DockerError::PushDenied {
                    repository,
                    message,
                });
            }
            Refusal::LoginExpired => return Err(DockerError::LoginExpired { repository }),
            Refusal::NoRepository => return Err(DockerError::NoRepository { repository }),
            Refusal::Transient if tries <= PAUSES.len() => {}
            Refusal::Transient | Refusal::Permanent => {
                return Err(DockerError::PushFailed {
                    repository,
                    tries: tries as u32,
                    took: started.elapsed(),
                    message,
                });
            }
        }
        let after = PAUSES[tries - 1];
        tell(PushNews::Retrying {
            attempt: tries as u32 + 1,
            of: PAUSES.len() as u32 + 1,
            after,
            why: message,
        });
        tokio::time::sleep(after).await;
    }
}

async fn attempt(
    daemon: &Daemon,
    repository: &str,
    tag: &str,
    login: Option<&RegistryAuth>,
    tell: &mut (dyn FnMut(PushNews) + Send),
) -> Result<PushOutcome, Foreign> {
    let said = |error: DockerError| error.said().cloned().unwrap_or_default();
    let tag_query: String = url::form_urlencoded::byte_serialize(tag.as_bytes()).collect();
    let request = Request::post(daemon.path(&format!("/images/{repository}/push?tag={tag_query}")))
        .header("X-Registry-Auth", registry_auth::header(login))
        .body(Full::new(Bytes::new()))
        .map_err(|error| said(broken(DOING, &error)))?;
    let answer = accepted(DOING, daemon.address.send(request).await)
        .await
        .map_err(said)?;
    let mut lines = Lines::new(DOING, answer);
    let mut pushed = None;
    loop {
        let line = match tokio::time::timeout(SILENCE, lines.next()).await {
            Err(_) => return Err("i/o timeout: the engine said nothing for five minutes".into()),
            Ok(line) => line.map_err(said)?,
        };
        let Some(line) = line else { break };
        if let Some(message) = line.failure() {
            return Err(message.into());
        }
        if let Some(digest) = line.aux["Digest"].as_str() {
            pushed = Some(PushOutcome::Pushed {
                digest: digest.to_owned(),
                manifest_bytes: line.aux["Size"].as_u64().unwrap_or_default(),
            });
        }
        if let Some(state) = layer_state(&line) {
            tell(PushNews::Layer { id: line.id, state });
        }
    }
    pushed.ok_or_else(|| "unexpected EOF: the engine ended without a digest".into())
}

fn layer_state(line: &Line) -> Option<LayerState> {
    if line.id.is_empty() {
        return None;
    }
    let status = line.status.as_str();
    match status {
        "Preparing" | "Waiting" => Some(LayerState::Waiting),
        "Pushed" => Some(LayerState::Pushed),
        "Pushing" => line.progress.map(|progress| LayerState::Pushing {
            current_bytes: progress.current,
            total_bytes: progress.total,
        }),
        _ if status == "Layer already exists" || status.starts_with("Mounted from") => {
            Some(LayerState::AlreadyThere)
        }
        _ => None,
    }
}

/// What a refusal means, by the words of the engine and of registries.
fn classify(message: &str) -> Refusal {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["immutable"]) {
        Refusal::Immutable
    } else if says(&["authorization token has expired", "token expired"]) {
        Refusal::LoginExpired
    } else if says(&[
        "denied",
        "no basic auth credentials",
        "unauthorized",
        "403 forbidden",
    ]) {
        Refusal::Denied
    } else if says(&[
        "name unknown",
        "repository does not exist",
        "repository with name",
    ]) {
        Refusal::NoRepository
    } else if is_server_error(&message)
        || says(&[
            "eof",
            "connection reset",
            "connection refused",
            "broken pipe",
            "timeout",
            "timed out",
            "deadline exceeded",
            "use of closed network connection",
            "request canceled",
            "toomanyrequests",
            "too many requests",
            "no such host",
            "temporary failure in name resolution",
            "server misbehaving",
            "connection closed before message completed",
        ])
    {
        Refusal::Transient
    } else {
        Refusal::Permanent
    }
}

/// `received unexpected HTTP status: 503 Service Unavailable`, `unexpected status from HEAD request to …: 503 …`,
/// `error parsing HTTP 429 response body`.
fn is_server_error(message: &str) -> bool {
    let Some(at) = message.find("status").or_else(|| message.find("http ")) else {
        return false;
    };
    let words = message[at..]
        .split_whitespace()
        .filter(|word| word.len() == 3);
    words
        .filter_map(|word| word.parse::<u16>().ok())
        .any(|code| (500..600).contains(&code) || code == 429)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_by_their_words() {
        for (message, expected) in [
            (
                "tag invalid: The image tag 'a1' already exists in the 'app' repository and cannot be overwritten because the repository is immutable.",
                Refusal::Immutable,
            ),
            (
                "denied: User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: ecr:InitiateLayerUpload on resource: x",
                Refusal::Denied,
            ),
            ("no basic auth credentials", Refusal::Denied),
            (
                "denied: Your authorization token has expired. Reauthenticate and try again.",
                Refusal::LoginExpired,
            ),
            (
                "name unknown: The repository with name 'app' does not exist in the registry with id '1'",
                Refusal::NoRepository,
            ),
            (
                "received unexpected HTTP status: 500 Internal Server Error",
                Refusal::Transient,
            ),
            (
                "unexpected status from HEAD request to https://r/v2/a/manifests/b: 503 Service Unavailable",
                Refusal::Transient,
            ),
            (
                "Put \"https://r/v2/\": net/http: TLS handshake timeout",
                Refusal::Transient,
            ),
            (
                "write tcp 1.1.1.1:2->3.3.3.3:443: write: connection reset by peer",
                Refusal::Transient,
            ),
            ("unexpected EOF", Refusal::Transient),
            (
                "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                Refusal::Transient,
            ),
            (
                "error parsing HTTP 429 response body: no error details found",
                Refusal::Transient,
            ),
            (
                "manifest invalid: blob unknown to registry",
                Refusal::Permanent,
            ),
            (
                "An image does not exist locally with the tag: app",
                Refusal::Permanent,
            ),
        ] {
            assert_eq!(classify(message), expected, "{message}");
        }
    }
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod engine_tests;
