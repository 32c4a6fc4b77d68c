//! How a deploy ends, told to everyone: log, comment, outputs, exit code. Decides nothing about the verdict.

use super::Deploy;
use crate::error::Error;
use crate::model::verdict::Status;
use crate::report::markdown::{self, Announcement, State};
use crate::report::{Ending, Phase};
use crate::rollout::Ended;
use crate::verbs::verdict::{self, Noting};

pub fn cancelled_before_any_change() -> Ended {
    verdict::cancelled("Nothing was changed: the service was not updated.")
}

/// AWS was asked for a change and has not answered.
pub fn cancelled_in_between() -> Ended {
    verdict::cancelled(
        "AWS was asked to change the service and has not answered: whether ECS goes on with a new deployment is not known.",
    )
}

impl Deploy<'_> {
    /// One edit of the comment and one status of the deployment a phase; silent where there is nobody to tell.
    pub(super) fn say_where_we_are(&mut self, phase: Phase) {
        self.about = self.at(phase);
        self.announcer.update(&self.about);
    }

    /// What there is to say while a phase goes on.
    pub(super) fn at(&self, phase: Phase) -> Announcement {
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
    pub(super) async fn finish(mut self, told: Result<Ended, Error>) -> u8 {
        let said_error = told.is_err();
        let exit_code = match told {
            Ok(ended) => self.noted(|noting| noting.verdict(ended)),
            Err(error) => {
                let deployment = self.deployment_id.take();
                self.noted(|noting| noting.error(&error, deployment.as_deref()))
            }
        };
        let cancelled = matches!(
            self.about.state,
            State::Ended {
                status: Status::Cancelled,
                ..
            }
        );
        self.about.phases = self.report.phases();
        self.about.took = Some(self.env.clock.elapsed());
        self.about.history = self.announcer.history(&self.env.cancel).await;
        self.report.keep(&self.about);
        // What was said in full a moment ago is not said again.
        let headline = match said_error {
            true => markdown::verdict_alone(&self.about),
            false => markdown::headline(&self.about),
        };
        let ending = Ending {
            headline,
            exit_code,
            summary: Some(markdown::summary(&self.about)),
        };
        // Who cancelled waits for the last words: they come before GitHub is asked.
        if cancelled {
            self.note_announced();
            self.report.finish(&self.outputs, &ending);
        }
        self.announcer.conclude(&self.about, &self.env.cancel).await;
        if !cancelled {
            self.note_announced();
            self.report.finish(&self.outputs, &ending);
        }
        exit_code
    }

    fn note_announced(&mut self) {
        self.outputs.comment_url = self.announcer.comment_url();
        let deployment = self.announcer.github_deployment_id();
        self.outputs.github_deployment_id = deployment.map(|id| id.to_string());
    }

    fn noted(&mut self, note: impl FnOnce(&mut Noting<'_>) -> u8) -> u8 {
        let service = self.about.service.clone();
        note(&mut Noting {
            report: &self.report,
            cancel: &self.env.cancel,
            outputs: &mut self.outputs,
            about: &mut self.about,
            cluster: &self.args.target.cluster,
            service: &service,
        })
    }
}
