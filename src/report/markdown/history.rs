//! Earlier deployments: a table, and how this one's time compares. They were read back from a comment that others may edit.

use std::time::Duration;

use jiff::Timestamp;

use super::announcement::Announcement;
use super::{short, verdict};
use crate::model::past::{PastDeployment, REMEMBERED};
use crate::model::verdict::Status;
use crate::report::escape;
use crate::report::event::{Text, duration};

pub(super) fn table(about: &Announcement) -> Option<(String, String)> {
    let past: Vec<&PastDeployment> = about.history.iter().take(REMEMBERED).collect();
    let title = match past.len() {
        0 => return None,
        1 => "The deployment before this one".to_owned(),
        n => format!("Last {n} deployments before this one"),
    };
    let mut table = String::from("| Result | Commit | When (UTC) | Took |\n|:--|:--|:--|--:|\n");
    for past in past {
        let mut result = Text::new().say(format!(
            "{} {}",
            verdict::sign(past.status),
            past.status.word()
        ));
        if let Some(cause) = past.cause.as_ref().filter(|c| !c.is_empty()) {
            result = result.say(": ").quote(cause);
        }
        let commit = past.commit.as_deref().map(short).unwrap_or_default();
        table.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            escape::markdown(&result),
            escape::markdown_code(commit),
            when(past.ended_at),
            duration(Duration::from_millis(past.took_ms)),
        ));
    }
    Some((title, table))
}

fn when(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map(|at| at.strftime("%d %b %H:%M").to_string())
        .unwrap_or_default()
}

/// `9 s faster than the last five`, of those that rolled out and ended well, as this one did.
pub(super) fn compared(about: &Announcement) -> Option<String> {
    let rolled_out = |status: Status| matches!(status, Status::Serving | Status::Deployed);
    if !about.state.status().is_some_and(rolled_out) {
        return None;
    }
    let took = about.took?;
    let past: Vec<Duration> = about
        .history
        .iter()
        .take(REMEMBERED)
        .filter(|p| rolled_out(p.status))
        .map(|p| Duration::from_millis(p.took_ms))
        .collect();
    let count = u32::try_from(past.len()).ok().filter(|n| *n > 0)?;
    let total = past
        .iter()
        .try_fold(Duration::ZERO, |sum, t| sum.checked_add(*t))?;
    let usual = total / count;
    let than = match count {
        1 => "the last one".to_owned(),
        n => format!(
            "the last {}",
            ["two", "three", "four", "five"]
                .get(n as usize - 2)
                .unwrap_or(&"ones")
        ),
    };
    let second = Duration::from_secs(1);
    Some(match (usual.checked_sub(took), took.checked_sub(usual)) {
        (Some(less), _) if less >= second => format!("{} faster than {than}", duration(less)),
        (_, Some(more)) if more >= second => format!("{} slower than {than}", duration(more)),
        _ => format!("as fast as {than}"),
    })
}
