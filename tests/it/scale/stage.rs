//! A world, and runs of `shipway scale` in it one after another, in virtual time; any of them can be killed at any of its
//! calls. Does not know what they should do.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use shipway::{Cancel, Clock, Env, Wire};
use shipway_sandbox::Sandbox;
use shipway_sandbox::doors::in_process;
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::world::inventory::Inventory;
use tokio_util::sync::CancellationToken;

/// Every service that scaling has something to say about, most of them in one cluster.
pub const WORLD: &str = include_str!("world.yml");

/// What a run leaves on a service, and AWS on tasks that start meanwhile.
pub const TAG: &str = "shipway:scale";

/// When a run is killed: at its nth call, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    pub call: usize,
    /// The call takes effect; its answer is never seen.
    pub after: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// `None`: killed.
    pub exit: Option<u8>,
    pub said: String,
    pub summary: String,
    /// What it called, in the order of asking.
    pub calls: Vec<String>,
    /// In virtual time.
    pub took: Duration,
}

impl Ran {
    #[track_caller]
    pub fn ended_with(self, exit: u8) -> Ran {
        assert_eq!(self.exit, Some(exit), "{}", self.said);
        self
    }

    /// Calls that change something.
    pub fn changes(&self) -> Vec<&str> {
        let calls = self.calls.iter().map(String::as_str);
        calls.filter(|call| changes(call)).collect()
    }
}

/// Whether a call, by its operation's name, changes something.
pub fn changes(operation: &str) -> bool {
    ["Update", "Tag", "Untag", "Register", "Put", "Delete"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// The sandbox where the network would be, for one run.
#[derive(Clone)]
struct Line {
    sandbox: Sandbox,
    calls: Arc<Mutex<Vec<String>>>,
    kill: Option<Kill>,
    /// Killed: nothing of this run is heard or answered any more.
    dead: CancellationToken,
    latency: Duration,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let line = self.clone();
        HttpConnectorFuture::new(async move {
            let other =
                |e: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(e, None);
            let request = request.try_into_http1x().map_err(|e| other(e.into()))?;
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(other)?.to_bytes();
            let number = line.note(&parts);
            let kill = line.kill.filter(|kill| kill.call == number);
            if kill.is_some_and(|kill| !kill.after) {
                line.dead.cancel();
            }
            if line.dead.is_cancelled() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(line.latency).await;
            let request = http::Request::from_parts(parts, body);
            let answer = in_process::call(&line.sandbox, request).await;
            if kill.is_some() {
                line.dead.cancel();
            }
            if line.dead.is_cancelled() {
                std::future::pending::<()>().await;
            }
            let answer =
                answer.map_err(|_| ConnectorError::io("the connection was reset".into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|e| other(e.into()))
        })
    }
}

impl Line {
    /// Its number.
    fn note(&self, parts: &http::request::Parts) -> usize {
        let target = parts.headers.get("x-amz-target");
        let target = target.and_then(|t| t.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let mut calls = self.calls.lock().unwrap();
        calls.push(match operation {
            "" => format!("{} {}", parts.method, parts.uri.path()),
            operation => operation.to_owned(),
        });
        calls.len() - 1
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A world, and runs in it.
pub struct Stage {
    pub sandbox: Sandbox,
    pub latency: Duration,
}

/// Plays in virtual time, without an I/O driver: a stray socket panics instead of lying.
pub fn play<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(story)
}

impl Stage {
    /// Inside [`play`].
    pub fn set(file: WorldFile) -> Stage {
        fastrand::seed(7);
        let trouble = file.trouble.clone();
        let world = file.build(SystemTime::UNIX_EPOCH).unwrap();
        let clock = shipway_sandbox::Clock::starting_at(world.now);
        Stage {
            sandbox: Sandbox::new(world, clock, trouble),
            latency: Duration::ZERO,
        }
    }

    /// Everything that is there, without what a run may leave on tasks that ECS started while it was at work.
    pub fn inventory(&self) -> Inventory {
        let mut all = self.sandbox.with_world(|world| Inventory::of(world));
        let tasks = all
            .0
            .iter_mut()
            .filter(|(name, _)| name.contains("task of "));
        for (_, facts) in tasks {
            if let Some(tags) = facts["tags"].as_object_mut() {
                tags.remove(TAG);
            }
        }
        all
    }

    /// Time goes by: whatever happens by itself has happened.
    pub async fn minutes(&self, minutes: u64) {
        tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
        self.sandbox.with_world(|_| ());
    }

    pub async fn scale(&self, to: &str, args: &[&str]) -> Ran {
        self.killed(to, args, None).await
    }

    pub async fn killed(&self, to: &str, args: &[&str], kill: Option<Kill>) -> Ran {
        let outside = tempfile::tempdir().unwrap();
        let line = Line {
            sandbox: self.sandbox.clone(),
            calls: Arc::default(),
            kill,
            dead: CancellationToken::new(),
            latency: self.latency,
        };
        let said = Heard::default();
        let env = Env {
            vars: self.variables(outside.path()),
            cwd: outside.path().to_owned(),
            wire: Wire::over(line.clone()),
            clock: Clock::starting_at(self.sandbox.clock().now()),
            cancel: Cancel::default(),
            stdout: Arc::new(Mutex::new(said.clone())),
            stderr: Arc::new(Mutex::new(said.clone())),
            tty: false,
            is_process: false,
        };
        let usual = [
            "shipway",
            "scale",
            "--aws-region=eu-west-1",
            "--role-to-assume=arn:aws:iam::111122223333:role/night",
            "--to",
            to,
        ];
        let args = usual.iter().chain(args).map(Into::into).collect();
        let began = tokio::time::Instant::now();
        let exit = tokio::select! {
            biased;
            () = line.dead.cancelled() => None,
            exit = shipway::run(args, env) => Some(exit),
        };
        let calls = line.calls.lock().unwrap().clone();
        Ran {
            exit,
            said: said.text(),
            summary: std::fs::read_to_string(outside.path().join("summary")).unwrap_or_default(),
            calls,
            took: began.elapsed(),
        }
    }

    /// As a scheduled workflow's runner sets them.
    fn variables(&self, outside: &std::path::Path) -> BTreeMap<String, String> {
        let mut vars = self.sandbox.environment();
        vars.remove("AWS_REGION");
        let in_folder = |name: &str| outside.join(name).display().to_string();
        std::fs::write(in_folder("event.json"), r#"{"schedule": "0 20 * * *"}"#).unwrap();
        let own = [
            ("GITHUB_EVENT_NAME", "schedule".to_owned()),
            ("GITHUB_EVENT_PATH", in_folder("event.json")),
            ("GITHUB_REPOSITORY", "octo-org/web".to_owned()),
            ("GITHUB_REPOSITORY_ID", "7001".to_owned()),
            ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
            ("GITHUB_SHA", "0".repeat(40)),
            ("GITHUB_REF_NAME", "main".to_owned()),
            ("GITHUB_RUN_ID", "16839201733".to_owned()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_WORKFLOW", "Night and morning".to_owned()),
            ("GITHUB_ACTOR", "octocat".to_owned()),
            ("GITHUB_OUTPUT", in_folder("output")),
            ("GITHUB_STEP_SUMMARY", in_folder("summary")),
            ("RUNNER_TEMP", outside.display().to_string()),
        ];
        vars.extend(own.map(|(name, value)| (name.to_owned(), value)));
        vars
    }
}
