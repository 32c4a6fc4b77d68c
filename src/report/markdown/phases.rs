//! Where the time went: the run's phases, and within the rollout what can be told apart. The timeline draws the same.

use std::time::Duration;

use super::announcement::Announcement;
use super::history;
use crate::model::verdict::Status;
use crate::report::escape;
use crate::report::event::{Phase, Text, bytes_in_words, duration};
use crate::rollout::{Advice, Timings};

/// What took no time worth a row is no row.
const WORTH: Duration = Duration::from_millis(50);
/// Tasks that are listed one by one.
const TASKS: usize = 20;

struct Row {
    name: &'static str,
    took: Duration,
    note: Text,
    /// A part of the row before it.
    within: bool,
}

/// Three columns, the last for what there is to say.
pub(super) fn table(about: &Announcement) -> Option<String> {
    let rows = rows(about);
    if rows.is_empty() {
        return None;
    }
    let mut table = String::from("| Phase | Took | |\n|:--|--:|:--|\n");
    for row in rows {
        let within = if row.within { "– " } else { "" };
        table.push_str(&format!(
            "| {within}{} | {} | {} |\n",
            row.name,
            duration(row.took),
            escape::markdown(&row.note)
        ));
    }
    Some(table)
}

/// One row of a two-column table: `Build · push · pull`, and their times.
pub(super) fn in_a_row(about: &Announcement) -> Option<(String, String)> {
    let mut rows = rows(about);
    // A rollout is told by its parts, where it has any.
    if rows.iter().any(|r| r.within) {
        rows.retain(|r| r.name != Phase::Rollout.word());
    }
    let names: Vec<&str> = rows.iter().map(|r| r.name).collect();
    let times: Vec<String> = rows.iter().map(|r| duration(r.took)).collect();
    let names = names.join(" · ");
    let mut chars = names.chars();
    let first = chars.next()?;
    Some((
        first.to_uppercase().chain(chars).collect(),
        times.join(" · "),
    ))
}

fn rows(about: &Announcement) -> Vec<Row> {
    let mut rows = Vec::new();
    if about.stretches.is_empty() {
        rows.extend(about.phases.iter().map(|(phase, took)| Row {
            name: phase.word(),
            took: *took,
            note: Text::new(),
            within: false,
        }));
    }
    for stretch in &about.stretches {
        let note = match stretch.ended {
            // The verdict's own word stands above.
            true if stretch.phase == Phase::Rollout => Text::new(),
            true => stretch.note.clone(),
            false => "broke off".into(),
        };
        rows.push(Row {
            name: stretch.phase.word(),
            took: stretch.took,
            note,
            within: false,
        });
        if let (Phase::Rollout, Some(timings)) = (stretch.phase, &about.timings) {
            rows.extend(parts(timings, about));
        }
    }
    rows.retain(|r| r.took >= WORTH);
    for row in &mut rows {
        if let Some(than) = history::phase_compared(about, row.name, row.took) {
            let note = std::mem::take(&mut row.note);
            row.note = match note.is_empty() {
                true => than.into(),
                false => note.say(format!(", {than}")),
            };
        }
    }
    rows
}

/// What a rollout's time is made of, as far as that was seen, under the names by which the comment remembers it.
pub(in crate::report) fn parts_of(timings: &Timings) -> [(&'static str, Option<Duration>); 3] {
    let healthy = timings.healthy;
    let start = healthy.zip(timings.running);
    [
        (PULL, timings.longest_pull),
        (
            START,
            start.map(|(healthy, running)| healthy.saturating_sub(running)),
        ),
        (
            STAYS,
            timings
                .window
                .and(healthy.map(|healthy| timings.ended.saturating_sub(healthy))),
        ),
    ]
}

const PULL: &str = "pull";
const START: &str = "start → healthy";
const STAYS: &str = "stays healthy";

fn parts(timings: &Timings, about: &Announcement) -> Vec<Row> {
    let mut parts = Vec::new();
    let mut part = |name, took: Option<Duration>, note: Text| {
        parts.extend(took.map(|took| Row {
            name,
            took,
            note,
            within: true,
        }));
    };
    let checks = about.advice.iter().find_map(|a| match a {
        Advice::HealthCheckInterval {
            interval_seconds,
            unhealthy_threshold,
            ..
        } => Some((*interval_seconds, *unhealthy_threshold)),
        _ => None,
    });
    let [pull, start, stays] = parts_of(timings);
    let pulls = timings.tasks.iter().filter(|t| t.pulled.is_some()).count();
    let of_image = about.image_bytes.map(bytes_in_words);
    part(
        pull.0,
        pull.1,
        match (pulls, of_image) {
            (0 | 1, None) => Text::new(),
            (0 | 1, Some(size)) => size.into(),
            (n, None) => format!("the longest of {n} tasks").into(),
            (n, Some(size)) => format!("{size}, the longest of {n} tasks").into(),
        },
    );
    part(
        start.0,
        start.1,
        match checks {
            Some((interval, _)) => format!("a health check every {interval} s").into(),
            None => Text::new(),
        },
    );
    part(
        stays.0,
        stays.1,
        match checks {
            Some((interval, times)) => {
                format!("{times} checks every {interval} s: so long a failure takes to show").into()
            }
            None => "so long a failure takes to show".into(),
        },
    );
    part(
        "healthy → done",
        match about.state.status() {
            Some(Status::Deployed) => timings
                .healthy
                .map(|healthy| timings.ended.saturating_sub(healthy)),
            _ => None,
        },
        "until ECS called it done".into(),
    );
    parts
}

/// What goes on without us once it serves. How long it may take is the target group's deregistration delay, which costs a call
/// to know.
pub(super) fn drains(about: &Announcement) -> Option<&'static str> {
    let serving = about.state.status() == Some(Status::Serving);
    let drains = about.timings.as_ref().is_some_and(|t| t.draining);
    (serving && drains).then_some("The old tasks drain on by themselves: not waited for\n")
}

/// For a log, once all is over: where the rollout's time went, and how that compares.
pub fn in_lines(about: &Announcement) -> Vec<Text> {
    let within = rows(about).into_iter().filter(|r| r.within);
    let parts: Vec<String> = within
        .map(|row| {
            let than = history::phase_compared(about, row.name, row.took);
            let than = than.map(|t| format!(" ({t})")).unwrap_or_default();
            format!("{} {}{than}", row.name, duration(row.took))
        })
        .collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Text::new().say(format!("time: {}", parts.join(" · ")))];
    lines
        .extend(drains(about).map(|words| Text::new().say(words.trim_end().replacen('T', "t", 1))));
    let tips = about.advice.iter().map(super::advice::words);
    lines.extend(tips.map(|tip| Text::new().say("tip: ").join(tip)));
    lines
}

/// Each task by itself, where there are several.
pub(super) fn tasks(about: &Announcement) -> Option<(&'static str, String)> {
    let tasks = &about.timings.as_ref()?.tasks;
    if tasks.len() < 2 {
        return None;
    }
    let mut table =
        String::from("| Task | Created after | Pull | Start → healthy |\n|:--|--:|--:|--:|\n");
    let spent = |from: Option<Duration>, to: Option<Duration>| match (from, to) {
        (Some(from), Some(to)) => duration(to.saturating_sub(from)),
        _ => String::new(),
    };
    for task in tasks.iter().take(TASKS) {
        table.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            escape::markdown_code(&task.task),
            task.created.map(duration).unwrap_or_default(),
            spent(task.pull_started, task.pulled),
            spent(task.running, task.healthy),
        ));
    }
    if tasks.len() > TASKS {
        table.push_str(&format!("\nand {} more\n", tasks.len() - TASKS));
    }
    Some(("Tasks", table))
}
