//! Deployments that shift traffic, with their hooks, and rolling ones that are called done early.

use serde_json::{Value, json};

use super::{Story, plain_story, story};

fn shifting(deployment: &str, more: &str) -> Story {
    plain_story(&format!(
        "
load-balancers:
  - name: alb
    listeners:
      - {{port: 80, rules: [{{priority: 10, path: '*', forward: [blue]}}]}}
      - {{port: 8080, rules: [{{priority: 10, path: '*', forward: [green]}}]}}
target-groups:
  - {{name: blue, interval: 10s, deregistration-delay: 30s}}
  - {{name: green, interval: 10s, deregistration-delay: 30s}}
services:
  - name: web
    image: 'web:v1'
    port: 80
    target-group: blue
    alternate: {{target-group: green, production-rule: '80:10', test-rule: '8080:10'}}
    deployment: {deployment}
{more}"
    ))
}

/// Stage, status and the target's production and test weights, whenever one changes until `end`.
#[track_caller]
fn stages(s: &mut Story, end: u64) -> Vec<String> {
    let mut told: Vec<(u64, String)> = Vec::new();
    for at in (0..=end).map(|t| t * 5) {
        s.to(at as f64);
        let deployment = s.deployments()[0].clone();
        let target = &deployment["targetServiceRevision"];
        let line = format!(
            "{} {} {}/{}",
            deployment["status"].as_str().unwrap(),
            deployment["lifecycleStage"].as_str().unwrap_or("-"),
            target["requestedProductionTrafficWeight"],
            target["requestedTestTrafficWeight"],
        );
        if told.last().is_none_or(|(_, last)| *last != line) {
            told.push((at, line));
        }
    }
    told.into_iter()
        .map(|(at, line)| format!("{at} {line}"))
        .collect()
}

/// The weights of a rule's groups, by name.
fn weights(s: &mut Story, port: u16) -> Vec<String> {
    let elbv2 = &s.world.elbv2;
    let listener = elbv2.listeners.values().find(|l| l.port == port).unwrap();
    let arn = listener.arn.clone();
    let answer = s.call("DescribeRules", &json!({ "ListenerArn": arn }));
    let action = answer["Rules"][0]["Actions"][0].clone();
    assert_eq!(
        action.get("TargetGroupArn"),
        None,
        "the scalar form is gone"
    );
    let groups = action["ForwardConfig"]["TargetGroups"]
        .as_array()
        .unwrap()
        .clone();
    let name = |arn: &Value| {
        s.world.elbv2.target_groups[arn.as_str().unwrap()]
            .name
            .clone()
    };
    groups
        .iter()
        .map(|g| format!("{} {}", name(&g["TargetGroupArn"]), g["Weight"]))
        .collect()
}

fn group_of_newest(s: &mut Story) -> String {
    let arn = s.deployments()[0]["targetServiceRevision"]["arn"].clone();
    let answer = s.call(
        "DescribeServiceRevisions",
        &json!({ "serviceRevisionArns": [arn] }),
    );
    let resolved = &answer["serviceRevisions"][0]["resolvedConfiguration"]["loadBalancers"][0];
    assert!(resolved["productionListenerRule"].is_string());
    let group = resolved["targetGroupArn"].as_str().unwrap();
    s.world.elbv2.target_groups[group].name.clone()
}

#[test]
fn blue_green_passes_through_its_stages_and_back_again_the_next_time() {
    let mut s = shifting("{strategy: BLUE_GREEN, bakeTimeInMinutes: 1}", "");
    assert_eq!(s.state().1, "SUCCESSFUL");
    assert_eq!(weights(&mut s, 80), ["blue 100", "green 0"]);
    s.deploy("web:v2");
    assert_eq!(group_of_newest(&mut s), "green");
    let told = stages(&mut s, 40);
    assert_eq!(
        told,
        [
            "0 PENDING - 0.0/0.0",
            "5 IN_PROGRESS PRE_SCALE_UP 0.0/0.0",
            "10 IN_PROGRESS SCALE_UP 0.0/0.0",
            "30 IN_PROGRESS POST_SCALE_UP 0.0/0.0",
            "35 IN_PROGRESS TEST_TRAFFIC_SHIFT 0.0/100.0",
            "40 IN_PROGRESS POST_TEST_TRAFFIC_SHIFT 0.0/100.0",
            "45 IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT 100.0/100.0",
            "50 IN_PROGRESS POST_PRODUCTION_TRAFFIC_SHIFT 100.0/100.0",
            "55 IN_PROGRESS BAKE_TIME 100.0/100.0",
            "115 IN_PROGRESS CLEAN_UP 100.0/100.0",
            "155 SUCCESSFUL CLEAN_UP 100.0/100.0",
        ],
        "{}",
        told.join("\n")
    );
    assert_eq!(weights(&mut s, 80), ["blue 0", "green 100"]);
    assert_eq!(weights(&mut s, 8080), ["blue 0", "green 100"]);
    s.deploy("web:v3");
    assert_eq!(group_of_newest(&mut s), "blue");
    s.to(600.0);
    assert_eq!(s.state(), ("COMPLETED".to_owned(), "SUCCESSFUL".to_owned()));
    assert_eq!(weights(&mut s, 80), ["blue 100", "green 0"]);
}

#[test]
fn linear_and_canary_shift_in_steps() {
    let production = |s: &mut Story, end| -> Vec<String> {
        let told = stages(s, end).into_iter();
        told.filter(|l| l.contains(" PRODUCTION_TRAFFIC_SHIFT"))
            .collect()
    };
    let mut s = shifting(
        "{strategy: LINEAR, linearConfiguration: {stepPercent: 40, stepBakeTimeInMinutes: 1}}",
        "",
    );
    s.deploy("web:v2");
    assert_eq!(
        production(&mut s, 60),
        [
            "45 IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT 40.0/100.0",
            "110 IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT 80.0/100.0",
            "175 IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT 100.0/100.0",
        ]
    );
    assert_eq!(s.state().1, "SUCCESSFUL");
    let mut s = shifting(
        "{strategy: CANARY, canaryConfiguration: {canaryPercent: 10, canaryBakeTimeInMinutes: 2}}",
        "",
    );
    s.deploy("web:v2");
    assert_eq!(
        production(&mut s, 60),
        [
            "45 IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT 10.0/100.0",
            "170 IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT 100.0/100.0",
        ]
    );
}

#[test]
fn a_rollback_takes_the_traffic_back_and_the_old_tasks_are_still_there() {
    let mut s = shifting(
        "{strategy: BLUE_GREEN, bakeTimeInMinutes: 10, alarms: {enable: true, rollback: true, alarmNames: [errors]}}",
        "timeline: [{at: 100s, do: {set-alarm: errors}}]",
    );
    s.deploy("web:v2");
    s.to(99.0);
    assert_eq!(weights(&mut s, 80), ["blue 0", "green 100"]);
    s.to(101.0);
    assert_eq!(weights(&mut s, 80), ["blue 100", "green 0"]);
    assert_eq!(s.deployments()[0]["status"], "ROLLBACK_IN_PROGRESS");
    s.to(160.0);
    let ended = s.deployments()[0].clone();
    assert_eq!(ended["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        ended["targetServiceRevision"]["requestedProductionTrafficWeight"],
        0.0
    );
    assert_eq!(
        ended["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"],
        100.0
    );
    let old = s.world.ecs.tasks.values().filter(|t| t.number == 1);
    assert!(old.into_iter().all(|t| t.live()));
}

#[test]
fn no_breaker_counts_tasks_that_fail_but_a_person_may_stop_it() {
    let mut s = shifting(
        "{strategy: BLUE_GREEN, bakeTimeInMinutes: 1, deploymentCircuitBreaker: {enable: true, rollback: true}}",
        "behaviours: [{image: v2, crash: {after: 1s, exit-code: 1}}]",
    );
    s.deploy("web:v2");
    s.to(900.0);
    let stalled = s.deployments()[0].clone();
    assert_eq!(stalled["status"], "IN_PROGRESS");
    assert_eq!(stalled["lifecycleStage"], "SCALE_UP");
    let arn = stalled["serviceDeploymentArn"].clone();
    s.call(
        "StopServiceDeployment",
        &json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" }),
    );
    s.to(1000.0);
    assert_eq!(s.deployments()[0]["status"], "ROLLBACK_SUCCESSFUL");
}

#[test]
fn a_newer_deployment_takes_the_shift_over_in_reconcile_service() {
    let mut s = shifting("{strategy: BLUE_GREEN, bakeTimeInMinutes: 10}", "");
    s.deploy("web:v2");
    s.to(100.0);
    assert_eq!(weights(&mut s, 80), ["blue 0", "green 100"]);
    s.deploy("web:v3");
    s.to(101.0);
    let newest = s.deployments()[0].clone();
    assert_eq!(newest["lifecycleStage"], "RECONCILE_SERVICE");
    assert_eq!(s.deployments()[1]["status"], "STOPPED");
    assert_eq!(weights(&mut s, 80), ["blue 100", "green 0"]);
    assert_eq!(group_of_newest(&mut s), "green");
    s.to(1000.0);
    assert_eq!(s.state(), ("COMPLETED".to_owned(), "SUCCESSFUL".to_owned()));
    assert_eq!(weights(&mut s, 80), ["blue 0", "green 100"]);
}

const PAUSE: &str = "{strategy: BLUE_GREEN, bakeTimeInMinutes: 1, lifecycleHooks: [{targetType: PAUSE, lifecycleStages: [PRE_PRODUCTION_TRAFFIC_SHIFT], timeoutConfiguration: {timeoutInMinutes: 5}}]}";

#[test]
fn a_pause_waits_for_its_answer_and_times_out_into_a_rollback() {
    let mut s = shifting(PAUSE, "");
    s.deploy("web:v2");
    s.to(100.0);
    let paused = s.deployments()[0].clone();
    let hook = paused["lifecycleHookDetails"][0].clone();
    assert_eq!(hook["status"], "AWAITING_ACTION");
    assert_eq!(hook["targetType"], "PAUSE");
    assert_eq!(hook["timeoutAction"], "ROLLBACK");
    let arn = paused["serviceDeploymentArn"].clone();
    let wrong = json!({ "serviceDeploymentArn": arn, "hookId": "another" });
    assert_eq!(
        s.try_call("ContinueServiceDeployment", &wrong)
            .unwrap_err()
            .code,
        "InvalidParameterException"
    );
    let right =
        json!({ "serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": "CONTINUE" });
    assert_eq!(
        s.call("ContinueServiceDeployment", &right)["serviceDeploymentArn"],
        arn
    );
    s.to(400.0);
    assert_eq!(s.deployments()[0]["status"], "SUCCESSFUL");
    assert_eq!(
        s.deployments()[0]["lifecycleHookDetails"][0]["status"],
        "SUCCEEDED"
    );

    let mut s = shifting(PAUSE, "");
    s.deploy("web:v2");
    s.to(500.0);
    let ended = s.deployments()[0].clone();
    assert_eq!(ended["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(ended["lifecycleHookDetails"][0]["status"], "TIMED_OUT");
}

#[test]
fn a_function_may_fail_a_deployment_and_a_person_may_roll_it_back() {
    let lambda = "{strategy: BLUE_GREEN, bakeTimeInMinutes: 1, lifecycleHooks: [{hookTargetArn: 'arn:aws:lambda:eu-west-1:1:function:smoke', lifecycleStages: [POST_SCALE_UP]}]}";
    let mut s = shifting(
        lambda,
        "lifecycle-hooks: [{function: smoke, after: 20s, answer: FAILED}]",
    );
    s.deploy("web:v2");
    s.to(45.0);
    let running = s.deployments()[0].clone();
    assert_eq!(running["lifecycleHookDetails"][0]["status"], "IN_PROGRESS");
    assert_eq!(running["lifecycleStage"], "POST_SCALE_UP");
    s.to(200.0);
    assert_eq!(s.deployments()[0]["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        s.deployments()[0]["lifecycleHookDetails"][0]["status"],
        "FAILED"
    );

    let mut s = shifting(
        PAUSE,
        "timeline: [{at: 100s, do: {continue-service-deployment: {service: web, action: ROLLBACK}}}]",
    );
    s.deploy("web:v2");
    s.to(200.0);
    assert_eq!(s.deployments()[0]["status"], "ROLLBACK_SUCCESSFUL");
}

#[test]
fn early_success_is_called_before_all_are_healthy() {
    let early = |cleanup: &str| {
        story(
            &format!(
                "desired: 4, minimum-healthy-percent: 50, deployment: {{earlySuccessCriteria: {{enable: true, healthyPercent: 50, sourceServiceRevisionCleanup: {cleanup}}}}}"
            ),
            "behaviours: [{image: v2, only-first: 2}, {image: v2, start-after: 120s}]",
        )
    };
    let mut s = early("DEFERRED");
    s.deploy("web:v2");
    s.to(30.0);
    assert_eq!(s.state(), ("COMPLETED".to_owned(), "SUCCESSFUL".to_owned()));
    assert_eq!(s.service()["deployments"].as_array().unwrap().len(), 2);
    let mut s = early("BLOCKING");
    s.deploy("web:v2");
    s.to(30.0);
    assert_eq!(s.state().1, "IN_PROGRESS");
    s.to(90.0);
    assert_eq!(s.state().1, "SUCCESSFUL");
    assert_eq!(s.service()["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(
        s.targets()
            .iter()
            .filter(|t| t.contains(" healthy"))
            .count(),
        2
    );
    assert!(!s.told().contains("steady state"));
    s.to(300.0);
    assert_eq!(
        s.targets()
            .iter()
            .filter(|t| t.contains(" healthy"))
            .count(),
        4
    );
    assert!(s.told().contains("steady state"));
}

#[test]
fn ecs_refuses_what_does_not_go_together() {
    let mut s = shifting("{strategy: BLUE_GREEN}", "");
    let mut refused = |configuration: Value| {
        let input = json!({ "service": "web", "deploymentConfiguration": configuration });
        s.try_call("UpdateService", &input).unwrap_err().message
    };
    let pause = json!([{ "targetType": "PAUSE", "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"] }]);
    assert!(refused(json!({ "lifecycleHooks": pause })).contains("PAUSE hooks"));
    let early =
        json!({ "enable": true, "healthyPercent": 50, "sourceServiceRevisionCleanup": "BLOCKING" });
    assert!(refused(json!({ "earlySuccessCriteria": early })).contains("ROLLING"));
    let rolling = json!({ "strategy": "ROLLING", "earlySuccessCriteria": early });
    assert!(refused(rolling).contains("minimumHealthyPercent"));
}
