//! From a world file to a world: everything is made through the services' own operations, some time before the start.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::{
    Availability, ClusterFile, FleetFile, Pages, PlaceFile, ServiceFile, TargetGroupFile,
    WholeCluster, WorldFile, balancers, earlier, scaling, timeline,
};
use crate::services::{ecs, elbv2, ssm};
use crate::world::shapes::ecs_arn;
use crate::world::{Operation, Place, World, joins, placement};

/// Long enough for every service to become steady.
const PAST: Duration = Duration::from_secs(3600);

impl WorldFile {
    /// Reads a world file.
    pub fn parse(yaml: &str) -> Result<WorldFile, String> {
        serde_yaml::from_str(yaml).map_err(|e| e.to_string())
    }

    /// The world as it is at `start`; the file's own `start` takes precedence.
    pub fn build(self, start: SystemTime) -> Result<World, String> {
        let start = match &self.start {
            None => start,
            Some(text) => {
                let parsed: jiff::Timestamp =
                    text.parse().map_err(|e| format!("start `{text}`: {e}"))?;
                SystemTime::try_from(parsed).map_err(|e| format!("start `{text}`: {e}"))?
            }
        };
        let past = self.past.unwrap_or(if self.real_tasks {
            Duration::ZERO
        } else {
            PAST
        });
        let place = Place {
            partition: self.place.partition,
            account: self.place.account,
            region: self.place.region,
        };
        let mut world = World::new(place, start - past, self.seed);
        world.real_tasks = self.real_tasks;
        world.behaviours.timings = self.timings;
        world.behaviours.list = self.behaviours;
        world.hook_answers = self.lifecycle_hooks;
        world.ecs.service_deployments_available =
            self.service_deployments == Availability::Available;
        world.iam = crate::iam::Iam::new(&self.iam, &world.place).map_err(|e| e.to_string())?;
        world.acm =
            crate::services::acm::Acm::from_specs(&self.certificates, &world.place, world.now);
        world.ecr = crate::services::ecr::Ecr::from_specs(&self.repositories, world.now);
        world.github =
            crate::services::github::GitHub::from_spec(self.github, world.now, &mut world.ids);
        for group in &self.target_groups {
            create_target_group(&mut world, group)?;
        }
        for balancer in &self.load_balancers {
            balancers::create(&mut world, balancer)?;
        }
        for cluster in &self.clusters {
            let (name, providers, instances) = match cluster {
                ClusterFile::Name(name) => (name, &[][..], &[][..]),
                ClusterFile::Whole(WholeCluster {
                    name,
                    capacity_providers,
                    instances,
                }) => (name, capacity_providers.as_slice(), instances.as_slice()),
            };
            create_cluster(&mut world, name, providers)?;
            for instance in instances {
                placement::register(&mut world, name, instance);
            }
        }
        for service in &self.services {
            earlier::create(&mut world, service)?;
        }
        for fleet in &self.fleets {
            create_fleet(&mut world, fleet)?;
        }
        for (name, value) in &self.parameters {
            let input = json!({ "Name": name, "Value": value, "Type": "String" });
            call(&mut world, ssm::OPERATIONS, "PutParameter", &input)?;
        }
        for (region, mut file) in self.regions {
            file.place = PlaceFile {
                region,
                partition: world.place.partition.clone(),
                account: world.place.account.clone(),
            };
            // Ids are an account's, so that no two regions' are the same.
            file.seed = world.ids.below(u64::MAX);
            file.start = self.start.clone();
            world.elsewhere.push(file.build(start)?);
        }
        world.advance(start);
        world.pages = Pages::new(self.pages, start);
        world.timeline.entries = self.timeline;
        timeline::plan(&mut world);
        Ok(world)
    }
}

pub(super) fn call(
    world: &mut World,
    table: &[Operation],
    name: &str,
    input: &Value,
) -> Result<Value, String> {
    let operation = table.iter().find(|o| o.name == name);
    let operation =
        operation.ok_or_else(|| format!("{name} is not an operation of the sandbox"))?;
    (operation.function)(world, input).map_err(|e| format!("{name}: {}: {}", e.code, e.message))
}

fn create_cluster(world: &mut World, name: &str, providers: &[String]) -> Result<(), String> {
    call(
        world,
        ecs::OPERATIONS,
        "CreateCluster",
        &json!({ "clusterName": name, "capacityProviders": providers }),
    )
    .map(drop)
}

fn create_target_group(world: &mut World, file: &TargetGroupFile) -> Result<(), String> {
    let mut input = json!({
        "Name": file.name, "Protocol": file.protocol.as_deref().unwrap_or("HTTP"), "Port": file.port.unwrap_or(80),
        "TargetType": file.target_type.as_deref().unwrap_or("ip"), "HealthCheckPath": file.path.as_deref().unwrap_or("/"),
        "IpAddressType": file.ip_address_type.as_deref().unwrap_or("ipv4"),
    });
    if !file.tags.is_empty() {
        input["Tags"] = balancers::tags(&file.tags);
    }
    let seconds = |d: Option<Duration>| d.map(|d| json!(d.as_secs()));
    for (member, value) in [
        ("HealthCheckIntervalSeconds", seconds(file.interval)),
        ("HealthCheckTimeoutSeconds", seconds(file.timeout)),
        (
            "HealthyThresholdCount",
            file.healthy_threshold.map(|n| json!(n)),
        ),
        (
            "UnhealthyThresholdCount",
            file.unhealthy_threshold.map(|n| json!(n)),
        ),
    ] {
        if let Some(value) = value {
            input[member] = value;
        }
    }
    let answer = call(world, elbv2::OPERATIONS, "CreateTargetGroup", &input)?;
    if let Some(delay) = file.deregistration_delay {
        let delay = json!({ "Key": "deregistration_delay.timeout_seconds", "Value": delay.as_secs().to_string() });
        let input = json!({ "TargetGroupArn": answer["TargetGroups"][0]["TargetGroupArn"], "Attributes": [delay] });
        call(
            world,
            elbv2::OPERATIONS,
            "ModifyTargetGroupAttributes",
            &input,
        )?;
    }
    Ok(())
}

/// The ARN of a target group by name.
pub(super) fn target_group(world: &World, name: &str) -> Result<String, String> {
    let found = world.elbv2.target_groups.values().find(|g| g.name == name);
    found
        .map(|g| g.arn.clone())
        .ok_or_else(|| format!("no target group is called `{name}`"))
}

/// Members of `raw` replace those of `base`.
pub(super) fn overlay(base: &mut Value, raw: &Value) {
    if let (Some(base), Some(raw)) = (base.as_object_mut(), raw.as_object()) {
        base.extend(raw.clone());
    }
}

pub(super) fn task_definition(world: &World, file: &ServiceFile) -> Value {
    let family = file.family.as_deref().unwrap_or(&file.name);
    let mut container = json!({
        "name": container(file), "image": joins::named(world, &file.image), "essential": true,
    });
    if let Some(port) = file.port {
        container["portMappings"] = json!([{ "containerPort": port, "protocol": "tcp" }]);
    }
    if let Some(check) = &file.health_check {
        container["healthCheck"] = check.clone();
    }
    if let Some(group) = &file.log_group {
        container["logConfiguration"] = json!({
            "logDriver": "awslogs",
            "options": { "awslogs-group": group, "awslogs-region": world.place.region, "awslogs-stream-prefix": "ecs" },
        });
    }
    let role = format!(
        "arn:{}:iam::{}:role/ecsTaskExecutionRole",
        world.place.partition, world.place.account
    );
    let mut document = json!({
        "family": family, "networkMode": "awsvpc", "executionRoleArn": role,
        "cpu": file.cpu.as_deref().unwrap_or("256"), "memory": file.memory.as_deref().unwrap_or("512"),
        "containerDefinitions": [container],
    });
    if file.launch_type.as_deref().unwrap_or("FARGATE") == "FARGATE" {
        document["requiresCompatibilities"] = json!(["FARGATE"]);
    }
    if let Some(architecture) = &file.architecture {
        document["runtimePlatform"] =
            json!({ "cpuArchitecture": architecture, "operatingSystemFamily": "LINUX" });
    }
    overlay(&mut document, &file.task_definition);
    document
}

fn create_fleet(world: &mut World, fleet: &FleetFile) -> Result<(), String> {
    let document = task_definition(world, &fleet.like);
    let answer = call(world, ecs::OPERATIONS, "RegisterTaskDefinition", &document)?;
    let definition = &answer["taskDefinition"]["taskDefinitionArn"];
    let stem = fleet.like.cluster.as_deref().unwrap_or("fleet");
    for cluster in 1..=fleet.clusters {
        for service in 1..=fleet.services {
            let file = ServiceFile {
                cluster: Some(format!("{stem}-{cluster:02}")),
                name: format!("{}-{service:03}", fleet.like.name),
                container: Some(container(&fleet.like).to_owned()),
                ..fleet.like.clone()
            };
            create_service_of(world, &file, definition)?;
        }
    }
    Ok(())
}

fn container(file: &ServiceFile) -> &str {
    let names = [&file.container, &file.family];
    let named = names.into_iter().find_map(Option::as_deref);
    named.unwrap_or(&file.name)
}

/// A service on a task definition that is there.
pub(super) fn create_service_of(
    world: &mut World,
    file: &ServiceFile,
    definition: &Value,
) -> Result<(), String> {
    let cluster = file.cluster.as_deref().unwrap_or("default");
    if !world.ecs.clusters.contains_key(cluster) {
        create_cluster(world, cluster, &[])?;
    }
    let mut configuration = Map::new();
    if let Some(breaker) = &file.breaker {
        configuration.insert("deploymentCircuitBreaker".to_owned(), breaker.clone());
    }
    for (member, percent) in [
        ("minimumHealthyPercent", file.minimum_healthy_percent),
        ("maximumPercent", file.maximum_percent),
    ] {
        if let Some(percent) = percent {
            configuration.insert(member.to_owned(), json!(percent));
        }
    }
    if let Some(raw) = file.deployment.as_object() {
        configuration.extend(raw.clone());
    }
    let mut input = json!({
        "cluster": cluster, "serviceName": file.name, "desiredCount": file.desired.unwrap_or(1),
        "taskDefinition": definition,
        "launchType": file.launch_type.as_deref().unwrap_or("FARGATE"),
        "deploymentConfiguration": configuration,
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2"],
            "securityGroups": ["sg-0a1b2c3d4e5f60719"], "assignPublicIp": "ENABLED",
        } },
    });
    if let Some(group) = &file.target_group {
        input["loadBalancers"] = json!([{
            "targetGroupArn": target_group(world, group)?, "containerName": container(file), "containerPort": file.port.unwrap_or(80),
        }]);
        if let Some(alternate) = &file.alternate {
            input["loadBalancers"][0]["advancedConfiguration"] =
                balancers::advanced(world, alternate)?;
        }
        input["healthCheckGracePeriodSeconds"] = json!(file.grace_period.unwrap_or(0));
    }
    for further in &file.further_target_groups {
        let entry = json!({
            "targetGroupArn": target_group(world, &further.target_group)?,
            "containerName": further.container.as_deref().unwrap_or(container(file)), "containerPort": further.port,
        });
        match input["loadBalancers"].as_array_mut() {
            Some(entries) => entries.push(entry),
            None => input["loadBalancers"] = json!([entry]),
        }
    }
    if !file.tags.is_empty() {
        let tags = file
            .tags
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value }));
        input["tags"] = tags.collect();
    }
    overlay(&mut input, &file.service);
    // `null` takes a member away: tasks in bridge and host mode have no network of their own.
    if let Some(members) = input.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    // Every container instance has a task of a daemon.
    if input["schedulingStrategy"] == "DAEMON"
        && let Some(members) = input.as_object_mut()
    {
        members.remove("desiredCount");
    }
    if input.get("capacityProviderStrategy").is_some()
        && let Some(members) = input.as_object_mut()
    {
        members.remove("launchType");
    }
    call(world, ecs::OPERATIONS, "CreateService", &input)?;
    let key = (cluster.to_owned(), file.name.clone());
    if file.short_arn {
        shorten_arn(world, &key);
    }
    match &file.scalable_target {
        Some(target) => scaling::create(world, &key, target),
        None => Ok(()),
    }
}

/// As services were named before ARNs had their cluster in them. They have no tags.
fn shorten_arn(world: &mut World, key: &ecs::ServiceKey) {
    let arn = ecs_arn(world, &format!("service/{}", key.1));
    if let Some(service) = world.ecs.services.get_mut(key) {
        world.ecs.tags.remove(&service.arn);
        service.arn = arn;
    }
}
