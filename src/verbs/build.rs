//! `shipway build`: the commit's image, built and pushed; nothing is deployed. Its digest is what `deploy --image` takes.

use std::sync::Arc;

use crate::error::Error;
use crate::inputs::arguments::BuildArgs;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::verdict::{Outputs, Verb};
use crate::report::Report;
use crate::report::markdown::Commit;
use crate::report::page::{About, BuiltImage};
use crate::steps::access::{self, Access};
use crate::steps::admit::{Asks, Uses};
use crate::steps::finish::{self, Told};
use crate::steps::image::{ImageSought, image};
use crate::steps::ship_image::{Made, Shipped, size};
use crate::steps::start::{self, Started};

/// What is known so far, for the last words.
struct Build<'a> {
    args: &'a BuildArgs,
    env: &'a Env,
    report: Arc<Report>,
    outputs: Outputs,
    about: About,
}

pub async fn build(args: &BuildArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let outputs = Outputs {
        verb: Verb::Build,
        ..Outputs::default()
    };
    let mut build = Build {
        args,
        env: &env,
        report: report.clone(),
        outputs,
        about: About::default(),
    };
    let told = tokio::select! {
        biased;
        () = env.cancel.cancelled() => Told::Cancelled,
        told = build.story() => Told::of(told.map(Told::Built)),
    };
    let Build { outputs, about, .. } = build;
    finish::finish(&env, &report, outputs, about, told)
}

impl Build<'_> {
    async fn story(&mut self) -> Result<BuiltImage, Error> {
        let Started { trigger, token: _ } = start::start(
            self.env,
            Asks::Build,
            &self.args.github,
            &self.args.build.build_secrets,
            &Uses {
                build: &self.args.build,
                given: false,
                task_definition: None,
            },
            &self.report,
        )
        .await?;
        self.about.run_url = trigger.as_ref().and_then(Trigger::run_url);
        let Access { aws, claims: _ } = access::connect(
            self.env,
            &self.args.access,
            &self.args.aws_region,
            trigger.as_ref(),
            &self.report,
        )
        .await;
        let sought = ImageSought {
            build: &self.args.build,
            given: None,
            found: None,
            trigger: trigger.as_ref(),
            began: &|_| (),
        };
        let shipped = image(self.env, &aws?, &sought, &self.report).await?;
        self.note(&shipped, trigger.as_ref());
        Ok(facts(shipped))
    }

    fn note(&mut self, shipped: &Shipped, trigger: Option<&Trigger>) {
        let image = &shipped.image;
        self.outputs.image = Some(image.reference());
        self.outputs.image_tag.clone_from(&image.tag);
        self.outputs.image_digest.clone_from(&image.digest);
        self.outputs.image_repository = Some(image.repository.clone());
        self.outputs.changed = matches!(shipped.made, Made::Pushed(_));
        self.about.commit = shipped.commit.clone().map(|sha| Commit {
            url: trigger.map(|t| t.commit_url(&sha)),
            sha,
        });
        self.about.note.clone_from(&shipped.note);
    }
}

fn facts(shipped: Shipped) -> BuiltImage {
    let facts = match &shipped.made {
        Made::Pushed(built) => vec![
            ("Size", size(built.size_bytes)),
            (
                "Steps",
                format!("{} of {} cached", built.cached, built.steps),
            ),
            ("Sent", size(built.sent_bytes)),
        ],
        Made::Given | Made::Reused => Vec::new(),
    };
    BuiltImage {
        reference: shipped.image.reference(),
        pushed: matches!(shipped.made, Made::Pushed(_)),
        repository: shipped.image.repository,
        tag: shipped.image.tag.unwrap_or_default(),
        facts,
    }
}
