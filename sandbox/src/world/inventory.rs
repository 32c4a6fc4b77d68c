//! Everything that is in a world, by name: for tests that say what is left of something, and that nothing else changed.
//!
//! Ids that a world makes up are replaced by names, so that two worlds with the same things in them compare equal. Left out
//! is what passes by itself: events, logs, stopped tasks, and what ECS calls INACTIVE.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::World;
use super::shapes::{last_segment, text};
use crate::services::ecs::LastStatus;
use crate::services::elbv2::{Listener, TargetGroup, routing};

/// What is called how, and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory(pub BTreeMap<String, Value>);

impl Inventory {
    pub fn of(world: &World) -> Inventory {
        let mut all = Inventory::default();
        all.ecs(world);
        all.tasks(world);
        all.load_balancing(world);
        all.target_groups(world);
        all.images(world);
        all.scaling(world);
        all.github(world);
        for region in &world.elsewhere {
            let there = Inventory::of(region);
            let place = &region.place.region;
            let named = there.0.into_iter();
            all.0
                .extend(named.map(|(name, facts)| (format!("{place}: {name}"), facts)));
        }
        all
    }

    /// What became of things on the way to `later`, a line each: `+`, `-` or `~` with what it was and is.
    pub fn changes(&self, later: &Inventory) -> Vec<String> {
        let names = self.0.keys().chain(later.0.keys());
        let names: std::collections::BTreeSet<&String> = names.collect();
        let change = |name: &String| match (self.0.get(name), later.0.get(name)) {
            (Some(was), Some(is)) if was == is => None,
            (Some(was), Some(is)) => Some(format!("~ {name}: {was} -> {is}")),
            (Some(was), None) => Some(format!("- {name}: {was}")),
            (None, is) => Some(format!("+ {name}: {}", is.unwrap_or(&Value::Null))),
        };
        names.into_iter().filter_map(change).collect()
    }

    /// Without what `left_out` names.
    pub fn without(mut self, left_out: impl Fn(&str) -> bool) -> Inventory {
        self.0.retain(|name, _| !left_out(name));
        self
    }

    /// A name that is taken gets a number: nothing hides behind something else.
    fn put(&mut self, name: String, facts: Value) {
        let mut free = name.clone();
        let mut number = 1;
        while self.0.contains_key(&free) {
            number += 1;
            free = format!("{name} ({number})");
        }
        self.0.insert(free, facts);
    }

    fn ecs(&mut self, world: &World) {
        for cluster in world.ecs.clusters.values() {
            let facts =
                json!({ "members": cluster.members, "tags": ecs_tags(world, &cluster.arn) });
            self.put(format!("cluster {}", cluster.name), facts);
        }
        for service in world.ecs.services.values() {
            if service.status == "INACTIVE" {
                continue;
            }
            let facts = json!({
                "status": service.status, "desired": service.desired,
                "task-definition": last_segment(&service.task_definition),
                "deployments": service.deployments.iter().map(|d| d.rollout_state.as_str()).collect::<Vec<_>>(),
                "members": named(world, &json!(service.members)), "tags": ecs_tags(world, &service.arn),
            });
            self.put(
                format!("service {}/{}", service.cluster, service.name),
                facts,
            );
        }
        for definition in world.ecs.families.values().flatten().filter(|d| d.active) {
            let mut document = definition.document.clone();
            if let Some(document) = document.as_object_mut() {
                document.remove("registeredAt");
            }
            let facts = json!({ "document": named(world, &document), "tags": ecs_tags(world, &definition.arn) });
            self.put(
                format!(
                    "task-definition {}:{}",
                    definition.family, definition.revision
                ),
                facts,
            );
        }
        for (alarm, ringing) in &world.ecs.alarms {
            self.put(format!("alarm {alarm}"), json!(ringing));
        }
    }

    fn tasks(&mut self, world: &World) {
        let tasks = world.ecs.tasks.values();
        let mut tasks: Vec<_> = tasks
            .filter(|t| t.last_status != LastStatus::Stopped)
            .collect();
        tasks.sort_by_key(|t| t.number);
        for task in tasks {
            let of = match &task.service {
                Some((cluster, service)) => format!("{cluster}/{service}"),
                None => task.cluster.clone(),
            };
            let facts = json!({
                "status": task.last_status.as_str(), "task-definition": last_segment(&task.task_definition),
                "images": task.containers.iter().map(|c| &c.image).collect::<Vec<_>>(),
                "tags": ecs_tags(world, &task.arn),
            });
            self.put(format!("task of {of}"), facts);
        }
    }

    fn load_balancing(&mut self, world: &World) {
        for balancer in world.elbv2.load_balancers.values() {
            let facts =
                json!({ "dns-name": balancer.dns_name, "tags": elb_tags(world, &balancer.arn) });
            self.put(format!("load-balancer {}", balancer.name), facts);
        }
        for listener in world.elbv2.listeners.values() {
            let facts = json!({
                "protocol": listener.protocol, "certificates": listener.certificates,
                "tags": elb_tags(world, &listener.arn),
            });
            self.put(
                format!("listener {}", listener_name(world, listener)),
                facts,
            );
        }
        let mut rules: Vec<_> = world.elbv2.rules.values().collect();
        rules.sort_by_key(|r| (r.priority, r.listener.clone()));
        for rule in rules {
            let listener = world.elbv2.listeners.get(&rule.listener);
            let conditions = rule.conditions.as_array().into_iter().flatten();
            let met = conditions.map(|c| {
                let field = text(c, "Field").unwrap_or_default();
                format!(" {field} {}", routing::values_of(c).join(","))
            });
            let facts = json!({
                "priority": rule.priority, "conditions": rule.conditions,
                "actions": named(world, &rule.actions), "transforms": rule.transforms,
                "tags": elb_tags(world, &rule.arn),
            });
            let name = format!(
                "rule {}{}",
                listener.map_or_else(String::new, |l| listener_name(world, l)),
                met.collect::<String>()
            );
            self.put(name, facts);
        }
    }

    fn target_groups(&mut self, world: &World) {
        for group in world.elbv2.target_groups.values() {
            let states = group.targets.values();
            let facts = json!({
                "settings": settings(group), "attributes": group.attributes,
                "targets": states.map(|t| t.state.as_str()).collect::<Vec<_>>(),
                "tags": elb_tags(world, &group.arn),
            });
            self.put(format!("target-group {}", group.name), facts);
        }
        // A tag of something that is gone would be a leak of this world's own.
        for (arn, tags) in &world.elbv2.tags {
            let elbv2 = &world.elbv2;
            let there = elbv2.load_balancers.contains_key(arn)
                || elbv2.listeners.contains_key(arn)
                || elbv2.rules.contains_key(arn)
                || elbv2.target_groups.contains_key(arn);
            if !there {
                self.put(format!("tags of nothing {arn}"), json!(tags));
            }
        }
    }

    fn images(&mut self, world: &World) {
        for repository in world.ecr.registry.repositories.values() {
            let name = &repository.name;
            let facts = json!({
                "mutability": repository.mutability.name(), "filters": repository.exclusion_filters,
                "policy": repository.policy, "tags": repository.tags,
            });
            self.put(format!("repository {name}"), facts);
            for manifest in repository.manifests.values() {
                let tags = repository.tags_of(&manifest.digest);
                self.put(format!("image {name}@{}", manifest.digest), json!(tags));
            }
        }
        for certificate in world.acm.certificates.values() {
            let facts = json!({ "names": certificate.names, "status": certificate.status });
            self.put(format!("certificate {}", certificate.domain_name), facts);
        }
    }

    fn scaling(&mut self, world: &World) {
        for ((cluster, service), target) in &world.autoscaling.targets {
            let actions = target.scheduled_actions.iter();
            let facts = json!({
                "min": target.min, "max": target.max,
                "suspended": [target.suspended.dynamic_in, target.suspended.dynamic_out, target.suspended.scheduled],
                "policies": target.policies.iter().map(|(name, p)| (name, &p.configuration.1)).collect::<BTreeMap<_, _>>(),
                "scheduled-actions": actions.map(|(name, a)| json!([name, a.schedule.text, a.min, a.max])).collect::<Vec<_>>(),
            });
            self.put(format!("scalable-target {cluster}/{service}"), facts);
        }
        for (name, parameter) in &world.ssm.parameters {
            self.put(format!("parameter {name}"), json!(parameter.value));
        }
    }

    fn github(&mut self, world: &World) {
        let github = &world.github;
        for pull in &github.spec.pull_requests {
            let facts = json!({ "closed": pull.closed, "merged": pull.merged, "labels": pull.labels, "head": pull.head_sha });
            self.put(format!("pull-request {}", pull.number), facts);
        }
        for comment in &github.comments {
            let name = format!("comment on {} by {}", comment.number, comment.author);
            let reactions = comment.reactions.iter().map(|r| &r.content);
            let facts = json!({ "body": comment.body, "minimized": comment.is_minimized, "reactions": reactions.collect::<Vec<_>>() });
            self.put(name, facts);
        }
        for deployment in &github.deployments {
            let name = format!(
                "deployment {} to {}",
                deployment.task, deployment.environment
            );
            let statuses = deployment.statuses.iter().map(|s| &s.state);
            let facts = json!({ "sha": deployment.sha, "statuses": statuses.collect::<Vec<_>>() });
            self.put(name, facts);
        }
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = self.0.iter();
        all.try_for_each(|(name, facts)| writeln!(f, "{name}: {facts}"))
    }
}

fn ecs_tags(world: &World, arn: &str) -> Value {
    sorted(world.ecs.tags.get(arn))
}

fn elb_tags(world: &World, arn: &str) -> Value {
    sorted(world.elbv2.tags.get(arn))
}

fn sorted(tags: Option<&Vec<(String, String)>>) -> Value {
    let tags: BTreeMap<&String, &String> =
        tags.into_iter().flatten().map(|(k, v)| (k, v)).collect();
    json!(tags)
}

fn listener_name(world: &World, listener: &Listener) -> String {
    let balancer = world.elbv2.load_balancers.get(&listener.load_balancer);
    let name = balancer.map_or("?", |b| b.name.as_str());
    format!("{name}:{}", listener.port)
}

fn settings(group: &TargetGroup) -> Value {
    json!([
        group.protocol,
        group.protocol_version,
        group.port,
        group.vpc,
        group.target_type,
        group.check_protocol,
        group.check_port,
        group.check_path,
        group.interval.as_secs(),
        group.timeout.as_secs(),
        group.healthy_threshold,
        group.unhealthy_threshold,
        group.matcher,
    ])
}

/// With target groups by name: their ARNs end in what the world made up.
fn named(world: &World, value: &Value) -> Value {
    let groups = value.to_string();
    let mut text = groups;
    for group in world.elbv2.target_groups.values() {
        text = text.replace(&group.arn, &format!("target-group {}", group.name));
    }
    serde_json::from_str(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::scenario::WorldFile;

    fn world() -> World {
        let yaml = "
clusters: [prod]
load-balancers: [{name: alb, listeners: [{port: 80, rules: [{priority: 5, host: www.example.com, forward: [web]}]}]}]
target-groups: [{name: web, tags: {a: b}}]
services: [{cluster: prod, name: web, image: 'web:v1', port: 80, target-group: web}]
github: {pull-requests: [{number: 7, head-sha: abc}]}";
        WorldFile::parse(yaml)
            .unwrap()
            .build(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400))
            .unwrap()
    }

    #[test]
    fn everything_is_there_once_and_two_worlds_are_equal() {
        let all = Inventory::of(&world());
        let names: Vec<&str> = all.0.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "certificate example.com",
                "cluster prod",
                "listener alb:80",
                "load-balancer alb",
                "pull-request 7",
                "rule alb:80",
                "rule alb:80 host-header www.example.com",
                "service prod/web",
                "target-group web",
                "task of prod/web",
                "task-definition web:1",
            ]
        );
        assert_eq!(all.changes(&Inventory::of(&world())), [""; 0]);
        assert!(all.to_string().contains("\"web:v1\""));
    }

    #[test]
    fn a_change_is_a_line() {
        let mut world = world();
        let before = Inventory::of(&world);
        world.github.close_pull(7);
        world.elbv2.target_groups.clear();
        let changes = before.changes(&Inventory::of(&world));
        let kinds: Vec<String> = changes
            .iter()
            .map(|line| line.split(": ").next().unwrap_or_default().to_owned())
            .collect();
        assert!(
            kinds.contains(&"- target-group web".to_owned()),
            "{kinds:?}"
        );
        assert!(kinds.contains(&"~ pull-request 7".to_owned()), "{kinds:?}");
        assert!(
            changes
                .iter()
                .any(|l| l.starts_with("+ tags of nothing arn:"))
        );
    }
}
