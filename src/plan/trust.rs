//! Which run may do what: by the event that started it, and by whose code it holds. Pure: reads what the event and git
//! said, refuses with exit code 6. A job under a privileged event has the base repository's rights (its token, its role),
//! so code of others must neither be built nor deployed there.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::event::{PullState, is_privileged};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    Deploy,
    Build,
    /// Changes nothing, so every event may ask for it.
    Plan,
}

impl Asks {
    fn done(self) -> &'static str {
        match self {
            Asks::Deploy => "deployed",
            Asks::Build | Asks::Plan => "built",
        }
    }
}

/// What the event says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event<'a> {
    pub name: &'a str,
    /// Of the run before, on `workflow_run`.
    pub conclusion: Option<&'a str>,
    pub pull_state: Option<PullState>,
    /// The head is another repository's, or of one that is gone.
    pub fork: bool,
    /// What checkout takes unless told otherwise.
    pub github_sha: Option<&'a str>,
    /// The commit meant.
    pub commit: Option<&'a str>,
}

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum TrustError {
    #[error("a merge queue's commit is not merged yet, so it is not {done}")]
    #[diagnostic(
        code(shipway::preflight::merge_group),
        help(
            "use `on: push` of the branch, which runs once the queue has merged; in the queue `shipway plan` shows what would change"
        )
    )]
    MergeGroup { done: &'static str },

    #[error(
        "the workflow run before this one did not succeed ({conclusion}), so its commit is not {done}"
    )]
    #[diagnostic(
        code(shipway::preflight::run_not_successful),
        help("add `if: github.event.workflow_run.conclusion == 'success'` to the job")
    )]
    RunNotSuccessful {
        conclusion: String,
        done: &'static str,
    },

    #[error("the pull request was closed without being merged, so it is not {done}")]
    #[diagnostic(
        code(shipway::preflight::not_merged),
        help(
            "use `on: push`, or on `pull_request` add `if: github.event.pull_request.merged` to the job"
        )
    )]
    NotMerged { done: &'static str },

    #[error(
        "{event}: the code is another repository's, and this job holds this repository's rights, so it is not {done}"
    )]
    #[diagnostic(
        code(shipway::preflight::foreign_code),
        help(
            "use `on: pull_request`, where a fork gets no token and no role, or deploy after the merge; `allow-untrusted-build: true` builds it all the same"
        )
    )]
    ForeignCode { event: String, done: &'static str },

    #[error(
        "{event}: {directory} is at commit {head}, which is neither GITHUB_SHA nor the commit of the event{}", meant(.commit)
    )]
    #[diagnostic(
        code(shipway::preflight::other_commit),
        help(
            "check out the commit of the event (it may have moved on since), or none but the default; `allow-untrusted-build: true` builds it all the same"
        )
    )]
    OtherCommit {
        event: String,
        directory: String,
        head: String,
        commit: Option<String>,
    },

    #[error(
        "{event}: nobody can tell whose code is in {directory}, for it is no checkout of a commit"
    )]
    #[diagnostic(
        code(shipway::preflight::other_commit),
        help("get it with actions/checkout; `allow-untrusted-build: true` builds it all the same")
    )]
    NoCommit { event: String, directory: String },

    #[error(
        "`{event}` names no commit, and without a token GitHub cannot be asked for the pull request's"
    )]
    #[diagnostic(
        code(shipway::preflight::commit_unknown),
        help(
            "set `GITHUB_TOKEN: ${{{{ github.token }}}}` in the step's `env:`, with `pull-requests: read`"
        )
    )]
    NoToken { event: String },

    #[error("`{event}` names no commit, and GitHub did not tell the pull request's: {reason}")]
    #[diagnostic(
        code(shipway::preflight::commit_unknown),
        help("the job needs `pull-requests: read`; if it has that, run it again")
    )]
    NotTold { event: String, reason: String },
}

fn meant(commit: &Option<String>) -> String {
    commit
        .as_ref()
        .map(|c| format!(" ({c})"))
        .unwrap_or_default()
}

/// By the event alone.
pub fn check_event(event: &Event<'_>, asks: Asks) -> Result<(), TrustError> {
    let done = asks.done();
    if asks == Asks::Plan {
        return Ok(());
    }
    if event.name == "merge_group" {
        return Err(TrustError::MergeGroup { done });
    }
    if event.name == "workflow_run" && event.conclusion != Some("success") {
        return Err(TrustError::RunNotSuccessful {
            conclusion: event.conclusion.unwrap_or("no conclusion").to_owned(),
            done,
        });
    }
    // Nobody wants the code that was turned down to run; a merged one's is the base branch's.
    if event.pull_state == Some(PullState::Closed) {
        return Err(TrustError::NotMerged { done });
    }
    Ok(())
}

/// Whose code the event is about. Merging made it the repository's own.
pub fn check_origin(event: &Event<'_>, asks: Asks) -> Result<(), TrustError> {
    let foreign = event.fork && event.pull_state != Some(PullState::Merged);
    if asks != Asks::Plan && foreign && is_privileged(event.name) {
        return Err(TrustError::ForeignCode {
            event: event.name.to_owned(),
            done: asks.done(),
        });
    }
    Ok(())
}

/// What is checked out, in a directory that is built or read from. Elsewhere than on privileged events the code has no more
/// rights than who wrote it, and any commit may be built.
pub fn check_commit(
    event: &Event<'_>,
    directory: &str,
    head: Option<&str>,
) -> Result<(), TrustError> {
    if !is_privileged(event.name) {
        return Ok(());
    }
    let Some(head) = head else {
        return Err(TrustError::NoCommit {
            event: event.name.to_owned(),
            directory: directory.to_owned(),
        });
    };
    if event.github_sha == Some(head) || event.commit == Some(head) {
        return Ok(());
    }
    Err(TrustError::OtherCommit {
        event: event.name.to_owned(),
        directory: directory.to_owned(),
        head: head.to_owned(),
        commit: event.commit.map(str::to_owned),
    })
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
