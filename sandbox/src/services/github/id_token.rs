//! The id token of a job: GitHub's claims, signed so that this world's STS can tell it from a forged one.
//!
//! Knows: claims and subjects. Does not know: RSA; the signature is a keyed hash of the same look, and nobody but the
//! simulated STS verifies it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::Digest;

use super::{GitHub, Refusal, Reply};
use crate::world::{Ids, World};

/// What GitHub gives its tokens.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Answers the job's request for a token.
pub fn id_token(
    world: &mut World,
    audience: Option<&str>,
    authorization: &str,
) -> Result<Reply, Refusal> {
    let bearer = authorization
        .split_once(' ')
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token);
    if bearer != Some(world.github.request_token.as_str()) || !world.github.grants_id_tokens() {
        return Err(Refusal::new(401, "Unauthorized"));
    }
    let owner = format!("{}/{}", world.github.spec.server_url, world.github.owner());
    let token = world
        .github
        .mint(audience.unwrap_or(&owner), world.now, &mut world.call_ids);
    Reply::new(200, json!({"count": token.len(), "value": token}))
}

impl GitHub {
    /// Without `id-token: write` a job gets no request URL at all.
    pub fn grants_id_tokens(&self) -> bool {
        self.spec
            .permissions
            .get("id-token")
            .is_some_and(|access| access == "write")
    }

    pub fn mint(&self, audience: &str, now: SystemTime, ids: &mut Ids) -> String {
        let header = json!({"typ": "JWT", "alg": "RS256", "x5t": "hy75NlhUaV5fQ9k1P2uVv6UEtD0", "kid": "38826b17-6a30-5f9b-b169-8beb8202f723"});
        let unsigned = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(self.claims(audience, now, ids).to_string())
        );
        let signature = self.signature(&unsigned);
        format!("{unsigned}.{signature}")
    }

    /// Whether this world minted the token.
    pub fn signed(&self, token: &str) -> bool {
        token
            .rsplit_once('.')
            .is_some_and(|(unsigned, signature)| self.signature(unsigned) == signature)
    }

    fn signature(&self, unsigned: &str) -> String {
        let hash = sha2::Sha256::digest(format!("{}{unsigned}", self.signing_key));
        // As long as an RS256 signature.
        URL_SAFE_NO_PAD.encode(hash.repeat(8))
    }

    fn claims(&self, audience: &str, now: SystemTime, ids: &mut Ids) -> Value {
        let (spec, job) = (&self.spec, &self.spec.job);
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let branch = |prefix: &str| job.git_ref.strip_prefix(prefix).is_some();
        let workflow_ref = format!(
            "{}/.github/workflows/{}.yml@{}",
            spec.repository, job.workflow, job.git_ref
        );
        let mut claims = json!({
            "jti": ids.uuid(),
            "sub": self.subject(),
            "aud": audience,
            "iss": spec.issuer,
            "ref": job.git_ref,
            "sha": job.sha,
            "repository": spec.repository,
            "repository_owner": self.owner(),
            "repository_owner_id": spec.owner_id.to_string(),
            "repository_id": spec.repository_id.to_string(),
            "repository_visibility": if spec.private { "private" } else { "public" },
            "run_id": job.run_id.to_string(),
            "run_number": job.run_number.to_string(),
            "run_attempt": job.run_attempt.to_string(),
            "actor": job.actor,
            "actor_id": job.actor_id.to_string(),
            "workflow": job.workflow,
            "workflow_ref": workflow_ref,
            "workflow_sha": job.sha,
            "job_workflow_ref": workflow_ref,
            "job_workflow_sha": job.sha,
            "head_ref": "",
            "base_ref": "",
            "event_name": job.event_name,
            "ref_protected": "false",
            "ref_type": if branch("refs/tags/") { "tag" } else { "branch" },
            "runner_environment": "github-hosted",
            "nbf": seconds - 600,
            "exp": seconds + LIFETIME.as_secs(),
            "iat": seconds,
        });
        if let Some(pull) = spec
            .pull_requests
            .iter()
            .find(|pull| job.git_ref == format!("refs/pull/{}/merge", pull.number))
        {
            claims["head_ref"] = json!(pull.head_ref);
            claims["base_ref"] = json!(pull.base_ref);
        }
        if let Some(environment) = &job.environment {
            claims["environment"] = json!(environment);
        }
        claims
    }

    fn subject(&self) -> String {
        let (spec, job) = (&self.spec, &self.spec.job);
        if let Some(whole) = &job.sub {
            return whole.clone();
        }
        let (owner, name) = spec
            .repository
            .split_once('/')
            .unwrap_or((&spec.repository, ""));
        let repository = match spec.immutable_sub {
            true => format!("{owner}@{}/{name}@{}", spec.owner_id, spec.repository_id),
            false => spec.repository.clone(),
        };
        let context = match (&job.environment, job.event_name.as_str()) {
            (Some(environment), _) => format!("environment:{}", environment.replace(':', "%3A")),
            (None, "pull_request") => "pull_request".to_owned(),
            _ => format!("ref:{}", job.git_ref),
        };
        format!("repo:{repository}:{context}")
    }
}
