//! The last words of a run that deployed nothing: log, job summary, outputs, exit code. Decides nothing.

use crate::error::Error;
use crate::inputs::env::{Env, Signal};
use crate::model::verdict::{Outputs, Verb};
use crate::plan::Plan;
use crate::report::page::{self, About, BuiltImage};
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
        _ => "no plan",
    };
    let (headline, exit_code, summary) = match told {
        Told::Built(image) => (page::built_headline(&image), 0, page::built(&image, &about)),
        Told::Planned(plan) => (
            page::planned_headline(&plan),
            0,
            page::planned(&plan, &about),
        ),
        Told::Failed(error) => {
            report.error(&error);
            outputs.failure_code = Some(error.code());
            let summary = page::failed(what, &error, &about);
            (Text::new().say(what), error.exit_code(), summary)
        }
        Told::Cancelled => {
            let signal = env.cancel.signal().unwrap_or(Signal::Interrupt);
            let headline = Text::new().say(format!("{what}: cancelled"));
            (headline, signal.exit_code(), page::cancelled(what, &about))
        }
    };
    let ending = Ending {
        headline,
        exit_code,
        summary: Some(summary),
    };
    report.finish(&outputs, &ending);
    exit_code
}
