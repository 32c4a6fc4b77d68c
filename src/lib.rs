//! Shipway takes a commit to a healthy service on Amazon ECS.
//!
//! A deploy is five words: **gather → plan → apply → watch → announce** (`verbs/deploy`). `model` holds the nouns,
//! `plan` and `rollout` decide purely, `steps` act, `aws`, `docker`, `git` and `github` are ports, `report` speaks.
//! `ARCHITECTURE.md` has the map.

mod aws;
/// Public for the bench that compares it with Docker's own client; no API to build on.
#[doc(hidden)]
pub mod docker;
mod error;
/// Public for fuzzers, which hand it any bytes; no API to build on.
#[doc(hidden)]
pub mod fuzz;
mod git;
mod github;
mod inputs;
mod model;
mod plan;
mod report;
mod rollout;
mod steps;
mod verbs;
mod wire;

pub use error::Error;
pub use inputs::env::{Cancel, Clock, Env, Signal};
pub use inputs::schema;
/// Public for tests that seed an image which a build would reuse.
#[doc(hidden)]
pub use model::image_tag::BuildInputs;
pub use model::verdict::{Outputs, outputs_of};
pub use wire::Wire;

use std::ffi::OsString;

use futures_util::FutureExt;
use inputs::{Unread, arguments};
use model::verdict::{Status, Verb};
use report::{Ending, Report, Text};

/// One run, from the command line to the exit code. `args` begins with the program's name.
pub async fn run(args: Vec<OsString>, env: Env) -> u8 {
    let format = inputs::output_format(&args, &env);
    let verb = args.get(1).and_then(|a| a.to_str()).and_then(Verb::parse);
    match inputs::read(args, &env) {
        // Erased: a whole story is too deep a type for whoever holds it.
        Ok(cli) => dispatch(cli, env).boxed_local().await,
        Err(Unread::Shown(text)) => {
            report::show(&env, &text);
            0
        }
        Err(Unread::Refused(error)) => {
            let report = Report::new(&env, format);
            report.error(&error);
            report.finish(
                &Outputs {
                    verb: verb.unwrap_or_default(),
                    deployment_status: Status::NotStarted.word().to_owned(),
                    failure_code: Some(error.code()),
                    ..Outputs::default()
                },
                &Ending {
                    headline: Text::new(),
                    exit_code: error.exit_code(),
                    summary: None,
                },
            );
            error.exit_code()
        }
    }
}

async fn dispatch(cli: arguments::Cli, env: Env) -> u8 {
    match cli.command {
        arguments::Command::Deploy(args) => verbs::deploy::deploy(&args, &env).await,
        arguments::Command::Build(args) => verbs::build::build(&args, &env).await,
        arguments::Command::Plan(args) => verbs::plan::plan(&args, &env).await,
        arguments::Command::Preview(args) => verbs::preview::preview(&args, &env).await,
        arguments::Command::Scale(args) => verbs::scale::scale(&args, &env).await,
        arguments::Command::Rollback(args) => verbs::rollback::rollback(&args, &env).await,
        arguments::Command::Doctor(args) => verbs::doctor::doctor(&args, &env).await,
        arguments::Command::Schema(args) => verbs::schema::schema(&args, &env),
        #[cfg(feature = "try")]
        arguments::Command::Try(args) => code_of(verbs::try_it::run(&args, &env).await, &env),
        #[cfg(feature = "try")]
        arguments::Command::Sandbox(args) => code_of(verbs::sandbox::run(&args, &env).await, &env),
    }
}

/// The exit code of a verb that has no outputs; an error is told first.
#[cfg(feature = "try")]
fn code_of(ended: Result<u8, Error>, env: &Env) -> u8 {
    ended.unwrap_or_else(|error| {
        Report::new(env, inputs::values::OutputFormat::Text).error(&error);
        error.exit_code()
    })
}
