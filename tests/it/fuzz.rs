//! Any bytes for what others write: events, settings, task definitions, answers. The bodies are plain functions, which
//! `fuzz/` gives to cargo-fuzz as well; here a few hundred cases of each run, most of them a seed with something changed.

pub mod answers;
pub mod members;

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

/// One change of a text: a place, what of it goes, and what comes.
#[derive(Clone, Debug)]
struct Edit(Index, usize, Vec<u8>);

/// Pieces that mean something to a parser.
const PIECES: [&str; 24] = [
    "",
    "null",
    "{}",
    "[]",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    ",",
    "\n",
    "\t",
    "- ",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "1e999",
    "-0",
    "\u{0}",
    "\u{feff}",
];

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let piece = prop_oneof![
        3 => prop::sample::select(&PIECES[..]).prop_map(|p| p.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..6),
    ];
    let edit = (
        any::<Index>(),
        prop_oneof![Just(0), Just(1), 1..40usize],
        piece,
    );
    prop::collection::vec(
        edit.prop_map(|(at, goes, comes)| Edit(at, goes, comes)),
        0..5,
    )
}

/// A seed with changes, or bytes of nobody's.
fn bytes(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edited = (prop::sample::select(seeds), edits()).prop_map(|(mut text, edits)| {
        for Edit(at, goes, comes) in edits {
            let from = at.index(text.len() + 1);
            let to = (from + goes).min(text.len());
            text.splice(from..to, comes);
        }
        text
    });
    prop_oneof![8 => edited, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

fn file(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn check(cases: u32, seeds: Vec<Vec<u8>>, body: fn(&[u8])) {
    for seed in &seeds {
        body(seed);
    }
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(bytes in bytes(seeds))| {
        let read = std::panic::catch_unwind(|| body(&bytes));
        if read.is_err() {
            let text = String::from_utf8_lossy(&bytes);
            return Err(TestCaseError::fail(format!("{text}\n{bytes:?}")));
        }
    });
}

#[test]
fn events() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events");
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let payload = std::fs::read(entry.unwrap().path()).unwrap();
        for which in 0..8 {
            seeds.push([&[which][..], &payload].concat());
        }
    }
    check(2000, seeds, shipway::fuzz::event);
}

/// An event with one member changed, each of them.
#[test]
fn events_member_by_member() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events");
    for entry in std::fs::read_dir(folder).unwrap() {
        let payload = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for member in members::members(&payload) {
            for change in members::CHANGES {
                let changed = members::changed(&payload, &member, change);
                for which in [1, 2, 3, 4] {
                    shipway::fuzz::event(&[&[which][..], changed.as_bytes()].concat());
                }
            }
        }
    }
}

#[test]
fn settings_files() {
    let seeds = vec![file("shipway.example.yml"), SETTINGS.as_bytes().to_vec()];
    check(150, seeds, shipway::fuzz::settings_file);
}

const SETTINGS: &str = "aws-region: eu-west-1\ncluster: &c prod\nservice: *c\nbuild-args: [A=1, 'B=two words']\nwait-for-minutes: 10\nsecrets: [ID=env:TOKEN]\n";

#[test]
fn settings_as_json() {
    let seed = r#"{"aws-region": "eu-west-1", "role-to-assume": "arn:aws:iam::111122223333:role/x", "cluster": "prod", "service": "web", "ecr-repository": "web", "build-args": "A=1\nB=2", "wait-for-minutes": "10"}"#;
    check(
        100,
        vec![seed.as_bytes().to_vec()],
        shipway::fuzz::settings_json,
    );
}

#[test]
fn task_definitions() {
    let json = r#"{"family": "web", "cpu": "256", "containerDefinitions": [{"name": "web", "image": "web:1", "cpu": 0, "essential": true, "portMappings": [{"containerPort": 80}], "environment": [], "healthCheck": {"command": ["CMD", "true"]}}], "runtimePlatform": {"cpuArchitecture": "ARM64"}, "tags": [{"key": "a", "value": "b"}]}"#;
    let yaml = "family: web\ncpu: 0256\ncontainerDefinitions:\n  - &c\n    name: web\n    image: web:1\n    portMappings: [{ containerPort: 80 }]\n    environment: [{ name: A, value: 1.50 }]\n  - { <<: *c, name: second }\nvolumes: []\n";
    let wrapped = format!(r#"{{"taskDefinition": {json}, "tags": []}}"#);
    let seeds = [json, yaml, &wrapped].map(|text| text.as_bytes().to_vec());
    check(1500, seeds.to_vec(), shipway::fuzz::task_definition);
}

#[test]
fn api_answers() {
    let config = ProptestConfig {
        cases: cases(56),
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    proptest!(config, |(bytes in prop::collection::vec(any::<u8>(), 7))| {
        answers::answers(&bytes);
    });
}

/// `PROPTEST_CASES` for more.
fn cases(usual: u32) -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(usual)
}
