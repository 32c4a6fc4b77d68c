//! What a run about previews tells, and whom: outputs, announcement, the pull request. Decides nothing.

use std::sync::Arc;

use secrecy::SecretString;

use super::Run;
use crate::error::Error;
use crate::inputs::arguments::PreviewArgs;
use crate::inputs::env::{Env, Signal};
use crate::inputs::trigger::Trigger;
use crate::inputs::values::DeploymentMode;
use crate::model::claims::Claims;
use crate::model::preview::{PreviewOf, PreviewState};
use crate::model::verdict::{Outputs, Status, Verb};
use crate::plan::preview::decide::Word;
use crate::report::markdown::{self, Announcement, Failure, Preview, State};
use crate::report::page::About;
use crate::report::{Ending, Phase, Report, Text};
use crate::steps::announce::{Announcer, Asked, Kind};
use crate::steps::finish;
use crate::verbs::last_words::LastWords;

/// What there is to tell so far: it grows as the story goes on, so that a failure says what there is to say.
pub(super) struct Telling<'a> {
    args: &'a PreviewArgs,
    env: &'a Env,
    report: Arc<Report>,
    pub outputs: Outputs,
    /// Its `preview` is set where the word is about one pull request.
    pub about: Announcement,
    pub announcer: Announcer,
}

impl<'a> Telling<'a> {
    pub fn new(args: &'a PreviewArgs, env: &'a Env, report: &Arc<Report>) -> Telling<'a> {
        Telling {
            args,
            env,
            report: report.clone(),
            outputs: Outputs {
                verb: Verb::Preview,
                deployment_status: Status::NotStarted.word().to_owned(),
                ..Outputs::default()
            },
            about: Announcement::default(),
            announcer: Announcer::none(),
        }
    }

    /// What is done, to which preview, and why.
    pub fn about(
        &mut self,
        word: Word,
        of: Option<&PreviewOf>,
        why: Option<Text>,
        trigger: Option<&Trigger>,
    ) {
        self.about.run_url = trigger.and_then(Trigger::run_url);
        let Some(of) = of else { return };
        self.about.cluster.clone_from(&of.cluster);
        self.about.service.clone_from(&of.base_service);
        self.about.preview = Some(Preview {
            word,
            pull_request: of.pull_request,
            state: PreviewState::Deploying,
            since: None,
            expires: None,
            why,
            removed: None,
            left: Vec::new(),
        });
    }

    /// Whom to tell: the pull request's comment and its GitHub Deployments.
    pub fn find(
        &mut self,
        of: &PreviewOf,
        token: Option<&SecretString>,
        trigger: Option<&Trigger>,
        claims: Option<&Claims>,
    ) {
        let environment = claims.and_then(|c| c.environment.as_ref());
        let announce = &self.args.announce;
        let shown = announce.github_deployment == DeploymentMode::Auto;
        let asked = Asked {
            token,
            trigger,
            service: &format!("{}/{}", of.cluster, of.base_service),
            claims,
            comment: announce.comment,
            deployment: shown.then(|| Kind::preview(of.pull_request, environment)),
            preview: Some(of.pull_request),
            on_announced_commit: false,
        };
        self.announcer = Announcer::find(self.env, asked, &self.report);
    }

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

    /// The last words, to everyone; `about` says how it ended. Returns the exit code.
    pub async fn finish(self, exit_code: u8) -> u8 {
        self.end(exit_code, false).await
    }

    /// The same of an error that was said in full.
    pub async fn finish_said(self, exit_code: u8) -> u8 {
        self.end(exit_code, true).await
    }

    /// The same of an error, which is said in full here. What came before it stays in the outputs.
    pub async fn fail(mut self, error: Error) -> u8 {
        if self.about.preview.is_none() {
            return self.end_page(finish::Told::Failed(error));
        }
        self.report.error(&error);
        self.outputs.failure_code = Some(error.code());
        let (cause, failure) = Failure::of(&error, self.report.quoted());
        let status = match self.about.state.status() {
            // What was asked of AWS is known: whoever knows has said how it stands.
            Some(status) => status,
            None => Status::NotStarted,
        };
        self.outputs.deployment_status = status.word().to_owned();
        self.about.state = State::Ended {
            status,
            cause,
            failure: Some(Box::new(failure)),
        };
        self.end(error.exit_code(), true).await
    }

    /// The last words to the pull request alone: the run has more to tell.
    pub async fn announce(mut self) {
        self.announcer.conclude(&self.about, &self.env.cancel).await;
    }

    /// A signal came before anything was done.
    pub async fn cancelled(mut self) -> u8 {
        let signal = self.env.cancel.signal().unwrap_or(Signal::Interrupt);
        self.outputs.deployment_status = Status::Cancelled.word().to_owned();
        if self.about.preview.is_none() {
            return self.end_page(finish::Told::Cancelled);
        }
        self.about.state = State::Ended {
            status: Status::Cancelled,
            cause: Some("Nothing was changed.".into()),
            failure: None,
        };
        self.end(signal.exit_code(), false).await
    }

    /// Nothing is to be done. A line, no comment, and the job stays green.
    pub fn nothing(self, why: Text) -> u8 {
        let ending = Ending {
            summary: Some(markdown::nothing_done(&why)),
            headline: why,
            exit_code: 0,
        };
        self.report.finish(&self.outputs, &ending);
        0
    }

    async fn end(mut self, exit_code: u8, said_error: bool) -> u8 {
        self.about.stretches = self.report.stretches();
        let words = LastWords {
            env: self.env,
            report: &self.report,
            announcer: &mut self.announcer,
            outputs: &mut self.outputs,
            about: &mut self.about,
        };
        words.say(exit_code, said_error).await
    }

    /// Without a preview there is nothing to announce: the words stay in the run.
    fn end_page(self, told: finish::Told) -> u8 {
        let about = About {
            run_url: self.about.run_url,
            ..About::default()
        };
        finish::finish(self.env, &self.report, self.outputs, about, told)
    }
}

impl<'a> Run<'a> {
    /// To tell one pull request of several, as `prune` does.
    pub(super) fn telling_of(&self, of: &PreviewOf, word: Word, why: Option<Text>) -> Telling<'a> {
        let mut told = Telling::new(self.args, self.env, &self.report);
        let trigger = self.trigger.as_ref();
        told.about(word, Some(of), why, trigger);
        told.find(of, self.token.as_ref(), trigger, self.claims.as_ref());
        told
    }
}
