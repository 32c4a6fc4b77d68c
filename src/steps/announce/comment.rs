//! The comment on the pull request: finds which one, keeps one comment per service and environment, edits it in place, and
//! lets it remember the last deployments.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::github::client::{GitHub, GitHubError};
use crate::github::comment::{self, Comment, Marker};
use crate::github::pulls;
use crate::inputs::trigger::Trigger;
use crate::model::past::{self, PastDeployment};
use crate::report::markdown;
use crate::report::remembered::remembered;
use crate::report::{Report, Text};

use super::deployment::PREVIEW;
use super::{Asked, IN_FLIGHT, Known, Told, given_up, hurried};

pub(super) struct StickyComment {
    github: GitHub,
    trigger: Trigger,
    report: Arc<Report>,
    known: watch::Sender<Known>,
    marker: Marker,
    /// `None` as well where there is nobody to tell.
    number: Option<u64>,
    comment: Option<Comment>,
    past: Vec<PastDeployment>,
    /// What stands on the pull request is known: nothing is posted before.
    looked: bool,
    /// This run wrote it: nobody else's words are lost if it is edited unseen.
    ours: bool,
    /// Nothing more is tried.
    silent: bool,
    warned: bool,
    last: Option<String>,
}

/// How far it got.
#[derive(PartialEq, Eq)]
enum Said {
    Done,
    /// A signal came: what was being said is stale.
    Interrupted,
}

impl StickyComment {
    pub(super) fn new(
        github: &GitHub,
        trigger: &Trigger,
        asked: &Asked<'_>,
        report: &Arc<Report>,
        known: watch::Sender<Known>,
    ) -> StickyComment {
        let environment = match asked.preview {
            // One comment a preview, whichever job is at it.
            Some(_) => PREVIEW.to_owned(),
            None => {
                let environment = asked.claims.and_then(|c| c.environment.as_ref());
                environment.map(|e| e.raw().to_owned()).unwrap_or_default()
            }
        };
        StickyComment {
            github: github.clone(),
            report: report.clone(),
            known,
            marker: Marker {
                service: asked.service.to_owned(),
                environment,
                run: trigger.run_id.unwrap_or_default(),
                attempt: trigger.run_attempt,
            },
            number: asked.preview.or(trigger.pull_request),
            trigger: trigger.clone(),
            comment: None,
            past: Vec::new(),
            looked: false,
            ours: false,
            silent: false,
            warned: false,
            last: None,
        }
    }

    pub(super) async fn run(mut self, mut told: watch::Receiver<Told>) {
        if let Err(error) = self.begin().await {
            self.failed(&error);
        }
        self.known
            .send_modify(|known| known.past = Some(self.earlier()));
        while !self.silent && told.changed().await.is_ok() {
            let now = told.borrow_and_update().clone();
            let said = match self.say(&now, &told).await {
                Ok(said) => said,
                Err(error) => {
                    self.failed(&error);
                    Said::Done
                }
            };
            self.known.send_modify(|known| {
                known.comment_url = self
                    .comment
                    .as_ref()
                    .filter(|_| self.ours)
                    .map(|c| c.url.clone())
                    .filter(|url| !url.is_empty());
            });
            if now.last && said == Said::Done {
                return;
            }
        }
    }

    /// Which pull request, and what stands there.
    async fn begin(&mut self) -> Result<(), GitHubError> {
        if self.number.is_none() {
            self.number = merged_pull(&self.github, &self.trigger).await?;
        }
        match self.number {
            Some(_) => self.look_at_all().await,
            None => {
                self.silent = true;
                Ok(())
            }
        }
    }

    /// Warned of once. What GitHub refuses is not tried again; after anything else the last words are.
    fn failed(&mut self, error: &GitHubError) {
        self.silent = error.is_refusal() || self.number.is_none();
        if !self.warned {
            self.warned = true;
            warn(&self.report, error);
        }
    }

    async fn say(&mut self, now: &Told, told: &watch::Receiver<Told>) -> Result<Said, GitHubError> {
        if self.last.as_deref() == Some(self.body(now).as_str()) {
            return Ok(Said::Done);
        }
        if now.hurried && self.ours {
            // An answer that takes too long is not needed: nobody else is known to have written here.
            let _ = timeout(IN_FLIGHT, self.look()).await;
        } else if now.hurried {
            self.look().await?;
        } else {
            tokio::select! {
                biased;
                () = hurried(told) => return Ok(Said::Interrupted),
                looked = self.look() => looked?,
            }
        }
        if let Some(newer) = self.newer() {
            self.report.notice(format!(
                "the comment on pull request {} stays: run {} (attempt {}) wrote it, and is newer than this one",
                self.number.unwrap_or_default(), newer.run, newer.attempt
            ));
            self.silent = true;
            return Ok(Said::Done);
        }
        let body = self.body(now);
        let Some(there) = self.comment.as_ref().map(|c| c.id) else {
            if !markdown::is_worth_a_comment(&now.about) {
                return Ok(Said::Done);
            }
            return self.create(body).await;
        };
        let edit = comment::update_comment(&self.github, &self.trigger.repository, there, &body);
        let written = if now.hurried {
            edit.await
        } else {
            tokio::select! {
                biased;
                written = edit => written,
                () = given_up(told) => return Ok(Said::Interrupted),
            }
        };
        self.comment = Some(written?);
        self.ours = true;
        self.last = Some(body);
        Ok(Said::Done)
    }

    /// Never given up halfway, for it may have been made: a signal waits for it as long as it can, and a lost answer is
    /// looked for.
    async fn create(&mut self, body: String) -> Result<Said, GitHubError> {
        let number = self.number.unwrap_or_default();
        let made =
            comment::create_comment(&self.github, &self.trigger.repository, number, &body).await;
        match made {
            Ok(made) => self.comment = Some(made),
            Err(error @ GitHubError::Denied { .. }) => return Err(error),
            Err(error) => {
                self.looked = false;
                self.look_at_all().await?;
                let mine = |c: &Comment| {
                    c.marker.as_ref().is_some_and(|m| {
                        (m.run, m.attempt) == (self.marker.run, self.marker.attempt)
                    })
                };
                if !self.comment.as_ref().is_some_and(mine) {
                    return Err(error);
                }
            }
        }
        self.ours = true;
        self.last = Some(body);
        Ok(Said::Done)
    }

    /// Who wrote it last: all comments until they were looked through, then only ours. It may have been deleted since.
    async fn look(&mut self) -> Result<(), GitHubError> {
        let Some(known) = &self.comment else {
            return match self.looked {
                true => Ok(()),
                false => self.look_at_all().await,
            };
        };
        match comment::get_comment(&self.github, &self.trigger.repository, known.id).await {
            Ok(now) => self.found(Some(now)),
            Err(error) if error.is_not_found() => self.found(None),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn look_at_all(&mut self) -> Result<(), GitHubError> {
        let (Some((owner, name)), Some(number)) =
            (self.trigger.repository.split_once('/'), self.number)
        else {
            return Ok(());
        };
        let found = comment::find(&self.github, owner, name, number, &self.marker).await?;
        self.looked = true;
        self.found(found);
        Ok(())
    }

    fn found(&mut self, comment: Option<Comment>) {
        if let Some(comment) = &comment {
            self.past.clone_from(&comment.past);
        }
        self.comment = comment;
    }

    fn newer(&self) -> Option<&Marker> {
        let theirs = self.comment.as_ref()?.marker.as_ref()?;
        self.marker.is_older_than(theirs).then_some(theirs)
    }

    fn earlier(&self) -> Vec<PastDeployment> {
        past::earlier_than((self.marker.run, self.marker.attempt), &self.past).collect()
    }

    /// The hidden lines, then the words.
    fn body(&self, now: &Told) -> String {
        let mut about = (*now.about).clone();
        about.history = self.earlier();
        let this = remembered(&about, (self.marker.run, self.marker.attempt), now.at);
        let past = match this {
            Some(this) => past::with(this, &about.history),
            None => about.history.clone(),
        };
        let mut head = self.marker.line();
        if !past.is_empty() {
            head.push('\n');
            head.push_str(&comment::past_line(&past));
        }
        markdown::comment(&head, &about)
    }
}

/// On a push: the pull request whose merge brought the commit.
async fn merged_pull(github: &GitHub, trigger: &Trigger) -> Result<Option<u64>, GitHubError> {
    let (Some(sha), "push") = (trigger.sha.as_deref(), trigger.event_name.as_str()) else {
        return Ok(None);
    };
    let found = pulls::list_merged_pulls_of_commit(github, &trigger.repository, sha).await?;
    Ok(found.first().map(|p| p.number))
}

pub(super) fn warn(report: &Report, error: &GitHubError) {
    let (code, help) = match error {
        GitHubError::Denied { permission, .. } => (
            "shipway::github::denied",
            Text::new()
                .say("add ")
                .code(*permission)
                .say(" to the job's ")
                .code("permissions:")
                .say(", or set ")
                .code("comment: off"),
        ),
        _ => ("shipway::github::unannounced", Text::new()),
    };
    report.warn(
        code,
        format!("no comment on the pull request: {error}"),
        help,
    );
}
