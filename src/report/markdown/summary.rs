//! The job summary: the verdict on top, where the time went as a table and as a picture of the same, what was changed, and
//! which targets answer.

use super::announcement::Announcement;
use super::card::folded;
use super::comment::{notes, went_wrong};
use super::fit::{Section, fit};
use super::{advice, card, changes, facts, history, phases, preview, targets, timeline, verdict};
use crate::report::escape;
use crate::report::event::Text;

/// The runner refuses a longer one, whole. It ends in a newline of the file's.
const SUMMARY_LIMIT: usize = 1024 * 1024 - 1;

pub fn summary(about: &Announcement) -> String {
    let head = format!(
        "# {}\n{}\n",
        verdict::heading(about, false),
        facts::facts(about)
    );
    let wrong = about.state.status().is_some_and(went_wrong);
    let mut sections = notes(about);
    if let Some(failure) = about.state.failure() {
        sections.extend(card::sections(failure));
        if wrong && let Some((title, table)) = targets::table(about) {
            sections.push(Section::new(7, format!("**{title}**\n\n{table}")));
        }
    }
    if let Some(table) = phases::table(about) {
        sections.push(Section::new(6, table));
    }
    // Outside of <details>: GitHub draws no diagram in a folded block.
    if let Some(chart) = timeline::chart(about) {
        sections.push(Section::new(8, chart));
    }
    if let Some(drains) = phases::drains(about) {
        sections.push(Section::new(7, drains.to_owned()));
    }
    if let Some(tip) = advice::tip(about) {
        sections.push(Section::new(7, tip));
    }
    if let Some(expires) = about.preview.as_ref().and_then(preview::expires) {
        sections.push(Section::new(4, format!("Expires {expires}\n")));
    }
    if let Some(image) = &about.image {
        sections.push(Section::new(
            4,
            format!("Image {}\n", escape::markdown_code(image)),
        ));
    }
    if let Some((title, diff)) = changes::difference(about) {
        sections.push(Section::new(9, folded(&title, &diff)));
    }
    if !wrong && let Some((title, table)) = targets::table(about) {
        sections.push(Section::new(9, folded(&title, &table)));
    }
    if let Some((title, table)) = phases::tasks(about) {
        sections.push(Section::new(9, folded(title, &table)));
    }
    if let Some((title, table)) = history::table(about) {
        sections.push(Section::new(9, folded(&title, &table)));
    }
    within_limits(&head, &sections, about.run_url.as_deref())
}

/// Of a run that had nothing to do: why.
pub fn nothing_done(why: &Text) -> String {
    format!("⏭️ {}\n", escape::markdown(why))
}

/// As much as the runner takes.
pub fn within_limits(head: &str, sections: &[Section], run_url: Option<&str>) -> String {
    fit(head, sections, SUMMARY_LIMIT, str::len, run_url)
}
