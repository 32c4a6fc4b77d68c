//! Targets of the load balancer, as AWS spells their states.

use super::announcement::Announcement;
use crate::report::escape;
use crate::report::event::Text;

/// More than anybody reads.
const TARGETS: usize = 20;

/// A title as HTML and a table; the telling ones come first.
pub(super) fn table(about: &Announcement) -> Option<(String, String)> {
    if about.targets.is_empty() {
        return None;
    }
    let healthy = about
        .targets
        .iter()
        .filter(|t| t.state == "healthy")
        .count();
    let mut groups: Vec<&str> = about
        .targets
        .iter()
        .map(|t| t.target_group.as_str())
        .collect();
    groups.sort_unstable();
    groups.dedup();
    // What drains is not wanted any more.
    let of = about
        .targets
        .iter()
        .filter(|t| !t.state.ends_with("draining"))
        .count();
    if of == 0 {
        return None;
    }
    let title = Text::new().say(format!("Targets: {healthy} of {of} healthy"));
    let mut table = String::from("| Target | State | Why |\n|:--|:--|:--|\n");
    for note in about.targets.iter().take(TARGETS) {
        let mut name = escape::markdown_code(&note.address());
        // One group goes without saying.
        if groups.len() > 1 {
            name = format!("{name} in {}", escape::markdown_code(&note.target_group));
        }
        let mut why = Text::new();
        if let Some(reason) = &note.reason {
            why = why.code(reason.as_str());
        }
        if let Some(description) = note.description.as_ref().filter(|d| !d.is_empty()) {
            why = why.say(" ").quote(description);
        }
        table.push_str(&format!(
            "| {name} | {} | {} |\n",
            escape::markdown_inline(&note.state),
            escape::markdown(&why)
        ));
    }
    if about.targets.len() > TARGETS {
        table.push_str(&format!("\nand {} more\n", about.targets.len() - TARGETS));
    }
    Some((escape::html(&title), table))
}
