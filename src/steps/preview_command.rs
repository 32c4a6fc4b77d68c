//! What GitHub is asked before anything is done about a preview: how its pull request stands, and whether who commented may
//! say so; and the reaction that answers a comment. What follows from it is `plan/preview/decide`'s.

use miette::Diagnostic;
use secrecy::SecretString;

use crate::error::Error;
use crate::github::client::GitHub;
use crate::github::collaborators::{Role, permission_of};
use crate::github::pulls::{self, PullRequest};
use crate::github::reactions::{Reaction, create_reaction};
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::Untrusted;
use crate::model::event::PullState;
use crate::report::{Report, Text};

#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum NotTold {
    #[error(
        "`{event}` does not say how pull request {number} stands, and there is no token to ask GitHub with"
    )]
    #[diagnostic(
        code(shipway::preflight::pull_request_unknown),
        help(
            "set `GITHUB_TOKEN: ${{{{ github.token }}}}` in the step's `env:` with `pull-requests: read`, or say what to do with `action`"
        )
    )]
    NoToken { event: String, number: u64 },

    #[error("GitHub did not tell how pull request {number} stands: {reason}")]
    #[diagnostic(
        code(shipway::preflight::pull_request_unknown),
        help("the job needs `pull-requests: read`; if it has that, run it again")
    )]
    Pull { number: u64, reason: String },

    #[error("there is no token to ask GitHub whether who commented may do so")]
    #[diagnostic(
        code(shipway::preflight::commenter_unknown),
        help("set `GITHUB_TOKEN: ${{{{ github.token }}}}` in the step's `env:`")
    )]
    NoTokenForCommenter,

    #[error("GitHub did not tell whether who commented may do so: {reason}")]
    #[diagnostic(
        code(shipway::preflight::commenter_unknown),
        help("nothing was done; comment again in a moment")
    )]
    Commenter { reason: String },
}

/// GitHub, where there is a token.
pub struct Hub(Option<GitHub>);

impl Hub {
    pub fn new(
        env: &Env,
        trigger: &Trigger,
        token: Option<&SecretString>,
        report: &Report,
    ) -> Result<Hub, Error> {
        let Some(token) = token else {
            return Ok(Hub(None));
        };
        report.mask(token);
        let (api, graphql) = (&trigger.api_url, &trigger.graphql_url);
        Ok(Hub(Some(GitHub::new(
            env.wire.clone(),
            api,
            graphql,
            token,
        )?)))
    }

    /// How a pull request stands now. Afterwards `trigger` knows it; the commit that the run is about stays what it is.
    pub async fn ask_pull(
        &self,
        trigger: &mut Trigger,
        repository: &str,
        number: u64,
    ) -> Result<(), Error> {
        let github = self.0.as_ref().ok_or_else(|| NotTold::NoToken {
            event: trigger.event_name.clone(),
            number,
        })?;
        let pull = pulls::get_pull(github, repository, number)
            .await
            .map_err(|error| NotTold::Pull {
                number,
                reason: error.to_string(),
            })?;
        note_pull(trigger, pull);
        Ok(())
    }

    /// Whether the author of the comment may write in the repository, as GitHub says now: `author_association` in the
    /// payload says who somebody is, not what they may do.
    pub async fn ask_permission(&self, trigger: &Trigger) -> Result<bool, Error> {
        let github = self.0.as_ref().ok_or(NotTold::NoTokenForCommenter)?;
        let author = trigger.comment.as_ref().map(|c| &c.author);
        let Some(author) = author.filter(|a| is_login(a)) else {
            return Ok(false);
        };
        let role = permission_of(github, &trigger.repository, author.raw())
            .await
            .map_err(|error| NotTold::Commenter {
                reason: error.to_string(),
            })?;
        let writes =
            |role: Role| matches!(role.permission.as_str(), "admin" | "maintain" | "write");
        Ok(role.is_some_and(writes))
    }

    /// The first answer to a comment: seen, or not obeyed.
    pub async fn receive(&self, trigger: &Trigger, may: bool, report: &Report) {
        let reaction = if may {
            Reaction::Eyes
        } else {
            Reaction::MinusOne
        };
        self.react(trigger, reaction, report).await;
    }

    /// The last.
    pub async fn answer(&self, trigger: &Trigger, done: bool, report: &Report) {
        let reaction = if done {
            Reaction::Rocket
        } else {
            Reaction::Confused
        };
        self.react(trigger, reaction, report).await;
    }

    /// What GitHub refuses here is said in a line.
    async fn react(&self, trigger: &Trigger, reaction: Reaction, report: &Report) {
        let (Some(github), Some(comment)) = (&self.0, &trigger.comment) else {
            return;
        };
        let made = create_reaction(github, &trigger.repository, comment.id, reaction).await;
        if let Err(error) = made {
            report.line(Text::new().say(format!("no reaction to the comment: {error}")));
        }
    }
}

fn note_pull(trigger: &mut Trigger, pull: PullRequest) {
    trigger.pull_request = Some(pull.number);
    trigger.pull_state = Some(PullState::of(pull.open, pull.merged));
    // Without a repository: a fork that is gone.
    trigger.fork =
        pull.head_repository_id.is_none() || pull.head_repository_id != trigger.repository_id;
    trigger.head_sha = pull.head_sha;
    trigger.labels = Some(pull.labels);
}

/// GitHub's own alphabet; a bot's has brackets.
fn is_login(author: &Untrusted) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_[]".contains(c);
    !author.is_empty() && author.chars() <= 100 && author.raw().chars().all(part)
}

#[cfg(test)]
#[path = "preview_command_tests.rs"]
mod tests;
