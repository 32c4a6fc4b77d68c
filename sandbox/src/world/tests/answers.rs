//! What operations answer and refuse, and what a world file may say.

use serde_json::{Value, json};

use super::{Story, plain_story, story};
use crate::services::elbv2::routing::{Route, route};

#[track_caller]
fn refused(story: &mut Story, operation: &str, input: &Value, code: &str, message: &str) {
    let error = story.try_call(operation, input).unwrap_err();
    assert_eq!(error.code, code);
    assert!(error.message.contains(message), "{}", error.message);
}

#[test]
fn a_task_definition_survives_member_for_member() {
    let mut s = plain_story("");
    let text = r#"{"family":"api","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512",
        "memberOfTomorrow":{"ratio":0.10,"big":12345678901234567890},
        "containerDefinitions":[{"name":"api","image":"api:1","portMappings":[{"containerPort":8080}],"secrets":[]}],
        "tags":[{"key":"shipway:commit","value":"abc"}]}"#;
    let input: Value = serde_json::from_str(text).unwrap();
    let answer = s.call("RegisterTaskDefinition", &input);
    let shown = &answer["taskDefinition"];
    assert_eq!(
        shown["memberOfTomorrow"].to_string(),
        r#"{"ratio":0.10,"big":12345678901234567890}"#
    );
    let container = &shown["containerDefinitions"][0];
    assert_eq!(
        container["portMappings"],
        json!([{ "containerPort": 8080, "hostPort": 8080, "protocol": "tcp" }])
    );
    assert_eq!(
        (&container["cpu"], &container["essential"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(container["secrets"], json!([]));
    assert_eq!(shown["compatibilities"], json!(["EC2", "FARGATE"]));
    assert!(shown.get("tags").is_none());
    for named in ["api", "api:1", shown["taskDefinitionArn"].as_str().unwrap()] {
        let input = json!({ "taskDefinition": named, "include": ["TAGS"] });
        let described = s.call("DescribeTaskDefinition", &input);
        assert_eq!(described["taskDefinition"], *shown);
        assert_eq!(
            described["tags"],
            json!([{ "key": "shipway:commit", "value": "abc" }])
        );
    }
    let missing = json!({ "taskDefinition": "api:2" });
    refused(
        &mut s,
        "DescribeTaskDefinition",
        &missing,
        "ClientException",
        "Unable to describe task definition.",
    );
    s.call(
        "DeregisterTaskDefinition",
        &json!({ "taskDefinition": "api:1" }),
    );
    assert_eq!(
        s.call("ListTaskDefinitions", &json!({ "familyPrefix": "api" }))["taskDefinitionArns"],
        json!([])
    );
}

#[test]
fn ecs_refuses_in_its_own_words() {
    let mut s = story("", "");
    let s = &mut s;
    refused(
        s,
        "UpdateService",
        &json!({ "service": "none" }),
        "ServiceNotFoundException",
        "Service not found.",
    );
    refused(
        s,
        "DescribeServices",
        &json!({ "cluster": "none", "services": ["web"] }),
        "ClusterNotFoundException",
        "Cluster not found.",
    );
    let missing = s.call("DescribeServices", &json!({ "services": ["none"] }));
    assert_eq!(missing["failures"][0]["reason"], "MISSING");
    let lone = json!({ "Name": "lone", "TargetType": "ip", "Protocol": "HTTP", "Port": 80 });
    let lone = s.call("CreateTargetGroup", &lone)["TargetGroups"][0]["TargetGroupArn"].clone();
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"] } });
    let service = |port: u16| {
        json!({
            "serviceName": "other", "taskDefinition": "web", "desiredCount": 1, "launchType": "FARGATE",
            "networkConfiguration": network,
            "loadBalancers": [{ "targetGroupArn": lone, "containerName": "web", "containerPort": port }],
        })
    };
    refused(
        s,
        "CreateService",
        &service(81),
        "InvalidParameterException",
        "did not have a container port 81 defined.",
    );
    let words = "does not have an associated load balancer.";
    refused(
        s,
        "CreateService",
        &service(80),
        "InvalidParameterException",
        words,
    );
    s.call("DeleteService", &json!({ "service": "web", "force": true }));
    let again = json!({ "service": "web", "desiredCount": 1 });
    refused(
        s,
        "UpdateService",
        &again,
        "ServiceNotActiveException",
        "Service was not ACTIVE.",
    );
    s.to(100.0);
    assert_eq!(s.service()["status"], "INACTIVE");
    assert_eq!(s.call("ListServices", &json!({}))["serviceArns"], json!([]));
}

#[test]
fn elbv2_refuses_in_its_own_words() {
    let mut s = story("", "");
    let s = &mut s;
    let group =
        s.call("DescribeTargetGroups", &json!({ "Names": ["web"] }))["TargetGroups"][0].clone();
    let balancer = s.call("DescribeLoadBalancers", &json!({}))["LoadBalancers"][0].clone();
    assert_eq!(
        group["LoadBalancerArns"],
        json!([balancer["LoadBalancerArn"]])
    );
    let delete = json!({ "TargetGroupArn": group["TargetGroupArn"] });
    refused(
        s,
        "DeleteTargetGroup",
        &delete,
        "ResourceInUse",
        "is currently in use by a listener or a rule",
    );
    refused(
        s,
        "CreateTargetGroup",
        &json!({ "Name": "web" }),
        "DuplicateTargetGroupName",
        "same name",
    );
    refused(
        s,
        "DescribeTargetGroups",
        &json!({ "Names": ["none"] }),
        "TargetGroupNotFound",
        "not found",
    );
    let listeners = s.call(
        "DescribeListeners",
        &json!({ "LoadBalancerArn": balancer["LoadBalancerArn"] }),
    );
    // What was created is created again without harm, if it is the same.
    let made = json!({ "Name": "made", "Port": "80", "TargetType": "ip" });
    let first = s.call("CreateTargetGroup", &made);
    assert_eq!(s.call("CreateTargetGroup", &made), first);
    let made_group = first["TargetGroups"][0]["TargetGroupArn"].clone();
    let other = json!({ "Name": "made", "Port": "8080", "TargetType": "ip" });
    refused(
        s,
        "CreateTargetGroup",
        &other,
        "DuplicateTargetGroupName",
        "different settings",
    );
    let made = json!({ "Name": "made", "Subnets": ["subnet-1", "subnet-2"] });
    let first = s.call("CreateLoadBalancer", &made);
    assert_eq!(s.call("CreateLoadBalancer", &made), first);
    let other =
        json!({ "Name": "made", "Subnets": ["subnet-1", "subnet-2"], "Scheme": "internal" });
    refused(
        s,
        "CreateLoadBalancer",
        &other,
        "DuplicateLoadBalancerName",
        "different settings",
    );
    let mut made = json!({
        "LoadBalancerArn": first["LoadBalancers"][0]["LoadBalancerArn"], "Port": "80", "Protocol": "HTTP",
        "DefaultActions": [{ "Type": "forward", "TargetGroupArn": group["TargetGroupArn"] }],
    });
    refused(
        s,
        "CreateListener",
        &made,
        "TargetGroupAssociationLimit",
        "more than one load balancer",
    );
    made["DefaultActions"][0]["TargetGroupArn"] = made_group;
    let first = s.call("CreateListener", &made);
    assert_eq!(s.call("CreateListener", &made), first);
    made["DefaultActions"] =
        json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "404" } }]);
    refused(
        s,
        "CreateListener",
        &made,
        "DuplicateListener",
        "already exists",
    );
    let rule = json!({
        "ListenerArn": listeners["Listeners"][0]["ListenerArn"], "Priority": "7",
        "Conditions": [{ "Field": "host-header", "Values": ["pr-7.example.com"] }],
        "Actions": [{ "Type": "forward", "TargetGroupArn": group["TargetGroupArn"] }],
    });
    let created = s.call("CreateRule", &rule)["Rules"][0].clone();
    assert_eq!(
        created["Conditions"][0]["HostHeaderConfig"],
        json!({ "Values": ["pr-7.example.com"] })
    );
    assert_eq!(
        created["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["Weight"],
        1
    );
    refused(
        s,
        "CreateRule",
        &rule,
        "PriorityInUse",
        "Priority '7' is currently in use",
    );
    s.call("DeleteRule", &json!({ "RuleArn": created["RuleArn"] }));
    refused(
        s,
        "DeleteRule",
        &json!({ "RuleArn": created["RuleArn"] }),
        "RuleNotFound",
        "not found",
    );
}

#[test]
fn a_group_without_a_load_balancer_is_not_in_use() {
    let mut s = plain_story("target-groups: [{name: lone}]");
    let arn = s.world.elbv2.target_groups.keys().next().unwrap().clone();
    s.call(
        "RegisterTargets",
        &json!({ "TargetGroupArn": arn, "Targets": [{ "Id": "10.9.9.9", "Port": "80" }] }),
    );
    s.to(300.0);
    assert_eq!(s.targets(), ["t0 unused Target.NotInUse"]);
}

#[test]
fn rules_decide_by_priority_and_the_group_fails_open() {
    let yaml = "
load-balancers: [{name: alb, listeners: [{port: 80, rules: [
  {priority: 20, path: '/api/*', forward: [web]}, {priority: 10, host: '*.preview.example', forward: [web]}]}]}]
target-groups: [{name: web, interval: 10s}]
services: [{name: web, image: 'web:v1', port: 80, target-group: web, grace-period: 86400}]
behaviours: [{unhealthy: {after: 100m}}]";
    let mut s = plain_story(yaml);
    let mut ask = |host: &str, path: &str| route(&mut s.world, 80, host, path, "", &[]);
    let forwarded = |route: Route| matches!(route, Route::Forward { targets, .. } if targets == [("10.0.0.5".to_owned(), 80)]);
    assert!(forwarded(ask("pr-7.Preview.example:80", "/")));
    assert!(forwarded(ask("127.0.0.1", "/api/x")));
    assert!(matches!(
        ask("127.0.0.1", "/"),
        Route::Fixed { status: 404, .. }
    ));
    assert_eq!(
        route(&mut s.world, 81, "x", "/", "", &[]),
        Route::NoListener
    );
    // The only target turns unhealthy and is spared by the grace period: it is still what requests reach.
    s.to(41.0 * 60.0);
    assert_eq!(s.targets(), ["t1 unhealthy Target.FailedHealthChecks"]);
    assert!(forwarded(route(
        &mut s.world,
        80,
        "127.0.0.1",
        "/api/x",
        "",
        &[]
    )));
}

#[test]
fn lists_come_in_pages() {
    let mut s = story("desired: 3", "");
    let first = s.call("ListTasks", &json!({ "maxResults": 2 }));
    assert_eq!(first["taskArns"].as_array().unwrap().len(), 2);
    let second = s.call(
        "ListTasks",
        &json!({ "maxResults": 2, "nextToken": first["nextToken"] }),
    );
    assert_eq!(second["taskArns"].as_array().unwrap().len(), 1);
    assert!(second.get("nextToken").is_none());
}

#[test]
fn tasks_are_found_by_deployment_family_and_status() {
    let mut s = story("", "");
    let id = s.deploy("web:v2")["deployments"][0]["id"].clone();
    s.to(30.0);
    for (input, count) in [
        (json!({ "startedBy": id }), 1),
        (json!({ "family": "web" }), 1),
        (
            json!({ "serviceName": "web", "desiredStatus": "STOPPED" }),
            1,
        ),
        (json!({ "family": "other" }), 0),
    ] {
        assert_eq!(
            s.call("ListTasks", &input)["taskArns"]
                .as_array()
                .unwrap()
                .len(),
            count,
            "{input}"
        );
    }
    s.to(5000.0);
    let stopped = json!({ "desiredStatus": "STOPPED" });
    assert_eq!(s.call("ListTasks", &stopped)["taskArns"], json!([]));
}

#[test]
fn service_deployments_can_be_absent() {
    let mut s = story("", "service-deployments: unavailable");
    assert!(s.deploy("web:v2").get("currentServiceDeployment").is_none());
    assert!(s.deployments().is_empty());
}

#[test]
fn service_deployments_are_listed_by_time_and_status() {
    let mut s = story("", "");
    s.to(5.0);
    let created = s.deploy("web:v2")["deployments"][0]["createdAt"]
        .as_f64()
        .unwrap();
    s.to(6.0);
    let ours = json!({ "service": "web", "createdAt": { "after": created - 5.0 } });
    assert_eq!(
        s.call("ListServiceDeployments", &ours)["serviceDeployments"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let ended = json!({ "service": "web", "status": ["SUCCESSFUL"] });
    assert_eq!(
        s.call("ListServiceDeployments", &ended)["serviceDeployments"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let arn = s.service()["currentServiceRevisions"][0]["arn"].clone();
    let revision = s.call(
        "DescribeServiceRevisions",
        &json!({ "serviceRevisionArns": [arn] }),
    );
    assert_eq!(
        revision["serviceRevisions"][0]["containerImages"][0]["image"],
        "web:v2"
    );
}

#[test]
fn unknown_members_of_a_world_file_are_errors() {
    let error = crate::scenario::WorldFile::parse("services: [{name: web, image: x, colour: red}]")
        .unwrap_err();
    assert!(error.contains("colour"), "{error}");
}
