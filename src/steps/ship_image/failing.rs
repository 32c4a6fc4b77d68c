//! How shipping an image fails, in words: a failing step's own output first, then one line. Decides nothing.

use std::path::PathBuf;

use miette::Diagnostic;

use super::telling;
use crate::docker::{BuildFailure, DockerError};
use crate::error::Error;
use crate::model::Untrusted;
use crate::model::untrusted::one_line;
use crate::report::{Event, Report, Text};

#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ShipError {
    #[error("the image could not be built: {step} failed{place}: {message}")]
    #[diagnostic(
        code(shipway::build::failed),
        help("the step's own output stands above; `docker build` on this machine repeats it")
    )]
    Build {
        step: String,
        place: String,
        message: String,
    },

    #[error("{what}: {said}")]
    #[diagnostic(
        code(shipway::build::engine),
        help("`docker info` and the engine's log say more")
    )]
    Engine { what: String, said: String },

    #[error("{what}: {said}")]
    #[diagnostic(
        code(shipway::push::failed),
        help("the registry's message says why; run again if it was the network")
    )]
    Push { what: String, said: String },

    #[error(
        "tag {tag} of {repository} names another image ({digest}) and the repository forbids moving it"
    )]
    #[diagnostic(
        code(shipway::push::tag_immutable),
        help(
            "the image under this tag was built from other inputs: commit the change that makes them differ, or delete the tag if nothing runs it"
        )
    )]
    Immutable {
        repository: String,
        tag: String,
        digest: String,
    },

    #[error("{repository} does not show {reference}, which was just pushed")]
    #[diagnostic(
        code(shipway::push::not_there),
        help("run again: if it is there by then, it is reused")
    )]
    NotThere {
        repository: String,
        reference: String,
    },
}

/// Foreign words out of an engine's error: a failing step's output first, then one escaped line in the error itself.
pub(super) fn told(error: DockerError, report: &Report) -> Error {
    let what = error.to_string();
    let said = error
        .said()
        .map(|said| one_line(&Untrusted::new(said.0.as_str())));
    match error {
        DockerError::BuildFailed(failure) => failed(*failure, report),
        DockerError::Engine { .. } => ShipError::Engine {
            what,
            said: said.unwrap_or_default(),
        }
        .into(),
        DockerError::PushFailed { .. } => ShipError::Push {
            what,
            said: said.unwrap_or_default(),
        }
        .into(),
        other => other.into(),
    }
}

fn failed(failure: BuildFailure, report: &Report) -> Error {
    let step = failure.step.as_ref().map(telling::step_in_words);
    let file = failure
        .dockerfile
        .file_name()
        .map(PathBuf::from)
        .unwrap_or_default();
    let place = failure
        .dockerfile_line
        .map(|line| format!(" ({}:{line})", file.display()))
        .unwrap_or_default();
    if !failure.log.is_empty() {
        let log: Vec<&str> = failure.log.iter().map(|line| line.0.as_str()).collect();
        let title = Text::new().say("Output of ").quote(&Untrusted::new(
            step.clone().unwrap_or_else(|| "the build".to_owned()),
        ));
        report.say(Event::Quoted {
            title: title.say(place.clone()),
            text: Untrusted::new(log.join("\n")),
        });
    }
    let step = one_line(&Untrusted::new(
        step.unwrap_or_else(|| "the build".to_owned()),
    ));
    ShipError::Build {
        step,
        place,
        message: one_line(&Untrusted::new(failure.message.0)),
    }
    .into()
}
