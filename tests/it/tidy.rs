//! The house rules that a machine can check: which folder imports which, what is nowhere, how long a file is. And the
//! files that must say what clap says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_yaml::Value;

struct Source {
    /// From the workspace's root.
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("tests.rs")
    }

    /// Without tests and comments, with the number of each line.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self
            .text
            .find("#[cfg(test)]\nmod tests {")
            .unwrap_or(self.text.len());
        let lines = self.text[..end].lines().enumerate();
        lines
            .map(|(n, l)| (n + 1, l))
            .filter(|(_, l)| !l.trim_start().starts_with("//"))
    }

    /// `src/<folder>/…` or `src/<folder>.rs`.
    fn folder(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        let first = rest.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn sources() -> Vec<Source> {
    fn walk(directory: &Path, found: &mut Vec<Source>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(Source {
                    path: path
                        .strip_prefix(root())
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                    text: std::fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    let mut found = Vec::new();
    for folder in [
        "src",
        "sandbox/src",
        "sandbox/tests",
        "tests",
        "benches",
        "page",
    ] {
        walk(&root().join(folder), &mut found);
    }
    assert!(found.len() > 100, "the sources are where they were");
    found
}

/// Where a word stands in code that is shipped, in files that `concerned` says.
fn places(words: &[&str], concerned: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| !s.is_test() && concerned(s)) {
        for (line, code) in source.code() {
            found.extend(
                words
                    .iter()
                    .filter(|word| has_word(code, word))
                    .map(|word| format!("{}:{line}: {word}", source.path)),
            );
        }
    }
    found
}

fn has_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !word.starts_with(part) || !code[..at].ends_with(part))
}

fn in_folders(source: &Source, folders: &[&str]) -> bool {
    source.folder().is_some_and(|f| folders.contains(&f))
}

const NOWHERE: Vec<String> = Vec::new();

#[test]
fn folders_import_only_what_lies_below_them() {
    let below: BTreeMap<&str, &[&str]> = [
        ("model", &["model"][..]),
        ("plan", &["plan", "model"]),
        ("rollout", &["rollout", "model"]),
        ("inputs", &["inputs", "model", "error", "wire"]),
        (
            "report",
            &["report", "plan", "rollout", "model", "inputs", "error"],
        ),
        ("wire", &["wire"]),
        ("error", &["error"]),
        ("aws", &["aws", "model", "wire"]),
        ("docker", &["docker", "model", "wire"]),
        ("git", &["git", "model"]),
        ("github", &["github", "model", "wire"]),
        (
            "steps",
            &[
                "steps", "aws", "docker", "git", "github", "report", "plan", "rollout", "inputs",
                "model", "error", "wire",
            ],
        ),
        (
            "verbs",
            &[
                "verbs", "steps", "aws", "report", "plan", "rollout", "inputs", "model", "error",
            ],
        ),
    ]
    .into();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| !s.is_test()) {
        let Some(folder) = source.folder().filter(|f| !matches!(*f, "lib" | "main")) else {
            continue;
        };
        let allowed = below
            .get(folder)
            .unwrap_or_else(|| panic!("{}: which layer is {folder}?", source.path));
        for (line, code) in source.code() {
            assert!(
                !code.contains("crate::{"),
                "{}:{line}: one folder a `use`, so that this test sees it",
                source.path
            );
            for (at, _) in code.match_indices("crate::") {
                let rest = &code[at + "crate::".len()..];
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .unwrap_or(rest.len());
                // `$crate`, and names of the crate's root.
                if !allowed.contains(&&rest[..end]) && below.contains_key(&rest[..end]) {
                    wrong.push(format!(
                        "{}:{line}: {folder} imports {}",
                        source.path,
                        &rest[..end]
                    ));
                }
            }
        }
    }
    assert_eq!(wrong, NOWHERE);
}

#[test]
fn what_decides_is_pure() {
    let pure = |s: &Source| in_folders(s, &["model", "plan", "rollout"]);
    let impure = [
        "aws_sdk",
        "aws_config",
        "aws_smithy",
        "aws_credential",
        "bollard",
        "octocrab",
        "tokio",
        "reqwest",
        "hyper",
        "fastrand",
        "std::env",
        "std::fs",
        "std::net",
        "std::process",
        "SystemTime",
        "Instant",
        "async fn",
        ".await",
        "Timestamp::now",
    ];
    assert_eq!(places(&impure, pure), NOWHERE);
}

#[test]
fn sdks_stay_in_their_ports() {
    let aws = places(&["aws_sdk", "aws_config"], |s| {
        s.folder().is_some_and(|f| f != "aws")
    });
    assert_eq!(aws, NOWHERE);
    assert_eq!(
        places(&["bollard"], |s| s.folder().is_some_and(|f| f != "docker")),
        NOWHERE
    );
    assert_eq!(
        places(&["octocrab"], |s| s.folder().is_some_and(|f| f != "github")),
        NOWHERE
    );
}

#[test]
fn the_sandbox_and_the_product_do_not_know_each_other() {
    let sandbox = |s: &Source| s.path.starts_with("sandbox/");
    assert_eq!(places(&["shipway::"], sandbox), NOWHERE);
    let verbs = ["src/verbs/try_it", "src/verbs/sandbox"];
    let product =
        |s: &Source| s.path.starts_with("src/") && !verbs.iter().any(|v| s.path.starts_with(v));
    assert_eq!(places(&["shipway_sandbox"], product), NOWHERE);
}

#[test]
fn only_report_prints_and_only_main_exits() {
    let prints = [
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "io::stdout",
        "io::stderr",
    ];
    // `inputs/env` takes the streams of the process, once.
    let elsewhere = |s: &Source| s.path.starts_with("src/") && s.path != "src/inputs/env.rs";
    assert_eq!(places(&prints, elsewhere), NOWHERE);
    assert_eq!(
        places(&["process::exit", "process::abort"], |s| s.path
            != "src/main.rs"),
        NOWHERE
    );
}

/// Text of others is rendered by `report/escape` alone. Who else looks at it, and why that renders nothing:
#[test]
fn untrusted_text_is_rendered_in_one_place() {
    let reasons: BTreeMap<&str, &str> = [
        ("src/report/escape.rs", "the one place that renders it"),
        ("src/model/untrusted.rs", "`one_line`, for error messages, which are escaped again where they are shown"),
        ("src/steps/announce.rs", "the environment of a comment's marker: JSON whose `<`, `>` and `--` are spelled otherwise"),
    ]
    .into();
    let found: BTreeSet<String> = places(&[".raw()"], |s| s.path.starts_with("src/"))
        .iter()
        .map(|place| place.split(':').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(found, reasons.keys().map(|p| (*p).to_owned()).collect());
}

#[test]
fn waiting_for_a_rollout_has_one_place() {
    let sleeps = places(&["sleep(", "sleep_until("], |s| {
        s.path.starts_with("src/steps/watch")
    });
    assert_eq!(sleeps.len(), 1, "{sleeps:?}");
}

/// Partitions, DNS suffixes, hosts and accounts come from the SDK's rules, from answers and from GitHub's variables.
#[test]
fn no_partition_host_or_account_is_a_constant() {
    let constants = [
        "amazonaws.com",
        "\"arn:aws",
        "sts.amazonaws",
        "token.actions.githubusercontent",
        "us-east-1",
        "eu-west-1",
    ];
    let product = |s: &Source| {
        s.path.starts_with("src/")
            && !s.path.starts_with("src/verbs/try_it")
            && s.path != "src/verbs/sandbox.rs"
    };
    assert_eq!(places(&constants, product), NOWHERE);
}

#[test]
fn files_are_short_and_say_what_they_know() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > 500 {
            wrong.push(format!("{}: {lines} lines", source.path));
        }
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{}: opens without //!", source.path));
        }
    }
    assert_eq!(wrong, NOWHERE);
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
        wait-for-minutes stable-for on-superseded url comment github-token config output verbose";
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
const EXAMPLES: [(&str, &str); 37] = [
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
    ("url", "https://www.example.com"),
    ("comment", "auto"),
    ("output", "text"),
    ("verbose", "false"),
];

fn example() -> String {
    let mut text = "# Every key of shipway.yml, as an example. None is required here: a flag, an input of the action or a variable\n\
        # (SHIPWAY_AWS_REGION, …) counts before this file. An unknown key is an error. Where a secret is (github-token, build-secrets) is\n\
        # no key of this file. A list of KEY=VALUE may be written as keys with texts; quote what YAML would take for a number.\n"
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
    let not_in_a_file = ["config", "github-token", "build-secrets"];
    let keys: BTreeSet<String> = settings()
        .into_iter()
        .map(|s| s.0)
        .filter(|s| !not_in_a_file.contains(&s.as_str()))
        .collect();
    assert_eq!(named, keys);

    let played = crate::harness::play(crate::harness::Scene {
        args: vec![
            "deploy".to_owned(),
            "--wait-until".to_owned(),
            "none".to_owned(),
        ],
        files: [("shipway.yml".to_owned(), text)].into(),
        event: "push".to_owned(),
        ..Default::default()
    });
    // Everything in it is taken; only then the usual world is asked, and has another region.
    assert!(
        !played.stderr.contains("shipway::config") && !played.stderr.contains("shipway::usage"),
        "{}",
        played.stderr
    );
    assert!(!played.calls.is_empty());
}
