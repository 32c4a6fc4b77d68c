//! Pull requests: one by its number, those that are open, and those that a commit came from. One API operation a function.

use serde_json::Value;

use super::client::{GitHub, GitHubError};
use crate::model::Untrusted;

const PERMISSION: &str = "pull-requests: read";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    pub head_sha: Option<String>,
    /// While open: the test merge; once merged: the commit on the base branch.
    pub merge_commit_sha: Option<String>,
    pub merged: bool,
    pub open: bool,
    pub head_repository_id: Option<u64>,
    /// Names.
    pub labels: Vec<Untrusted>,
}

impl PullRequest {
    fn of(value: &Value) -> Option<PullRequest> {
        let text = |v: &Value| v.as_str().map(str::to_owned);
        Some(PullRequest {
            number: value["number"].as_u64()?,
            head_sha: text(&value["head"]["sha"]),
            merge_commit_sha: text(&value["merge_commit_sha"]),
            // The list has no `merged`, only the time of it.
            merged: value["merged_at"].is_string(),
            open: value["state"] == "open",
            head_repository_id: value["head"]["repo"]["id"].as_u64(),
            labels: value["labels"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|label| label["name"].as_str().map(Untrusted::new))
                .collect(),
        })
    }
}

/// GET /repos/{owner}/{repo}/pulls/{number}
pub async fn get_pull(
    github: &GitHub,
    repository: &str,
    number: u64,
) -> Result<PullRequest, GitHubError> {
    const DOING: &str = "reading the pull request";
    let answer: Value = github
        .crab()
        .get(format!("/repos/{repository}/pulls/{number}"), None::<&()>)
        .await
        .map_err(|e| GitHubError::of(e, DOING, PERMISSION))?;
    PullRequest::of(&answer).ok_or(GitHubError::Answer {
        doing: DOING,
        status: 200,
        message: "no pull request in it".to_owned(),
    })
}

/// GET /repos/{owner}/{repo}/pulls: all that are open.
pub async fn list_open_pulls(
    github: &GitHub,
    repository: &str,
) -> Result<Vec<PullRequest>, GitHubError> {
    const PAGE: usize = 100;
    let mut open = Vec::new();
    for page in 1.. {
        let answer: Vec<Value> = github
            .crab()
            .get(
                format!("/repos/{repository}/pulls?state=open&per_page={PAGE}&page={page}"),
                None::<&()>,
            )
            .await
            .map_err(|e| GitHubError::of(e, "listing the open pull requests", PERMISSION))?;
        open.extend(answer.iter().filter_map(PullRequest::of));
        if answer.len() < PAGE {
            break;
        }
    }
    Ok(open)
}

/// GET /repos/{owner}/{repo}/commits/{sha}/pulls: those that were merged, the newest first.
pub async fn list_merged_pulls_of_commit(
    github: &GitHub,
    repository: &str,
    sha: &str,
) -> Result<Vec<PullRequest>, GitHubError> {
    let answer: Vec<Value> = github
        .crab()
        .get(
            format!("/repos/{repository}/commits/{sha}/pulls?per_page=100"),
            None::<&()>,
        )
        .await
        .map_err(|e| GitHubError::of(e, "looking for the commit's pull request", PERMISSION))?;
    let mut pulls: Vec<PullRequest> = answer
        .iter()
        .filter_map(PullRequest::of)
        .filter(|p| p.merged)
        .collect();
    // The one that this very commit merged stands before those that only contain it.
    pulls.sort_by_key(|p| {
        (
            p.merge_commit_sha.as_deref() != Some(sha),
            std::cmp::Reverse(p.number),
        )
    });
    Ok(pulls)
}
