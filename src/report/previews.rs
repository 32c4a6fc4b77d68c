//! Previews as a table: for a log or a terminal, for the job summary, and as JSON. Knows how they read; not who asks.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::escape;
use super::event::{Text, duration};
use crate::model::preview::PreviewState;

/// A preview in the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub pull_request: u64,
    /// `owner/name`
    pub repository: String,
    pub name: String,
    pub url: Option<String>,
    pub commit: Option<String>,
    pub state: PreviewState,
    pub created: Option<Timestamp>,
    pub expires: Option<Timestamp>,
    /// Of `prune`: what was done, and why.
    pub done: Option<Done>,
}

#[derive(Clone, Debug)]
pub struct Done {
    pub what: What,
    /// Our own words.
    pub why: String,
    pub failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Removed,
    PutToSleep,
    Kept,
}

impl Done {
    fn word(&self, dry_run: bool) -> &'static str {
        match (self.what, self.failed, dry_run) {
            (What::Kept, ..) => "kept",
            (What::Removed, true, _) => "not removed",
            (What::PutToSleep, true, _) => "not put to sleep",
            (What::Removed, false, true) => "would be removed",
            (What::PutToSleep, false, true) => "would be put to sleep",
            (What::Removed, false, false) => "removed",
            (What::PutToSleep, false, false) => "put to sleep",
        }
    }
}

/// How the table is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub now: Timestamp,
    pub dry_run: bool,
}

/// Columns as wide as they have to be; none without rows.
pub fn table(rows: &[Row], reading: &Reading) -> Vec<Text> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<Vec<String>> = vec![header(rows).iter().map(|h| h.to_uppercase()).collect()];
    lines.extend(rows.iter().map(|row| cells(row, reading)));
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let shown = |line: &Vec<String>| {
        let padded = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        Text::from(padded.collect::<Vec<_>>().join("  ").trim_end().to_owned())
    };
    lines.iter().map(shown).collect()
}

/// `1 removed, 2 kept`: what is kept comes last.
pub fn counts(rows: &[Row], reading: &Reading) -> String {
    let words = rows.iter().filter_map(|row| row.done.as_ref());
    let mut counted: Vec<(bool, &str, usize)> = Vec::new();
    for done in words {
        let word = done.word(reading.dry_run);
        match counted.iter_mut().find(|(_, known, _)| *known == word) {
            Some((.., n)) => *n += 1,
            None => counted.push((done.what == What::Kept, word, 1)),
        }
    }
    counted.sort_by_key(|(kept, ..)| *kept);
    let parts: Vec<String> = counted
        .iter()
        .map(|(_, word, n)| format!("{n} {word}"))
        .collect();
    parts.join(", ")
}

fn header(rows: &[Row]) -> Vec<&'static str> {
    let mut header = vec!["number", "url", "commit", "state", "age", "expires"];
    if rows.iter().any(|r| r.done.is_some()) {
        header.extend(["done", "why"]);
    }
    header
}

fn cells(row: &Row, reading: &Reading) -> Vec<String> {
    let none = || "-".to_owned();
    let commit = row
        .commit
        .as_deref()
        .map(|sha| sha.get(..7).unwrap_or(sha).to_owned());
    let mut cells = vec![
        row.pull_request.to_string(),
        row.url.clone().unwrap_or_else(none),
        commit.unwrap_or_else(none),
        row.state.word().to_owned(),
        row.created.map_or_else(none, |at| ago(at, reading.now)),
        row.expires.map_or_else(none, |at| until(at, reading.now)),
    ];
    if let Some(done) = &row.done {
        cells.push(done.word(reading.dry_run).to_owned());
        cells.push(done.why.clone());
    }
    cells
}

fn ago(then: Timestamp, now: Timestamp) -> String {
    rough(between(then, now))
}

fn until(then: Timestamp, now: Timestamp) -> String {
    match then > now {
        true => format!("in {}", rough(between(now, then))),
        false => format!("{} ago", rough(between(then, now))),
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// `45 s`, `12 min`, `3 h`, `2 d`: nobody plans by more.
fn rough(time: Duration) -> String {
    match time.as_secs() {
        s if s < 60 => duration(Duration::from_secs(s)),
        s if s < 3_600 => format!("{} min", s / 60),
        s if s < 48 * 3_600 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// For `previews` of the outputs.
pub fn document(rows: &[Row], reading: &Reading) -> Value {
    let rows = rows.iter().map(|row| {
        let mut shown = json!({
            "number": row.pull_request,
            "repository": row.repository,
            "name": row.name,
            "url": row.url,
            "commit": row.commit,
            "state": row.state.word(),
            "age-seconds": row.created.map(|at| between(at, reading.now).as_secs()),
            "expires": row.expires.map(|at| at.to_string()),
        });
        if let Some(done) = &row.done {
            shown["done"] = json!(done.word(reading.dry_run));
            shown["why"] = json!(done.why);
        }
        shown
    });
    rows.collect()
}

/// Markdown for the job summary.
pub fn summary(sign: &str, headline: &Text, rows: &[Row], reading: &Reading) -> String {
    let mut out = format!("# {sign} {}\n", escape::markdown(headline));
    if rows.is_empty() {
        return out;
    }
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let header = header(rows);
    out.push('\n');
    out.push_str(&line(header.iter().map(|h| capitalised(h)).collect()));
    out.push_str(&line(header.iter().map(|_| ":--".to_owned()).collect()));
    for row in rows {
        let mut shown: Vec<String> = cells(row, reading)
            .into_iter()
            .map(|cell| escape::markdown_inline(&cell))
            .collect();
        if let Some(url) = &row.url {
            shown[1] = escape::markdown_url(url);
        }
        if let Some(sha) = &row.commit {
            shown[2] = escape::markdown_code(sha.get(..7).unwrap_or(sha));
        }
        out.push_str(&line(shown));
    }
    out
}

fn capitalised(word: &str) -> String {
    match word {
        "url" => "URL".to_owned(),
        word => word[..1].to_uppercase() + &word[1..],
    }
}

#[cfg(test)]
#[path = "previews_tests.rs"]
mod tests;
