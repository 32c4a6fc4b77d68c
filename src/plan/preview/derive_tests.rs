//! What of the base service's task definition reaches a preview.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn definition(document: Value) -> TaskDefinition {
    TaskDefinition {
        document: document.as_object().unwrap().clone(),
        tags: vec![("team".to_owned(), "web".to_owned())],
    }
}

fn base() -> Value {
    json!({
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:41", "revision": 41, "status": "ACTIVE",
    "family": "web", "networkMode": "awsvpc", "executionRoleArn": "arn:aws:iam::111122223333:role/execution",
    "cpu": "1024", "memory": "2048", "newMember": 1.50,
    "volumes": [{"name": "assets", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}, {"name": "data", "configuredAtLaunch": true}, {"name": "tmp"}],
    "containerDefinitions": [
        {"name": "web", "image": "old", "secrets": [{"name": "DB", "valueFrom": "/db"}], "environment": [{"name": "MODE", "value": "production"}],
         "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/f"}], "credentialSpecs": ["x"],
         "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/web", "awslogs-stream-prefix": "web"}}},
        {"name": "proxy", "image": "envoy", "secrets": [{"name": "KEY", "valueFrom": "/key"}], "environment": [{"name": "A", "value": "1"}]}
    ]})
}

fn derived(base: Value, inherited: &Inherited) -> Derived {
    let overrides = Overrides {
        image: Some("new@sha256:1".to_owned()),
        environment_variables: vec![("PREVIEW_PR".to_owned(), "7".to_owned())],
        ..Overrides::default()
    };
    derive(
        &definition(base),
        "web",
        "pr-7-web-1",
        inherited,
        &overrides,
    )
    .unwrap()
}

#[test]
fn nothing_secret_is_inherited_and_nothing_else_is_lost() {
    let found = derived(base(), &Inherited::default());
    assert_eq!(found.shared_volumes, ["assets"]);
    assert_eq!(found.scratch_volumes, ["data"]);
    assert_eq!(
        Value::Object(found.definition.document),
        json!({
        "family": "pr-7-web-1", "networkMode": "awsvpc", "executionRoleArn": "arn:aws:iam::111122223333:role/execution",
        "cpu": "1024", "memory": "2048", "newMember": 1.50,
        "volumes": [{"name": "assets", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}, {"name": "data"}, {"name": "tmp"}],
        "containerDefinitions": [
            {"name": "web", "image": "new@sha256:1", "environment": [{"name": "PREVIEW_PR", "value": "7"}],
             "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/web", "awslogs-stream-prefix": "pr-7-web-1"}}},
            {"name": "proxy", "image": "envoy"}
        ]})
    );
}

#[test]
fn what_is_asked_for_is_inherited() {
    let inherited = Inherited {
        secrets: true,
        environment: true,
        cpu: Some(256),
        memory: Some(512),
        execution_role_arn: Some("arn:aws:iam::111122223333:role/mine".to_owned()),
        ..Inherited::default()
    };
    let document = Value::Object(derived(base(), &inherited).definition.document);
    let web = &document["containerDefinitions"][0];
    assert_eq!(web["secrets"][0]["valueFrom"], "/db");
    assert_eq!(web["environment"][0]["value"], "production");
    assert_eq!(web["environment"][1]["name"], "PREVIEW_PR");
    assert_eq!(
        (&document["cpu"], &document["memory"]),
        (&json!("256"), &json!("512"))
    );
    assert_eq!(
        document["executionRoleArn"],
        "arn:aws:iam::111122223333:role/mine"
    );
}

#[test]
fn a_task_role_is_named_and_never_taken_over() {
    let mut with_role = base();
    with_role["taskRoleArn"] = json!("arn:aws:iam::111122223333:role/production");
    let refused = derive(
        &definition(with_role.clone()),
        "web",
        "pr-7-web-1",
        &Inherited::default(),
        &Overrides::default(),
    );
    assert_eq!(
        refused.unwrap_err(),
        PreviewRefusal::TaskRole {
            role: "arn:aws:iam::111122223333:role/production".to_owned()
        }
    );
    let own = Inherited {
        task_role_arn: Some("arn:aws:iam::111122223333:role/preview".to_owned()),
        ..Inherited::default()
    };
    let document = derived(with_role, &own).definition.document;
    assert_eq!(
        document["taskRoleArn"],
        "arn:aws:iam::111122223333:role/preview"
    );
}

#[test]
fn a_port_of_the_host_is_any_that_is_free() {
    let bridged = json!({"family": "web", "containerDefinitions": [{"name": "web", "portMappings": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}]}]});
    let document = Value::Object(derived(bridged, &Inherited::default()).definition.document);
    assert_eq!(
        document["containerDefinitions"][0]["portMappings"],
        json!([{"containerPort": 80, "hostPort": 0}, {"containerPort": 81}])
    );
}

proptest! {
    /// Whatever container a secret stands in, and whatever else the document holds.
    #[test]
    fn no_secret_value_of_the_base_is_in_it(names in prop::collection::vec("[a-z]{1,8}", 1..5), extra in "[a-z]{1,6}") {
        let containers: Vec<Value> = names.iter().enumerate().map(|(n, name)| json!({
            "name": if n == 0 { "web".to_owned() } else { format!("{name}{n}") },
            "secrets": [{"name": "S", "valueFrom": "hunter2"}], "environment": [{"name": "E", "value": "hunter2"}],
            "environmentFiles": [{"type": "s3", "value": "hunter2"}], &extra: 1,
        })).collect();
        let document = Value::Object(derived(json!({"family": "web", "containerDefinitions": containers}), &Inherited::default()).definition.document);
        prop_assert!(!document.to_string().contains("hunter2"));
        prop_assert_eq!(document["containerDefinitions"].as_array().unwrap().len(), names.len());
    }
}
