//! ECS clusters. They are names to put services in: capacity is not simulated.

use serde_json::{Map, Value, json};

use super::{Cluster, listed_resources};
use crate::world::shapes::{copy, ecs_arn, ecs_page, everything, last_segment, text, texts};
use crate::world::{Answer, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "ecs",
        name: "CreateCluster",
        function: create_cluster,
        resources: everything,
    },
    Operation {
        service: "ecs",
        name: "DescribeClusters",
        function: describe_clusters,
        resources: |_, input| listed_resources(input, "clusters"),
    },
    Operation {
        service: "ecs",
        name: "ListClusters",
        function: list_clusters,
        resources: everything,
    },
];

const MEMBERS: &[&str] = &[
    "configuration",
    "settings",
    "capacityProviders",
    "defaultCapacityProviderStrategy",
    "serviceConnectDefaults",
];

fn create_cluster(world: &mut World, input: &Value) -> Answer {
    let name = text(input, "clusterName").unwrap_or("default").to_owned();
    let arn = ecs_arn(world, &format!("cluster/{name}"));
    if !world.ecs.clusters.contains_key(&name) {
        let mut members = Map::new();
        if let Some(given) = input.as_object() {
            copy(given, &mut members, MEMBERS);
        }
        super::tags::put(world, &arn, input.get("tags"));
        world.ecs.clusters.insert(
            name.clone(),
            Cluster {
                name: name.clone(),
                arn,
                members,
            },
        );
    }
    Ok(json!({ "cluster": describe(world, &name, true) }))
}

fn describe(world: &World, name: &str, with_tags: bool) -> Value {
    let Some(cluster) = world.ecs.clusters.get(name) else {
        return Value::Null;
    };
    let tasks = || world.ecs.tasks.values().filter(|t| t.cluster == name);
    let services = world
        .ecs
        .services
        .values()
        .filter(|s| s.cluster == name && s.status == "ACTIVE")
        .count();
    let tags = if with_tags {
        super::tags::of(world, &cluster.arn)
    } else {
        json!([])
    };
    let mut shown = json!({
        "clusterArn": cluster.arn, "clusterName": cluster.name, "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": tasks().filter(|t| t.running()).count(),
        "pendingTasksCount": tasks().filter(|t| t.pending()).count(),
        "activeServicesCount": services, "statistics": [], "tags": tags,
        "settings": [], "capacityProviders": [], "defaultCapacityProviderStrategy": [],
    });
    if let Some(shown) = shown.as_object_mut() {
        copy(&cluster.members, shown, MEMBERS);
    }
    shown
}

fn describe_clusters(world: &mut World, input: &Value) -> Answer {
    let mut names = texts(input, "clusters");
    if names.is_empty() {
        names.push("default".to_owned());
    }
    let with_tags = texts(input, "include").iter().any(|i| i == "TAGS");
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let name = last_segment(&name);
        if world.ecs.clusters.contains_key(name) {
            clusters.push(describe(world, name, with_tags));
        } else {
            failures.push(
                json!({ "arn": ecs_arn(world, &format!("cluster/{name}")), "reason": "MISSING" }),
            );
        }
    }
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

fn list_clusters(world: &mut World, input: &Value) -> Answer {
    let arns = world.ecs.clusters.values().map(|c| json!(c.arn)).collect();
    ecs_page(arns, "clusterArns", input, 100)
}
