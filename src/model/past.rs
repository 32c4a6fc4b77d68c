//! An earlier deployment, as it is remembered in the comment: how it ended, and where its time went. Read back from text
//! that anybody who may edit comments may have changed: what does not fit is no memory.

use serde::{Deserialize, Serialize};

use super::Untrusted;
use super::verdict::Status;

/// How many are shown and kept.
pub const REMEMBERED: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastDeployment {
    pub run: u64,
    pub attempt: u64,
    pub status: Status,
    /// For anything but success, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Untrusted>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When it ended, in seconds since 1970.
    pub ended_at: i64,
    pub took_ms: u64,
    /// `build`, `push`, `rollout`, …: milliseconds.
    #[serde(default)]
    pub phases: Vec<(String, u64)>,
}
