//! Reactions to a comment. One API operation a function.

use serde_json::{Value, json};

use super::client::{GitHub, GitHubError};

/// In GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    Eyes,
    Rocket,
    Confused,
    MinusOne,
}

impl Reaction {
    pub fn word(self) -> &'static str {
        match self {
            Reaction::Eyes => "eyes",
            Reaction::Rocket => "rocket",
            Reaction::Confused => "confused",
            Reaction::MinusOne => "-1",
        }
    }
}

/// POST /repos/{owner}/{repo}/issues/comments/{id}/reactions. The same one again changes nothing.
pub async fn create_reaction(
    github: &GitHub,
    repository: &str,
    comment: u64,
    reaction: Reaction,
) -> Result<(), GitHubError> {
    let _: Value = github
        .crab()
        .post(
            format!("/repos/{repository}/issues/comments/{comment}/reactions"),
            Some(&json!({ "content": reaction.word() })),
        )
        .await
        .map_err(|e| GitHubError::of(e, "reacting to the comment", "pull-requests: write"))?;
    Ok(())
}
