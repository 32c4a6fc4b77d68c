//! How rollouts go: the events with their times, and the states they end in.

use serde_json::json;

use super::{Story, plain_story, story};

#[track_caller]
fn told(story: &mut Story, expected: &str) {
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    let told = story.told();
    let told: Vec<&str> = told.lines().map(str::trim).collect();
    assert_eq!(told, expected, "\n{}", told.join("\n"));
}

#[test]
fn a_rolling_update_completes_when_the_old_tasks_are_gone() {
    let mut s = story("desired: 2", "");
    assert_eq!(s.state(), ("COMPLETED".to_owned(), "SUCCESSFUL".to_owned()));
    s.to(5.0);
    let answer = s.deploy("web:v2");
    assert_eq!(answer["deployments"][0]["rolloutState"], "IN_PROGRESS");
    let id = answer["deployments"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        answer["deployments"][0]["rolloutStateReason"],
        format!("ECS deployment {id} in progress.")
    );
    s.to(60.0);
    assert_eq!(
        s.state(),
        ("IN_PROGRESS".to_owned(), "IN_PROGRESS".to_owned())
    );
    assert_eq!(s.targets(), ["t3 healthy -", "t4 healthy -"]);
    s.to(100.0);
    told(
        &mut s,
        "
        5.25 has started 2 tasks: (task t3) (task t4).
        19.25 registered 1 targets in (target-group web)
        19.25 registered 1 targets in (target-group web)
        29.50 has begun draining connections on 1 tasks.
        29.50 deregistered 1 targets in (target-group web)
        29.50 has begun draining connections on 1 tasks.
        29.50 deregistered 1 targets in (target-group web)
        29.50 has stopped 2 running tasks: (task t1) (task t2).
        65.75 (deployment ecs-svc/d2) deployment completed.
        65.75 has reached a steady state.",
    );
    assert_eq!(s.state(), ("COMPLETED".to_owned(), "SUCCESSFUL".to_owned()));
    let target = s.deployments()[0]["targetServiceRevision"]["arn"].clone();
    assert_eq!(
        target.as_str().unwrap().rsplit('/').next(),
        id.rsplit('/').next()
    );
    assert_eq!(s.service()["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn a_target_drains_for_as_long_as_its_group_says() {
    let mut s = story("", "");
    s.deploy("web:v2");
    s.to(25.0);
    assert_eq!(
        s.targets(),
        [
            "t1 draining Target.DeregistrationInProgress",
            "t2 healthy -"
        ]
    );
    s.to(54.0);
    assert_eq!(s.targets().len(), 2);
    s.to(55.0);
    assert_eq!(s.targets(), ["t2 healthy -"]);
}

#[test]
fn target_health_passes_through_registration_and_initial() {
    let mut s = story("", "");
    s.deploy("web:v2");
    for (at, state) in [
        (14.5, "t2 initial Elb.RegistrationInProgress"),
        (20.0, "t2 initial Elb.InitialHealthChecking"),
        (24.5, "t2 healthy -"),
    ] {
        s.to(at);
        assert_eq!(
            s.targets().last().map(String::as_str),
            Some(state),
            "at {at}"
        );
    }
}

#[test]
fn a_newer_deployment_supersedes_within_three_tenths_of_a_second() {
    let timeline = "timeline: [{when: updated, at: 10s, do: {update-service: {service: web, image: 'web:v3'}}}]";
    let mut s = story("", timeline);
    s.to(3.0);
    let ours = s.deploy("web:v2")["currentServiceDeployment"].clone();
    s.to(13.2);
    assert_eq!(s.deployments()[1]["status"], "IN_PROGRESS");
    s.to(13.3);
    let superseded = s.deployments()[1].clone();
    assert_eq!(
        (
            superseded["status"].as_str(),
            &superseded["serviceDeploymentArn"]
        ),
        (Some("STOPPED"), &ours)
    );
    assert_eq!(superseded["finishedAt"], 1_760_000_013.25);
    s.to(100.0);
    assert_eq!(s.state().1, "SUCCESSFUL");
    assert!(
        s.service()["taskDefinition"]
            .as_str()
            .unwrap()
            .ends_with("web:3")
    );
}

#[test]
fn the_grace_period_spares_a_slow_start() {
    let behaviour = "behaviours: [{image: v2, healthy-after: 45s}]";
    let mut without = story("", behaviour);
    without.deploy("web:v2");
    without.to(120.0);
    assert!(!without.stops().is_empty());
    let mut with = story("grace-period: 120", behaviour);
    with.deploy("web:v2");
    with.to(200.0);
    assert_eq!(with.state().1, "SUCCESSFUL");
}

#[test]
fn a_change_of_desired_count_starts_no_deployment() {
    let mut s = story("", "");
    let before = s.service();
    s.call(
        "UpdateService",
        &json!({ "service": "web", "desiredCount": 3 }),
    );
    s.to(60.0);
    let after = s.service();
    assert_eq!(
        after["deployments"][0]["id"],
        before["deployments"][0]["id"]
    );
    assert_eq!(
        (after["runningCount"].as_u64(), s.deployments().len()),
        (Some(3), 1)
    );
    s.call(
        "UpdateService",
        &json!({ "service": "web", "desiredCount": 0 }),
    );
    s.to(120.0);
    assert_eq!(s.service()["runningCount"], 0);
    assert!(s.told().ends_with("has reached a steady state."));
    assert!(
        s.stops()
            .iter()
            .all(|t| t.contains("Scaling activity initiated by (deployment ecs-svc/"))
    );
}

#[test]
fn a_forced_deployment_replaces_the_tasks_of_the_same_revision() {
    let mut s = story("", "");
    let before = s.service();
    let answer = s.call(
        "UpdateService",
        &json!({ "service": "web", "forceNewDeployment": true }),
    )["service"]
        .clone();
    assert_ne!(
        answer["deployments"][0]["id"],
        before["deployments"][0]["id"]
    );
    assert_eq!(answer["taskDefinition"], before["taskDefinition"]);
    s.to(100.0);
    assert_eq!(s.state().1, "SUCCESSFUL");
}

#[test]
fn without_a_load_balancer_a_task_counts_after_forty_seconds() {
    let mut s = plain_story("services: [{name: web, image: 'web:v1'}]");
    s.deploy("web:v2");
    s.to(100.0);
    told(
        &mut s,
        "
        0.25 has started 1 tasks: (task t2).
        55.25 has stopped 1 running tasks: (task t1).
        61.50 (deployment ecs-svc/d2) deployment completed.
        61.50 has reached a steady state.",
    );
}

#[test]
fn one_hundred_percent_both_ways_hangs_and_says_so() {
    let mut s = story("minimum-healthy-percent: 100, maximum-percent: 100", "");
    s.deploy("web:v2");
    s.to(300.0);
    assert_eq!(
        s.state(),
        ("IN_PROGRESS".to_owned(), "IN_PROGRESS".to_owned())
    );
    assert_eq!(
        s.told()
            .matches("was unable to stop or start tasks")
            .count(),
        1
    );
}

#[test]
fn a_seed_replays_a_world() {
    let run = || {
        let mut s = story(
            "desired: 2",
            "behaviours: [{image: v2, crash: {after: 1s}}]",
        );
        s.deploy("web:v2");
        s.to(500.0);
        s.service().to_string()
    };
    assert_eq!(run(), run());
}
