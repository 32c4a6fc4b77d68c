//! Gets credentials: the job's id token → AssumeRoleWithWebIdentity → clients that renew them; without a role, the SDK's
//! default chain. A refusal says what the token claims, so that a trust policy can be compared with it.

use std::sync::{Arc, Mutex};

use aws_smithy_async::time::SharedTimeSource;
use miette::Diagnostic;

use crate::aws::Aws;
use crate::aws::credentials::{Connection, MintIdToken, Refusal, Role, audience, session_name};
use crate::error::{Block, Error};
use crate::github::id_token::{IdTokenError, IdTokenRequest};
use crate::inputs::arguments;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::Untrusted;
use crate::model::claims::Claims;
use crate::model::trust_policy;
use crate::model::untrusted::one_line;
use crate::report::Report;

/// What came of asking for access.
pub struct Access {
    pub aws: Result<Aws, Error>,
    /// Of the id token, where one was minted: a refused role has one too.
    pub claims: Option<Claims>,
}

#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum AccessError {
    #[error("AWS STS refused to let this job assume {role} ({code}): {message}")]
    #[diagnostic(code(shipway::credentials::role_refused), help("{help}"))]
    Refused {
        role: String,
        code: String,
        message: String,
        help: String,
    },

    #[error("the account of {role} has no IAM OIDC provider for {issuer}: {message}")]
    #[diagnostic(code(shipway::credentials::no_oidc_provider), help("{help}"))]
    NoProvider {
        role: String,
        issuer: String,
        message: String,
        help: String,
    },

    #[error(
        "the IAM OIDC provider in the account of {role} does not take the token's audience {audience}: {message}"
    )]
    #[diagnostic(code(shipway::credentials::audience), help("{help}"))]
    Audience {
        role: String,
        audience: String,
        message: String,
        help: String,
    },

    #[error("AWS could not fetch the keys of the token's issuer {issuer}: {message}")]
    #[diagnostic(code(shipway::credentials::issuer_unreachable), help("{help}"))]
    IssuerUnreachable {
        issuer: String,
        message: String,
        help: String,
    },

    #[error("{role} gives no session of {wanted}: {message}")]
    #[diagnostic(
        code(shipway::credentials::session_too_long),
        help(
            "lower `role-duration-seconds` (3600 when not set), or raise the role's maximum session duration: sessions are renewed while they are needed, so a short one suffices"
        )
    )]
    TooLong {
        role: String,
        wanted: String,
        message: String,
    },

    #[error("AWS STS could not be asked to assume {role}: {reason}")]
    #[diagnostic(
        code(shipway::credentials::sts_unreachable),
        help(
            "check `aws-region` and the network path to AWS STS (proxy variables), then run again"
        )
    )]
    Unreachable { role: String, reason: String },

    #[error("the AWS SDK knows no endpoint of STS for region {region}")]
    #[diagnostic(
        code(shipway::usage::region),
        help("check `aws-region`, or give `audience`")
    )]
    NoSuchRegion { region: String },
}

/// `access` is how, `region` where; `trigger` names the run in CloudTrail.
pub async fn connect(
    env: &Env,
    access: &arguments::Access,
    region: &str,
    trigger: Option<&Trigger>,
    report: &Arc<Report>,
) -> Access {
    let claims = Arc::new(Mutex::new(None));
    let aws = connected(env, access, region, trigger, report, &claims).await;
    let claims = claims.lock().map(|c| c.clone()).unwrap_or_default();
    Access { aws, claims }
}

async fn connected(
    env: &Env,
    access: &arguments::Access,
    region: &str,
    trigger: Option<&Trigger>,
    report: &Arc<Report>,
    claims: &Arc<Mutex<Option<Claims>>>,
) -> Result<Aws, Error> {
    let role = match &access.role_to_assume {
        None => None,
        Some(arn) => {
            let request = IdTokenRequest::new(
                env.var("ACTIONS_ID_TOKEN_REQUEST_URL"),
                env.var("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
                env.in_github_actions(),
                trigger.is_some_and(|t| t.fork),
            )?;
            let audience = match &access.audience {
                Some(audience) => audience.clone(),
                None => audience(region)
                    .await
                    .ok_or_else(|| AccessError::NoSuchRegion {
                        region: region.to_owned(),
                    })?,
            };
            Some(Role {
                arn: arn.clone(),
                session_name: session_name(
                    access
                        .role_session_name
                        .as_deref()
                        .unwrap_or(&default_session_name(trigger)),
                ),
                duration_seconds: access.role_duration_seconds,
                mint_id_token: minter(env, request, audience, report.clone(), claims.clone()),
            })
        }
    };
    let role_arn = role.as_ref().map(|r| r.arn.clone()).unwrap_or_default();
    let connection = Connection {
        wire: env.wire.clone(),
        time: SharedTimeSource::new(env.clock),
        region: region.to_owned(),
        role,
        read_environment: env.is_process,
    };
    let connected = Aws::connect(connection).await;
    connected.map_err(|refusal| {
        let claims = claims.lock().map(|c| c.clone()).unwrap_or_default();
        explained(
            refusal,
            role_arn,
            access.role_duration_seconds,
            claims.as_ref(),
        )
    })
}

/// `shipway-<repository>-<run>`: who it was, in CloudTrail.
fn default_session_name(trigger: Option<&Trigger>) -> String {
    match trigger {
        Some(t) => format!(
            "shipway-{}-{}",
            t.repository.rsplit('/').next().unwrap_or_default(),
            t.run_id.unwrap_or_default()
        ),
        None => "shipway".to_owned(),
    }
}

fn minter(
    env: &Env,
    request: IdTokenRequest,
    audience: String,
    report: Arc<Report>,
    seen: Arc<Mutex<Option<Claims>>>,
) -> MintIdToken {
    let wire = env.wire.clone();
    let mint = Arc::new((wire, request, audience, report, seen));
    Arc::new(move || {
        let mint = mint.clone();
        Box::pin(async move {
            let (wire, request, audience, report, seen) = &*mint;
            let minted = request
                .mint(wire, audience, &|secret| report.mask(secret))
                .await?;
            if let Ok(mut seen) = seen.lock() {
                *seen = Some(minted.claims);
            }
            Ok(minted.token)
        })
    })
}

fn explained(
    refusal: Refusal,
    role: String,
    duration_seconds: Option<u32>,
    claims: Option<&Claims>,
) -> Error {
    match refusal {
        Refusal::Refused { code, message } => {
            refused(role, duration_seconds, code, message, claims)
        }
        Refusal::Unreachable(reason) => AccessError::Unreachable { role, reason }.into(),
        // The id token's own error has a code and a help of its own.
        Refusal::NoIdToken(error) => match error.downcast_ref::<IdTokenError>() {
            Some(own) => own.clone().into(),
            None => AccessError::Unreachable {
                role,
                reason: error.to_string(),
            }
            .into(),
        },
    }
}

/// What STS's words mean. AccessDenied cannot tell one cause from another: candidates, what the token claims, and the
/// statement that would let it in.
fn refused(
    role: String,
    duration_seconds: Option<u32>,
    code: String,
    message: String,
    claims: Option<&Claims>,
) -> Error {
    let claim = |of: fn(&Claims) -> &Option<Untrusted>| {
        claims
            .and_then(|c| of(c).as_ref())
            .map_or_else(|| "(none)".to_owned(), one_line)
    };
    let issuer = || claim(|c| &c.iss);
    let with_claims = |advice: &str| format!("{advice}{}", claims_in_words(claims));
    match code.as_str() {
        "InvalidIdentityToken" if message.contains("No OpenIDConnect provider found") => {
            AccessError::NoProvider {
                help: with_claims(&format!(
                    "create it in that account, IAM → Identity providers → OpenID Connect: provider URL {}, audience {}",
                    issuer(),
                    claim(|c| &c.aud),
                )),
                issuer: issuer(),
                role,
                message,
            }
            .into()
        }
        "InvalidIdentityToken" if message.contains("audience") => AccessError::Audience {
            help: with_claims(
                "add the audience to the provider's list of client IDs, or set `audience` to one that is there",
            ),
            audience: claim(|c| &c.aud),
            role,
            message,
        }
        .into(),
        "InvalidIdentityToken" if message.contains("verification key") => {
            AccessError::IssuerUnreachable {
                help: with_claims(
                    "the issuer's `/.well-known/openid-configuration` and its keys must be reachable from the internet, with a certificate of a public authority",
                ),
                issuer: issuer(),
                message,
            }
            .into()
        }
        "IDPCommunicationError" => AccessError::IssuerUnreachable {
            help: with_claims(
                "it was asked for several times; if the issuer answers others, run again in a few minutes",
            ),
            issuer: issuer(),
            message,
        }
        .into(),
        "ValidationError" if message.contains("DurationSeconds") => AccessError::TooLong {
            wanted: match duration_seconds {
                Some(seconds) => format!("{seconds} s"),
                None => "the default length".to_owned(),
            },
            role,
            message,
        }
        .into(),
        _ => {
            let advice = claims.and_then(|c| trust_policy::advice(&role, c));
            let mut help = match code.as_str() {
                "AccessDenied" => CANDIDATES.to_owned(),
                _ => "compare the role's trust policy with the claims".to_owned(),
            };
            help.push_str(&claims_in_words(claims));
            for note in advice.iter().flat_map(|a| &a.notes) {
                help.push_str(&format!("\nnote: {note}"));
            }
            let block = advice.map(|a| Block {
                title: "for the role's trust policy, a statement that lets in this job:".to_owned(),
                text: a.statement,
            });
            Error::from(AccessError::Refused {
                role,
                code,
                message,
                help,
            })
            .with_block(block)
        }
    }
}

/// STS says the same of all of them.
const CANDIDATES: &str = "compare the role and its trust policy with the claims; STS does not say which of these it is:
- the role does not exist, or its name or account is misspelt
- its trust policy does not allow sts:AssumeRoleWithWebIdentity, or not for this account's OIDC provider (its ARN must be the Principal)
- a condition does not match a claim of the token, letter by letter: sub, aud or ref
- a service control policy (SCP) or a resource control policy (RCP) denies it";

/// Heads the claims in a refusal's help; they follow it, indented.
pub const THE_TOKEN_CLAIMS: &str = "the token claims:";

fn claims_in_words(claims: Option<&Claims>) -> String {
    let listed = claims.map(Claims::listed).unwrap_or_default();
    if listed.is_empty() {
        return String::new();
    }
    let mut words = format!("\n{THE_TOKEN_CLAIMS}");
    for (name, value) in listed {
        words.push_str(&format!("\n  {name}: {}", one_line(value)));
    }
    words
}
