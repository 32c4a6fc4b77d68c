//! One seed played: the world, the run in it, and what was really so until some minutes after the run's end. In virtual time,
//! in a runtime of its own. Judges nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use shipway_sandbox::wire::record::Record;
use shipway_sandbox::{Clock, Sandbox};

use super::draw::Drawn;
use super::truth::{History, Truth};
use crate::harness::killable::{Killable, in_virtual_time};

/// So long after a success the world is still looked at.
const AFTERWARDS: Duration = Duration::from_secs(180);
const AFTER_A_FAILURE: Duration = Duration::from_secs(5);
/// Calls that change anything begin like this.
const CHANGES: [&str; 4] = ["Update", "Stop", "Continue", "Register"];
/// As a run of GitHub's for a push, without a token of GitHub's: nobody is told.
const SETTINGS: [&str; 10] = [
    "deploy",
    "--aws-region=eu-west-1",
    "--role-to-assume=arn:aws:iam::111122223333:role/shipway-production",
    "--cluster=prod",
    "--service=web",
    "--comment=off",
    "--github-deployment=off",
    "--output=json",
    "--url=https://www.example.com",
    "--container-name=web",
];

/// What came of a seed.
pub struct Ran {
    pub exit: u8,
    pub said: String,
    /// What was written or asked for after the end.
    pub afterwards: String,
    pub outputs: Value,
    pub calls: Vec<Call>,
    pub history: History,
    /// Since the world's start.
    pub began: Duration,
    pub ended: Duration,
    /// `deployments[0]` in the answer to our UpdateService, when it was sent, and whether there was an error.
    pub update: Option<Update>,
}

/// A call of ours, since the world's start.
pub struct Call {
    pub at: Duration,
    pub name: String,
    pub of: String,
    pub error: Option<String>,
}

pub struct Update {
    pub at: Duration,
    pub digits: String,
}

pub fn play(drawn: &Drawn, cwd: &Path) -> Ran {
    in_virtual_time(on_stage(drawn, cwd))
}

async fn on_stage(drawn: &Drawn, cwd: &Path) -> Ran {
    fastrand::seed(drawn.seed);
    let file = drawn.file();
    let trouble = file.trouble.clone();
    let world = file.build(SystemTime::UNIX_EPOCH).expect("the world");
    let start = world.now;
    let sandbox = Sandbox::new(world, Clock::starting_at(start), trouble);
    let truth = Truth::of(&sandbox);
    truth.note();
    let following = tokio::spawn(truth.clone().follow());
    tokio::time::sleep(drawn.begins).await;
    let began = truth.now();
    let watcher = truth.clone();
    let lived = Killable {
        sandbox: &sandbox,
        args: SETTINGS
            .iter()
            .map(ToString::to_string)
            .chain(drawn.args.iter().cloned())
            .collect(),
        vars: variables(&sandbox),
        cwd,
        kill: None,
        latency: Duration::ZERO,
        watcher: Some(Arc::new(move |asked: &str| {
            if CHANGES.iter().any(|change| asked.starts_with(change)) {
                watcher.note();
            }
        })),
    }
    .run()
    .await;
    let ended = truth.now();
    truth.note();
    let calls = sandbox.take_recorded();
    let exit = lived.exit.expect("nobody kills it");
    let afterwards = if exit == 0 {
        AFTERWARDS
    } else {
        AFTER_A_FAILURE
    };
    tokio::time::sleep(afterwards).await;
    following.abort();
    let said_later = lived.heard.text().split_off(lived.said.len());
    let later = sandbox.take_recorded();
    let outputs = lived.said.lines().rev().find(|l| l.starts_with('{'));
    Ran {
        exit,
        outputs: outputs
            .and_then(|l| serde_json::from_str(l).ok())
            .unwrap_or_default(),
        afterwards: later.iter().map(Record::name).chain([said_later]).collect(),
        said: lived.said,
        update: calls.iter().find_map(|record| update(record, start)),
        calls: calls.iter().map(|record| call(record, start)).collect(),
        history: std::mem::take(&mut truth.history()),
        began,
        ended,
    }
}

pub fn variables(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let mut vars = sandbox.environment();
    vars.retain(|name, _| name.starts_with("ACTIONS_ID_TOKEN"));
    vars
}

fn since(start: SystemTime, at: &str) -> Duration {
    let at: jiff::Timestamp = at.parse().expect("a record's time");
    let at = SystemTime::try_from(at).expect("a record's time");
    at.duration_since(start).unwrap_or_default()
}

fn update(record: &Record, start: SystemTime) -> Option<Update> {
    let took_effect = record.operation == "UpdateService" && record.error.is_none();
    let primary = &record.answer.as_ref().filter(|_| took_effect)?["service"]["deployments"][0];
    let digits = primary["id"]
        .as_str()?
        .trim_start_matches("ecs-svc/")
        .to_owned();
    Some(Update {
        at: since(start, &record.at),
        digits,
    })
}

fn call(record: &Record, start: SystemTime) -> Call {
    Call {
        at: since(start, &record.at),
        of: record.input["TargetGroupArn"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        name: record.operation.clone(),
        error: record.error.clone(),
    }
}
