//! Which deployment's tasks answer, as far as was seen. Decides nothing.

use crate::model::service::{Deployment, Service};
use crate::model::task::Task;
use crate::model::verdict::Status;

use super::super::observation::find;
use super::super::serves::{ServesNow, Serving, Whose};
use super::super::serving::{desired_now, healthy_in};
use super::super::superseded::{Primary, primary};
use super::super::{Healthy, Observation, Ours};
use super::Rollout;

impl Rollout {
    /// Ours only when some of it were found healthy; a completed deployment before one that is still coming up.
    pub(super) fn serves_now(&self, status: Status) -> ServesNow {
        let Some(service) = &self.service else {
            return ServesNow::NotSeen;
        };
        let ours = self.target.ours();
        let healthy = |d: &Deployment| match d.id == ours.deployment_id {
            true => self.healthy().healthy,
            false => self.healthy_of(service, d),
        };
        let best = service
            .deployments
            .iter()
            .map(|d| (d, healthy(d)))
            .filter(|(_, healthy)| *healthy > 0)
            .filter(|(d, _)| d.id != ours.deployment_id || self.traffic() > 0.0)
            .max_by_key(|(d, healthy)| {
                (
                    d.id == ours.deployment_id && self.failing.is_none() && self.traffic() >= 50.0,
                    d.rollout_state.as_deref() == Some("COMPLETED"),
                    d.status == "PRIMARY",
                    *healthy,
                )
            });
        let Some((deployment, healthy)) = best else {
            return ServesNow::Nothing;
        };
        ServesNow::Revision(Serving {
            task_definition: deployment.task_definition.clone(),
            whose: self.whose(service, deployment, status),
            healthy: Healthy {
                healthy,
                of: desired_now(service, find(service, ours)),
            },
        })
    }

    /// Percent of production traffic that goes to ours: all of it where ECS shifts none.
    fn traffic(&self) -> f64 {
        let deployment = self.deployment.as_ref();
        deployment
            .and_then(|d| d.production_traffic)
            .unwrap_or(100.0)
    }

    fn whose(&self, service: &Service, deployment: &Deployment, status: Status) -> Whose {
        let ours = self.target.ours();
        if deployment.id == ours.deployment_id {
            return Whose::Ours;
        }
        let is_primary = deployment.status == "PRIMARY";
        let went_back = status == Status::RolledBack || self.failing.is_some();
        match primary(service, ours) {
            _ if went_back && is_primary => Whose::Back,
            Primary::Newer(newer) if newer.id == deployment.id => Whose::Newer,
            _ => Whose::Kept,
        }
    }

    /// Tasks of a deployment that answer: by this look's tasks and targets, where they were seen, else all that run.
    pub(super) fn healthy_of(&self, service: &Service, deployment: &Deployment) -> u32 {
        match &self.sight {
            Some(sight) => self.healthy_in(sight, service, deployment),
            None => deployment.running_count,
        }
    }

    pub(super) fn healthy_in(
        &self,
        sight: &Observation,
        service: &Service,
        deployment: &Deployment,
    ) -> u32 {
        let all = deployment.running_count;
        in_sight(sight, service, deployment, self.target.ours()).map_or(all, |n| n.min(all))
    }
}

/// `None`: tasks were not seen in this look.
fn in_sight(
    sight: &Observation,
    service: &Service,
    deployment: &Deployment,
    ours: &Ours,
) -> Option<u32> {
    let tasks = sight.tasks.as_ref().ok()?;
    let mut up: Vec<&Task> = tasks
        .iter()
        .filter(|t| t.started_by.as_deref() == Some(deployment.id.as_str()) && t.is_running())
        .filter(|t| t.health_status.as_deref() != Some("UNHEALTHY"))
        .collect();
    let theirs = up.clone();
    for (balanced, targets) in ours.target_groups.iter().zip(&sight.targets) {
        // Another revision's tasks are in the other of two target groups, which is not looked at.
        let elsewhere = balanced.alternate.is_some() && deployment.id != ours.deployment_id;
        if let (Ok(targets), false) = (targets, elsewhere) {
            let healthy = healthy_in(balanced, targets, &theirs, service, ours);
            up.retain(|t| healthy.contains(t.arn.as_str()));
        }
    }
    Some(u32::try_from(up.len()).unwrap_or(u32::MAX))
}
