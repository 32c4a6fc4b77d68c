//! An earlier deployment, as it is remembered in the comment: how it ended, and where its time went. Read back from text
//! that anybody who may edit comments may have changed: what does not fit is no memory.

use serde::{Deserialize, Serialize};

use super::Untrusted;
use super::verdict::Status;

/// How many are shown and kept.
pub const REMEMBERED: usize = 5;
/// Of a cause, in characters.
pub const LONGEST_CAUSE: usize = 200;
const MOST_PHASES: usize = 12;
/// 9999-12-31: beyond it nobody can write a date.
const LAST_SECOND: i64 = 253_402_300_799;
/// No job runs longer than GitHub's 35 days.
const LONGEST_MS: u64 = 35 * 24 * 3600 * 1000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl PastDeployment {
    /// Whether a run could have written this.
    fn is_sound(&self) -> bool {
        let commit = |sha: &String| {
            (7..=64).contains(&sha.len())
                && sha.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let cause = |text: &Untrusted| {
            text.chars() <= LONGEST_CAUSE && !text.contains("\n") && !text.contains("\r")
        };
        let phase = |(name, took): &(String, u64)| {
            (1..=20).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b' '))
                && *took <= LONGEST_MS
        };
        self.commit.as_ref().is_none_or(commit)
            && self.cause.as_ref().is_none_or(cause)
            && (0..=LAST_SECOND).contains(&self.ended_at)
            && self.took_ms <= LONGEST_MS
            && self.phases.len() <= MOST_PHASES
            && self.phases.iter().all(phase)
    }
}

/// What was read back, if all of it could have been written by us.
pub fn sound(past: Vec<PastDeployment>) -> Option<Vec<PastDeployment>> {
    (past.len() <= REMEMBERED && past.iter().all(PastDeployment::is_sound)).then_some(past)
}

/// The newest in front; what the same attempt of the same run said before is replaced.
pub fn with(newest: PastDeployment, earlier: &[PastDeployment]) -> Vec<PastDeployment> {
    let of = (newest.run, newest.attempt);
    let mut all = vec![newest];
    all.extend(earlier_than(of, earlier));
    all.truncate(REMEMBERED);
    all
}

/// Those of other runs and attempts.
pub fn earlier_than(
    (run, attempt): (u64, u64),
    all: &[PastDeployment],
) -> impl Iterator<Item = PastDeployment> {
    all.iter()
        .filter(move |p| (p.run, p.attempt) != (run, attempt))
        .cloned()
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;
