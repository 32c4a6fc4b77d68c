//! Revision and service: what has to be registered, made or updated, and why. Pure.

use super::{Change, Found, Reasoned, Tags, Wanted, active};
use crate::model::service::{
    CapacityProvider, CircuitBreaker, DeploymentConfiguration, NewService,
};
use crate::plan::TaskDefinitionRef;
use crate::plan::difference::differences;
use crate::plan::preview::derive::Derived;

const SPOT: &str = "FARGATE_SPOT";

/// The revision to run: `None` where the service runs it already.
pub(super) fn revision(
    found: &Found,
    wanted: &Wanted,
    derived: &Derived,
    changes: &mut Vec<Reasoned>,
) -> Option<(TaskDefinitionRef, String)> {
    let next = &derived.definition;
    let there = found.there.revision.as_ref();
    let from_there = there.map(|r| differences(&r.document, &next.document));
    let same = there.filter(|r| {
        r.is_active() && r.arn().is_some() && from_there.as_ref().is_some_and(Vec::is_empty)
    });
    if let Some(same) = same {
        let arn = same.arn().unwrap_or_default().to_owned();
        if active(found).is_some_and(|s| s.task_definition == arn) {
            return None;
        }
        let why = format!("revision {} is exactly what is wanted", short(&arn));
        return Some((TaskDefinitionRef::Existing(arn), why));
    }
    let why = match (
        there.and_then(|r| r.arn()),
        from_there.as_ref().map(Vec::len),
    ) {
        (Some(arn), Some(0)) => format!("revision {} is no longer ACTIVE", short(arn)),
        (Some(arn), Some(1)) => format!("1 member differs from {}", short(arn)),
        (Some(arn), Some(n)) => format!("{n} members differ from {}", short(arn)),
        _ => format!(
            "made after {}, without what a preview must not have",
            short(&found.base.service.task_definition)
        ),
    };
    let differences =
        from_there.unwrap_or_else(|| differences(&found.base.live.document, &next.document));
    let mut tags = found.of.tags(wanted.commit.as_deref(), None);
    tags.extend(
        wanted
            .run
            .clone()
            .map(|run| ("shipway:run".to_owned(), run)),
    );
    changes.push(Reasoned {
        change: Change::RegisterTaskDefinition {
            family: found.of.name(),
            document: next.to_register(),
            tags,
            differences,
        },
        why: why.clone(),
    });
    Some((TaskDefinitionRef::JustRegistered, why))
}

pub(super) fn service(
    found: &Found,
    wanted: &Wanted,
    revision: Option<(TaskDefinitionRef, String)>,
    tags: &Tags,
) -> Option<(Change, String)> {
    let Some(service) = active(found) else {
        let drained = found.there.service.is_some();
        let why = match drained {
            true => "the one before is still draining: it is waited for".to_owned(),
            false => format!("made after service {}", found.base.service.name),
        };
        let (task_definition, _) = revision?;
        let change = Change::CreateService {
            service: new_service(found, wanted),
            task_definition,
            tags: tags.clone(),
        };
        return Some((change, why));
    };
    let asleep = service.desired_count == 0;
    let state = service.primary().and_then(|p| p.rollout_state.as_deref());
    // ECS launches nothing more of it, though what kept it from coming up may be mended.
    let failed = revision.is_none() && !asleep && state == Some("FAILED");
    let why = match (&revision, asleep) {
        (Some((TaskDefinitionRef::JustRegistered, _)), _) => {
            "the service shall run the new revision".to_owned()
        }
        (Some((_, why)), _) => why.clone(),
        (None, true) => "the preview is asleep".to_owned(),
        (None, false) if failed => "its last deployment failed".to_owned(),
        (None, false) => return None,
    };
    let change = Change::UpdateService {
        task_definition: revision.map(|(reference, _)| reference),
        desired_count: asleep.then_some(1),
        force_new_deployment: failed,
    };
    Some((change, why))
}

/// ROLLING, one task, and back by itself when the next one does not come up. Nothing of the base service that others would
/// notice: no registries, no Service Connect, no alarms, no hooks, no scaling.
fn new_service(found: &Found, wanted: &Wanted) -> NewService {
    let base = &found.base.service;
    let fargate = base.on_fargate();
    let spot = wanted.spot && found.spot && fargate;
    let (launch_type, capacity_providers) = match spot {
        true => (
            None,
            vec![CapacityProvider {
                name: SPOT.to_owned(),
                weight: 1,
                base: 0,
            }],
        ),
        false => (base.launch_type.clone(), base.capacity_providers.clone()),
    };
    NewService {
        name: found.of.name(),
        desired_count: 1,
        launch_type: launch_type.filter(|_| capacity_providers.is_empty()),
        capacity_providers,
        platform_version: base.platform_version.clone().filter(|_| fargate),
        network: base.network.clone(),
        container_name: found.container_name.clone(),
        container_port: found.container_port,
        health_check_grace_period_seconds: base.health_check_grace_period_seconds,
        // The revision's tags say which commit a task runs.
        propagate_tags: "TASK_DEFINITION".to_owned(),
        deployment_configuration: DeploymentConfiguration {
            minimum_healthy_percent: Some(100),
            maximum_percent: Some(200),
            strategy: "ROLLING".to_owned(),
            circuit_breaker: Some(CircuitBreaker {
                enable: true,
                rollback: true,
                reset_on_healthy_task: None,
            }),
            ..DeploymentConfiguration::default()
        },
    }
}

fn short(task_definition: &str) -> &str {
    crate::model::names::family_and_revision(task_definition)
}
