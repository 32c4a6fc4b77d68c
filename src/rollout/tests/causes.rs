//! What ECS, ELB and applications really say → the cause it is taken for, and what must not be taken for one.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::script::stopped;
use crate::model::Untrusted;
use crate::model::task::Task;
use crate::rollout::TargetNote;
use crate::rollout::causes::{self, Cause};
use crate::rollout::template::{names, plain};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Shape {
    /// The cause's name, or `none`.
    cause: String,
    /// `stoppedReason`, or what the container says.
    reason: Option<String>,
    #[serde(default)]
    stop_code: Option<String>,
    #[serde(default)]
    exit_code: Option<i32>,
    event: Option<String>,
    line: Option<String>,
    /// Reason code and description of a target's health.
    target: Option<(String, String)>,
    /// Where the shape was seen.
    #[allow(dead_code)]
    source: String,
}

fn shapes() -> Vec<Shape> {
    serde_yaml::from_str(include_str!("../../../tests/data/causes.yml")).unwrap()
}

fn taken_for(shape: &Shape) -> Option<&'static Cause> {
    let text = |text: &String| Untrusted::from(text.as_str());
    if let Some(event) = &shape.event {
        return causes::of_event(&text(event));
    }
    if let Some(line) = &shape.line {
        return causes::of_line(&text(line));
    }
    if let Some((reason, description)) = &shape.target {
        return causes::of_target(&TargetNote {
            reason: Some(reason.clone()).filter(|r| !r.is_empty()),
            state: "unavailable".to_owned(),
            description: Some(text(description)),
            ..TargetNote::default()
        });
    }
    causes::of_task(&task(shape))
}

fn task(shape: &Shape) -> Task {
    let code = shape.stop_code.as_deref().unwrap_or("TaskFailedToStart");
    let exited = code == "EssentialContainerExited";
    let reason = shape.reason.as_deref().filter(|_| !exited);
    let reason = reason.unwrap_or("Essential container in task exited");
    let mut task = stopped("t", code, reason, shape.exit_code);
    if exited {
        task.containers[0].reason = shape.reason.as_deref().map(Untrusted::from);
    }
    task
}

#[test]
fn every_shape_is_taken_for_its_cause() {
    let shapes = shapes();
    assert!(shapes.len() >= 120, "{}", shapes.len());
    let mut wrong = Vec::new();
    for (number, shape) in shapes.iter().enumerate() {
        let name = taken_for(shape).map_or("none", |c| c.name);
        if name != shape.cause {
            wrong.push(format!("{}: not {} but {name}", number + 1, shape.cause));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Chosen by what is seen of the service and its deployment: no words tell of them.
const BY_CODE: [&str; 12] = [
    "count-overruled",
    "deployment-stopped",
    "grace-period-too-short",
    "lifecycle-hook-failed",
    "lifecycle-hook-refused",
    "lifecycle-hook-waits",
    "limit-ran-out",
    "service-deleted",
    "sidecar-ended-first",
    "starts-slowly",
    "stop-unexplained",
    "unexplained",
];

#[test]
fn every_cause_has_a_shape() {
    let shown: BTreeSet<String> = shapes().into_iter().map(|s| s.cause).collect();
    let bare: Vec<&str> = causes::all()
        .map(|c| c.name)
        .filter(|name| !shown.contains(*name) && !BY_CODE.contains(name))
        .collect();
    assert!(bare.is_empty(), "without a shape: {bare:?}");
}

/// Values that a text may have. A misspelt one would always be left out.
const VALUES: [&str; 32] = [
    "age",
    "alarms",
    "answer",
    "check-timeout",
    "code",
    "container",
    "cpu",
    "deployed",
    "desired",
    "failures",
    "grace",
    "group",
    "health-command",
    "hook",
    "image",
    "interval",
    "log-driver",
    "log-group",
    "matcher",
    "maximum",
    "memory",
    "minimum",
    "outcome",
    "path",
    "platform",
    "port",
    "revision",
    "role",
    "stage",
    "start-period",
    "stop-timeout",
    "took",
];

#[test]
fn every_cause_is_complete() {
    let mut seen = BTreeSet::new();
    for cause in causes::all() {
        let name = cause.name;
        assert!(seen.insert(name), "{name} twice");
        let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(name.chars().all(kebab), "{name}");
        for page in [cause.page, cause.source] {
            assert!(page.starts_with("https://"), "{name}: {page}");
        }
        assert!(
            cause.page.starts_with("https://docs.aws.amazon.com/"),
            "{name}"
        );
        assert!(
            !cause.fixes.is_empty() && !cause.meaning.is_empty(),
            "{name}"
        );
        assert!(cause.meaning.ends_with('.'), "{name}: sentences");
        assert!(!cause.title.ends_with('.'), "{name}: a clause");
        for text in cause.fixes.iter().chain([&cause.headline]) {
            assert!(!text.ends_with('.'), "{name}: {text}");
            assert_eq!(
                text.matches('[').count(),
                text.matches(']').count(),
                "{name}"
            );
            assert_eq!(
                text.matches('{').count(),
                text.matches('}').count(),
                "{name}"
            );
            assert_eq!(text.matches('`').count() % 2, 0, "{name}: {text}");
            for value in names(text) {
                assert!(VALUES.contains(&value), "{name}: {value}");
            }
            // Outside of brackets each value has words for where it is not known.
            assert!(!plain(text).contains("  "), "{name}: {text}");
        }
    }
}

#[test]
fn the_names_that_the_code_knows_are_causes() {
    let unknown = (0..256)
        .map(causes::by_exit_code)
        .chain(BY_CODE)
        .find(|name| causes::named(name).is_none());
    assert_eq!(unknown, None);
}

/// docs/causes.md is written from the causes; what is there by hand stands above the first of them.
#[test]
fn every_cause_is_explained() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/causes.md");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let head = text.split("\n## ").next().unwrap_or_default().trim_end();
    let page: String = causes::all().map(explained).collect();
    let expected = format!("{head}\n{page}");
    if std::env::var_os("SHIPWAY_BLESS").is_some() {
        std::fs::write(path, &expected).unwrap();
        return;
    }
    assert_eq!(text, expected, "SHIPWAY_BLESS=1 writes it");
}

fn explained(cause: &Cause) -> String {
    let fixes: String = cause
        .fixes
        .iter()
        .map(|fix| format!("- {}\n", plain(fix)))
        .collect();
    let quick = match cause.certain {
        true => "No later task escapes it: the second one ends the deployment (`fail-fast`).\n\n",
        false => "",
    };
    format!(
        "\n## {}\n\n**{}.** {}\n\n{fixes}\n{quick}[AWS's page]({})\n",
        cause.name,
        capitalised(&plain(cause.headline)),
        cause.meaning,
        cause.page
    )
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
