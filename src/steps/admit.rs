//! Whether this run may do what is asked: by the event that started it, and by whose code would be built. Refuses before
//! Docker or AWS is asked anything; the reasons are `plan/trust`'s. Asks GitHub where an event names no commit.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::error::Error;
use crate::git;
use crate::github::client::{GitHub, GitHubError};
use crate::github::pulls::{self, PullRequest};
use crate::inputs::arguments;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::event::{PullState, is_privileged};
use crate::plan::trust::{self, Event, TrustError};
use crate::report::Report;

pub use crate::plan::trust::Asks;

/// By the event alone. Called first by every verb that an event can start.
pub fn admit(trigger: Option<&Trigger>, asks: Asks) -> Result<(), Error> {
    match trigger {
        Some(trigger) => Ok(trust::check_event(&facts(trigger), asks)?),
        None => Ok(()),
    }
}

/// What of the working directory would be used.
pub struct Uses<'a> {
    pub build: &'a arguments::Build,
    /// An image is given: none is built.
    pub given: bool,
    /// May be a file.
    pub task_definition: Option<&'a str>,
}

/// By the code: which commit is meant, whose it is, and whether it is what is checked out. Afterwards `trigger` knows the
/// commit that a comment is about.
pub async fn admit_code(
    env: &Env,
    trigger: Option<&mut Trigger>,
    asks: Asks,
    token: Option<&SecretString>,
    uses: &Uses<'_>,
    report: &Report,
) -> Result<(), Error> {
    let Some(trigger) = trigger else {
        return Ok(());
    };
    if trigger.sha.is_none() && trigger.pull_request.is_some() {
        match resolve(env, trigger, token, report).await {
            Ok(()) => trust::check_event(&facts(trigger), asks)?,
            // A plan names the commit that is checked out.
            Err(_) if asks == Asks::Plan => {}
            Err(error) => return Err(error.into()),
        }
    }
    if asks == Asks::Plan || uses.build.allow_untrusted_build || !is_privileged(&trigger.event_name)
    {
        return Ok(());
    }
    let event = facts(trigger);
    trust::check_origin(&event, asks)?;
    for directory in directories(&env.cwd, uses) {
        let head = git::head(&directory).await?;
        let shown = directory.strip_prefix(&env.cwd).unwrap_or(&directory);
        let shown = match shown.as_os_str().is_empty() {
            true => "the working directory".to_owned(),
            false => shown.display().to_string(),
        };
        trust::check_commit(&event, &shown, head.as_deref())?;
    }
    Ok(())
}

fn facts(trigger: &Trigger) -> Event<'_> {
    Event {
        name: &trigger.event_name,
        conclusion: trigger.conclusion.as_deref(),
        pull_state: trigger.pull_state,
        fork: trigger.fork,
        github_sha: trigger.github_sha.as_deref(),
        commit: trigger.sha.as_deref(),
    }
}

/// Those that are there: what is missing is named later, by whoever needs it.
fn directories(cwd: &Path, uses: &Uses<'_>) -> Vec<PathBuf> {
    let parent = |file: &Path| {
        let file = cwd.join(file);
        file.is_file()
            .then(|| file.parent().unwrap_or(cwd).to_owned())
    };
    let mut used = Vec::new();
    if !uses.given {
        used.push(cwd.join(&uses.build.context));
        used.extend(uses.build.file.as_deref().and_then(parent));
    }
    used.extend(uses.task_definition.map(Path::new).and_then(parent));
    let mut there: Vec<PathBuf> = used
        .iter()
        .filter_map(|directory| directory.canonicalize().ok())
        .collect();
    there.sort();
    there.dedup();
    there
}

/// A comment on a pull request: which commit, whose, and how it stands, as GitHub says now.
async fn resolve(
    env: &Env,
    trigger: &mut Trigger,
    token: Option<&SecretString>,
    report: &Report,
) -> Result<(), TrustError> {
    let event = || trigger.event_name.clone();
    let token = token.ok_or_else(|| TrustError::NoToken { event: event() })?;
    report.mask(token);
    let not_told = |error: GitHubError| TrustError::NotTold {
        event: event(),
        reason: error.to_string(),
    };
    let github = GitHub::new(
        env.wire.clone(),
        &trigger.api_url,
        &trigger.graphql_url,
        token,
    )
    .map_err(not_told)?;
    let number = trigger.pull_request.unwrap_or_default();
    let pull = pulls::get_pull(&github, &trigger.repository, number)
        .await
        .map_err(not_told)?;
    name_commit(trigger, pull);
    Ok(())
}

fn name_commit(trigger: &mut Trigger, pull: PullRequest) {
    let state = PullState::of(pull.open, pull.merged);
    trigger.pull_state = Some(state);
    // Without a repository: a fork that is gone.
    trigger.fork =
        pull.head_repository_id.is_none() || pull.head_repository_id != trigger.repository_id;
    trigger.sha = match state {
        PullState::Merged => pull.merge_commit_sha,
        PullState::Open | PullState::Closed => pull.head_sha.clone(),
    };
    trigger.head_sha = pull.head_sha;
}

#[cfg(test)]
#[path = "admit_tests.rs"]
mod tests;
