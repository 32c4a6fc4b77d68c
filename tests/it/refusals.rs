//! What is refused, and in which words: a table a file, a case a paragraph. Nothing in AWS is changed by any of them.
//!
//! `SHIPWAY_BLESS=1 cargo test --workspace refusals` writes what is read now behind each `--`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_yaml::Value;

use crate::harness::{Played, Scene, deploy, play};

/// Before each case but the first, then between its set-up and what must be read.
const CASE: &str = "\n\n== ";
const READS: &str = "\n--\n";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Case {
    /// After `deploy` and the settings for region, role, cluster, service and repository.
    args: Vec<String>,
    /// The whole command line instead.
    command_line: Option<Vec<String>>,
    vars: BTreeMap<String, String>,
    unset: Vec<String>,
    files: BTreeMap<String, String>,
    world: Value,
    event: Option<String>,
    git: bool,
    merge_checked_out: bool,
    /// Must be in no output at all.
    secret: Option<String>,
}

fn check(table: &str, exit: u8) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/refusals/{table}.txt"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (about, cases) = text.trim_end().split_once(CASE).expect("cases");
    let mut now = about.to_owned();
    let mut wrong = Vec::new();
    for case in cases.split(CASE) {
        let (title, rest) = case.split_once('\n').unwrap_or((case, ""));
        let (set_up, must_read) = rest.split_once(READS).unwrap_or((rest, ""));
        let scene: Option<Case> =
            serde_yaml::from_str(set_up).unwrap_or_else(|e| panic!("{table}: {title}: {e}"));
        let played = refused(
            scene.unwrap_or_default(),
            &format!("{table}: {title}"),
            exit,
        );
        let reads = played.stderr.trim_end();
        if table == "trust" {
            // Without an I/O driver the engine could not be asked unseen.
            assert_eq!(played.aws_calls().count(), 0, "{title}: AWS is not asked");
        }
        if reads != must_read {
            wrong.push(format!("{title}\nmust read:\n{must_read}\nreads:\n{reads}"));
        }
        now.push_str(&format!(
            "{CASE}{title}\n{}{READS}{reads}",
            set_up.trim_end()
        ));
    }
    if std::env::var_os("SHIPWAY_BLESS").is_some() {
        std::fs::write(&path, now + "\n").unwrap();
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}

fn refused(case: Case, name: &str, exit: u8) -> Played {
    let names_image = case
        .args
        .iter()
        .any(|a| a == "--image" || a == "--ecr-repository");
    let mut usual = deploy(if names_image {
        &[]
    } else {
        &["--ecr-repository", "web"]
    });
    usual.extend(case.args);
    let args = case.command_line.unwrap_or(usual);
    let deploys = args.first().is_some_and(|verb| verb == "deploy");
    let played = play(Scene {
        world: case.world,
        args,
        vars: case.vars,
        unset: case.unset,
        files: case.files,
        event: case.event.unwrap_or_else(|| "push".to_owned()),
        git: case.git,
        merge_checked_out: case.merge_checked_out,
        ..Scene::default()
    });
    assert_eq!(played.exit, exit, "{name}\n{}", played.stderr);
    assert_eq!(played.changes(), Vec::<String>::new(), "{name}");
    let status =
        played.outputs.contains("deployment-status") && played.outputs.contains("not-started");
    assert!(
        played.outputs.contains("failure-code") && (status || !deploys),
        "{name}: outputs are written on failure too\n{}",
        played.outputs
    );
    if let Some(secret) = case.secret {
        let said = [
            &played.stdout,
            &played.stderr,
            &played.outputs,
            &played.summary,
        ];
        assert!(
            said.iter().all(|s| !s.contains(&secret)),
            "{name}: echoed\n{}",
            played.stderr
        );
    }
    played
}

#[test]
fn of_usage() {
    check("usage", 2);
}

/// Threat 2: foreign code, and events that mean none of the repository's commits.
#[test]
fn of_trust() {
    check("trust", 6);
}

#[test]
fn of_preflight() {
    check("preflight", 6);
}

/// ECS does not let a service be created like this, but a rule can be deleted afterwards.
#[test]
fn of_a_target_group_without_a_load_balancer() {
    let played = play(Scene {
        args: deploy(&["--ecr-repository", "web", "--image", "v2"]),
        event: "push".to_owned(),
        prepare: Some(|world| world.elbv2.rules.clear()),
        ..Scene::default()
    });
    assert_eq!(played.exit, 6, "{}", played.stderr);
    assert_eq!(played.changes(), Vec::<String>::new());
    assert!(
        played.stderr.contains("error: target group web is attached to no load balancer, so its targets can never become healthy\n"),
        "{}",
        played.stderr
    );
}
