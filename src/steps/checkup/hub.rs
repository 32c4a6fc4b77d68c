//! What the job's token may do on GitHub.

use super::{Doctor, failed};
use crate::github::client::GitHub;
use crate::github::permissions::{May, may_comment, may_deploy, may_read_contents};
use crate::plan::checkup::Outcome;

impl Doctor<'_> {
    pub(super) fn github_token(&mut self) -> Outcome {
        let (trigger, token) = (self.sought.trigger, self.sought.github_token);
        let Some(trigger) = trigger else {
            return Outcome::skip("this is no job of GitHub Actions");
        };
        let Some(token) = token else {
            return Outcome::skip("there is no token, so nobody is told on GitHub").help(
                "set `GITHUB_TOKEN: ${{ github.token }}` in the step's `env:`, or `github-token`",
            );
        };
        self.report.mask(token);
        let github = GitHub::new(
            self.env.wire.clone(),
            &trigger.api_url,
            &trigger.graphql_url,
            token,
        );
        match github {
            Ok(github) => {
                self.github = Some(github);
                Outcome::ok(format!("it is used for `{}`", trigger.repository))
            }
            Err(error) => failed(&error.into()),
        }
    }

    pub(super) async fn contents(&self) -> Outcome {
        let (Some(github), Some(trigger)) = (&self.github, self.sought.trigger) else {
            return Outcome::skip("there is no token");
        };
        let Some(sha) = trigger.sha.as_deref().or(trigger.github_sha.as_deref()) else {
            return Outcome::skip("this event names no commit to read");
        };
        let may = may_read_contents(github, &trigger.repository, sha).await;
        judged(may, "commits can be compared", "contents: read")
    }

    pub(super) async fn pull_requests(&self) -> Outcome {
        let (Some(github), Some(trigger)) = (&self.github, self.sought.trigger) else {
            return Outcome::skip("there is no token");
        };
        if trigger.fork {
            return Outcome::skip(OF_A_FORK);
        }
        let Some(number) = trigger.pull_request else {
            return Outcome::skip("this run has no pull request to ask with");
        };
        let may = may_comment(github, &trigger.repository, number).await;
        judged(may, "comments can be written", "pull-requests: write")
    }

    pub(super) async fn deployments(&self) -> Outcome {
        let (Some(github), Some(trigger)) = (&self.github, self.sought.trigger) else {
            return Outcome::skip("there is no token");
        };
        if trigger.fork {
            return Outcome::skip(OF_A_FORK);
        }
        let environment = self.claims.as_ref().and_then(|c| c.environment.as_ref());
        if environment.is_some_and(|e| !e.is_empty()) {
            return Outcome::skip(
                "the job's `environment:` makes the GitHub Deployment, so no permission is needed",
            );
        }
        let may = may_deploy(github, &trigger.repository).await;
        judged(
            may,
            "GitHub Deployments can be written",
            "deployments: write",
        )
    }
}

/// No setting changes it.
const OF_A_FORK: &str = "a pull request from a fork gets a token that only reads";

fn judged(may: May, yes: &str, permission: &str) -> Outcome {
    match may {
        May::Yes => Outcome::ok(yes),
        May::No(message) => {
            let mut outcome = Outcome::ng(
                format!("GitHub did not let this token ({message})"),
                format!("add `{permission}` to the job's `permissions:`"),
            );
            outcome.code = Some("shipway::github::denied".to_owned());
            outcome
        }
        May::Unknown(why) => Outcome::skip(format!("could not tell: {why}")),
    }
}
