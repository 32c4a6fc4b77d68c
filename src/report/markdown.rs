//! The comment and the job summary, as Markdown from one value. A file a noun; `fit` puts sections together within
//! GitHub's limits. Asks nobody anything. Foreign text enters through `escape` alone.

mod advice;
mod announcement;
mod back;
mod card;
mod changes;
mod comment;
mod facts;
mod fit;
mod fleet;
mod history;
mod phases;
mod preview;
mod summary;
mod targets;
mod timeline;
mod verdict;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod rich_tests;
#[cfg(test)]
mod tests;

pub use advice::words as advice_in_words;
pub use announcement::{Announcement, BackTo, Commit, Counted, Failure, Preview, State};
pub use card::lines as failure_lines;
pub(super) use card::sections as failure_card;
pub use comment::{comment, is_worth_a_comment};
pub(super) use fit::Section;
pub use fleet::summary as fleet_summary;
pub(super) use history::remembered_as;
pub use phases::in_lines as time_in_lines;
pub(super) use phases::parts_of;
pub(super) use summary::within_limits;
pub use summary::{nothing_done, summary};
pub use verdict::{headline, in_a_line, verdict_alone};

/// Seven digits, as GitHub shows commits.
pub fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

pub(super) fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|c| c.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
