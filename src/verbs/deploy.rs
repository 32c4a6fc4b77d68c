//! `shipway deploy`: gather → image → plan → apply → watch → announce.

mod ending;
mod watched;

use std::sync::Arc;

use crate::aws::Aws;
use crate::error::Error;
use crate::inputs::arguments::DeployArgs;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::inputs::values;
use crate::model::image::Image;
use crate::model::names::family_and_revision;
use crate::model::verdict::{Outputs, Status};
use crate::plan::service::{WantedImage, plan};
use crate::plan::{Found, Plan};
use crate::report::markdown::{Announcement, Commit, Counted};
use crate::report::{Phase, Report, Text};
use crate::rollout::Ended;
use crate::steps::access::{self, Access};
use crate::steps::admit::{Asks, Uses};
use crate::steps::announce::{Announcer, Asked, Kind};
use crate::steps::apply::{Applied, apply};
use crate::steps::gather::service::Sought;
use crate::steps::image::{ImageSought, image};
use crate::steps::ship_image::Shipped;
use crate::steps::smoke::{self, Smoke};
use crate::steps::start::{self, Started};
use crate::steps::wanted::{limits, wanted};
use crate::steps::{container_logs, gather, glance, watch};
use crate::verbs::verdict;
use crate::verbs::watched::in_flight;

/// What is known so far: outputs and announcement grow as the story goes on, so that a failure says what there is to say.
struct Deploy<'a> {
    args: &'a DeployArgs,
    env: &'a Env,
    report: Arc<Report>,
    trigger: Option<Trigger>,
    outputs: Outputs,
    about: Announcement,
    announcer: Announcer,
    /// What is asked once the service serves.
    smoke: Option<Smoke>,
    /// Once the service was updated: what ECS goes on with, whatever becomes of us.
    deployment_id: Option<String>,
}

/// Everything before the first write to the service.
struct Prepared {
    aws: Aws,
    found: Found,
    plan: Plan,
}

pub async fn deploy(args: &DeployArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let mut deploy = Deploy {
        args,
        env: &env,
        report,
        trigger: None,
        outputs: Outputs {
            deployment_status: Status::NotStarted.word().to_owned(),
            ..Outputs::default()
        },
        about: Announcement {
            service: args.target.service.clone(),
            ..Announcement::default()
        },
        announcer: Announcer::none(),
        smoke: None,
        deployment_id: None,
    };
    let told = deploy.story().await;
    deploy.finish(told).await
}

impl Deploy<'_> {
    async fn story(&mut self) -> Result<Ended, Error> {
        let ended = self.roll_out().await?;
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

    async fn roll_out(&mut self) -> Result<Ended, Error> {
        let cancel = self.env.cancel.clone();
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(ending::cancelled_before_any_change()),
            prepared = self.prepare() => prepared?,
        };
        if !prepared.plan.updates_service() {
            let there = tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(ending::cancelled_before_any_change()),
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
        let target = watched::target(&prepared.found, &prepared.plan, &applied, service);
        if prepared.plan.updates_service() {
            self.deployment_id = Some(target.ours().deployment_id.clone());
            self.report
                .finished(Phase::Update, verdict::updated(&target));
        }
        if self.args.limits.wait_until == values::WaitUntil::None {
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
        let mut ended = watch::watch(
            &prepared.aws,
            &prepared.found.cluster,
            &service.name,
            target,
            limits(&self.args.limits),
            &mut say,
            cancel.token(),
        )
        .await?;
        self.report
            .finished(Phase::Rollout, Text::new().say(ended.status.word()));
        let wait_for = limits(&self.args.limits).wait_for;
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

    /// Access, gather, image, plan: reads, and a push of an image that nothing runs yet.
    async fn prepare(&mut self) -> Result<Prepared, Error> {
        Smoke::check(&self.args.limits)?;
        let Started { trigger, token } = start::start(
            self.env,
            Asks::Deploy,
            &self.args.announce.github,
            &self.args.build.build_secrets,
            &Uses {
                build: &self.args.build,
                given: self.args.promote.image.is_some(),
                task_definition: self.args.target.task_definition.as_deref(),
            },
            &self.report,
        )
        .await?;
        self.trigger = trigger;
        self.about.run_url = self.trigger.as_ref().and_then(Trigger::run_url);
        self.report.started(Phase::Preflight);
        let region = &self.args.target.aws_region;
        let Access { aws, claims } = access::connect(
            self.env,
            &self.args.access,
            region,
            self.trigger.as_ref(),
            &self.report,
        )
        .await;
        let environment = claims.as_ref().and_then(|c| c.environment.as_ref());
        self.about.environment = environment.cloned();
        let of = format!("{}/{}", self.args.target.cluster, self.args.target.service);
        let announce = &self.args.announce;
        let shown = announce.github_deployment == values::DeploymentMode::Auto;
        let asked = Asked {
            token: token.as_ref(),
            trigger: self.trigger.as_ref(),
            service: &of,
            claims: claims.as_ref(),
            comment: announce.comment,
            deployment: shown.then(|| Kind::deploy(&of)),
            preview: None,
        };
        self.announcer = Announcer::find(self.env, asked, &self.report);
        // A refused role is told on the pull request too.
        let aws = aws?;

        let sought = Sought {
            cluster: &self.args.target.cluster,
            service: &self.args.target.service,
            container_name: self.args.target.container_name.as_deref(),
            task_definition: self.args.target.task_definition.as_deref(),
            desired_count: self.args.overrides.desired_count,
            url: self.args.announce.url.as_deref(),
            cwd: &self.env.cwd,
        };
        let found = gather::service::gather(&aws, &sought).await?;
        self.smoke = Smoke::wanted(&self.args.limits, self.args.overrides.desired_count, &found)?;
        self.note_found(&found);
        self.report.finished(
            Phase::Preflight,
            Text::new()
                .say("service ")
                .code(found.service.name.as_str())
                .say(" is on ")
                .code(family_and_revision(&found.service.task_definition)),
        );

        let sought = ImageSought {
            build: &self.args.build,
            given: self.args.promote.image.as_ref(),
            found: Some(&found),
            trigger: self.trigger.as_ref(),
            began: &|phase| self.announcer.update(&self.at(phase)),
        };
        let Shipped {
            image,
            commit,
            note,
            ..
        } = image(self.env, &aws, &sought, &self.report).await?;
        self.note_image(&image);
        let wanted = wanted(
            &self.args.overrides,
            WantedImage::Pushed(image),
            commit.as_deref(),
            self.trigger.as_ref(),
        );
        self.note_commit(commit, note);
        let plan = plan(&found, &wanted);
        self.about.plan = crate::report::plan::planned(&plan);
        self.report.started(Phase::Plan);
        for line in crate::report::plan::lines(&plan) {
            self.report.line(line);
        }
        self.report.finished(Phase::Plan, Text::new());
        Ok(Prepared { aws, found, plan })
    }

    /// The service needs no update: it serves already (`unchanged`), or what is on its way there is followed.
    async fn already_there(&mut self, prepared: &Prepared) -> Result<Option<Ended>, Error> {
        let Prepared { aws, found, plan } = prepared;
        let target = watched::target(found, plan, &Applied::nothing(plan), &found.service);
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

    fn note_found(&mut self, found: &Found) {
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

    fn note_image(&mut self, image: &Image) {
        self.about.image = Some(image.reference());
        self.outputs.image = Some(image.reference());
        self.outputs.image_tag.clone_from(&image.tag);
        self.outputs.image_digest.clone_from(&image.digest);
        self.outputs.image_repository = Some(image.repository.clone());
    }

    fn note_commit(&mut self, sha: Option<String>, note: Option<Text>) {
        let url = |sha: &str| self.trigger.as_ref().map(|t| t.commit_url(sha));
        self.about.commit = sha.map(|sha| Commit {
            url: url(&sha),
            sha,
        });
        self.about.commit_note = note;
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
