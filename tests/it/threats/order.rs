//! An old run that is started again, with a hole that was closed since, must not put its code over what runs.

use crate::harness::{Scene, deploy, play};

const OLD: &str = "4f2a9c1d00000000000000000000000000000000";
const NEW: &str = "9e1a003000000000000000000000000000000000";

/// What runs was built on the old commit, or nobody can say; the old run's file says that it may.
#[test]
fn an_old_run_puts_nothing_over_newer_code() {
    for commits in [
        format!("[{{ sha: \"{OLD}\" }}, {{ sha: \"{NEW}\", parents: [\"{OLD}\"] }}]"),
        "[]".to_owned(),
    ] {
        let world = format!(
            r#"
github: {{ commits: {commits} }}
services:
  web:
    task-definition:
      tags:
        - {{ key: "shipway:commit", value: "{NEW}" }}
        - {{ key: "shipway:run", value: "99999999999" }}
        - {{ key: "shipway:repository", value: octo-org/web }}
"#
        );
        let played = play(Scene {
            world: serde_yaml::from_str(&world).unwrap(),
            event: "push".to_owned(),
            args: deploy(&["--image", "v2", "--ecr-repository", "web"]),
            ..Scene::default()
        });
        assert_eq!(played.exit, 6, "{}", played.stderr);
        assert_eq!(played.changes(), Vec::<String>::new());
        assert!(
            played.stderr.contains("shipway::preflight::older_commit"),
            "{}",
            played.stderr
        );
    }
}

/// The file comes with the old code.
#[test]
fn a_file_does_not_lift_the_guard() {
    let played = play(Scene {
        args: deploy(&["--image", "v2", "--ecr-repository", "web"]),
        files: [("shipway.yml".to_owned(), "allow-older: true\n".to_owned())].into(),
        ..Scene::default()
    });
    assert_eq!(played.exit, 2, "{}", played.stderr);
    assert!(
        played.stderr.contains("shipway::config::not_by_code"),
        "{}",
        played.stderr
    );
}

/// `skip` is a word of `scale`, `fail` one of `deploy`: the file serves both.
#[test]
fn a_word_of_another_verb_leaves_ours_at_its_default() {
    for (word, exit) in [("skip", 0), ("fail", 0), ("nonsense", 2)] {
        let played = play(Scene {
            args: deploy(&["--image", "v1", "--ecr-repository", "web"]),
            files: [("shipway.yml".to_owned(), format!("if-deploying: {word}\n"))].into(),
            ..Scene::default()
        });
        assert_eq!(played.exit, exit, "{word}: {}", played.stderr);
    }
}
