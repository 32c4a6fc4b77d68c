//! What fuzzers call: a body each for what others write and we read. A body takes any bytes, and panics where we are wrong:
//! a parser that panics, a refusal that is not its author's fault, a document that does not survive.
//!
//! Hidden and no API: `fuzz/` hands it to cargo-fuzz, and `tests/it/fuzz.rs` to proptest. The bodies of API answers need
//! the sandbox, so they are the tests' (`tests/it/fuzz/answers.rs`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::Value;

use crate::inputs::env::{Cancel, Clock, Env};
use crate::inputs::trigger::Trigger;
use crate::inputs::{self, Unread};
use crate::plan::difference::differences;
use crate::plan::trust::Asks;
use crate::steps::admit;
use crate::steps::gather::task_definition_file;
use crate::wire::Wire;

/// Events whose payloads are read in different ways; the first byte chooses.
const EVENTS: [&str; 8] = [
    "push",
    "pull_request",
    "pull_request_target",
    "workflow_run",
    "issue_comment",
    "merge_group",
    "release",
    "workflow_dispatch",
];
/// Of the repository whose event it is, as in `tests/data/events`.
const REPOSITORY_ID: u64 = 700_100_200;

#[derive(Debug)]
struct Nowhere;

impl HttpConnector for Nowhere {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Err(ConnectorError::io("there is no network".into())))
    }
}

fn env(vars: &[(&str, &str)]) -> Env {
    let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Env {
        vars: vars.iter().map(variable).collect::<BTreeMap<_, _>>(),
        // No file of settings is there.
        cwd: PathBuf::from("/nowhere"),
        wire: Wire::over(Nowhere),
        clock: Clock::starting_at(SystemTime::UNIX_EPOCH),
        cancel: Cancel::default(),
        stdout: Arc::new(Mutex::new(std::io::sink())),
        stderr: Arc::new(Mutex::new(std::io::sink())),
        tty: false,
        is_process: false,
    }
}

/// The payload of an event, after a byte for which event it is. What cannot be ours is a fork's.
pub fn event(bytes: &[u8]) {
    let Some((first, payload)) = bytes.split_first() else {
        return;
    };
    let Ok(payload) = serde_json::from_slice::<Value>(payload) else {
        return;
    };
    let name = EVENTS[usize::from(*first) % EVENTS.len()];
    let id = REPOSITORY_ID.to_string();
    let env = env(&[
        ("GITHUB_SHA", "2222222222222222222222222222222222222222"),
        ("GITHUB_REPOSITORY_ID", &id),
        ("GITHUB_RUN_ID", "1"),
    ]);
    let trigger = Trigger::of(&env, name, "octo-org/web", &payload);
    for asks in [Asks::Deploy, Asks::Build, Asks::Plan] {
        if let Err(error) = admit::admit(Some(&trigger), asks) {
            assert_ne!(error.exit_code(), 70, "{error}");
        }
    }
    let (pull, run) = (&payload["pull_request"], &payload["workflow_run"]);
    let elsewhere = |repository: &Value| repository["id"].as_u64() != Some(REPOSITORY_ID);
    let foreign = match (pull.is_object(), name) {
        (true, _) => elsewhere(&pull["head"]["repo"]),
        (false, "workflow_run") => run.is_object() && elsewhere(&run["head_repository"]),
        _ => false,
    };
    assert!(trigger.fork || !foreign, "foreign code passed for ours");
    trigger.has_label("preview");
    trigger.lost_label("preview");
    trigger.run_url();
}

/// `shipway.yml`.
pub fn settings_file(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        held(inputs::check_file(text).map_err(Unread::from));
    }
}

/// The inputs of the action, as one JSON text.
pub fn settings_json(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let env = env(&[("SHIPWAY_INPUTS", text)]);
        let arguments = ["shipway", "deploy"].map(Into::into);
        held(inputs::read(arguments.into(), &env).map(drop));
    }
}

/// Whatever is refused is refused as a setting, in words.
fn held(read: Result<(), Unread>) {
    if let Err(Unread::Refused(error)) = read {
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(!error.chain().concat().is_empty());
    }
}

/// A task definition's file, JSON and YAML. What is read is what would be registered, and reads the same again.
pub fn task_definition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for file in ["web.json", "web.yml"] {
        let Ok(read) = task_definition_file::parse(file, text) else {
            continue;
        };
        assert!(read.family().is_some() && read.containers().count() <= text.len());
        let registered = read.to_register();
        assert!(differences(&registered, &registered).is_empty());
        let written = Value::Object(read.document.clone()).to_string();
        let again = task_definition_file::parse("web.json", &written)
            .unwrap_or_else(|error| panic!("{file} is not read again: {error}\n{written}"));
        assert_eq!(again.document, read.document, "{file}");
        for name in read.container_names() {
            read.container_ports(name);
            read.has_health_check(name);
        }
        read.runtime_platform();
    }
}
