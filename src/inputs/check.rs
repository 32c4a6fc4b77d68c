//! Checks of single values by the argument they are for, wherever they were written. Runs before clap sees them, so that
//! the error names the place, and so that nothing that may be a secret is echoed.

use std::str::FromStr;

use clap::Arg;
use clap::error::{ContextKind, ContextValue};

use super::error::{InputError, Place};
use super::lists;
use super::values::{BuildSecret, KeyValue, SecretSource};

/// What the text of a setting looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Bool,
    Scalar,
    /// Of the container's command: a text, or a list of words.
    Words,
    List {
        commas: bool,
    },
    /// A list of `KEY=VALUE`.
    Pairs,
}

impl Shape {
    pub fn of(arg: &Arg) -> Shape {
        let values = arg.get_possible_values();
        let names: Vec<&str> = values.iter().map(|v| v.get_name()).collect();
        match arg.get_long() {
            Some(
                "build-args" | "labels" | "environment-variables" | "secrets" | "resource-tags",
            ) => Shape::Pairs,
            Some("command") => Shape::Words,
            _ if names == ["true", "false"] => Shape::Bool,
            _ if matches!(arg.get_action(), clap::ArgAction::Append) => Shape::List {
                commas: arg.get_value_delimiter() == Some(','),
            },
            _ => Shape::Scalar,
        }
    }
}

/// Settings that say where a secret is: not allowed in a file, which is committed and copied around.
pub fn is_secret(setting: &str) -> bool {
    matches!(setting, "github-token" | "build-secrets")
}

/// Whether a file of the checked-out code may set it even where that code may be somebody else's and the job has the base
/// repository's rights: only how long to wait and what to show. Everything else chooses what is built, what reaches AWS,
/// or with which rights.
pub fn is_harmless(setting: &str) -> bool {
    matches!(
        setting,
        "wait-until"
            | "wait-for-minutes"
            | "stable-for"
            | "on-superseded"
            | "no-cache"
            | "pull"
            | "comment"
            | "output"
            | "verbose"
    )
}

/// Whether a key of `shipway.yml` may say it: not where secrets are, and not what lifts a guard for the code that brings the
/// file along: who may change it, or run an old one again, could have it built with a role in hand, or put over newer code.
pub fn may_stand_in_a_file(setting: &str) -> bool {
    !is_secret(setting)
        && !matches!(
            setting,
            "config" | "allow-untrusted-build" | "allow-older" | "allow-migration"
        )
}

/// Whether a key of `shipway.yml` is meant for this verb. `to` says how far to scale, day by day; whither to roll back is
/// decided when it is needed.
pub fn is_key_of(verb: &str, setting: &str) -> bool {
    may_stand_in_a_file(setting) && (verb, setting) != ("rollback", "to")
}

/// The values in one text of an input or a variable.
pub(super) fn split(arg: &Arg, text: &str, place: &Place) -> Result<Vec<String>, InputError> {
    let split = match Shape::of(arg) {
        Shape::Bool | Shape::Scalar => Ok(vec![text.trim().to_owned()]),
        Shape::Words => Ok(vec![text.to_owned()]),
        Shape::List { commas } => lists::entries(text, commas),
        Shape::Pairs => lists::pairs(text),
    };
    let values = split.map_err(|problem| InputError::value(place.clone(), problem))?;
    if let Shape::Bool | Shape::Scalar | Shape::Words = Shape::of(arg)
        && values.iter().all(String::is_empty)
    {
        return Ok(Vec::new());
    }
    Ok(values)
}

/// Whether the argument takes these values.
pub(super) fn check(arg: &Arg, values: &[String], place: &Place) -> Result<(), InputError> {
    by_name(arg, values, place)?;
    one(arg, values).map_err(|error| InputError::value(place.clone(), problem(&error)))
}

/// What clap says to this value of the argument, if it refuses it.
pub(super) fn problem_of(arg: &Arg, value: &str) -> Option<String> {
    one(arg, &[value.to_owned()]).err().map(|e| problem(&e))
}

/// Whether these are none of the words that the argument chooses from. Two verbs may have other words for a setting of the
/// same name; what is no choice between words, such as a number, means the same to every verb.
pub(super) fn is_no_word_of(arg: &Arg, values: &[String]) -> bool {
    Shape::of(arg) == Shape::Scalar
        && !arg.get_possible_values().is_empty()
        && one(arg, values).is_err()
}

/// One argument alone: no other one's rule is in the way, and it costs microseconds.
fn one(arg: &Arg, values: &[String]) -> Result<(), clap::Error> {
    let long = arg.get_long().unwrap_or_default();
    clap::Command::new("value")
        .no_binary_name(true)
        .disable_help_flag(true)
        .arg(arg.clone().required(false))
        .try_get_matches_from(values.iter().map(|v| format!("--{long}={v}")))
        .map(|_| ())
}

/// Rules that hold for one setting, and must not echo its value.
pub(super) fn by_name(arg: &Arg, values: &[String], place: &Place) -> Result<(), InputError> {
    match arg.get_long() {
        Some("github-token") if values.iter().any(|v| is_literal(v)) => {
            return Err(InputError::SecretLiteral {
                place: place.clone(),
                form: "env:NAME or file:PATH",
            });
        }
        Some("build-secrets") => {
            let wrong = |v: &String| {
                BuildSecret::from_str(v)
                    .is_ok_and(|s| s.id.is_empty() || s.source == SecretSource::Literal)
            };
            if values.iter().any(wrong) {
                return Err(InputError::SecretLiteral {
                    place: place.clone(),
                    form: "id=env:NAME or id=file:PATH",
                });
            }
        }
        _ => {}
    }
    if Shape::of(arg) != Shape::Pairs {
        return Ok(());
    }
    for (at, value) in values.iter().enumerate() {
        let Ok(KeyValue { key, value }) = KeyValue::from_str(value);
        if key.is_empty() {
            return Err(InputError::NoKey {
                place: place.clone(),
                entry: at + 1,
            });
        }
        if arg.get_long() == Some("secrets")
            && !(value.starts_with("arn:") || value.starts_with('/'))
        {
            return Err(InputError::SecretsValue {
                place: place.clone(),
                key,
            });
        }
    }
    Ok(())
}

fn is_literal(value: &str) -> bool {
    SecretSource::from_str(value).is_ok_and(|s| s == SecretSource::Literal)
}

/// clap's reason, without its sentence about the flag.
fn problem(error: &clap::Error) -> String {
    let given = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if !value.is_empty() => format!(", not `{value}`"),
        _ => String::new(),
    };
    if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue)
        && let Some((last, others)) = valid.split_last()
    {
        let or = if others.is_empty() { "" } else { " or " };
        return format!("must be {}{or}{last}{given}", others.join(", "));
    }
    let reason = std::error::Error::source(error).map(ToString::to_string);
    match reason {
        Some(reason) if reason.contains("invalid digit") || reason.contains("cannot parse") => {
            format!("must be a whole number{given}")
        }
        // clap's ranges name the value themselves.
        Some(reason) if reason.contains(" is not in ") => reason,
        Some(reason) => format!("{reason}{given}"),
        None => format!("is not a value it takes{given}"),
    }
}
