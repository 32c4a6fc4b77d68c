//! Threat 6: text of others goes through whole runs, from everywhere it can come from, and commands, links, mentions and
//! marks up nothing in anything that the run wrote.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::reader::Said;
use crate::harness::{Scene, deploy, play};

fn corpus() -> Vec<String> {
    serde_yaml::from_str(include_str!("../../data/hostile/texts.yml")).unwrap()
}

/// Where text of others comes into a run.
#[derive(Clone, Copy, Debug)]
enum From {
    CrashReason,
    PullReason,
    PlacementReason,
    HealthDescription,
    PersonsReason,
    AwsRefusal,
    AwsRefusalOfARead,
    GitHubRefusal,
    Claims,
    FileName,
    TaskDefinitionName,
}

const PLACES: [From; 11] = [
    From::CrashReason,
    From::PullReason,
    From::PlacementReason,
    From::HealthDescription,
    From::PersonsReason,
    From::AwsRefusal,
    From::AwsRefusalOfARead,
    From::GitHubRefusal,
    From::Claims,
    From::FileName,
    From::TaskDefinitionName,
];

impl From {
    /// The world, and further arguments.
    fn scene(self, text: &str) -> (Value, Vec<String>) {
        let behaves = |behaviour: Value| {
            let mut behaviour = behaviour;
            behaviour["task-definition"] = json!("2");
            json!({ "behaviours": [behaviour] })
        };
        let refused = |operation: &str, service: &str| {
            json!({ "trouble": { "rules": [
                { "operation": operation, "service": service, "do": "denied", "message": text }
            ] } })
        };
        let world = match self {
            From::CrashReason => {
                let mut world = behaves(json!({
                    "crash": { "after": "3s", "exit-code": 1, "reason": text }, "logs": [text]
                }));
                world["services"] = json!({ "web": { "log-group": "/ecs/web" } });
                world
            }
            From::PullReason => {
                behaves(json!({ "fail-to-start": format!("CannotPullContainerError: {text}") }))
            }
            From::PlacementReason => behaves(json!({ "unplaceable": text })),
            From::HealthDescription => behaves(json!({ "unhealthy": {
                "reason": "Target.ResponseCodeMismatch", "description": text
            } })),
            From::PersonsReason => json!({ "timeline": [{ "when": "updated", "at": "20s", "do": {
                "stop-tasks": { "service": "web", "primary": true, "reason": text }
            } }] }),
            From::AwsRefusal => refused("UpdateService", "ecs"),
            From::AwsRefusalOfARead => refused("DescribeTaskDefinition", "ecs"),
            From::GitHubRefusal => json!({ "trouble": { "rules": [
                { "operation": "PATCH *", "service": "github", "do": "denied", "message": text }
            ] } }),
            From::Claims => json!({
                "github": { "job": { "sub": text.replace(char::is_control, "") } },
                "iam": { "roles": [{ "name": "shipway-production", "trust": {
                    "Version": "2012-10-17", "Statement": []
                } }] },
            }),
            From::FileName | From::TaskDefinitionName => json!({}),
        };
        let args: &[&str] = match self {
            From::FileName => &["--ecr-repository", "web", "--file", text],
            From::TaskDefinitionName => &[
                "--ecr-repository",
                "web",
                "--image",
                "v2",
                "--task-definition",
                text,
            ],
            _ => &[
                "--ecr-repository",
                "web",
                "--image",
                "v2",
                "--wait-for-minutes",
                "1",
            ],
        };
        (world, args.iter().map(|a| (*a).to_owned()).collect())
    }
}

/// Value by value: written as YAML, not every sign could be read back, and numbers of any length have a form of their own.
fn yaml(value: &Value) -> serde_yaml::Value {
    match value {
        Value::Null => serde_yaml::Value::Null,
        Value::Bool(bool) => (*bool).into(),
        Value::Number(number) => number.as_i64().unwrap().into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(list) => serde_yaml::Value::Sequence(list.iter().map(yaml).collect()),
        Value::Object(members) => serde_yaml::Value::Mapping(
            members
                .iter()
                .map(|(key, value)| (key.as_str().into(), yaml(value)))
                .collect(),
        ),
    }
}

/// A run in which the text comes from one place, and the branch, the actor, the workflow, the pull request and the
/// environment are called so as well.
fn run(from: From, text: &str, in_actions: bool) -> (Said, String) {
    let (mut world, args) = from.scene(text);
    // A token's claims come back from STS in XML, which knows no control characters; its subject ends at 255 signs, of
    // which an escaped one costs three, and the token at 20,000 (STS's API model).
    let claim = |signs: usize| -> String {
        text.chars()
            .filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
            .take(signs)
            .collect()
    };
    world["github"]["job"]["environment"] = json!(claim(70));
    world["github"]["job"]["workflow"] = json!(claim(255));
    world["github"]["job"]["actor"] = json!(claim(255));
    let payload = json!({
        "action": "synchronize",
        "number": 7,
        "repository": { "id": 7001, "full_name": "octo-org/web" },
        "pull_request": {
            "number": 7, "state": "open", "merged": false, "title": text, "body": text,
            "head": { "sha": "4f2a9c1d00000000000000000000000000000000", "ref": text, "repo": { "id": 7001 } },
            "base": { "ref": "main", "repo": { "id": 7001 } },
        },
    });
    let mut vars: BTreeMap<String, String> = [
        "GITHUB_REF_NAME",
        "GITHUB_HEAD_REF",
        "GITHUB_ACTOR",
        "GITHUB_WORKFLOW",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), text.to_owned()))
    .collect();
    vars.insert("GITHUB_EVENT_PATH".to_owned(), "event.json".to_owned());
    let mut args = deploy(&args.iter().map(String::as_str).collect::<Vec<_>>());
    if in_actions {
        vars.insert("GITHUB_ACTIONS".to_owned(), "true".to_owned());
    } else {
        args.extend(["--output".to_owned(), "json".to_owned()]);
    }
    let played = play(Scene {
        world: yaml(&world),
        args,
        vars,
        event: "pull_request".to_owned(),
        files: [("event.json".to_owned(), payload.to_string())].into(),
        ..Scene::default()
    });
    assert_ne!(played.exit, 70, "{from:?} {text:?}: {}", played.stderr);
    let stderr = played.stderr.clone();
    (Said::of(&played), stderr)
}

#[test]
fn threat_6_no_text_of_others_commands_links_or_mentions() {
    let texts = corpus();
    assert!(texts.len() > 90);
    let mut seen: BTreeMap<usize, bool> = BTreeMap::new();
    for (at, text) in texts.iter().enumerate() {
        // Two places each; over the whole corpus every place meets every kind.
        for turn in 0..2 {
            let place = (at + turn * 5) % PLACES.len();
            let (said, stderr) = run(PLACES[place], text, (at + turn) % 2 == 0);
            said.is_harmless(&format!("{:?} {text:?}", PLACES[place]));
            let shown = ["Evil", "evil", "octocat"]
                .iter()
                .any(|word| text.contains(word) && stderr.contains(word));
            *seen.entry(place).or_default() |= shown;
        }
    }
    // A place that shows nothing would prove nothing.
    let silent: Vec<From> = seen
        .iter()
        .filter(|(_, shown)| !**shown)
        .map(|(at, _)| PLACES[*at])
        .collect();
    assert!(silent.is_empty(), "nothing was shown of {silent:?}");
}

#[test]
fn threat_6_a_text_of_a_million_signs_is_cut() {
    for from in [From::CrashReason, From::AwsRefusal] {
        let (said, _) = run(from, &"long @octocat ##[error] ".repeat(50_000), true);
        said.is_harmless("a million signs");
        let shown = |line: &&str| !line.starts_with("::add-mask::");
        for line in said.stderr.lines().filter(shown) {
            assert!(
                line.len() < 8_000,
                "{} bytes: {}…",
                line.len(),
                &line[..300]
            );
        }
        assert!(said.comments.iter().all(|c| c.chars().count() <= 65_536));
        assert!(said.summary.len() <= 1_048_576);
    }
}

fn mixtures() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(corpus()),
        2 => prop::sample::select(corpus()).prop_flat_map(|text| {
            // A part of one: halves of commands meet halves of others.
            let signs = text.chars().count();
            (0..=signs, 0..=signs).prop_map(move |(from, to)| {
                text.chars().skip(from.min(to)).take(from.abs_diff(to)).collect::<String>()
            })
        }),
        1 => any::<char>().prop_map(String::from),
        1 => prop::sample::select(vec!["\n", "\r", " ", "::", "##", "[", "`", "~", "|", "\\"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn threat_6_no_mixture_of_them_does(
        text in mixtures(),
        place in 0..PLACES.len(),
        in_actions in any::<bool>(),
    ) {
        let (said, _) = run(PLACES[place], &text, in_actions);
        said.is_harmless(&format!("{:?} {text:?}", PLACES[place]));
    }
}
