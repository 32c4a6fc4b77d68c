//! Builds one image with the engine's BuildKit. Knows the `/build` request and what of the caller's wishes an engine
//! can do; what reaches the engine is the context, the named build-args, the named secrets and the logins, and
//! nothing else: no variable of this process, no proxy setting, no file outside the context but the Dockerfile.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use tokio::task;

use super::context::{Context, ContextError};
use super::daemon::{CanRun, Daemon};
use super::dockerfile::Dockerfile;
use super::filesync::ContextSync;
use super::inspect::{self, ImageFacts};
use super::progress::{BuildNews, Progress};
use super::registry_auth::RegistryAuth;
use super::session::{Offer, Session};
use super::wire::{Lines, accepted, broken};
use super::{BuildFailure, DockerError, Foreign};

const DOING: &str = "build an image";
/// BuildKit's own limit for a secret.
const SECRET_LIMIT_BYTES: usize = 500 * 1024;
/// The build-arg by which BuildKit (0.11 and later) dates the image; it takes part in no step that does not declare it.
const EPOCH: &str = "SOURCE_DATE_EPOCH";
const INLINE_CACHE: &str = "BUILDKIT_INLINE_CACHE";

/// Everything that decides what is built.
#[derive(Debug, Clone, Default)]
pub struct BuildSpec {
    pub context_dir: PathBuf,
    /// may lie outside of the context; it is then no part of what `COPY` sees
    pub dockerfile: PathBuf,
    pub target: Option<String>,
    /// `linux/amd64`
    pub platform: String,
    pub build_args: Vec<(String, String)>,
    pub secrets: Vec<(String, SecretSource)>,
    pub labels: Vec<(String, String)>,
    /// references, or `type=registry,ref=…`
    pub cache_from: Vec<String>,
    /// `type=inline`, or `type=registry,ref=…`
    pub cache_to: Vec<String>,
    pub no_cache: bool,
    pub pull: bool,
    /// `repository:tag`
    pub tags: Vec<String>,
    pub registry_auths: Vec<RegistryAuth>,
    /// the commit's time: dates the image where the engine can, and every file of the context
    pub source_date_epoch: Option<i64>,
}

/// Where a build secret comes from. The variable's value is read by the caller, who owns the environment.
#[derive(Debug, Clone)]
pub enum SecretSource {
    Env {
        name: String,
        value: Option<SecretString>,
    },
    File(PathBuf),
}

/// Builds, tells what happens, and returns the facts of the image.
pub async fn build(
    daemon: &Daemon,
    spec: &BuildSpec,
    tell: &mut (dyn FnMut(BuildNews) + Send),
) -> Result<ImageFacts, DockerError> {
    let (context, dockerfile) = open_context(spec, tell).await?;
    if dockerfile.runs_target_programs() && daemon.can_run(&spec.platform) == CanRun::No {
        return Err(DockerError::NoEmulator {
            engine: daemon.platform(),
            platform: spec.platform.clone(),
        });
    }
    let cache = Cache::wanted(spec, tell);
    let attempt = Attempt {
        daemon,
        spec,
        context,
        dockerfile: &dockerfile,
    };
    match attempt.run(&cache, tell).await {
        Err(Ended::OverCache(message)) if cache.is_wanted() => {
            tell(BuildNews::Warning(Foreign(format!(
                "building without the cache: {}",
                message.0
            ))));
            attempt
                .run(&Cache::default(), tell)
                .await
                .map_err(Ended::into_error)
        }
        other => other.map_err(Ended::into_error),
    }
}

/// Opens the context, refuses what must not be sent, and reads the Dockerfile's layout.
async fn open_context(
    spec: &BuildSpec,
    tell: &mut (dyn FnMut(BuildNews) + Send),
) -> Result<(Arc<Context>, Dockerfile), DockerError> {
    let (root, file) = (spec.context_dir.clone(), spec.dockerfile.clone());
    let opened = task::spawn_blocking(move || {
        let context = Context::open(&root, &file)?;
        let survey = context.survey()?;
        let text =
            std::fs::read(context.dockerfile()).map_err(|source| ContextError::Unreadable {
                path: context.dockerfile().to_owned(),
                source,
            })?;
        let dockerfile = Dockerfile::read(&String::from_utf8_lossy(&text));
        Ok::<_, ContextError>((context, survey, dockerfile))
    });
    let (context, survey, dockerfile) = opened
        .await
        .map_err(|error| broken("read the context", &error))??;
    for path in survey.skipped {
        tell(BuildNews::Warning(Foreign(format!(
            "{path} is a socket, pipe or device and is not sent"
        ))));
    }
    tell(BuildNews::ContextReady {
        files: survey.files,
        bytes: survey.bytes,
    });
    Ok((Arc::new(context), dockerfile))
}

/// What of the wished-for cache this engine can do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cache {
    from: Vec<String>,
    inline: bool,
}

impl Cache {
    fn wanted(spec: &BuildSpec, tell: &mut (dyn FnMut(BuildNews) + Send)) -> Cache {
        let mut cache = Cache::default();
        let mut refuse =
            |wish: &str, why: &str| tell(BuildNews::Warning(Foreign(format!("{wish}: {why}"))));
        for wish in &spec.cache_from {
            let fields = fields(wish);
            match (fields.get("type").copied(), fields.get("ref").copied()) {
                (None, _) => cache.from.push(wish.clone()),
                (Some("registry"), Some(reference)) => cache.from.push(reference.to_owned()),
                _ => refuse(
                    wish,
                    "the Docker engine reads caches from registries only; built without this one",
                ),
            }
        }
        for wish in &spec.cache_to {
            match fields(wish).get("type").copied() {
                Some("inline") => cache.inline = true,
                _ => refuse(
                    wish,
                    "the Docker engine's own builder writes only type=inline caches; this one was not written",
                ),
            }
        }
        cache
    }

    fn is_wanted(&self) -> bool {
        *self != Cache::default()
    }
}

fn fields(wish: &str) -> BTreeMap<&str, &str> {
    wish.split(',')
        .filter_map(|field| field.split_once('='))
        .map(|(k, v)| (k.trim(), v.trim()))
        .collect()
}

struct Attempt<'a> {
    daemon: &'a Daemon,
    spec: &'a BuildSpec,
    context: Arc<Context>,
    dockerfile: &'a Dockerfile,
}

enum Ended {
    Failed(DockerError),
    /// nothing but a cache was in the way
    OverCache(Foreign),
}

impl Ended {
    fn into_error(self) -> DockerError {
        match self {
            Ended::Failed(error) => error,
            Ended::OverCache(message) => DockerError::BuildFailed(Box::new(BuildFailure {
                message,
                ..BuildFailure::default()
            })),
        }
    }
}

impl From<DockerError> for Ended {
    fn from(error: DockerError) -> Ended {
        Ended::Failed(error)
    }
}

impl Attempt<'_> {
    async fn run(
        &self,
        cache: &Cache,
        tell: &mut (dyn FnMut(BuildNews) + Send),
    ) -> Result<ImageFacts, Ended> {
        let name = self
            .context
            .dockerfile()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let sync = ContextSync::new(
            self.context.clone(),
            name.clone(),
            self.spec.source_date_epoch,
        );
        let offer = Offer {
            context: sync.clone(),
            secrets: secrets(&self.spec.secrets).await?,
            auths: self.spec.registry_auths.clone(),
        };
        let session = Session::open(self.daemon, offer).await?;
        let path = self
            .daemon
            .path(&format!("/build?{}", self.query(&name, &session.id, cache)));
        let request = Request::post(path).header("Content-Type", "application/x-tar");
        let request = request
            .body(Full::new(Bytes::new()))
            .map_err(|error| broken(DOING, &error))?;
        let answer = accepted(DOING, self.daemon.address.send(request).await).await?;

        let mut progress = Progress::default();
        let mut id = None;
        let mut lines = Lines::new(DOING, answer);
        while let Some(line) = lines.next().await? {
            if let Some(message) = line.failure() {
                return Err(self.failed(message, &mut progress, &sync));
            }
            match (line.id.as_str(), &line.aux) {
                ("moby.buildkit.trace", serde_json::Value::String(wrapped)) => {
                    progress
                        .read(wrapped, tell)
                        .map_err(|message| DockerError::Engine {
                            doing: DOING,
                            status: None,
                            message,
                        })?;
                }
                ("moby.image.id", aux) => id = aux["ID"].as_str().map(str::to_owned),
                _ => {}
            }
        }
        let Some(id) = id else {
            return Err(self.failed("the engine ended without an image", &mut progress, &sync));
        };
        Ok(inspect::image(self.daemon, &id).await?)
    }

    fn query(&self, dockerfile: &str, session: &str, cache: &Cache) -> String {
        let spec = self.spec;
        let json = |pairs: &BTreeMap<&str, &str>| serde_json::json!(pairs).to_string();
        let mut args: BTreeMap<&str, &str> = BTreeMap::new();
        let epoch = spec.source_date_epoch.map(|seconds| seconds.to_string());
        if let Some(epoch) = &epoch {
            args.insert(EPOCH, epoch);
        }
        if cache.inline {
            args.insert(INLINE_CACHE, "1");
        }
        args.extend(
            spec.build_args
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        );
        let labels = spec
            .labels
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();

        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("version", "2")
            .append_pair("remote", "client-session")
            .append_pair("session", session)
            .append_pair("buildid", session)
            .append_pair("dockerfile", dockerfile)
            .append_pair("buildargs", &json(&args))
            .append_pair("labels", &json(&labels))
            .append_pair("cachefrom", &serde_json::json!(cache.from).to_string())
            .append_pair("rm", "1");
        for tag in &spec.tags {
            query.append_pair("t", tag);
        }
        if let Some(target) = &spec.target {
            query.append_pair("target", target);
        }
        if !spec.platform.is_empty() {
            query.append_pair("platform", &spec.platform);
        }
        for (name, on) in [("nocache", spec.no_cache), ("pull", spec.pull)] {
            if on {
                query.append_pair(name, "1");
            }
        }
        query.finish()
    }

    fn failed(&self, message: &str, progress: &mut Progress, sync: &ContextSync) -> Ended {
        if let Some(error) = sync.take_failure() {
            return Ended::Failed(error.into());
        }
        let failure = progress.failure();
        if failure.is_none() && (progress.failed_over_cache() || message.contains("cache importer"))
        {
            return Ended::OverCache(message.into());
        }
        let (step, log) = failure.unzip();
        let found = step.as_ref().and_then(|step| self.dockerfile.find(step));
        Ended::Failed(DockerError::BuildFailed(Box::new(BuildFailure {
            dockerfile_line: found.map(|i| i.line).or_else(|| line_named_in(message)),
            instruction: found.map(|i| i.text.as_str().into()),
            step,
            log: log.unwrap_or_default(),
            message: message.into(),
            dockerfile: self.context.dockerfile().to_owned(),
        })))
    }
}

/// The line in BuildKit's own words: `dockerfile parse error line 3: unknown instruction: FRO`, or `… on line 3`.
fn line_named_in(message: &str) -> Option<u32> {
    let (_, after) = message.split_once("parse error")?;
    let (_, after) = after.split_once("line ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

async fn secrets(
    named: &[(String, SecretSource)],
) -> Result<HashMap<String, SecretSlice<u8>>, DockerError> {
    let mut read = HashMap::new();
    for (id, source) in named {
        let (from, found) = match source {
            SecretSource::Env { name, value } => (
                format!("the variable {name}"),
                value
                    .as_ref()
                    .map(|value| value.expose_secret().as_bytes().to_vec()),
            ),
            SecretSource::File(path) => {
                (path.display().to_string(), tokio::fs::read(path).await.ok())
            }
        };
        match found.filter(|bytes| bytes.len() <= SECRET_LIMIT_BYTES) {
            Some(bytes) => read.insert(id.clone(), SecretSlice::from(bytes)),
            None => {
                return Err(DockerError::SecretUnreadable {
                    id: id.clone(),
                    from,
                });
            }
        };
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_that_the_engine_cannot_do_are_warnings() {
        let mut warnings = 0;
        let spec = BuildSpec {
            cache_from: ["r/app:cache", "type=registry,ref=r/app:c2", "type=gha"]
                .map(str::to_owned)
                .to_vec(),
            cache_to: ["type=inline", "type=registry,ref=r/app:cache,mode=max"]
                .map(str::to_owned)
                .to_vec(),
            ..BuildSpec::default()
        };
        let cache = Cache::wanted(&spec, &mut |_| warnings += 1);
        assert_eq!(cache.from, ["r/app:cache", "r/app:c2"]);
        assert!(cache.inline);
        assert_eq!(warnings, 2);
    }

    #[test]
    fn the_line_of_a_parse_error_is_read() {
        for (message, expected) in [
            (
                "failed to solve with frontend dockerfile.v0: dockerfile parse error line 3: unknown instruction: FRO",
                Some(3),
            ),
            ("dockerfile parse error on line 12: unknown flag", Some(12)),
            ("executor failed running line 3", None),
        ] {
            assert_eq!(line_named_in(message), expected, "{message}");
        }
    }
}
