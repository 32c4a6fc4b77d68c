//! Files that must say what clap says: the action, the example of `shipway.yml`, and the flags that others script against.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_yaml::Value;

use crate::harness::{Scene, play};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The settings of `deploy`, in clap's order: name, help, whether it is required, heading.
fn settings() -> Vec<(String, String, bool, String)> {
    let command = shipway::schema();
    let deploy = command.find_subcommand("deploy").unwrap();
    deploy
        .get_arguments()
        .filter_map(|a| {
            let name = a.get_long().filter(|l| !matches!(*l, "help" | "version"))?;
            let help = a.get_help().map(ToString::to_string).unwrap_or_default();
            // `--help` alone names the variable.
            let help = help.split(" [env:").next().unwrap_or_default().to_owned();
            let heading = a.get_help_heading().unwrap_or_default().to_owned();
            Some((
                name.to_owned(),
                help.split_whitespace().collect::<Vec<_>>().join(" "),
                a.is_required_set(),
                heading,
            ))
        })
        .collect()
}

/// Others script against these.
#[test]
fn the_flags_are_what_they_were() {
    let fixed = "aws-region role-to-assume audience role-session-name role-duration-seconds ecr-repository create-repository context \
        file target platform build-args build-secrets labels cache-from cache-to no-cache pull on-existing-tag extra-tags image cluster \
        service container-name task-definition environment-variables secrets command desired-count force-new-deployment wait-until \
        wait-for-minutes stable-for on-superseded smoke-path url comment github-deployment github-token config output verbose \
        allow-untrusted-build";
    let fixed: BTreeSet<String> = fixed.split_whitespace().map(str::to_owned).collect();
    assert_eq!(
        settings().into_iter().map(|s| s.0).collect::<BTreeSet<_>>(),
        fixed
    );
}

/// `config` is left out, for inputs are above it anyway, and `output`, for nobody reads a step's stdout.
#[test]
fn the_action_takes_what_deploy_takes() {
    let action: Value = serde_yaml::from_str(&read("action.yml")).unwrap();
    let inputs: BTreeMap<String, (String, bool)> = action["inputs"]
        .as_mapping()
        .unwrap()
        .iter()
        .map(|(name, input)| {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            (
                text(name),
                (
                    text(&input["description"]),
                    input["required"].as_bool().unwrap(),
                ),
            )
        })
        .collect();
    let flags: BTreeMap<String, (String, bool)> = settings()
        .into_iter()
        .filter(|(name, ..)| !matches!(name.as_str(), "config" | "output"))
        .map(|(name, help, required, _)| (name, (help, required)))
        .collect();
    assert_eq!(inputs, flags);
    assert!(
        action["inputs"]
            .as_mapping()
            .unwrap()
            .values()
            .all(|i| i.get("default").is_none()),
        "`\"\"` means not set: defaults are the binary's"
    );
}

#[test]
fn the_action_gives_what_deploy_gives() {
    let action: Value = serde_yaml::from_str(&read("action.yml")).unwrap();
    let named: BTreeSet<String> = action["outputs"]
        .as_mapping()
        .unwrap()
        .keys()
        .map(|k| k.as_str().unwrap().to_owned())
        .collect();
    let all = serde_json::to_value(shipway::Outputs::default()).unwrap();
    let given: BTreeSet<String> = all.as_object().unwrap().keys().cloned().collect();
    assert_eq!(named, given);
    for (name, output) in action["outputs"].as_mapping().unwrap() {
        let value = format!(
            "${{{{ steps.shipway.outputs.{} }}}}",
            name.as_str().unwrap()
        );
        assert_eq!(output["value"].as_str(), Some(value.as_str()));
    }
}

/// What the example sets each key to. The comments are clap's own words.
const EXAMPLES: [(&str, &str); 39] = [
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
    ("url", "https://www.example.com"),
    ("comment", "auto"),
    ("github-deployment", "auto"),
    ("output", "text"),
    ("verbose", "false"),
];

fn example() -> String {
    let mut text = "# Every key of shipway.yml, as an example. None is required here: a flag, an input of the action or a variable\n\
        # (SHIPWAY_AWS_REGION, …) counts before this file. An unknown key is an error. `github-token` and\n\
        # `build-secrets` say where secrets are: they are no keys of this file. A list of\n\
        # KEY=VALUE may be written as keys with texts; quote what YAML would take for a number.\n"
        .to_owned();
    let mut last = String::new();
    for (name, help, _, heading) in settings() {
        let Some((_, value)) = EXAMPLES.iter().find(|(key, _)| *key == name) else {
            continue;
        };
        if heading != last {
            text.push_str(&format!("\n# ---- {heading} ----\n"));
            last = heading;
        }
        text.push_str(&format!("\n# {help}\n{name}: {value}\n"));
    }
    text
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
    ];
    let keys: BTreeSet<String> = settings()
        .into_iter()
        .map(|s| s.0)
        .filter(|s| !not_in_a_file.contains(&s.as_str()))
        .collect();
    assert_eq!(named, keys);

    let played = play(Scene {
        args: vec![
            "deploy".to_owned(),
            "--wait-until".to_owned(),
            "none".to_owned(),
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
