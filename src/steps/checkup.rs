//! A checkup: asks everything that a deploy would need, and changes nothing. Knows how each answer is had; the list of what is
//! asked, and in which order, is `plan/checkup`'s.
//!
//! Reads are asked by calling. Writes are asked of IAM's simulation; where that is denied, by a request that cannot succeed
//! whatever the permission, or not at all.

mod engine;
mod hub;
mod permissions;
mod preview;
mod registry;
mod service;
mod token;

use std::sync::Arc;

use secrecy::SecretString;

use crate::aws::ecr::Repository;
use crate::aws::sts::Identity;
use crate::aws::{Aws, AwsError};
use crate::docker::daemon::Daemon;
use crate::error::Error;
use crate::github::client::GitHub;
use crate::inputs::arguments::Access;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::claims::Claims;
use crate::model::service::Service;
use crate::model::target::TargetGroup;
use crate::model::task_definition::TaskDefinition;
use crate::plan::checkup::{CHECKS, Checked, Id, Outcome, PREVIEW, blocked};
use crate::report::{Event, Report, Text};

/// What is to be looked at, as it was given. What is not given is not looked at.
pub struct Sought<'a> {
    pub region: &'a str,
    pub access: &'a Access,
    pub cluster: Option<&'a str>,
    pub service: Option<&'a str>,
    pub ecr_repository: Option<&'a str>,
    /// Then the role is looked at as one of previews, too.
    pub base_service: Option<&'a str>,
    pub github_token: Option<&'a SecretString>,
    pub trigger: Option<&'a Trigger>,
}

/// What is known so far.
struct Doctor<'a> {
    sought: &'a Sought<'a>,
    env: &'a Env,
    report: &'a Arc<Report>,
    /// Why there is no session.
    refused: Option<Error>,
    claims: Option<Claims>,
    aws: Option<Aws>,
    identity: Option<Identity>,
    repository: Option<Repository>,
    service: Option<Service>,
    definition: Option<TaskDefinition>,
    groups: Vec<TargetGroup>,
    /// What previews are made after, and what its tasks run.
    base: Option<(Service, TaskDefinition)>,
    engine: Option<Daemon>,
    github: Option<GitHub>,
    /// Why IAM's simulation does not answer: it is not asked again.
    no_simulation: Option<Outcome>,
}

/// Asks it all. An error only where the settings themselves are wrong.
pub async fn checkup(
    env: &Env,
    sought: &Sought<'_>,
    report: &Arc<Report>,
) -> Result<Vec<Checked>, Error> {
    let mut doctor = Doctor {
        sought,
        env,
        report,
        refused: None,
        claims: None,
        aws: None,
        identity: None,
        repository: None,
        service: None,
        definition: None,
        groups: Vec::new(),
        base: None,
        engine: None,
        github: None,
        no_simulation: None,
    };
    doctor.connect().await?;
    let mut done: Vec<Checked> = Vec::new();
    let of_previews = sought.base_service.is_some();
    let asked = CHECKS.iter().filter(|c| of_previews || c.group != PREVIEW);
    for check in asked {
        let outcome = match blocked(check, &done) {
            Some(outcome) => outcome,
            None => {
                let now = format!("{}: {}", check.group, check.name);
                report.say(Event::Progress(Text::new().say(now)));
                doctor.ask(check.id).await
            }
        };
        done.push(Checked { check, outcome });
    }
    Ok(done)
}

impl Doctor<'_> {
    async fn ask(&mut self, id: Id) -> Outcome {
        let asked = match id {
            Id::TokenRequest => Ok(self.id_token()),
            Id::Claims => Ok(self.token_claims()),
            Id::Audience => Ok(self.audience().await),
            Id::Role => Ok(self.role()),
            Id::Session => self.session().await,
            Id::Repository => self.repository().await,
            Id::TagMutability => Ok(self.tag_mutability()),
            Id::Pushers => self.pushers().await,
            Id::Login => self.login().await,
            Id::Push => self.push().await,
            Id::Service => self.service().await,
            Id::Controller => Ok(self.controller()),
            Id::TaskDefinition => self.task_definition().await,
            Id::Image => self.running_image().await,
            Id::Watching => self.tasks().await,
            Id::ServiceDeployments => Ok(self.service_deployments().await),
            Id::Register => self.register().await,
            Id::Tag => self.tag().await,
            Id::Update => self.update().await,
            Id::Stop => self.stop().await,
            Id::TargetGroups => self.target_groups().await,
            Id::Listeners => self.listeners().await,
            Id::TargetHealth => self.target_health().await,
            Id::ExecutionRole => self.pass_role("executionRoleArn").await,
            Id::TaskRole => self.pass_role("taskRoleArn").await,
            Id::PreviewBase => self.base().await,
            Id::PreviewRepository => Ok(self.own_repository()),
            Id::PreviewPush => Ok(self.no_push_to_production().await),
            Id::PreviewChange => Ok(self.no_change_of_the_base().await),
            Id::Engine => self.engine().await,
            Id::Platform => Ok(self.platform()),
            Id::GitHubToken => Ok(self.github_token()),
            Id::Contents => Ok(self.contents().await),
            Id::PullRequests => Ok(self.pull_requests().await),
            Id::Deployments => Ok(self.deployments().await),
        };
        asked.unwrap_or_else(|error| failed(&error))
    }

    /// The clients; asked for only where a session is there.
    fn aws(&self) -> Result<&Aws, Error> {
        self.aws
            .as_ref()
            .ok_or_else(|| AwsError::malformed("sts:AssumeRoleWithWebIdentity", "session").into())
    }
}

/// The error that a deploy would end with.
fn failed(error: &Error) -> Outcome {
    let help = error
        .help()
        .unwrap_or_else(|| "the message above says what it is".to_owned());
    let mut outcome = Outcome::ng(error.chain().join(": "), help);
    outcome.code = Some(error.code());
    outcome.block = error.block().map(|b| (b.title.clone(), b.text.clone()));
    outcome
}

/// For a setting that was not given.
fn not_set(setting: &str) -> Outcome {
    Outcome::skip(format!("`{setting}` is not set"))
}
