//! Rows of the same outcome as one: a thousand services read as a handful of lines. Knows what counts as the same.

use std::time::Duration;

use super::{Done, Fleet, Row};
use crate::report::event::{Text, duration};

/// Services that went the same way for the same reason.
#[derive(Clone, Debug)]
pub(in crate::report) struct Group<'a> {
    pub done: Done,
    /// `staging`, `eu-west-1/staging` where there are several Regions, `3 clusters`.
    pub place: String,
    /// `2 → 0`, `2`, or nothing where they differ.
    pub tasks: String,
    pub why: Option<&'a Text>,
    pub evidence: &'a [Text],
    pub fix: Option<&'a Text>,
    pub notes: &'a [Text],
    /// Of the services, with their place where that is not the group's.
    pub names: Vec<String>,
    /// The shortest and the longest sleep.
    slept: Option<(Duration, Duration)>,
}

impl Group<'_> {
    /// `slept 10 h 18 min`, `slept 9 h to 10 h 18 min`; nothing where nobody knows.
    pub fn slept(&self) -> Option<String> {
        let (shortest, longest) = self.slept?;
        let (from, to) = (in_minutes(shortest), in_minutes(longest));
        Some(match from == to {
            true => format!("slept {to}"),
            false => format!("slept {from} to {to}"),
        })
    }

    /// As many names as fit into `room` characters, but one at least, and how many there are besides.
    pub fn some_names(&self, room: usize) -> (Vec<&str>, usize) {
        let mut left = room;
        let fits = |name: &&String| {
            let needs = name.chars().count() + 2;
            let fits = needs <= left;
            left = left.saturating_sub(needs);
            fits
        };
        let kept = self.names.iter().take_while(fits).count().max(1);
        // "and 1 more" is longer than most names.
        let kept = match self.names.len() - kept.min(self.names.len()) {
            1 => kept + 1,
            _ => kept,
        };
        let names: Vec<&str> = self.names.iter().take(kept).map(String::as_str).collect();
        let more = self.names.len() - names.len();
        (names, more)
    }
}

/// Longer sleeps are told in minutes.
fn in_minutes(time: Duration) -> String {
    match time.as_secs() {
        0..60 => duration(Duration::from_secs(time.as_secs())),
        seconds => duration(Duration::from_secs((seconds + 30) / 60 * 60)),
    }
}

/// Failures first; among them, and so on, the largest group first.
pub(in crate::report) fn groups(fleet: &Fleet) -> Vec<Group<'_>> {
    let with_region = fleet.regions() > 1;
    let place = |row: &Row| match with_region {
        true => format!("{}/{}", row.region, row.cluster),
        false => row.cluster.clone(),
    };
    let mut alike: Vec<Vec<&Row>> = Vec::new();
    for row in &fleet.rows {
        match alike.iter_mut().find(|group| same(group[0], row)) {
            Some(group) => group.push(row),
            None => alike.push(vec![row]),
        }
    }
    let mut groups: Vec<Group<'_>> = alike.iter().map(|rows| group(rows, &place)).collect();
    groups.sort_by(|a, b| {
        a.done
            .cmp(&b.done)
            .then(b.names.len().cmp(&a.names.len()))
            .then(a.place.cmp(&b.place))
            .then(a.names.cmp(&b.names))
    });
    groups
}

/// What was done reads best by cluster, the rest by its reason.
fn same(a: &Row, b: &Row) -> bool {
    let failure = !a.alike.is_empty() && a.alike == b.alike;
    let reason = a.done == b.done && (failure || a.why == b.why) && a.notes == b.notes;
    let place = a.region == b.region && a.cluster == b.cluster;
    let tasks = a.was == b.was && a.now == b.now;
    reason && (a.done != Done::Changed || (place && tasks))
}

fn group<'a>(rows: &[&'a Row], place: &dyn Fn(&Row) -> String) -> Group<'a> {
    let first = rows[0];
    let mut places: Vec<String> = rows.iter().map(|r| place(r)).collect();
    places.sort_unstable();
    places.dedup();
    let one_place = places.len() == 1;
    let mut names: Vec<String> = rows
        .iter()
        .map(|row| match one_place {
            true => row.service.clone(),
            false => format!("{}/{}", place(row), row.service),
        })
        .collect();
    names.sort_unstable();
    let counts = tasks(first);
    let slept = rows.iter().filter_map(|r| r.slept_for);
    Group {
        done: first.done,
        place: match places.len() {
            1 => places.swap_remove(0),
            n => format!("{n} clusters"),
        },
        tasks: match rows.iter().all(|r| tasks(r) == counts) {
            true => counts,
            false => String::new(),
        },
        why: first.why.as_ref(),
        evidence: &first.evidence,
        fix: first.fix.as_ref(),
        notes: &first.notes,
        names,
        slept: slept.clone().min().zip(slept.max()),
    }
}

fn tasks(row: &Row) -> String {
    match (row.was, row.now) {
        (Some(was), Some(now)) if was != now => format!("{was} → {now}"),
        (Some(count), _) | (None, Some(count)) => count.to_string(),
        (None, None) => String::new(),
    }
}
