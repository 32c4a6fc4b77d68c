//! An earlier run's deployment: one that was left open is closed, one that ended tells its times.

use crate::github::client::{GitHub, GitHubError};
use crate::github::deployments::{self, Deployment, NewStatus, Payload};
use crate::model::deployment_state::DeploymentState;
use crate::model::past::PastDeployment;
use crate::report::github_deployment::NOT_WAITED_FOR;
use crate::report::{Text, remembered};

/// What an earlier run's deployment was found to be.
pub(super) enum Found {
    /// Left open. What is said of its closing.
    Closed(Text),
    /// Over, with its times where they were told.
    Past(Option<PastDeployment>),
}

/// Closes one that is still open.
pub(super) async fn close(
    github: &GitHub,
    repository: &str,
    left: &Deployment,
    by: &Payload,
) -> Result<Found, GitHubError> {
    let latest = deployments::latest_status(github, repository, left.id).await?;
    // None at all: killed between making it and the first word.
    let (open, not_waited_for) = match &latest {
        None => (true, false),
        Some(s) => (
            DeploymentState::is_open(&s.state),
            s.description == NOT_WAITED_FOR,
        ),
    };
    let Some(payload) = &left.payload else {
        return Ok(Found::Past(None));
    };
    let Payload { run, attempt, .. } = payload;
    if !open {
        let past = latest.and_then(|s| {
            let of = (*run, *attempt);
            remembered::of_status(of, &s.state, &s.description, left.sha.clone(), s.created_at)
        });
        return Ok(Found::Past(past));
    }
    let (state, words) = match not_waited_for {
        true => (
            DeploymentState::Inactive,
            format!(
                "run {run} did not wait for its end; run {} deploys now",
                by.run
            ),
        ),
        false => (
            DeploymentState::Error,
            format!(
                "run {run} (attempt {attempt}) ended without a word; run {} deploys now",
                by.run
            ),
        ),
    };
    let log_url = latest.map(|s| s.log_url).filter(|url| !url.is_empty());
    let status = NewStatus {
        state,
        description: &words,
        environment_url: None,
        log_url: log_url.as_deref(),
    };
    deployments::create_status(github, repository, left.id, &status).await?;
    Ok(Found::Closed(Text::new().say(format!(
        "GitHub Deployment {} was left open by run {run} (attempt {attempt}): closed",
        left.id
    ))))
}
