//! Texts with values in them: "container {container|the container} ended[ (exit code {code})]". In braces stands a value's
//! name, and behind a bar what is said where nobody knows it; what is in brackets is left out unless all its values are known.
//! Knows no cause.

use std::collections::BTreeMap;

use super::Sentence;

/// A value as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A number, a time.
    Text(String),
    /// A name, set off as code.
    Code(String),
    /// A name with what it is the name of: "container `web`".
    Named(&'static str, String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values(BTreeMap<&'static str, Value>);

impl Values {
    pub fn text(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, Value::Text(value.into()));
    }

    pub fn code(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.insert(name, Value::Code(value));
        }
    }

    pub fn named(&mut self, name: &'static str, what: &'static str, value: &str) {
        if !value.is_empty() {
            self.0.insert(name, Value::Named(what, value.to_owned()));
        }
    }
}

/// The text with its values. Words in backticks are code.
pub(super) fn fill(template: &str, values: &Values) -> Sentence {
    let mut sentence = Sentence::default();
    let mut rest = template;
    while let Some(at) = rest.find('[') {
        let end = rest[at..].find(']').map_or(rest.len(), |end| at + end);
        sentence = pieces(sentence, &rest[..at], values);
        let optional = &rest[at + 1..end];
        if names(optional).all(|name| values.0.contains_key(name)) {
            sentence = pieces(sentence, optional, values);
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    pieces(sentence, rest, values)
}

fn pieces(mut sentence: Sentence, text: &str, values: &Values) -> Sentence {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let end = rest[at..].find('}').map_or(rest.len(), |end| at + end);
        sentence = words(sentence, &rest[..at]);
        let (name, unknown) = rest[at + 1..end]
            .split_once('|')
            .unwrap_or((&rest[at + 1..end], ""));
        sentence = match values.0.get(name) {
            Some(Value::Text(value)) => words(sentence, value),
            Some(Value::Code(value)) => sentence.code(value.as_str()),
            Some(Value::Named(what, value)) => {
                sentence.text(format!("{what} ")).code(value.as_str())
            }
            None => words(sentence, unknown),
        };
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    words(sentence, rest)
}

/// Every second piece between backticks is code.
fn words(mut sentence: Sentence, text: &str) -> Sentence {
    for (number, piece) in text.split('`').enumerate() {
        sentence = match (piece.is_empty(), number % 2 == 1) {
            (true, _) => sentence,
            (false, true) => sentence.code(piece),
            (false, false) => sentence.text(piece),
        };
    }
    sentence
}

/// The names of the values in a text.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).map(|piece| {
        let inside = piece.split('}').next().unwrap_or_default();
        inside.split('|').next().unwrap_or_default()
    })
}

/// As the reference has it: without values.
#[cfg(test)]
pub(super) fn plain(template: &str) -> String {
    let mut text = String::new();
    for part in fill(template, &Values::default()).0 {
        match part {
            super::Part::Text(words) => text.push_str(&words),
            super::Part::Code(name) => text.push_str(&format!("`{name}`")),
            super::Part::Quoted(_) => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Part;

    #[track_caller]
    fn check(template: &str, expected: &[Part]) {
        let mut values = Values::default();
        values.named("container", "container", "web");
        values.text("code", "137");
        values.code("group", "web");
        assert_eq!(fill(template, &values).0, expected);
    }

    fn text(words: &str) -> Part {
        Part::Text(words.to_owned())
    }

    #[test]
    fn values_are_put_in_and_what_lacks_one_is_left_out() {
        let web = Part::Code("web".to_owned());
        check(
            "{container|a container} ended[ (exit code {code})][ of {memory}]",
            &[
                text("container "),
                web.clone(),
                text(" ended"),
                text(" (exit code "),
                text("137"),
                text(")"),
            ],
        );
        check(
            "{image|the image} of {group|nobody}",
            &[text("the image"), text(" of "), web],
        );
        check(
            "raise `memory`",
            &[text("raise "), Part::Code("memory".to_owned())],
        );
    }
}
