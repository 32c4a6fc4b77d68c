//! What was wrong, of all that was seen: one cause, what it rests on, what helps, and whose log lines would say more. Pure:
//! the shell reads those lines, and `report` shows the card.

use serde::Serialize;

use crate::model::service::{Service, ServiceDeployment};

use super::causes::Cause;
use super::evidence::Evidence;
use super::{Ours, Sentence, TargetNote, Unmet};

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diagnosis {
    pub cause: &'static Cause,
    /// In one line, with values: "container `web` ran out of memory (exit code 137)".
    pub headline: Sentence,
    /// What it rests on, the most telling first: "3 of 3 tasks stopped within 9 s of their start", then what was said.
    pub evidence: Vec<Sentence>,
    /// What helps, the likeliest first, with values.
    pub fixes: Vec<Sentence>,
    pub look_at: Option<LookAt>,
}

/// The container whose last lines would say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LookAt {
    pub task_id: String,
    /// The task definition's ARN: its `logConfiguration` says where the lines go.
    pub task_definition: String,
    pub container: String,
}

/// What a diagnosis is made of.
pub(super) struct Case<'a> {
    pub evidence: &'a Evidence,
    /// Targets of ours that were not healthy when last seen.
    pub targets: &'a [TargetNote],
    pub ours: &'a Ours,
    pub service: Option<&'a Service>,
    pub deployment: Option<&'a ServiceDeployment>,
    pub unmet: &'a [Unmet],
}

pub(super) fn diagnose(_case: &Case<'_>) -> Option<Diagnosis> {
    None
}
