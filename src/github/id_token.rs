//! The job's OIDC token: asks the runner's service for one, and decodes its claims for messages. It verifies nothing; AWS
//! does. The token goes to STS and nowhere else.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use miette::Diagnostic;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::model::Untrusted;
use crate::model::claims::Claims;
use crate::model::untrusted::one_line;
use crate::wire::Wire;

/// One attempt; the service answers in tens of milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Where a token can be had: what the runner sets in a job with `id-token: write`.
#[derive(Clone, Debug)]
pub struct IdTokenRequest {
    pub url: String,
    pub token: SecretString,
}

/// A token, and what it says.
#[derive(Clone, Debug)]
pub struct IdToken {
    pub token: SecretString,
    pub claims: Claims,
}

impl Claims {
    /// Decodes the token's middle part. `None` when it is no such token.
    pub fn decode(token: &str) -> Option<Claims> {
        let payload = token.split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let members: Value = serde_json::from_slice(&bytes).ok()?;
        let claim = |name: &str| match members.get(name)? {
            Value::String(text) => Some(Untrusted::new(text.clone())),
            // `aud` may be a list.
            Value::Array(items) => {
                let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                Some(Untrusted::new(texts.join(" ")))
            }
            other => Some(Untrusted::new(other.to_string())),
        };
        Some(Claims {
            sub: claim("sub"),
            aud: claim("aud"),
            iss: claim("iss"),
            repository: claim("repository"),
            repository_id: claim("repository_id"),
            repository_owner_id: claim("repository_owner_id"),
            git_ref: claim("ref"),
            event_name: claim("event_name"),
            environment: claim("environment"),
            job_workflow_ref: claim("job_workflow_ref"),
        })
    }
}

#[derive(Clone, Debug, thiserror::Error, Diagnostic)]
pub enum IdTokenError {
    #[error("a pull request from a fork gets no id token, so no role can be assumed")]
    #[diagnostic(
        code(shipway::credentials::fork),
        help("deploy it after the merge, or push the branch to this repository")
    )]
    Fork,

    #[error("this job may not request an id token, so no role can be assumed")]
    #[diagnostic(
        code(shipway::credentials::id_token_permission),
        help(
            "add `id-token: write` to the job's `permissions:`; in a reusable workflow the calling job grants it"
        )
    )]
    Permission,

    #[error("a role is to be assumed with GitHub's id token, but this is no GitHub Actions job")]
    #[diagnostic(
        code(shipway::credentials::no_id_token),
        help("leave `role-to-assume` out to use the credentials of this machine")
    )]
    NotOnGitHub,

    #[error("requesting the id token: {host} answered {status}: {message}")]
    #[diagnostic(code(shipway::credentials::id_token_refused))]
    Refused {
        host: String,
        status: u16,
        message: String,
    },

    #[error("requesting the id token: {reason}")]
    #[diagnostic(code(shipway::credentials::id_token_unreachable))]
    Unreachable { reason: String },
}

impl IdTokenRequest {
    /// From the runner's two variables. Without them: why, as far as the event tells.
    pub fn new(
        url: Option<&str>,
        token: Option<&str>,
        on_github: bool,
        fork: bool,
    ) -> Result<IdTokenRequest, IdTokenError> {
        match (url, token) {
            (Some(url), Some(token)) => Ok(IdTokenRequest {
                url: url.to_owned(),
                token: SecretString::from(token),
            }),
            _ if !on_github => Err(IdTokenError::NotOnGitHub),
            _ if fork => Err(IdTokenError::Fork),
            _ => Err(IdTokenError::Permission),
        }
    }

    /// A fresh token for the audience. `mask` hides it before anyone else can see it.
    pub async fn mint(
        &self,
        wire: &Wire,
        audience: &str,
        mask: &(dyn Fn(&SecretString) + Send + Sync),
    ) -> Result<IdToken, IdTokenError> {
        mask(&self.token);
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.ask(wire, audience).await {
                Ok(token) => {
                    mask(&token);
                    let claims = Claims::decode(token.expose_secret()).unwrap_or_default();
                    return Ok(IdToken { token, claims });
                }
                Err(error) => error,
            };
            let again = match &error {
                IdTokenError::Unreachable { .. } => true,
                IdTokenError::Refused { status, .. } => *status >= 500 || *status == 429,
                _ => false,
            };
            match pauses.next() {
                Some(pause) if again => tokio::time::sleep(*pause).await,
                _ => return Err(error),
            }
        }
    }

    async fn ask(&self, wire: &Wire, audience: &str) -> Result<SecretString, IdTokenError> {
        let unreachable = |reason: String| IdTokenError::Unreachable { reason };
        let mut url = url::Url::parse(&self.url)
            .map_err(|_| unreachable("`ACTIONS_ID_TOKEN_REQUEST_URL` is no address".to_owned()))?;
        url.query_pairs_mut().append_pair("audience", audience);
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.expose_secret()))
            .map_err(|_| unreachable("the request token is no token".to_owned()))?;
        bearer.set_sensitive(true);
        let request = http::Request::get(url.as_str())
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json; api-version=2.0")
            .body(Bytes::new())
            .map_err(|_| unreachable("`ACTIONS_ID_TOKEN_REQUEST_URL` is no address".to_owned()))?;
        let answer = tokio::time::timeout(ATTEMPT_TIMEOUT, wire.send(request))
            .await
            .map_err(|_| {
                unreachable(format!(
                    "no answer from {host} within {} s",
                    ATTEMPT_TIMEOUT.as_secs()
                ))
            })?
            .map_err(|e| unreachable(e.to_string()))?;
        let refused = |message: String| IdTokenError::Refused {
            host: host.clone(),
            status: answer.status().as_u16(),
            message,
        };
        let members: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if !answer.status().is_success() {
            let message = members["message"].as_str().unwrap_or("no reason given");
            return Err(refused(one_line(&Untrusted::new(message))));
        }
        members["value"]
            .as_str()
            .map(SecretString::from)
            .ok_or_else(|| refused("no token in the answer".to_owned()))
    }
}
