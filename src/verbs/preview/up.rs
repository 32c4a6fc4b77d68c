//! `shipway preview up`: gather → image → plan → apply → watch → announce, as a deploy, with a target group, a rule and a
//! service of its own.

mod ending;
mod noting;

use jiff::SignedDuration;

use super::{Run, Telling};
use crate::error::Error;
use crate::inputs::arguments::{Build, PreviewArgs};
use crate::inputs::values::{self, KeyValue};
use crate::model::image::Image;
use crate::model::preview::{PreviewOf, PreviewState};
use crate::model::service::Service;
use crate::model::task_definition::TaskDefinition;
use crate::model::verdict::Status;
use crate::plan::preview::PreviewRefusal;
use crate::plan::preview::derive::Inherited;
use crate::plan::preview::routing::{NUMBER, Routing, Templates};
use crate::plan::preview::up::{self as plan, Change, Found, Plan, Wanted};
use crate::plan::service::WantedImage;
use crate::report::{Phase, Text};
use crate::rollout::{Ended, RolloutTarget};
use crate::steps::apply_preview::{Applied, Applying};
use crate::steps::image::{Foreseen, ImageSought, foresee, image};
use crate::steps::ship_image::{Made, Shipped};
use crate::steps::smoke::{self, Smoke};
use crate::steps::wanted::limits;
use crate::steps::{container_logs, gather, glance, preview_repository, watch};
use crate::verbs::verdict;
use crate::verbs::watched;

/// What is known so far.
struct Up<'a> {
    run: Run<'a>,
    of: PreviewOf,
    routing: Option<Routing>,
    smoke: Option<Smoke>,
    /// How it stood before anything was done, once that is known.
    before: Option<PreviewState>,
    /// Something of it was made or changed.
    changed: bool,
    /// Once the service was made or updated: what ECS goes on with.
    deployment_id: Option<String>,
    /// What its tags said before this run changed them.
    commit_before: Option<noting::CommitBefore>,
}

/// Everything before the first write.
struct Prepared {
    found: Found,
    plan: Plan,
}

/// How the story went.
enum Told {
    Ended(Box<Ended>),
    /// Nothing was to be done.
    DryRun(Text),
}

/// How the preview is reached; what no preview can be reached by is refused.
pub(super) fn routing(args: &PreviewArgs, pull_request: u64) -> Result<Routing, PreviewRefusal> {
    let templates = Templates {
        host: args.preview.preview_host.as_deref(),
        path: args.preview.preview_path.as_deref(),
        header: args.preview.preview_header.as_deref(),
    };
    Routing::of(templates, pull_request)
}

pub(super) async fn up(run: Run<'_>, of: PreviewOf) -> u8 {
    let mut up = Up {
        run,
        of,
        routing: None,
        smoke: None,
        before: None,
        changed: false,
        deployment_id: None,
        commit_before: None,
    };
    let told = up.story().await;
    up.finish(told).await
}

impl Up<'_> {
    async fn story(&mut self) -> Result<Told, Error> {
        let cancel = self.run.env.cancel.clone();
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(Told::Ended(Box::new(ending::cancelled_before_any_change()))),
            prepared = self.prepare() => prepared?,
        };
        if self.run.args.preview.dry_run {
            return Ok(Told::DryRun(ending::would(&prepared.plan)));
        }
        let ended = self.roll_out(&prepared).await?;
        let Some(smoke) = self.smoke.take() else {
            return Ok(Told::Ended(Box::new(ended)));
        };
        let went_well = ended.status.is_success();
        let judged = smoke
            .judge(&self.run.env.wire, ended, &self.run.report, cancel.token())
            .await;
        if went_well && judged.status == Status::Failed {
            self.run.told.outputs.failure_code = Some(smoke::CODE.to_owned());
        }
        Ok(Told::Ended(Box::new(judged)))
    }

    async fn roll_out(&mut self, prepared: &Prepared) -> Result<Ended, Error> {
        let Prepared { found, plan } = prepared;
        let report = self.run.report.clone();
        let mut applied = Applied::default();
        if plan.changes_anything() {
            self.run.told.say_where_we_are(Phase::Update);
            report.started(Phase::Update);
        }
        // From here on a signal does not stop us between two changes: it is heard when the change is known to be made, or
        // when AWS takes longer to say so than the runner lets us live.
        if !self.apply(prepared, &mut applied).await? {
            return Ok(ending::cancelled_in_between());
        }
        let Some(service) = applied.service.as_ref().or(found.there.service.as_ref()) else {
            // A plan without a service to follow makes none: there is always one.
            return Ok(ending::cancelled_in_between());
        };
        let target = target(prepared, &applied, service);
        if plan.touches_service() {
            self.deployment_id = Some(target.ours().deployment_id.clone());
        }
        if plan.changes_anything() {
            report.finished(
                Phase::Update,
                match plan.touches_service() {
                    true => verdict::updated(&target),
                    false => Text::new(),
                },
            );
        }
        if !plan.touches_service()
            && let Some(ended) = self.already_there(found, service, &target).await?
        {
            return Ok(ended);
        }
        if self.run.args.limits.wait_until == values::WaitUntil::None {
            return Ok(verdict::started(&target));
        }
        let ended = self.watch(found, service, target).await?;
        self.tag_back(&ended, service).await;
        Ok(ended)
    }

    async fn watch(
        &mut self,
        found: &Found,
        service: &Service,
        target: RolloutTarget,
    ) -> Result<Ended, Error> {
        self.run.told.say_where_we_are(Phase::Rollout);
        let report = self.run.report.clone();
        report.started(Phase::Rollout);
        let mut say = |news: &_| {
            if let Some(event) = crate::report::rollout::event(news) {
                report.say(event);
            }
        };
        let limits = limits(&self.run.args.limits);
        let wait_for = limits.wait_for;
        let cancel = self.run.env.cancel.token();
        let mut ended = watch::watch(
            &self.run.aws,
            &found.base.cluster,
            &service.name,
            target,
            limits,
            &mut say,
            cancel,
        )
        .await?;
        report.finished(Phase::Rollout, Text::new().say(ended.status.word()));
        container_logs::read(&self.run.aws, &mut ended, wait_for, cancel).await;
        Ok(ended)
    }

    /// Executes the plan, and notes what was done of it even when the rest failed. False: a signal came, and AWS did not
    /// answer in time.
    async fn apply(&mut self, prepared: &Prepared, applied: &mut Applied) -> Result<bool, Error> {
        let there = &prepared.found.there;
        let applying = Applying {
            aws: &self.run.aws,
            of: &self.of,
            cluster: &prepared.found.base.cluster,
            service: there.service.as_ref(),
            target_group: there.group.as_ref().map(|(group, _)| group),
            report: &self.run.report,
        };
        let done = tokio::select! {
            biased;
            done = applying.apply(&prepared.plan, applied) => done.map(|()| true),
            () = self.run.env.cancel.lapsed(verdict::ANSWER_OF_A_CHANGE) => Ok(false),
        };
        self.note_applied(&prepared.plan, applied);
        done
    }

    /// The service needs no update: it serves already (`unchanged`), or what is on its way there is followed.
    async fn already_there(
        &self,
        found: &Found,
        service: &Service,
        target: &RolloutTarget,
    ) -> Result<Option<Ended>, Error> {
        let report = &self.run.report;
        if watched::in_flight(service) {
            report.line("a deployment of this very revision is in flight: following it");
            return Ok(None);
        }
        let cluster = &found.base.cluster;
        match glance::glance(&self.run.aws, cluster, service, target).await? {
            Ok(()) => Ok(Some(verdict::unchanged(target, service))),
            Err(unmet) => {
                let mut text =
                    Text::new().say("nothing to change, but the preview does not serve:");
                for unmet in unmet {
                    text = text
                        .say(" ")
                        .join(crate::report::rollout::sentence(&unmet.sentence()));
                }
                report.line(text.say(" Following it"));
                Ok(None)
            }
        }
    }

    /// Gather, image, plan: reads, and a push of an image that nothing runs yet.
    async fn prepare(&mut self) -> Result<Prepared, Error> {
        let (args, of) = (self.run.args, self.of.clone());
        Smoke::check(&args.limits)?;
        let report = self.run.report.clone();
        report.started(Phase::Preflight);
        let routing = routing(args, of.pull_request)?;
        self.routing = Some(routing.clone());
        let found = gather::preview::gather(&self.run.aws, args, &of, &routing).await?;
        self.before = Some(ending::state_before(&found));
        preview_repository::check(&self.run.aws, args, &found.base, &report).await?;
        let mut wanted = self.wanted(routing);
        plan::check(&found, &wanted)?;
        let url = plan::url(&found, &wanted);
        let smoke = Smoke::of(&args.limits, 1, &of.name(), Some(&url))?;
        self.smoke = match &wanted.routing {
            Routing::Header { name, value } => smoke.map(|s| s.with_header(name, value)),
            Routing::Host(_) | Routing::Path(_) => smoke,
        };
        self.note_found(&found, url);
        report.finished(Phase::Preflight, ending::where_it_goes(&found));

        let build = with_pull_request_tag(args, of.pull_request);
        let known = self.image(&found, &build).await?;
        self.note_image(&known.image);
        wanted.image = known.image;
        wanted.commit.clone_from(&known.commit);
        self.note_commit(known.commit, known.note);
        let plan = plan::plan(&found, &wanted)?;
        self.note_plan(&plan);
        self.commit_before = noting::commit_before(&found, &plan);
        Ok(Prepared { found, plan })
    }

    /// The image, shipped; or what it would be, where nothing is to be done.
    async fn image(&self, found: &Found, build: &Build) -> Result<Foreseen, Error> {
        let Run {
            env, aws, report, ..
        } = &self.run;
        let began = |phase| {
            let told: &Telling<'_> = &self.run.told;
            told.announcer.update(&told.at(phase));
        };
        let sought = ImageSought {
            build,
            given: None,
            found: Some(&found.base),
            trigger: self.run.trigger.as_ref(),
            began: &began,
        };
        if self.run.args.preview.dry_run {
            return foresee(env, aws, &sought, report).await;
        }
        let Shipped {
            image,
            commit,
            note,
            made,
        } = image(env, aws, &sought, report).await?;
        if made == Made::Reused {
            let tag = pull_request_tag(self.of.pull_request);
            preview_repository::tag(aws, &image, &tag, report).await;
        }
        Ok(Foreseen {
            image: WantedImage::Pushed(image),
            commit,
            note,
        })
    }

    /// As the settings ask; the image comes later.
    fn wanted(&self, routing: Routing) -> Wanted {
        let args = self.run.args;
        let inherited = &args.inherited;
        let number = self.of.pull_request.to_string();
        Wanted {
            image: WantedImage::Pushed(Image {
                repository: args.build.ecr_repository.clone().unwrap_or_default(),
                tag: None,
                digest: None,
            }),
            commit: None,
            run: self
                .run
                .trigger
                .as_ref()
                .and_then(|t| t.run_id)
                .map(|id| id.to_string()),
            now: self.run.env.clock.timestamp(),
            expires_after: SignedDuration::from_hours(i64::from(args.preview.expires_after_hours)),
            routing,
            url: args
                .announce
                .url
                .as_ref()
                .map(|url| url.replace(NUMBER, &number)),
            max_previews: args.preview.max_previews,
            inherited: Inherited {
                task_role_arn: inherited.preview_task_role_arn.clone(),
                execution_role_arn: inherited.preview_execution_role_arn.clone(),
                secrets: inherited.inherit_secrets,
                environment: inherited.inherit_environment,
                cpu: inherited.cpu,
                memory: inherited.memory,
            },
            environment_variables: pairs(&inherited.environment_variables),
            secrets: pairs(&inherited.secrets),
            command: inherited.command.as_ref().map(|c| c.0.clone()),
            spot: inherited.spot,
        }
    }
}

/// What is watched once the plan was applied.
fn target(prepared: &Prepared, applied: &Applied, service: &Service) -> RolloutTarget {
    let Prepared { found, plan } = prepared;
    let revision = applied
        .task_definition
        .clone()
        .unwrap_or_else(|| service.task_definition.clone());
    let definition = match plan.register() {
        Some(document) => TaskDefinition {
            document: document.clone(),
            tags: Vec::new(),
        },
        None => found
            .there
            .revision
            .clone()
            .unwrap_or_else(|| found.base.live.clone()),
    };
    let groups: Vec<_> = applied.target_group.clone().into_iter().collect();
    let mut ours = watched::ours(service, &revision, &definition, &groups);
    ours.previous =
        (found.there.service.as_ref()).and_then(|before| watched::previous(before, &ours));
    let count = plan.changes.iter().find_map(|c| match &c.change {
        Change::UpdateService {
            task_definition: None,
            desired_count,
            force_new_deployment: false,
        } => *desired_count,
        _ => None,
    });
    match count {
        // ECS starts no deployment for a count.
        Some(_) => RolloutTarget::Count {
            ours,
            desired: service.desired_count,
            events_after: found
                .there
                .service
                .iter()
                .flat_map(|s| &s.events)
                .filter_map(|e| e.created_at)
                .max(),
        },
        None => RolloutTarget::Deployment {
            ours,
            service_deployment: None,
        },
    }
}

fn pull_request_tag(number: u64) -> String {
    format!("pr-{number}")
}

/// `down` takes this tag away, and never the commit's.
fn with_pull_request_tag(args: &PreviewArgs, number: u64) -> Build {
    let mut build = args.build.clone();
    let tag = pull_request_tag(number);
    if !build.extra_tags.contains(&tag) {
        build.extra_tags.push(tag);
    }
    build
}

fn pairs(list: &[KeyValue]) -> Vec<(String, String)> {
    list.iter()
        .map(|p| (p.key.clone(), p.value.clone()))
        .collect()
}
