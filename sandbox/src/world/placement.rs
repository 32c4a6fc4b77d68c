//! Where a task runs and what its targets are called: container instances with their CPU, memory and ports, and the
//! addresses of tasks that have one. Knows room. Does not know when a task is wanted.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::World;
use super::shapes::{list, number, number_in, text};
use crate::services::ecs::{LastStatus, Task};
use crate::services::elbv2::TargetKey;

/// Docker's first port of those that it chooses itself.
const FIRST_DYNAMIC_PORT: u16 = 32768;

/// What a world file says of a container instance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct InstanceFile {
    /// In units, 1024 a core.
    pub cpu: u64,
    /// In MiB.
    pub memory: u64,
}

/// An EC2 instance that is registered with a cluster.
#[derive(Clone, Debug)]
pub struct Instance {
    pub cluster: String,
    /// `i-…`, as target groups name it.
    pub id: String,
    /// As ECS names it.
    pub container_instance: String,
    pub cpu: u64,
    pub memory: u64,
}

/// Where a task is.
#[derive(Clone, Debug)]
pub struct Placed {
    pub instance: String,
    pub container_instance: String,
    pub cpu: u64,
    pub memory: u64,
    /// Container port and the port of the instance.
    pub ports: Vec<(u16, u16)>,
}

/// Whether tasks of the service need an instance, and its cluster has any.
pub fn needed(world: &World, cluster: &str, members: &Map<String, Value>) -> bool {
    let strategy = members
        .get("capacityProviderStrategy")
        .and_then(|s| s.get(0))
        .and_then(|s| text(s, "capacityProvider"));
    let on_ec2 = match strategy {
        Some(provider) => !provider.starts_with("FARGATE"),
        None => members.get("launchType").is_some_and(|l| l == "EC2"),
    };
    on_ec2 && instances(world, cluster).next().is_some()
}

fn instances<'a>(world: &'a World, cluster: &'a str) -> impl Iterator<Item = &'a Instance> {
    let all = world.ecs.instances.iter();
    all.filter(move |i| i.cluster == cluster)
}

fn there<'a>(world: &'a World, instance: &'a str) -> impl Iterator<Item = &'a Placed> {
    let tasks = world.ecs.tasks.values();
    let holding = tasks.filter(|t| t.last_status != LastStatus::Stopped);
    let placed = holding.filter_map(|t| t.placed.as_ref());
    placed.filter(move |p| p.instance == instance)
}

/// The instance with the fewest tasks that has room; `Err` says what the closest one lacks, in ECS's words.
pub fn place(world: &World, cluster: &str, document: &Value) -> Result<Placed, String> {
    let containers = list(document, "containerDefinitions");
    let summed = |member: &str, instead: &str| {
        let each = containers
            .iter()
            .map(|c| number_in(c, member).or_else(|| number_in(c, instead)));
        each.map(Option::unwrap_or_default).sum::<u64>()
    };
    let of_task = |member: &str| document.get(member).and_then(number);
    let cpu = of_task("cpu").unwrap_or_else(|| summed("cpu", "cpu"));
    let memory = of_task("memory").unwrap_or_else(|| summed("memory", "memoryReservation"));
    let wanted = wanted_ports(document);
    let mut lacking = None;
    let mut best: Option<(usize, &Instance)> = None;
    for instance in instances(world, cluster) {
        let taken = |what: fn(&Placed) -> u64| there(world, &instance.id).map(what).sum::<u64>();
        let in_use = |port: u16| {
            there(world, &instance.id).any(|p| p.ports.iter().any(|(_, host)| *host == port))
        };
        let lacks = if taken(|p| p.memory) + memory > instance.memory {
            Some("has insufficient memory available")
        } else if taken(|p| p.cpu) + cpu > instance.cpu {
            Some("has insufficient CPU units available")
        } else if wanted.iter().any(|(_, host)| *host != 0 && in_use(*host)) {
            Some("is already using a port required by your task")
        } else {
            None
        };
        let tasks = there(world, &instance.id).count();
        match lacks {
            Some(lacks) => lacking = lacking.or(Some((instance, lacks))),
            None if best.is_none_or(|(fewest, _)| tasks < fewest) => best = Some((tasks, instance)),
            None => {}
        }
    }
    let Some((_, instance)) = best else {
        let (instance, lacks) = lacking.ok_or("")?;
        return Err(format!(
            "The closest matching (container-instance {}) {lacks}.",
            instance.container_instance
        ));
    };
    let mut next = FIRST_DYNAMIC_PORT + (world.ecs.tasks_started % 20_000) as u16;
    let ports = wanted.into_iter().map(|(container, host)| {
        let dynamic = next;
        next += u16::from(host == 0);
        (container, if host == 0 { dynamic } else { host })
    });
    Ok(Placed {
        instance: instance.id.clone(),
        container_instance: instance.container_instance.clone(),
        cpu,
        memory,
        ports: ports.collect(),
    })
}

/// Container ports with the host's; 0 is any. In `awsvpc` mode a task has a network of its own.
fn wanted_ports(document: &Value) -> Vec<(u16, u16)> {
    let mode = text(document, "networkMode").unwrap_or("bridge");
    let mappings = list(document, "containerDefinitions")
        .iter()
        .flat_map(|c| list(c, "portMappings"));
    let ports = mappings.filter_map(|mapping| {
        let container = number_in(mapping, "containerPort")? as u16;
        let host = number_in(mapping, "hostPort").unwrap_or_default() as u16;
        Some((container, if mode == "host" { container } else { host }))
    });
    ports.filter(|_| mode != "awsvpc").collect()
}

impl Task {
    /// Its port as it is seen from outside.
    pub fn host_port(&self, container_port: u16) -> u16 {
        let mapped = self.placed.iter().flat_map(|p| &p.ports);
        let mut found = mapped.filter(|(container, _)| *container == container_port);
        found.next().map_or(container_port, |(_, host)| *host)
    }

    /// The container's port behind one that is seen from outside.
    pub fn container_port(&self, host_port: u16) -> u16 {
        let mapped = self.placed.iter().flat_map(|p| &p.ports);
        let mut found = mapped.filter(|(_, host)| *host == host_port);
        found.next().map_or(host_port, |(container, _)| *container)
    }

    /// Of a network interface that has IPv6.
    pub fn ipv6_address(&self) -> String {
        format!("2001:db8:1234:1a00::{:x}", self.number + 4)
    }
}

/// What a task's target is called in a group: its address, or its instance and the port there.
pub fn target(world: &World, task: &Task, group: &str, container_port: u16) -> TargetKey {
    let group = world.elbv2.target_groups.get(group);
    match &task.placed {
        Some(placed) if group.is_some_and(|g| g.target_type == "instance") => {
            (placed.instance.clone(), task.host_port(container_port))
        }
        _ if group.is_some_and(|g| g.ip_address_type == "ipv6") => {
            (task.ipv6_address(), container_port)
        }
        _ => (task.address.clone(), container_port),
    }
}

/// Registers an instance with a cluster, as its agent would.
pub fn register(world: &mut World, cluster: &str, file: &InstanceFile) {
    let instance = Instance {
        cluster: cluster.to_owned(),
        id: format!("i-{}", world.ids.hex(17)),
        container_instance: world.ids.hex(32),
        cpu: file.cpu,
        memory: file.memory,
    };
    world.ecs.instances.push(instance);
}
