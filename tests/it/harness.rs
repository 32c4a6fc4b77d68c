//! Plays a whole run of Shipway against the sandbox, in process and in virtual time.
//!
//! The binary's own `run` is called with an `Env` made by hand: its wire is the sandbox, its clock is tokio's, paused.
//! The runtime has no I/O driver, so a stray socket panics instead of lying.

mod commit;
mod deployments;
pub mod killable;
pub mod overlay;
mod runner;
pub mod serving;
mod standing;
mod tampering;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde_yaml::Value;
use shipway::{BuildInputs, Cancel, Clock, Env, Signal, Wire};
use shipway_sandbox::doors::in_process;
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::services::github::CommitSpec;
use shipway_sandbox::wire::record::Record;
use shipway_sandbox::{Sandbox, World};

pub use commit::commit;
pub use overlay::overlay;
use overlay::substitute;
pub use tampering::Tamper;

/// The base of every world.
const WORLD: &str = include_str!("../scenarios/world.yml");

/// The sandbox where the network would be.
#[derive(Clone)]
struct InProcess(Sandbox, Option<Tamper>);

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let InProcess(sandbox, tamper) = self.clone();
        HttpConnectorFuture::new(async move {
            let other =
                |e: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(e, None);
            let request = request.try_into_http1x().map_err(|e| other(e.into()))?;
            let (parts, body) = request.into_parts();
            let updates = parts
                .headers
                .get("x-amz-target")
                .is_some_and(|t| t.as_bytes().ends_with(b".UpdateService"));
            let body = body.collect().await.map_err(other)?.to_bytes();
            let name = tamper.as_ref().map(|_| tampering::name_of(&parts, &body));
            let answer = in_process::call(&sandbox, http::Request::from_parts(parts, body)).await;
            // The wait's jitter shall not hang on how many calls came before it.
            if updates {
                fastrand::seed(7);
            }
            let answer =
                answer.map_err(|_| ConnectorError::io("the connection was reset".into()))?;
            let answer = answer.map(|body| match (&tamper, &name) {
                (Some(tamper), Some(name)) => tamper(name, body),
                _ => body,
            });
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|e| other(e.into()))
        })
    }
}

/// What is played.
#[derive(Default)]
pub struct Scene {
    /// Laid over the base world.
    pub world: Value,
    pub args: Vec<String>,
    pub vars: BTreeMap<String, String>,
    /// Variables of the usual world that this run does not have.
    pub unset: Vec<String>,
    /// `push`, `pull_request`, or nothing for a person's terminal.
    pub event: String,
    /// Files in the working directory.
    pub files: BTreeMap<String, String>,
    /// Make the working directory a repository with one commit, of which the tag is `HEAD_SHA`.
    pub git: bool,
    /// On a pull request: that commit is its merge commit, as checkout takes it unless told otherwise.
    pub merge_checked_out: bool,
    /// A signal so long after the start, and which.
    pub signal_after: Option<Duration>,
    pub signal: Option<Signal>,
    /// Play the same run again in the same world (attempt 2) so long after the first, and show that one.
    pub again_after: Option<Duration>,
    /// Then these, one after the other, in the same world.
    pub then: Vec<Next>,
    /// What a world file cannot say.
    pub prepare: Option<fn(&mut World)>,
    /// What becomes of the answers on their way.
    pub tamper: Option<Tamper>,
}

/// A further run.
#[derive(Clone, Default)]
pub struct Next {
    /// Since the one before ended.
    pub after: Duration,
    pub args: Vec<String>,
    pub signal_after: Option<Duration>,
}

/// The head of the usual world's pull request.
const HEAD: &str = "4f2a9c1d00000000000000000000000000000000";

/// What came of it.
pub struct Played {
    pub exit: u8,
    pub stdout: String,
    pub stderr: String,
    pub outputs: String,
    pub summary: String,
    /// The report file, where one was written.
    pub report: String,
    /// On the pull request, in order.
    pub comments: Vec<String>,
    /// GitHub's deployments, each with its statuses, as lines.
    pub deployments: Vec<String>,
    pub calls: Vec<Record>,
    /// In virtual time.
    pub took: Duration,
    pub sandbox: Sandbox,
    /// Variables that the run had.
    pub vars: BTreeMap<String, String>,
    /// How the services stood afterwards, as lines.
    pub standing: Vec<String>,
    /// The runs of `then`.
    pub later: Vec<Played>,
}

/// What a look at a rollout asks.
const LOOKS: [&str; 6] = [
    "ecs:DescribeServices",
    "ecs:ListServiceDeployments",
    "ecs:DescribeServiceDeployments",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "elasticloadbalancing:DescribeTargetHealth",
];
/// Operations that change nothing begin with one of these.
const READS: &str = "Describe List Get BatchGet AssumeRole Simulate";
/// More calls than this in a row are a wait: counted, not listed.
const WAIT: usize = 12;

impl Played {
    /// The calls by name and in order, with what came of those that failed; the calls of a wait are counted.
    pub fn calls_in_words(&self) -> Vec<String> {
        let name = |record: &Record| match (record.status, &record.error) {
            (0, _) => format!("{} (no answer)", record.name()),
            (_, Some(error)) => format!(
                "{} ({})",
                record.name(),
                error.split(':').next().unwrap_or_default()
            ),
            (status, None) if status >= 400 => format!("{} ({status})", record.name()),
            _ => record.name(),
        };
        let mut words = Vec::new();
        let mut calls = self.calls.as_slice();
        while let Some(first) = calls.first() {
            let looks = calls
                .iter()
                .take_while(|r| LOOKS.contains(&r.name().as_str()))
                .count();
            if looks > WAIT {
                let mut counted: BTreeMap<String, u32> = BTreeMap::new();
                calls[..looks]
                    .iter()
                    .for_each(|r| *counted.entry(name(r)).or_default() += 1);
                words.push("looks:".to_owned());
                words.extend(counted.iter().map(|(name, n)| format!("  {name} ×{n}")));
                calls = &calls[looks..];
            } else {
                words.push(name(first));
                calls = &calls[1..];
            }
        }
        words
    }

    /// Calls to AWS: GitHub's are not.
    pub fn aws_calls(&self) -> impl Iterator<Item = &Record> {
        self.calls.iter().filter(|r| r.service != "github")
    }

    /// AWS's calls that change anything.
    pub fn changes(&self) -> Vec<String> {
        let reads = |operation: &str| READS.split(' ').any(|p| operation.starts_with(p));
        self.aws_calls()
            .filter(|r| !reads(&r.operation))
            .map(Record::name)
            .collect()
    }
}

/// Five settings, less the image.
pub const SETTINGS: [&str; 8] = [
    "--aws-region",
    "eu-west-1",
    "--role-to-assume",
    "arn:aws:iam::111122223333:role/shipway-production",
    "--cluster",
    "prod",
    "--service",
    "web",
];

pub fn play(scene: Scene) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(on_stage(scene))
}

/// The base world with `over` laid over it.
pub fn world_file(over: &Value) -> WorldFile {
    let mut file: Value = serde_yaml::from_str(WORLD).unwrap();
    overlay(&mut file, over);
    serde_yaml::from_value(file).expect("the world file")
}

/// `HEAD_SHA` and `BUILD_KEY` in a world stand for the commit that the harness made, and for what a build of it from
/// `Dockerfile` would be labelled with.
fn world_of(scene: &Scene, head: &str) -> (World, shipway_sandbox::wire::trouble::Trouble) {
    let mut file: Value = serde_yaml::from_str(WORLD).unwrap();
    overlay(&mut file, &scene.world);
    let key = BuildInputs {
        commit: head,
        context: ".",
        file: "Dockerfile",
        target: None,
        build_args: &[],
        platform: "linux/amd64",
    }
    .key();
    substitute(&mut file, &[("HEAD_SHA", head), ("BUILD_KEY", &key)]);
    let mut file: WorldFile = serde_yaml::from_value(file).expect("the world file");
    // GitHub knows what was pushed to it.
    if scene.git {
        file.github.commits.push(CommitSpec {
            sha: head.to_owned(),
            parents: Vec::new(),
            message: "first".to_owned(),
        });
    }
    let trouble = file.trouble.clone();
    (
        file.build(SystemTime::UNIX_EPOCH).expect("the world"),
        trouble,
    )
}

async fn on_stage(scene: Scene) -> Played {
    fastrand::seed(7);
    let directory = tempfile::tempdir().unwrap();
    let cwd = directory.path().canonicalize().unwrap();
    for (path, text) in &scene.files {
        let path = cwd.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let head = if scene.git {
        commit(&cwd)
    } else {
        HEAD.to_owned()
    };
    let (world, trouble) = world_of(&scene, &head);
    let clock_start = world.now;
    let sandbox = Sandbox::new(
        world,
        shipway_sandbox::Clock::starting_at(clock_start),
        trouble,
    );
    if scene.tamper.is_some() {
        sandbox.record_in_no_file();
    }
    if let Some(prepare) = scene.prepare {
        sandbox.with_world(prepare);
    }
    let mut played = timed_run(&scene, &cwd, &sandbox, &head, 1).await;
    if let Some(after) = scene.again_after {
        tokio::time::sleep(after).await;
        played = timed_run(&scene, &cwd, &sandbox, &head, 2).await;
    }
    for (n, next) in (2..).zip(&scene.then) {
        tokio::time::sleep(next.after).await;
        let scene = Scene {
            args: next.args.clone(),
            signal_after: next.signal_after,
            vars: scene.vars.clone(),
            unset: scene.unset.clone(),
            event: scene.event.clone(),
            ..Scene::default()
        };
        let run = timed_run(&scene, &cwd, &sandbox, &head, n).await;
        played.later.push(run);
    }
    make_steady(&mut played, &scene, &cwd, &head);
    for run in &mut played.later {
        make_steady(run, &scene, &cwd, &head);
    }
    played
}

/// Takes out what differs from run to run of a test.
fn make_steady(played: &mut Played, scene: &Scene, cwd: &std::path::Path, head: &str) {
    let tmp = cwd.display().to_string();
    for text in [
        &mut played.stdout,
        &mut played.stderr,
        &mut played.outputs,
        &mut played.summary,
        &mut played.report,
    ]
    .into_iter()
    .chain(&mut played.comments)
    .chain(&mut played.deployments)
    {
        *text = text.replace(&tmp, "$TMP");
        if scene.git {
            *text = text
                .replace(head, "HEAD_SHA")
                // As comments write what GitHub would turn into a link.
                .replace(&format!("{}\u{200b}{}", &head[..3], &head[3..]), "HEAD_SHA")
                .replace(&head[..7], "HEAD_SHA");
        }
    }
}

/// A run with its own calls alone.
async fn timed_run(
    scene: &Scene,
    cwd: &std::path::Path,
    sandbox: &Sandbox,
    head: &str,
    attempt: u32,
) -> Played {
    let earlier = sandbox.recorded().len();
    let began = tokio::time::Instant::now();
    let mut played = one_run(scene, cwd, sandbox, head, attempt).await;
    played.took = began.elapsed();
    played.calls.drain(..earlier);
    played
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
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

async fn one_run(
    scene: &Scene,
    cwd: &std::path::Path,
    sandbox: &Sandbox,
    head: &str,
    attempt: u32,
) -> Played {
    let outside = tempfile::tempdir().unwrap();
    let vars = runner::variables(scene, sandbox, head, attempt, outside.path());
    let (stdout, stderr) = (Heard::default(), Heard::default());
    let cancel = Cancel::default();
    let env = Env {
        vars: vars.clone(),
        cwd: cwd.to_owned(),
        wire: Wire::over(InProcess(sandbox.clone(), scene.tamper.clone())),
        clock: Clock::starting_at(sandbox.clock().now()),
        cancel: cancel.clone(),
        stdout: Arc::new(Mutex::new(stdout.clone())),
        stderr: Arc::new(Mutex::new(stderr.clone())),
        tty: false,
        is_process: false,
    };
    if let Some(after) = scene.signal_after {
        let signal = scene.signal.unwrap_or(Signal::Terminate);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            cancel.cancel(signal);
            // As a runner does.
            if signal == Signal::Interrupt {
                tokio::time::sleep(Duration::from_millis(7_500)).await;
                cancel.cancel(Signal::Terminate);
            }
        });
    }
    let args = ["shipway".to_owned()]
        .into_iter()
        .chain(scene.args.iter().cloned())
        .map(Into::into)
        .collect();
    let exit = shipway::run(args, env).await;
    let read = |name: &str| std::fs::read_to_string(outside.path().join(name)).unwrap_or_default();
    let comments =
        sandbox.with_world(|w| w.github.comments_on(7).map(|c| c.body.clone()).collect());
    let temp = outside.path().display().to_string();
    let steady = |text: String| text.replace(&temp, "$RUNNER_TEMP");
    Played {
        exit,
        stdout: steady(stdout.text()),
        stderr: steady(stderr.text()),
        outputs: steady(read("output")),
        summary: read("summary"),
        report: steady(runner::report_file(outside.path())),
        comments,
        deployments: sandbox.with_world(|w| deployments::lines(w)),
        calls: sandbox.recorded(),
        took: Duration::ZERO,
        sandbox: sandbox.clone(),
        vars,
        standing: sandbox.with_world(|w| standing::lines(w)),
        later: Vec::new(),
    }
}

/// A world, for scenes that are written in Rust.
pub fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

/// `deploy` with the usual settings and these.
pub fn deploy(args: &[&str]) -> Vec<String> {
    ["deploy"]
        .into_iter()
        .chain(SETTINGS)
        .chain(args.iter().copied())
        .map(str::to_owned)
        .collect()
}
