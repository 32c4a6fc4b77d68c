//! The last words of a run that deployed nothing: log, job summary, outputs, exit code. Decides nothing.

use crate::error::Error;
use crate::inputs::env::{Env, Signal};
use crate::model::verdict::{Outputs, Verb};
use crate::plan::Plan;
use crate::report::markdown::Failure;
use crate::report::page::{self, About, BuiltImage, Outcome, Page};
use crate::report::{Ending, Report, Text};

/// How it went.
pub enum Told {
    Built(BuiltImage),
    Planned(Box<Plan>),
    Failed(Error),
    /// A signal came first.
    Cancelled,
}

impl Told {
    pub fn of(told: Result<Told, Error>) -> Told {
        told.unwrap_or_else(Told::Failed)
    }
}

/// Tells everyone; answers the exit code.
pub fn finish(
    env: &Env,
    report: &Report,
    mut outputs: Outputs,
    mut about: About,
    told: Told,
) -> u8 {
    about.phases = report.phases();
    about.took = env.clock.elapsed();
    let what = match outputs.verb {
        Verb::Build => "image not built",
        Verb::Preview => "nothing was done to previews",
        Verb::Scale => "no service changed",
        _ => "no plan",
    };
    let mut subject = vec![outputs.verb.word().to_owned()];
    let (headline, exit_code, outcome) = match told {
        Told::Built(image) => (page::built_headline(&image), 0, Outcome::Built(image)),
        Told::Planned(plan) => {
            subject.push(plan.service.clone());
            (page::planned_headline(&plan), 0, Outcome::Planned(plan))
        }
        Told::Failed(error) => {
            report.error(&error);
            outputs.failure_code = Some(error.code());
            let (cause, failure) = Failure::of(&error, report.quoted());
            let failed = Outcome::Failed {
                cause,
                failure: Box::new(failure),
            };
            (Text::new().say(what), error.exit_code(), failed)
        }
        Told::Cancelled => {
            let signal = env.cancel.signal().unwrap_or(Signal::Interrupt);
            let headline = Text::new().say(format!("{what}: cancelled"));
            (headline, signal.exit_code(), Outcome::Cancelled)
        }
    };
    let page = Page {
        subject,
        headline: headline.clone(),
        about,
        outcome,
    };
    report.keep_page(&page);
    let ending = Ending {
        headline,
        exit_code,
        summary: Some(page::summary(&page)),
    };
    report.finish(&outputs, &ending);
    exit_code
}
