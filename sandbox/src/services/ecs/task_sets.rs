//! Services that CodeDeploy or somebody else deploys: they have task sets where others have deployments, and only some of
//! their settings may be updated. Here they have one set, which never changes.

use serde_json::{Map, Value, json};

use super::service_settings::invalid;
use super::{Service, counts};
use crate::world::shapes::{copy, ecs_arn, epoch_seconds};
use crate::world::{ApiError, World};

/// `CODE_DEPLOY` or `EXTERNAL`; nothing for ECS's own.
pub fn controller(service: &Service) -> Option<&str> {
    let controller = service.members.get("deploymentController")?;
    let kind = controller.get("type")?.as_str()?;
    (kind != "ECS").then_some(kind)
}

/// What would be a deployment is its controller's to make (API reference, UpdateService).
pub fn refuse_deployment(controller: &str, input: &Value) -> Result<(), ApiError> {
    for (member, what) in [
        ("taskDefinition", "task definition"),
        ("loadBalancers", "load balancers"),
        ("networkConfiguration", "network configuration"),
        ("forceNewDeployment", "force new deployment"),
    ] {
        let given = input.get(member);
        if given.is_some_and(|v| !v.is_null() && v != &json!(false)) {
            return Err(invalid(match controller {
                "CODE_DEPLOY" => format!(
                    "Unable to update {what} on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
                ),
                _ => format!(
                    "Unable to update {what} on services with an EXTERNAL deployment controller."
                ),
            }));
        }
    }
    Ok(())
}

pub fn instead_of_deployments(
    world: &World,
    service: &Service,
    controller: &str,
    shown: &mut Map<String, Value>,
) {
    let key = (service.cluster.clone(), service.name.clone());
    let sets = service.deployments.iter().take(1).map(|deployment| {
        let (running, pending) = counts(world.ecs.tasks_of(&key), &deployment.digits);
        let path = format!("task-set/{}/{}/ecs-svc/{}", key.0, key.1, deployment.digits);
        let mut set = json!({
            "id": deployment.id(), "taskSetArn": ecs_arn(world, &path), "serviceArn": service.arn,
            "clusterArn": ecs_arn(world, &format!("cluster/{}", service.cluster)),
            "startedBy": controller, "status": "PRIMARY", "taskDefinition": deployment.task_definition,
            "computedDesiredCount": service.desired, "pendingCount": pending, "runningCount": running,
            "createdAt": epoch_seconds(deployment.created_at), "updatedAt": epoch_seconds(deployment.updated_at),
            "scale": { "value": 100.0, "unit": "PERCENT" },
            "stabilityStatus": if running == service.desired && pending == 0 { "STEADY_STATE" } else { "STABILIZING" },
            "stabilityStatusAt": epoch_seconds(deployment.updated_at), "tags": [],
        });
        if let Some(set) = set.as_object_mut() {
            copy(&deployment.members, set, MEMBERS);
        }
        set
    });
    let sets = sets.collect();
    shown.insert("taskSets".to_owned(), Value::Array(sets));
    shown.insert("deployments".to_owned(), json!([]));
}

/// Members of a task set that are a revision's.
const MEMBERS: &[&str] = &[
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "platformFamily",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
];
