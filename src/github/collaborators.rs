//! What a person may do in a repository. One API operation a function; who may ask for what is not decided here.

use serde_json::Value;

use super::client::{GitHub, GitHubError};

/// Every token has it.
const PERMISSION: &str = "metadata: read";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// `admin`, `write`, `read` or `none`: `maintain` is told as `write`, `triage` as `read`, an organization's own roles as
    /// what they are based on.
    pub permission: String,
}

/// GET /repos/{owner}/{repo}/collaborators/{user}/permission. `None`: GitHub knows no such person here.
pub async fn permission_of(
    github: &GitHub,
    repository: &str,
    login: &str,
) -> Result<Option<Role>, GitHubError> {
    // Logins are of a small alphabet; what is not must not become another path.
    let login: String = url::form_urlencoded::byte_serialize(login.as_bytes()).collect();
    let answer: Result<Value, octocrab::Error> = github
        .crab()
        .get(
            format!("/repos/{repository}/collaborators/{login}/permission"),
            None::<&()>,
        )
        .await;
    let answer =
        answer.map_err(|e| GitHubError::of(e, "asking what the commenter may do", PERMISSION));
    match answer {
        Ok(answer) => {
            let permission = answer["permission"].as_str().unwrap_or_default().to_owned();
            Ok(Some(Role { permission }))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
