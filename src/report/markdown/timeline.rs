//! The run's time as a Mermaid gantt chart: a picture of the table above it. Labels are made of our own words alone, for nothing
//! in a diagram is escaped.

use std::time::Duration;

use jiff::civil::date;

use super::announcement::Announcement;
use super::capitalised;
use crate::report::escape;
use crate::report::event::{Phase, Stretch, duration};
use crate::rollout::{TaskTimes, Timings};

/// More would be drawn too small to read.
const BARS: usize = 40;
/// Shorter ones would be drawn longer than they were.
const SHORTEST: Duration = Duration::from_millis(500);

struct Bar {
    label: String,
    style: &'static str,
    began: Duration,
    took: Duration,
}

struct Row {
    section: String,
    bars: Vec<Bar>,
}

/// `None` where there is nothing to compare.
pub(super) fn chart(about: &Announcement) -> Option<String> {
    let mut rows: Vec<Row> = about
        .stretches
        .iter()
        .filter_map(|stretch| of_phase(stretch, about.timings.as_ref()))
        .collect();
    let rollout = about.stretches.iter().find(|s| s.phase == Phase::Rollout);
    if let (Some(rollout), Some(timings)) = (rollout, &about.timings) {
        let mut room = BARS.saturating_sub(rows.iter().map(|r| r.bars.len()).sum());
        for (n, task) in timings.tasks.iter().enumerate() {
            let row = of_task(n + 1, task, rollout.began);
            if row.bars.len() > room {
                break;
            }
            room -= row.bars.len();
            rows.push(row);
        }
    }
    rows.retain(|r| !r.bars.is_empty());
    if rows.iter().map(|r| r.bars.len()).sum::<usize>() < 2 {
        return None;
    }
    let end = rows
        .iter()
        .flat_map(|r| &r.bars)
        .map(|b| b.began + b.took)
        .max()?;
    let axis = if end < Duration::from_secs(3600) {
        "%M:%S"
    } else {
        "%H:%M"
    };
    let described: Vec<&str> = rows
        .iter()
        .flat_map(|r| &r.bars)
        .map(|b| b.label.as_str())
        .collect();
    let mut chart = format!(
        "```mermaid\ngantt\n    accTitle: Where the time went\n    accDescr: {}\n    dateFormat YYYY-MM-DD HH:mm:ss\n    axisFormat {axis}\n    todayMarker off\n",
        described.join(", ")
    );
    for row in &rows {
        chart.push_str(&format!("    section {}\n", row.section));
        for bar in &row.bars {
            let seconds = bar.took.as_secs_f64().round().max(1.0);
            chart.push_str(&format!(
                "    {} :{}, {}, {seconds}s\n",
                bar.label,
                bar.style,
                moment(bar.began)?
            ));
        }
    }
    chart.push_str("```\n");
    Some(chart)
}

fn of_phase(stretch: &Stretch, timings: Option<&Timings>) -> Option<Row> {
    if stretch.took < SHORTEST {
        return None;
    }
    let word = stretch.phase.word();
    let mut row = Row {
        section: capitalised(word),
        bars: Vec::new(),
    };
    let style = if stretch.ended { "done" } else { "crit" };
    let stays = timings
        .filter(|_| stretch.phase == Phase::Rollout)
        .and_then(|t| t.window.and(t.healthy))
        .filter(|healthy| *healthy < stretch.took);
    match stays {
        Some(healthy) => {
            row.push("rollout to healthy", style, stretch.began, healthy);
            row.push(
                "stays healthy",
                style,
                stretch.began + healthy,
                stretch.took - healthy,
            );
        }
        None => row.push(word, style, stretch.began, stretch.took),
    }
    Some(row)
}

/// Offsets by AWS's clock begin with the deployment, a moment before our watching did.
fn of_task(number: usize, task: &TaskTimes, rollout: Duration) -> Row {
    let mut row = Row {
        section: format!("Task {number}"),
        bars: Vec::new(),
    };
    if let (Some(from), Some(to)) = (task.pull_started, task.pulled) {
        row.push("pull", "done", rollout + from, to.saturating_sub(from));
    }
    if let (Some(from), Some(to)) = (task.running, task.healthy) {
        row.push(
            "start to healthy",
            "active",
            rollout + from,
            to.saturating_sub(from),
        );
    }
    row
}

impl Row {
    fn push(&mut self, label: &str, style: &'static str, began: Duration, took: Duration) {
        if took >= SHORTEST {
            self.bars.push(Bar {
                label: escape::label(&format!("{label} {}", duration(took))),
                style,
                began,
                took,
            });
        }
    }
}

/// Counted from a day of our own: an axis of the epoch's shifts with half-hour time zones.
fn moment(since: Duration) -> Option<String> {
    let seconds = i64::try_from(since.as_secs_f64().round() as u64).ok()?;
    let at = date(2000, 1, 1)
        .at(0, 0, 0, 0)
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
