//! The house rules that a machine can check: which folder imports which, what is nowhere, how long a file is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
        (
            "fuzz",
            &["fuzz", "inputs", "steps", "plan", "model", "error", "wire"],
        ),
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
                "verbs", "steps", "aws", "git", "report", "plan", "rollout", "inputs", "model",
                "error", "wire",
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
        // The sandbox's containers are run over a client that `try` hands it.
        places(&["bollard"], |s| s.folder().is_some_and(|f| f != "docker")
            && !s.path.starts_with("src/verbs/try_it/")
            && s.path != "src/verbs/sandbox.rs"),
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
    // `inputs/env` takes the streams of the process, once; `try` gives its own stderr to the deploy that it spawns.
    let streams = ["src/inputs/env.rs", "src/verbs/try_it/deploy.rs"];
    let elsewhere = |s: &Source| s.path.starts_with("src/") && !streams.contains(&s.path.as_str());
    assert_eq!(places(&prints, elsewhere), NOWHERE);
    assert_eq!(
        // The page that `try` serves and the benches are programs of their own.
        places(&["process::exit", "process::abort"], |s| !matches!(
            s.path.as_str(),
            "src/main.rs" | "page/server.rs"
        ) && !s
            .path
            .starts_with("benches/")),
        NOWHERE
    );
}

/// Text of others is rendered by `report/escape` alone. Who else looks at it, and why that renders nothing:
#[test]
fn untrusted_text_is_rendered_in_one_place() {
    let reasons: BTreeMap<&str, &str> = [
        ("src/report/escape.rs", "the one place that renders it"),
        ("src/model/trust_policy.rs", "claims in a statement that is JSON in printable ASCII, without a runner's command"),
        ("src/model/untrusted.rs", "`one_line`, for error messages, which are escaped again where they are shown"),
        ("src/steps/announce/comment.rs", "the environment of a comment's marker: JSON whose `<`, `>` and `--` are spelled otherwise"),
        ("src/steps/preview_command.rs", "a login in a request's path, once it is known to be letters, digits and hyphens"),
        ("src/verbs/preview.rs", "a comment, compared with the two commands that there are"),
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
