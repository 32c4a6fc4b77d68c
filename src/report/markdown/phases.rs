//! Where the time went: the run's phases, and within the rollout what can be told apart. The timeline draws the same.

use std::time::Duration;

use super::announcement::Announcement;
use crate::model::verdict::Status;
use crate::report::escape;
use crate::report::event::{Phase, Text, duration};
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
    rows
}

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
        Advice::DeregistrationDelay { .. } => None,
    });
    let pulls = timings.tasks.iter().filter(|t| t.pulled.is_some()).count();
    part(
        "pull",
        timings.longest_pull,
        match pulls {
            0 | 1 => Text::new(),
            n => format!("the longest of {n} tasks").into(),
        },
    );
    part(
        "start → healthy",
        timings
            .healthy
            .zip(timings.running)
            .map(|(healthy, running)| healthy.saturating_sub(running)),
        match checks {
            Some((interval, _)) => format!("a health check every {interval} s").into(),
            None => Text::new(),
        },
    );
    part(
        "stays healthy",
        timings.window.and(
            timings
                .healthy
                .map(|healthy| timings.ended.saturating_sub(healthy)),
        ),
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
