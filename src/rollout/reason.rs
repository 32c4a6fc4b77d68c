//! Why it ended, as sentences whose quoted parts keep their type: text that others wrote is `Untrusted` to the end.

use serde::Serialize;

use crate::model::Untrusted;

/// One sentence: our words and others', in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Sentence(pub Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Our words, and identifiers and enum values of AWS's.
    Text(String),
    /// Quoted from a message that may hold anything.
    Quoted(Untrusted),
}

impl Sentence {
    pub fn new(text: impl Into<String>) -> Sentence {
        Sentence(vec![Part::Text(text.into())])
    }

    pub fn text(mut self, text: impl Into<String>) -> Sentence {
        self.0.push(Part::Text(text.into()));
        self
    }

    pub fn quote(mut self, text: &Untrusted) -> Sentence {
        self.0.push(Part::Quoted(text.clone()));
        self
    }
}
