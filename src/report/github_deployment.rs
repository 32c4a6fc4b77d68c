//! A GitHub Deployment's status as one value of the announcement: state, words, address. Knows how a verdict reads there;
//! asks GitHub nothing.

use crate::model::deployment_state::DeploymentState;
use crate::model::preview::PreviewState;
use crate::model::verdict::Status;
use crate::plan::preview::decide::Word;

use super::escape;
use super::event::Phase;
use super::markdown::{self, Announcement, State};
use super::remembered;

/// GitHub's limit of a status's description.
const DESCRIPTION_LIMIT: usize = 140;
/// The description of a deployment whose end was not waited for: it stays open until the next run closes it.
pub const NOT_WAITED_FOR: &str = "started, not waited for";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub state: DeploymentState,
    pub description: String,
    /// Where it answers: only once it is this deployment that answers there.
    pub environment_url: Option<String>,
}

/// `begun`: the last that was said is that the service is being changed.
pub fn of(about: &Announcement, begun: bool) -> Shown {
    let (state, description) = match &about.state {
        State::Starting => (DeploymentState::Queued, Phase::Preflight.title().to_owned()),
        State::InProgress { phase, .. } => (before_the_end(*phase), phase.title().to_owned()),
        State::Ended {
            status: Status::Started,
            ..
        } => (DeploymentState::InProgress, NOT_WAITED_FOR.to_owned()),
        State::Ended { status, cause, .. } => {
            let words = match cause {
                Some(_) => markdown::in_a_line(about),
                None => markdown::verdict_alone(about),
            };
            let changed = begun || about.revision.is_some();
            (at_the_end(*status, changed), escape::text_line(&words))
        }
    };
    let serves = state == DeploymentState::Success;
    let times = remembered::times_in_words(about).unwrap_or_default();
    Shown {
        state,
        description: cut(
            &description,
            DESCRIPTION_LIMIT - times.encode_utf16().count(),
        ) + &times,
        environment_url: about
            .url
            .clone()
            .filter(|url| serves && (url.starts_with("https://") || url.starts_with("http://"))),
    }
}

/// What becomes of the deployments that earlier runs made of the same preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    Stay,
    /// It does not answer any more, and may again.
    Inactive(String),
    /// There is nothing of it any more.
    Deleted(String),
}

/// Of a preview that was put to sleep or removed.
pub fn earlier(about: &Announcement) -> Earlier {
    let (Some(preview), State::Ended { .. }) = (&about.preview, &about.state) else {
        return Earlier::Stay;
    };
    let words = || {
        cut(
            &escape::text_line(&markdown::verdict_alone(about)),
            DESCRIPTION_LIMIT,
        )
    };
    match preview.state {
        PreviewState::Asleep => Earlier::Inactive(words()),
        PreviewState::Removed | PreviewState::Absent => Earlier::Deleted(words()),
        _ => Earlier::Stay,
    }
}

/// Whether the service was, or is about to be, touched: a run that was refused or cancelled before deployed nothing, and
/// neither does one that removes a preview.
pub fn deploys(about: &Announcement) -> bool {
    let starts = |word: Word| matches!(word, Word::Up | Word::Wake);
    if about.preview.as_ref().is_some_and(|p| !starts(p.word)) {
        return false;
    }
    match &about.state {
        State::Ended { status, .. } => match status {
            Status::NotStarted => false,
            Status::Cancelled => about.revision.is_some(),
            _ => true,
        },
        _ => true,
    }
}

fn before_the_end(phase: Phase) -> DeploymentState {
    match phase {
        Phase::Update | Phase::Rollout => DeploymentState::InProgress,
        // The service is as it was.
        _ => DeploymentState::Queued,
    }
}

fn at_the_end(status: Status, changed: bool) -> DeploymentState {
    match status {
        Status::Serving | Status::Deployed | Status::Unchanged => DeploymentState::Success,
        // How it ends, nobody here knows.
        Status::Started => DeploymentState::InProgress,
        Status::Paused => DeploymentState::Pending,
        Status::Superseded => DeploymentState::Inactive,
        Status::Failed | Status::RolledBack | Status::TimedOut | Status::NotStarted => {
            DeploymentState::Failure
        }
        Status::Unknown => DeploymentState::Error,
        Status::Cancelled if changed => DeploymentState::Error,
        Status::Cancelled => DeploymentState::Inactive,
    }
}

/// GitHub counts characters; those beyond the first plane count twice here, to be on the safe side.
fn cut(text: &str, limit: usize) -> String {
    if text.encode_utf16().count() <= limit {
        return text.to_owned();
    }
    let mut room = limit - 1;
    let mut kept = String::new();
    for c in text.chars() {
        match room.checked_sub(c.len_utf16()) {
            Some(left) => room = left,
            None => break,
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
#[path = "github_deployment_tests.rs"]
mod tests;
