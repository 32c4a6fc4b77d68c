//! What is still unmet.
use serde::Serialize;

use super::Unseen;

/// One condition of "serving" that a look did not find met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Unmet {
    /// This part of the world was not seen.
    NotSeen { part: &'static str, why: Unseen },
    /// Our deployment is not among the service's deployments (yet, or any more).
    DeploymentMissing,
    /// Another deployment is PRIMARY.
    NotPrimary { primary: Option<String> },
    /// The service deployment's status (or `rolloutState`) is none that can serve.
    DeploymentStatus { status: String },
    /// A rollback was begun, a breaker or an alarm went off.
    Failing,
    /// ECS has not called it SUCCESSFUL (or COMPLETED) yet.
    NotSuccessful { status: String },
    /// The desired count is not the one asked for.
    DesiredCount { now: u32, wanted: u32 },
    /// The desired count is 0: nothing can serve.
    DesiredZero,
    /// Tasks of ours that should not run any more.
    StillRunning { tasks: u32 },
    /// Fewer tasks of ours run than desired.
    Running { running: u32, of: u32 },
    /// Enough run, but not enough are healthy in their containers.
    ContainerHealth { healthy: u32, of: u32 },
    /// Enough run, but not enough are healthy in this target group.
    TargetHealth {
        target_group: String,
        healthy: u32,
        of: u32,
        /// State and reason of a target of ours that is not.
        example: Option<(String, Option<String>)>,
    },
    /// Targets of another revision are `healthy` or `initial` in this group.
    OthersAnswer { target_group: String, targets: u32 },
    /// All is met, but not yet for long enough.
    Window {
        so_far_seconds: u64,
        of_seconds: u64,
    },
    /// The lifecycle stage was not reached.
    Stage { wanted: String, now: Option<String> },
}
