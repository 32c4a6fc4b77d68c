//! The policy of `rollback` in docs/iam.md is enough for every way it can go, and each action of it is needed.

use serde_json::{Value, json};

use super::{actions, policy_below, without};
use crate::harness::{Played, SETTINGS, Scene, play};

/// What the world does, and where it is gone back to.
const STORIES: [(&str, &[&str]); 4] = [
    ("a host", &[]),
    ("no host", &["--to", "1111111"]),
    ("cannot succeed", &[]),
    ("crash", &[]),
];

fn played_with(policy: &Value, (story, to): (&str, &[&str])) -> Played {
    let of = |commit: &str| json!({ "shipway:commit": commit.repeat(40), "shipway:repository": "octo-org/web" });
    let mut world = json!({
        "iam": { "roles": [{ "name": "shipway-production", "policy": policy }] },
        "services": { "web": {
            "image": "ecr:web:v3",
            "log-group": "/ecs/web",
            "earlier": [
                { "image": "ecr:web:v1", "tags": of("1") },
                { "image": "ecr:web:v2", "tags": of("2") },
            ],
        } },
    });
    match story {
        "no host" => {
            world["load-balancers"] = json!([
                { "name": "web-alb", "listeners": [{ "port": 80, "forward": "web" }] }
            ]);
        }
        "cannot succeed" => {
            world["timeline"] = json!([
                { "when": "updated", "do": { "delete-image": "ecr:web:v2" } }
            ]);
        }
        "crash" => {
            let crash = json!({ "service": "web", "primary": true, "exit-code": 1 });
            let times = ["20s", "70s", "120s", "170s", "220s"];
            world["timeline"] = times
                .map(|at| json!({ "when": "updated", "at": at, "do": { "crash-tasks": crash } }))
                .into_iter()
                .collect();
        }
        _ => {}
    }
    let args = ["rollback"].iter().chain(&SETTINGS).chain(to);
    play(Scene {
        // JSON is YAML; the values themselves do not convert, for our numbers are kept as texts.
        world: serde_yaml::from_str(&world.to_string()).unwrap(),
        args: args.map(|arg| (*arg).to_owned()).collect(),
        event: "workflow_dispatch".to_owned(),
        ..Scene::default()
    })
}

#[test]
fn the_policy_of_rollback_is_enough_and_no_more_than_that() {
    let policy = policy_below("docs/iam.md", "### For `rollback`");
    let full = STORIES.map(|story| played_with(&policy, story));
    for (full, (story, _)) in full.iter().zip(STORIES) {
        let failed = u8::from(matches!(story, "cannot succeed" | "crash"));
        assert_eq!(full.exit, failed, "{story}: {}", full.stderr);
        assert!(!full.stderr.contains("warning"), "{}", full.stderr);
        assert!(!full.stderr.contains("not checked"), "{}", full.stderr);
    }
    for action in actions(&policy) {
        let less = without(policy.clone(), &action);
        let is_missed = STORIES
            .iter()
            .zip(&full)
            .any(|(story, full)| played_with(&less, *story).stderr != full.stderr);
        assert!(is_missed, "{action} could be left out of rollback's policy");
    }
}
