//! What a short-lived service beside another one meets in this world: rules with their limits and transforms, certificates,
//! a service's draining, capacity providers.

use serde_json::{Value, json};

use super::{Story, plain_story};
use crate::services::acm;
use crate::services::elbv2::routing::{Route, route};

const WORLD: &str = "
clusters: [{name: prod, capacity-providers: [FARGATE, FARGATE_SPOT]}, plain]
certificates: [{domain-name: www.example.com}, {domain-name: preview.example.com, names: ['*.preview.example.com']}]
load-balancers: [{name: alb, listeners: [{port: 443, protocol: HTTPS, certificates: [www.example.com, preview.example.com],
  rules: [{priority: 10, host: www.example.com, forward: [web]}]}]}]
target-groups: [{name: web, deregistration-delay: 30s}]
services: [{cluster: prod, name: web, image: 'web:v1', port: 80, target-group: web}]";

fn listener(s: &Story) -> String {
    s.world.elbv2.listeners.keys().next().unwrap().clone()
}

fn group(s: &mut Story, name: &str) -> Value {
    let input = json!({ "Name": name, "Port": "80", "TargetType": "ip" });
    s.call("CreateTargetGroup", &input)["TargetGroups"][0]["TargetGroupArn"].clone()
}

fn rule(s: &mut Story, priority: u32, group: &Value) -> Value {
    let input = json!({
        "ListenerArn": listener(s), "Priority": priority.to_string(),
        "Conditions": [{ "Field": "path-pattern", "Values": [format!("/pr-{priority}")] }],
        "Actions": [{ "Type": "forward", "TargetGroupArn": group }],
    });
    s.call("CreateRule", &input)["Rules"][0]["RuleArn"].clone()
}

#[track_caller]
fn refused(s: &mut Story, operation: &str, input: &Value, code: &str) {
    assert_eq!(
        s.try_call(operation, input).unwrap_err().code,
        code,
        "{input}"
    );
}

#[test]
fn rules_are_refused_in_elbv2s_words() {
    let s = &mut plain_story(WORLD);
    let (listener, web) = (listener(s), group(s, "pr"));
    let forward = json!([{ "Type": "forward", "TargetGroupArn": web }]);
    let host = |values: Value| json!([{ "Field": "host-header", "Values": values }]);
    let answer = |code: &str, body: &str, kind: &str| {
        json!([{ "Type": "fixed-response", "FixedResponseConfig":
            { "StatusCode": code, "MessageBody": body, "ContentType": kind } }])
    };
    let html = "text/html";
    for (conditions, actions, code) in [
        (host(json!([])), forward.clone(), "ValidationError"),
        (host(json!(["nodot"])), forward.clone(), "ValidationError"),
        (
            host(json!(["a.b", "b.b", "c.b", "d.b", "e.b", "f.b"])),
            forward.clone(),
            "ValidationError",
        ),
        (
            host(json!(["*.*.*.*.*.*.b"])),
            forward.clone(),
            "ValidationError",
        ),
        (
            json!([{ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "Host", "Values": ["a"] } }]),
            forward.clone(),
            "ValidationError",
        ),
        (
            host(json!(["a.b"])),
            answer("302", "", html),
            "ValidationError",
        ),
        (
            host(json!(["a.b"])),
            answer("503", &"x".repeat(1025), html),
            "ValidationError",
        ),
        (
            host(json!(["a.b"])),
            answer("503", "", "image/png"),
            "ValidationError",
        ),
        (
            host(json!(["a.b"])),
            json!([forward[0], forward[0]]),
            "InvalidLoadBalancerAction",
        ),
        (
            host(json!(["a.b"])),
            json!([{ "Type": "forward", "TargetGroupArn": "arn:aws:x:targetgroup/gone/1" }]),
            "TargetGroupNotFound",
        ),
    ] {
        let input = json!({ "ListenerArn": listener, "Priority": "7", "Conditions": conditions, "Actions": actions });
        refused(s, "CreateRule", &input, code);
    }
    let default = s.world.elbv2.rules.values().find(|r| r.priority.is_none());
    let default = default.unwrap().arn.clone();
    let input = json!({ "RuleArn": default, "Actions": answer("503", "asleep", html) });
    refused(s, "ModifyRule", &input, "OperationNotPermitted");
}

#[test]
fn a_load_balancer_takes_a_hundred_rules_and_target_groups() {
    let s = &mut plain_story(WORLD);
    // One rule and one target group are there.
    for n in 1..100 {
        let group = group(s, &format!("pr-{n}"));
        rule(s, 1000 + n, &group);
    }
    let (one_more, known) = (group(s, "pr-100"), group(s, "pr-1"));
    let input = |priority: &str, group: &Value| {
        json!({
            "ListenerArn": s.world.elbv2.listeners.keys().next(), "Priority": priority,
            "Conditions": [{ "Field": "path-pattern", "Values": ["/x"] }],
            "Actions": [{ "Type": "forward", "TargetGroupArn": group }],
        })
    };
    let (full, fits) = (input("5000", &one_more), input("5001", &known));
    refused(s, "CreateRule", &full, "TooManyRules");
    let some = s
        .world
        .elbv2
        .rules
        .values()
        .find(|r| r.priority == Some(1001));
    let some = some.unwrap().arn.clone();
    s.call("DeleteRule", &json!({ "RuleArn": some }));
    // The group of the rule that went is used no more: there is room for another again.
    s.call("CreateRule", &full);
    refused(s, "CreateRule", &fits, "TooManyRules");
    let some = s
        .world
        .elbv2
        .rules
        .values()
        .find(|r| r.priority == Some(1002));
    let (arn, actions) = some.map(|r| (r.arn.clone(), r.actions.clone())).unwrap();
    let both = json!({ "RuleArn": arn, "Actions": [{ "Type": "forward", "ForwardConfig": { "TargetGroups": [
        { "TargetGroupArn": actions[0]["TargetGroupArn"] }, { "TargetGroupArn": known }] } }] });
    refused(
        s,
        "ModifyRule",
        &both,
        "TooManyUniqueTargetGroupsPerLoadBalancer",
    );
}

#[test]
fn a_rule_falls_asleep_and_wakes_and_its_group_is_in_use_while_it_forwards() {
    let s = &mut plain_story(WORLD);
    let group = group(s, "pr");
    let rule = rule(s, 7, &group);
    let remove = json!({ "TargetGroupArn": group });
    refused(s, "DeleteTargetGroup", &remove, "ResourceInUse");
    let asleep = json!({ "RuleArn": rule, "Actions": [{ "Type": "fixed-response", "FixedResponseConfig":
        { "StatusCode": "503", "ContentType": "text/html", "MessageBody": "asleep" } }] });
    let shown = s.call("ModifyRule", &asleep)["Rules"][0].clone();
    assert_eq!(
        shown["Actions"][0]["FixedResponseConfig"]["MessageBody"],
        "asleep"
    );
    let met = route(&mut s.world, 443, "x", "/pr-7", "", &[]);
    assert!(matches!(met, Route::Fixed { status: 503, .. }));
    let awake =
        json!({ "RuleArn": rule, "Actions": [{ "Type": "forward", "TargetGroupArn": group }] });
    s.call("ModifyRule", &awake);
    s.call("DeleteRule", &json!({ "RuleArn": rule }));
    s.call("DeleteTargetGroup", &remove);
}

#[test]
fn a_header_leads_to_a_rule_whose_transform_can_be_taken_away() {
    let s = &mut plain_story(WORLD);
    let group = group(s, "pr");
    let input = json!({
        "ListenerArn": listener(s), "Priority": "7",
        "Conditions": [{ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-Preview", "Values": ["pr-7"] } }],
        "Actions": [{ "Type": "forward", "TargetGroupArn": group }],
        "Transforms": [{ "Type": "url-rewrite", "UrlRewriteConfig": { "Rewrites": [{ "Regex": "^/pr-7/?", "Replace": "/" }] } }],
    });
    let rule = s.call("CreateRule", &input)["Rules"][0].clone();
    assert_eq!(rule["Transforms"], input["Transforms"]);
    let header = [("x-preview".to_owned(), "PR-7".to_owned())];
    let path = |s: &mut Story| match route(&mut s.world, 443, "x", "/pr-7/a", "b=c", &header) {
        Route::Forward { rewritten, .. } => rewritten.path_and_query,
        other => panic!("{other:?}"),
    };
    assert_eq!(path(s).as_deref(), Some("/a?b=c"));
    assert!(matches!(
        route(&mut s.world, 443, "x", "/pr-7/a", "", &[]),
        Route::Fixed { status: 404, .. }
    ));
    let reset = json!({ "RuleArn": rule["RuleArn"], "ResetTransforms": "true" });
    let shown = s.call("ModifyRule", &reset)["Rules"][0].clone();
    assert_eq!((shown.get("Transforms"), path(s)), (None, None));
}

#[test]
fn a_listener_shows_its_default_certificate_and_lists_the_others() {
    let s = &mut plain_story(WORLD);
    let arn = listener(s);
    let shown = s.call("DescribeListeners", &json!({ "ListenerArns": [arn] }));
    assert_eq!(
        shown["Listeners"][0]["Certificates"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let listed = s.call(
        "DescribeListenerCertificates",
        &json!({ "ListenerArn": arn }),
    );
    let preview = acm::arn(&s.world.place, "preview.example.com");
    let wanted = json!({ "CertificateArn": preview, "IsDefault": false });
    assert_eq!(listed["Certificates"][1], wanted);
    let describe = acm::OPERATIONS[0].function;
    let certificate = describe(&mut s.world, &json!({ "CertificateArn": preview })).unwrap();
    assert_eq!(
        certificate["Certificate"]["SubjectAlternativeNames"],
        json!(["preview.example.com", "*.preview.example.com"])
    );
    let gone = describe(
        &mut s.world,
        &json!({ "CertificateArn": "arn:aws:acm:x:1:certificate/2" }),
    );
    assert_eq!(gone.unwrap_err().code, "ResourceNotFoundException");
}

#[test]
fn a_deleted_service_drains_and_only_then_may_its_name_be_used_again() {
    let s = &mut plain_story(WORLD);
    let named = json!({ "cluster": "prod", "service": "web", "force": true });
    let status = |s: &mut Story| {
        let asked = json!({ "cluster": "prod", "services": ["web"] });
        s.call("DescribeServices", &asked)["services"][0]["status"].clone()
    };
    let members = &s.world.ecs.services[&("prod".to_owned(), "web".to_owned())].members;
    let mut again = json!({ "cluster": "prod", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1,
        "networkConfiguration": members["networkConfiguration"], "loadBalancers": members["loadBalancers"],
        "launchType": "FARGATE", "tags": [{ "key": "new", "value": "1" }] });
    refused(s, "CreateService", &again, "InvalidParameterException");
    s.call("DeleteService", &named);
    assert_eq!(status(s), "DRAINING");
    let listed = s.call("ListServices", &json!({ "cluster": "prod" }));
    assert_eq!(
        listed["serviceArns"],
        json!([]),
        "one that drains is listed no more"
    );
    s.to(25.0);
    let error = s.try_call("CreateService", &again).unwrap_err();
    assert_eq!(
        error.message,
        "Unable to Start a service that is still Draining."
    );
    assert_eq!(
        s.call("DeleteService", &named)["service"]["status"],
        "DRAINING"
    );
    // Its target has been drained: the task is STOPPING, which suffices.
    s.to(31.0);
    assert_eq!(status(s), "INACTIVE");
    assert_eq!(
        s.call("DeleteService", &named)["service"]["status"],
        "INACTIVE"
    );
    again["capacityProviderStrategy"] =
        json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }]);
    let both = s.try_call("CreateService", &again).unwrap_err();
    assert!(
        both.message
            .contains("both a launch type and capacity provider strategy")
    );
    again.as_object_mut().unwrap().remove("launchType");
    again["cluster"] = json!("plain");
    let missing = s.try_call("CreateService", &again).unwrap_err();
    assert!(
        missing.message.contains("not associated with the cluster"),
        "{}",
        missing.message
    );
    again["cluster"] = json!("prod");
    let made = s.call("CreateService", &again)["service"].clone();
    assert_eq!(made["tags"], json!([{ "key": "new", "value": "1" }]));
}
