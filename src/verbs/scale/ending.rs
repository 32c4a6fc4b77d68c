//! The last words of a run over many services: table, job summary, outputs, exit code.

use super::Scale;
use crate::error::Error;
use crate::inputs::env::Signal;
use crate::model::verdict::{Outputs, Verb};
use crate::report::Ending;
use crate::report::fleet::{self, Fleet};
use crate::report::markdown::fleet_summary;
use crate::report::page::About;
use crate::steps::finish::{Told, finish};

/// At least one service failed.
const SOME_FAILED: u8 = 1;

impl Scale<'_> {
    /// Tells everyone; answers the exit code.
    pub(super) fn finish(self, told: Result<(), Error>) -> u8 {
        let outputs = Outputs {
            verb: Verb::Scale,
            ..Outputs::default()
        };
        let signal = self.env.cancel.signal();
        let about = || About {
            run_url: self.run_url.clone(),
            ..About::default()
        };
        match (told, signal) {
            (Err(error), _) => finish(
                self.env,
                &self.report,
                outputs,
                about(),
                Told::Failed(error),
            ),
            (Ok(()), Some(_)) if self.outcome.services.is_empty() => {
                finish(self.env, &self.report, outputs, about(), Told::Cancelled)
            }
            (Ok(()), signal) => self.ended(outputs, signal),
        }
    }

    fn ended(self, mut outputs: Outputs, signal: Option<Signal>) -> u8 {
        let outcome = &self.outcome;
        let fleet = Fleet {
            took: self.env.clock.elapsed(),
            run_url: self.run_url.clone(),
            ..Fleet::of(outcome)
        };
        outputs.changed = outcome.changed();
        outputs.services = serde_json::to_value(fleet::services(&fleet)).ok();
        outputs.failure_code = outcome.failures().next().map(|f| f.code.clone());
        let table = fleet::lines(&fleet);
        match outcome.dry_run {
            // It is what was asked for.
            true => self.report.answer(&table),
            false => table.into_iter().for_each(|line| self.report.line(line)),
        }
        self.report.keep_fleet(&fleet);
        let exit_code = match signal {
            Some(signal) if outcome.cancelled => signal.exit_code(),
            _ if outcome.failures().next().is_some() => SOME_FAILED,
            _ => 0,
        };
        let ending = Ending {
            headline: fleet::headline(&fleet),
            exit_code,
            summary: Some(fleet_summary(&fleet)),
        };
        self.report.finish(&outputs, &ending);
        exit_code
    }
}
