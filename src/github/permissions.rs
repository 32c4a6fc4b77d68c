//! What the job's token may do, asked without doing it. A write is asked for by a request whose body GitHub must refuse: 422
//! says that only the body was wrong, 403 and 404 that the token may not.

use serde_json::{Value, json};

use super::client::{GitHub, GitHubError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum May {
    Yes,
    /// In GitHub's words.
    No(String),
    /// What came in place of an answer.
    Unknown(String),
}

const READ_CONTENTS: &str = "contents: read";
const WRITE_COMMENTS: &str = "pull-requests: write";
const WRITE_DEPLOYMENTS: &str = "deployments: write";

/// GET /repos/{owner}/{repo}/compare/{sha}...{sha}: which of two commits is older is asked this way.
pub async fn may_read_contents(github: &GitHub, repository: &str, sha: &str) -> May {
    let route = format!("/repos/{repository}/compare/{sha}...{sha}?per_page=1");
    let answer: Result<Value, octocrab::Error> = github.crab().get(route, None::<&()>).await;
    judged(
        answer.map_err(|e| GitHubError::of(e, "reading the commit", READ_CONTENTS)),
        true,
    )
}

/// POST /repos/{owner}/{repo}/issues/{number}/comments without a body: no comment comes of it.
pub async fn may_comment(github: &GitHub, repository: &str, number: u64) -> May {
    refused_by_its_body(
        github,
        format!("/repos/{repository}/issues/{number}/comments"),
        WRITE_COMMENTS,
    )
    .await
}

/// POST /repos/{owner}/{repo}/deployments without a ref: no deployment comes of it.
pub async fn may_deploy(github: &GitHub, repository: &str) -> May {
    refused_by_its_body(
        github,
        format!("/repos/{repository}/deployments"),
        WRITE_DEPLOYMENTS,
    )
    .await
}

async fn refused_by_its_body(github: &GitHub, route: String, permission: &'static str) -> May {
    let answer: Result<Value, octocrab::Error> = github.crab().post(route, Some(&json!({}))).await;
    judged(
        answer.map_err(|e| GitHubError::of(e, "asking for a refusal", permission)),
        false,
    )
}

fn judged(answer: Result<Value, GitHubError>, good_is_yes: bool) -> May {
    match answer {
        Ok(_) if good_is_yes => May::Yes,
        Ok(_) => May::Unknown("GitHub accepted what it should have refused".to_owned()),
        Err(GitHubError::Answer { status: 422, .. }) => May::Yes,
        Err(GitHubError::Denied {
            status, message, ..
        }) => May::No(format!("{status}: {message}")),
        Err(other) => May::Unknown(other.to_string()),
    }
}
