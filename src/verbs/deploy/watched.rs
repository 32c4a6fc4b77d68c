//! What is watched once a plan was applied: a deployment, or a change of the desired count. Pure.

use crate::model::service::Service;
use crate::model::task_definition::TaskDefinition;
use crate::plan::{Found, Plan, TaskDefinitionRef};
use crate::rollout::RolloutTarget;
use crate::steps::apply::Applied;
use crate::verbs::watched;

/// What is watched after the plan was applied.
pub(super) fn target(
    found: &Found,
    plan: &Plan,
    applied: &Applied,
    service: &Service,
) -> RolloutTarget {
    let definition = deployed_definition(found, plan, applied);
    let mut ours = watched::ours(
        service,
        &applied.task_definition,
        &definition,
        &found.target_groups,
    );
    ours.previous = watched::previous(&found.service, &ours);
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
