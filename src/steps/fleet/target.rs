//! What is watched of a service whose desired count was changed, out of what UpdateService answered.

use crate::model::service::{Deployment, Service, ServiceLoadBalancer};
use crate::model::target::TargetGroup;
use crate::rollout::{Balanced, Ours, RolloutTarget};

/// `health_checked`: essential containers with a health check.
pub fn target(service: &Service, health_checked: Vec<String>) -> RolloutTarget {
    let of_task_set = primary_task_set(service);
    let primary = of_task_set
        .map(|set| &set.deployment)
        .or_else(|| service.primary())
        .cloned()
        .unwrap_or_default();
    let balancers = match of_task_set {
        Some(set) => set.load_balancers.as_slice(),
        None if is_rolling(service) => service.load_balancers.as_slice(),
        // Which of two target groups its tasks are in now is not told here: the tasks alone are looked at.
        None => &[],
    };
    RolloutTarget::Count {
        ours: Ours {
            deployment_id: primary.id,
            task_definition: primary.task_definition,
            created_at: primary.created_at,
            health_checked,
            target_groups: balancers
                .iter()
                .filter_map(|entry| balanced(service, entry))
                .collect(),
            previous: None,
        },
        desired: service.desired_count,
        events_after: service.events.iter().filter_map(|e| e.created_at).max(),
    }
}

fn primary_task_set(service: &Service) -> Option<&crate::model::service::TaskSet> {
    service
        .task_sets
        .iter()
        .find(|set| set.deployment.status == "PRIMARY")
}

/// Services of other deployment controllers have task sets in place of deployments.
pub fn with_deployments(mut service: Service) -> Service {
    if service.deployments.is_empty() {
        let sets = service.task_sets.iter();
        service.deployments = sets.map(|set| completed(&set.deployment)).collect();
    }
    service
}

fn completed(set: &Deployment) -> Deployment {
    Deployment {
        rollout_state: Some("COMPLETED".to_owned()),
        ..set.clone()
    }
}

fn is_rolling(service: &Service) -> bool {
    matches!(
        service.deployment_configuration.strategy.as_str(),
        "" | "ROLLING"
    )
}

/// A target group as its ARN and the service tell of it: `ip` where tasks have addresses of their own, as ECS demands.
fn balanced(service: &Service, entry: &ServiceLoadBalancer) -> Option<Balanced> {
    let arn = entry.target_group_arn.as_ref()?;
    let target_type = match service.network {
        Some(_) => "ip",
        None => "instance",
    };
    Some(Balanced {
        group: TargetGroup {
            arn: arn.clone(),
            name: arn.rsplit('/').nth(1).unwrap_or(arn).to_owned(),
            target_type: target_type.to_owned(),
            ..TargetGroup::default()
        },
        alternate: None,
        container_name: entry.container_name.clone().unwrap_or_default(),
        container_port: entry.container_port.unwrap_or_default(),
    })
}
