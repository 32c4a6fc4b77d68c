//! Everything from outside the cloud, read once: flag > `SHIPWAY_INPUTS` > `SHIPWAY_<FLAG>` > `shipway.yml` > default.
//!
//! clap's `Command` is the schema. What the other sources say becomes clap's defaults, so one struct results and nothing
//! merges options by hand. Each value is parsed by its own argument first, so that an error names where it was written.

pub mod arguments;
pub mod check;
pub mod env;
pub mod error;
pub mod file;
pub mod generate;
pub mod lists;
mod preview;
pub mod secret;
pub mod sources;
pub mod trigger;
pub mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use crate::error::Error;

use arguments::{Cli, Command};
use env::Env;
use values::OutputFormat;

pub use error::{InputError, Place};

/// Why there are no arguments to run with.
pub enum Unread {
    /// `--help` or `--version`: text for stdout, and exit 0.
    Shown(String),
    Refused(Error),
}

impl From<InputError> for Unread {
    fn from(error: InputError) -> Unread {
        Unread::Refused(error.into())
    }
}

/// Reads the command line and all that stands behind it. `args` begins with the program's name.
pub fn read(args: Vec<OsString>, env: &Env) -> Result<Cli, Unread> {
    let schema = schema();
    // First without anything else: help and misspelt flags do not wait for a file to be right.
    let loose = schema
        .clone()
        .mut_subcommands(|verb| verb.mut_args(|arg| arg.required(false)));
    let matches = loose
        .try_get_matches_from(args.clone())
        .map_err(|e| refused(e, env))?;
    let Some((name, flags)) = matches.subcommand() else {
        return parsed(&matches, env);
    };
    let Some(verb) = schema.find_subcommand(name).filter(|v| takes_settings(v)) else {
        return parsed(&matches, env);
    };
    sources::check_flags(verb, flags)?;

    let mut values = sources::read(&schema, verb, flags, env)?;
    if let Some(region) = env
        .var("AWS_REGION")
        .or_else(|| env.var("AWS_DEFAULT_REGION"))
        && verb.get_arguments().any(|a| a.get_id() == "aws_region")
    {
        values
            .entry("aws-region".to_owned())
            .or_insert_with(|| vec![region.to_owned()]);
    }
    let filled = filled(schema.clone(), name, values);
    let matches = filled
        .try_get_matches_from(args)
        .map_err(|e| refused(e, env))?;
    let cli = parsed(&matches, env)?;
    let (given, repository) = match &cli.command {
        Command::Deploy(deploy) => (&deploy.promote.image, &deploy.build.ecr_repository),
        Command::Plan(plan) => (&plan.promote.image, &plan.build.ecr_repository),
        Command::Build(build) if build.build.ecr_repository.is_none() => {
            return Err(InputError::missing(&["ecr-repository".to_owned()], env).into());
        }
        _ => return Ok(cli),
    };
    if given.is_none() && repository.is_none() {
        return Err(InputError::NoImage.into());
    }
    Ok(cli)
}

/// What stdout gets when the arguments cannot be read: a program that asked for JSON gets it then too.
pub fn output_format(args: &[OsString], env: &Env) -> OutputFormat {
    let flag = args
        .iter()
        .zip(args.iter().skip(1))
        .any(|(flag, value)| flag == "--output" && value == "json")
        || args.iter().any(|a| a == "--output=json");
    let input = env
        .var("SHIPWAY_INPUTS")
        .and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok())
        .is_some_and(|inputs| inputs["output"] == "json");
    if flag || input || env.var("SHIPWAY_OUTPUT") == Some("json") {
        OutputFormat::Json
    } else {
        OutputFormat::Text
    }
}

/// Whether a text is a `shipway.yml`.
pub fn check_file(text: &str) -> Result<(), InputError> {
    sources::read_file(&schema(), "shipway.yml", text).map(drop)
}

/// The command with where else each value can be set in its help.
pub fn schema() -> clap::Command {
    Cli::command().mut_subcommands(|verb| {
        if !takes_settings(&verb) {
            return verb;
        }
        verb.mut_args(|arg| {
            let Some(long) = arg.get_long() else {
                return arg;
            };
            let variable = sources::variable(long);
            let with = |help: &clap::builder::StyledStr| format!("{help} [env: {variable}]");
            let (short, long_help) = (arg.get_help().map(with), arg.get_long_help().map(with));
            let arg = match short {
                Some(help) => arg.help(help),
                None => arg,
            };
            match long_help {
                Some(help) => arg.long_help(help),
                None => arg,
            }
        })
    })
}

/// A verb with `--config` reads all the sources.
fn takes_settings(verb: &clap::Command) -> bool {
    verb.get_arguments().any(|a| a.get_id() == "config")
}

fn filled(
    schema: clap::Command,
    verb: &str,
    values: BTreeMap<String, Vec<String>>,
) -> clap::Command {
    schema.mut_subcommand(verb, |verb| {
        verb.mut_args(|arg| match arg.get_long().and_then(|l| values.get(l)) {
            Some(values) => arg.required(false).default_values(values.clone()),
            None => arg,
        })
    })
}

fn parsed(matches: &clap::ArgMatches, env: &Env) -> Result<Cli, Unread> {
    Cli::from_arg_matches(matches).map_err(|e| refused(e, env))
}

/// clap's words, without its colours, its prefix and its hint to `--help`.
fn refused(error: clap::Error, env: &Env) -> Unread {
    if !error.use_stderr() {
        return Unread::Shown(error.render().to_string());
    }
    if error.kind() == ErrorKind::MissingRequiredArgument
        && let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg)
    {
        let settings: Vec<String> = missing
            .iter()
            .map(|m| {
                m.split_whitespace()
                    .next()
                    .unwrap_or(m)
                    .trim_start_matches("--")
                    .to_owned()
            })
            .collect();
        return InputError::missing(&settings, env).into();
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nUsage:").next().unwrap_or(text);
    let text = text
        .split("\n\nFor more information")
        .next()
        .unwrap_or(text);
    InputError::Usage {
        text: text.trim().to_owned(),
    }
    .into()
}
