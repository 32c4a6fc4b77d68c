//! The rows for other programs: the output `services`, and the same in the report file. Its keys stay.

use serde::Serialize;

use super::{Done, Fleet, Goal, Row};
use crate::report::escape;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServiceOf {
    region: String,
    cluster: String,
    service: String,
    /// asleep, scaled, restored, unchanged, skipped, failed, begun or not-reached; of a dry run what it would be.
    state: &'static str,
    was: Option<u32>,
    now: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// What else is known of a failure, and what to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slept_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpu_hours_saved: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gb_hours_saved: Option<f64>,
}

pub fn services(fleet: &Fleet) -> Vec<ServiceOf> {
    fleet.rows.iter().map(|row| service(fleet, row)).collect()
}

fn service(fleet: &Fleet, row: &Row) -> ServiceOf {
    let saved = row.saved();
    ServiceOf {
        region: row.region.clone(),
        cluster: row.cluster.clone(),
        service: row.service.clone(),
        state: state(fleet.goal, row.done),
        was: row.was,
        now: row.now,
        reason: row.why.as_ref().map(escape::plain),
        code: row.code.clone(),
        notes: row.notes.iter().map(escape::plain).collect(),
        evidence: row.evidence.iter().map(escape::plain).collect(),
        fix: row.fix.as_ref().map(escape::plain),
        slept_seconds: row.slept_for.map(|t| t.as_secs()),
        vcpu_hours_saved: saved.map(|s| thousandths(s.vcpu)),
        gb_hours_saved: saved.map(|s| thousandths(s.gb)),
    }
}

fn state(goal: Goal, done: Done) -> &'static str {
    match (done, goal) {
        (Done::Changed, Goal::Count(0)) => "asleep",
        (Done::Changed, Goal::Count(_)) => "scaled",
        (Done::Changed, Goal::Restore) => "restored",
        (Done::Unchanged, _) => "unchanged",
        (Done::Skipped, _) => "skipped",
        (Done::Failed, _) => "failed",
        (Done::Begun, _) => "begun",
        (Done::NotReached, _) => "not-reached",
    }
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
