//! `shipway.example.yml`: every key with a value that is taken, and clap's own words above it.

use std::collections::BTreeSet;

use super::{read, root, settings};
use crate::harness::{Scene, play};

/// What the example sets each key to. The comments are clap's own words.
const EXAMPLES: &[(&str, &str)] = &[
    ("aws-region", "ap-northeast-1"),
    ("cluster", "prod"),
    ("service", "web"),
    ("container-name", "web"),
    ("task-definition", "deploy/task-definition.json"),
    (
        "role-to-assume",
        "arn:aws:iam::111122223333:role/shipway-production",
    ),
    ("audience", "sts.amazonaws.com"),
    ("role-session-name", "shipway-web"),
    ("role-duration-seconds", "3600"),
    ("ecr-repository", "web"),
    ("create-repository", "false"),
    ("context", "."),
    ("file", "Dockerfile"),
    ("target", "production"),
    ("platform", "linux/amd64"),
    ("build-args", "{ VERSION: \"1.10\" }"),
    ("labels", "{ org.opencontainers.image.title: web }"),
    (
        "cache-from",
        "[\"type=registry,ref=111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/web:cache-main\"]",
    ),
    ("cache-to", "[type=inline]"),
    ("no-cache", "false"),
    ("pull", "true"),
    ("on-existing-tag", "reuse"),
    ("extra-tags", "[latest, stable]"),
    (
        "image",
        "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/web:v1",
    ),
    (
        "environment-variables",
        "{ LOG_LEVEL: info, GREETING: \"Hello World!!\" }",
    ),
    (
        "secrets",
        "{ DATABASE_URL: \"arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:db-AbCdEf:url::\", API_KEY: /web/api-key }",
    ),
    ("command", "[node, server.js]"),
    ("desired-count", "2"),
    ("force-new-deployment", "false"),
    ("wait-until", "healthy"),
    ("wait-for-minutes", "30"),
    ("stable-for", "60"),
    ("on-superseded", "succeed"),
    ("smoke-path", "/healthz"),
    ("fail-fast", "true"),
    ("on-failure", "rollback"),
    ("on-pause", "return"),
    ("url", "https://www.example.com"),
    ("comment", "auto"),
    ("github-deployment", "auto"),
    ("output", "text"),
    ("verbose", "false"),
    ("action", "up"),
    ("base-service", "web"),
    ("pull-request", "7"),
    ("repository", "octo-org/web"),
    ("preview-host", "\"pr-{number}.preview.example.com\""),
    ("preview-path", "\"/pr-{number}\""),
    ("preview-header", "\"X-Preview: pr-{number}\""),
    ("load-balancers", "[web-alb, web-alb-2]"),
    ("listener-port", "443"),
    ("max-previews", "50"),
    ("expires-after-hours", "168"),
    ("on-expiry", "sleep"),
    ("label", "preview"),
    ("dry-run", "false"),
    (
        "preview-task-role-arn",
        "arn:aws:iam::111122223333:role/web-preview-task",
    ),
    (
        "preview-execution-role-arn",
        "arn:aws:iam::111122223333:role/web-preview-execution",
    ),
    ("inherit-secrets", "false"),
    ("inherit-environment", "false"),
    ("cpu", "256"),
    ("memory", "512"),
    ("spot", "true"),
    ("to", "\"0\""),
    ("services", "[\"web-*\", worker]"),
    ("clusters", "[staging]"),
    ("resource-tags", "{ team: web }"),
    ("except", "[web-canary]"),
    ("state", "tag"),
    ("default-count", "1"),
    ("if-deploying", "wait"),
    ("suspend-scheduled", "false"),
    ("force", "false"),
];

/// Of these and `preview-host` only one may be set.
const INSTEAD: [&str; 2] = ["preview-path", "preview-header"];

/// The verbs that take settings of their own, in the order in which the example tells of them.
const WITH_SETTINGS: [&str; 3] = ["deploy", "preview", "scale"];

fn example() -> String {
    let mut text = "# Every key of shipway.yml, as an example. None is required here: a flag, an input of the action or a variable\n\
        # (SHIPWAY_AWS_REGION, …) counts before this file. An unknown key is an error. `github-token` and\n\
        # `build-secrets` say where secrets are: they are no keys of this file. A list of\n\
        # KEY=VALUE may be written as keys with texts; quote what YAML would take for a number.\n"
        .to_owned();
    let mut last = String::new();
    for (verb, name, help, heading) in every_setting() {
        let Some((_, value)) = EXAMPLES.iter().find(|(key, _)| *key == name) else {
            continue;
        };
        let heading = match verb {
            "deploy" => heading,
            verb => format!("{heading}, of `{verb}` alone"),
        };
        if heading != last {
            text.push_str(&format!("\n# ---- {heading} ----\n"));
            last = heading;
        }
        let instead = match INSTEAD.contains(&name.as_str()) {
            true => "# ",
            false => "",
        };
        text.push_str(&format!("\n# {help}\n{instead}{name}: {value}\n"));
    }
    text
}

/// Each setting once, with the first verb that takes it: that, name, help, heading.
fn every_setting() -> Vec<(&'static str, String, String, String)> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for verb in WITH_SETTINGS {
        for (name, help, heading) in settings(verb) {
            if seen.insert(name.clone()) {
                all.push((verb, name, help, heading));
            }
        }
    }
    all
}

#[test]
fn the_example_file_has_every_key_and_parses() {
    if std::env::var_os("SHIPWAY_BLESS").is_some() {
        std::fs::write(root().join("shipway.example.yml"), example()).unwrap();
    }
    let text = read("shipway.example.yml");
    assert_eq!(text, example(), "SHIPWAY_BLESS=1 writes it anew");
    let named: BTreeSet<String> = EXAMPLES.iter().map(|(key, _)| (*key).to_owned()).collect();
    let not_in_a_file = [
        "config",
        "github-token",
        "build-secrets",
        "allow-untrusted-build",
        "allow-older",
        "allow-migration",
    ];
    let keys: BTreeSet<String> = every_setting()
        .into_iter()
        .map(|s| s.1)
        .filter(|s| !not_in_a_file.contains(&s.as_str()))
        .collect();
    assert_eq!(named, keys);
    // What editors know of it. That its form suits the schema is checked by tests/clients/settings_schema.py.
    let schema: serde_json::Value = serde_json::from_str(&read("shipway.schema.json")).unwrap();
    let known = schema["properties"].as_object().unwrap();
    assert_eq!(named, known.keys().cloned().collect());

    let played = play(Scene {
        args: vec![
            "deploy".to_owned(),
            // The smoke test of the example wants one that waits.
            "--wait-until".to_owned(),
            "deployed".to_owned(),
        ],
        files: [
            ("shipway.yml".to_owned(), text),
            (
                "deploy/task-definition.json".to_owned(),
                r#"{"family": "web", "containerDefinitions": [{"name": "web"}]}"#.to_owned(),
            ),
        ]
        .into(),
        event: "push".to_owned(),
        ..Scene::default()
    });
    // Everything in it is taken; only then the usual world is asked, and has another region.
    assert!(
        !played.stderr.contains("shipway::config") && !played.stderr.contains("shipway::usage"),
        "{}",
        played.stderr
    );
    assert!(!played.calls.is_empty());
}
