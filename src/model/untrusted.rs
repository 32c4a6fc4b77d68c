//! Text that somebody else wrote: container output, branch names, commit messages, API reasons that quote them.
//!
//! It has no `Display`, so it cannot slip into a line, a comment or a workflow command by accident. Only
//! `report/escape` renders it. Deciding on it (`contains`) is allowed anywhere.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    pub fn new(text: impl Into<String>) -> Untrusted {
        Untrusted(text.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, needle: &str) -> bool {
        self.0.contains(needle)
    }

    /// Its length, in characters.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }

    /// The same word, whatever its case and the space around it: as GitHub compares labels.
    pub fn is_same_word(&self, word: &str) -> bool {
        self.0.trim().to_lowercase() == word.trim().to_lowercase()
    }

    /// What follows a beginning that says what is said already.
    pub fn after(&self, beginning: &str) -> Option<Untrusted> {
        self.0.strip_prefix(beginning).map(Untrusted::from)
    }

    /// For deciding and comparing. Rendering goes through `report::escape` alone (a tidy test checks who calls this).
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Untrusted {
        Untrusted(text.to_owned())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Untrusted {
        Untrusted(text)
    }
}

/// One line for an error message: control characters (ANSI, newlines) become spaces, a workflow command's `##[` and
/// `::` are broken, and at most 600 characters are kept. The full escaping per medium is `report::escape`'s.
pub fn one_line(text: &Untrusted) -> String {
    let mut line = String::new();
    for c in text.raw().chars().take(600) {
        line.push(if c.is_control() || is_invisible(c) {
            ' '
        } else {
            c
        });
    }
    line.trim()
        .replace("##[", "#\u{200b}#[")
        .replace("::", ":\u{200b}:")
}

/// Bidirectional overrides and zero-width characters: they make a line read as something it is not.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
