//! How a deploy or a rollback ends, told to everyone: log, comment, outputs, exit code. Decides nothing about the verdict.

use super::Rolling;
use crate::error::Error;
use crate::report::Phase;
use crate::report::markdown::{Announcement, State};
use crate::rollout::Ended;
use crate::verbs::last_words::LastWords;
use crate::verbs::verdict::{self, Noting};

pub(in crate::verbs) fn cancelled_before_any_change() -> Ended {
    verdict::cancelled("Nothing was changed: the service was not updated.")
}

/// AWS was asked for a change and has not answered.
pub(super) fn cancelled_in_between() -> Ended {
    verdict::cancelled(
        "AWS was asked to change the service and has not answered: whether ECS goes on with a new deployment is not known.",
    )
}

impl Rolling<'_> {
    /// One edit of the comment and one status of the deployment a phase; silent where there is nobody to tell.
    pub fn say_where_we_are(&mut self, phase: Phase) {
        self.about = self.at(phase);
        self.announcer.update(&self.about);
    }

    /// What there is to say while a phase goes on.
    pub fn at(&self, phase: Phase) -> Announcement {
        let now = self.env.clock.timestamp();
        Announcement {
            state: State::InProgress {
                phase,
                since: now.strftime("%H:%M:%S").to_string(),
            },
            phases: self.report.phases(),
            ..self.about.clone()
        }
    }

    /// The last words, to everyone. Returns the exit code.
    pub async fn finish(mut self, told: Result<Ended, Error>) -> u8 {
        let said_error = told.is_err();
        let exit_code = match told {
            Ok(ended) => self.noted(|noting| noting.verdict(ended)),
            Err(error) => {
                let deployment = self.deployment_id.take();
                self.noted(|noting| noting.error(&error, deployment.as_deref()))
            }
        };
        let words = LastWords {
            env: self.env,
            report: &self.report,
            announcer: &mut self.announcer,
            outputs: &mut self.outputs,
            about: &mut self.about,
        };
        words.say(exit_code, said_error).await
    }

    fn noted(&mut self, note: impl FnOnce(&mut Noting<'_>) -> u8) -> u8 {
        let service = self.about.service.clone();
        note(&mut Noting {
            report: &self.report,
            cancel: &self.env.cancel,
            outputs: &mut self.outputs,
            about: &mut self.about,
            cluster: self.target.cluster,
            service: &service,
        })
    }
}
