//! How a preview reads: its heading in every state, what its facts add, and what a removal left. Knows previews only; a
//! deployment's own words are `verdict`'s and `facts`'s.

use jiff::Timestamp;

use super::announcement::{Announcement, Preview, State};
use super::fit::Section;
use super::short;
use super::verdict::{Verdict, sign};
use crate::model::preview::PreviewState;
use crate::model::verdict::Status;
use crate::plan::preview::decide::{Command, Word};
use crate::report::escape;
use crate::report::event::Text;

/// Lines of what could not be removed.
const LEFT: usize = 20;

/// The heading, and whether the address belongs behind it. `there`: it stands on the pull request, which need not be named.
/// `says_it`: what is said behind it tells of the rollback.
pub(super) fn verdict(
    about: &Announcement,
    preview: &Preview,
    there: bool,
    says_it: bool,
) -> Verdict {
    let name = match there {
        true => "Preview".to_owned(),
        false => format!("Preview of pull request {}", preview.pull_request),
    };
    let named = |words: &str| Text::new().say(format!("{name} {words}"));
    let State::Ended { status, .. } = &about.state else {
        return going_on(about, preview.word);
    };
    if about.state.failure().is_some() || about.state.cause().is_some() {
        let status = match status {
            Status::RolledBack if says_it => Status::Failed,
            status => *status,
        };
        return failed(status, preview.word, &named);
    }
    let why = |text: Text| match &preview.why {
        Some(why) => text.say(" (").join(why.clone()).say(")"),
        None => text,
    };
    let plain = |sign, words: Text| Verdict {
        sign,
        words,
        names_url: false,
    };
    match preview.state {
        PreviewState::Ready => Verdict {
            sign: "✅",
            words: named("ready"),
            names_url: true,
        },
        PreviewState::Deploying => Verdict {
            sign: "🔄",
            words: named("started, not waited for"),
            names_url: true,
        },
        PreviewState::Asleep => plain("💤", asleep(named("asleep"), preview)),
        PreviewState::Removed => {
            let words = why(named("removed"));
            plain("🗑️", counted(words, preview, "deleted"))
        }
        PreviewState::Incomplete if preview.word == Word::Down => {
            let words = why(named("not wholly removed"));
            plain("⚠️", counted(words, preview, "deleted"))
        }
        PreviewState::Incomplete => plain("⚠️", named("incomplete, it does not answer")),
        PreviewState::Absent => plain("⏭️", why(none(&name, preview.word))),
    }
}

fn going_on(about: &Announcement, word: Word) -> Verdict {
    let words = Text::new();
    let words = match (word, &about.commit) {
        (Word::Down, _) => words.say("Removing the preview"),
        (Word::Sleep, _) => words.say("Putting the preview to sleep"),
        (Word::Wake, Some(commit)) => words.say("Waking the preview of ").code(short(&commit.sha)),
        (Word::Wake, None) => words.say("Waking the preview"),
        (_, Some(commit)) => words
            .say("Deploying the preview of ")
            .code(short(&commit.sha)),
        (_, None) => words.say("Deploying the preview"),
    };
    Verdict {
        sign: "🔄",
        words,
        names_url: false,
    }
}

fn failed(status: Status, word: Word, named: &dyn Fn(&str) -> Text) -> Verdict {
    let done = match word {
        Word::Down | Word::Prune => "removed",
        Word::Sleep => "put to sleep",
        Word::Wake => "woken",
        Word::Up | Word::List => "deployed",
    };
    let words = match status {
        Status::Cancelled => "cancelled".to_owned(),
        Status::TimedOut => format!("not {done} in time"),
        Status::RolledBack => "rolled back".to_owned(),
        Status::Unknown => "has an unknown outcome".to_owned(),
        Status::Superseded => "superseded".to_owned(),
        _ => format!("not {done}"),
    };
    Verdict {
        sign: sign(status),
        words: named(&words),
        names_url: false,
    }
}

fn none(name: &str, word: Word) -> Text {
    let name = name.replacen("Preview", "preview", 1);
    Text::new().say(match word {
        Word::Down => format!("There was no {name} to remove"),
        _ => format!("There is no {name}"),
    })
}

fn asleep(mut words: Text, preview: &Preview) -> Text {
    if let Some(since) = preview.since {
        words = words.say(format!(" since {} UTC", since.strftime("%H:%M")));
    }
    words
        .say(" · wake it: comment ")
        .code(Command::Wake.words())
        .say(", or push")
}

fn counted(words: Text, preview: &Preview, done: &str) -> Text {
    match preview.removed {
        Some((gone, of)) => {
            let noun = if of == 1 { "resource" } else { "resources" };
            words.say(format!(" · {gone} of {of} {noun} {done}"))
        }
        None => words,
    }
}

/// What nobody asked for by its word says why; other verbs have it in the heading.
pub(super) fn why(preview: &Preview) -> Option<String> {
    let deploys = matches!(preview.word, Word::Up | Word::Wake | Word::Sleep);
    let why = preview.why.as_ref().filter(|_| deploys)?;
    Some(escape::markdown(why))
}

/// When `prune` comes for it: of one that answers.
pub(super) fn expires(preview: &Preview) -> Option<String> {
    let there = preview.state == PreviewState::Ready;
    preview.expires.filter(|_| there).map(moment)
}

fn moment(at: Timestamp) -> String {
    format!("{} UTC", at.strftime("%Y-%m-%d %H:%M"))
}

/// What could not be removed, and what takes it.
pub(super) fn left(preview: &Preview) -> Vec<Section> {
    if preview.left.is_empty() {
        return Vec::new();
    }
    let mut sections: Vec<Section> = preview
        .left
        .iter()
        .take(LEFT)
        .enumerate()
        .map(|(n, line)| Section::new(5, format!("- {}\n", escape::markdown(line))).tight(n > 0))
        .collect();
    if preview.left.len() > LEFT {
        let more = format!("- and {} more in the log\n", preview.left.len() - LEFT);
        sections.push(Section::new(5, more).tight(true));
    }
    sections
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;
