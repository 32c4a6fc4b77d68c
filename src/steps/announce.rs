//! Says on the pull request what goes on: finds which one, keeps one comment per service and environment, edits it in
//! place. Whatever goes wrong here is a warning: a deploy does not fail for its announcement.

use secrecy::SecretString;

use crate::github::client::{GitHub, GitHubError};
use crate::github::comment::{self, Comment, Marker};
use crate::github::pulls;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::inputs::values::CommentMode;
use crate::model::Untrusted;
use crate::report::markdown::{self, Announcement};
use crate::report::{Report, Text};

/// Where announcements of this run go.
pub struct Announcer {
    place: Option<Place>,
}

struct Place {
    github: GitHub,
    repository: String,
    number: u64,
    marker: Marker,
    comment: Option<Comment>,
    looked: bool,
    /// After the first warning nothing more is tried: it would warn again at every phase.
    silent: bool,
    last: Option<String>,
}

impl Announcer {
    /// Says nothing anywhere.
    pub fn none() -> Announcer {
        Announcer { place: None }
    }

    /// Finds the pull request: the event's own, or on a push the merged one that the commit came from. `service` is
    /// `cluster/service`; `environment` is the id token's claim.
    pub async fn find(
        env: &Env,
        mode: CommentMode,
        token: Option<&SecretString>,
        trigger: Option<&Trigger>,
        service: &str,
        environment: Option<&Untrusted>,
        report: &Report,
    ) -> Announcer {
        let (CommentMode::Auto, Some(trigger)) = (mode, trigger) else {
            return Announcer::none();
        };
        let Some(token) = token else {
            if trigger.pull_request.is_some() {
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
            return Announcer::none();
        };
        report.mask(token);
        let github = match GitHub::new(
            env.wire.clone(),
            &trigger.api_url,
            &trigger.graphql_url,
            token,
        ) {
            Ok(github) => github,
            Err(error) => {
                warn(report, &error);
                return Announcer::none();
            }
        };
        let number = match trigger.pull_request {
            Some(number) => Some(number),
            None => merged_pull(&github, trigger, report).await,
        };
        let marker = Marker {
            service: service.to_owned(),
            environment: environment.map(|e| e.raw().to_owned()).unwrap_or_default(),
            run: trigger.run_id.unwrap_or_default(),
            attempt: trigger.run_attempt,
        };
        Announcer {
            place: number.map(|number| Place {
                github,
                repository: trigger.repository.clone(),
                number,
                marker,
                comment: None,
                looked: false,
                silent: false,
                last: None,
            }),
        }
    }

    /// The pull request that is written to.
    #[cfg(test)]
    pub fn pull_request(&self) -> Option<u64> {
        self.place.as_ref().map(|p| p.number)
    }

    /// Writes the comment, or edits it. Its address, once it stands.
    pub async fn update(&mut self, about: &Announcement, report: &Report) -> Option<String> {
        let place = self.place.as_mut()?;
        if !place.silent
            && let Err(error) = place.write(about, report).await
        {
            place.silent = true;
            warn(report, &error);
        }
        place
            .comment
            .as_ref()
            .map(|c| c.url.clone())
            .filter(|url| !url.is_empty())
    }
}

impl Place {
    async fn write(&mut self, about: &Announcement, report: &Report) -> Result<(), GitHubError> {
        let body = markdown::comment(&self.marker.line(), about);
        if self.last.as_ref() == Some(&body) {
            return Ok(());
        }
        self.look().await?;
        let newer = self
            .comment
            .as_ref()
            .and_then(|c| c.marker.as_ref())
            .filter(|theirs| self.marker.is_older_than(theirs));
        if let Some(newer) = newer {
            report.notice(format!(
                "the comment on pull request {} stays: run {} (attempt {}) wrote it, and is newer than this one",
                self.number, newer.run, newer.attempt
            ));
            self.silent = true;
            return Ok(());
        }
        let written = match &self.comment {
            Some(comment) => {
                comment::update_comment(&self.github, &self.repository, comment.id, &body).await?
            }
            None => {
                comment::create_comment(&self.github, &self.repository, self.number, &body).await?
            }
        };
        self.comment = Some(written);
        self.last = Some(body);
        Ok(())
    }

    /// Who wrote it last: all comments the first time, then only ours. It may have been deleted in between.
    async fn look(&mut self) -> Result<(), GitHubError> {
        if let Some(known) = &self.comment {
            match comment::get_comment(&self.github, &self.repository, known.id).await {
                Ok(now) => self.comment = Some(now),
                Err(error) if error.is_not_found() => self.comment = None,
                Err(error) => return Err(error),
            }
        } else if !self.looked {
            let Some((owner, name)) = self.repository.split_once('/') else {
                return Ok(());
            };
            self.comment =
                comment::find(&self.github, owner, name, self.number, &self.marker).await?;
        }
        self.looked = true;
        Ok(())
    }
}

/// On a push: the pull request whose merge brought the commit.
async fn merged_pull(github: &GitHub, trigger: &Trigger, report: &Report) -> Option<u64> {
    let sha = trigger.sha.as_deref()?;
    if trigger.event_name != "push" {
        return None;
    }
    match pulls::list_merged_pulls_of_commit(github, &trigger.repository, sha).await {
        Ok(found) => found.first().map(|p| p.number),
        Err(error) => {
            warn(report, &error);
            None
        }
    }
}

fn warn(report: &Report, error: &GitHubError) {
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

#[cfg(test)]
#[path = "announce_tests.rs"]
mod tests;
