//! The sources behind the flags: `SHIPWAY_INPUTS`, `SHIPWAY_<FLAG>` and the file. Gathers the texts of each setting from
//! the first source that has it, checked. Knows no setting by name but `config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};
use serde_json::Value;

use super::check;
use super::env::Env;
use super::error::{InputError, Place};
use super::generate::OF_THE_ACTION;
use super::{file, takes_settings, trigger};

/// Read where it exists, unless `--config` names another.
const DEFAULT_FILE: &str = "shipway.yml";

pub(super) type Values = BTreeMap<String, Vec<String>>;

/// `SHIPWAY_AWS_REGION` for `aws-region`.
pub fn variable(setting: &str) -> String {
    format!("SHIPWAY_{}", setting.to_uppercase().replace('-', "_"))
}

/// What the sources behind the flags say, by setting; of two sources the stronger one alone.
pub(super) fn read(
    schema: &Command,
    verb: &Command,
    flags: &ArgMatches,
    env: &Env,
) -> Result<Values, InputError> {
    let mut values = inputs(verb, env)?;
    for (setting, texts) in variables(verb, env)? {
        values.entry(setting).or_insert(texts);
    }
    let named = flags.get_one::<PathBuf>("config").cloned().or_else(|| {
        values
            .get("config")
            .and_then(|v| v.first())
            .map(PathBuf::from)
    });
    let (path, required) = match &named {
        Some(path) => (env.cwd.join(path), true),
        None => (env.cwd.join(DEFAULT_FILE), false),
    };
    let shown = named
        .map(|p| p.display().to_string())
        .unwrap_or_else(|| DEFAULT_FILE.to_owned());
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => None,
        Err(error) => {
            return Err(InputError::FileUnreadable {
                file: shown,
                reason: error.to_string(),
            });
        }
    };
    if let Some(text) = text {
        for (setting, texts) in read_file(schema, &shown, &text)? {
            let ours = settings(verb).find(|a| a.get_long() == Some(&setting));
            // A word that another verb takes for its setting of the same name leaves ours at its default.
            if ours.is_some_and(|arg| !check::is_no_word_of(arg, &texts))
                && check::is_key_of(verb.get_name(), &setting)
            {
                refuse_on_privileged_event(&shown, &setting, &values, env)?;
                values.entry(setting).or_insert(texts);
            }
        }
    }
    Ok(values)
}

/// The settings of a file. It serves every verb, so it may set what this one does not take.
pub(super) fn read_file(schema: &Command, shown: &str, text: &str) -> Result<Values, InputError> {
    let verbs = schema.get_subcommands().filter(|v| takes_settings(v));
    let known: Vec<Arg> = verbs.flat_map(|v| settings(v).cloned()).collect();
    file::read(shown, text, &known)
}

/// On events that run with the base repository's rights whoever wrote the code, the code must not choose what is done with
/// those rights.
fn refuse_on_privileged_event(
    file: &str,
    setting: &str,
    stronger: &Values,
    env: &Env,
) -> Result<(), InputError> {
    let event = env.var("GITHUB_EVENT_NAME").unwrap_or_default();
    let may = check::is_harmless(setting) || stronger.contains_key(setting);
    if may || !trigger::is_privileged(event) {
        return Ok(());
    }
    Err(InputError::PrivilegedEvent {
        place: Place::Key {
            file: file.to_owned(),
            setting: setting.to_owned(),
        },
        event: event.to_owned(),
    })
}

/// Flags are clap's to parse; what clap must not judge, because it would echo it, is checked here.
pub(super) fn check_flags(verb: &Command, flags: &ArgMatches) -> Result<(), InputError> {
    for arg in settings(verb) {
        let id = arg.get_id().as_str();
        if flags.value_source(id) != Some(clap::parser::ValueSource::CommandLine) {
            continue;
        }
        let values: Vec<String> = flags
            .get_raw(id)
            .into_iter()
            .flatten()
            .map(|v| v.to_string_lossy().into_owned())
            .collect();
        let place = Place::Flag {
            setting: arg.get_long().unwrap_or_default().to_owned(),
        };
        check::by_name(arg, &values, &place)?;
    }
    Ok(())
}

/// `SHIPWAY_INPUTS`: all inputs of the action as one JSON object, `""` for those that are not set.
fn inputs(verb: &Command, env: &Env) -> Result<Values, InputError> {
    let mut values = Values::new();
    let Some(json) = env.var("SHIPWAY_INPUTS") else {
        return Ok(values);
    };
    let wrong = |reason: String| InputError::Inputs { reason };
    let inputs: Value = serde_json::from_str(json)
        .map_err(|e| wrong(format!("line {} column {}", e.line(), e.column())))?;
    let Value::Object(inputs) = inputs else {
        return Err(wrong("it is no object".to_owned()));
    };
    for (input, value) in inputs {
        // All of the action's inputs come in one object.
        if OF_THE_ACTION.iter().any(|(own, _)| *own == input) {
            continue;
        }
        let Some(arg) = settings(verb).find(|a| a.get_long() == Some(&input)) else {
            return Err(InputError::UnknownInput {
                near: nearest(&input, settings(verb).filter_map(|a| a.get_long())),
                verb: verb.get_name().to_owned(),
                input,
            });
        };
        let text = match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(wrong(format!("the value of `{input}` is no text")));
            }
        };
        let place = Place::Input {
            setting: input.clone(),
        };
        insert(&mut values, arg, &input, &text, &place)?;
    }
    Ok(values)
}

fn variables(verb: &Command, env: &Env) -> Result<Values, InputError> {
    let mut values = Values::new();
    for arg in settings(verb) {
        let Some(setting) = arg.get_long() else {
            continue;
        };
        let name = variable(setting);
        if let Some(text) = env.var(&name) {
            let place = Place::Variable { name };
            insert(&mut values, arg, setting, text, &place)?;
        }
    }
    Ok(values)
}

fn insert(
    values: &mut Values,
    arg: &Arg,
    setting: &str,
    text: &str,
    place: &Place,
) -> Result<(), InputError> {
    if text.trim().is_empty() {
        return Ok(());
    }
    let texts = check::split(arg, text, place)?;
    check::check(arg, &texts, place)?;
    if !texts.is_empty() {
        values.insert(setting.to_owned(), texts);
    }
    Ok(())
}

/// The arguments of a verb that are settings: those with a long name, clap's own aside.
pub(super) fn settings(verb: &Command) -> impl Iterator<Item = &Arg> {
    verb.get_arguments()
        .filter(|a| a.get_long().is_some_and(|l| l != "help" && l != "version"))
}

/// The known name that a misspelt one may mean.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let word = word.to_lowercase().replace('_', "-");
    known
        .map(|k| (strsim::jaro_winkler(&word, k), k))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k.to_owned())
}
