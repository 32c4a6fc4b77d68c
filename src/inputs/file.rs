//! `shipway.yml`: keys are the flags' names. Every complaint carries line and column, because each check sits inside
//! serde's visit of the value it is about. Opens no file: it gets the text.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use clap::Arg;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::check::{self, Shape};
use super::error::{InputError, Place};
use super::sources::{Values, nearest, variable};

/// Reads the settings of a file. `known` are the arguments of all verbs that read it.
pub(super) fn read(file: &str, text: &str, known: &[Arg]) -> Result<Values, InputError> {
    let reading = Reading {
        file,
        known,
        wrong: RefCell::new(None),
    };
    if text
        .lines()
        .all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'))
    {
        return Ok(Values::new());
    }
    let result = FileSeed(&reading).deserialize(serde_yaml::Deserializer::from_str(text));
    result.map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((1, 1), |at| (at.line(), at.column()));
        match reading.wrong.take() {
            Some(wrong) => wrong.at(file, line, column),
            None => InputError::FileSyntax {
                file: file.to_owned(),
                at: error
                    .location()
                    .map(|at| format!(":{}:{}", at.line(), at.column()))
                    .unwrap_or_default(),
                reason: bare(&error.to_string()),
            },
        }
    })
}

struct Reading<'a> {
    file: &'a str,
    known: &'a [Arg],
    /// What our own checks found, while serde only carries the location.
    wrong: RefCell<Option<Wrong>>,
}

enum Wrong {
    UnknownKey { key: String, near: Option<String> },
    NotInFile { setting: String },
    NotByCode { setting: String },
    Twice { setting: String },
    Value { setting: String, problem: String },
    Check { setting: String, error: InputError },
}

impl Wrong {
    fn at(self, file: &str, line: usize, column: usize) -> InputError {
        let place = |setting: String| Place::File {
            file: file.to_owned(),
            line,
            column,
            setting,
        };
        match self {
            Wrong::UnknownKey { key, near } => InputError::UnknownKey {
                file: file.to_owned(),
                line,
                column,
                key,
                near,
            },
            Wrong::NotInFile { setting } => InputError::NotInFile {
                variable: variable(&setting),
                place: place(setting),
            },
            Wrong::NotByCode { setting } => InputError::NotByCode {
                variable: variable(&setting),
                place: place(setting),
            },
            Wrong::Twice { setting } => InputError::FileValue {
                place: place(setting),
                problem: "is set twice".to_owned(),
            },
            Wrong::Value { setting, problem } => InputError::FileValue {
                place: place(setting),
                problem,
            },
            Wrong::Check { setting, error } => moved(error, place(setting)),
        }
    }
}

/// The check's error, at the place that only serde knew.
fn moved(error: InputError, to: Place) -> InputError {
    match error {
        InputError::NoKey { entry, .. } => InputError::NoKey { place: to, entry },
        InputError::SecretsValue { key, .. } => InputError::SecretsValue { place: to, key },
        InputError::SecretLiteral { form, .. } => InputError::SecretLiteral { place: to, form },
        InputError::FileValue { problem, .. } | InputError::Value { problem, .. } => {
            InputError::FileValue { place: to, problem }
        }
        other => other,
    }
}

impl Reading<'_> {
    fn refuse<E: serde::de::Error>(&self, wrong: Wrong) -> E {
        self.wrong.borrow_mut().get_or_insert(wrong);
        E::custom("refused")
    }
}

struct FileSeed<'a>(&'a Reading<'a>);

impl<'de> DeserializeSeed<'de> for FileSeed<'_> {
    type Value = Values;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Values, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FileSeed<'_> {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys with values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
        let mut values = BTreeMap::new();
        let mut seen = Vec::new();
        while let Some(arg) = map.next_key_seed(KeySeed {
            reading: self.0,
            seen: &seen,
        })? {
            let setting = arg.get_long().unwrap_or_default().to_owned();
            let texts = map.next_value_seed(ValueSeed {
                reading: self.0,
                arg,
                setting: &setting,
            })?;
            if !texts.is_empty() {
                values.insert(setting.clone(), texts);
            }
            seen.push(setting);
        }
        Ok(values)
    }
}

struct KeySeed<'a> {
    reading: &'a Reading<'a>,
    seen: &'a [String],
}

impl<'de, 'a> DeserializeSeed<'de> for KeySeed<'a> {
    type Value = &'a Arg;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'a Arg, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for KeySeed<'a> {
    type Value = &'a Arg;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<&'a Arg, E> {
        let known = self.reading.known;
        let allowed = |a: &&Arg| a.get_long().is_some_and(|l| l != "config");
        let Some(arg) = known
            .iter()
            .filter(allowed)
            .find(|a| a.get_long() == Some(key))
        else {
            return Err(self.reading.refuse(Wrong::UnknownKey {
                key: key.to_owned(),
                near: nearest(
                    key,
                    known.iter().filter(allowed).filter_map(|a| a.get_long()),
                ),
            }));
        };
        let setting = key.to_owned();
        if check::is_secret(key) {
            return Err(self.reading.refuse(Wrong::NotInFile { setting }));
        }
        // Who may change the file could lift the guard against their own code.
        if !check::may_stand_in_a_file(key) {
            return Err(self.reading.refuse(Wrong::NotByCode { setting }));
        }
        if self.seen.contains(&setting) {
            return Err(self.reading.refuse(Wrong::Twice { setting }));
        }
        Ok(arg)
    }
}

#[derive(Clone, Copy)]
struct ValueSeed<'a> {
    reading: &'a Reading<'a>,
    arg: &'a Arg,
    setting: &'a str,
}

impl ValueSeed<'_> {
    fn wrong<E: serde::de::Error>(&self, problem: impl Into<String>) -> E {
        self.reading.refuse(Wrong::Value {
            setting: self.setting.to_owned(),
            problem: problem.into(),
        })
    }

    fn checked<E: serde::de::Error>(&self, texts: Vec<String>) -> Result<Vec<String>, E> {
        let place = Place::File {
            file: self.reading.file.to_owned(),
            line: 0,
            column: 0,
            setting: self.setting.to_owned(),
        };
        match check::check(self.arg, &texts, &place) {
            Ok(()) => Ok(texts),
            Err(_) if self.is_another_verbs(&texts) => Ok(texts),
            Err(error) => Err(self.reading.refuse(Wrong::Check {
                setting: self.setting.to_owned(),
                error,
            })),
        }
    }

    /// The file serves every verb, and some have other words for a setting of this name.
    fn is_another_verbs(&self, texts: &[String]) -> bool {
        let known = self.reading.known.iter();
        known
            .filter(|arg| arg.get_long() == Some(self.setting))
            .any(|arg| !arg.get_possible_values().is_empty() && !check::is_no_word_of(arg, texts))
    }

    fn wanted(&self) -> &'static str {
        match Shape::of(self.arg) {
            Shape::Bool => "must be true or false",
            Shape::Scalar => "must be one text or number",
            Shape::Words => "must be a text or a list of words",
            Shape::List { .. } => "must be a list of texts",
            Shape::Pairs => "must be a list of KEY=VALUE, or keys with texts as values",
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Vec<String>, E> {
        match Shape::of(self.arg) {
            Shape::Bool => Ok(vec![value.to_string()]),
            _ => Err(self.wrong(format!("{}, not {value}", self.wanted()))),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Vec<String>, E> {
        match Shape::of(self.arg) {
            Shape::Scalar => self.checked(vec![value.to_string()]),
            _ => Err(self.wrong(format!("{}, not {value}", self.wanted()))),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Vec<String>, E> {
        match Shape::of(self.arg) {
            Shape::Scalar => self.checked(vec![value.to_string()]),
            _ => Err(self.wrong(format!("{}, not {value}", self.wanted()))),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Vec<String>, E> {
        Err(self.wrong("must be quoted, for YAML changes how a number is written"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        match Shape::of(self.arg) {
            Shape::Bool => Err(self.wrong(format!("{}, not `{text}`", self.wanted()))),
            Shape::Scalar | Shape::Words => self.checked(vec![text.to_owned()]),
            Shape::List { .. } | Shape::Pairs => Err(self.wrong(self.wanted())),
        }
    }

    /// A key without a value is not set.
    fn visit_unit<E: serde::de::Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        match Shape::of(self.arg) {
            Shape::Bool | Shape::Scalar => return Err(self.wrong(self.wanted())),
            Shape::Words => {
                while let Some(word) = seq.next_element_seed(TextSeed(self))? {
                    texts.push(word);
                }
                let json = serde_json::to_string(&texts).map_err(A::Error::custom)?;
                return self.checked(vec![json]);
            }
            Shape::List { .. } | Shape::Pairs => {
                while let Some(text) = seq.next_element_seed(TextSeed(self))? {
                    texts.push(text);
                }
            }
        }
        self.checked(texts)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        if Shape::of(self.arg) != Shape::Pairs {
            return Err(self.wrong(self.wanted()));
        }
        let mut texts = Vec::new();
        while let Some(key) = map.next_key_seed(TextSeed(self))? {
            let value = map.next_value_seed(TextSeed(self))?;
            texts.push(format!("{key}={value}"));
        }
        self.checked(texts)
    }
}

/// A text within a list or mapping. A number is none: `1.10` would arrive as 1.1, `010` as 8.
struct TextSeed<'a>(ValueSeed<'a>);

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for TextSeed<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<String, E> {
        Err(self.unquoted(&value.to_string()))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<String, E> {
        Err(self.unquoted(&value.to_string()))
    }

    /// How it was written is lost: `1.10` arrives as 1.1.
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<String, E> {
        Err(self
            .0
            .wrong("must be quoted, for YAML changes how a number is written"))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<String, E> {
        Err(self.unquoted(&value.to_string()))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<String, E> {
        Err(self.0.wrong("an empty value is written as \"\""))
    }
}

impl TextSeed<'_> {
    fn unquoted<E: serde::de::Error>(&self, value: &str) -> E {
        self.0.wrong(format!(
            "write \"{value}\" in quotes, for YAML changes how a number or a truth value is written"
        ))
    }
}

/// serde_yaml's reason, without the location that stands in front already and without Rust's words.
fn bare(reason: &str) -> String {
    let reason = reason.split(" at line ").next().unwrap_or(reason);
    match reason.rsplit_once("expected ") {
        Some((before, expected)) if before.contains("invalid type") => {
            format!("must be {expected}")
        }
        _ => reason.to_owned(),
    }
}
