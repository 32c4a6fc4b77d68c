//! Earlier deployments: a table, and how this one's time compares. They were read back from a comment that others may edit.

use std::time::Duration;

use jiff::Timestamp;

use super::announcement::Announcement;
use super::{short, verdict};
use crate::model::past::{PastDeployment, REMEMBERED};
use crate::model::verdict::Status;
use crate::report::escape;
use crate::report::event::{Text, duration};

/// Less is chance.
const PHASE_DIFFERS: Duration = Duration::from_secs(5);

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

/// `20 s slower than the last five`, of one stretch, where that is worth a word: a few seconds, and a good part of it.
pub(super) fn phase_compared(about: &Announcement, name: &str, took: Duration) -> Option<String> {
    let past: Vec<Duration> = well(about)?
        .filter_map(|p| p.phases.iter().find(|(n, _)| *n == remembered_as(name)))
        .map(|(_, ms)| Duration::from_millis(*ms))
        .collect();
    let (usual, than) = usual(&past)?;
    let differs = took.abs_diff(usual);
    let worth = differs >= PHASE_DIFFERS && differs * 5 >= usual.min(took);
    worth.then(|| than_usual(took, usual, &than))
}

/// Of a name, what a memory may hold: small letters, dashes and spaces.
pub(in crate::report) fn remembered_as(name: &str) -> String {
    name.replace('→', "to")
}

/// `9 s faster than the last five`, of those that rolled out and ended well, as this one did.
pub(super) fn compared(about: &Announcement) -> Option<String> {
    let took = about.took?;
    let past: Vec<Duration> = well(about)?
        .map(|p| Duration::from_millis(p.took_ms))
        .collect();
    let (usual, than) = usual(&past)?;
    Some(match took.abs_diff(usual) >= Duration::from_secs(1) {
        true => than_usual(took, usual, &than),
        false => format!("as fast as {than}"),
    })
}

/// `None` where this one is none of them.
fn well(about: &Announcement) -> Option<impl Iterator<Item = &PastDeployment>> {
    let rolled_out = |status: Status| matches!(status, Status::Serving | Status::Deployed);
    let past = about.history.iter().take(REMEMBERED);
    about
        .state
        .status()
        .is_some_and(rolled_out)
        .then(|| past.filter(move |p| rolled_out(p.status)))
}

/// The mean, and whose it is.
fn usual(past: &[Duration]) -> Option<(Duration, String)> {
    let count = u32::try_from(past.len()).ok().filter(|n| *n > 0)?;
    let total = past
        .iter()
        .try_fold(Duration::ZERO, |sum, t| sum.checked_add(*t))?;
    let than = match count {
        1 => "the last one".to_owned(),
        n => format!(
            "the last {}",
            ["two", "three", "four", "five"]
                .get(n as usize - 2)
                .unwrap_or(&"ones")
        ),
    };
    Some((total / count, than))
}

fn than_usual(took: Duration, usual: Duration, than: &str) -> String {
    let word = if took < usual { "faster" } else { "slower" };
    format!("{} {word} than {than}", duration(took.abs_diff(usual)))
}
