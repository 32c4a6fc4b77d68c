//! How two commits stand to one another, as GitHub knows their history.

use serde_json::Value;

use super::client::{GitHub, GitHubError};

const PERMISSION: &str = "contents: read";
const DOING: &str = "comparing the commits";

/// GET /repos/{owner}/{repo}/compare/{base}...{head}: `ahead`, `behind`, `identical` or `diverged`, of head as seen from base.
pub async fn compare(
    github: &GitHub,
    repository: &str,
    base: &str,
    head: &str,
) -> Result<String, GitHubError> {
    // Not their commits: those may be many.
    let route = format!("/repos/{repository}/compare/{base}...{head}?per_page=1");
    let answer: Value = github
        .crab()
        .get(route, None::<&()>)
        .await
        .map_err(|e| GitHubError::of(e, DOING, PERMISSION))?;
    let status = answer["status"].as_str().ok_or(GitHubError::Answer {
        doing: DOING,
        status: 200,
        message: "no status in it".to_owned(),
    })?;
    Ok(status.to_owned())
}
