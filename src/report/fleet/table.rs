//! The fleet as a table of plain lines, for a terminal or a log.

use super::{Done, Fleet, Goal, Group, groups, thousands};
use crate::report::event::Text;

/// Lines of the table; what is left out is in the report file.
const LINES: usize = 60;
/// Characters of the names of a line.
const NAMES: usize = 72;
/// Wider columns than this push the rest of their line only.
const WIDEST: usize = 32;

/// Column heads first; nothing where there is no row.
pub fn lines(fleet: &Fleet) -> Vec<Text> {
    let groups = groups(fleet);
    if groups.is_empty() {
        return Vec::new();
    }
    let cells: Vec<[String; 3]> = groups
        .iter()
        .map(|g| {
            [
                what(fleet, g.done).to_owned(),
                g.place.clone(),
                g.tasks.clone(),
            ]
        })
        .take(LINES)
        .collect();
    let head = ["", "CLUSTER", "TASKS"].map(str::to_owned);
    let widths: [usize; 3] = std::array::from_fn(|n| {
        let all = cells
            .iter()
            .chain([&head])
            .map(|row| row[n].chars().count());
        all.filter(|w| *w <= WIDEST).max().unwrap_or_default()
    });
    let mut lines = vec![Text::new().say(format!("{}SERVICES", columns(&head, widths)))];
    for (group, cells) in groups.iter().zip(&cells) {
        let line = Text::new().say(columns(cells, widths));
        lines.push(about(group, line));
        let below =
            |words: &str, text: &Text| Text::new().say(format!("  {words}")).join(text.clone());
        lines.extend(group.evidence.iter().map(|e| below("", e)));
        lines.extend(
            group
                .fix
                .iter()
                .flat_map(|fix| fix.lines())
                .map(|l| below("help: ", &l)),
        );
    }
    let left: usize = groups.iter().skip(LINES).map(|g| g.names.len()).sum();
    if left > 0 {
        lines.push(Text::new().say(format!("and {} more services", thousands(left))));
    }
    lines
}

fn columns(cells: &[String; 3], widths: [usize; 3]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        // A width in characters, where format's own counts so too.
        line.push_str(&format!("{cell:width$}  "));
    }
    line
}

/// Which services, and what there is to say of them.
fn about(group: &Group<'_>, mut line: Text) -> Text {
    let (names, more) = group.some_names(NAMES);
    line = line.say(names.join(", "));
    if more > 0 {
        line = line.say(format!(" and {} more", thousands(more)));
    }
    if let Some(why) = group.why {
        line = line.say(": ").join(why.clone());
    }
    if let Some(slept) = group.slept() {
        line = line.say(format!(" · {slept}"));
    }
    for note in group.notes {
        line = line.say(" · ").join(note.clone());
    }
    line
}

fn what(fleet: &Fleet, done: Done) -> &'static str {
    match (done, fleet.goal, fleet.dry_run) {
        (Done::Failed, _, _) => "failed",
        (Done::Begun, _, _) => "not done",
        (Done::NotReached, _, _) => "not begun",
        (Done::Skipped, _, _) => "left alone",
        (Done::Unchanged, _, _) => "as it is",
        (Done::Changed, Goal::Count(0), true) => "to sleep",
        (Done::Changed, Goal::Count(0), false) => "asleep",
        (Done::Changed, Goal::Count(_), true) => "to scale",
        (Done::Changed, Goal::Count(_), false) => "scaled",
        (Done::Changed, Goal::Restore, true) => "to restore",
        (Done::Changed, Goal::Restore, false) => "back",
    }
}
