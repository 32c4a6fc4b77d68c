//! The comment and the job summary, as Markdown from one value. Knows how a verdict reads; asks nobody anything. Foreign
//! text enters through `escape` alone.

use std::time::Duration;

use crate::model::Untrusted;
use crate::model::past::PastDeployment;
use crate::model::verdict::Status;

use super::escape;
use super::event::{Phase, Text, duration};

/// GitHub's limit of a comment, in characters.
pub const COMMENT_LIMIT: usize = 65_536;
/// Of quoted logs: the rest of a card is far shorter than what this leaves.
const QUOTE_LIMIT: usize = 40_000;

/// What there is to announce, at any moment of a deploy.
#[derive(Clone, Debug, Default)]
pub struct Announcement {
    /// Names, as people know the service.
    pub service: String,
    /// The job's environment, where it has one.
    pub environment: Option<Untrusted>,
    pub state: State,
    /// Where it answers.
    pub url: Option<String>,
    /// The commit that is deployed.
    pub commit: Option<Commit>,
    /// Said beside the commit, e.g. that the merge commit was built and not the head.
    pub commit_note: Option<Text>,
    /// `family:revision`
    pub revision: Option<String>,
    pub previous_revision: Option<String>,
    /// Healthy ones, of how many.
    pub healthy: Option<(u32, u32)>,
    /// What is counted above: targets of a target group, or tasks.
    pub counted: Counted,
    pub image: Option<String>,
    pub phases: Vec<(Phase, Duration)>,
    pub took: Option<Duration>,
    pub run_url: Option<String>,
    /// What serves, where that is not what was deployed.
    pub now_serving: Option<Text>,
    pub notes: Vec<Text>,
    /// Earlier deployments of this service, the newest first, never this one; read back from the comment, where this one is
    /// put in front of them once it ended.
    pub history: Vec<PastDeployment>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    #[default]
    Targets,
    Tasks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub sha: String,
    pub url: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub enum State {
    #[default]
    Starting,
    /// A phase goes on, since this time of day (UTC).
    InProgress { phase: Phase, since: String },
    Ended {
        status: Status,
        /// For anything but success: what happened, in one line.
        cause: Option<Text>,
        failure: Option<Failure>,
    },
}

/// The failure card.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    pub code: Option<String>,
    pub evidence: Vec<Text>,
    pub fix: Option<Text>,
    /// Log lines or build output, with what they are.
    pub quoted: Option<(Text, Untrusted)>,
}

/// The comment's body, after the marker's line.
pub fn comment(marker: &str, about: &Announcement) -> String {
    let body = format!("{marker}\n### {}\n{}", heading(about), body(about, false));
    cut(body)
}

/// The job summary: the verdict, then a table of the times.
pub fn summary(about: &Announcement) -> String {
    format!("# {}\n{}", heading(about), body(about, true))
}

/// The verdict without what led to it.
pub fn verdict_alone(about: &Announcement) -> Text {
    verdict(about).1
}

/// The verdict in a line for a log, without Markdown.
pub fn headline(about: &Announcement) -> Text {
    let (_, mut text, names_url) = verdict(about);
    let State::Ended { cause, .. } = &about.state else {
        return text;
    };
    if let Some(cause) = cause {
        text = text.say(": ");
        text.0.extend(cause.0.iter().cloned());
    }
    match &about.url {
        Some(url) if names_url => text.say(format!(": {url}")),
        _ => text,
    }
}

fn heading(about: &Announcement) -> String {
    let (sign, words, names_url) = verdict(about);
    let mut heading = format!("{sign} {}", escape::markdown(&words));
    if let State::Ended {
        cause: Some(cause), ..
    } = &about.state
    {
        heading.push_str(": ");
        heading.push_str(&escape::markdown(cause));
    } else if let (true, Some(url)) = (names_url, &about.url) {
        heading.push_str(": ");
        heading.push_str(&escape::markdown_url(url));
    }
    heading
}

/// Sign, words, and whether the URL belongs into the heading. The state is a word; the sign only helps the eye.
fn verdict(about: &Announcement) -> (&'static str, Text, bool) {
    let mut place = Text::new().say(&about.service);
    if let Some(environment) = about.environment.as_ref().filter(|e| !e.is_empty()) {
        place = place.say(" (").quote(environment).say(")");
    }
    let State::Ended { status, .. } = &about.state else {
        let mut words = Text::new().say("Deploying ");
        if let Some(commit) = &about.commit {
            words = words.code(short(&commit.sha)).say(" to ");
        }
        words.0.extend(place.0);
        return ("🔄", words, false);
    };
    let nothing_serves = about.healthy.is_some_and(|(_, of)| of == 0);
    let (sign, words) = match status {
        Status::Serving => ("✅", " is serving"),
        Status::Deployed if nothing_serves => ("✅", " deployed, nothing serves (desired count 0)"),
        Status::Deployed => ("✅", " deployed"),
        Status::Unchanged if nothing_serves => {
            ("✅", " unchanged, nothing serves (desired count 0)")
        }
        Status::Unchanged => ("✅", " unchanged: it already serves"),
        Status::Started => ("🔄", ": deployment started, not waited for"),
        Status::Paused => ("⏸️", " paused: a lifecycle hook waits"),
        Status::Superseded => ("⏭️", " superseded"),
        Status::RolledBack => ("❌", " rolled back"),
        Status::Failed => ("❌", " not deployed"),
        Status::Unknown => ("❌", ": outcome unknown"),
        Status::TimedOut => ("⌛", " timed out"),
        Status::Cancelled => ("🛑", ": cancelled"),
        Status::NotStarted => ("❌", " not deployed: the service was not changed"),
    };
    let names_url = status.is_success() && !nothing_serves;
    (sign, place.say(words), names_url)
}

fn body(about: &Announcement, as_summary: bool) -> String {
    let mut out = String::new();
    if let Some(serving) = &about.now_serving {
        out.push_str(&format!("Now serving: {}\n\n", escape::markdown(serving)));
    }
    out.push_str(&facts(about));
    out.push('\n');
    if let Some(note) = &about.commit_note {
        out.push_str(&format!("\n{}\n", escape::markdown(note)));
    }
    for note in &about.notes {
        out.push_str(&format!("\n{}\n", escape::markdown(note)));
    }
    if let State::Ended {
        failure: Some(failure),
        ..
    } = &about.state
    {
        let card = failure_card(failure);
        if !card.is_empty() {
            out.push('\n');
            out.push_str(&card);
        }
    }
    let table = table(about, as_summary);
    if !table.is_empty() {
        if as_summary {
            out.push_str(&format!("\n{table}"));
        } else {
            out.push_str(&format!(
                "\n<details><summary>Details</summary>\n\n{table}</details>\n"
            ));
        }
    }
    out
}

/// One line: what runs, which revision, how healthy, how long, where to look.
fn facts(about: &Announcement) -> String {
    let mut facts = Vec::new();
    if let State::InProgress { phase, since } = &about.state {
        facts.push(format!("{} since {since} UTC", phase.title()));
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
        let counted = match (about.counted, of) {
            (Counted::Targets, 1) => "target",
            (Counted::Targets, _) => "targets",
            (Counted::Tasks, 1) => "task",
            (Counted::Tasks, _) => "tasks",
        };
        facts.push(format!("{healthy} of {of} {counted} healthy"));
    }
    if let Some(took) = about.took {
        facts.push(duration(took));
    }
    if let Some(url) = &about.run_url {
        let words = match about.state {
            State::Ended { .. } => "run",
            _ => "follow",
        };
        facts.push(escape::markdown_link(words, url));
    }
    facts.join(" · ")
}

pub(super) fn failure_card(failure: &Failure) -> String {
    let mut out = String::new();
    let mut number = 0;
    let mut item = |word: &str, text: &Text| {
        number += 1;
        out.push_str(&format!(
            "{number}. **{word}** {}\n",
            escape::markdown(text)
        ));
    };
    for evidence in &failure.evidence {
        item("Evidence", evidence);
    }
    if let Some(fix) = &failure.fix {
        item("Fix", fix);
    }
    if let Some(code) = &failure.code {
        item("Code", &Text::new().code(code.clone()));
    }
    if let Some((title, text)) = &failure.quoted
        && !text.is_empty()
    {
        out.push_str(&format!(
            "\n<details><summary>{}</summary>\n\n{}\n\n</details>\n",
            escape::html(title),
            escape::markdown_fence(text, QUOTE_LIMIT)
        ));
    }
    out
}

/// Two columns, so that a phone shows it.
fn table(about: &Announcement, as_summary: bool) -> String {
    let mut rows = Vec::new();
    if let Some(image) = &about.image {
        rows.push(("Image".to_owned(), escape::markdown_code(image)));
    }
    rows.extend(
        about
            .phases
            .iter()
            // What took no time worth a row is no row.
            .filter(|(_, took)| took.as_millis() >= 50)
            .map(|(phase, took)| (capitalised(phase.word()), duration(*took))),
    );
    if rows.is_empty() {
        return String::new();
    }
    let mut out = if as_summary {
        String::from("| Phase | Took |\n|:--|:--|\n")
    } else {
        String::from("| | |\n|:--|:--|\n")
    };
    for (name, value) in rows {
        out.push_str(&format!("| {name} | {value} |\n"));
    }
    out
}

/// Seven digits, as GitHub shows commits.
pub fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

pub(super) fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|c| c.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// Only a quoted block can be long, and it has a limit; this is the guard behind it.
fn cut(body: String) -> String {
    if body.chars().count() <= COMMENT_LIMIT {
        return body;
    }
    let note = "\n\n… cut: see the run";
    body.chars()
        .take(COMMENT_LIMIT - note.chars().count())
        .chain(note.chars())
        .collect()
}
