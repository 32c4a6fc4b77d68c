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

/// What an action gives, and what each means; `setup` is one, though no verb.
pub fn outputs_of(action: &str) -> Vec<(&'static str, &'static str)> {
    const IMAGE: [(&str, &str); 4] = [
        ("image", "Image by digest, repository@sha256:…"),
        ("image-tag", "Tag that names what was built"),
        ("image-digest", "Digest of the image, sha256:…"),
        (
            "image-repository",
            "repositoryUri of the image (the account id is part of it: do not mask it, or other jobs get it empty)",
        ),
    ];
    const FAILURE: (&str, &str) = ("failure-code", "Code of what failed, shipway::stage::what");
    const REPORT: (&str, &str) = (
        "report-file",
        "All of it as JSON, with the times and the reasons: a file in RUNNER_TEMP",
    );
    let mut outputs = Vec::new();
    match action {
        "deploy" => {
            outputs.extend([
                (
                    "deployment-status",
                    "serving, deployed, unchanged, superseded, paused, rolled-back, failed, unknown, timed-out, started, cancelled or not-started",
                ),
                ("url", "Where the service answers"),
            ]);
            outputs.extend(IMAGE);
            outputs.extend([
                ("task-definition-arn", "Revision that the service runs"),
                (
                    "previous-task-definition-arn",
                    "Revision that it ran before",
                ),
                (
                    "service-deployment-arn",
                    "Service deployment that was watched",
                ),
                ("changed", "Whether anything was changed: true or false"),
                FAILURE,
                ("comment-url", "Comment on the pull request"),
                ("github-deployment-id", "GitHub Deployment that was made"),
                REPORT,
            ]);
        }
        "build" => {
            outputs.extend(IMAGE);
            outputs.extend([
                ("changed", "Whether an image was pushed: true or false"),
                FAILURE,
                REPORT,
            ]);
        }
        "plan" => {
            outputs.push((
                "changed",
                "Whether deploy would change anything: true or false",
            ));
            outputs.extend(IMAGE);
            outputs.extend([FAILURE, REPORT]);
        }
        "setup" => outputs.extend([
            (
                "version",
                "Version of the release; empty with SHIPWAY_BINARY",
            ),
            ("path", "Path of the binary"),
        ]),
        _ => {}
    }
    outputs
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
