//! What is watched of a rollout: of a deploy and of a preview. Pure.

use crate::model::service::{Deployment, Service};
use crate::model::target::TargetGroup;
use crate::model::task_definition::TaskDefinition;
use crate::rollout::{Balanced, Ours};

/// The service's PRIMARY deployment, as the one to follow. `definition` is what `task_definition` names.
pub(super) fn ours(
    service: &Service,
    task_definition: &str,
    definition: &TaskDefinition,
    groups: &[TargetGroup],
) -> Ours {
    let primary = service.primary().cloned().unwrap_or_default();
    let groups = service.load_balancers.iter().filter_map(|entry| {
        let arn = entry.target_group_arn.as_ref()?;
        let by_arn = |arn: &String| groups.iter().find(|g| g.arn == *arn).cloned();
        let group = by_arn(arn)?;
        Some(Balanced {
            group,
            alternate: entry.alternate_target_group_arn.as_ref().and_then(by_arn),
            container_name: entry.container_name.clone().unwrap_or_default(),
            container_port: entry.container_port.unwrap_or_default(),
        })
    });
    Ours {
        deployment_id: primary.id,
        task_definition: task_definition.to_owned(),
        created_at: primary.created_at,
        health_checked: definition
            .essential_containers()
            .into_iter()
            .filter(|c| definition.has_health_check(c))
            .map(str::to_owned)
            .collect(),
        target_groups: groups.collect(),
        previous: None,
    }
}

/// The revision that there is to go back to: of the newest deployment of before that completed. `before` may show ours already,
/// where it is followed and not made.
pub(super) fn previous(before: &Service, ours: &Ours) -> Option<String> {
    let alone = before.deployments.len() == 1;
    let completed = |d: &&Deployment| match d.rollout_state.as_deref() {
        Some(state) => state == "COMPLETED",
        // A Classic Load Balancer's deployment has no rolloutState at all.
        None => alone,
    };
    before
        .deployments
        .iter()
        .filter(|d| d.id != ours.deployment_id)
        .filter(completed)
        .max_by_key(|d| d.created_at)
        .map(|d| d.task_definition.clone())
}

/// Something of it is on its way: it is followed even where nothing is to change.
pub(super) fn in_flight(service: &Service) -> bool {
    let state = service.primary().and_then(|p| p.rollout_state.as_deref());
    service.deployments.len() != 1 || state.is_some_and(|s| s != "COMPLETED")
}
