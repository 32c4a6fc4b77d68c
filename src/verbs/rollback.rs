//! `shipway rollback`: gather → plan → apply → watch → announce, of a revision that is there already.

use crate::aws::Aws;
use crate::error::Error;
use crate::inputs::arguments::RollbackArgs;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::names::family_and_revision;
use crate::model::stamp::Stamp;
use crate::model::verdict::Verb;
use crate::plan::in_flight::IfDeploying;
use crate::plan::rollback::plan;
use crate::plan::{Found, Plan};
use crate::report::markdown::BackTo;
use crate::rollout::Ended;
use crate::steps::gather;
use crate::steps::gather::rollback::{Target, check_images, check_migrations, target};
use crate::steps::gather::service::Sought;
use crate::steps::smoke::Smoke;
use crate::steps::start;
use crate::verbs::rolling::{Connecting, Place, Prepared, Rolling, cancelled_before_any_change};

struct Rollback<'a> {
    args: &'a RollbackArgs,
    rolling: Rolling<'a>,
}

pub async fn rollback(args: &RollbackArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let place = Place {
        cluster: &args.back.cluster,
        service: &args.back.service,
    };
    // Who goes back means it: what is on its way is left behind. Only ECS's own way back is waited for.
    let order = IfDeploying::Supersede;
    let mut rollback = Rollback {
        args,
        rolling: Rolling::new(&env, report, Verb::Rollback, place, &args.limits, order),
    };
    rollback.rolling.about.back_to = Some(BackTo::default());
    let told = rollback.story().await;
    rollback.rolling.finish(told).await
}

impl Rollback<'_> {
    async fn story(&mut self) -> Result<Ended, Error> {
        let cancel = self.rolling.env.cancel.clone();
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(cancelled_before_any_change()),
            prepared = self.prepare() => prepared?,
        };
        self.rolling.roll_out(prepared).await
    }

    /// Access, gather, plan: reads.
    async fn prepare(&mut self) -> Result<Prepared, Error> {
        Smoke::check(&self.args.limits)?;
        let rolling = &mut self.rolling;
        // Nothing is built, and no code of the event's runs: every event may ask for it.
        rolling.trigger = Trigger::read(rolling.env)?;
        rolling.token = self.args.announce.github.read_github_token(rolling.env)?;
        let aws = rolling
            .connect(&Connecting {
                access: &self.args.access,
                region: &self.args.back.aws_region,
                announce: &self.args.announce,
                // It is a deployment of the commit that is gone back to.
                on_announced_commit: true,
            })
            .await?;
        let mut found = self.look(&aws, true).await?;
        let leaving = leaving(&found);
        while self.rolling.make_way(&aws, &found).await? {
            found = self.look(&aws, false).await?;
        }
        let back = &self.args.back;
        let report = self.rolling.report.clone();
        let target = target(&aws, &found, &leaving, back.to.as_ref(), &report).await?;
        self.note_target(&target);
        if target.arn != found.service.task_definition {
            check_images(&aws, &found, &target, &report).await?;
            if !back.allow_migration {
                check_migrations(&aws, &found, &leaving, &target).await?;
            }
        }
        let mut planned = self.plan(&mut found, &target)?;
        while planned.updates_service() {
            let moved = self.rolling.has_moved(&aws, &mut found).await?;
            if !moved && !self.rolling.make_way(&aws, &found).await? {
                self.rolling.say_whom_we_supersede(&found);
                break;
            }
            found = self.look(&aws, false).await?;
            planned = self.plan(&mut found, &target)?;
        }
        Ok(Prepared {
            aws,
            found,
            plan: planned,
        })
    }

    async fn look(&mut self, aws: &Aws, first: bool) -> Result<Found, Error> {
        let sought = Sought {
            cluster: &self.args.back.cluster,
            service: &self.args.back.service,
            container_name: None,
            task_definition: None,
            any_container: true,
            desired_count: None,
            url: self.args.announce.url.as_deref(),
            cwd: &self.rolling.env.cwd,
        };
        let found = gather::service::gather(aws, &sought).await?;
        self.rolling.smoke = Smoke::wanted(&self.args.limits, None, &found)?;
        self.rolling.note_found(&found);
        self.rolling.say_what_is_live(&found, first);
        Ok(found)
    }

    /// The target is checked against the service as a new revision would be.
    fn plan(&mut self, found: &mut Found, target: &Target) -> Result<Plan, Error> {
        found.source = target.definition.clone();
        let any = found.source.essential_containers().into_iter().next();
        let container =
            crate::plan::preflight::choose_container(&found.service, &found.source, any)?;
        found.container = container;
        let planned = plan(found, &target.arn, target.why.clone());
        self.rolling.note_plan(&planned);
        Ok(planned)
    }

    fn note_target(&mut self, target: &Target) {
        self.rolling
            .note_commit(Stamp::of(&target.definition.tags).commit, None);
        self.rolling.about.back_to = Some(BackTo {
            revision: Some(family_and_revision(&target.arn).to_owned()),
        });
    }
}

/// What shall not run any more. Where ECS is on its way back already, that is what it comes from: waiting for it may be all
/// that is to be done.
fn leaving(found: &Found) -> String {
    let in_flight = found.in_flight.as_ref();
    let failing = in_flight.and_then(|other| other.task_definition.clone());
    failing.unwrap_or_else(|| found.service.task_definition.clone())
}
