//! How a verdict reads: a sign that helps the eye, the state as a word, and the address or the cause.

use super::announcement::{Announcement, State};
use super::{back, card, preview, short};
use crate::model::verdict::Status;
use crate::report::escape;
use crate::report::event::Text;

/// Lines of evidence that an annotation shows: it is cut at 4,096 characters, and nobody reads so far.
const EVIDENCE: usize = 4;

/// Nothing failed about the deployment then.
pub(super) const SMOKE: &str = "shipway::deploy::smoke";

/// The verdict without what led to it.
pub fn verdict_alone(about: &Announcement) -> Text {
    verdict(about, None, false).words
}

/// The verdict for a log, without Markdown: the first line says it all; of a failure, the lines below it say what was seen,
/// what serves now and what to do.
pub fn headline(about: &Announcement) -> Text {
    let text = in_a_line(about);
    let Some(failure) = about.state.failure() else {
        return text;
    };
    card::lines(failure, about.now_serving.as_ref(), EVIDENCE)
        .into_iter()
        .fold(text, Text::and_line)
}

/// Its first line.
pub fn in_a_line(about: &Announcement) -> Text {
    let Verdict {
        words, names_url, ..
    } = verdict(about, about.state.cause(), false);
    let mut text = words;
    if let Some(cause) = about.state.cause() {
        text = text.say(": ").join(cause.clone());
    } else if let (true, Some(url)) = (names_url, &about.url) {
        text = text.say(format!(": {url}"));
    }
    text
}

/// `there`: on the pull request itself.
pub(super) fn heading(about: &Announcement, there: bool) -> String {
    let Verdict {
        sign,
        words,
        names_url,
    } = verdict(about, about.state.cause(), there);
    let mut heading = format!("{sign} {}", escape::markdown(&words));
    if let Some(cause) = about.state.cause() {
        heading.push_str(": ");
        heading.push_str(&escape::markdown(cause));
    } else if let (true, Some(url)) = (names_url, &about.url) {
        heading.push_str(": ");
        heading.push_str(&escape::markdown_url(url));
    }
    heading
}

pub(super) struct Verdict {
    pub sign: &'static str,
    pub words: Text,
    /// Whether the URL belongs into the heading.
    pub names_url: bool,
}

/// `cause`: what is said behind it, if anything.
fn verdict(about: &Announcement, cause: Option<&Text>, there: bool) -> Verdict {
    // A reason of ECS's that says it need not be told it again.
    let says_it = cause.is_some_and(|c| c.mentions("rolled back"));
    if let Some(preview) = &about.preview {
        return preview::verdict(about, preview, there, says_it);
    }
    if let Some(back_to) = &about.back_to {
        return back::verdict(about, back_to, cause.is_some());
    }
    let place = place(about);
    let State::Ended { status, .. } = &about.state else {
        let mut words = Text::new().say("Deploying ");
        if let Some(commit) = &about.commit {
            words = words.code(short(&commit.sha)).say(" to ");
        }
        return Verdict {
            sign: "🔄",
            words: words.join(place),
            names_url: false,
        };
    };
    let nothing_serves = about.healthy.is_some_and(|(_, of)| of == 0);
    let code = about.state.failure().and_then(|f| f.code.as_deref());
    let words = match status {
        Status::Failed if code == Some(SMOKE) => " is deployed, but its smoke test failed",
        Status::Serving => " is serving",
        Status::Deployed if nothing_serves => " deployed, nothing serves (desired count 0)",
        Status::Deployed => " deployed",
        Status::Unchanged if nothing_serves => " unchanged, nothing serves (desired count 0)",
        Status::Unchanged => " unchanged, already serving",
        Status::Started => " deployment started, its end not waited for",
        Status::Paused => " paused, a lifecycle hook waits",
        Status::Superseded => " superseded",
        Status::RolledBack if says_it => " not deployed",
        Status::RolledBack => " rolled back",
        Status::Failed => " not deployed",
        Status::Unknown => " has an unknown outcome",
        Status::TimedOut => " timed out",
        Status::Cancelled => " cancelled",
        Status::NotStarted => " not deployed, the service was not changed",
    };
    // With a cause behind it, that the service was not changed is a line of its own.
    let words = match (status, cause) {
        (Status::NotStarted, Some(_)) => " not deployed",
        _ => words,
    };
    Verdict {
        sign: sign(*status),
        words: place.say(words),
        names_url: status.is_success() && !nothing_serves,
    }
}

/// The service, and the job's environment.
pub(super) fn place(about: &Announcement) -> Text {
    let place = Text::new().say(&about.service);
    match about.environment.as_ref().filter(|e| !e.is_empty()) {
        Some(environment) => place.say(" (").quote(environment).say(")"),
        None => place,
    }
}

/// Never the only bearer of the state: the word stands beside it.
pub(super) fn sign(status: Status) -> &'static str {
    match status {
        Status::Serving | Status::Deployed | Status::Unchanged => "✅",
        Status::Started => "🔄",
        Status::Paused => "⏸️",
        Status::Superseded => "⏭️",
        Status::RolledBack | Status::Failed | Status::Unknown | Status::NotStarted => "❌",
        Status::TimedOut => "⌛",
        Status::Cancelled => "🛑",
    }
}
