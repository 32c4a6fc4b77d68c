//! How a run ended: the word, the exit code, and the outputs that say it to other programs. A verdict is never an error.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::preview::PreviewState;

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

/// What outputs are written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verb {
    #[default]
    Deploy,
    Build,
    Plan,
    Preview,
    Scale,
    Rollback,
}

impl Verb {
    /// By its name on the command line; `None` for a verb without outputs.
    pub fn parse(name: &str) -> Option<Verb> {
        match name {
            "deploy" => Some(Verb::Deploy),
            "build" => Some(Verb::Build),
            "plan" => Some(Verb::Plan),
            "preview" => Some(Verb::Preview),
            "scale" => Some(Verb::Scale),
            "rollback" => Some(Verb::Rollback),
            _ => None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Verb::Deploy => "deploy",
            Verb::Build => "build",
            Verb::Plan => "plan",
            Verb::Preview => "preview",
            Verb::Scale => "scale",
            Verb::Rollback => "rollback",
        }
    }

    /// Names and descriptions, in the order in which they are written.
    pub fn outputs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Verb::Deploy => DEPLOY_OUTPUTS,
            Verb::Build => BUILD_OUTPUTS,
            Verb::Plan => PLAN_OUTPUTS,
            Verb::Preview => PREVIEW_OUTPUTS,
            Verb::Scale => SCALE_OUTPUTS,
            Verb::Rollback => ROLLBACK_OUTPUTS,
        }
    }
}

const IMAGE_TAG: (&str, &str) = ("image-tag", "Tag that names what was built");
const IMAGE_DIGEST: (&str, &str) = ("image-digest", "Digest of the image, sha256:…");
const IMAGE_REPOSITORY: (&str, &str) = (
    "image-repository",
    "repositoryUri of the image (the account id is part of it: do not mask it, or other jobs get it empty)",
);
const FAILURE_CODE: (&str, &str) = ("failure-code", "Code of what failed, shipway::stage::what");
const FAILURE_CAUSE: (&str, &str) = (
    "failure-cause",
    "Name of the cause, as docs/causes.md lists it, where one was found",
);
const REPORT_FILE: (&str, &str) = (
    "report-file",
    "All of it as JSON, with the times and the reasons: a file in RUNNER_TEMP",
);

const DEPLOYMENT_STATUS: (&str, &str) = (
    "deployment-status",
    "serving, deployed, unchanged, superseded, paused, rolled-back, failed, unknown, timed-out, started, cancelled or not-started",
);

/// Of `deploy`.
pub const DEPLOY_OUTPUTS: &[(&str, &str)] = &[
    DEPLOYMENT_STATUS,
    ("url", "Where the service answers"),
    ("image", "Image that was deployed, by digest"),
    IMAGE_TAG,
    IMAGE_DIGEST,
    IMAGE_REPOSITORY,
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
    FAILURE_CODE,
    FAILURE_CAUSE,
    ("comment-url", "Comment on the pull request"),
    ("github-deployment-id", "GitHub Deployment that was made"),
    REPORT_FILE,
];

/// Of `build`.
pub const BUILD_OUTPUTS: &[(&str, &str)] = &[
    (
        "image",
        "Image, by digest: what `image` of a deploy takes, in any service",
    ),
    IMAGE_TAG,
    IMAGE_DIGEST,
    IMAGE_REPOSITORY,
    (
        "changed",
        "Whether the image was pushed: true, or false when the repository had it already",
    ),
    FAILURE_CODE,
    REPORT_FILE,
];

/// Of `plan`.
pub const PLAN_OUTPUTS: &[(&str, &str)] = &[
    (
        "changed",
        "Whether `deploy` would change anything: true or false",
    ),
    (
        "plan",
        "The plan as JSON: the changes in their order, each with its reason",
    ),
    (
        "image",
        "Image that would be deployed, by digest; none before it is pushed",
    ),
    (
        "image-tag",
        "Tag of the image, or the one that it would be pushed with",
    ),
    IMAGE_DIGEST,
    IMAGE_REPOSITORY,
    ("task-definition-arn", "Revision that the service runs"),
    ("url", "Where the service answers"),
    FAILURE_CODE,
    REPORT_FILE,
];

/// Of `preview`.
pub const PREVIEW_OUTPUTS: &[(&str, &str)] = &[
    (
        "preview-state",
        "How the preview stands: ready, deploying, asleep, incomplete, removed or absent",
    ),
    ("url", "Where the preview answers"),
    (
        "deployment-status",
        "Of `up` and `wake`, as of a deploy: serving, unchanged, failed, …; of the others not-started",
    ),
    ("image", "Image of the preview, by digest"),
    IMAGE_TAG,
    IMAGE_DIGEST,
    IMAGE_REPOSITORY,
    ("task-definition-arn", "Revision that the preview runs"),
    (
        "service-deployment-arn",
        "Service deployment that was watched",
    ),
    (
        "previews",
        "Of `list` and `prune`, as JSON: each preview with number, url, commit, state, age and expiry",
    ),
    ("changed", "Whether anything was changed: true or false"),
    FAILURE_CODE,
    FAILURE_CAUSE,
    ("comment-url", "Comment on the pull request"),
    ("github-deployment-id", "GitHub Deployment that was made"),
    REPORT_FILE,
];

/// Of `rollback`.
pub const ROLLBACK_OUTPUTS: &[(&str, &str)] = &[
    DEPLOYMENT_STATUS,
    ("url", "Where the service answers"),
    (
        "task-definition-arn",
        "Revision that the service runs: the one that it went back to, unless it failed",
    ),
    (
        "previous-task-definition-arn",
        "Revision that it ran before",
    ),
    (
        "service-deployment-arn",
        "Service deployment that was watched",
    ),
    ("changed", "Whether anything was changed: true or false"),
    FAILURE_CODE,
    FAILURE_CAUSE,
    ("comment-url", "Comment on the pull request"),
    ("github-deployment-id", "GitHub Deployment that was made"),
    REPORT_FILE,
];

/// Of `scale`.
pub const SCALE_OUTPUTS: &[(&str, &str)] = &[
    (
        "services",
        "As JSON: each service with what was done, or why not",
    ),
    ("changed", "Whether anything was changed: true or false"),
    FAILURE_CODE,
    REPORT_FILE,
];

/// What an action gives, and what each means; `setup` is one, though no verb.
pub fn outputs_of(action: &str) -> &'static [(&'static str, &'static str)] {
    match Verb::parse(action) {
        Some(verb) => verb.outputs(),
        None if action == "setup" => SETUP_OUTPUTS,
        None => &[],
    }
}

/// Written by the action's script.
const SETUP_OUTPUTS: &[(&str, &str)] = &[
    (
        "version",
        "Version of the release; empty with SHIPWAY_BINARY",
    ),
    ("path", "Path of the binary"),
];

/// What a run tells other programs, in `GITHUB_OUTPUT` and with `--output json`; on failure too. Holds every verb's, writes
/// those that its verb lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    pub verb: Verb,
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
    /// Of `deploy`, `preview` and `rollback`.
    pub failure_cause: Option<String>,
    pub comment_url: Option<String>,
    pub github_deployment_id: Option<String>,
    /// Of `plan`.
    pub plan: Option<Value>,
    /// Of `preview`.
    pub preview_state: Option<PreviewState>,
    pub previews: Option<Value>,
    /// Of `scale`.
    pub services: Option<Value>,
    /// All of it as JSON, with the times and the reasons.
    pub report_file: Option<String>,
}

impl Outputs {
    /// What a script wants that reads stdout: the address, or the image.
    pub fn answer(&self) -> Option<&str> {
        match self.verb {
            Verb::Deploy | Verb::Rollback => self.url.as_deref(),
            Verb::Build => self.image.as_deref(),
            // The plan was shown there.
            Verb::Plan | Verb::Scale => None,
            Verb::Preview => self.url.as_deref(),
        }
    }

    /// The value of a listed output.
    fn value(&self, name: &str) -> Option<Value> {
        let text = |text: &Option<String>| json!(text);
        Some(match name {
            "deployment-status" => json!(self.deployment_status),
            "url" => text(&self.url),
            "image" => text(&self.image),
            "image-tag" => text(&self.image_tag),
            "image-digest" => text(&self.image_digest),
            "image-repository" => text(&self.image_repository),
            "task-definition-arn" => text(&self.task_definition_arn),
            "previous-task-definition-arn" => text(&self.previous_task_definition_arn),
            "service-deployment-arn" => text(&self.service_deployment_arn),
            "changed" => json!(self.changed),
            "failure-code" => text(&self.failure_code),
            "failure-cause" => text(&self.failure_cause),
            "comment-url" => text(&self.comment_url),
            "github-deployment-id" => text(&self.github_deployment_id),
            "plan" => json!(self.plan),
            "preview-state" => json!(self.preview_state),
            "previews" => json!(self.previews),
            "services" => json!(self.services),
            "report-file" => text(&self.report_file),
            _ => return None,
        })
    }
}

impl Serialize for Outputs {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(
            self.verb
                .outputs()
                .iter()
                .filter_map(|(name, _)| Some((*name, self.value(name)?))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_output_has_a_value() {
        for verb in [
            Verb::Deploy,
            Verb::Build,
            Verb::Plan,
            Verb::Preview,
            Verb::Scale,
            Verb::Rollback,
        ] {
            for (name, description) in verb.outputs() {
                assert!(Outputs::default().value(name).is_some(), "{verb:?}: {name}");
                assert!(
                    !description.is_empty() && !description.ends_with('.'),
                    "{name}"
                );
            }
        }
    }
}
