//! What `scale` did to many services, or would do, as one value: a row a service. From it come the table, the job summary, the
//! JSON and the last line. Knows words; decides nothing, and asks nobody.

mod group;
mod headline;
mod json;
mod outcome;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::event::{Event, Text};

pub(super) use group::{Group, groups};
pub use headline::headline;
pub(super) use headline::verdict;
pub use json::services;
pub use outcome::failure;
pub use table::lines;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Count(u32),
    Restore,
}

/// What there is to tell of a run.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub goal: Goal,
    /// Nothing was done: the rows say what would be.
    pub dry_run: bool,
    /// A signal came first: what was not begun is left as it was.
    pub cancelled: bool,
    pub rows: Vec<Row>,
    /// Regions that could not be looked at, each with the reason.
    pub regions: Vec<(String, Text)>,
    pub took: Duration,
    pub run_url: Option<String>,
}

/// How it went with a service; in the order in which people want to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Done {
    Failed,
    /// The run ended while it was being changed: the next one completes it.
    Begun,
    /// The run ended before its turn.
    NotReached,
    /// Left alone, for a reason.
    Skipped,
    /// What was asked for was done, or with a dry run would be.
    Changed,
    /// It was so already.
    Unchanged,
}

/// A service, and what was done.
#[derive(Clone, Debug)]
pub struct Row {
    pub region: String,
    /// Short names.
    pub cluster: String,
    pub service: String,
    pub done: Done,
    /// Desired count before, and after: what it was brought to, or would be.
    pub was: Option<u32>,
    pub now: Option<u32>,
    /// Why it was left alone, or failed, in one line.
    pub why: Option<Text>,
    /// What went wrong, without the names of what it went wrong with: equal ones are told together.
    pub alike: String,
    /// What else is known of a failure.
    pub evidence: Vec<Text>,
    /// `shipway::<stage>::<what>` of a failure.
    pub code: Option<String>,
    /// What to do about a failure.
    pub fix: Option<Text>,
    /// What else was done to it: "autoscaling 2–10 is suspended".
    pub notes: Vec<Text>,
    /// Of one that woke.
    pub slept_for: Option<Duration>,
    /// Of one of its tasks, where its task definition tells.
    pub size: Option<Size>,
}

/// What a task takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// 1024 are a vCPU.
    pub cpu_units: u32,
    pub memory_mib: u32,
}

/// vCPU and GB: times hours, where a time is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capacity {
    pub vcpu: f64,
    pub gb: f64,
}

impl Fleet {
    pub fn count(&self, done: Done) -> usize {
        self.rows.iter().filter(|r| r.done == done).count()
    }

    pub(super) fn regions(&self) -> usize {
        let mut regions: Vec<&str> = self.rows.iter().map(|r| r.region.as_str()).collect();
        regions.sort_unstable();
        regions.dedup();
        regions.len()
    }

    /// vCPU-hours and GB-hours that the services which woke did not use; `None` where nothing is known of any.
    pub fn saved(&self) -> Option<Capacity> {
        sum(self.rows.iter().filter_map(Row::saved))
    }

    /// What is not used while the services sleep that were put to sleep.
    pub fn freed(&self) -> Option<Capacity> {
        let asleep = self.rows.iter().filter(|r| r.done == Done::Changed);
        sum(asleep.filter_map(|r| Some(r.size?.of(r.was?.saturating_sub(r.now?), 1.0))))
    }

    /// Services that the sums above leave out, for nothing is known of their tasks.
    pub(super) fn of_unknown_size(&self) -> usize {
        let counts = |r: &&Row| r.done == Done::Changed && r.size.is_none();
        self.rows.iter().filter(counts).count()
    }
}

impl Row {
    pub(super) fn saved(&self) -> Option<Capacity> {
        let hours = self.slept_for?.as_secs_f64() / 3600.0;
        (self.done == Done::Changed)
            .then(|| Some(self.size?.of(self.now?.saturating_sub(self.was?), hours)))
            .flatten()
    }
}

impl Size {
    fn of(self, tasks: u32, times: f64) -> Capacity {
        let tasks = f64::from(tasks) * times;
        Capacity {
            vcpu: f64::from(self.cpu_units) / 1024.0 * tasks,
            gb: f64::from(self.memory_mib) / 1024.0 * tasks,
        }
    }
}

fn sum(parts: impl Iterator<Item = Capacity>) -> Option<Capacity> {
    parts.reduce(|a, b| Capacity {
        vcpu: a.vcpu + b.vcpu,
        gb: a.gb + b.gb,
    })
}

/// Where a run over many services stands: `320 of 1,000 services done, 2 failed`.
pub fn progress(done: usize, failed: usize, total: usize) -> Event {
    let mut text = format!("{} of {} done", thousands(done), counted(total));
    if failed > 0 {
        text.push_str(&format!(", {} failed", thousands(failed)));
    }
    Event::Counted {
        done,
        total,
        text: text.into(),
    }
}

/// `1 service`, `1,000 services`.
pub(super) fn counted(count: usize) -> String {
    match count {
        1 => "1 service".to_owned(),
        _ => format!("{} services", thousands(count)),
    }
}

/// `12,345`
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl Capacity {
    /// `12.5 vCPU and 25 GB`; with a unit of time `12.5 vCPU-hours and 25 GB-hours`.
    pub(super) fn words(self, unit: &str) -> String {
        format!(
            "{} vCPU{unit} and {} GB{unit}",
            amount(self.vcpu),
            amount(self.gb)
        )
    }
}

/// Two digits that matter for little, none behind the point for much.
fn amount(value: f64) -> String {
    match value {
        v if v >= 99.95 => thousands(v.round() as usize),
        v if v >= 0.995 => trimmed(&format!("{v:.1}")),
        v => trimmed(&format!("{v:.2}")),
    }
}

fn trimmed(number: &str) -> String {
    number
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}
