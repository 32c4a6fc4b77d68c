//! The verdict on a fleet: one line, and below it what failed.

use super::{Done, Fleet, Goal, counted, groups, thousands};
use crate::report::event::Text;

/// Failures that stand below the line, where only an annotation shows them.
const FAILURES: usize = 5;
/// Characters of the names of a failure.
const NAMES: usize = 120;

/// The first line is the verdict.
pub fn headline(fleet: &Fleet) -> Text {
    let mut text = Text::new().say(verdict(fleet));
    for group in groups(fleet)
        .iter()
        .filter(|g| g.done == Done::Failed)
        .take(FAILURES)
    {
        let (names, more) = group.some_names(NAMES);
        let mut line = Text::new().say(names.join(", "));
        if more > 0 {
            line = line.say(format!(" and {} more", thousands(more)));
        }
        if let Some(why) = group.why {
            line = line.say(": ").join(why.clone());
        }
        text = text.and_line(line);
        if let Some(fix) = group.fix.and_then(|fix| fix.lines().into_iter().next()) {
            text = text.and_line(Text::new().say("help: ").join(fix));
        }
    }
    for (region, why) in &fleet.regions {
        let line = Text::new().code(region.as_str()).say(": ");
        text = text.and_line(line.join(why.clone()));
    }
    text
}

/// Without a full stop.
pub(in crate::report) fn verdict(fleet: &Fleet) -> String {
    let [failed, begun, not_reached, skipped, changed, unchanged] = [
        Done::Failed,
        Done::Begun,
        Done::NotReached,
        Done::Skipped,
        Done::Changed,
        Done::Unchanged,
    ]
    .map(|done| fleet.count(done));
    let mut parts = Vec::new();
    match fleet.regions.as_slice() {
        [] => {}
        [(region, _)] => parts.push(format!("{region} could not be looked at")),
        regions => parts.push(format!("{} Regions could not be looked at", regions.len())),
    }
    if failed > 0 {
        let of = counted(fleet.rows.len());
        parts.push(format!("{} of {of} failed", thousands(failed)));
    }
    let mut named = failed > 0;
    // "3 services are asleep, 1 left alone"
    let mut part = |count: usize, words: &str| {
        if count > 0 {
            let many = match std::mem::replace(&mut named, true) {
                true => thousands(count),
                false => counted(count),
            };
            parts.push(format!("{many} {words}"));
        }
    };
    part(changed, &now(fleet, changed));
    part(unchanged, &already(fleet, unchanged));
    let left_alone = match fleet.dry_run {
        true => "would be left alone",
        false => "left alone",
    };
    part(skipped, left_alone);
    part(begun, "begun and not done");
    part(not_reached, "not begun");
    let parts = parts.join(", ");
    match fleet.cancelled {
        true => format!("cancelled: {parts}"),
        false => parts,
    }
}

fn now(fleet: &Fleet, count: usize) -> String {
    let is = if count == 1 { "is" } else { "are" };
    match (fleet.goal, fleet.dry_run) {
        (Goal::Count(0), false) => format!("{is} asleep"),
        (Goal::Count(0), true) => "would be put to sleep".to_owned(),
        (Goal::Count(n), false) => format!("scaled to {n}"),
        (Goal::Count(n), true) => format!("would be scaled to {n}"),
        (Goal::Restore, false) => format!("{is} back"),
        (Goal::Restore, true) => "would be brought back".to_owned(),
    }
}

fn already(fleet: &Fleet, count: usize) -> String {
    let (is, was) = match (count, fleet.goal) {
        (1, _) => ("is", "was"),
        _ => ("are", "were"),
    };
    match fleet.goal {
        Goal::Count(0) => format!("{was} asleep already"),
        Goal::Count(n) => format!("{was} at {n} already"),
        Goal::Restore => format!("{is} awake already"),
    }
}
