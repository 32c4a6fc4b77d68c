//! What a world file says of GitHub: a repository, its pull requests and commits, and one run's job.
//!
//! Knows: defaults. Does not know: anything that changes while a world runs.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A repository and a run in it, as a world file writes them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GitHubSpec {
    /// `owner/name`.
    pub repository: String,
    pub repository_id: u64,
    pub owner_id: u64,
    pub private: bool,
    pub default_branch: String,
    /// Whether the token's `sub` carries ids (`repo:ORG@ID/REPO@ID:…`), as for repositories created since July 2026.
    pub immutable_sub: bool,
    /// Where the id token says it comes from.
    pub issuer: String,
    pub job: JobSpec,
    /// The job token. Absent: made up.
    pub token: Option<String>,
    /// `pull-requests: write` and so on, as in a workflow's `permissions:`.
    pub permissions: BTreeMap<String, String>,
    pub pull_requests: Vec<PullRequestSpec>,
    /// Login to admin, maintain, write, triage, read or none. Absent: the job's actor may write.
    pub collaborators: BTreeMap<String, String>,
    pub commits: Vec<CommitSpec>,
    /// Made before the world began, oldest first.
    pub deployments: Vec<DeploymentSpec>,
    /// Where people read: github.com, a tenant of ghe.com, or a server of one's own.
    pub server_url: String,
    /// Where programs ask: `https://HOST/api/v3` on a server of one's own.
    pub api_url: String,
}

/// The run and job that the tokens belong to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct JobSpec {
    pub event_name: String,
    #[serde(rename = "ref")]
    pub git_ref: String,
    pub sha: String,
    pub environment: Option<String>,
    pub workflow: String,
    pub actor: String,
    pub actor_id: u64,
    pub run_id: u64,
    pub run_number: u64,
    pub run_attempt: u64,
    /// A customised subject, whole. Absent: as GitHub builds it.
    pub sub: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PullRequestSpec {
    pub number: u64,
    pub head_sha: String,
    #[serde(default = "feature")]
    pub head_ref: String,
    #[serde(default = "main")]
    pub base_ref: String,
    /// Absent: zeroes.
    #[serde(default = "zeroes")]
    pub base_sha: String,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub closed: bool,
    #[serde(default)]
    pub merged: bool,
    #[serde(default)]
    pub merge_commit_sha: Option<String>,
    /// Another repository's id when the pull request comes from a fork.
    #[serde(default)]
    pub head_repository_id: Option<u64>,
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default)]
    pub comments: Vec<CommentSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommentSpec {
    pub author: String,
    pub body: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeploymentSpec {
    pub sha: String,
    pub environment: String,
    #[serde(default = "deploy")]
    pub task: String,
    #[serde(default)]
    pub payload: serde_json::Value,
    /// Absent: the job token's.
    #[serde(default)]
    pub creator: Option<String>,
    /// Oldest first.
    #[serde(default)]
    pub statuses: Vec<StatusSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StatusSpec {
    pub state: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub log_url: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommitSpec {
    pub sha: String,
    #[serde(default)]
    pub parents: Vec<String>,
    #[serde(default)]
    pub message: String,
}

fn feature() -> String {
    "feature".to_owned()
}
fn deploy() -> String {
    "deploy".to_owned()
}
fn main() -> String {
    "main".to_owned()
}
fn zeroes() -> String {
    "0".repeat(40)
}

impl Default for JobSpec {
    fn default() -> JobSpec {
        JobSpec {
            event_name: "pull_request".to_owned(),
            git_ref: "refs/pull/7/merge".to_owned(),
            sha: "4f2a9c1d00000000000000000000000000000000".to_owned(),
            environment: None,
            workflow: "deploy".to_owned(),
            actor: "octocat".to_owned(),
            actor_id: 583_231,
            run_id: 16_839_201_733,
            run_number: 42,
            run_attempt: 1,
            sub: None,
        }
    }
}

impl Default for GitHubSpec {
    fn default() -> GitHubSpec {
        let allowed = [
            ("contents", "read"),
            ("id-token", "write"),
            ("pull-requests", "write"),
            ("deployments", "write"),
        ];
        GitHubSpec {
            repository: "octo-org/web".to_owned(),
            repository_id: 612_345_678,
            owner_id: 6_811_672,
            private: true,
            default_branch: main(),
            immutable_sub: false,
            issuer: "https://token.actions.githubusercontent.com".to_owned(),
            job: JobSpec::default(),
            token: None,
            permissions: allowed
                .iter()
                .map(|(name, access)| ((*name).to_owned(), (*access).to_owned()))
                .collect(),
            pull_requests: Vec::new(),
            collaborators: BTreeMap::from([("octocat".to_owned(), "write".to_owned())]),
            commits: Vec::new(),
            deployments: Vec::new(),
            server_url: "https://github.com".to_owned(),
            api_url: "https://api.github.com".to_owned(),
        }
    }
}
