//! `shipway plan`: what `deploy` would change, and why; changes nothing. The plan is the very value that `deploy` applies.

use std::sync::Arc;

use crate::error::Error;
use crate::inputs::arguments::PlanArgs;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::names::family_and_revision;
use crate::model::verdict::{Outputs, Verb};
use crate::plan::service::{self, WantedImage};
use crate::plan::{Found, Plan};
use crate::report::markdown::Commit;
use crate::report::page::About;
use crate::report::{Phase, Report, Text};
use crate::steps::access::{self, Access};
use crate::steps::admit::{Asks, Uses};
use crate::steps::finish::{self, Told};
use crate::steps::gather;
use crate::steps::gather::service::Sought;
use crate::steps::image::{ImageSought, foresee};
use crate::steps::order::{self, Asking};
use crate::steps::start::{self, Started};
use crate::steps::wanted::wanted;

/// What is known so far, for the last words.
struct Planning<'a> {
    args: &'a PlanArgs,
    env: &'a Env,
    report: Arc<Report>,
    outputs: Outputs,
    about: About,
}

pub async fn plan(args: &PlanArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let outputs = Outputs {
        verb: Verb::Plan,
        ..Outputs::default()
    };
    let mut planning = Planning {
        args,
        env: &env,
        report: report.clone(),
        outputs,
        about: About::default(),
    };
    let told = tokio::select! {
        biased;
        () = env.cancel.cancelled() => Told::Cancelled,
        told = planning.story() => Told::of(told.map(|plan| Told::Planned(Box::new(plan)))),
    };
    let Planning { outputs, about, .. } = planning;
    finish::finish(&env, &report, outputs, about, told)
}

impl Planning<'_> {
    async fn story(&mut self) -> Result<Plan, Error> {
        let Started { trigger, token } = start::start(
            self.env,
            Asks::Plan,
            &self.args.github,
            // Nothing is built, so no secret of the build is needed.
            &[],
            &Uses {
                build: &self.args.build,
                given: self.args.promote.image.is_some(),
                task_definition: self.args.target.task_definition.as_deref(),
            },
            &self.report,
        )
        .await?;
        self.about.run_url = trigger.as_ref().and_then(Trigger::run_url);
        self.report.started(Phase::Preflight);
        let target = &self.args.target;
        let Access { aws, claims: _ } = access::connect(
            self.env,
            &self.args.access,
            &target.aws_region,
            trigger.as_ref(),
            &self.report,
        )
        .await;
        let aws = aws?;
        let sought = Sought {
            cluster: &target.cluster,
            service: &target.service,
            container_name: target.container_name.as_deref(),
            task_definition: target.task_definition.as_deref(),
            any_container: false,
            desired_count: self.args.overrides.desired_count,
            url: None,
            cwd: &self.env.cwd,
        };
        let found = gather::service::gather(&aws, &sought).await?;
        self.note_found(&found);

        let sought = ImageSought {
            build: &self.args.build,
            given: self.args.promote.image.as_ref(),
            found: Some(&found),
            trigger: trigger.as_ref(),
            began: &|_| (),
        };
        let foreseen = foresee(self.env, &aws, &sought, &self.report).await?;
        self.note_image(&foreseen.image);
        let wanted = wanted(
            &self.args.overrides,
            foreseen.image,
            foreseen.commit.as_deref(),
            trigger.as_ref(),
        );
        let commit = foreseen.commit.clone();
        self.about.note = foreseen.note;
        self.about.commit = foreseen.commit.map(|sha| Commit {
            url: trigger.as_ref().map(|t| t.commit_url(&sha)),
            sha,
        });
        let mut plan = service::plan(&found, &wanted);
        let asking = Asking {
            env: self.env,
            trigger: trigger.as_ref(),
            token: token.as_ref(),
            report: &self.report,
        };
        let older = order::older(&asking, &found.live, commit.as_deref()).await;
        plan.older_commit = older.map(|older| older.to_string());
        self.note_plan(&plan);
        Ok(plan)
    }

    fn note_found(&mut self, found: &Found) {
        let runs = &found.service.task_definition;
        self.outputs.url.clone_from(&found.url);
        self.outputs.task_definition_arn = Some(runs.clone());
        self.report.finished(
            Phase::Preflight,
            Text::new()
                .say("service ")
                .code(found.service.name.as_str())
                .say(" is on ")
                .code(family_and_revision(runs)),
        );
    }

    fn note_image(&mut self, image: &WantedImage) {
        match image {
            WantedImage::Pushed(image) => {
                self.outputs.image = Some(image.reference());
                self.outputs.image_tag.clone_from(&image.tag);
                self.outputs.image_digest.clone_from(&image.digest);
                self.outputs.image_repository = Some(image.repository.clone());
            }
            WantedImage::NotPushedYet {
                repository, tag, ..
            } => {
                self.outputs.image_tag = Some(tag.clone());
                self.outputs.image_repository = Some(repository.clone());
            }
        }
    }

    fn note_plan(&mut self, plan: &Plan) {
        self.outputs.changed = plan.changes_anything();
        self.outputs.plan = serde_json::to_value(plan).ok();
        self.report.started(Phase::Plan);
        self.report.answer(&crate::report::plan::image_lines(plan));
        let others: Vec<Text> = crate::report::plan::in_flight_line(plan)
            .into_iter()
            .chain(crate::report::plan::older_line(plan))
            .collect();
        self.report.answer(&others);
        self.report.answer(&crate::report::plan::lines(plan));
        self.report.finished(Phase::Plan, Text::new());
    }
}
