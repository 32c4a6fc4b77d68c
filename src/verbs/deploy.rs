//! `shipway deploy`: gather → image → plan → apply → watch → announce.

use crate::aws::Aws;
use crate::error::Error;
use crate::git;
use crate::inputs::arguments::DeployArgs;
use crate::inputs::env::Env;
use crate::model::image::Image;
use crate::model::stamp::Stamp;
use crate::model::verdict::Verb;
use crate::plan::Found;
use crate::plan::service::{WantedImage, plan};
use crate::rollout::Ended;
use crate::steps::admit::{Asks, Uses};
use crate::steps::gather;
use crate::steps::gather::service::Sought;
use crate::steps::image::{ImageSought, image};
use crate::steps::order::{self, Asking};
use crate::steps::ship_image::Shipped;
use crate::steps::smoke::Smoke;
use crate::steps::start::{self, Started};
use crate::steps::wanted::{if_deploying, wanted};
use crate::verbs::rolling::{Connecting, Place, Prepared, Rolling, cancelled_before_any_change};

struct Deploy<'a> {
    args: &'a DeployArgs,
    rolling: Rolling<'a>,
}

pub async fn deploy(args: &DeployArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let place = Place {
        cluster: &args.target.cluster,
        service: &args.target.service,
    };
    let order = if_deploying(&args.order);
    let mut deploy = Deploy {
        args,
        rolling: Rolling::new(&env, report, Verb::Deploy, place, &args.limits, order),
    };
    let told = deploy.story().await;
    deploy.rolling.finish(told).await
}

impl Deploy<'_> {
    async fn story(&mut self) -> Result<Ended, Error> {
        let cancel = self.rolling.env.cancel.clone();
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(cancelled_before_any_change()),
            prepared = self.prepare() => prepared?,
        };
        self.rolling.roll_out(prepared).await
    }

    /// Access, gather, image, plan: reads, and a push of an image that nothing runs yet.
    async fn prepare(&mut self) -> Result<Prepared, Error> {
        Smoke::check(&self.args.limits)?;
        let aws = self.access().await?;
        let mut found = self.look(&aws, true).await?;
        let intended = self.intended_commit().await;
        if self.builds() && Stamp::of(&found.live.tags).commit != intended {
            // Of another commit: a build would be in vain where it may not be superseded.
            while self.rolling.make_way(&aws, &found).await? {
                found = self.look(&aws, false).await?;
            }
        }
        self.check_order(&found, intended.as_deref()).await?;

        let sought = ImageSought {
            build: &self.args.build,
            given: self.args.promote.image.as_ref(),
            found: Some(&found),
            trigger: self.rolling.trigger.as_ref(),
            began: &|phase| self.rolling.announcer.update(&self.rolling.at(phase)),
        };
        let Shipped {
            image,
            commit,
            note,
            bytes,
            ..
        } = image(self.rolling.env, &aws, &sought, &self.rolling.report).await?;
        self.note_image(&image);
        self.rolling.about.image_bytes = bytes;
        let wanted = wanted(
            &self.args.overrides,
            WantedImage::Pushed(image),
            commit.as_deref(),
            self.rolling.trigger.as_ref(),
        );
        self.rolling.note_commit(commit.clone(), note);
        let mut planned = plan(&found, &wanted);
        self.rolling.note_plan(&planned);
        // A build or an approval may have taken long: the plan must be about what is live now.
        while planned.updates_service() {
            let moved = self.rolling.has_moved(&aws, &mut found).await?;
            if !moved && !self.rolling.make_way(&aws, &found).await? {
                self.rolling.say_whom_we_supersede(&found);
                break;
            }
            found = self.look(&aws, false).await?;
            self.check_order(&found, commit.as_deref()).await?;
            planned = plan(&found, &wanted);
            self.rolling.note_plan(&planned);
        }
        Ok(Prepared {
            aws,
            found,
            plan: planned,
        })
    }

    async fn access(&mut self) -> Result<Aws, Error> {
        let rolling = &mut self.rolling;
        let Started { trigger, token } = start::start(
            rolling.env,
            Asks::Deploy,
            &self.args.announce.github,
            &self.args.build.build_secrets,
            &Uses {
                build: &self.args.build,
                given: self.args.promote.image.is_some(),
                task_definition: self.args.target.task_definition.as_deref(),
            },
            &rolling.report,
        )
        .await?;
        (rolling.trigger, rolling.token) = (trigger, token);
        rolling
            .connect(&Connecting {
                access: &self.args.access,
                region: &self.args.target.aws_region,
                announce: &self.args.announce,
                on_announced_commit: false,
            })
            .await
    }

    /// What is live, and what goes on.
    async fn look(&mut self, aws: &Aws, first: bool) -> Result<Found, Error> {
        let sought = Sought {
            cluster: &self.args.target.cluster,
            service: &self.args.target.service,
            container_name: self.args.target.container_name.as_deref(),
            task_definition: self.args.target.task_definition.as_deref(),
            any_container: false,
            desired_count: self.args.overrides.desired_count,
            url: self.args.announce.url.as_deref(),
            cwd: &self.rolling.env.cwd,
        };
        let found = gather::service::gather(aws, &sought).await?;
        self.rolling.smoke =
            Smoke::wanted(&self.args.limits, self.args.overrides.desired_count, &found)?;
        self.rolling.note_found(&found);
        self.rolling.say_what_is_live(&found, first);
        Ok(found)
    }

    fn builds(&self) -> bool {
        self.args.promote.image.is_none()
    }

    /// The commit that will be deployed, as far as it can be known before the build.
    async fn intended_commit(&self) -> Option<String> {
        let of_event = self.rolling.trigger.as_ref().and_then(|t| t.sha.clone());
        if !self.builds() {
            return of_event;
        }
        let context = self.rolling.env.cwd.join(&self.args.build.context);
        git::head(&context).await.ok().flatten()
    }

    async fn check_order(&mut self, found: &Found, commit: Option<&str>) -> Result<(), Error> {
        if self.args.order.allow_older {
            return Ok(());
        }
        let asking = Asking {
            env: self.rolling.env,
            trigger: self.rolling.trigger.as_ref(),
            token: self.rolling.token.as_ref(),
            report: &self.rolling.report,
        };
        let checked = order::check(&asking, &found.live, commit).await;
        if checked.is_err() {
            self.rolling.note_commit(commit.map(str::to_owned), None);
        }
        checked
    }

    fn note_image(&mut self, image: &Image) {
        let outputs = &mut self.rolling.outputs;
        self.rolling.about.image = Some(image.reference());
        outputs.image = Some(image.reference());
        outputs.image_tag.clone_from(&image.tag);
        outputs.image_digest.clone_from(&image.digest);
        outputs.image_repository = Some(image.repository.clone());
    }
}
