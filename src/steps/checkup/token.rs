//! Token and role: one attempt to get a session, told as the three lines it consists of.

use super::{Doctor, failed};
use crate::aws::credentials;
use crate::error::Error;
use crate::model::names::principal_of_session;
use crate::model::untrusted::one_line;
use crate::plan::checkup::Outcome;
use crate::steps::access;

impl Doctor<'_> {
    pub(super) async fn connect(&mut self) -> Result<(), Error> {
        let sought = self.sought;
        let access = access::connect(
            self.env,
            sought.access,
            sought.region,
            sought.trigger,
            self.report,
        )
        .await;
        self.claims = access.claims;
        match access.aws {
            Ok(aws) => self.aws = Some(aws),
            Err(error) if error.exit_code() == 2 => return Err(error),
            Err(error) => self.refused = Some(error),
        }
        Ok(())
    }

    fn without_role() -> Outcome {
        Outcome::skip("`role-to-assume` is not set, so no token is asked for")
    }

    pub(super) fn id_token(&self) -> Outcome {
        match (
            &self.sought.access.role_to_assume,
            &self.claims,
            &self.refused,
        ) {
            (None, _, _) => Self::without_role(),
            (_, None, Some(error)) => failed(error),
            _ => Outcome::ok("this job has `id-token: write`"),
        }
    }

    pub(super) fn token_claims(&self) -> Outcome {
        let Some(claims) = &self.claims else {
            return Self::without_role();
        };
        let listed = claims.listed();
        if listed.is_empty() {
            return Outcome::skip("the token is none that can be read here");
        }
        let outcome = Outcome::ok("what a trust policy can compare");
        listed.into_iter().fold(outcome, |outcome, (name, value)| {
            outcome.detail(format!("{name}: {}", one_line(value)))
        })
    }

    pub(super) async fn audience(&self) -> Outcome {
        let Some(audience) = self.claims.as_ref().and_then(|c| c.aud.as_ref()) else {
            return Outcome::skip("the token names no audience");
        };
        let (shown, region) = (one_line(audience), self.sought.region);
        match credentials::audience(region).await {
            Some(expected) if shown == expected => {
                Outcome::ok(format!("`{shown}`, as AWS STS in {region} expects"))
            }
            _ if self.sought.access.audience.is_some() => {
                Outcome::ok(format!("`{shown}`, by `audience`"))
                    .detail("the IAM OIDC provider must list it among its client IDs")
            }
            Some(expected) => Outcome::ng(
                format!("`{shown}`, where AWS STS in {region} expects `{expected}`"),
                "the token's issuer did not give the audience that was asked for: set `audience` to one that it gives",
            ),
            None => Outcome::skip(format!(
                "`{shown}`; what AWS STS in {region} expects is not known"
            )),
        }
    }

    pub(super) fn role(&self) -> Outcome {
        match (&self.sought.access.role_to_assume, &self.refused) {
            (None, _) => {
                Outcome::ok("`role-to-assume` is not set: the AWS SDK's own credentials are used")
            }
            (Some(_), Some(_)) if self.claims.is_none() => {
                Outcome::skip("because token: request is NG")
            }
            (Some(_), Some(error)) => without_claims(failed(error)),
            (Some(role), None) => Outcome::ok(format!("`{role}` gave a session for the token")),
        }
    }

    pub(super) async fn session(&mut self) -> Result<Outcome, Error> {
        let identity = self.aws()?.sts.get_caller_identity().await?;
        let outcome = Outcome::ok(format!(
            "`{}` in account `{}`",
            identity.arn, identity.account
        ));
        self.identity = Some(identity);
        Ok(outcome)
    }

    /// Whose policies a simulation reads: a session's role, not the session. Not for the account's root user.
    pub(super) fn principal(&self) -> Option<String> {
        if let Some(role) = &self.sought.access.role_to_assume {
            return Some(role.clone());
        }
        principal_of_session(&self.identity.as_ref()?.arn)
    }
}

/// The claims have a line of their own already.
fn without_claims(mut refused: Outcome) -> Outcome {
    let shown = |line: &&str| *line != access::THE_TOKEN_CLAIMS && !line.starts_with("  ");
    refused.help = refused
        .help
        .map(|help| help.lines().filter(shown).collect::<Vec<_>>().join("\n"));
    refused
}
