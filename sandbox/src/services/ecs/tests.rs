//! What ECS refuses of services that are not scaled by their desired count, and of tags.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::scenario::WorldFile;
use crate::services::find;
use crate::world::World;

const WORLD: &str = r#"
clusters: [prod]
services:
  - { name: daemon, cluster: prod, image: nginx, launch-type: EC2, service: { schedulingStrategy: DAEMON } }
  - { name: blue, cluster: prod, desired: 1, image: nginx, service: { deploymentController: { type: CODE_DEPLOY } } }
  - { name: old, cluster: prod, desired: 1, image: nginx, short-arn: true }
  - { name: web, cluster: prod, desired: 1, image: nginx, tags: { team: a } }
fleets:
  - { clusters: 3, services: 40, like: { name: svc, cluster: fleet, desired: 1, image: nginx, scalable-target: { min: 1, max: 2 } } }
"#;

fn world() -> World {
    let file = WorldFile::parse(WORLD).unwrap();
    file.build(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400))
        .unwrap()
}

/// The answer, or the refusal's words.
fn ask(world: &mut World, name: &str, input: Value) -> Value {
    let operation = find("ecs", name).unwrap();
    match (operation.function)(world, &input) {
        Ok(answer) => answer,
        Err(error) => json!(error.message),
    }
}

fn described(world: &mut World, name: &str) -> Value {
    let input = json!({ "cluster": "prod", "services": [name] });
    ask(world, "DescribeServices", input)["services"][0].clone()
}

#[test]
fn a_daemon_has_no_desired_count_to_set() {
    let mut world = world();
    assert_eq!(described(&mut world, "daemon")["runningCount"], 2);
    let zero = json!({ "cluster": "prod", "service": "daemon", "desiredCount": 0 });
    let said = ask(&mut world, "UpdateService", zero);
    assert!(
        said.as_str()
            .unwrap()
            .starts_with("The daemon scheduling strategy"),
        "{said}"
    );
}

#[test]
fn code_deploys_services_have_task_sets_and_only_their_count_changes() {
    let mut world = world();
    let service = described(&mut world, "blue");
    assert_eq!(service["deployments"], json!([]));
    assert_eq!(service["taskSets"][0]["stabilityStatus"], "STEADY_STATE");
    assert!(service.get("currentServiceDeployment").is_none());
    let force = json!({ "cluster": "prod", "service": "blue", "forceNewDeployment": true });
    let said = ask(&mut world, "UpdateService", force);
    assert!(
        said.as_str().unwrap().contains("Use AWS CodeDeploy"),
        "{said}"
    );
    let zero = json!({ "cluster": "prod", "service": "blue", "desiredCount": 0 });
    assert_eq!(
        ask(&mut world, "UpdateService", zero)["service"]["desiredCount"],
        0
    );
}

#[test]
fn tags_have_lengths_an_alphabet_and_a_number() {
    let mut world = world();
    let arn = described(&mut world, "web")["serviceArn"].clone();
    let mut tag = |key: &str, value: &str| {
        let tags = json!([{ "key": key, "value": value }]);
        ask(
            &mut world,
            "TagResource",
            json!({ "resourceArn": arn, "tags": tags }),
        )
    };
    let state = "v1/d=3/min=2/max=10/sus=000/at=2026-11-24T20:23:00Z/run=16839201733";
    assert_eq!(tag("shipway:scale", state), json!({}));
    assert_eq!(tag(&"k".repeat(128), &"v".repeat(256)), json!({}));
    for (key, value) in [
        ("", "a"),
        ("aws:a", "b"),
        ("a", "{}"),
        ("a", "x;y"),
        (&"k".repeat(129), "v"),
        ("a", &"v".repeat(257)),
    ] {
        assert!(tag(key, value).is_string(), "{key} {value}");
    }
    for number in 0..47 {
        assert_eq!(tag(&format!("key-{number}"), ""), json!({}));
    }
    assert_eq!(
        tag("one-more", ""),
        "The maximum number of tags (50) was exceeded."
    );
    assert_eq!(tag("team", "b"), json!({}), "one that is there may change");
}

#[test]
fn services_with_short_arns_cannot_be_tagged() {
    let mut world = world();
    let arn = described(&mut world, "old")["serviceArn"].clone();
    let tags = json!([{ "key": "a", "value": "b" }]);
    let said = ask(
        &mut world,
        "TagResource",
        json!({ "resourceArn": arn, "tags": tags }),
    );
    assert_eq!(said, "Long arn format must be used for tagging operations");
}

#[test]
fn a_fleet_is_many_services_on_one_task_definition() {
    let mut world = world();
    let pages = [
        json!({ "cluster": "fleet-03", "maxResults": 25 }),
        json!({ "cluster": "fleet-03", "maxResults": 25, "nextToken": "page-25" }),
    ];
    let counts = pages.map(|page| {
        let answer = ask(&mut world, "ListServices", page);
        answer["serviceArns"].as_array().unwrap().len()
    });
    assert_eq!(counts, [25, 15]);
    assert_eq!(world.autoscaling.targets.len(), 120);
    assert_eq!(world.ecs.families["svc"].len(), 1);
    let fleet = world
        .ecs
        .services
        .values()
        .filter(|s| s.cluster.starts_with("fleet-"));
    assert!(fleet.clone().all(|s| s.steady), "an hour has passed");
    assert_eq!(fleet.count(), 120);
    let said = ask(
        &mut world,
        "ListServices",
        json!({ "cluster": "fleet-03", "maxResults": 101 }),
    );
    assert_eq!(said, "maxResults must be between 1 and 100.");
}
