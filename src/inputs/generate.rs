//! What is written from clap, so that it cannot say anything else: the JSON Schema of `shipway.yml`, the actions, the
//! reference. Makes texts; reads and writes nothing.

mod action;
mod file;
mod patterns;
mod reference;

use clap::{Arg, Command, CommandFactory};

use super::arguments::Cli;
use super::check::{self, Shape};
use super::{sources, takes_settings};

pub use action::{ACTIONS, action};
pub use file::file;
pub use reference::reference;

/// Inputs of the actions that are no settings of the binary: `install.sh` reads them, from variables of their own.
pub(super) const OF_THE_ACTION: [(&str, &str); 1] = [(
    "mirror",
    "Address that holds the binary, when the release is out of reach, as `vVERSION/shipway-TARGET.gz`; its sha256 is part of the \
     action, whoever serves it [default: the release]",
)];

/// One setting, as a person is told of it.
struct Setting {
    name: String,
    /// Whole, as `--help` shows it.
    help: String,
    heading: String,
    required: bool,
    shape: Shape,
    choices: Vec<String>,
    /// Of a whole number.
    range: Option<(i64, i64)>,
    /// clap's own.
    default: Option<String>,
    /// `SECONDS`, `KEY=VALUE`, …
    takes: String,
}

impl Setting {
    fn of(arg: &Arg) -> Option<Setting> {
        let name = arg.get_long()?.to_owned();
        let help = arg.get_long_help().or_else(|| arg.get_help());
        let choices = arg.get_possible_values();
        Some(Setting {
            help: words(&help.map(ToString::to_string).unwrap_or_default()),
            heading: arg.get_help_heading().unwrap_or_default().to_owned(),
            required: arg.is_required_set(),
            shape: Shape::of(arg),
            choices: match Shape::of(arg) {
                Shape::Bool => Vec::new(),
                _ => choices.iter().map(|c| c.get_name().to_owned()).collect(),
            },
            range: range(arg),
            default: arg
                .get_default_values()
                .first()
                .map(|v| v.to_string_lossy().into_owned()),
            takes: arg
                .get_value_names()
                .and_then(|names| names.first())
                .map(ToString::to_string)
                .unwrap_or_default(),
            name,
        })
    }

    /// The help without its last words on the default, and those.
    fn meaning_and_default(&self) -> (&str, Option<&str>) {
        match self.help.rsplit_once(" [default: ") {
            Some((meaning, default)) => (meaning, default.strip_suffix(']')),
            None => (&self.help, None),
        }
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The verbs that have settings, in clap's order.
fn verbs() -> Vec<Command> {
    Cli::command()
        .get_subcommands()
        .filter(|verb| takes_settings(verb))
        .cloned()
        .collect()
}

fn settings(verb: &Command) -> Vec<Setting> {
    sources::settings(verb).filter_map(Setting::of).collect()
}

/// clap tells a range to those alone who leave it.
fn range(arg: &Arg) -> Option<(i64, i64)> {
    let problem = check::problem_of(arg, &i64::MAX.to_string())?;
    let (low, high) = problem.split_once(" is not in ")?.1.split_once("..=")?;
    Some((low.parse().ok()?, high.parse().ok()?))
}
