//! How a run ended: the word, the exit code, and the outputs that say it to other programs. A verdict is never an error.

use serde::{Deserialize, Serialize};

/// `deployment-status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Serving,
    Deployed,
    Unchanged,
    Superseded,
    /// A lifecycle hook waits for a person.
    Paused,
    RolledBack,
    Failed,
    Unknown,
    TimedOut,
    Started,
    Cancelled,
    NotStarted,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Serving => "serving",
            Status::Deployed => "deployed",
            Status::Unchanged => "unchanged",
            Status::Superseded => "superseded",
            Status::Paused => "paused",
            Status::RolledBack => "rolled-back",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
            Status::TimedOut => "timed-out",
            Status::Started => "started",
            Status::Cancelled => "cancelled",
            Status::NotStarted => "not-started",
        }
    }

    /// True when what was asked for is so.
    pub fn is_success(self) -> bool {
        matches!(
            self,
            Status::Serving
                | Status::Deployed
                | Status::Unchanged
                | Status::Started
                | Status::Paused
        )
    }
}

/// Outputs of design section 6, for `GITHUB_OUTPUT` and `--output json`; written on failure too. Keys in kebab case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outputs {
    pub deployment_status: String,
    pub url: Option<String>,
    pub image: Option<String>,
    pub image_tag: Option<String>,
    pub image_digest: Option<String>,
    pub image_repository: Option<String>,
    pub task_definition_arn: Option<String>,
    pub previous_task_definition_arn: Option<String>,
    pub service_deployment_arn: Option<String>,
    pub changed: bool,
    pub failure_code: Option<String>,
    pub comment_url: Option<String>,
    pub github_deployment_id: Option<String>,
    /// All of it as JSON, with the times and the reasons.
    pub report_file: Option<String>,
}
