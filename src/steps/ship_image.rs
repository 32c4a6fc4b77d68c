//! The image as a goal: afterwards the repository holds the image of this commit, and we know its digest.
//!
//! Present with the same build key → reused. Else built by BuildKit, checked, pushed and read back from ECR.

mod failing;
mod telling;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::aws::Aws;
use crate::aws::ecr::Repository;
use crate::docker::build::{self, BuildSpec};
use crate::docker::context::Context;
use crate::docker::daemon::Daemon;
use crate::docker::inspect::ImageFacts;
use crate::docker::push::{self, PushOutcome};
use crate::docker::registry_auth::{self, RegistryAuth};
use crate::error::Error;
use crate::git;
use crate::inputs::arguments;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::inputs::values;
use crate::model::image::{Image, Platform, RegistryImage};
use crate::model::image_tag::{BUILD_KEY_LABEL, BuildInputs, Source};
use crate::plan::image::{ImageDecision, OnExistingTag, decide};
use crate::plan::preflight;
use crate::report::{Phase, Report, Text};

pub use failing::ShipError;
use failing::told;

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
}

/// What to ship, and where.
pub struct Order<'a> {
    pub build: &'a arguments::Build,
    pub repository: &'a Repository,
    /// What to build for.
    pub platform: &'a Platform,
    /// What the tasks run on and why we think so, where it is known.
    pub tasks: &'a Option<(Platform, String)>,
    pub trigger: Option<&'a Trigger>,
}

/// What the context is a picture of.
struct Origin {
    tag: String,
    reusable: bool,
    build_key: String,
    commit: Option<String>,
    committed: Option<Timestamp>,
    source_url: Option<String>,
}

pub async fn ship_image(
    env: &Env,
    aws: &Aws,
    order: &Order<'_>,
    report: &Report,
) -> Result<Shipped, Error> {
    let context_dir = env.cwd.join(&order.build.context);
    let dockerfile = match &order.build.file {
        Some(file) => env.cwd.join(file),
        None => context_dir.join("Dockerfile"),
    };
    let origin = origin(&context_dir, &dockerfile, order).await?;
    let note = merge_note(&origin, order.trigger, report);
    let existing = match (origin.reusable, order.build.on_existing_tag) {
        (false, values::OnExistingTag::Reuse | values::OnExistingTag::Rebuild) => None,
        _ => {
            aws.ecr
                .image(&order.repository.name, &origin.tag, order.platform, true)
                .await?
        }
    };
    let on_existing = match order.build.on_existing_tag {
        values::OnExistingTag::Reuse => OnExistingTag::Reuse,
        values::OnExistingTag::Rebuild => OnExistingTag::Rebuild,
        values::OnExistingTag::Fail => OnExistingTag::Fail,
    };
    let digest = match decide(
        existing.as_ref(),
        &origin.tag,
        &origin.build_key,
        order.platform,
        origin.reusable,
        on_existing,
    )? {
        ImageDecision::Reuse { digest } => {
            report.line(Text::new().say("image ").code(origin.tag.as_str()).say(
                " is in the repository already, built from the same inputs: build and push skipped",
            ));
            digest
        }
        ImageDecision::Build { why } => {
            report.line(
                Text::new()
                    .say("building ")
                    .code(origin.tag.as_str())
                    .say(format!(": {why}")),
            );
            build_and_push(
                env,
                aws,
                order,
                &origin,
                (&context_dir, &dockerfile),
                report,
            )
            .await?
        }
    };
    let image = Image {
        repository: order.repository.uri.clone(),
        tag: Some(origin.tag),
        digest: Some(digest),
    };
    Ok(Shipped {
        image,
        commit: origin.commit,
        note,
    })
}

/// Tag, build key and commit, by what git and the context say.
async fn origin(context_dir: &Path, dockerfile: &Path, order: &Order<'_>) -> Result<Origin, Error> {
    let (root, file) = (context_dir.to_owned(), dockerfile.to_owned());
    let context = blocking("open the context", move || Context::open(&root, &file)).await??;
    let repository = git::look(context_dir, &[dockerfile]).await?;
    let head = repository.as_ref().and_then(|r| r.head.as_ref());
    let dirty = repository
        .as_ref()
        .is_some_and(|r| r.changed.iter().any(|path| context.sends(path)));
    let (root, context_file) = (context.root().to_owned(), context.dockerfile().to_owned());
    let hash = match dirty || head.is_none() {
        true => blocking("hash the context", move || context.hash()).await??,
        false => String::new(),
    };
    let source = match head {
        Some(head) if dirty => Source::Dirty {
            sha: &head.sha,
            context_hash: &hash,
        },
        Some(head) => Source::Clean { sha: &head.sha },
        None => Source::NoGit {
            context_hash: &hash,
        },
    };
    let relative = |path: &Path| {
        repository
            .as_ref()
            .and_then(|r| r.relative(path))
            .unwrap_or_else(|| path.display().to_string())
    };
    let build_args: Vec<(String, String)> = pairs(&order.build.build_args);
    let tag = source.tag();
    let build_key = BuildInputs {
        // A dirty tree is no commit: its tag, which holds the context's hash, stands for it.
        commit: &tag,
        context: &relative(&root),
        file: &relative(&context_file),
        target: order.build.target.as_deref(),
        build_args: &build_args,
        platform: &order.platform.to_string(),
    }
    .key();
    let of_trigger = order.trigger.map(Trigger::repository_url);
    Ok(Origin {
        reusable: source.may_be_reused(),
        tag,
        build_key,
        commit: head.map(|h| h.sha.clone()),
        committed: head.and_then(|h| Timestamp::from_second(h.committed).ok()),
        source_url: of_trigger.or_else(|| repository.as_ref().and_then(|r| r.remote_url.clone())),
    })
}

/// On `pull_request`, checkout takes the merge commit unless told otherwise; then that is what is built and named.
fn merge_note(origin: &Origin, trigger: Option<&Trigger>, report: &Report) -> Option<Text> {
    let trigger = trigger?;
    let (merge, head) = (trigger.merge_sha.as_deref()?, trigger.head_sha.as_deref()?);
    if origin.commit.as_deref() != Some(merge) || merge == head {
        return None;
    }
    let note = Text::new()
        .say("built from merge commit ")
        .code(merge)
        .say(", not from the pull request's head ")
        .code(head);
    report.warn(
        "shipway::build::merge_commit",
        note.clone(),
        Text::new()
            .say("set ")
            .code("ref: ${{ github.event.pull_request.head.sha }}")
            .say(" on actions/checkout, so that the tag names the commit people see"),
    );
    Some(note)
}

async fn build_and_push(
    env: &Env,
    aws: &Aws,
    order: &Order<'_>,
    origin: &Origin,
    (context_dir, dockerfile): (&Path, &Path),
    report: &Report,
) -> Result<String, Error> {
    let secrets = order
        .build
        .build_secrets
        .iter()
        .map(|s| Ok((s.id.clone(), secret(s, env)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let daemon = Daemon::connect(&env.vars).await?;
    let login = aws.ecr.get_authorization_token().await?;
    report.mask(&login.password);
    let registry = registry_auth::registry_of(&order.repository.uri)
        .unwrap_or_default()
        .to_owned();
    let auths = vec![RegistryAuth {
        registry,
        username: login.username,
        password: login.password,
    }];
    let repository = &order.repository.uri;
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
        tags: tags
            .iter()
            .map(|tag| format!("{repository}:{tag}"))
            .collect(),
        registry_auths: auths.clone(),
        source_date_epoch: origin.committed.map(Timestamp::as_second),
    };

    report.started(Phase::Build);
    let mut telling = telling::Build::default();
    let built = build::build(&daemon, &spec, &mut |news| telling.tell(news, report))
        .await
        .map_err(|e| told(e, report))?;
    report.finished(Phase::Build, telling.summary(&built));
    let platform = Platform {
        os: built.os.clone(),
        architecture: built.architecture.clone(),
    };
    preflight::check_architecture(&platform, order.tasks)?;

    report.started(Phase::Push);
    let mut telling = telling::Push::default();
    let mut digest = None;
    for (index, tag) in tags.iter().enumerate() {
        let outcome = push::push(&daemon, repository, tag, &auths, &mut |news| {
            telling.tell(news, report)
        })
        .await
        .map_err(|e| told(e, report))?;
        match outcome {
            PushOutcome::Pushed { digest: pushed, .. } => digest = digest.or(Some(pushed)),
            PushOutcome::TagImmutable { tag } if index == 0 => digest = Some(equal_to(aws, order, origin, &built, &tag).await?),
            PushOutcome::TagImmutable { tag } => report.warn(
                "shipway::push::extra_tag_immutable",
                Text::new().say("extra tag ").code(tag).say(" names another image and the repository forbids moving it: left as it is"),
                "exclude the tag from the repository's immutability, or leave it out of `extra-tags`",
            ),
        }
    }
    let digest = read_back(aws, order, digest.as_deref().unwrap_or(&origin.tag)).await?;
    report.line(Text::new().say("digest ").code(digest.as_str()));
    report.finished(Phase::Push, telling.summary());
    Ok(digest)
}

/// An immutable tag that already names what we built is as good as pushed: the same config, or the same build key.
async fn equal_to(
    aws: &Aws,
    order: &Order<'_>,
    origin: &Origin,
    built: &ImageFacts,
    tag: &str,
) -> Result<String, Error> {
    let there = aws
        .ecr
        .image(&order.repository.name, tag, order.platform, true)
        .await?;
    let missing = || ShipError::NotThere {
        repository: order.repository.uri.clone(),
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
        repository: order.repository.uri.clone(),
        tag: tag.to_owned(),
        digest: there.digest,
    }
    .into())
}

/// The digest that tasks will pull, as the registry says it: of an index, the platform's own manifest.
async fn read_back(aws: &Aws, order: &Order<'_>, reference: &str) -> Result<String, Error> {
    for pause in READ_BACK {
        tokio::time::sleep(pause).await;
        let found: Option<RegistryImage> = aws
            .ecr
            .image(&order.repository.name, reference, order.platform, false)
            .await?;
        if let Some(found) = found {
            return Ok(found.digest);
        }
    }
    Err(ShipError::NotThere {
        repository: order.repository.uri.clone(),
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

/// Runs file work off the runtime's thread. It is short, and never left behind.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|e| {
        ShipError::Engine {
            what: format!("could not {doing}"),
            said: e.to_string(),
        }
        .into()
    })
}
