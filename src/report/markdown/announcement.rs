//! What there is to announce, at any moment of a deploy: one value for comment, summary, annotation and report file.

use std::time::Duration;

use jiff::Timestamp;

use crate::error::Error;
use crate::model::Untrusted;
use crate::model::container_logs::ContainerLogs;
use crate::model::past::PastDeployment;
use crate::model::preview::PreviewState;
use crate::model::verdict::Status;
use crate::plan::preview::decide::Word;
use crate::report::event::{Phase, Stretch, Text};
use crate::report::plan::Planned;
use crate::rollout::causes::Cause;
use crate::rollout::{Advice, ServesNow, TargetNote, Timings};

#[derive(Clone, Debug, Default)]
pub struct Announcement {
    pub cluster: String,
    /// Names, as people know the service.
    pub service: String,
    /// The job's environment, where it has one.
    pub environment: Option<Untrusted>,
    pub state: State,
    /// Where it answers.
    pub url: Option<String>,
    /// The commit that is deployed.
    pub commit: Option<Commit>,
    /// Said beside the commit, e.g. that the merge commit was built and not the head.
    pub commit_note: Option<Text>,
    /// `family:revision`
    pub revision: Option<String>,
    pub previous_revision: Option<String>,
    /// Healthy ones, of how many.
    pub healthy: Option<(u32, u32)>,
    /// What is counted above: targets of a target group, or tasks.
    pub counted: Counted,
    pub image: Option<String>,
    /// Compressed, where the registry was asked.
    pub image_bytes: Option<u64>,
    pub phases: Vec<(Phase, Duration)>,
    /// The same with their places in the run, once it is over.
    pub stretches: Vec<Stretch>,
    /// Moments within the rollout, once it is over.
    pub timings: Option<Timings>,
    /// What was planned, in its order.
    pub plan: Vec<Planned>,
    pub targets: Vec<TargetNote>,
    pub advice: Vec<Advice>,
    pub took: Option<Duration>,
    pub run_url: Option<String>,
    /// What serves, where that is not what was deployed: a clause, "`web:41` keeps serving".
    pub now_serving: Option<Text>,
    /// As a value, of every end.
    pub what_serves: Option<ServesNow>,
    pub notes: Vec<Text>,
    /// Of a preview: then what is announced is the preview, not the service behind it.
    pub preview: Option<Preview>,
    /// Of a rollback: then what is announced is the way back.
    pub back_to: Option<BackTo>,
    /// Earlier deployments of this service, the newest first, never this one; read back from the comment, where this one is
    /// put in front of them once it ended.
    pub history: Vec<PastDeployment>,
}

/// Whither a service goes back.
#[derive(Clone, Debug, Default)]
pub struct BackTo {
    /// `family:revision`, once it is known.
    pub revision: Option<String>,
}

/// What there is to say of a preview beyond its deployment.
#[derive(Clone, Debug)]
pub struct Preview {
    /// What is done to it.
    pub word: Word,
    pub pull_request: u64,
    pub state: PreviewState,
    /// Of one asleep: since when.
    pub since: Option<Timestamp>,
    /// When `prune` would put it to sleep or remove it.
    pub expires: Option<Timestamp>,
    /// Why this was done, where nobody deployed: "pull request merged".
    pub why: Option<Text>,
    /// Of a removal: how many of its resources are gone, of how many.
    pub removed: Option<(u32, u32)>,
    /// What could not be removed, a line each, with the reason.
    pub left: Vec<Text>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    #[default]
    Targets,
    Tasks,
}

impl Counted {
    /// `targets`, or `target` of one.
    pub fn word(self, of: u32) -> &'static str {
        match (self, of) {
            (Counted::Targets, 1) => "target",
            (Counted::Targets, _) => "targets",
            (Counted::Tasks, 1) => "task",
            (Counted::Tasks, _) => "tasks",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub sha: String,
    pub url: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub enum State {
    #[default]
    Starting,
    /// A phase goes on, since this time of day (UTC).
    InProgress { phase: Phase, since: String },
    Ended {
        status: Status,
        /// For anything but success: what happened, in one line.
        cause: Option<Text>,
        failure: Option<Box<Failure>>,
    },
}

impl State {
    pub fn status(&self) -> Option<Status> {
        match self {
            State::Ended { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub fn cause(&self) -> Option<&Text> {
        match self {
            State::Ended { cause, .. } => cause.as_ref(),
            _ => None,
        }
    }

    pub fn failure(&self) -> Option<&Failure> {
        match self {
            State::Ended { failure, .. } => failure.as_deref(),
            _ => None,
        }
    }
}

/// The failure card: one value for log, annotation, summary, comment and report file.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    pub code: Option<String>,
    /// Where a diagnosis was made.
    pub cause: Option<&'static Cause>,
    pub evidence: Vec<Text>,
    /// What helps, the likeliest first. A first line is what to do; lines below it say more, indented ones are quoted as they
    /// stand.
    pub fixes: Vec<Text>,
    /// How to see more, where nothing is known that helps, or beside it.
    pub next: Option<Text>,
    /// Build output or what is to be copied, with what it is.
    pub quoted: Option<(Text, Untrusted)>,
    pub logs: Option<ContainerLogs>,
}

impl Failure {
    /// An error as its card, and its first line as the cause. `quoted` is what was quoted before it, such as a step's output.
    pub fn of(error: &Error, quoted: Option<(Text, Untrusted)>) -> (Option<Text>, Failure) {
        let mut chain = error.chain().into_iter().map(Text::with_code);
        let cause = chain.next();
        let block = error.block().map(|block| {
            let title = Text::with_code(block.title.clone());
            (title, Untrusted::new(block.text.clone()))
        });
        let failure = Failure {
            code: Some(error.code()),
            evidence: chain.collect(),
            fixes: error.help().map(Text::with_code).into_iter().collect(),
            quoted: block.or(quoted),
            ..Failure::default()
        };
        (cause, failure)
    }
}
