//! How a rollback reads: on what the service is back, or why it is not.

use super::announcement::{Announcement, BackTo, State};
use super::short;
use super::verdict::{SMOKE, Verdict, place, sign};
use crate::model::verdict::Status;
use crate::report::event::Text;

/// `cause`: whether the cause is said behind it.
pub(super) fn verdict(about: &Announcement, back: &BackTo, cause: bool) -> Verdict {
    let place = place(about);
    // Before it is known whither, there is only the service.
    let named = |before: &str, alone: &str| match &back.revision {
        Some(revision) => Text::new().say(before).code(revision.as_str()),
        None => Text::new().say(alone),
    };
    let of_commit = |text: Text| match &about.commit {
        Some(commit) => text.say(" (commit ").code(short(&commit.sha)).say(")"),
        None => text,
    };
    let is_back = || of_commit(named(" is back on ", " is back"));
    let State::Ended { status, .. } = &about.state else {
        let words = Text::new().say("Taking ").join(place);
        return Verdict {
            sign: "🔄",
            words: of_commit(words.join(named(" back to ", " back"))),
            names_url: false,
        };
    };
    let nothing_serves = about.healthy.is_some_and(|(_, of)| of == 0);
    let code = about.state.failure().and_then(|f| f.code.as_deref());
    let words = match status {
        Status::Failed if code == Some(SMOKE) => is_back().say(", but its smoke test failed"),
        Status::Serving => is_back(),
        Status::Deployed if nothing_serves => is_back().say(", nothing serves (desired count 0)"),
        Status::Deployed => is_back(),
        Status::Unchanged if nothing_serves => {
            named(" is on ", " is there").say(" already, nothing serves (desired count 0)")
        }
        Status::Unchanged => named(" is on ", " is there").say(" already"),
        Status::Started => {
            named(" is on its way back to ", " is on its way back").say(", not waited for")
        }
        Status::Paused => named(" is on its way back to ", " is on its way back")
            .say(": paused, a lifecycle hook waits"),
        Status::Superseded => named(
            " superseded on its way back to ",
            " superseded on its way back",
        ),
        Status::TimedOut => named(" not back in time on ", " not back in time"),
        Status::Unknown => named(" may or may not be back on ", " may or may not be back"),
        Status::Cancelled => named(" cancelled on its way back to ", " rollback cancelled"),
        Status::RolledBack | Status::Failed => named(" not back on ", " not back"),
        Status::NotStarted if cause => Text::new().say(" not rolled back"),
        Status::NotStarted => Text::new().say(" not rolled back, the service was not changed"),
    };
    Verdict {
        sign: match status {
            Status::Serving | Status::Deployed => "↩️",
            status => sign(*status),
        },
        words: place.join(words),
        names_url: status.is_success() && !nothing_serves,
    }
}
