//! One line under the verdict: what serves, what runs, which revision, how healthy, how long, where to look.

use super::announcement::{Announcement, State};
use super::{history, preview, short};
use crate::model::verdict::Status;
use crate::report::escape;
use crate::report::event::{Phase, Text, duration};

pub(super) fn facts(about: &Announcement) -> String {
    let mut facts = Vec::new();
    if let Some(clause) = serves(about) {
        let clause = escape::markdown(&clause);
        // Bold begins and ends at a word.
        match clause.trim() {
            "" => {}
            clause => facts.push(format!("**{clause}**")),
        }
    }
    if let State::InProgress { phase, since } = &about.state {
        facts.push(format!("{} since {since} UTC", so_far(about, *phase)));
    }
    if let Some(preview) = &about.preview {
        facts.extend(preview::why(preview));
    }
    if let Some(commit) = &about.commit {
        let name = escape::markdown_code(short(&commit.sha));
        let name = match &commit.url {
            Some(url) => escape::markdown_link(&name, url),
            None => name,
        };
        facts.push(format!("commit {name}"));
    }
    if let Some(revision) = &about.revision {
        let was = match &about.previous_revision {
            Some(previous) if previous != revision => {
                format!(" (was {})", escape::markdown_code(previous))
            }
            _ => String::new(),
        };
        facts.push(format!("revision {}{was}", escape::markdown_code(revision)));
    }
    if let Some((healthy, of)) = about.healthy.filter(|(_, of)| *of > 0) {
        // Another revision serves: these are not its targets.
        let whose = match about.now_serving {
            Some(_) => "new ",
            None => "",
        };
        facts.push(format!(
            "{healthy} of {of} {whose}{} healthy",
            about.counted.word(of)
        ));
    }
    if let Some(took) = about.took {
        let than = history::compared(about)
            .map(|than| format!(", {than}"))
            .unwrap_or_default();
        facts.push(format!("{}{than}", duration(took)));
    }
    if let Some(url) = &about.run_url {
        let words = match about.state {
            State::Ended { .. } => "run",
            _ => "follow",
        };
        facts.push(escape::markdown_link(words, url));
    }
    let logs = about.state.failure().and_then(|f| f.logs.as_ref());
    if let Some(url) = logs.and_then(|logs| logs.url.as_ref()) {
        facts.push(escape::markdown_link("logs", url));
    }
    let mut line = facts.join(" · ");
    if let Some(stays) = stays_until_then(about) {
        line.push_str(&format!("\n\n{stays}"));
    }
    line
}

/// What people can reach now, where it is not what was asked for.
fn serves(about: &Announcement) -> Option<Text> {
    if about.state.status() == Some(Status::NotStarted) && about.state.cause().is_some() {
        let what = match about.preview {
            Some(_) => "The preview",
            None => "The service",
        };
        return Some(Text::new().say(format!("{what} was not changed")));
    }
    about.now_serving.clone()
}

/// `Built and pushed, rolling out`.
fn so_far(about: &Announcement, phase: Phase) -> String {
    let over = |phase: Phase| about.phases.iter().any(|(p, _)| *p == phase);
    let before = match (over(Phase::Build), over(Phase::Push)) {
        (true, true) => "Built and pushed, ",
        (true, false) => "Built, ",
        _ => return phase.title().to_owned(),
    };
    let title = phase.title();
    let lower: String = title
        .chars()
        .take(1)
        .flat_map(char::to_lowercase)
        .chain(title.chars().skip(1))
        .collect();
    format!("{before}{lower}")
}

/// While it goes on: what is there until it is over.
fn stays_until_then(about: &Announcement) -> Option<String> {
    if matches!(about.state, State::Ended { .. }) {
        return None;
    }
    let previous = escape::markdown_code(about.previous_revision.as_ref()?);
    let at = match &about.url {
        Some(url) => format!(" at {}", escape::markdown_url(url)),
        None => String::new(),
    };
    Some(format!("Until then {previous} stays{at}"))
}
