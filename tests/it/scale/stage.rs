//! A world, and runs of `shipway scale` in it one after another, in virtual time; any of them can be killed at any of its
//! calls. Does not know what they should do.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use shipway_sandbox::Sandbox;
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::world::inventory::Inventory;

pub use crate::harness::killable::{Kill, in_virtual_time as play};
use crate::harness::killable::{Killable, Lived};

/// Every service that scaling has something to say about, most of them in one cluster.
pub const WORLD: &str = include_str!("world.yml");

/// What a run leaves on a service, and AWS on tasks that start meanwhile.
pub const TAG: &str = "shipway:scale";

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

/// A world, and runs in it.
pub struct Stage {
    pub sandbox: Sandbox,
    pub latency: Duration,
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
        let usual = [
            "scale",
            "--aws-region=eu-west-1",
            "--role-to-assume=arn:aws:iam::111122223333:role/night",
            "--to",
            to,
        ];
        let args = usual.iter().chain(args);
        let Lived {
            exit,
            said,
            calls,
            took,
            ..
        } = Killable {
            sandbox: &self.sandbox,
            args: args.map(ToString::to_string).collect(),
            vars: self.variables(outside.path()),
            cwd: outside.path(),
            kill,
            latency: self.latency,
            watcher: None,
        }
        .run()
        .await;
        Ran {
            exit,
            said,
            summary: std::fs::read_to_string(outside.path().join("summary")).unwrap_or_default(),
            calls,
            took,
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
