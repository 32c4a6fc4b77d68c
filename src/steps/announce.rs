//! Tells GitHub what goes on: the comment on the pull request and the deployment on the commit, each by a task of its own,
//! so that neither delays the deploy, the other, or a signal. Whatever goes wrong here fails no deploy.
//!
//! Only the newest news counts: what was not told when the next comes is left out. The last words are always tried.

mod closing;
mod comment;
mod deployment;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::github::client::GitHub;
use crate::inputs::env::{Cancel, Clock, Env};
use crate::inputs::trigger::Trigger;
use crate::inputs::values::CommentMode;
use crate::model::claims::Claims;
use crate::model::event::is_privileged;
use crate::model::past::PastDeployment;
use crate::report::markdown::Announcement;
use crate::report::{Report, Text};

pub use deployment::Kind;

/// A runner kills us ten seconds after its first signal; people wait for the last words half as long.
const LAST_WORDS: Duration = Duration::from_millis(4_500);
/// Nobody waits longer than this for GitHub once the deploy itself is over.
const LONGEST: Duration = Duration::from_secs(25);
/// What earlier deployments tell is only compared with: nobody waits long for it.
const REMEMBERING: Duration = Duration::from_secs(2);
/// After a signal: a request in flight that may be given up is waited for so long, or it could overtake the last words.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// What is to be told, for whom.
pub struct Asked<'a> {
    pub token: Option<&'a SecretString>,
    pub trigger: Option<&'a Trigger>,
    /// `cluster/service`
    pub service: &'a str,
    /// Of the id token, where one was minted.
    pub claims: Option<&'a Claims>,
    pub comment: CommentMode,
    /// `None`: no deployment on the commit.
    pub deployment: Option<Kind>,
    /// Of a preview: its pull request, whatever the event is about.
    pub preview: Option<u64>,
    /// The deployment is on the commit that is announced, not on the event's: of a rollback.
    pub on_announced_commit: bool,
}

/// Where announcements of this run go.
pub struct Announcer {
    clock: Option<Clock>,
    /// One for each: a channel that two wait for wakes them in any order.
    told: Vec<watch::Sender<Told>>,
    known: watch::Receiver<Known>,
    tasks: Vec<JoinHandle<()>>,
}

/// What shall be said now.
#[derive(Clone, Default)]
struct Told {
    about: Arc<Announcement>,
    at: jiff::Timestamp,
    last: bool,
    /// A signal came: seconds are left.
    hurried: bool,
}

/// What GitHub answered so far.
#[derive(Clone, Debug, Default)]
struct Known {
    comment_url: Option<String>,
    deployment: Option<u64>,
    /// `None` until the comment was looked for.
    past: Option<Vec<PastDeployment>>,
    /// What earlier deployments on commits tell of themselves; `None` until they were looked at.
    remembered: Option<Vec<PastDeployment>>,
}

impl Announcer {
    /// Says nothing anywhere.
    pub fn none() -> Announcer {
        Announcer {
            clock: None,
            told: Vec::new(),
            known: watch::channel(Known {
                past: Some(Vec::new()),
                ..Known::default()
            })
            .1,
            tasks: Vec::new(),
        }
    }

    /// Finds out where to say it: the event's pull request, or on a push the merged one that the commit came from; and the
    /// event's commit. Returns at once: looking goes on behind it.
    pub fn find(env: &Env, asked: Asked<'_>, report: &Arc<Report>) -> Announcer {
        let Some(trigger) = asked.trigger else {
            return Announcer::none();
        };
        // The token of a fork's pull request may read only: what cannot be written is not tried.
        if trigger.fork && !is_privileged(&trigger.event_name) {
            return Announcer::none();
        }
        let comments = asked.comment == CommentMode::Auto;
        let Some(token) = asked.token else {
            if comments && trigger.pull_request.is_some() {
                warn_of_no_token(report);
            }
            return Announcer::none();
        };
        report.mask(token);
        let urls = (&trigger.api_url, &trigger.graphql_url);
        let github = match GitHub::new(env.wire.clone(), urls.0, urls.1, token) {
            Ok(github) => github,
            Err(error) => {
                if comments {
                    comment::warn(report, &error);
                }
                return Announcer::none();
            }
        };
        let (mut told, mut tasks) = (Vec::new(), Vec::new());
        let (known, known_so_far) = watch::channel(Known {
            // Without a comment there is nothing to remember.
            past: (!comments).then(Vec::new),
            ..Known::default()
        });
        if comments {
            let comment =
                comment::StickyComment::new(&github, trigger, &asked, report, known.clone());
            let (tell, told_of) = watch::channel(Told::default());
            told.push(tell);
            tasks.push(tokio::spawn(comment.run(told_of)));
        }
        let deployment = deployment::OnGitHub::new(&github, trigger, &asked, report, known.clone());
        if let Some(deployment) = deployment {
            let (tell, told_of) = watch::channel(Told::default());
            told.push(tell);
            tasks.push(tokio::spawn(deployment.run(told_of)));
        }
        Announcer {
            clock: Some(env.clock),
            told,
            known: known_so_far,
            tasks,
        }
    }

    /// Says where we are, soon: does not wait for GitHub.
    pub fn update(&self, about: &Announcement) {
        self.tell(about, false, false);
    }

    /// Says how it ended, and waits until it is said: after a signal, only for as long as the runner leaves us.
    pub async fn conclude(&mut self, about: &Announcement, cancel: &Cancel) {
        self.tell(about, true, cancel.is_cancelled());
        let told = &self.told;
        let hurry = async {
            cancel.cancelled().await;
            for told in told {
                told.send_modify(|told| told.hurried = true);
            }
            cancel.lapsed(LAST_WORDS).await;
        };
        let mut tasks = std::mem::take(&mut self.tasks);
        tokio::select! {
            biased;
            _ = futures_util::future::join_all(&mut tasks) => {}
            () = hurry => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
        tasks.iter().for_each(JoinHandle::abort);
    }

    fn tell(&self, about: &Announcement, last: bool, hurried: bool) {
        let now = Told {
            about: Arc::new(about.clone()),
            at: self.clock.map(|c| c.timestamp()).unwrap_or_default(),
            last,
            hurried,
        };
        for told in &self.told {
            told.send_replace(now.clone());
        }
    }

    /// The comment's address, once it stands.
    pub fn comment_url(&self) -> Option<String> {
        self.known.borrow().comment_url.clone()
    }

    /// Of the deployment on the commit: ours, or the job's own where this run tells it how things go.
    pub fn github_deployment_id(&self) -> Option<u64> {
        self.known.borrow().deployment
    }

    /// Earlier deployments of this service that the comment remembers, or else the deployments on commits, the newest first;
    /// never this one. Waits until they were looked for; a signal ends the wait.
    pub async fn history(&self, cancel: &Cancel) -> Vec<PastDeployment> {
        let mut known = self.known.clone();
        tokio::select! {
            biased;
            _ = known.wait_for(|k| k.past.is_some()) => {}
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
        let past = known.borrow().past.clone().unwrap_or_default();
        // Nothing, or another pull request's first: what the deployments tell, where there is one.
        if !past.is_empty() || known.borrow().deployment.is_none() {
            return past;
        }
        tokio::select! {
            biased;
            _ = known.wait_for(|k| k.remembered.is_some()) => {}
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(REMEMBERING) => {}
        }
        known.borrow().remembered.clone().unwrap_or_default()
    }
}

/// A deploy that is dropped says nothing more.
impl Drop for Announcer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Resolves when a signal leaves only seconds.
async fn hurried(told: &watch::Receiver<Told>) {
    let mut told = told.clone();
    if told.wait_for(|t| t.hurried).await.is_err() {
        // Nobody will tell us: the deploy is gone, and we with it.
        std::future::pending::<()>().await;
    }
}

/// As `hurried`, and what is in flight has had its time.
async fn given_up(told: &watch::Receiver<Told>) {
    hurried(told).await;
    tokio::time::sleep(IN_FLIGHT).await;
}

fn warn_of_no_token(report: &Report) {
    report.warn(
        "shipway::github::no_token",
        "no comment on the pull request: there is no token for GitHub",
        Text::new()
            .say("set ")
            .code("GITHUB_TOKEN: ${{ github.token }}")
            .say(" in the step's ")
            .code("env:")
            .say(", or ")
            .code("comment: off"),
    );
}

#[cfg(test)]
#[path = "announce_tests.rs"]
mod tests;
