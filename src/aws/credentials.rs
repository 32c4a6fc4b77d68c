//! Credentials: an id token becomes a session of a role, again before it runs out; without a role, the SDK's default
//! chain. They live in memory only. Knows STS; where id tokens come from is told by a function.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::config::endpoint::ResolveEndpoint;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use secrecy::{ExposeSecret, SecretString};

use super::{Aws, AwsError, Failure, acm, autoscaling, ecr, ecs, elbv2, iam, logs, ssm, sts};
use crate::wire::Wire;

/// One attempt and one whole call. By default only connecting is bounded.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long before a session's end it is renewed. Jitter halves it at worst, and a look takes seconds.
const RENEWAL_BUFFER: Duration = Duration::from_secs(600);
/// After a renewal that failed, while the session lasts: the next look must not wait for another.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);
/// STS's alphabet and length for RoleSessionName (API reference).
const SESSION_NAME_MAX: usize = 64;
/// STS's answer while it cannot reach the issuer of the token: the one refusal that is worth trying again. The SDK repeats it as
/// well, three times each; here every try has a new token.
const TRIES_TO_REACH_THE_ISSUER: u32 = 4;

pub type Minting = Pin<
    Box<dyn Future<Output = Result<SecretString, Box<dyn std::error::Error + Send + Sync>>> + Send>,
>;
/// Mints a new id token for the audience it was made with.
pub type MintIdToken = Arc<dyn Fn() -> Minting + Send + Sync>;

#[derive(Clone)]
pub struct Role {
    pub arn: String,
    pub session_name: String,
    pub duration_seconds: Option<u32>,
    pub mint_id_token: MintIdToken,
}

/// Everything the clients are made of.
pub struct Connection {
    pub wire: Wire,
    pub time: SharedTimeSource,
    pub region: String,
    pub role: Option<Role>,
    /// False in tests: then no variable or profile of this machine is read.
    pub read_environment: bool,
}

/// The audience that STS of the region's partition expects, by the SDK's own endpoint rules: `sts.amazonaws.com`,
/// `sts.amazonaws.com.cn`, …
pub async fn audience(region: &str) -> Option<String> {
    let params = aws_sdk_sts::config::endpoint::Params::builder()
        .region(region)
        .use_global_endpoint(false)
        .build()
        .ok()?;
    let endpoint = aws_sdk_sts::config::endpoint::DefaultResolver::new()
        .resolve_endpoint(&params)
        .await
        .ok()?;
    let host = endpoint.url().strip_prefix("https://")?;
    Some(host.replacen(&format!(".{region}."), ".", 1))
}

/// A name in STS's alphabet, whatever came in: `[\w+=,.@-]{2,64}`.
pub fn session_name(wanted: &str) -> String {
    let name: String = wanted
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(SESSION_NAME_MAX)
        .collect();
    if name.len() < 2 {
        format!("{name}--")[..2].to_owned()
    } else {
        name
    }
}

/// The retry token bucket is else one static of the process per service and region: a fleet would stop retrying, and
/// a seed would not replay.
macro_rules! client_of {
    ($sdk:ident, $config:expr, $name:literal) => {
        $sdk::Client::from_conf(
            $sdk::config::Builder::from($config)
                .retry_config(RetryConfig::standard())
                .retry_partition(RetryPartition::custom($name).build())
                .build(),
        )
    };
}
/// Why no session was given.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// STS answered no, in its own code and words.
    #[error("AWS STS refused the role ({code}): {message}")]
    Refused { code: String, message: String },
    #[error("AWS STS gave no usable answer: {0}")]
    Unreachable(String),
    /// No id token could be had to show to STS.
    #[error("no GitHub OIDC token: {0}")]
    NoIdToken(Arc<dyn std::error::Error + Send + Sync>),
}

impl Aws {
    /// Makes the clients. With a role it gets a session once at the start, so that a refusal is told before anything is built.
    pub async fn connect(connection: Connection) -> Result<Aws, Refusal> {
        let loader = || {
            let timeouts = TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build();
            let identities = IdentityCache::lazy()
                .buffer_time(RENEWAL_BUFFER)
                .load_timeout(OPERATION_TIMEOUT);
            let loader = aws_config::defaults(BehaviorVersion::latest())
                .http_client(connection.wire.http_client())
                .region(Region::new(connection.region.clone()))
                .time_source(connection.time.clone())
                .sleep_impl(TokioSleep::new())
                .timeout_config(timeouts)
                .identity_cache(identities.build());
            if connection.read_environment {
                loader
            } else {
                loader.empty_test_environment()
            }
        };
        let config = match connection.role {
            None => loader().load().await,
            Some(role) => {
                // AssumeRoleWithWebIdentity is unsigned: this client needs no credentials of its own.
                let provider = WebIdentity {
                    sts: sts_client(&loader().no_credentials().load().await),
                    role,
                };
                let first = provider.assume().await?;
                loader()
                    .credentials_provider(Renewed {
                        latest: Arc::new(Mutex::new((first, SystemTime::UNIX_EPOCH))),
                        by: provider,
                        time: connection.time.clone(),
                    })
                    .load()
                    .await
            }
        };
        Ok(Aws {
            acm: acm::Acm {
                client: client_of!(aws_sdk_acm, &config, "acm"),
            },
            autoscaling: autoscaling::AutoScaling {
                client: client_of!(aws_sdk_applicationautoscaling, &config, "autoscaling"),
            },
            ssm: ssm::Ssm {
                client: client_of!(aws_sdk_ssm, &config, "ssm"),
            },
            ecs: ecs::Ecs {
                client: client_of!(aws_sdk_ecs, &config, "ecs"),
            },
            ecr: ecr::Ecr {
                client: client_of!(aws_sdk_ecr, &config, "ecr"),
                wire: connection.wire,
            },
            elbv2: elbv2::Elbv2 {
                client: client_of!(aws_sdk_elasticloadbalancingv2, &config, "elbv2"),
            },
            iam: iam::Iam {
                client: client_of!(aws_sdk_iam, &config, "iam"),
            },
            logs: logs::Logs {
                client: client_of!(aws_sdk_cloudwatchlogs, &config, "logs"),
            },
            sts: sts::Sts {
                client: sts_client(&config),
            },
        })
    }
}

fn sts_client(config: &SdkConfig) -> aws_sdk_sts::Client {
    client_of!(aws_sdk_sts, config, "sts")
}

#[derive(Clone)]
struct WebIdentity {
    sts: aws_sdk_sts::Client,
    role: Role,
}

impl WebIdentity {
    /// A new id token, then AssumeRoleWithWebIdentity. AccessDenied is final; the SDK retries only what it may.
    async fn assume(&self) -> Result<Credentials, Refusal> {
        let mut tries = 1;
        loop {
            let token = (self.role.mint_id_token)()
                .await
                .map_err(|e| Refusal::NoIdToken(Arc::from(e)))?;
            let answer = self
                .sts
                .assume_role_with_web_identity()
                .role_arn(&self.role.arn)
                .role_session_name(&self.role.session_name)
                .set_duration_seconds(
                    self.role
                        .duration_seconds
                        .and_then(|s| i32::try_from(s).ok()),
                )
                .web_identity_token(token.expose_secret())
                .send()
                .await;
            let (code, error) = match answer {
                Ok(answer) => return session_of(answer.credentials),
                Err(error) => (
                    error.code().unwrap_or_default().to_owned(),
                    AwsError::from_sdk("sts:AssumeRoleWithWebIdentity", error),
                ),
            };
            let code = match error.failure {
                Failure::Denied { .. } | Failure::Refused { .. } | Failure::Unauthenticated
                    if !code.is_empty() =>
                {
                    code
                }
                _ => {
                    return Err(Refusal::Unreachable(crate::model::untrusted::one_line(
                        &error.message,
                    )));
                }
            };
            if code == "IDPCommunicationError" && tries < TRIES_TO_REACH_THE_ISSUER {
                tokio::time::sleep(Duration::from_secs(1 << tries)).await;
                tries += 1;
                continue;
            }
            return Err(Refusal::Refused {
                code,
                message: crate::model::untrusted::one_line(&error.message),
            });
        }
    }
}

fn session_of(
    credentials: Option<aws_sdk_sts::types::Credentials>,
) -> Result<Credentials, Refusal> {
    let session = credentials
        .ok_or_else(|| Refusal::Unreachable("the answer has no Credentials".to_owned()))?;
    let expires = SystemTime::try_from(session.expiration).ok();
    Ok(Credentials::new(
        session.access_key_id,
        session.secret_access_key,
        Some(session.session_token),
        expires,
        "WebIdentity",
    ))
}

/// The latest session while it lasts, then a new one. A renewal that fails is tried again for as long as the latest is
/// valid: the services it depends on may be away for minutes, and the session is renewed that long before its end.
#[derive(Clone)]
struct Renewed {
    /// And not before when it is renewed.
    latest: Arc<Mutex<(Credentials, SystemTime)>>,
    by: WebIdentity,
    time: SharedTimeSource,
}

impl Renewed {
    async fn session(&self) -> Result<Credentials, CredentialsError> {
        let kept = || self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (latest, not_before) = kept().clone();
        let lasts = |time: Duration| latest.expiry().is_none_or(|at| at > self.time.now() + time);
        if lasts(RENEWAL_BUFFER) || (lasts(ATTEMPT_TIMEOUT) && self.time.now() < not_before) {
            return Ok(latest);
        }
        match self.by.assume().await {
            Ok(new) => {
                *kept() = (new.clone(), SystemTime::UNIX_EPOCH);
                Ok(new)
            }
            Err(_) if lasts(ATTEMPT_TIMEOUT) => {
                kept().1 = self.time.now() + RENEWAL_PAUSE;
                Ok(latest)
            }
            Err(refusal) => Err(CredentialsError::provider_error(refusal)),
        }
    }
}

impl std::fmt::Debug for Renewed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewed")
            .field("role", &self.by.role.arn)
            .finish_non_exhaustive()
    }
}

impl ProvideCredentials for Renewed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.session())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_audience_is_the_partitions_own() {
        for (region, expected) in [
            ("eu-west-1", "sts.amazonaws.com"),
            ("us-gov-west-1", "sts.amazonaws.com"),
            ("cn-north-1", "sts.amazonaws.com.cn"),
            ("us-iso-east-1", "sts.c2s.ic.gov"),
        ] {
            assert_eq!(
                audience(region).await.as_deref(),
                Some(expected),
                "{region}"
            );
        }
    }

    #[test]
    fn a_session_name_is_in_stss_alphabet_and_length() {
        for (wanted, expected) in [
            ("shipway-web-1", "shipway-web-1"),
            ("octo org/web ü", "octo-org-web--"),
            ("x", "x-"),
            ("", "--"),
        ] {
            assert_eq!(session_name(wanted), expected);
        }
        assert_eq!(session_name(&"a".repeat(80)).len(), 64);
    }
}
