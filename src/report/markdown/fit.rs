//! Sections put together within a limit: what matters most is kept, nothing is cut in the middle, and the reader is told where
//! the rest is. Knows lengths, not what is said.

use crate::report::escape;

/// A stretch of Markdown that stands or falls as a whole.
#[derive(Clone, Debug)]
pub(in crate::report) struct Section {
    /// The lower, the sooner it is kept.
    rank: u8,
    text: String,
    /// No empty line above it: an item of a list.
    tight: bool,
}

impl Section {
    pub fn new(rank: u8, text: String) -> Section {
        Section {
            rank,
            text,
            tight: false,
        }
    }

    pub fn tight(mut self, tight: bool) -> Section {
        self.tight = tight;
        self
    }
}

/// `measure` counts as the limit does: in characters or in bytes.
pub(super) fn fit(
    head: &str,
    sections: &[Section],
    limit: usize,
    measure: fn(&str) -> usize,
    run_url: Option<&str>,
) -> String {
    let rest = match run_url {
        Some(url) => format!(
            "\n… cut here, for GitHub takes no more: {} has the rest\n",
            escape::markdown_link("the run", url)
        ),
        None => "\n… cut here, for GitHub takes no more\n".to_owned(),
    };
    let mut room = limit.saturating_sub(measure(head) + measure(&rest));
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by_key(|n| sections[*n].rank);
    let mut kept = vec![false; sections.len()];
    for n in order {
        let needs = measure(&sections[n].text) + 1;
        if needs <= room {
            room -= needs;
            kept[n] = true;
        }
    }
    let mut page = head.to_owned();
    for (section, _) in sections.iter().zip(&kept).filter(|(_, kept)| **kept) {
        if !section.tight {
            page.push('\n');
        }
        page.push_str(&section.text);
    }
    if kept.contains(&false) {
        page.push_str(&rest);
    }
    page
}
