//! Files that must say what clap says: the actions, the schema and the example of `shipway.yml`, the reference, and the
//! flags that others script against.

mod example;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_yaml::Value;

use crate::harness::{Played, Scene, play};

/// The actions, and where each stands.
const ACTIONS: [(&str, &str); 7] = [
    ("deploy", "action.yml"),
    ("build", "build/action.yml"),
    ("plan", "plan/action.yml"),
    ("preview", "preview/action.yml"),
    ("scale", "scale/action.yml"),
    ("rollback", "rollback/action.yml"),
    ("setup", "setup/action.yml"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The settings of a verb, in clap's order: name, help, heading.
fn settings(verb: &str) -> Vec<(String, String, String)> {
    let command = shipway::schema();
    let verb = command.find_subcommand(verb).unwrap();
    verb.get_arguments()
        .filter_map(|a| {
            let name = a.get_long().filter(|l| !matches!(*l, "help" | "version"))?;
            let help = a.get_help().map(ToString::to_string).unwrap_or_default();
            // `--help` alone names the variable.
            let help = help.split(" [env:").next().unwrap_or_default().to_owned();
            let heading = a.get_help_heading().unwrap_or_default().to_owned();
            Some((
                name.to_owned(),
                help.split_whitespace().collect::<Vec<_>>().join(" "),
                heading,
            ))
        })
        .collect()
}

/// Others script against these.
#[test]
fn the_flags_are_what_they_were() {
    let access = "aws-region role-to-assume audience role-session-name role-duration-seconds github-token output verbose config";
    let build = "ecr-repository create-repository context file target platform build-args build-secrets labels cache-from cache-to \
        no-cache pull on-existing-tag extra-tags allow-untrusted-build";
    let service = "cluster service container-name task-definition image environment-variables secrets command desired-count \
        force-new-deployment";
    let waiting = "wait-until wait-for-minutes stable-for on-superseded smoke-path fail-fast on-failure on-pause url \
        comment github-deployment";
    let order = "if-deploying allow-older";
    let preview = "action cluster base-service container-name pull-request repository preview-host preview-path preview-header \
        load-balancers listener-port max-previews expires-after-hours on-expiry label dry-run preview-task-role-arn \
        preview-execution-role-arn inherit-secrets inherit-environment environment-variables secrets command cpu memory spot";
    let scale = "to services clusters resource-tags except state default-count if-deploying suspend-scheduled force dry-run \
        wait-for-minutes";
    for (verb, fixed) in [
        ("preview", [access, build, preview, waiting].join(" ")),
        ("scale", [access, scale].join(" ")),
        (
            "rollback",
            [access, "cluster service to allow-migration", waiting].join(" "),
        ),
        ("deploy", [access, build, service, order, waiting].join(" ")),
        ("build", [access, build].join(" ")),
        ("plan", [access, build, service].join(" ")),
        (
            "doctor",
            [access, "cluster service ecr-repository base-service"].join(" "),
        ),
    ] {
        let fixed: BTreeSet<String> = fixed.split_whitespace().map(str::to_owned).collect();
        let now: BTreeSet<String> = settings(verb).into_iter().map(|s| s.0).collect();
        assert_eq!(now, fixed, "{verb}");
    }
}

fn schema(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_shipway"))
        .arg("schema")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    String::from_utf8(output.stdout).unwrap()
}

/// Byte for byte.
#[test]
fn the_generated_files_are_what_schema_prints() {
    let mut files = vec![
        ("shipway.schema.json", schema(&["file"])),
        ("docs/inputs.md", schema(&["reference"])),
    ];
    for (action, path) in ACTIONS {
        files.push((path, schema(&["action", "--verb", action])));
    }
    for (path, text) in files {
        if std::env::var_os("SHIPWAY_BLESS").is_some() {
            let path = root().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(read(path), text, "{path}: SHIPWAY_BLESS=1 writes it anew");
    }
    assert_eq!(schema(&[]), schema(&["file"]));
}

#[test]
fn there_is_no_other_action() {
    let output = Command::new(env!("CARGO_BIN_EXE_shipway"))
        .args(["schema", "action", "--verb", "doctor"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(
            "`doctor` has no action; there are: deploy, build, plan, preview, scale, rollback, setup"
        ),
        "{said}"
    );
}

fn names(mapping: &Value) -> BTreeSet<String> {
    let name = |v: &Value| v.as_str().unwrap().to_owned();
    mapping.as_mapping().unwrap().keys().map(name).collect()
}

/// All but `output`, for nobody reads a step's stdout.
#[test]
fn an_action_takes_what_its_verb_takes_and_the_mirror() {
    for (verb, path) in ACTIONS {
        let action: Value = serde_yaml::from_str(&read(path)).unwrap();
        let mut wanted: BTreeSet<String> = match verb {
            "setup" => BTreeSet::new(),
            verb => settings(verb).into_iter().map(|s| s.0).collect(),
        };
        wanted.remove("output");
        wanted.insert("mirror".to_owned());
        assert_eq!(names(&action["inputs"]), wanted, "{path}");
        for (name, input) in action["inputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            assert!(
                input.get("default").is_none(),
                "`\"\"` means not set: {name}"
            );
            assert!(!input["description"].as_str().unwrap().is_empty(), "{name}");
            // The container's variables are `environment-variables`, GitHub's environment is the job's.
            assert_ne!(name, "environment");
        }
        // The Marketplace takes no more.
        assert!(
            action["description"].as_str().unwrap().len() < 125,
            "{path}"
        );
    }
}

#[test]
fn an_action_gives_what_its_verb_gives() {
    let all = serde_json::to_value(shipway::Outputs::default()).unwrap();
    let all: BTreeSet<String> = all.as_object().unwrap().keys().cloned().collect();
    for (verb, path) in ACTIONS {
        let action: Value = serde_yaml::from_str(&read(path)).unwrap();
        let given = names(&action["outputs"]);
        let told = shipway::outputs_of(verb).iter();
        assert_eq!(given, told.map(|o| o.0.to_owned()).collect(), "{path}");
        match verb {
            // What each verb writes comes from the same list.
            "deploy" => assert_eq!(given, all),
            "setup" => assert!(read("action/install.sh").contains("version=%s\\npath=%s\\n")),
            _ => assert!(given.contains("failure-code"), "{path}"),
        }
        for (name, output) in action["outputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            let value = format!("${{{{ steps.shipway.outputs.{name} }}}}");
            assert_eq!(output["value"].as_str(), Some(value.as_str()));
        }
    }
}

/// Nothing that somebody else wrote becomes part of a script, and pinning the action pins all of it.
#[test]
fn an_actions_steps_hold_no_expression_and_use_nothing() {
    for (verb, path) in ACTIONS {
        let action: Value = serde_yaml::from_str(&read(path)).unwrap();
        let steps = action["runs"]["steps"].as_sequence().unwrap();
        assert_eq!(steps.len(), 2, "{path}");
        for step in steps {
            assert!(step.get("uses").is_none(), "{path}");
            assert!(!step["run"].as_str().unwrap().contains("${{"), "{path}");
        }
        assert_eq!(steps[0]["if"].as_str(), Some("runner.os == 'Windows'"));
        let last = &steps[1];
        assert_eq!(
            last["shell"].as_str(),
            Some("/usr/bin/env -u BASH_ENV -u ENV /bin/sh -eu {0}")
        );
        // One line, which hands over by `exec`: the runner signals only the first process.
        let run = last["run"].as_str().unwrap();
        assert!(
            run.starts_with("exec /bin/sh \"$GITHUB_ACTION_PATH/"),
            "{run}"
        );
        assert!(!run.contains('\n'), "{run}");
        assert_eq!(last["env"].get("SHIPWAY_INPUTS").is_some(), verb != "setup");
        let folder = root().join(path);
        let script = run.split('"').nth(1).unwrap();
        let script = script.replace(
            "$GITHUB_ACTION_PATH",
            folder.parent().unwrap().to_str().unwrap(),
        );
        assert!(Path::new(&script).is_file(), "{script}");
    }
}

fn with_inputs(inputs: &str) -> Played {
    play(Scene {
        args: vec!["deploy".to_owned()],
        vars: [("SHIPWAY_INPUTS".to_owned(), inputs.to_owned())].into(),
        event: "push".to_owned(),
        ..Scene::default()
    })
}

/// `toJSON(inputs)` holds what is `install.sh`'s too.
#[test]
fn the_actions_own_inputs_are_none_of_the_binarys() {
    let set = r#""aws-region": "eu-west-1", "cluster": "prod", "service": "web", "ecr-repository": "web", "image": "v2""#;
    let played = with_inputs(&format!(r#"{{{set}, "mirror": "https://mirror.example"}}"#));
    assert!(
        !played.stderr.contains("shipway::usage"),
        "{}",
        played.stderr
    );
    assert!(!played.calls.is_empty());
    let played = with_inputs(&format!(
        r#"{{{set}, "mirrors": "https://mirror.example"}}"#
    ));
    assert_eq!(played.exit, 2);
}

#[test]
fn booleans_are_those_two_words() {
    let set =
        r#""aws-region": "eu-west-1", "cluster": "prod", "service": "web", "image": "web:v2""#;
    for (word, taken) in [
        ("true", true),
        ("false", true),
        ("", true),
        ("yes", false),
        ("True", false),
        ("1", false),
    ] {
        let played = with_inputs(&format!(r#"{{{set}, "force-new-deployment": "{word}"}}"#));
        assert_eq!(played.exit != 2, taken, "{word}: {}", played.stderr);
    }
}

/// `tests/data/settings.yml` says of each file whether the binary takes it; of the schema, settings_schema.py checks it.
#[test]
fn files_are_taken_and_refused_as_the_schema_does() {
    let cases: Value = serde_yaml::from_str(&read("tests/data/settings.yml")).unwrap();
    let cases = cases.as_sequence().unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let file = case["file"].as_str().unwrap();
        let taken = match case["binary"].as_str().unwrap() {
            "takes" => true,
            "refuses" => false,
            other => panic!("takes or refuses, not {other}"),
        };
        let args = "deploy --aws-region eu-west-1 --cluster prod --service web --image web:v2 --wait-until healthy";
        let played = play(Scene {
            args: args.split(' ').map(str::to_owned).collect(),
            files: [("shipway.yml".to_owned(), file.to_owned())].into(),
            event: "push".to_owned(),
            ..Scene::default()
        });
        assert_eq!(played.exit != 2, taken, "{file}\n{}", played.stderr);
    }
}

/// Every job that uses an action downloads this.
#[test]
fn the_tarball_of_the_action_is_small_and_builds() {
    let git = |format: &str| {
        let output = Command::new("git")
            .args(["archive", "--worktree-attributes", format, "HEAD"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let bytes = git("--format=tar.gz").len();
    assert!(bytes < 1024 * 1024, "{bytes}");
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("tree.tar");
    std::fs::write(&archive, git("--format=tar")).unwrap();
    let mut tar = Command::new("tar");
    let tar = tar.arg("-xf").arg(&archive).current_dir(folder.path());
    assert!(tar.status().unwrap().success());
    for gone in ["tests", "docs", ".github", ".ci"] {
        assert!(!folder.path().join(gone).exists(), "{gone}");
    }
    for (_, action) in ACTIONS {
        assert!(folder.path().join(action).is_file(), "{action}");
    }
    // Cargo refuses a manifest that names a bench which is not there.
    for bench in read("Cargo.toml").split("[[bench]]\nname = \"").skip(1) {
        let name = bench.split('"').next().unwrap();
        let path = folder.path().join(format!("benches/{name}.rs"));
        assert!(path.is_file(), "{}", path.display());
    }
}
