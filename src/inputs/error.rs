//! What can be wrong with what was asked: each error names the file and line, the variable, the input or the flag. None
//! holds a value that could be a secret.

use std::path::PathBuf;

use miette::Diagnostic;

use super::env::Env;

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Flag {
        setting: String,
    },
    /// An input of the action.
    Input {
        setting: String,
    },
    Variable {
        name: String,
    },
    /// A key of the file as a whole.
    Key {
        file: String,
        setting: String,
    },
    File {
        file: String,
        line: usize,
        column: usize,
        setting: String,
    },
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Flag { setting } => write!(f, "`--{setting}`"),
            Place::Input { setting } => write!(f, "input `{setting}`"),
            Place::Variable { name } => write!(f, "`{name}`"),
            Place::Key { file, setting } => write!(f, "`{setting}` in {file}"),
            Place::File {
                file,
                line,
                column,
                setting,
            } => write!(f, "{file}:{line}:{column}: `{setting}`"),
        }
    }
}

#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum InputError {
    #[error("{text}")]
    #[diagnostic(
        code(shipway::usage::arguments),
        help("`shipway --help` and `shipway <COMMAND> --help` list what there is")
    )]
    Usage { text: String },

    #[error("not set: {settings}")]
    #[diagnostic(code(shipway::usage::missing), help("{help}"))]
    Missing { settings: String, help: String },

    #[error("neither `ecr-repository` nor `image` is set: there is nothing to deploy")]
    #[diagnostic(
        code(shipway::usage::no_image),
        help(
            "set `ecr-repository` to build and push the commit's image, or `image` to deploy one that exists"
        )
    )]
    NoImage,

    #[error("nothing says which repository the pull request is of")]
    #[diagnostic(
        code(shipway::usage::pull_request),
        help("set `repository` to `owner/name`; on GitHub it is `GITHUB_REPOSITORY`")
    )]
    NoRepository,

    #[error("`SHIPWAY_INPUTS` is not a JSON object of the action's inputs: {reason}")]
    #[diagnostic(
        code(shipway::usage::inputs),
        help(
            "it is set by the action as `${{{{ toJSON(inputs) }}}}`; elsewhere use flags or `SHIPWAY_<FLAG>`"
        )
    )]
    Inputs { reason: String },

    #[error("there is no input `{input}`{}", suggestion(.near))]
    #[diagnostic(
        code(shipway::usage::unknown_input),
        help("inputs have the names of the flags of `shipway {verb}`")
    )]
    UnknownInput {
        input: String,
        verb: String,
        near: Option<String>,
    },

    #[error("{place}: {problem}")]
    #[diagnostic(code(shipway::usage::value))]
    Value { place: Place, problem: String },

    #[error("{place}: {problem}")]
    #[diagnostic(code(shipway::config::value))]
    FileValue { place: Place, problem: String },

    #[error("{place}: entry {entry} has no key")]
    #[diagnostic(
        code(shipway::usage::key_value),
        help(
            "an entry is KEY=VALUE, the value being everything after the first `=`; an entry that holds newlines is put into double quotes as a whole"
        )
    )]
    NoKey { place: Place, entry: usize },

    #[error("{place}: the value of `{key}` is no reference to a secret")]
    #[diagnostic(
        code(shipway::usage::secrets_value),
        help(
            "the container's secrets are ARNs (`arn:…`) or parameter names (`/…`); did you mean `build-secrets`?"
        )
    )]
    SecretsValue { place: Place, key: String },

    #[error("{place} takes no secret itself, only where it is")]
    #[diagnostic(
        code(shipway::usage::secret_literal),
        help("write {form}; if a secret stood here, it may have been logged: replace it")
    )]
    SecretLiteral { place: Place, form: &'static str },

    #[error("environment variable `{name}` is not set ({setting} names it)")]
    #[diagnostic(
        code(shipway::usage::secret_unset),
        help("set it in the step's `env:`, e.g. `{name}: ${{{{ secrets.{name} }}}}`")
    )]
    SecretUnset { setting: String, name: String },

    #[error("cannot read {} ({setting} names it): {reason}", path.display())]
    #[diagnostic(code(shipway::usage::secret_unreadable))]
    SecretUnreadable {
        setting: String,
        path: PathBuf,
        reason: String,
    },

    #[error("cannot read {file}: {reason}")]
    #[diagnostic(
        code(shipway::config::unreadable),
        help(
            "`--config` names a file from the working directory; without it `shipway.yml` is read where it exists"
        )
    )]
    FileUnreadable { file: String, reason: String },

    #[error("{file}{at}: {reason}")]
    #[diagnostic(code(shipway::config::syntax))]
    FileSyntax {
        file: String,
        /// `:LINE:COLUMN`, where the parser knows.
        at: String,
        reason: String,
    },

    #[error("{file}:{line}:{column}: there is no key `{key}`{}", suggestion(.near))]
    #[diagnostic(
        code(shipway::config::unknown_key),
        help("keys have the names of the flags, as `shipway deploy --help` lists them")
    )]
    UnknownKey {
        file: String,
        line: usize,
        column: usize,
        key: String,
        near: Option<String>,
    },

    #[error("{place} is not allowed in a file")]
    #[diagnostic(
        code(shipway::config::not_in_file),
        help("use the flag or the environment variable `{variable}`")
    )]
    NotInFile { place: Place, variable: String },

    #[error("{place} is not allowed in a file, for a pull request could set it")]
    #[diagnostic(
        code(shipway::config::not_by_code),
        help(
            "set it in the workflow, as an input of the action, or as the environment variable `{variable}`"
        )
    )]
    NotByCode { place: Place, variable: String },

    #[error("{place} does not count on `{event}`")]
    #[diagnostic(
        code(shipway::config::privileged_event),
        help(
            "there the checked-out file may be somebody else's while the job has this repository's rights: set it as an input, a flag or a variable"
        )
    )]
    PrivilegedEvent { place: Place, event: String },

    #[error("cannot read the event that started this run ({path}): {reason}")]
    #[diagnostic(
        code(shipway::usage::event),
        help(
            "`GITHUB_EVENT_PATH` names the payload that the runner wrote; in a container job it must be mounted"
        )
    )]
    Event { path: String, reason: String },
}

impl InputError {
    /// Required settings that nobody set, and every way to set them.
    pub(super) fn missing(settings: &[String], env: &Env) -> InputError {
        let listed = |form: &dyn Fn(&str) -> String| {
            settings
                .iter()
                .map(|s| form(s))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let flags = listed(&|s| format!("`--{s}`"));
        let help = if env.var("SHIPWAY_INPUTS").is_some() {
            format!(
                "set the action's inputs {} (a misspelt input arrives empty)",
                listed(&|s| format!("`{s}`"))
            )
        } else {
            format!(
                "give {flags}, or set {}, or write the keys into shipway.yml",
                listed(&|s| format!("`{}`", super::sources::variable(s)))
            )
        };
        InputError::Missing {
            settings: listed(&|s| format!("`{s}`")),
            help,
        }
    }

    /// `shipway schema action --verb` names none.
    pub fn no_action(verb: &str) -> InputError {
        let known = super::generate::ACTIONS.join(", ");
        InputError::Value {
            place: Place::Flag {
                setting: "verb".to_owned(),
            },
            problem: format!("`{verb}` has no action; there are: {known}"),
        }
    }

    pub(super) fn value(place: Place, problem: String) -> InputError {
        match place {
            Place::File { .. } => InputError::FileValue { place, problem },
            _ => InputError::Value { place, problem },
        }
    }
}

fn suggestion(near: &Option<String>) -> String {
    near.as_ref()
        .map(|n| format!(", did you mean `{n}`?"))
        .unwrap_or_default()
}
