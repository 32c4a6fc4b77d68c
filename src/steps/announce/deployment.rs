//! The GitHub Deployment on the commit: adopts the one that this very run has there, else makes one; says how it goes; and
//! closes what a run that was killed left open, reading the times of those that ended. Without permission it says so in one line and is quiet.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::github::client::{GitHub, GitHubError};
use crate::github::deployments::{
    self, Deployment, LatestStatus, NewDeployment, NewStatus, Of, Payload,
};
use crate::inputs::trigger::Trigger;
use crate::model::Untrusted;
use crate::model::deployment_state::DeploymentState;
use crate::model::past::REMEMBERED;
use crate::report::github_deployment::{self, Earlier, Shown};
use crate::report::{Report, Text};

use super::closing::{Found, close};
use super::{Asked, Known, Told, given_up};

/// Of other deployments so many are asked how they stand: each costs a call.
const LOOKED_AT: usize = 10;

/// Of a preview's deployments that are deleted, a commit each: nobody has more.
const PAGES: usize = 10;

/// What a deployment is shown as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `deploy`, or what else tells deployments to the same environment apart.
    pub task: String,
    pub environment: String,
    /// It will be gone some day.
    pub transient: bool,
    pub production: bool,
}

impl Kind {
    /// Of a service that stays. Whether it is production's, nobody told us.
    pub fn deploy(service: &str) -> Kind {
        Kind {
            task: "deploy".to_owned(),
            environment: service.to_owned(),
            transient: false,
            production: false,
        }
    }

    /// Of a pull request's preview, in the job's environment where it has one.
    pub fn preview(pull_request: u64, environment: Option<&Untrusted>) -> Kind {
        let environment = environment.filter(|e| !e.is_empty());
        Kind {
            task: format!("preview-pr-{pull_request}"),
            environment: environment.map_or(PREVIEW, Untrusted::raw).to_owned(),
            transient: true,
            production: false,
        }
    }
}

/// The environment of previews, where the job has none.
pub(super) const PREVIEW: &str = "preview";

pub(super) struct OnGitHub {
    github: GitHub,
    repository: String,
    report: Arc<Report>,
    known: watch::Sender<Known>,
    /// The commit meant; of a preview that is woken, and of a rollback, only the announcement knows it.
    sha: Option<String>,
    kind: Kind,
    /// A preview's.
    preview: bool,
    /// The commit that is announced counts, where the event names none.
    announced: bool,
    payload: Payload,
    log_url: Option<String>,
    /// Where a deployment that GitHub made for this run's job would point; `None` where the job is known to have none.
    run_page: Option<String>,
    id: Option<u64>,
    last: Option<Shown>,
    closing: Option<JoinHandle<()>>,
    said_why_not: bool,
}

impl OnGitHub {
    /// `None` where there shall be none: not asked for, no commit, somebody else's code, or a job with an environment, which
    /// has one already.
    pub(super) fn new(
        github: &GitHub,
        trigger: &Trigger,
        asked: &Asked<'_>,
        report: &Arc<Report>,
        known: watch::Sender<Known>,
    ) -> Option<OnGitHub> {
        let environment = asked.claims.and_then(|c| c.environment.as_ref());
        let of_job = environment.is_some_and(|e| !e.is_empty());
        let preview = asked.preview.is_some();
        // A preview has one of its own on the pull request's head, whatever the job's is on.
        if trigger.fork || (of_job && !preview) {
            return None;
        }
        let run = trigger.run_id?;
        let sha = match (asked.on_announced_commit, preview) {
            (true, _) => None,
            (false, true) => trigger.head_sha.clone().or(trigger.sha.clone()),
            (false, false) => Some(trigger.sha.clone()?),
        };
        Some(OnGitHub {
            github: github.clone(),
            repository: trigger.repository.clone(),
            report: report.clone(),
            known,
            sha,
            kind: asked.deployment.clone()?,
            preview,
            announced: preview || asked.on_announced_commit,
            payload: Payload {
                shipway: 1,
                service: asked.service.to_owned(),
                run,
                attempt: trigger.run_attempt,
            },
            log_url: trigger.run_url(),
            run_page: (asked.claims.is_none() || of_job)
                .then(|| format!("{}/actions/runs/{run}", trigger.repository_url())),
            id: None,
            last: None,
            closing: None,
            said_why_not: false,
        })
    }

    pub(super) async fn run(mut self, mut told: watch::Receiver<Told>) {
        while told.changed().await.is_ok() {
            let now = told.borrow_and_update().clone();
            let mut said = true;
            match self.say(&now, &told).await {
                Ok(done) => said = done,
                Err(error) => {
                    if !std::mem::replace(&mut self.said_why_not, true) {
                        self.quietly(&error);
                    }
                    // What GitHub refuses is not tried again; after anything else the last words are.
                    if error.is_refusal() {
                        break;
                    }
                }
            }
            if now.last && said {
                if let Err(error) = self.retire(&now).await {
                    self.quietly(&error);
                }
                self.close(&mut told).await;
                break;
            }
        }
        if let Some(closing) = &self.closing {
            closing.abort();
        }
    }

    /// False: a signal came in between, and what was being said is stale.
    async fn say(&mut self, now: &Told, told: &watch::Receiver<Told>) -> Result<bool, GitHubError> {
        let begun = |last: &Shown| last.state == DeploymentState::InProgress;
        let shown = github_deployment::of(&now.about, self.last.as_ref().is_some_and(begun));
        let id = match self.id {
            Some(id) => id,
            None if !github_deployment::deploys(&now.about) => return Ok(true),
            None => {
                let announced = now.about.commit.as_ref().filter(|_| self.announced);
                if let Some(commit) = announced {
                    self.sha.get_or_insert_with(|| commit.sha.clone());
                }
                let Some(sha) = self.sha.clone() else {
                    return Ok(true);
                };
                self.obtain(&sha).await?
            }
        };
        if self.last.as_ref() == Some(&shown) {
            return Ok(true);
        }
        let status = NewStatus {
            state: shown.state,
            description: &shown.description,
            environment_url: shown.environment_url.as_deref(),
            log_url: self.log_url.as_deref(),
        };
        let status = deployments::create_status(&self.github, &self.repository, id, &status);
        if now.hurried {
            status.await?;
        } else {
            tokio::select! {
                biased;
                said = status => said?,
                () = given_up(told) => return Ok(false),
            }
        }
        self.last = Some(shown);
        Ok(true)
    }

    async fn obtain(&mut self, sha: &str) -> Result<u64, GitHubError> {
        let id = match self.of_the_job(sha).await? {
            Some(id) => {
                self.report.line(
                    Text::new()
                        .say(format!(
                            "GitHub Deployment {id} of this job says how it goes; "
                        ))
                        .code("deployment: false")
                        .say(" in the job's ")
                        .code("environment:")
                        .say(" leaves that to a deployment of its own"),
                );
                self.known
                    .send_modify(|known| known.remembered = Some(Vec::new()));
                id
            }
            None => self.of_ours(sha).await?,
        };
        self.id = Some(id);
        self.known.send_modify(|known| known.deployment = Some(id));
        Ok(id)
    }

    /// A job with an environment has a deployment by itself. Only asked for where no id token says whether it has one.
    async fn of_the_job(&self, sha: &str) -> Result<Option<u64>, GitHubError> {
        let Some(page) = &self.run_page else {
            return Ok(None);
        };
        let on_commit =
            deployments::list_deployments(&self.github, &self.repository, Of::Commit(sha)).await?;
        let mut found = Vec::new();
        let others = on_commit.iter().filter(|d| d.payload.is_none());
        for deployment in others.take(LOOKED_AT) {
            let status = self.latest(deployment.id).await?;
            let is_this_run = status.is_some_and(|s| {
                DeploymentState::is_open(&s.state)
                    && s.log_url
                        .strip_prefix(page.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            });
            found.extend(is_this_run.then_some(deployment.id));
        }
        // Of several, nobody can tell which is this job's.
        Ok(match found[..] {
            [one] => Some(one),
            _ => None,
        })
    }

    /// One that this attempt made already (its answer was lost, or by an earlier step), else a new one.
    async fn of_ours(&mut self, sha: &str) -> Result<u64, GitHubError> {
        let of = Of::Environment {
            name: &self.kind.environment,
            task: &self.kind.task,
        };
        let there = deployments::list_deployments(&self.github, &self.repository, of).await?;
        let ours = match self.mine(&there) {
            Some(mine) => mine,
            None => match self.create(sha).await {
                Err(error) if !error.is_refusal() => {
                    // It may have been made all the same.
                    let now = deployments::list_deployments(&self.github, &self.repository, of);
                    self.mine(&now.await?).ok_or(error)?
                }
                created => created?,
            },
        };
        self.start_closing(&there, &ours);
        Ok(ours.id)
    }

    /// Deployments that earlier runs made of the same preview: of them, one at most answers.
    async fn retire(&self, now: &Told) -> Result<(), GitHubError> {
        let served = self
            .last
            .as_ref()
            .is_some_and(|l| l.state == DeploymentState::Success);
        match github_deployment::earlier(&now.about) {
            _ if !self.preview => Ok(()),
            Earlier::Stay if !served => Ok(()),
            Earlier::Stay => self.inactivate("a newer one answers").await,
            Earlier::Inactive(words) => self.inactivate(&words).await,
            Earlier::Deleted(words) => {
                self.inactivate(&words).await?;
                self.delete(&words).await
            }
        }
    }

    /// Those that are not yet; below one that is, all are.
    async fn inactivate(&self, words: &str) -> Result<(), GitHubError> {
        for deployment in self.of_preview().await? {
            let latest = self.latest(deployment.id).await?;
            if latest.is_some_and(|s| s.state == DeploymentState::Inactive.word()) {
                break;
            }
            self.say_inactive(deployment.id, words).await?;
        }
        Ok(())
    }

    async fn delete(&self, words: &str) -> Result<(), GitHubError> {
        for _ in 0..PAGES {
            let there = self.of_preview().await?;
            if there.is_empty() {
                break;
            }
            for deployment in there {
                let (github, repository) = (&self.github, &self.repository);
                let gone = deployments::delete_deployment(github, repository, deployment.id).await;
                match gone {
                    // It is active after all.
                    Err(GitHubError::Answer { status: 422, .. }) => {
                        self.say_inactive(deployment.id, words).await?;
                        deployments::delete_deployment(github, repository, deployment.id).await?;
                    }
                    gone => gone?,
                }
            }
        }
        Ok(())
    }

    async fn say_inactive(&self, id: u64, words: &str) -> Result<(), GitHubError> {
        let status = NewStatus {
            state: DeploymentState::Inactive,
            description: words,
            environment_url: None,
            log_url: self.log_url.as_deref(),
        };
        deployments::create_status(&self.github, &self.repository, id, &status).await
    }

    /// Of this very preview, the newest first, without the one that this run tells about.
    async fn of_preview(&self) -> Result<Vec<Deployment>, GitHubError> {
        let of = Of::Task(&self.kind.task);
        let mut there = deployments::list_deployments(&self.github, &self.repository, of).await?;
        there.retain(|d| {
            let payload = d.payload.as_ref();
            Some(d.id) != self.id && payload.is_some_and(|p| p.service == self.payload.service)
        });
        Ok(there)
    }

    fn mine(&self, among: &[Deployment]) -> Option<Deployment> {
        let mine = |d: &&Deployment| d.payload.as_ref() == Some(&self.payload);
        among.iter().find(mine).cloned()
    }

    async fn create(&self, sha: &str) -> Result<Deployment, GitHubError> {
        let description = format!("{} by Shipway", self.payload.service);
        let new = NewDeployment {
            sha,
            task: &self.kind.task,
            environment: &self.kind.environment,
            transient_environment: self.kind.transient,
            production_environment: self.kind.production,
            payload: &self.payload,
            description: &description,
        };
        deployments::create_deployment(&self.github, &self.repository, &new).await
    }

    async fn latest(&self, id: u64) -> Result<Option<LatestStatus>, GitHubError> {
        deployments::latest_status(&self.github, &self.repository, id).await
    }

    /// Earlier runs' deployments of the same service and environment, made by the same account: anybody can write our
    /// payload. Goes on by itself: nobody waits for it but the end.
    fn start_closing(&mut self, there: &[Deployment], ours: &Deployment) {
        let is_left = |d: &&Deployment| {
            let older = d.payload.as_ref().is_some_and(|p| {
                p.service == self.payload.service
                    && (p.run, p.attempt) < (self.payload.run, self.payload.attempt)
            });
            older && d.id != ours.id && d.creator.is_some() && d.creator == ours.creator
        };
        let left: Vec<Deployment> = there
            .iter()
            .filter(is_left)
            .take(LOOKED_AT)
            .cloned()
            .collect();
        if left.is_empty() {
            self.known
                .send_modify(|known| known.remembered = Some(Vec::new()));
            return;
        }
        let known = self.known.clone();
        let (github, repository) = (self.github.clone(), self.repository.clone());
        let (by, report) = (self.payload.clone(), self.report.clone());
        self.closing = Some(tokio::spawn(async move {
            let mut past = Vec::new();
            for deployment in left {
                // What cannot be closed now, the next run may.
                match close(&github, &repository, &deployment, &by).await {
                    Ok(Found::Closed(said)) => report.line(said),
                    Ok(Found::Past(found)) => past.extend(found),
                    Err(_) => break,
                }
            }
            past.truncate(REMEMBERED);
            known.send_modify(|known| known.remembered = Some(past));
        }));
    }

    /// Lets what is being closed be closed, unless there is no time for it.
    async fn close(&mut self, told: &mut watch::Receiver<Told>) {
        if let Some(closing) = &mut self.closing {
            tokio::select! {
                biased;
                () = super::hurried(told) => {}
                _ = closing => {}
            }
        }
    }

    /// One line, no annotation: nobody has to do anything about it.
    fn quietly(&self, error: &GitHubError) {
        let mut text = Text::new().say(format!("no GitHub Deployment: {error}"));
        if let GitHubError::Denied { permission, .. } = error {
            text = text
                .say("; ")
                .code(*permission)
                .say(" in the job's ")
                .code("permissions:")
                .say(" allows it, ")
                .code("github-deployment: off")
                .say(" leaves it out");
        }
        self.report.line(text);
    }
}

#[cfg(test)]
#[path = "deployment_tests.rs"]
mod tests;
