//! Which of two target groups is ours: asked once our tasks run, for then ECS has settled it; done without where it cannot
//! be read.

use std::time::Duration;

use super::super::groups::revision_arn;
use super::super::observation::find;
use super::super::{News, Observation, RolloutTarget, Unseen};
use super::{Because, Held, MISSING, Rollout, denied};

#[derive(Debug, Default)]
pub(super) enum Groups {
    /// The service has one target group for each entry, or ours is known.
    #[default]
    Settled,
    Sought(Held),
    /// Our tasks are all that is looked at.
    Unreadable,
}

impl Groups {
    pub fn of(target: &RolloutTarget) -> Groups {
        match target.ours().may_move() {
            true => Groups::Sought(Held::default()),
            false => Groups::Settled,
        }
    }
}

impl Rollout {
    /// The ARN of our revision, when what it has is to be asked for.
    pub fn asks_revision(&self, seen: &Observation) -> Option<String> {
        let service = seen.service.as_ref().ok()?;
        let ours = self.target.ours();
        let runs = find(service, ours).is_some_and(|d| d.running_count > 0);
        let due = runs || self.ecs_is_done(seen);
        if !due || !matches!(self.groups, Groups::Sought(_)) {
            return None;
        }
        let told = seen.deployment.as_ref().ok();
        told.and_then(|d| d.target_service_revision_arn.clone())
            .or_else(|| revision_arn(service, &ours.deployment_id))
    }

    pub(super) fn note_groups(
        &mut self,
        seen: &Observation,
        elapsed: Duration,
        news: &mut Vec<News>,
    ) {
        let Groups::Sought(unresolved) = &mut self.groups else {
            return;
        };
        let permission = denied(&seen.own_groups);
        let settled = match &seen.own_groups {
            Ok(resolved) => self.target.ours_mut().settle_groups(resolved),
            Err(Unseen::Skipped | Unseen::Throttled) => return,
            Err(_) => false,
        };
        if settled {
            self.groups = Groups::Settled;
            // Its targets were not looked at yet.
            self.asked_at = None;
        } else if permission.is_some() || unresolved.at_least(MISSING, true, elapsed) {
            self.groups = Groups::Unreadable;
            let operation = "ecs:DescribeServiceRevisions".to_owned();
            news.push(News::GroupUnknown {
                permission: permission.clone(),
            });
            self.deployed_instead(
                Because::TargetHealthDenied {
                    permission: permission.unwrap_or(operation),
                },
                news,
            );
        }
    }
}
