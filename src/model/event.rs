//! Facts of GitHub's events that decisions hang on: how a pull request stands, and which events run with the base
//! repository's rights. Knows GitHub's words; reads no payload.

/// How a pull request stands. The state decides, not the action: a label can come after the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullState {
    Open,
    Merged,
    /// Without being merged.
    Closed,
}

impl PullState {
    pub fn of(open: bool, merged: bool) -> PullState {
        match (open, merged) {
            (_, true) => PullState::Merged,
            (true, false) => PullState::Open,
            (false, false) => PullState::Closed,
        }
    }
}

/// Events whose workflow runs with the base repository's rights, whoever wrote the code.
pub fn is_privileged(event_name: &str) -> bool {
    matches!(
        event_name,
        "pull_request_target" | "workflow_run" | "issue_comment"
    )
}
