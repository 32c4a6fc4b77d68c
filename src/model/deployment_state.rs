//! The states of a GitHub Deployment, in GitHub's words. Knows which of them are no end.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentState {
    Queued,
    InProgress,
    /// Somebody or something else has to act.
    Pending,
    Success,
    Failure,
    Error,
    Inactive,
}

impl DeploymentState {
    pub fn word(self) -> &'static str {
        match self {
            DeploymentState::Queued => "queued",
            DeploymentState::InProgress => "in_progress",
            DeploymentState::Pending => "pending",
            DeploymentState::Success => "success",
            DeploymentState::Failure => "failure",
            DeploymentState::Error => "error",
            DeploymentState::Inactive => "inactive",
        }
    }

    /// A state after which another must follow. GitHub may know more of them tomorrow: those are left alone.
    pub fn is_open(word: &str) -> bool {
        [
            DeploymentState::Queued,
            DeploymentState::InProgress,
            DeploymentState::Pending,
        ]
        .iter()
        .any(|state| state.word() == word)
    }
}
