//! What a rollout asks ECS for while it is followed, and what came of it. Values only: `steps/watch/act` asks, one action at
//! a time, and the machine decides what the answer means.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::Untrusted;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// StopServiceDeployment with ROLLBACK: ECS goes back to the last revision that completed.
    StopServiceDeployment { service_deployment_arn: String },
    /// UpdateService back to this revision, where ECS does not offer the other.
    RestoreTaskDefinition { task_definition: String },
    /// ContinueServiceDeployment: a hook waits for a person, and the settings are that person.
    ContinueServiceDeployment {
        service_deployment_arn: String,
        hook_id: String,
    },
}

impl Action {
    /// The operation that it needs, as AWS names it.
    pub fn operation(&self) -> &'static str {
        match self {
            Action::StopServiceDeployment { .. } => "StopServiceDeployment",
            Action::RestoreTaskDefinition { .. } => "UpdateService",
            Action::ContinueServiceDeployment { .. } => "ContinueServiceDeployment",
        }
    }
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acted {
    Done,
    /// Of a restore: the deployment that is PRIMARY now.
    Restored {
        deployment_id: String,
        created_at: Option<Timestamp>,
    },
    /// The permission that is missing.
    Denied(String),
    /// AWS's words. `conflict`: the world was not as the action needs it.
    Refused {
        conflict: bool,
        message: Untrusted,
    },
    /// No answer, or a throttled one: whether it was carried out, the next look may tell.
    Unanswered,
}
