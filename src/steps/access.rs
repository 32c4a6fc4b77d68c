//! Gets credentials: the job's id token → AssumeRoleWithWebIdentity → clients that renew them; without a role, the SDK's
//! default chain. A refusal says what the token claims, so that a trust policy can be compared with it.

use std::sync::{Arc, Mutex};

use aws_smithy_async::time::SharedTimeSource;
use miette::Diagnostic;

use crate::aws::Aws;
use crate::aws::credentials::{Connection, MintIdToken, Refusal, Role, audience, session_name};
use crate::error::Error;
use crate::github::id_token::{Claims, IdTokenError, IdTokenRequest};
use crate::inputs::arguments;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
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
        explained(refusal, role_arn, claims.as_ref())
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

fn explained(refusal: Refusal, role: String, claims: Option<&Claims>) -> Error {
    match refusal {
        Refusal::Refused { code, message } => {
            let help = advice(&code, &message, claims);
            AccessError::Refused {
                role,
                code,
                message,
                help,
            }
            .into()
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

/// What STS's words mean. AccessDenied cannot tell one cause from another: candidates, and what the token claims.
fn advice(code: &str, message: &str, claims: Option<&Claims>) -> String {
    let first = match code {
        "InvalidIdentityToken" if message.contains("No OpenIDConnect provider found") => {
            "the role's account has no IAM OIDC provider for the token's issuer (iss below): create it there".to_owned()
        }
        "InvalidIdentityToken" if message.contains("audience") => {
            "add the token's audience (aud below) to the client IDs of the account's IAM OIDC provider, or set `audience`".to_owned()
        }
        "InvalidIdentityToken" if message.contains("verification key") => {
            "AWS cannot reach the issuer (iss below) to fetch its keys: it must be on the internet".to_owned()
        }
        "ValidationError" if message.contains("DurationSeconds") => {
            "lower `role-duration-seconds`, or raise the role's maximum session duration".to_owned()
        }
        "AccessDenied" => "STS does not say which of these it is: the role does not exist or its name is misspelt; its trust policy \
             does not allow sts:AssumeRoleWithWebIdentity for the account's OIDC provider; the policy's conditions do not match the \
             claims below (they are case-sensitive); an SCP denies it"
            .to_owned(),
        _ => "compare the role's trust policy with the claims below".to_owned(),
    };
    let listed: Vec<String> = claims
        .map(Claims::listed)
        .unwrap_or_default()
        .iter()
        .map(|(name, value)| format!("  {name}: {}", one_line(value)))
        .collect();
    if listed.is_empty() {
        first
    } else {
        format!("{first}\nthe token claims:\n{}", listed.join("\n"))
    }
}
