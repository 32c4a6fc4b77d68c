//! octocrab over the one wire: base addresses, token, time-outs and retries. Knows HTTP and GitHub's manners; no operation.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use miette::Diagnostic;
use octocrab::{AuthState, OctoBody, Octocrab};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tower::Service;

use crate::model::Untrusted;
use crate::model::untrusted::one_line;
use crate::wire::Wire;

/// One attempt. GitHub itself gives up on a request after ten seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// Pauses before the second and the third attempt.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// A longer `retry-after` is not waited for: a comment is not worth it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// GitHub's API, as the job's token sees it.
#[derive(Clone, Debug)]
pub struct GitHub {
    crab: Octocrab,
}

#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum GitHubError {
    #[error("GitHub's address {url} is none")]
    #[diagnostic(
        code(shipway::github::address),
        help("it comes from `GITHUB_API_URL` and `GITHUB_GRAPHQL_URL`")
    )]
    Address { url: String },

    #[error("{doing}: GitHub did not let this token ({}{message})", refused_with(*.status))]
    #[diagnostic(
        code(shipway::github::denied),
        help("add `{permission}` to the job's `permissions:`")
    )]
    Denied {
        doing: &'static str,
        status: u16,
        message: String,
        permission: &'static str,
    },

    #[error("{doing}: GitHub answered {status}: {message}")]
    #[diagnostic(code(shipway::github::answer))]
    Answer {
        doing: &'static str,
        status: u16,
        message: String,
    },

    #[error("{doing}: {reason}")]
    #[diagnostic(code(shipway::github::unreachable))]
    Unreachable { doing: &'static str, reason: String },
}

/// GraphQL refuses with 200: that number would say nothing.
fn refused_with(status: u16) -> String {
    match status {
        200 => String::new(),
        other => format!("{other}: "),
    }
}

impl GitHubError {
    /// Translates octocrab's error. GitHub answers 404 as well for what a token may not see.
    pub(super) fn of(
        error: octocrab::Error,
        doing: &'static str,
        permission: &'static str,
    ) -> GitHubError {
        match error {
            octocrab::Error::GitHub { source, .. } => {
                let status = source.status_code.as_u16();
                let message = one_line(&Untrusted::new(source.message.clone()));
                match status {
                    401 | 403 | 404 => GitHubError::Denied {
                        doing,
                        status,
                        message,
                        permission,
                    },
                    _ => GitHubError::Answer {
                        doing,
                        status,
                        message,
                    },
                }
            }
            octocrab::Error::Service { source, .. } => GitHubError::Unreachable {
                doing,
                reason: one_line(&Untrusted::new(source.to_string())),
            },
            other => GitHubError::Unreachable {
                doing,
                reason: one_line(&Untrusted::new(other.to_string())),
            },
        }
    }

    /// GitHub understood, and asking again changes nothing.
    pub fn is_refusal(&self) -> bool {
        match self {
            GitHubError::Denied { .. } => true,
            GitHubError::Answer { status, .. } => (400..429).contains(status),
            _ => false,
        }
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self, GitHubError::Denied { status: 404, .. })
    }
}

impl GitHub {
    /// Needs a running tokio runtime: octocrab keeps its requests in a task.
    pub fn new(
        wire: Wire,
        api_url: &str,
        graphql_url: &str,
        token: &SecretString,
    ) -> Result<GitHub, GitHubError> {
        let address = |url: &str| {
            url.parse::<Uri>()
                .ok()
                .filter(|u| u.authority().is_some() && u.scheme().is_some())
                .ok_or_else(|| GitHubError::Address {
                    url: one_line(&Untrusted::new(url)),
                })
        };
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", token.expose_secret().trim())).map_err(
                |_| GitHubError::Unreachable {
                    doing: "reading GitHub's token",
                    reason: "it holds characters that no token has".to_owned(),
                },
            )?;
        authorization.set_sensitive(true);
        let service = WireService {
            wire,
            api: address(api_url)?,
            graphql: address(graphql_url)?,
            authorization,
        };
        let built: Result<Octocrab, Infallible> = octocrab::OctocrabBuilder::new_empty()
            .with_service(service)
            .with_auth(AuthState::None)
            .build();
        let Ok(crab) = built;
        Ok(GitHub { crab })
    }

    pub(super) fn crab(&self) -> &Octocrab {
        &self.crab
    }

    /// One GraphQL query: its `data`. GraphQL answers 200 with `errors`, which octocrab's own reading of an untagged answer
    /// takes for success once numbers are kept as written (serde_json's `arbitrary_precision`).
    pub(super) async fn query(
        &self,
        query: &Value,
        doing: &'static str,
        permission: &'static str,
    ) -> Result<Value, GitHubError> {
        let mut answer: Value = self
            .crab
            .post("/graphql", Some(query))
            .await
            .map_err(|e| GitHubError::of(e, doing, permission))?;
        let first = &answer["errors"][0];
        if !first.is_object() {
            return Ok(answer["data"].take());
        }
        let message = one_line(&Untrusted::new(
            first["message"].as_str().unwrap_or("no reason given"),
        ));
        // A resource that the token may not see is NOT_FOUND.
        match first["type"].as_str() {
            Some("FORBIDDEN" | "NOT_FOUND" | "INSUFFICIENT_SCOPES") => Err(GitHubError::Denied {
                doing,
                status: 200,
                message,
                permission,
            }),
            _ => Err(GitHubError::Answer {
                doing,
                status: 200,
                message,
            }),
        }
    }
}

/// The wire as octocrab's transport. Routes are paths; where they lead is decided here alone, so the token goes nowhere else.
#[derive(Clone)]
struct WireService {
    wire: Wire,
    api: Uri,
    graphql: Uri,
    authorization: HeaderValue,
}

#[derive(Debug, thiserror::Error)]
enum TransportError {
    #[error("{0}")]
    Wire(#[from] crate::wire::WireError),
    #[error("no answer from {host} within {} s", ATTEMPT_TIMEOUT.as_secs())]
    TimedOut { host: String },
    #[error("{0}")]
    Request(String),
}

impl Service<Request<OctoBody>> for WireService {
    type Response = Response<Full<Bytes>>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { service.exchange(request).await })
    }
}

impl WireService {
    async fn exchange(
        &self,
        request: Request<OctoBody>,
    ) -> Result<Response<Full<Bytes>>, TransportError> {
        let (mut parts, body) = request.into_parts();
        let is_query = parts.uri.path() == "/graphql";
        // A comment that was created, its answer lost, would be created twice: POST is sent once, queries aside.
        let repeatable = is_query || parts.method != Method::POST;
        let body = body
            .collect()
            .await
            .map_err(|e| TransportError::Request(e.to_string()))?
            .to_bytes();
        parts.uri = self.address(&parts.uri, is_query)?;
        let headers = &mut parts.headers;
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static("shipway"));
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/vnd.github+json"),
        );
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let host = parts.uri.host().unwrap_or_default().to_owned();

        let mut pauses = PAUSES.iter();
        loop {
            let request = Request::from_parts(parts.clone(), body.clone());
            let answer = match tokio::time::timeout(ATTEMPT_TIMEOUT, self.wire.send(request)).await
            {
                Ok(answer) => answer.map_err(TransportError::from),
                Err(_) => Err(TransportError::TimedOut { host: host.clone() }),
            };
            let pause = match pauses.next() {
                Some(pause) if should_repeat(&answer, repeatable) => {
                    asked_pause(&answer).unwrap_or(*pause)
                }
                _ => return answer.map(|a| a.map(Full::new)),
            };
            if pause > LONGEST_PAUSE {
                return answer.map(|a| a.map(Full::new));
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn address(&self, route: &Uri, is_query: bool) -> Result<Uri, TransportError> {
        if is_query {
            return Ok(self.graphql.clone());
        }
        let base = self.api.path().trim_end_matches('/');
        let route = route.path_and_query().map_or("/", |p| p.as_str());
        let mut parts = self.api.clone().into_parts();
        parts.path_and_query = Some(
            format!("{base}{route}")
                .parse()
                .map_err(|e: http::uri::InvalidUri| TransportError::Request(e.to_string()))?,
        );
        Uri::from_parts(parts).map_err(|e| TransportError::Request(e.to_string()))
    }
}

/// Refused for its rate (nothing happened then), or the server failed and asking again does no harm.
fn should_repeat(answer: &Result<Response<Bytes>, TransportError>, repeatable: bool) -> bool {
    match answer {
        Ok(answer) => {
            let limited = answer.status() == 429
                || (answer.status() == 403 && answer.headers().contains_key("retry-after"));
            limited || (repeatable && answer.status().is_server_error())
        }
        Err(_) => repeatable,
    }
}

fn asked_pause(answer: &Result<Response<Bytes>, TransportError>) -> Option<Duration> {
    let seconds = answer
        .as_ref()
        .ok()?
        .headers()
        .get("retry-after")?
        .to_str()
        .ok()?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}
