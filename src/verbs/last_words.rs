//! The last words of a run that announces itself: to the log, the outputs, the summary, the comment and the deployment, in
//! the order that leaves nobody waiting. Decides nothing.

use crate::inputs::env::Env;
use crate::model::verdict::{Outputs, Status};
use crate::report::markdown::{self, Announcement};
use crate::report::{Ending, Report};
use crate::steps::announce::Announcer;

/// Who hears them, and what there is to say.
pub(super) struct LastWords<'a> {
    pub env: &'a Env,
    pub report: &'a Report,
    pub announcer: &'a mut Announcer,
    pub outputs: &'a mut Outputs,
    pub about: &'a mut Announcement,
}

impl LastWords<'_> {
    /// `said_error`: what was said in full a moment ago is not said again. Returns the exit code.
    pub async fn say(mut self, exit_code: u8, said_error: bool) -> u8 {
        let cancel = &self.env.cancel;
        self.about.phases = self.report.phases();
        self.about.took = Some(self.env.clock.elapsed());
        self.about.history = self.announcer.history(cancel).await;
        self.report.keep(self.about);
        if exit_code == 0 {
            for line in markdown::time_in_lines(self.about) {
                self.report.line(line);
            }
        }
        let headline = match said_error {
            true => markdown::verdict_alone(self.about),
            false => markdown::headline(self.about),
        };
        let ending = Ending {
            headline,
            exit_code,
            summary: Some(markdown::summary(self.about)),
        };
        // Who cancelled waits for the last words: they come before GitHub is asked.
        let cancelled = self.about.state.status() == Some(Status::Cancelled);
        if cancelled {
            self.note_announced();
            self.report.finish(self.outputs, &ending);
        }
        self.announcer.conclude(self.about, cancel).await;
        if !cancelled {
            self.note_announced();
            self.report.finish(self.outputs, &ending);
        }
        exit_code
    }

    fn note_announced(&mut self) {
        self.outputs.comment_url = self.announcer.comment_url();
        let deployment = self.announcer.github_deployment_id();
        self.outputs.github_deployment_id = deployment.map(|id| id.to_string());
    }
}
