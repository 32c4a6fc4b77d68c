//! An incident: what its file says, and how it is played and held to what people must read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use serde_yaml::Value;

use shipway_sandbox::World;

use super::reading::{difference, what_is_read};
use crate::harness::{Next, Played, SETTINGS, Scene, overlay, play};

/// Between the incident and what people read.
const LINE: &str = "\n---\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Incident {
    /// What it shows, and why it matters.
    #[allow(dead_code, reason = "for the reader of the file")]
    about: String,
    /// A file of `tests/worlds`, between the usual world and this one's.
    #[serde(default)]
    base: Option<String>,
    #[serde(default)]
    world: Value,
    /// What is asked for.
    #[serde(default = "deploy")]
    verb: String,
    /// After the verb and its settings: region, role and, unless it is `build`, cluster and service.
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
    merge_checked_out: bool,
    #[serde(default)]
    signal_after_seconds: Option<f64>,
    /// SIGINT first and SIGTERM later, as a runner sends them; else SIGTERM alone.
    #[serde(default)]
    interrupted: bool,
    /// The run is played a second time so long after the first, and that one is shown.
    #[serde(default)]
    again_after_seconds: Option<f64>,
    /// Further runs in the same world; each is shown below the one before.
    #[serde(default)]
    then: Vec<Then>,
    exit: u8,
    /// `deployment-status` of the outputs.
    #[serde(default = "no_outputs")]
    status: String,
    /// Also show these below the line: `deployments` (GitHub's), `memory` (the comment's), `reactions`, `calls`, `summary`, `outputs`, `stdout`, `report` (the report file), `document` (what was registered), `services` (how they stood afterwards).
    #[serde(default)]
    show: BTreeSet<String>,
    /// Nothing in AWS was changed.
    #[serde(default)]
    nothing_changed: bool,
    /// How often these were called.
    #[serde(default)]
    counts: BTreeMap<String, usize>,
    #[serde(default)]
    aws_calls_at_most: Option<usize>,
    /// It took at most so long, in virtual time.
    #[serde(default)]
    seconds_at_most: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Then {
    /// Since the run before ended.
    after_seconds: f64,
    /// As those of the first.
    #[serde(default)]
    args: Vec<String>,
    /// The whole command line instead.
    #[serde(default)]
    command_line: Option<Vec<String>>,
    #[serde(default)]
    signal_after_seconds: Option<f64>,
    exit: u8,
    #[serde(default)]
    nothing_changed: bool,
}

fn pull_request() -> String {
    "pull_request".to_owned()
}

fn deploy() -> String {
    "deploy".to_owned()
}

fn no_outputs() -> String {
    "(no outputs)".to_owned()
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Of previews, beside region, role and cluster.
const PREVIEWS: [&str; 4] = ["--base-service", "web", "--ecr-repository", "web-preview"];

/// The rule of a preview without tasks answers itself: its target group is attached to nothing then.
fn put_to_sleep(world: &mut World) {
    let services = world.ecs.services.values();
    let asleep: Vec<String> = services
        .filter(|s| s.desired == 0)
        .map(|s| format!(":targetgroup/{}/", s.name))
        .collect();
    for rule in world.elbv2.rules.values_mut() {
        let to = rule.actions.to_string();
        if asleep.iter().any(|group| to.contains(group)) {
            let page =
                json!({ "StatusCode": "503", "ContentType": "text/html", "MessageBody": "asleep" });
            rule.actions = json!([{ "Type": "fixed-response", "FixedResponseConfig": page }]);
        }
    }
}

fn world_named(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/worlds/{name}.yml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn check(name: &str) {
    let path = folder().join(format!("{name}.yml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (incident_text, must_read) = text.split_once(LINE).unwrap_or((text.trim_end(), ""));
    let incident: Incident =
        serde_yaml::from_str(incident_text).unwrap_or_else(|e| panic!("{name}.yml: {e}"));
    let settings = match incident.verb.as_str() {
        "build" | "scale" => SETTINGS[..4].to_vec(),
        "preview" => [&SETTINGS[..6], &PREVIEWS].concat(),
        _ => SETTINGS.to_vec(),
    };
    let with_settings = |args: &[String]| {
        [incident.verb.as_str()]
            .into_iter()
            .chain(settings.iter().copied())
            .map(str::to_owned)
            .chain(args.iter().cloned())
            .collect::<Vec<String>>()
    };
    let usual = with_settings(&incident.args);
    let next = |then: &Then| Next {
        after: Duration::from_secs_f64(then.after_seconds),
        args: then
            .command_line
            .clone()
            .unwrap_or_else(|| with_settings(&then.args)),
        signal_after: then.signal_after_seconds.map(Duration::from_secs_f64),
    };
    let then = incident.then.iter().map(next).collect();
    let mut world = incident
        .base
        .as_deref()
        .map(world_named)
        .unwrap_or_default();
    overlay(&mut world, &incident.world);
    let played = play(Scene {
        world,
        prepare: incident.base.map(|_| put_to_sleep as fn(&mut World)),
        args: incident.command_line.unwrap_or(usual),
        vars: incident.vars,
        unset: incident.unset,
        event: incident.event,
        files: incident.files,
        git: incident.git,
        merge_checked_out: incident.merge_checked_out,
        signal: incident.interrupted.then_some(shipway::Signal::Interrupt),
        signal_after: incident.signal_after_seconds.map(Duration::from_secs_f64),
        again_after: incident.again_after_seconds.map(Duration::from_secs_f64),
        then,
        tamper: None,
    });
    let mut reads = what_is_read(&played, &incident.show);
    for (n, later) in played.later.iter().enumerate() {
        reads.push_str(&format!("# run {}\n", n + 2));
        reads.push_str(&what_is_read(later, &incident.show));
    }
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
    // Who reads the report file reads what the outputs say, on failure too.
    if played.outputs.contains("report-file<<") {
        let report: serde_json::Value = serde_json::from_str(&played.report).unwrap();
        assert_eq!(report["exit-code"], played.exit, "{name}");
        if let Some(told) = report["outputs"].get("deployment-status") {
            assert_eq!(*told, status(&played), "{name}");
        }
        assert!(!played.report.contains("##["), "{name}");
    }
    for (n, (later, then)) in played.later.iter().zip(&incident.then).enumerate() {
        assert_eq!(
            later.exit,
            then.exit,
            "{name}: run {}\n{}",
            n + 2,
            later.stderr
        );
        if then.nothing_changed {
            assert_eq!(
                later.changes(),
                Vec::<String>::new(),
                "{name}: run {}",
                n + 2
            );
        }
    }
    if incident.nothing_changed {
        assert_eq!(played.changes(), Vec::<String>::new(), "{name}");
    }
    for (call, times) in &incident.counts {
        let called = played.calls.iter().filter(|r| r.name() == *call).count();
        assert_eq!(called, *times, "{name}: {call}");
    }
    if let Some(most) = incident.aws_calls_at_most {
        assert!(
            played.aws_calls().count() <= most,
            "{name}: more than {most} calls"
        );
    }
    if let Some(most) = incident.seconds_at_most {
        assert!(
            played.took.as_secs_f64() <= most,
            "{name}: took longer than {most} s"
        );
    }
}

fn status(played: &Played) -> String {
    let after = played.outputs.split("deployment-status<<").nth(1);
    let value = after.and_then(|rest| rest.lines().nth(1));
    value.map(str::to_owned).unwrap_or_else(no_outputs)
}
