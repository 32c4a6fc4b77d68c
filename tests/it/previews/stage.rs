//! Runs of `shipway preview`, one after another or at once, in one world and in virtual time; any of them can be killed at
//! any of its calls. Knows the events that start them. Does not know what they should do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use shipway::BuildInputs;
use shipway_sandbox::doors::in_process;
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::services::github::Pushed;
use shipway_sandbox::wire::record::Record;
use shipway_sandbox::world::inventory::Inventory;
use shipway_sandbox::world::registry::ImageSpec;
use shipway_sandbox::{Sandbox, World};

use crate::harness::commit;
pub use crate::harness::killable::{Kill, in_virtual_time as play};
use crate::harness::killable::{Killable, Lived};

/// What starts a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// `pull_request`, in the state that the world's pull request has.
    Pull(u64),
    /// The same from a fork.
    Fork(u64),
    Schedule,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Order {
    pub start: Start,
    pub args: Vec<String>,
    pub kill: Option<Kill>,
}

impl Order {
    /// What a workflow for previews by host runs, whatever the event.
    pub fn of(start: Start) -> Order {
        let args = [
            "preview",
            "--aws-region=eu-west-1",
            "--role-to-assume=arn:aws:iam::111122223333:role/previews",
            "--ecr-repository=web-previews",
            "--cluster=staging",
            "--base-service=web",
            "--preview-host=pr-{number}.preview.example.com",
            "--stable-for=0",
        ];
        Order {
            start,
            args: args.map(str::to_owned).to_vec(),
            kill: None,
        }
    }

    /// With a word of its own: `sleep`, where the event would say otherwise.
    pub fn word(mut self, word: &str) -> Order {
        self.args.insert(1, word.to_owned());
        self
    }

    /// This setting instead of what the order has of the same name.
    pub fn setting(mut self, name: &str, value: &str) -> Order {
        let ours = format!("--{name}=");
        self.args.retain(|a| !a.starts_with(&ours));
        self.args.push(format!("{ours}{value}"));
        self
    }

    /// Reached as this says, instead of by host.
    pub fn reached(mut self, name: &str, value: &str) -> Order {
        self.args.retain(|a| !a.starts_with("--preview-host="));
        self.setting(name, value)
    }

    pub fn killed_at(mut self, kill: Kill) -> Order {
        self.kill = Some(kill);
        self
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// `None`: killed.
    pub exit: Option<u8>,
    pub said: String,
    pub outputs: String,
    /// How many calls it made.
    pub calls: usize,
}

impl Ran {
    /// The value of an output.
    pub fn output(&self, name: &str) -> String {
        let mut lines = self.outputs.lines();
        lines.find(|line| line.starts_with(&format!("{name}<<")));
        lines.next().unwrap_or_default().to_owned()
    }
}

/// A commit of a pull request, checked out.
pub struct Context {
    pub pull: u64,
    pub version: &'static str,
    pub sha: String,
    directory: tempfile::TempDir,
}

/// The commits of two pull requests, two each. They hang on their files alone, so one checkout serves all tests.
pub fn contexts() -> &'static [Context] {
    static CONTEXTS: OnceLock<Vec<Context>> = OnceLock::new();
    CONTEXTS.get_or_init(|| {
        let context = |(pull, version): (u64, &'static str)| {
            let directory = tempfile::tempdir().unwrap();
            let write = |file: &str, text: &str| {
                std::fs::write(directory.path().join(file), text).unwrap();
            };
            write("Dockerfile", "FROM scratch\nCOPY page /\n");
            write("page", &format!("{version} of pull request {pull}\n"));
            Context {
                pull,
                version,
                sha: commit(directory.path()),
                directory,
            }
        };
        [(7, "v1"), (7, "v2"), (8, "v1"), (8, "v2")]
            .map(context)
            .into()
    })
}

/// One that was pushed before, and so is not built again: no engine is asked.
fn image(context: &Context) -> ImageSpec {
    let key = BuildInputs {
        commit: &context.sha,
        context: ".",
        file: "Dockerfile",
        target: None,
        build_args: &[],
        platform: "linux/amd64",
    };
    ImageSpec {
        tags: vec![context.sha.clone()],
        labels: BTreeMap::from([
            ("shipway.build-key".to_owned(), key.key()),
            ("version".to_owned(), context.version.to_owned()),
        ]),
        ..ImageSpec::default()
    }
}

/// A world, and runs in it.
#[derive(Clone)]
pub struct Stage {
    pub sandbox: Sandbox,
    runs: Arc<AtomicU64>,
}

impl Stage {
    /// Inside [`play`]. `change` is made to the usual world.
    pub fn set(change: impl FnOnce(&mut WorldFile)) -> Stage {
        Stage::seeded(7, change)
    }

    /// The seed decides the jitter of retries and waits.
    pub fn seeded(seed: u64, change: impl FnOnce(&mut WorldFile)) -> Stage {
        fastrand::seed(seed);
        let mut file = WorldFile::parse(include_str!("world.yml")).unwrap();
        for context in contexts() {
            let repositories = &mut file.repositories;
            let own = repositories.iter_mut().find(|r| r.name == "web-previews");
            own.unwrap().images.push(image(context));
            let commit = json!({ "sha": context.sha, "message": context.version });
            file.github
                .commits
                .push(serde_json::from_value(commit).unwrap());
        }
        for pull in &mut file.github.pull_requests {
            let first = |c: &&Context| c.pull == pull.number && c.version == "v1";
            let first = contexts().iter().find(first).map(|c| c.sha.clone());
            pull.head_sha = first.unwrap_or(pull.head_sha.clone());
        }
        change(&mut file);
        let trouble = file.trouble.clone();
        let world = file.build(SystemTime::UNIX_EPOCH).unwrap();
        let clock = shipway_sandbox::Clock::starting_at(world.now);
        Stage {
            sandbox: Sandbox::new(world, clock, trouble),
            runs: Arc::default(),
        }
    }

    pub fn inventory(&self) -> Inventory {
        self.sandbox.with_world(|world| Inventory::of(world))
    }

    /// Everything that happens by itself has happened, and what AWS forgets after a while is forgotten.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(900)).await;
        self.sandbox.with_world(|_| ());
    }

    /// Its second commit becomes the pull request's head.
    pub fn push(&self, number: u64) {
        let second = |c: &&Context| c.pull == number && c.version == "v2";
        let sha = contexts().iter().find(second).unwrap().sha.clone();
        self.sandbox
            .with_world(|world| world.github.push(&Pushed { number, sha }));
    }

    /// Where the head of the pull request is checked out; anywhere, where none is.
    fn checkout(&self, start: Start) -> Option<&'static Path> {
        let (Start::Pull(number) | Start::Fork(number)) = start else {
            return None;
        };
        let pull = |world: &mut World| {
            world
                .github
                .pull_request(number)
                .map(|p| p.head_sha.clone())
        };
        let head = self.sandbox.with_world(pull)?;
        let context = contexts().iter().find(|c| c.sha == head)?;
        Some(context.directory.path())
    }

    /// What a visitor reads: status and body.
    pub async fn page(&self, url: &str, headers: &[(&str, &str)]) -> String {
        let mut request = http::Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(bytes::Bytes::new()).unwrap();
        match in_process::call(&self.sandbox, request).await {
            Ok(answer) => {
                let body = String::from_utf8_lossy(answer.body()).into_owned();
                format!("{} {body}", answer.status().as_u16())
            }
            Err(_) => "nobody listens".to_owned(),
        }
    }

    pub fn recorded(&self) -> Vec<Record> {
        self.sandbox.recorded()
    }

    pub async fn run(&self, order: Order) -> Ran {
        let number = self.runs.fetch_add(1, Ordering::SeqCst);
        let outside = tempfile::tempdir().unwrap();
        let vars = variables(&self.sandbox, order.start, number, outside.path());
        let Lived {
            exit, said, calls, ..
        } = Killable {
            sandbox: &self.sandbox,
            args: order.args,
            vars,
            cwd: self.checkout(order.start).unwrap_or(outside.path()),
            kill: order.kill,
            latency: Duration::ZERO,
            watcher: None,
        }
        .run()
        .await;
        Ran {
            exit,
            said,
            outputs: std::fs::read_to_string(outside.path().join("output")).unwrap_or_default(),
            calls: calls.len(),
        }
    }
}

/// As a runner sets them, and the event's payload in a file of `outside`.
pub fn variables(
    sandbox: &Sandbox,
    start: Start,
    number: u64,
    outside: &Path,
) -> BTreeMap<String, String> {
    let mut vars = sandbox.environment();
    vars.remove("AWS_REGION");
    let (event, payload) = match start {
        Start::Pull(number) => ("pull_request", payload(sandbox, number, 7001)),
        Start::Fork(number) => ("pull_request", payload(sandbox, number, 8002)),
        Start::Schedule => ("schedule", json!({ "schedule": "17 * * * *" })),
    };
    if let Start::Fork(_) = start {
        vars.retain(|name, _| !name.starts_with("ACTIONS_ID_TOKEN_REQUEST"));
    }
    let path = outside.join("event.json");
    std::fs::write(&path, payload.to_string()).unwrap();
    let sha = payload["pull_request"]["head"]["sha"].as_str();
    let in_folder = |name: &str| outside.join(name).display().to_string();
    let own = [
        ("GITHUB_EVENT_NAME", event.to_owned()),
        ("GITHUB_EVENT_PATH", path.display().to_string()),
        ("GITHUB_REPOSITORY", "octo-org/web".to_owned()),
        ("GITHUB_REPOSITORY_ID", "7001".to_owned()),
        ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
        ("GITHUB_SHA", sha.unwrap_or(&"0".repeat(40)).to_owned()),
        ("GITHUB_REF_NAME", "main".to_owned()),
        ("GITHUB_RUN_ID", (16_839_201_733 + number).to_string()),
        ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
        ("GITHUB_WORKFLOW", "Previews".to_owned()),
        ("GITHUB_ACTOR", "octocat".to_owned()),
        ("GITHUB_OUTPUT", in_folder("output")),
        ("GITHUB_STEP_SUMMARY", in_folder("summary")),
        ("RUNNER_TEMP", outside.display().to_string()),
    ];
    vars.extend(own.map(|(name, value)| (name.to_owned(), value)));
    vars
}

/// In the state that the world's pull request has.
fn payload(sandbox: &Sandbox, number: u64, head_repository: u64) -> Value {
    sandbox.with_world(|world| {
        let pull = world.github.pull_request(number).expect("the pull request");
        let closed = pull.closed || pull.merged;
        let labels = pull.labels.iter().map(|name| json!({ "name": name }));
        json!({
            "action": if closed { "closed" } else { "synchronize" }, "number": number,
            "repository": { "id": 7001, "full_name": "octo-org/web" },
            "pull_request": {
                "number": number, "state": if closed { "closed" } else { "open" }, "merged": pull.merged,
                "labels": labels.collect::<Vec<_>>(),
                "head": { "sha": pull.head_sha, "ref": pull.head_ref, "repo": { "id": head_repository } },
                "base": { "ref": "main", "repo": { "id": 7001 } },
            },
        })
    })
}
