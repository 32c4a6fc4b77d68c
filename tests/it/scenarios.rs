//! One file an incident: a world, what goes wrong in it, and below the line what people must read.
//!
//! `SHIPWAY_BLESS=1 cargo test --workspace scenarios` writes what is read now below the line; look at it before you commit it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_yaml::Value;

use crate::harness::{Played, SETTINGS, Scene, play};

/// Between the incident and what people read.
const LINE: &str = "\n---\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Incident {
    /// What it shows, and why it matters.
    #[allow(dead_code, reason = "for the reader of the file")]
    about: String,
    #[serde(default)]
    world: Value,
    /// After `deploy` and the settings for region, role, cluster and service.
    #[serde(default)]
    args: Vec<String>,
    /// The whole command line instead.
    #[serde(default)]
    command_line: Option<Vec<String>>,
    #[serde(default = "pull_request")]
    event: String,
    #[serde(default)]
    vars: BTreeMap<String, String>,
    #[serde(default)]
    unset: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    git: bool,
    #[serde(default)]
    signal_after_seconds: Option<f64>,
    #[serde(default)]
    again: bool,
    exit: u8,
    /// `deployment-status` of the outputs.
    status: String,
    /// Also show these below the line: `calls`, `summary`, `outputs`, `stdout`.
    #[serde(default)]
    show: BTreeSet<String>,
}

fn pull_request() -> String {
    "pull_request".to_owned()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn check(name: &str) {
    let path = folder().join(format!("{name}.yml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (incident_text, must_read) = text.split_once(LINE).unwrap_or((text.trim_end(), ""));
    let incident: Incident =
        serde_yaml::from_str(incident_text).unwrap_or_else(|e| panic!("{name}.yml: {e}"));
    let usual = ["deploy"]
        .into_iter()
        .chain(SETTINGS)
        .map(str::to_owned)
        .chain(incident.args.iter().cloned())
        .collect();
    let played = play(Scene {
        world: incident.world,
        args: incident.command_line.unwrap_or(usual),
        vars: incident.vars,
        unset: incident.unset,
        event: incident.event,
        files: incident.files,
        git: incident.git,
        signal_after: incident.signal_after_seconds.map(Duration::from_secs_f64),
        again: incident.again,
    });
    let reads = what_is_read(&played, &incident.show);
    if std::env::var_os("SHIPWAY_BLESS").is_some() {
        std::fs::write(&path, format!("{}{LINE}{reads}", incident_text.trim_end())).unwrap();
    } else {
        assert!(
            must_read == reads,
            "{name}: people read something else now.\n\n{}",
            difference(must_read, &reads)
        );
    }
    assert_eq!(
        (played.exit, status(&played)),
        (incident.exit, incident.status),
        "{name}\n{}",
        played.stderr
    );
}

fn status(played: &Played) -> String {
    let after = played.outputs.split("deployment-status<<").nth(1);
    let value = after.and_then(|rest| rest.lines().nth(1));
    value
        .map(str::to_owned)
        .unwrap_or_else(|| "(no outputs)".to_owned())
}

/// As YAML again, so that an editor folds it.
fn what_is_read(played: &Played, show: &BTreeSet<String>) -> String {
    let mut text = String::new();
    let mut block = |name: &str, body: &str| {
        text.push_str(&format!("{name}: |\n"));
        for line in body.lines() {
            text.push_str(if line.is_empty() { "" } else { "  " });
            text.push_str(line.trim_end());
            text.push('\n');
        }
    };
    block("took", &format!("{:.1} s", played.took.as_secs_f64()));
    block("log", &played.stderr);
    for comment in &played.comments {
        block("comment", comment);
    }
    if show.contains("stdout") {
        block("stdout", &played.stdout);
    }
    if show.contains("calls") {
        block("calls", &played.calls_in_words().join("\n"));
    }
    if show.contains("outputs") {
        block("outputs", &outputs_in_words(&played.outputs));
    }
    if show.contains("summary") {
        block("summary", &played.summary);
    }
    text
}

/// `GITHUB_OUTPUT` without its random delimiters.
fn outputs_in_words(outputs: &str) -> String {
    let mut lines = outputs.lines();
    let mut words = Vec::new();
    while let Some(line) = lines.next() {
        if let Some((name, delimiter)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|l| *l != delimiter).collect();
            words.push(format!("{name}={}", value.join("\\n")));
        }
    }
    words.join("\n")
}

/// Lines that are only in one of the two, in order.
fn difference(expected: &str, actual: &str) -> String {
    let (was, is): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let missing = was
        .iter()
        .filter(|l| !is.contains(l))
        .map(|l| format!("- {l}"));
    let new = is
        .iter()
        .filter(|l| !was.contains(l))
        .map(|l| format!("+ {l}"));
    missing.chain(new).collect::<Vec<_>>().join("\n")
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*

        #[test]
        fn every_file_is_a_test() {
            let named: BTreeSet<String> = [$(stringify!($name)),*].into_iter().map(str::to_owned).collect();
            let files = std::fs::read_dir(folder()).unwrap().map(|f| f.unwrap().path());
            let files: BTreeSet<String> = files
                .filter(|f| f.extension().is_some_and(|e| e == "yml") && f.file_stem().is_some_and(|s| s != "world"))
                .map(|f| f.file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            assert_eq!(named, files);
        }
    };
}

scenarios! {
    first_deploy
    rolled_back_by_the_breaker
    started_without_waiting
}
