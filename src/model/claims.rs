//! What a job's OIDC token says, as far as a trust policy can ask for it or a person compares it. Knows GitHub's claim
//! names; verifies nothing, and never holds the token or its id (`jti`).

use super::Untrusted;

/// Claims in GitHub's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    pub sub: Option<Untrusted>,
    pub aud: Option<Untrusted>,
    pub iss: Option<Untrusted>,
    pub repository: Option<Untrusted>,
    pub repository_id: Option<Untrusted>,
    pub repository_owner_id: Option<Untrusted>,
    /// `ref`
    pub git_ref: Option<Untrusted>,
    pub event_name: Option<Untrusted>,
    pub environment: Option<Untrusted>,
    pub job_workflow_ref: Option<Untrusted>,
}

impl Claims {
    /// The claims there are, by GitHub's names, in the order that people compare them.
    pub fn listed(&self) -> Vec<(&'static str, &Untrusted)> {
        [
            ("sub", &self.sub),
            ("aud", &self.aud),
            ("iss", &self.iss),
            ("repository", &self.repository),
            ("repository_id", &self.repository_id),
            ("repository_owner_id", &self.repository_owner_id),
            ("ref", &self.git_ref),
            ("event_name", &self.event_name),
            ("environment", &self.environment),
            ("job_workflow_ref", &self.job_workflow_ref),
        ]
        .into_iter()
        .filter_map(|(name, claim)| Some((name, claim.as_ref()?)))
        .collect()
    }
}
