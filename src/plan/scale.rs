//! To how many tasks each of many services goes, and why not: what is asked, what was found of a service, what is done about
//! it. `decide` decides, `selection` says which services are meant, `outcome` holds how it went, `bucket` how fast AWS lets
//! anybody go. Pure.

pub mod bucket;
pub mod decide;
#[cfg(test)]
mod decide_tests;
pub mod outcome;
pub mod selection;
pub mod size;

use jiff::Timestamp;

use crate::model::autoscaling::Bounds;
use crate::model::preview::PreviewOf;
use crate::model::sleep::{NotRead, Saved};

pub use decide::{Decision, Moves, decide};
pub use outcome::{Act, Failed, Note, One, Outcome, Why};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Zero,
    /// More than 0. Nothing is kept for later.
    Count(u32),
    Restore,
}

/// What is done about a service that is being deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileDeploying {
    Skip,
    Wait,
    Force,
}

/// What was asked, for all services alike.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub to: To,
    pub if_deploying: WhileDeploying,
    pub suspend_scheduled: bool,
    pub force: bool,
    pub default_count: Option<u32>,
    /// Whether restored tasks are waited for.
    pub wait: bool,
    /// Whether what was is kept in a tag, which not every service takes.
    pub keep_in_tag: bool,
    pub now: Timestamp,
    /// GitHub's.
    pub run: Option<u64>,
}

/// A service as it was found, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub region: String,
    /// Short name.
    pub cluster: String,
    pub service: String,
    pub arn: String,
    pub desired_count: u32,
    pub task_definition: String,
    pub service_revision: Option<String>,
    /// Its scheduling strategy is DAEMON: the container instances decide how many tasks there are.
    pub daemon: bool,
    /// ECS manages it itself (Express mode).
    pub express: bool,
    /// Ids of deployments, or of task sets, that are on their way.
    pub deploying: Vec<String>,
    pub keep_awake: bool,
    /// Where it is one of a pull request.
    pub preview: Option<PreviewOf>,
    pub tags: usize,
    pub kept: Option<Kept>,
    pub autoscaling: Option<Autoscaling>,
    /// Asked only where `in_question`: whether autoscaling set the desired count since it went to sleep.
    pub moved_by_autoscaling: bool,
}

/// What was kept of a service, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub place: Place,
    pub saved: Result<Saved, NotRead>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Tag,
    /// In SSM Parameter Store, by name.
    Parameter(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscaling {
    pub bounds: Bounds,
    pub scheduled_actions: usize,
}

impl Found {
    fn saved(&self) -> Option<&Saved> {
        self.kept.as_ref()?.saved.as_ref().ok()
    }

    fn bounds(&self) -> Option<Bounds> {
        self.autoscaling.map(|a| a.bounds)
    }
}
