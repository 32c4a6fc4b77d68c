//! How rollouts fail: tasks that crash, targets that stay unhealthy, breakers, alarms and people.

use serde_json::{Value, json};

use super::{plain_story, story};

const BREAKER: &str = "breaker: {enable: true, rollback: true}";

#[test]
fn the_breaker_rolls_back() {
    let mut s = story(
        BREAKER,
        "behaviours: [{image: v2, crash: {after: 1s, exit-code: 3}}]",
    );
    let (before, after) = (s.service(), s.deploy("web:v2"));
    s.to(58.80);
    let (rollout, status) = s.state();
    assert_eq!(
        (rollout.as_str(), status.as_str()),
        ("FAILED", "ROLLBACK_REQUESTED")
    );
    s.to(59.0);
    assert_eq!(
        s.state(),
        ("IN_PROGRESS".to_owned(), "ROLLBACK_IN_PROGRESS".to_owned())
    );
    let service = s.service();
    let (primary, failed) = (&service["deployments"][0], &service["deployments"][1]);
    assert_eq!(primary["taskDefinition"], before["taskDefinition"]);
    assert_eq!(failed["id"], after["deployments"][0]["id"]);
    assert_eq!(
        (
            failed["rolloutState"].as_str(),
            failed["failedTasks"].as_u64()
        ),
        (Some("FAILED"), Some(3))
    );
    assert_eq!(
        failed["rolloutStateReason"],
        "ECS deployment circuit breaker: tasks failed to start."
    );
    s.to(100.0);
    let ended = s.deployments()[0].clone();
    assert_eq!(ended["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        ended["deploymentCircuitBreaker"],
        json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 })
    );
    assert_eq!(
        ended["rollback"]["serviceRevisionArn"],
        before["currentServiceRevisions"][0]["arn"]
    );
    assert_eq!(
        s.stops()[0],
        "t2 EssentialContainerExited 3 Essential container in task exited"
    );
    let told = s.told();
    assert!(
        told.contains("58.75 (deployment ecs-svc/d2) deployment failed: tasks failed to start."),
        "{told}"
    );
    assert!(
        told.contains("59.00 rolling back to deployment ecs-svc/d1."),
        "{told}"
    );
    assert!(told.ends_with("62.75 (deployment ecs-svc/d1) deployment completed.\n  62.75 has reached a steady state."), "{told}");
}

#[test]
fn a_breaker_without_rollback_stops_and_the_old_tasks_stay() {
    let mut s = story(
        "breaker: {enable: true, rollback: false}",
        "behaviours: [{image: v2, fail-to-start: 'CannotPullContainerError: no such image'}]",
    );
    s.deploy("web:v2");
    s.to(400.0);
    assert_eq!(s.state(), ("FAILED".to_owned(), "STOPPED".to_owned()));
    assert_eq!(s.service()["runningCount"], 1);
    assert_eq!(
        s.stops(),
        vec![
            "t2 TaskFailedToStart - CannotPullContainerError: no such image",
            "t3 TaskFailedToStart - CannotPullContainerError: no such image",
            "t4 TaskFailedToStart - CannotPullContainerError: no such image",
        ]
    );
    assert_eq!(s.targets(), ["t1 healthy -"]);
}

#[test]
fn a_first_deployment_has_nothing_to_return_to_and_stalls() {
    let yaml = "
        past: 0s
        services: [{name: web, image: 'web:v1', breaker: {enable: true, rollback: true}}]
        behaviours: [{crash: {after: 1s}}]";
    let mut s = plain_story(yaml);
    s.to(1000.0);
    assert_eq!(s.state(), ("FAILED".to_owned(), "IN_PROGRESS".to_owned()));
    assert_eq!(s.stops().len(), 3);
}

#[test]
fn the_breakers_threshold_can_be_set() {
    let settings =
        "breaker: {enable: true, rollback: true, thresholdConfiguration: {type: COUNT, value: 1}}";
    let mut s = story(settings, "behaviours: [{image: v2, crash: {after: 1s}}]");
    s.deploy("web:v2");
    s.to(100.0);
    assert_eq!(s.state().1, "ROLLBACK_SUCCESSFUL");
    assert_eq!(s.stops().len(), 1);
}

#[test]
fn healthy_for_twenty_seconds_and_then_crashing_is_never_steady_for_long() {
    let mut s = story(
        "",
        "behaviours: [{image: v2, crash: {after-healthy: 20s, out-of-memory: true}}]",
    );
    s.deploy("web:v2");
    s.to(24.6);
    assert_eq!(s.targets()[1], "t2 healthy -");
    s.to(44.6);
    assert_eq!(s.state().0, "IN_PROGRESS");
    assert_eq!(
        s.stops()[1],
        "t2 EssentialContainerExited 137 Essential container in task exited"
    );
    s.to(45.0);
    let arns = s.call("ListTasks", &json!({ "serviceName": "web" }))["taskArns"].clone();
    assert_eq!(arns.as_array().unwrap().len(), 1);
}

#[test]
fn unhealthy_targets_are_replaced_with_the_documented_reason() {
    let mut s = story(
        "",
        "behaviours: [{image: v2, unhealthy: {reason: Target.ResponseCodeMismatch}}]",
    );
    s.deploy("web:v2");
    s.to(34.3);
    assert_eq!(s.targets()[1], "t2 unhealthy Target.ResponseCodeMismatch");
    s.to(120.0);
    assert_eq!(
        s.stops()[0],
        "t2 ServiceSchedulerInitiated 0 Task failed ELB health checks"
    );
    let told = s.told();
    let said = "34.25 (task t2) (port 80) is unhealthy in (target-group web) due to (reason Health checks failed with these codes: [502])";
    assert!(told.contains(said), "{told}");
    assert_eq!(s.service()["deployments"][1]["runningCount"], 1);
    assert_eq!(
        s.state(),
        ("IN_PROGRESS".to_owned(), "IN_PROGRESS".to_owned())
    );
}

#[test]
fn a_failing_container_health_check_replaces_the_task() {
    let yaml = "
        services: [{name: web, image: 'web:v1', health-check: {command: [CMD, 'true'], interval: 5, retries: 2}}]
        behaviours: [{image: v2, container-health: {unhealthy-after: 0s}}]";
    let mut s = plain_story(yaml);
    let healthy = s.world.ecs.tasks.keys().next().unwrap().clone();
    assert_eq!(
        s.call("DescribeTasks", &json!({ "tasks": [healthy] }))["tasks"][0]["healthStatus"],
        "HEALTHY"
    );
    let current = s.service()["taskDefinition"].clone();
    let mut document = s.call(
        "DescribeTaskDefinition",
        &json!({ "taskDefinition": current }),
    )["taskDefinition"]
        .clone();
    document["containerDefinitions"][0]["image"] = json!("web:v2");
    let arn =
        s.call("RegisterTaskDefinition", &document)["taskDefinition"]["taskDefinitionArn"].clone();
    s.call(
        "UpdateService",
        &json!({ "service": "web", "taskDefinition": arn }),
    );
    s.to(40.0);
    assert_eq!(
        s.stops()[0],
        "t2 ServiceSchedulerInitiated 0 Task failed container health checks"
    );
    assert!(
        s.told()
            .contains("(task t2) failed container health checks.")
    );
}

#[test]
fn an_alarm_rolls_back() {
    let alarms = "service: {deploymentConfiguration: {alarms: {enable: true, rollback: true, alarmNames: [errors]}}}";
    let timeline = "timeline: [{when: updated, at: 30s, do: {set-alarm: errors}}]";
    let mut s = story(alarms, timeline);
    s.deploy("web:v2");
    s.to(31.0);
    let deployment = s.deployments()[0].clone();
    assert_eq!(
        deployment["alarms"]["triggeredAlarmNames"],
        json!(["errors"])
    );
    assert_eq!(deployment["status"], "ROLLBACK_IN_PROGRESS");
    s.to(300.0);
    assert_eq!(s.state().1, "ROLLBACK_SUCCESSFUL");
    assert!(
        s.service()["taskDefinition"]
            .as_str()
            .unwrap()
            .ends_with("web:1")
    );
}

#[test]
fn stopping_a_service_deployment_rolls_back_or_conflicts() {
    let mut s = story("", "");
    let arn = s.deploy("web:v2")["currentServiceDeployment"].clone();
    s.to(5.0);
    let input = json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" });
    assert_eq!(
        s.call("StopServiceDeployment", &input)["serviceDeploymentArn"],
        arn
    );
    s.to(100.0);
    assert_eq!(
        s.state(),
        ("COMPLETED".to_owned(), "ROLLBACK_SUCCESSFUL".to_owned())
    );
    assert_eq!(
        s.try_call("StopServiceDeployment", &input)
            .unwrap_err()
            .code,
        "ConflictException"
    );
    let unknown = json!({ "serviceDeploymentArn": "arn:aws:ecs:x:1:service-deployment/c/s/none" });
    assert_eq!(
        s.try_call("StopServiceDeployment", &unknown)
            .unwrap_err()
            .code,
        "ServiceDeploymentNotFoundException"
    );
}

#[test]
fn people_and_spot_stop_tasks_without_failing_the_deployment() {
    let timeline = "timeline: [
        {at: 10s, do: {stop-tasks: {service: web}}}, {at: 100s, do: {spot-interrupt: {service: web}}}]";
    let mut s = story(BREAKER, timeline);
    s.to(200.0);
    assert_eq!(
        s.stops(),
        [
            "t1 UserInitiated 0 Task stopped by user",
            "t2 SpotInterruption 0 Your Spot Task was interrupted.",
        ]
    );
    assert_eq!(s.service()["runningCount"], 1);
}

#[test]
fn a_vanished_deployment_leaves_no_word() {
    let mut s = story(
        "",
        "timeline: [{when: updated, at: 5s, do: {remove-deployment: web}}]",
    );
    let ours = s.deploy("web:v2")["deployments"][0]["id"].clone();
    s.to(50.0);
    let service = s.service();
    let ids: Vec<&Value> = service["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["id"])
        .collect();
    assert!(!ids.contains(&&ours));
    assert_eq!(s.deployments().len(), 1);
}

#[test]
fn a_task_that_finds_no_room_is_said_and_counted() {
    let reason = "Capacity is unavailable at this time.";
    let mut s = story(
        BREAKER,
        &format!("behaviours: [{{image: v2, unplaceable: '{reason}'}}]"),
    );
    s.deploy("web:v2");
    s.to(1.0);
    let words = format!("was unable to place a task. Reason: {reason}");
    assert!(s.told().contains(&words), "{}", s.told());
    s.to(100.0);
    assert_eq!(s.state().1, "ROLLBACK_SUCCESSFUL");
    assert_eq!(s.service()["runningCount"], 1);
}

#[test]
fn a_rollback_to_a_revision_that_fails_too_ends_failed() {
    // Nothing of the old revision is left to return to: its tasks were stopped first, and now they crash as well.
    let settings = format!("{BREAKER}, minimum-healthy-percent: 0, maximum-percent: 100");
    let behaviours = "behaviours: [{image: v1, only-first: 1}, {crash: {after: 1s}}]";
    let mut s = story(&settings, behaviours);
    s.deploy("web:v2");
    s.to(300.0);
    assert_eq!(
        s.state(),
        ("FAILED".to_owned(), "ROLLBACK_FAILED".to_owned())
    );
    assert_eq!(s.service()["runningCount"], 0);
}
