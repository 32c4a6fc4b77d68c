//! What is watched once a plan was applied: a deployment, or a change of the desired count. Pure.

use crate::model::service::Service;
use crate::model::task_definition::TaskDefinition;
use crate::plan::{Found, Plan, TaskDefinitionRef};
use crate::rollout::{Balanced, Ours, RolloutTarget};
use crate::steps::apply::Applied;

/// What is watched after the plan was applied.
pub(super) fn target(
    found: &Found,
    plan: &Plan,
    applied: &Applied,
    service: &Service,
) -> RolloutTarget {
    let definition = deployed_definition(found, plan, applied);
    let primary = service.primary().cloned().unwrap_or_default();
    let groups = service.load_balancers.iter().filter_map(|entry| {
        let arn = entry.target_group_arn.as_ref()?;
        let group = found.target_groups.iter().find(|g| g.arn == *arn)?.clone();
        Some(Balanced {
            group,
            container_name: entry.container_name.clone().unwrap_or_default(),
            container_port: entry.container_port.unwrap_or_default(),
        })
    });
    let ours = Ours {
        deployment_id: primary.id,
        task_definition: applied.task_definition.clone(),
        created_at: primary.created_at,
        health_checked: definition
            .essential_containers()
            .into_iter()
            .filter(|c| definition.has_health_check(c))
            .map(str::to_owned)
            .collect(),
        target_groups: groups.collect(),
    };
    if plan.updates_service() && !plan.starts_deployment() {
        let events_after = found
            .service
            .events
            .iter()
            .filter_map(|e| e.created_at)
            .max();
        return RolloutTarget::Count {
            ours,
            desired: service.desired_count,
            events_after,
        };
    }
    RolloutTarget::Deployment {
        ours,
        service_deployment: None,
    }
}

fn deployed_definition(found: &Found, plan: &Plan, applied: &Applied) -> TaskDefinition {
    if let Some(document) = plan.register() {
        return TaskDefinition {
            document: document.clone(),
            tags: Vec::new(),
        };
    }
    let existing = plan.update_to();
    let is_source = matches!(existing, Some(TaskDefinitionRef::Existing(arn)) if *arn == applied.task_definition);
    if is_source {
        found.source.clone()
    } else {
        found.live.clone()
    }
}
