//! The image as a goal: afterwards the repository holds the image of this commit, and we know its digest.
//!
//! Present with the same build key → reused. Else built by BuildKit, checked, pushed and read back from ECR.

mod failing;
mod origin;
mod telling;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::aws::ecr::Repository;
use crate::docker::build::{self, BuildSpec};
use crate::docker::daemon::Daemon;
use crate::docker::inspect::ImageFacts;
use crate::docker::push::{self, PushOutcome};
use crate::docker::registry_auth::{self, RegistryAuth};
use crate::error::Error;
use crate::inputs::arguments;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::inputs::values;
use crate::model::image::{Image, Platform, RegistryImage};
use crate::model::image_tag::BUILD_KEY_LABEL;
use crate::plan::image::{ImageDecision, OnExistingTag, decide};
use crate::plan::preflight;
use crate::report::{Phase, Report, Text};

pub use failing::ShipError;
use failing::told;
use origin::{Origin, merge_note, origin};
pub use telling::size;

/// ECR shows a pushed image at once; reads after writes may still lag a little.
const READ_BACK: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// What there is now.
#[derive(Debug)]
pub struct Shipped {
    pub image: Image,
    /// The commit that was built; none without git.
    pub commit: Option<String>,
    /// Said beside the commit, e.g. that the merge commit was built.
    pub note: Option<Text>,
    pub made: Made,
    /// Compressed, where the registry was asked.
    pub bytes: Option<u64>,
}

/// How the image came to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// `--image`.
    Given,
    /// The repository had it, built from the same inputs.
    Reused,
    Pushed(Built),
}

/// What a build came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Uncompressed, as the engine counts.
    pub size_bytes: u64,
    pub steps: usize,
    pub cached: usize,
    /// What the registry did not have yet.
    pub sent_bytes: u64,
    /// As the registry says it.
    pub compressed_bytes: Option<u64>,
}

/// What to ship.
pub struct Order<'a> {
    pub build: &'a arguments::Build,
    /// What to build for.
    pub platform: &'a Platform,
    /// What the tasks run on and why we think so, where it is known.
    pub tasks: &'a Option<(Platform, String)>,
    pub trigger: Option<&'a Trigger>,
    /// Hears that a build begins, and a push.
    pub began: &'a (dyn Fn(Phase) + Sync),
}

/// What shipping would do: looked up, nothing done yet.
pub struct Intended {
    context_dir: PathBuf,
    dockerfile: PathBuf,
    origin: Origin,
    pub decision: ImageDecision,
    pub note: Option<Text>,
}

impl Intended {
    /// The tag that the image has or would get.
    pub fn tag(&self) -> &str {
        &self.origin.tag
    }

    pub fn commit(&self) -> Option<&str> {
        self.origin.commit.as_deref()
    }
}

/// Looks whether the commit's image is there. Asks git and ECR, no Docker engine. Without a repository nothing is there.
pub async fn intend(
    env: &Env,
    aws: &Aws,
    order: &Order<'_>,
    repository: Option<&Repository>,
    report: &Report,
) -> Result<Intended, Error> {
    let context_dir = env.cwd.join(&order.build.context);
    let dockerfile = match &order.build.file {
        Some(file) => env.cwd.join(file),
        None => context_dir.join("Dockerfile"),
    };
    let origin = origin(&context_dir, &dockerfile, order).await?;
    let note = merge_note(&origin, order.trigger, report);
    let existing = match (origin.reusable, order.build.on_existing_tag, repository) {
        (false, values::OnExistingTag::Reuse | values::OnExistingTag::Rebuild, _) => None,
        (.., None) => None,
        (.., Some(repository)) => {
            aws.ecr
                .image(&repository.name, &origin.tag, order.platform, true)
                .await?
        }
    };
    let on_existing = match order.build.on_existing_tag {
        values::OnExistingTag::Reuse => OnExistingTag::Reuse,
        values::OnExistingTag::Rebuild => OnExistingTag::Rebuild,
        values::OnExistingTag::Fail => OnExistingTag::Fail,
    };
    let decision = decide(
        existing.as_ref(),
        &origin.tag,
        &origin.build_key,
        order.platform,
        origin.reusable,
        on_existing,
    )?;
    Ok(Intended {
        context_dir,
        dockerfile,
        origin,
        decision,
        note,
    })
}

/// Does what is intended: afterwards the image is in the repository.
pub async fn ship_image(
    env: &Env,
    aws: &Aws,
    order: &Order<'_>,
    repository: &Repository,
    intended: Intended,
    report: &Report,
) -> Result<Shipped, Error> {
    let Intended {
        context_dir,
        dockerfile,
        origin,
        decision,
        note,
    } = intended;
    let (digest, made) = match decision {
        ImageDecision::Reuse { digest } => {
            report.line(Text::new().say("image ").code(origin.tag.as_str()).say(
                " is in the repository already, built from the same inputs: build and push skipped",
            ));
            (digest, Made::Reused)
        }
        ImageDecision::Build { why } => {
            report.line(
                Text::new()
                    .say("building ")
                    .code(origin.tag.as_str())
                    .say(format!(": {why}")),
            );
            let (digest, built) = build_and_push(
                env,
                aws,
                (order, repository),
                &origin,
                (&context_dir, &dockerfile),
                report,
            )
            .await?;
            (digest, Made::Pushed(built))
        }
    };
    let image = Image {
        repository: repository.uri.clone(),
        tag: Some(origin.tag),
        digest: Some(digest),
    };
    let bytes = match &made {
        Made::Pushed(built) => built.compressed_bytes,
        Made::Given | Made::Reused => None,
    };
    Ok(Shipped {
        image,
        commit: origin.commit,
        note,
        made,
        bytes,
    })
}

async fn build_and_push(
    env: &Env,
    aws: &Aws,
    (order, repository): (&Order<'_>, &Repository),
    origin: &Origin,
    (context_dir, dockerfile): (&Path, &Path),
    report: &Report,
) -> Result<(String, Built), Error> {
    let secrets = order
        .build
        .build_secrets
        .iter()
        .map(|s| Ok((s.id.clone(), secret(s, env)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let daemon = Daemon::connect(&env.vars).await?;
    let login = aws.ecr.get_authorization_token().await?;
    report.mask(&login.password);
    let registry = registry_auth::registry_of(&repository.uri)
        .unwrap_or_default()
        .to_owned();
    let auths = vec![RegistryAuth {
        registry,
        username: login.username,
        password: login.password,
    }];
    let uri = &repository.uri;
    let mut tags = vec![origin.tag.clone()];
    tags.extend(
        order
            .build
            .extra_tags
            .iter()
            .filter(|t| **t != origin.tag)
            .cloned(),
    );
    let spec = BuildSpec {
        context_dir: context_dir.to_owned(),
        dockerfile: dockerfile.to_owned(),
        target: order.build.target.clone(),
        platform: order.platform.to_string(),
        build_args: pairs(&order.build.build_args),
        secrets,
        labels: labels(order, origin),
        cache_from: order.build.cache_from.clone(),
        cache_to: order.build.cache_to.clone(),
        no_cache: order.build.no_cache,
        pull: order.build.pull,
        tags: tags.iter().map(|tag| format!("{uri}:{tag}")).collect(),
        registry_auths: auths.clone(),
        source_date_epoch: origin.committed.map(Timestamp::as_second),
    };

    (order.began)(Phase::Build);
    report.started(Phase::Build);
    let mut steps = telling::Build::default();
    let built = build::build(&daemon, &spec, &mut |news| steps.tell(news, report))
        .await
        .map_err(|e| told(e, report))?;
    report.finished(Phase::Build, steps.summary(&built));
    let platform = Platform {
        os: built.os.clone(),
        architecture: built.architecture.clone(),
    };
    preflight::check_architecture(&platform, order.tasks)?;

    (order.began)(Phase::Push);
    report.started(Phase::Push);
    let mut layers = telling::Push::default();
    let mut digest = None;
    for (index, tag) in tags.iter().enumerate() {
        let outcome = push::push(&daemon, uri, tag, &auths, &mut |news| {
            layers.tell(news, report)
        })
        .await
        .map_err(|e| told(e, report))?;
        match outcome {
            PushOutcome::Pushed { digest: pushed, .. } => digest = digest.or(Some(pushed)),
            PushOutcome::TagImmutable { tag } if index == 0 => digest = Some(equal_to(aws, (order, repository), origin, &built, &tag).await?),
            PushOutcome::TagImmutable { tag } => report.warn(
                "shipway::push::extra_tag_immutable",
                Text::new().say("extra tag ").code(tag).say(" names another image and the repository forbids moving it: left as it is"),
                "exclude the tag from the repository's immutability, or leave it out of `extra-tags`",
            ),
        }
    }
    let digest = digest.as_deref().unwrap_or(&origin.tag);
    let there = read_back(aws, (order, repository), digest).await?;
    let digest = there.digest;
    report.line(Text::new().say("digest ").code(digest.as_str()));
    report.finished(Phase::Push, layers.summary());
    let built = Built {
        size_bytes: built.size_bytes,
        steps: steps.steps,
        cached: steps.cached,
        sent_bytes: layers.sent_bytes(),
        compressed_bytes: there.compressed_bytes,
    };
    Ok((digest, built))
}

/// An immutable tag that already names what we built is as good as pushed: the same config, or the same build key.
async fn equal_to(
    aws: &Aws,
    (order, repository): (&Order<'_>, &Repository),
    origin: &Origin,
    built: &ImageFacts,
    tag: &str,
) -> Result<String, Error> {
    let there = aws
        .ecr
        .image(&repository.name, tag, order.platform, true)
        .await?;
    let missing = || ShipError::NotThere {
        repository: repository.uri.clone(),
        reference: tag.to_owned(),
    };
    let there = there.ok_or_else(missing)?;
    let same_image =
        there.config_digest.as_deref() == Some(built.id.as_str()) || there.digest == built.id;
    let same_inputs = there
        .labels
        .iter()
        .any(|(k, v)| k == BUILD_KEY_LABEL && *v == origin.build_key);
    if same_image || (origin.reusable && same_inputs) {
        return Ok(there.digest);
    }
    Err(ShipError::Immutable {
        repository: repository.uri.clone(),
        tag: tag.to_owned(),
        digest: there.digest,
    }
    .into())
}

/// The digest that tasks will pull, as the registry says it: of an index, the platform's own manifest.
async fn read_back(
    aws: &Aws,
    (order, repository): (&Order<'_>, &Repository),
    reference: &str,
) -> Result<RegistryImage, Error> {
    for pause in READ_BACK {
        tokio::time::sleep(pause).await;
        let found: Option<RegistryImage> = aws
            .ecr
            .image(&repository.name, reference, order.platform, false)
            .await?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Err(ShipError::NotThere {
        repository: repository.uri.clone(),
        reference: reference.to_owned(),
    }
    .into())
}

/// OCI's annotations as labels, the user's own, and the key that lets the tag be reused.
fn labels(order: &Order<'_>, origin: &Origin) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut put =
        |key: &str, value: Option<String>| labels.extend(value.map(|v| (key.to_owned(), v)));
    put("org.opencontainers.image.revision", origin.commit.clone());
    put("org.opencontainers.image.source", origin.source_url.clone());
    // The commit's time, so that an equal build can have an equal digest.
    put(
        "org.opencontainers.image.created",
        origin.committed.map(|at| at.to_string()),
    );
    let own = pairs(&order.build.labels);
    labels.retain(|(key, _)| own.iter().all(|(k, _)| k != key));
    labels.extend(own.into_iter().filter(|(key, _)| key != BUILD_KEY_LABEL));
    labels.push((BUILD_KEY_LABEL.to_owned(), origin.build_key.clone()));
    labels
}

fn pairs(list: &[values::KeyValue]) -> Vec<(String, String)> {
    list.iter()
        .map(|p| (p.key.clone(), p.value.clone()))
        .collect()
}

fn secret(secret: &values::BuildSecret, env: &Env) -> Result<build::SecretSource, Error> {
    Ok(match &secret.source {
        values::SecretSource::File(path) => build::SecretSource::File(env.cwd.join(path)),
        values::SecretSource::Env(name) => build::SecretSource::Env {
            name: name.clone(),
            value: Some(secret.read(env)?),
        },
        values::SecretSource::Literal => build::SecretSource::Env {
            name: secret.id.clone(),
            value: Some(secret.read(env)?),
        },
    })
}
