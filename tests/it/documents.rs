//! Task definitions are documents: what no SDK knows survives value for value, numbers as they were written.

use serde_json::{Value, json};
use shipway_sandbox::World;

use crate::harness::{Played, Scene, deploy, play};

const LIVE: &str = "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:1";

/// Members that ECS may add tomorrow, and spellings that a struct or a float would lose. (An exponent without its sign is
/// given one by serde_json; nothing else of a number is touched.)
const UNKNOWN: &str = r#"{"price":1.50,"big":123456789012345678901234567890,"exponent":1.0e+3,"negative":-0.0,"nothing":null,"nested":[{"empty":{}},[],""],"text":"ü\u0000"}"#;

fn add_unknown_members(world: &mut World) {
    let family = world.ecs.families.get_mut("web").unwrap();
    let document = &mut family[0].document;
    document["futureMember"] = serde_json::from_str(UNKNOWN).unwrap();
    document["ephemeralStorage"] = json!({ "sizeInGiB": 21 });
    let container = &mut document["containerDefinitions"][0];
    container["futureContainerMember"] = serde_json::from_str(UNKNOWN).unwrap();
    container["dockerLabels"] = json!({});
    container["environment"] = json!([]);
    container["linuxParameters"] = json!({ "capabilities": { "drop": [] } });
    let tags = [("team", "shop"), ("aws:cloudformation:stack-name", "web")];
    let tags = tags.map(|(k, v)| (k.to_owned(), v.to_owned()));
    world.ecs.tags.insert(LIVE.to_owned(), tags.to_vec());
}

fn played() -> Played {
    play(Scene {
        args: deploy(&[
            "--image",
            "v2",
            "--ecr-repository",
            "web",
            "--wait-until",
            "none",
        ]),
        event: "push".to_owned(),
        prepare: Some(add_unknown_members),
        ..Scene::default()
    })
}

#[test]
fn what_no_sdk_knows_survives() {
    let played = played();
    assert_eq!(played.exit, 0, "{}", played.stderr);
    let sent = sent(&played);
    assert_eq!(sent["futureMember"].to_string(), UNKNOWN);
    let container = &sent["containerDefinitions"][0];
    assert_eq!(container["futureContainerMember"].to_string(), UNKNOWN);

    let registered = played
        .sandbox
        .with_world(|w| w.ecs.families["web"][1].document.clone());
    assert_eq!(registered["futureMember"].to_string(), UNKNOWN);
}

#[test]
fn explicit_empties_stay_and_read_only_members_go() {
    let played = played();
    let sent = sent(&played);
    let container = &sent["containerDefinitions"][0];
    assert_eq!(container["dockerLabels"], json!({}));
    assert_eq!(container["environment"], json!([]));
    assert_eq!(
        container["linuxParameters"],
        json!({ "capabilities": { "drop": [] } })
    );
    let live = played
        .sandbox
        .with_world(|w| w.ecs.families["web"][0].document.clone());
    let mut read_only = Vec::new();
    for member in shipway_sandbox::services::ecs::task_definitions::READ_ONLY {
        assert!(sent.get(*member).is_none(), "{member} was sent back");
        read_only.extend(live.get(*member));
    }
    assert!(
        read_only.len() >= 5,
        "the live revision shows what ECS set: {read_only:?}"
    );
    // All else is as it was, in its order.
    let names = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let kept: Vec<String> = names(&live)
        .into_iter()
        .filter(|n| {
            !shipway_sandbox::services::ecs::task_definitions::READ_ONLY.contains(&n.as_str())
        })
        .chain(["tags".to_owned()])
        .collect();
    assert_eq!(names(sent), kept);
}

#[test]
fn tags_stay_and_those_of_this_run_join_them() {
    let played = played();
    let tags: Vec<String> = sent(&played)["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| {
            format!(
                "{}={}",
                t["key"].as_str().unwrap(),
                t["value"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        tags,
        [
            "team=shop",
            "shipway:commit=4f2a9c1d00000000000000000000000000000000",
            "shipway:run=16839201733",
            "shipway:repository=octo-org/web",
        ]
    );
}

#[test]
fn a_revision_that_differs_by_nothing_of_ours_is_not_registered_anew() {
    let played = play(Scene {
        args: deploy(&["--image", "v1", "--ecr-repository", "web"]),
        event: "push".to_owned(),
        prepare: Some(add_unknown_members),
        ..Scene::default()
    });
    assert_eq!(played.changes(), ["ecs:TagResource"], "{}", played.stderr);
}

#[test]
fn a_json_file_is_sent_as_it_is_written() {
    let file = format!(
        r#"{{"family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "futureMember": {UNKNOWN},
        "containerDefinitions": [{{"name": "web", "image": "x", "portMappings": [{{"containerPort": 80}}]}}]}}"#
    );
    let played = play(Scene {
        args: deploy(&[
            "--image",
            "v2",
            "--ecr-repository",
            "web",
            "--wait-until",
            "none",
            "--task-definition",
            "task.json",
        ]),
        event: "push".to_owned(),
        files: [("task.json".to_owned(), file)].into(),
        ..Scene::default()
    });
    let sent = sent(&played);
    assert_eq!(
        sent["futureMember"].to_string(),
        UNKNOWN,
        "{}",
        played.stderr
    );
}

fn sent(played: &Played) -> &Value {
    let mut calls = played.calls.iter();
    let call = calls.find(|c| c.operation == "RegisterTaskDefinition");
    &call
        .unwrap_or_else(|| panic!("nothing was registered\n{}", played.stderr))
        .input
}
