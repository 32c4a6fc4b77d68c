//! The sticky comment: the verdict, one line of facts, the card of a failure; the rest is folded. E-mail and the mobile app
//! show it too, so there is no diagram in it.

use super::announcement::Announcement;
use super::card::folded;
use super::fit::{Section, fit};
use super::{card, facts, history, phases, preview, targets, verdict};
use crate::model::preview::PreviewState;
use crate::model::verdict::Status;
use crate::plan::preview::decide::Word;
use crate::report::escape;
use crate::report::event::bytes_in_words;

/// GitHub's limit, in characters.
pub(super) const COMMENT_LIMIT: usize = 65_536;

/// The comment's body, after the marker's line.
pub fn comment(marker: &str, about: &Announcement) -> String {
    let head = format!(
        "{marker}\n### {}\n{}\n",
        verdict::heading(about, true),
        facts::facts(about)
    );
    let mut sections = notes(about);
    if let Some(failure) = about.state.failure() {
        sections.extend(card::sections(failure));
        if about.state.status().is_some_and(went_wrong)
            && let Some((title, table)) = targets::table(about)
        {
            sections.push(Section::new(7, folded(&title, &table)));
        }
    }
    let details = details(about);
    if !details.is_empty() {
        sections.push(Section::new(8, folded("Details", &details)));
    }
    if let Some((title, table)) = history::table(about) {
        sections.push(Section::new(9, folded(&title, &table)));
    }
    fit(
        &head,
        &sections,
        COMMENT_LIMIT,
        |text| text.chars().count(),
        about.run_url.as_deref(),
    )
}

/// Whether to begin one. A pull request that never had a preview need not hear that there is none to remove.
pub fn is_worth_a_comment(about: &Announcement) -> bool {
    let Some(preview) = &about.preview else {
        return true;
    };
    match preview.word {
        Word::Up | Word::Wake => true,
        _ => about.state.status().is_some() && preview.state != PreviewState::Absent,
    }
}

/// Where the targets may say why.
pub(super) fn went_wrong(status: Status) -> bool {
    matches!(
        status,
        Status::RolledBack | Status::Failed | Status::Unknown | Status::TimedOut
    )
}

/// Said beside the facts.
pub(super) fn notes(about: &Announcement) -> Vec<Section> {
    let left = about.preview.as_ref().map(preview::left);
    let notes = about.commit_note.iter().chain(&about.notes);
    notes
        .map(|note| Section::new(3, format!("{}\n", escape::markdown(note))))
        .chain(left.unwrap_or_default())
        .collect()
}

/// Two columns, so that a phone shows it.
fn details(about: &Announcement) -> String {
    let mut rows = Vec::new();
    if let Some(image) = &about.image {
        let size = about.image_bytes.map(bytes_in_words);
        let size = size.map(|s| format!(" ({s})")).unwrap_or_default();
        let image = escape::markdown_code(&brief(image));
        rows.push(("Image".to_owned(), format!("{image}{size}")));
    }
    rows.extend(phases::in_a_row(about));
    if let Some(expires) = about.preview.as_ref().and_then(preview::expires) {
        rows.push(("Expires".to_owned(), expires));
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut table = String::from("| | |\n|:--|:--|\n");
    for (name, value) in rows {
        table.push_str(&format!("| {name} | {value} |\n"));
    }
    table
}

/// `web@sha256:9c1e4d808204…`: the registry is known, and twelve digits tell two images apart. The summary has it whole.
fn brief(image: &str) -> String {
    let name = image.split_once('/').map_or(image, |(_, name)| name);
    match name.split_once("@sha256:") {
        Some((name, hex)) => format!("{name}@sha256:{}…", hex.get(..12).unwrap_or(hex)),
        None => name.to_owned(),
    }
}
