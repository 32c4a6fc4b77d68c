//! What a deploy and a rollback have in common once it is known what shall run: apply → watch → announce, and the last look
//! at what is live before it. Knows no image and no build.

mod ending;
mod target;
mod way;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::aws::Aws;
use crate::error::Error;
use crate::inputs::arguments;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::inputs::values;
use crate::model::names::family_and_revision;
use crate::model::verdict::{Outputs, Status, Verb};
use crate::plan::in_flight::IfDeploying;
use crate::plan::{Found, Plan};
use crate::report::markdown::{Announcement, Commit, Counted};
use crate::report::{Phase, Report, Text};
use crate::rollout::Ended;
use crate::steps::access::{self, Access};
use crate::steps::announce::{Announcer, Asked, Kind};
use crate::steps::apply::{Applied, apply};
use crate::steps::smoke::{self, Smoke};
use crate::steps::wanted::limits;
use crate::steps::{container_logs, glance, watch};
use crate::verbs::verdict;
use crate::verbs::watched::in_flight;

pub(super) use ending::cancelled_before_any_change;

/// What is known so far: outputs and announcement grow as the story goes on, so that a failure says what there is to say.
pub(super) struct Rolling<'a> {
    pub env: &'a Env,
    pub report: Arc<Report>,
    pub target: Place<'a>,
    pub limits: &'a arguments::Limits,
    pub if_deploying: IfDeploying,
    /// Of `wait-for-minutes`, what went into waiting for others.
    pub waited: Duration,
    pub trigger: Option<Trigger>,
    /// GitHub's.
    pub token: Option<SecretString>,
    pub outputs: Outputs,
    pub about: Announcement,
    pub announcer: Announcer,
    /// What is asked once the service serves.
    pub smoke: Option<Smoke>,
    /// Once the service was updated: what ECS goes on with, whatever becomes of us.
    deployment_id: Option<String>,
}

/// Where the service is, as it was named.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub cluster: &'a str,
    pub service: &'a str,
}

/// With which access, and whom to tell.
pub(super) struct Connecting<'a> {
    pub access: &'a arguments::Access,
    pub region: &'a str,
    pub announce: &'a arguments::Announce,
    /// The GitHub Deployment is on the commit that is announced, not on the event's.
    pub on_announced_commit: bool,
}

/// Everything before the first write to the service.
pub(super) struct Prepared {
    pub aws: Aws,
    pub found: Found,
    pub plan: Plan,
}

impl<'a> Rolling<'a> {
    pub fn new(
        env: &'a Env,
        report: Arc<Report>,
        verb: Verb,
        target: Place<'a>,
        limits: &'a arguments::Limits,
        if_deploying: IfDeploying,
    ) -> Rolling<'a> {
        Rolling {
            env,
            report,
            target,
            limits,
            if_deploying,
            waited: Duration::ZERO,
            trigger: None,
            token: None,
            outputs: Outputs {
                verb,
                deployment_status: Status::NotStarted.word().to_owned(),
                ..Outputs::default()
            },
            about: Announcement {
                service: target.service.to_owned(),
                ..Announcement::default()
            },
            announcer: Announcer::none(),
            smoke: None,
            deployment_id: None,
        }
    }

    /// Access to AWS, and to those who are told. A refused role is told on the pull request too.
    pub async fn connect(&mut self, how: &Connecting<'_>) -> Result<Aws, Error> {
        self.about.run_url = self.trigger.as_ref().and_then(Trigger::run_url);
        self.report.started(Phase::Preflight);
        let Access { aws, claims } = access::connect(
            self.env,
            how.access,
            how.region,
            self.trigger.as_ref(),
            &self.report,
        )
        .await;
        let environment = claims.as_ref().and_then(|c| c.environment.as_ref());
        self.about.environment = environment.cloned();
        let of = format!("{}/{}", self.target.cluster, self.target.service);
        let shown = how.announce.github_deployment == values::DeploymentMode::Auto;
        let asked = Asked {
            token: self.token.as_ref(),
            trigger: self.trigger.as_ref(),
            service: &of,
            claims: claims.as_ref(),
            comment: how.announce.comment,
            deployment: shown.then(|| Kind::deploy(&of)),
            preview: None,
            on_announced_commit: how.on_announced_commit,
        };
        self.announcer = Announcer::find(self.env, asked, &self.report);
        aws
    }

    /// From the plan to the verdict.
    pub async fn roll_out(&mut self, prepared: Prepared) -> Result<Ended, Error> {
        let ended = self.rolled_out(prepared).await?;
        let Some(smoke) = self.smoke.take() else {
            return Ok(ended);
        };
        let went_well = ended.status.is_success();
        let cancel = self.env.cancel.token();
        let judged = smoke
            .judge(&self.env.wire, ended, &self.report, cancel)
            .await;
        if went_well && judged.status == Status::Failed {
            self.outputs.failure_code = Some(smoke::CODE.to_owned());
        }
        Ok(judged)
    }

    async fn rolled_out(&mut self, prepared: Prepared) -> Result<Ended, Error> {
        let cancel = self.env.cancel.clone();
        if !prepared.plan.updates_service() {
            let there = tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(cancelled_before_any_change()),
                there = self.already_there(&prepared) => there?,
            };
            if let Some(ended) = there {
                return Ok(ended);
            }
        } else {
            self.say_where_we_are(Phase::Update);
            self.report.started(Phase::Update);
        }
        // From here on a signal does not stop us between two changes: it is heard when the change is known to be made, or
        // when AWS takes longer to say so than the runner lets us live.
        let Some(applied) = self.apply(&prepared).await? else {
            return Ok(ending::cancelled_in_between());
        };
        let service = applied.service.as_ref().unwrap_or(&prepared.found.service);
        let target = target::target(&prepared.found, &prepared.plan, &applied, service);
        if prepared.plan.updates_service() {
            self.deployment_id = Some(target.ours().deployment_id.clone());
            self.report
                .finished(Phase::Update, verdict::updated(&target));
        }
        if self.limits.wait_until == values::WaitUntil::None {
            return Ok(verdict::started(&target));
        }
        self.say_where_we_are(Phase::Rollout);
        self.report.started(Phase::Rollout);
        let report = self.report.clone();
        let mut say = |news: &_| {
            if let Some(event) = crate::report::rollout::event(news) {
                report.say(event);
            }
        };
        let mut limits = limits(self.limits);
        let wait_for = self.time_left();
        limits.wait_for = wait_for;
        let mut ended = watch::watch(
            &prepared.aws,
            &prepared.found.cluster,
            &service.name,
            target,
            limits,
            &mut say,
            cancel.token(),
        )
        .await?;
        self.report
            .finished(Phase::Rollout, Text::new().say(ended.status.word()));
        container_logs::read(&prepared.aws, &mut ended, wait_for, cancel.token()).await;
        Ok(ended)
    }

    /// Executes the plan, and notes what was done of it even when the rest failed. `None`: a signal came, and AWS did not
    /// answer in time.
    async fn apply(&mut self, prepared: &Prepared) -> Result<Option<Applied>, Error> {
        let mut applied = Applied::nothing(&prepared.plan);
        let Prepared { aws, found, plan } = prepared;
        let done = tokio::select! {
            biased;
            done = apply(aws, plan, &found.service, &mut applied) => done.map(Some),
            () = self.env.cancel.lapsed(verdict::ANSWER_OF_A_CHANGE) => Ok(None),
        };
        self.note_applied(prepared, &applied);
        Ok(done?.map(|()| applied))
    }

    /// The service needs no update: it serves already (`unchanged`), or what is on its way there is followed.
    async fn already_there(&mut self, prepared: &Prepared) -> Result<Option<Ended>, Error> {
        let Prepared { aws, found, plan } = prepared;
        let target = target::target(found, plan, &Applied::nothing(plan), &found.service);
        if in_flight(&found.service) {
            self.report
                .line("a deployment of this very revision is in flight: following it");
            return Ok(None);
        }
        match glance::glance(aws, &found.cluster, &found.service, &target).await? {
            Ok(()) => {
                self.apply(prepared).await?;
                Ok(Some(verdict::unchanged(&target, &found.service)))
            }
            Err(unmet) => {
                let mut text =
                    Text::new().say("nothing to change, but the service does not serve:");
                for unmet in unmet {
                    text = text
                        .say(" ")
                        .join(crate::report::rollout::sentence(&unmet.sentence()));
                }
                self.report.line(text.say(" Following it"));
                Ok(None)
            }
        }
    }

    pub fn note_found(&mut self, found: &Found) {
        self.outputs.url = found.url.clone();
        self.about.url = found.url.clone();
        self.about.service = found.service.name.clone();
        self.about.counted = if found.target_groups.is_empty() {
            Counted::Tasks
        } else {
            Counted::Targets
        };
        self.about.previous_revision =
            Some(family_and_revision(&found.service.task_definition).to_owned());
        self.outputs.previous_task_definition_arn = Some(found.service.task_definition.clone());
        self.outputs.task_definition_arn = Some(found.service.task_definition.clone());
    }

    pub fn note_commit(&mut self, sha: Option<String>, note: Option<Text>) {
        let url = |sha: &str| self.trigger.as_ref().map(|t| t.commit_url(sha));
        self.about.commit = sha.map(|sha| Commit {
            url: url(&sha),
            sha,
        });
        self.about.commit_note = note;
    }

    /// The plan is made: it is printed as it will be applied.
    pub fn note_plan(&mut self, plan: &Plan) {
        self.about.plan = crate::report::plan::planned(plan);
        self.report.started(Phase::Plan);
        for line in crate::report::plan::lines(plan) {
            self.report.line(line);
        }
        self.report.finished(Phase::Plan, Text::new());
    }

    fn note_applied(&mut self, prepared: &Prepared, applied: &Applied) {
        self.outputs.changed = applied.registered || applied.service.is_some();
        if applied.service.is_some() || !prepared.plan.updates_service() {
            self.outputs.task_definition_arn = Some(applied.task_definition.clone());
            self.about.revision = Some(family_and_revision(&applied.task_definition).to_owned());
        }
        if applied.registered {
            self.report.line(
                Text::new()
                    .say("registered ")
                    .code(family_and_revision(&applied.task_definition)),
            );
        }
        if let Some(error) = &applied.not_tagged {
            self.report.warn(
                "shipway::permission::not_tagged",
                Text::new().say("the revision was not tagged with commit and run: ").quote(&error.message),
                "allow ecs:TagResource on task definitions, so that what runs can be traced to its commit",
            );
        }
    }
}
