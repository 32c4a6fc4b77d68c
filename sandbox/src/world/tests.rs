//! Stories of rollouts in the simulated world, as ECS tells them: by its events and its answers.

mod answers;
mod failures;
mod previews;
mod real_tasks;
mod rollouts;
mod strategies;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::World;
use crate::scenario::WorldFile;
use crate::services::{ecs, elbv2};

const START: u64 = 1_760_000_000;

/// A world and the number of seconds since its start.
pub struct Story {
    pub world: World,
    start: SystemTime,
}

/// `web` behind a load balancer, steady; `more` is YAML that joins it.
fn story(service: &str, more: &str) -> Story {
    let yaml = format!(
        "
load-balancers: [{{name: alb, listeners: [{{port: 80, forward: web}}]}}]
target-groups: [{{name: web, interval: 10s, unhealthy-threshold: 2, deregistration-delay: 30s}}]
services: [{{name: web, image: 'web:v1', port: 80, target-group: web, {service}}}]
{more}"
    );
    plain_story(&yaml)
}

fn plain_story(yaml: &str) -> Story {
    let start = UNIX_EPOCH + Duration::from_secs(START);
    Story {
        world: WorldFile::parse(yaml).unwrap().build(start).unwrap(),
        start,
    }
}

impl Story {
    fn to(&mut self, seconds: f64) {
        self.world
            .advance(self.start + Duration::from_secs_f64(seconds));
    }

    #[track_caller]
    fn call(&mut self, name: &str, input: &Value) -> Value {
        self.try_call(name, input)
            .unwrap_or_else(|e| panic!("{name}: {e:?}"))
    }

    fn try_call(&mut self, name: &str, input: &Value) -> super::Answer {
        let mut tables = ecs::OPERATIONS.iter().chain(elbv2::OPERATIONS);
        let operation = tables.find(|o| o.name == name).unwrap();
        (operation.function)(&mut self.world, input)
    }

    /// Registers web's definition with another image and updates the service to it.
    fn deploy(&mut self, image: &str) -> Value {
        let container =
            json!({ "name": "web", "image": image, "portMappings": [{ "containerPort": 80 }] });
        let definition = json!({
            "family": "web", "networkMode": "awsvpc", "cpu": "256", "memory": "512",
            "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [container],
        });
        let arn =
            self.call("RegisterTaskDefinition", &definition)["taskDefinition"]["taskDefinitionArn"]
                .clone();
        self.call(
            "UpdateService",
            &json!({ "service": "web", "taskDefinition": arn }),
        )["service"]
            .clone()
    }

    fn service(&mut self) -> Value {
        self.call("DescribeServices", &json!({ "services": ["web"] }))["services"][0].clone()
    }

    /// The service deployments, newest first, as DescribeServiceDeployments has them.
    fn deployments(&mut self) -> Vec<Value> {
        let listed = self.call("ListServiceDeployments", &json!({ "service": "web" }));
        let arns: Vec<Value> = listed["serviceDeployments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["serviceDeploymentArn"].clone())
            .collect();
        self.call(
            "DescribeServiceDeployments",
            &json!({ "serviceDeploymentArns": arns }),
        )["serviceDeployments"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The PRIMARY deployment's rollout state and the newest service deployment's status.
    fn state(&mut self) -> (String, String) {
        let word = |v: &Value| v.as_str().unwrap().to_owned();
        let service = self.service();
        (
            word(&service["deployments"][0]["rolloutState"]),
            word(&self.deployments()[0]["status"]),
        )
    }

    /// Stop codes, reasons and first exit codes of stopped tasks, oldest first.
    fn stops(&mut self) -> Vec<String> {
        let tasks = self.world.ecs.tasks.values().filter(|t| t.told_to_stop);
        let mut tasks: Vec<_> = tasks.collect();
        tasks.sort_by_key(|t| t.number);
        let each = tasks.iter().map(|t| {
            let exit = t.containers[0]
                .exit_code
                .map_or_else(|| "-".to_owned(), |c| c.to_string());
            let reason = t.stopped_reason.as_deref().unwrap_or("-");
            format!(
                "t{} {} {exit} {}",
                t.number,
                t.stop_code.unwrap_or("-"),
                reason.split(" in (").next().unwrap_or("-")
            )
        });
        each.collect()
    }

    /// Target health by task: state and reason code.
    fn targets(&mut self) -> Vec<String> {
        let arn = self
            .world
            .elbv2
            .target_groups
            .keys()
            .next()
            .unwrap()
            .clone();
        let answer = self.call("DescribeTargetHealth", &json!({ "TargetGroupArn": arn }));
        let tasks = &self.world.ecs.tasks;
        let each = answer["TargetHealthDescriptions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| {
                let task = tasks
                    .values()
                    .find(|t| t.address == d["Target"]["Id"])
                    .map_or(0, |t| t.number);
                let reason = d["TargetHealth"]["Reason"].as_str().unwrap_or("-");
                format!(
                    "t{task} {} {reason}",
                    d["TargetHealth"]["State"].as_str().unwrap()
                )
            });
        each.collect()
    }

    /// What the events said since the start, oldest first, with names for ids.
    fn told(&mut self) -> String {
        let mut names: Vec<(String, String)> = Vec::new();
        for task in self.world.ecs.tasks.values() {
            names.push((task.id.clone(), format!("t{}", task.number)));
        }
        let service = self
            .world
            .ecs
            .services
            .values()
            .find(|s| s.name == "web")
            .unwrap();
        for (i, revision) in service.revisions.iter().enumerate() {
            names.push((revision.digits.clone(), format!("d{}", i + 1)));
        }
        for group in self.world.elbv2.target_groups.values() {
            names.push((group.arn.clone(), group.name.clone()));
        }
        let mut lines = Vec::new();
        for event in service.events.iter().rev() {
            let Ok(at) = event.at.duration_since(self.start) else {
                continue;
            };
            let mut line = format!(
                "{:7.2} {}",
                at.as_secs_f64(),
                event.message.replace("(service web) ", "")
            );
            for (id, name) in &names {
                line = line.replace(id, name);
            }
            lines.push(line);
        }
        lines.join("\n")
    }
}
