//! The job summary of `scale`: failures first, then what was left alone and why, then what slept. Rows of the same outcome are
//! one, so that a thousand services are read in a minute.

use super::{Section, within_limits};
use crate::report::escape;
use crate::report::event::duration;
use crate::report::fleet::{Done, Fleet, Goal, Group, counted, groups, thousands, verdict};

/// Rows of a table.
const ROWS: usize = 100;
/// Characters of the names in a cell.
const NAMES: usize = 240;

pub fn summary(fleet: &Fleet) -> String {
    let head = format!(
        "# {} {}\n{}\n",
        sign(fleet),
        escape::markdown_inline(&super::capitalised(&verdict(fleet))),
        facts(fleet)
    );
    let groups = groups(fleet);
    let of = |done: Done| -> Vec<&Group<'_>> { groups.iter().filter(|g| g.done == done).collect() };
    let mut sections = Vec::new();
    if !fleet.regions.is_empty() {
        let mut list = "### Regions that could not be looked at\n\n".to_owned();
        for (region, why) in &fleet.regions {
            let (region, why) = (escape::markdown_code(region), escape::markdown(why));
            list.push_str(&format!("- {region}: {why}\n"));
        }
        sections.push(Section::new(1, list));
    }
    let failed = of(Done::Failed);
    if !failed.is_empty() {
        sections.push(Section::new(1, failures(&failed)));
    }
    for (rank, done, title) in [
        (
            2,
            Done::Begun,
            "Begun and not done, the next run completes them",
        ),
        (2, Done::NotReached, "Not begun"),
        (3, Done::Skipped, left_alone(fleet)),
        (4, Done::Changed, changed(fleet)),
        (5, Done::Unchanged, "Nothing to do"),
    ] {
        let groups = of(done);
        if !groups.is_empty() {
            sections.push(Section::new(rank, table(title, &groups)));
        }
    }
    within_limits(&head, &sections, fleet.run_url.as_deref())
}

fn sign(fleet: &Fleet) -> &'static str {
    match fleet.goal {
        _ if fleet.cancelled => "🛑",
        _ if fleet.count(Done::Failed) > 0 || !fleet.regions.is_empty() => "❌",
        _ if fleet.dry_run => "📋",
        Goal::Count(0) if fleet.count(Done::Changed) > 0 => "💤",
        _ => "✅",
    }
}

/// What it saves or saved, how long the run took, and where it is.
fn facts(fleet: &Fleet) -> String {
    let mut facts: Vec<String> = saving(fleet).into_iter().collect();
    facts.push(duration(fleet.took));
    if let Some(url) = &fleet.run_url {
        facts.push(escape::markdown_link("run", url));
    }
    facts.join(" · ")
}

/// In words; nothing where nothing is known.
pub(in crate::report) fn saving(fleet: &Fleet) -> Option<String> {
    let words = match fleet.goal {
        Goal::Restore => format!("saved {}", fleet.saved()?.words("-hours")),
        Goal::Count(_) => {
            let freed = fleet.freed().filter(|f| f.vcpu > 0.0)?;
            let frees = if fleet.dry_run { "would free" } else { "frees" };
            format!("{frees} {}", freed.words(""))
        }
    };
    Some(match fleet.of_unknown_size() {
        0 => words,
        n => format!("{words}, not counting {} of unknown size", counted(n)),
    })
}

fn left_alone(fleet: &Fleet) -> &'static str {
    match fleet.dry_run {
        true => "Would be left alone",
        false => "Left alone",
    }
}

fn changed(fleet: &Fleet) -> &'static str {
    match (fleet.goal, fleet.dry_run) {
        (Goal::Count(0), false) => "Asleep",
        (Goal::Count(0), true) => "Would be put to sleep",
        (Goal::Count(_), false) => "Scaled",
        (Goal::Count(_), true) => "Would be scaled",
        (Goal::Restore, false) => "Back",
        (Goal::Restore, true) => "Would be brought back",
    }
}

/// A list, not a table: reasons and what to do about them are sentences.
fn failures(groups: &[&Group<'_>]) -> String {
    let total: usize = groups.iter().map(|g| g.names.len()).sum();
    let mut out = format!("### Failed: {}\n\n", counted(total));
    for group in groups.iter().take(ROWS) {
        let why = group.why.map(escape::markdown).unwrap_or_default();
        out.push_str(&format!(
            "- {} in {}: {why}\n",
            names(group),
            code(&group.place)
        ));
        for line in group.evidence.iter().chain(group.notes) {
            out.push_str(&format!("  <br>{}\n", escape::markdown(line)));
        }
        for line in group.fix.iter().flat_map(|fix| fix.lines()) {
            out.push_str(&format!("  <br>**Fix** {}\n", escape::markdown(&line)));
        }
    }
    out + &beyond(groups)
}

fn table(title: &str, groups: &[&Group<'_>]) -> String {
    let total: usize = groups.iter().map(|g| g.names.len()).sum();
    let about = |g: &Group<'_>| -> String {
        let why = g.why.map(escape::markdown);
        let notes = g.notes.iter().map(escape::markdown);
        let parts: Vec<String> = why.into_iter().chain(g.slept()).chain(notes).collect();
        parts.join(", ")
    };
    let rows: Vec<[String; 5]> = groups
        .iter()
        .take(ROWS)
        .map(|g| {
            [
                names(g),
                thousands(g.names.len()),
                code(&g.place),
                g.tasks.clone(),
                about(g),
            ]
        })
        .collect();
    let heads = [
        ("Services", ":--"),
        ("How many", "--:"),
        ("Cluster", ":--"),
        ("Tasks", ":--"),
        ("", ":--"),
    ];
    // A column that is empty or says nothing new is none.
    let shown: Vec<usize> = (0..heads.len())
        .filter(|n| match n {
            1 => rows.iter().any(|r| r[1] != "1"),
            n => rows.iter().any(|r| !r[*n].is_empty()),
        })
        .collect();
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut out = format!("### {title}: {}\n\n", counted(total));
    out.push_str(&line(shown.iter().map(|n| heads[*n].0).collect()));
    out.push_str(&line(shown.iter().map(|n| heads[*n].1).collect()));
    for row in &rows {
        out.push_str(&line(shown.iter().map(|n| row[*n].as_str()).collect()));
    }
    out + &beyond(groups)
}

fn beyond(groups: &[&Group<'_>]) -> String {
    match groups.iter().skip(ROWS).map(|g| g.names.len()).sum() {
        0 => String::new(),
        more => format!("\nand {} more services\n", thousands(more)),
    }
}

fn names(group: &Group<'_>) -> String {
    let (names, more) = group.some_names(NAMES);
    let names: Vec<String> = names.iter().map(|n| code(n)).collect();
    match more {
        0 => names.join(", "),
        more => format!("{} and {} more", names.join(", "), thousands(more)),
    }
}

/// `3 clusters` are words.
fn code(name: &str) -> String {
    match name.contains(' ') {
        true => name.to_owned(),
        false => escape::markdown_code(name),
    }
}
