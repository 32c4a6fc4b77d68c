//! The tree of a checkup: for a log, for the job summary, and as JSON. Knows how it reads; not what was asked.

use serde_json::{Value, json};

use super::event::Text;
use super::{Ending, Report, escape, json, terminal};
use crate::inputs::values::OutputFormat;
use crate::model::Untrusted;
use crate::model::policy_text::policy_text;
use crate::plan::checkup::{Checked, Word, missing_permissions, not_checked};

use super::actions;

/// Everything that was found, and the code that the run ends with.
pub struct Checkup<'a> {
    pub checked: &'a [Checked],
    pub headline: String,
    pub exit_code: u8,
}

impl Report {
    /// The last word of a verb that only looks: the tree for people, the same as JSON for programs, and the summary.
    pub fn checkup(&self, checkup: &Checkup<'_>) {
        let mut lines = tree(checkup.checked);
        if let Some(policy) = missing_permissions(checkup.checked) {
            lines.push((MISSING.into(), None));
            let policy = policy_text(&policy);
            lines.extend(policy.lines().map(|l| (format!("    {l}").into(), None)));
        }
        lines.extend(not_checked(checkup.checked).map(|note| (note.into(), None)));
        let ending = Ending {
            headline: Text::with_code(checkup.headline.clone()),
            exit_code: checkup.exit_code,
            summary: None,
        };
        let mut inner = self.lock();
        inner.terminal.tree(&lines);
        inner.terminal.ending(&ending, None);
        if let Some(file) = &self.summary_file
            && let Err(error) = actions::append_summary(file, &summary(checkup))
        {
            inner.unwritten("GITHUB_STEP_SUMMARY", &error);
        }
        if self.format == OutputFormat::Json {
            terminal::write_line(&self.stdout, &json::to_line(&document(checkup)));
        }
    }
}

/// As long as a log's line is read at a glance.
const INLINE: usize = 80;

/// Checks of a group that follow each other and were not asked for the same reason are one line.
fn folded(checked: &[Checked]) -> Vec<(String, &Checked)> {
    let mut lines: Vec<(String, &Checked)> = Vec::new();
    for one in checked {
        match lines.last_mut() {
            Some((names, last))
                if last.check.group == one.check.group
                    && last.outcome.word == Word::Skip
                    && last.outcome.help.is_none()
                    && last.outcome == one.outcome =>
            {
                names.push_str(", ");
                names.push_str(one.check.name);
            }
            _ => lines.push((one.check.name.to_owned(), one)),
        }
    }
    lines
}

/// What a log reads, and the word in it that colour may help to find.
type Line = (Text, Option<&'static str>);

/// A line a check, its details below it.
fn tree(checked: &[Checked]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let checked = folded(checked);
    for (n, (names, one)) in checked.iter().enumerate() {
        let group = one.check.group;
        if n == 0 || checked[n - 1].1.check.group != group {
            lines.push((Text::new().say(group), None));
        }
        let last = checked
            .get(n + 1)
            .is_none_or(|(_, next)| next.check.group != group);
        let (branch, stem) = match last {
            true => ("└─", "  "),
            false => ("├─", "│ "),
        };
        let (outcome, word) = (&one.outcome, one.outcome.word.word());
        let line = Text::new().say(format!("{branch} {word:<4} {names}"));
        let said = Text::with_code(outcome.said.clone());
        // A reason that is a sentence of AWS's gets a line of its own.
        let apart = outcome.word != Word::Ok && outcome.said.chars().count() > INLINE;
        let line = match apart {
            true => line.say(asked(one)),
            false => line.say(": ").join(said.clone()).say(asked(one)),
        };
        lines.push((line, Some(word)));
        let mut below = |label: &str, text: Text| {
            lines.push((
                Text::new().say(format!("{stem}      {label}")).join(text),
                None,
            ));
        };
        if apart {
            below("why: ", said);
        }
        for detail in &outcome.details {
            below("", Text::with_code(detail.clone()));
        }
        for (n, line) in outcome.help.iter().flat_map(|h| h.lines()).enumerate() {
            let label = if n == 0 { "fix: " } else { "     " };
            below(label, Text::with_code(line.to_owned()));
        }
        if let Some((title, text)) = &outcome.block {
            below("", Text::with_code(title.clone()));
            // Nothing before its lines but space: it is there to be copied.
            lines.extend(text.lines().map(|l| (format!("         {l}").into(), None)));
        }
    }
    lines
}

/// What it is about in AWS's or GitHub's words.
fn asked(one: &Checked) -> String {
    let unasked = one.outcome.word == Word::Skip && one.outcome.help.is_none();
    if unasked || one.check.asks.is_empty() {
        return String::new();
    }
    let mut words = String::new();
    let mut before = "";
    for ask in one.check.asks {
        if !words.is_empty() {
            words.push_str(", ");
        }
        // The service's name once: `ecs:ListTasks, DescribeTasks`.
        match ask.split_once(':') {
            Some((service, action)) if service == before => words.push_str(action),
            Some((service, _)) => {
                before = service;
                words.push_str(ask);
            }
            None => words.push_str(ask),
        }
    }
    format!(" ({words})")
}

fn summary(checkup: &Checkup<'_>) -> String {
    let sign = if checkup.exit_code == 0 { "✅" } else { "❌" };
    let headline = escape::markdown(&Text::with_code(checkup.headline.clone()));
    let mut out = format!("# {sign} Doctor: {headline}\n");
    let mut group = "";
    for (names, one) in folded(checkup.checked) {
        if one.check.group != group {
            group = one.check.group;
            out.push_str(&format!("\n### {group}\n\n| | |\n|:--|:--|\n"));
        }
        let cell = |text: &str| escape::markdown(&Text::with_code(text.to_owned()));
        let outcome = &one.outcome;
        let mut parts = vec![format!("**{names}** {}", cell(&outcome.said))];
        parts.extend(outcome.details.iter().map(|d| cell(d)));
        let help = outcome.help.iter().flat_map(|h| h.lines());
        parts.extend(help.enumerate().map(|(n, line)| {
            let word = if n == 0 { "Fix: " } else { "" };
            format!("{word}{}", cell(line.trim_start()))
        }));
        let word = match outcome.word {
            Word::Ng => "**NG**",
            other => other.word(),
        };
        out.push_str(&format!("| {word} | {} |\n", parts.join("<br>")));
    }
    let mut copy = |title: &str, text: &str| {
        let title = escape::markdown(&Text::with_code(title.to_owned()));
        let fence = escape::markdown_fence(&Untrusted::new(text), BLOCK_LIMIT);
        out.push_str(&format!("\n{title}\n\n{fence}\n"));
    };
    for (title, text) in checkup
        .checked
        .iter()
        .filter_map(|c| c.outcome.block.as_ref())
    {
        copy(title, text);
    }
    if let Some(policy) = missing_permissions(checkup.checked) {
        copy(MISSING, &policy_text(&policy));
    }
    if let Some(note) = not_checked(checkup.checked) {
        out.push_str(&format!("\n{}\n", escape::markdown(&note.into())));
    }
    out
}

const MISSING: &str = "for the role's permissions policy, what is missing:";
/// A policy's statement has a few hundred characters.
const BLOCK_LIMIT: usize = 20_000;

fn document(checkup: &Checkup<'_>) -> Value {
    let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
    for one in checkup.checked {
        let outcome = &one.outcome;
        let check = json!({
            "name": one.check.name,
            "result": outcome.word.word(),
            "said": outcome.said,
            "asks": one.check.asks,
            "details": outcome.details,
            "help": outcome.help,
            "code": outcome.code,
            "copy": outcome.block.as_ref().map(|(_, text)| text),
        });
        match groups
            .last_mut()
            .filter(|(name, _)| *name == one.check.group)
        {
            Some((_, checks)) => checks.push(check),
            None => groups.push((one.check.group, vec![check])),
        }
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(name, checks)| json!({"name": name, "checks": checks}))
        .collect();
    json!({
        "exit-code": checkup.exit_code,
        "headline": checkup.headline,
        "missing-permissions": missing_permissions(checkup.checked),
        "not-checked": not_checked(checkup.checked),
        "groups": groups,
    })
}
