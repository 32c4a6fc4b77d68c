//! GitHub Deployments and their statuses. One API operation a function. Knows how a deployment says which run made it;
//! not when one is worth making.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{GitHub, GitHubError};
use crate::model::deployment_state::DeploymentState;

const PERMISSION: &str = "deployments: write";

/// Of a deployment: whose it is. Anybody who may make deployments may write the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The form of this payload: 1. Also the member that no other tool's has.
    pub shipway: u8,
    /// `cluster/service`
    pub service: String,
    pub run: u64,
    pub attempt: u64,
}

impl Payload {
    /// An object, or an object as text: GitHub returns what it was given.
    fn of(value: &Value) -> Option<Payload> {
        let payload: Payload = match value {
            Value::String(text) => serde_json::from_str(text).ok()?,
            other => serde_json::from_value(other.clone()).ok()?,
        };
        (payload.shipway == 1).then_some(payload)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub id: u64,
    /// Of the account that made it.
    pub creator: Option<u64>,
    /// Where it is one of ours.
    pub payload: Option<Payload>,
    pub sha: Option<String>,
}

impl Deployment {
    fn of(value: &Value) -> Option<Deployment> {
        Some(Deployment {
            id: value["id"].as_u64()?,
            creator: value["creator"]["id"].as_u64(),
            payload: Payload::of(&value["payload"]),
            sha: value["sha"].as_str().map(str::to_owned),
        })
    }
}

/// What a deployment is made of.
#[derive(Clone, Debug)]
pub struct NewDeployment<'a> {
    pub sha: &'a str,
    pub task: &'a str,
    pub environment: &'a str,
    pub transient_environment: bool,
    pub production_environment: bool,
    pub payload: &'a Payload,
    pub description: &'a str,
}

#[derive(Clone, Debug)]
pub struct NewStatus<'a> {
    pub state: DeploymentState,
    pub description: &'a str,
    pub environment_url: Option<&'a str>,
    pub log_url: Option<&'a str>,
}

/// The newest of a deployment's statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestStatus {
    pub state: String,
    pub description: String,
    pub log_url: String,
    pub created_at: Option<Timestamp>,
}

/// Which deployments are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    Commit(&'a str),
    Environment { name: &'a str, task: &'a str },
    Task(&'a str),
}

impl Of<'_> {
    fn query(self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        match self {
            Of::Commit(sha) => query.append_pair("sha", sha),
            Of::Environment { name, task } => query
                .append_pair("environment", name)
                .append_pair("task", task),
            Of::Task(task) => query.append_pair("task", task),
        };
        query.append_pair("per_page", "30").finish()
    }
}

/// GET /repos/{owner}/{repo}/deployments: the newest of them, one page.
pub async fn list_deployments(
    github: &GitHub,
    repository: &str,
    of: Of<'_>,
) -> Result<Vec<Deployment>, GitHubError> {
    let query = of.query();
    let answer: Vec<Value> = github
        .crab()
        .get(
            format!("/repos/{repository}/deployments?{query}"),
            None::<&()>,
        )
        .await
        .map_err(|e| GitHubError::of(e, "looking for deployments", PERMISSION))?;
    Ok(answer.iter().filter_map(Deployment::of).collect())
}

/// POST /repos/{owner}/{repo}/deployments, of exactly this commit: nothing is merged into it, and no check is waited for.
pub async fn create_deployment(
    github: &GitHub,
    repository: &str,
    new: &NewDeployment<'_>,
) -> Result<Deployment, GitHubError> {
    const DOING: &str = "creating the deployment";
    let answer: Value = github
        .crab()
        .post(
            format!("/repos/{repository}/deployments"),
            Some(&json!({
                "ref": new.sha,
                "task": new.task,
                "environment": new.environment,
                "transient_environment": new.transient_environment,
                "production_environment": new.production_environment,
                "payload": new.payload,
                "description": new.description,
                "auto_merge": false,
                "required_contexts": [],
            })),
        )
        .await
        .map_err(|e| GitHubError::of(e, DOING, PERMISSION))?;
    Deployment::of(&answer).ok_or(GitHubError::Answer {
        doing: DOING,
        status: 201,
        message: "no deployment in it".to_owned(),
    })
}

/// GET /repos/{owner}/{repo}/deployments/{id}/statuses: the newest. `None`: it has none yet.
pub async fn latest_status(
    github: &GitHub,
    repository: &str,
    id: u64,
) -> Result<Option<LatestStatus>, GitHubError> {
    let answer: Vec<Value> = github
        .crab()
        .get(
            format!("/repos/{repository}/deployments/{id}/statuses?per_page=1"),
            None::<&()>,
        )
        .await
        .map_err(|e| GitHubError::of(e, "reading the deployment's statuses", PERMISSION))?;
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    Ok(answer.first().map(|status| LatestStatus {
        state: text(&status["state"]),
        description: text(&status["description"]),
        // `target_url` is the older name of the same.
        log_url: text(match status["log_url"].as_str() {
            Some(url) if !url.is_empty() => &status["log_url"],
            _ => &status["target_url"],
        }),
        created_at: status["created_at"].as_str().and_then(|at| at.parse().ok()),
    }))
}

/// POST /repos/{owner}/{repo}/deployments/{id}/statuses. Others' successes are not retired: that is for who made them.
pub async fn create_status(
    github: &GitHub,
    repository: &str,
    id: u64,
    new: &NewStatus<'_>,
) -> Result<(), GitHubError> {
    let mut body = json!({
        "state": new.state.word(),
        "description": new.description,
        "auto_inactive": false,
    });
    if let Some(url) = new.environment_url {
        body["environment_url"] = url.into();
    }
    if let Some(url) = new.log_url {
        body["log_url"] = url.into();
    }
    let _: Value = github
        .crab()
        .post(
            format!("/repos/{repository}/deployments/{id}/statuses"),
            Some(&body),
        )
        .await
        .map_err(|e| GitHubError::of(e, "telling how the deployment goes", PERMISSION))?;
    Ok(())
}

/// DELETE /repos/{owner}/{repo}/deployments/{id}, which must be inactive. One that is gone already is no error.
pub async fn delete_deployment(
    github: &GitHub,
    repository: &str,
    id: u64,
) -> Result<(), GitHubError> {
    let route = format!("/repos/{repository}/deployments/{id}");
    let sent = github.crab()._delete(route, None::<&()>).await;
    // The answer has no body.
    let answered = match sent {
        Ok(answer) => octocrab::map_github_error(answer).await.map(drop),
        Err(error) => Err(error),
    };
    match answered.map_err(|e| GitHubError::of(e, "deleting the deployment", PERMISSION)) {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
