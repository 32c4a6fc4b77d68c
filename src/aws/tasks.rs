//! ECS tasks out of SDK types. Knows where ECS hides a task's addresses; decides nothing.

use aws_sdk_ecs::types as sdk;

use super::AwsError;
use super::ecs::timestamp;
use crate::model::Untrusted;
use crate::model::task::{Container, Task};

pub(super) fn task_of(task: sdk::Task) -> Result<Task, AwsError> {
    let missing = |member: &str| AwsError::malformed("ecs:DescribeTasks", member);
    let containers: Vec<sdk::Container> = task.containers.unwrap_or_default();
    // awsvpc tasks show their addresses on the containers' network interfaces and in the ENI attachment's details:
    // either can come first while a task starts.
    let mut addresses: Vec<String> = containers
        .iter()
        .flat_map(|c| c.network_interfaces.iter().flatten())
        .flat_map(|i| [i.private_ipv4_address.clone(), i.ipv6_address.clone()])
        .chain(
            task.attachments
                .iter()
                .flatten()
                .flat_map(|a| a.details.iter().flatten())
                .filter(|d| {
                    matches!(
                        d.name.as_deref(),
                        Some("privateIPv4Address" | "ipv6Address")
                    )
                })
                .map(|d| d.value.clone()),
        )
        .flatten()
        .filter(|a| !a.is_empty())
        .collect();
    addresses.sort();
    addresses.dedup();
    Ok(Task {
        arn: task.task_arn.ok_or_else(|| missing("taskArn"))?,
        task_definition: task.task_definition_arn.unwrap_or_default(),
        started_by: task.started_by,
        last_status: task.last_status.ok_or_else(|| missing("lastStatus"))?,
        desired_status: task.desired_status.unwrap_or_default(),
        health_status: task.health_status.map(|s| s.as_str().to_owned()),
        addresses,
        container_instance_arn: task.container_instance_arn,
        containers: containers.into_iter().map(container_of).collect(),
        stop_code: task.stop_code.map(|c| c.as_str().to_owned()),
        stopped_reason: task.stopped_reason.map(Untrusted::new),
        created_at: task.created_at.and_then(timestamp),
        started_at: task.started_at.and_then(timestamp),
        stopping_at: task.stopping_at.and_then(timestamp),
        stopped_at: task.stopped_at.and_then(timestamp),
        pull_started_at: task.pull_started_at.and_then(timestamp),
        pull_stopped_at: task.pull_stopped_at.and_then(timestamp),
    })
}

fn container_of(container: sdk::Container) -> Container {
    let port = |p: Option<i32>| p.and_then(|p| u16::try_from(p).ok());
    Container {
        name: container.name.unwrap_or_default(),
        last_status: container.last_status,
        health_status: container.health_status.map(|s| s.as_str().to_owned()),
        exit_code: container.exit_code,
        reason: container.reason.map(Untrusted::new),
        bindings: container
            .network_bindings
            .unwrap_or_default()
            .into_iter()
            .filter_map(|b| Some((port(b.container_port)?, port(b.host_port)?)))
            .collect(),
    }
}
