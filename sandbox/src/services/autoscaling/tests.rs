//! Counts that are moved, and counts that stay.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::scenario::WorldFile;
use crate::services::find;
use crate::world::World;

const WORLD: &str = r#"
place: { region: eu-west-1 }
start: "2026-11-24T14:00:00Z"
clusters: [prod]
services:
  - name: web
    cluster: prod
    desired: 3
    image: nginx
    scalable-target:
      min: 2
      max: 6
      scheduled-actions:
        night: { schedule: "at(2026-11-24T14:10:00)", min: 1, max: 1 }
        day: { schedule: "at(2026-11-24T14:20:00)", min: 4, max: 8 }
  - name: cpu
    cluster: prod
    desired: 2
    image: nginx
    scalable-target: { min: 2, max: 6, policies: [cpu] }
"#;

fn world() -> World {
    let file = WorldFile::parse(WORLD).unwrap();
    file.build(SystemTime::UNIX_EPOCH).unwrap()
}

fn call(world: &mut World, service: &str, name: &str, input: Value) -> Value {
    let operation = find(service, name).unwrap();
    match (operation.function)(world, &input) {
        Ok(answer) => answer,
        Err(error) => json!({ "refused": error.code, "why": error.message }),
    }
}

fn register(world: &mut World, name: &str, members: Value) -> Value {
    let mut input = json!({
        "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": format!("service/prod/{name}"),
    });
    let members = members.as_object().cloned().unwrap();
    input.as_object_mut().unwrap().extend(members);
    call(
        world,
        "application-autoscaling",
        "RegisterScalableTarget",
        input,
    )
}

fn to_zero(world: &mut World, name: &str) {
    let input = json!({ "cluster": "prod", "service": name, "desiredCount": 0 });
    call(world, "ecs", "UpdateService", input);
}

/// The desired count so long after now.
fn desired_after(world: &mut World, name: &str, minutes: u64) -> u64 {
    world.advance(world.now + Duration::from_secs(60 * minutes));
    world.ecs.services[&("prod".to_owned(), name.to_owned())].desired
}

const SUSPENDED: &str =
    r#"{ "DynamicScalingInSuspended": true, "DynamicScalingOutSuspended": true }"#;

fn suspended() -> Value {
    serde_json::from_str(SUSPENDED).unwrap()
}

#[test]
fn a_target_with_a_minimum_undoes_a_zero_unless_it_is_suspended() {
    let mut world = world();
    to_zero(&mut world, "web");
    assert_eq!(desired_after(&mut world, "web", 0), 0);
    assert_eq!(desired_after(&mut world, "web", 2), 2);
    let answer = call(
        &mut world,
        "application-autoscaling",
        "DescribeScalingActivities",
        json!({ "ServiceNamespace": "ecs" }),
    );
    let cause = answer["ScalingActivities"][0]["Cause"].as_str().unwrap();
    assert!(cause.contains("triggered policy requests"), "{cause}");

    register(
        &mut world,
        "web",
        json!({ "MinCapacity": 0, "SuspendedState": suspended() }),
    );
    to_zero(&mut world, "web");
    assert_eq!(desired_after(&mut world, "web", 5), 0);
}

#[test]
fn average_cpu_of_nothing_wakes_nobody() {
    let mut world = world();
    to_zero(&mut world, "cpu");
    assert_eq!(desired_after(&mut world, "cpu", 60), 0);
}

#[test]
fn registering_puts_the_count_within_its_bounds_even_while_suspended() {
    let mut world = world();
    register(
        &mut world,
        "cpu",
        json!({ "MinCapacity": 0, "SuspendedState": suspended() }),
    );
    to_zero(&mut world, "cpu");
    register(&mut world, "cpu", json!({ "MinCapacity": 2 }));
    assert_eq!(desired_after(&mut world, "cpu", 0), 2);
    register(
        &mut world,
        "cpu",
        json!({ "MinCapacity": 0, "MaxCapacity": 1 }),
    );
    assert_eq!(desired_after(&mut world, "cpu", 0), 1);
}

#[test]
fn a_scheduled_action_changes_the_bounds_and_is_missed_while_suspended() {
    let mut woken = world();
    to_zero(&mut woken, "cpu");
    assert_eq!(desired_after(&mut woken, "web", 11), 1);
    assert_eq!(desired_after(&mut woken, "web", 10), 4);

    let mut asleep = world();
    register(
        &mut asleep,
        "web",
        json!({ "SuspendedState": { "ScheduledScalingSuspended": true } }),
    );
    assert_eq!(desired_after(&mut asleep, "web", 30), 3);
    register(
        &mut asleep,
        "web",
        json!({ "SuspendedState": { "ScheduledScalingSuspended": false } }),
    );
    assert_eq!(desired_after(&mut asleep, "web", 30), 3, "not replayed");
}

#[test]
fn refusals() {
    let mut world = world();
    for (name, members, code) in [
        ("web", json!({ "MinCapacity": 7 }), "ValidationException"),
        ("web", json!({ "MinCapacity": -1 }), "ValidationException"),
        (
            "gone",
            json!({ "MinCapacity": 0, "MaxCapacity": 1 }),
            "ValidationException",
        ),
        (
            "web",
            json!({ "ScalableDimension": "ecs:service:Size" }),
            "ValidationException",
        ),
    ] {
        assert_eq!(
            register(&mut world, name, members.clone())["refused"],
            code,
            "{members}"
        );
    }
    let unknown = json!({
        "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": "service/prod/gone",
    });
    let answer = call(
        &mut world,
        "application-autoscaling",
        "DeregisterScalableTarget",
        unknown,
    );
    assert_eq!(answer["refused"], "ObjectNotFoundException");
}

#[test]
fn targets_come_in_pages_and_by_name() {
    let mut world = world();
    let mut ask = |input: Value| {
        call(
            &mut world,
            "application-autoscaling",
            "DescribeScalableTargets",
            input,
        )
    };
    let first = ask(json!({ "ServiceNamespace": "ecs", "MaxResults": 1 }));
    assert_eq!(
        first["ScalableTargets"][0]["ResourceId"],
        "service/prod/cpu"
    );
    let second =
        ask(json!({ "ServiceNamespace": "ecs", "MaxResults": 1, "NextToken": first["NextToken"] }));
    assert_eq!(
        second["ScalableTargets"][0]["ResourceId"],
        "service/prod/web"
    );
    assert!(second.get("NextToken").is_none());
    let named = ask(json!({ "ServiceNamespace": "ecs", "ResourceIds": ["service/prod/web"] }));
    assert_eq!(named["ScalableTargets"].as_array().unwrap().len(), 1);
    assert_eq!(
        ask(json!({ "ServiceNamespace": "ecs", "NextToken": "no" }))["refused"],
        "InvalidNextTokenException"
    );
}

#[test]
fn parameters_are_kept_by_name_and_found_by_path() {
    let mut world = world();
    let mut ask = |name: &str, input: Value| call(&mut world, "ssm", name, input);
    for name in ["/shipway/prod/web", "/shipway/prod/cpu", "/other"] {
        assert_eq!(
            ask(
                "PutParameter",
                json!({ "Name": name, "Value": "v1/d=3", "Type": "String" })
            )["Version"],
            1
        );
    }
    let again = json!({ "Name": "/other", "Value": "v2" });
    assert_eq!(
        ask("PutParameter", again)["refused"],
        "ParameterAlreadyExists"
    );
    let overwritten = json!({ "Name": "/other", "Value": "v2", "Overwrite": true });
    assert_eq!(ask("PutParameter", overwritten)["Version"], 2);
    assert_eq!(
        ask("GetParameter", json!({ "Name": "/other" }))["Parameter"]["Value"],
        "v2"
    );
    let below = ask(
        "GetParametersByPath",
        json!({ "Path": "/shipway", "Recursive": true, "MaxResults": 1 }),
    );
    assert_eq!(below["Parameters"][0]["Name"], "/shipway/prod/cpu");
    assert!(below["NextToken"].is_string());
    assert_eq!(
        ask("GetParametersByPath", json!({ "Path": "/shipway" }))["Parameters"],
        json!([])
    );
    ask("DeleteParameter", json!({ "Name": "/other" }));
    assert_eq!(
        ask("DeleteParameter", json!({ "Name": "/other" }))["refused"],
        "ParameterNotFound"
    );
}
