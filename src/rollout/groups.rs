//! Which of two target groups a revision's tasks are in, where deployments shift traffic between two. Knows how ECS names
//! revisions. Asks nobody.

use crate::model::names::last_segment;
use crate::model::service::Service;

use super::Ours;

impl Ours {
    /// Whether a deployment moves between target groups: then the service alone does not tell which one is ours.
    pub fn may_move(&self) -> bool {
        self.target_groups.iter().any(|b| b.alternate.is_some())
    }

    /// Takes what ECS resolved for our revision. False where an entry's target group is none of its two.
    pub fn settle_groups(&mut self, resolved: &[String]) -> bool {
        let is_ours = |arn: &str| resolved.iter().any(|r| r == arn);
        let mut all = true;
        for balanced in &mut self.target_groups {
            if is_ours(&balanced.group.arn) {
                continue;
            }
            match &mut balanced.alternate {
                Some(other) if is_ours(&other.arn) => std::mem::swap(&mut balanced.group, other),
                Some(_) => all = false,
                None => {}
            }
        }
        all
    }
}

/// The ARN of the revision that a deployment (`ecs-svc/N`) brings: the service's, with `N`.
pub fn revision_arn(service: &Service, deployment_id: &str) -> Option<String> {
    let (before, _) = service.arn.split_once(":service/")?;
    Some(format!(
        "{before}:service-revision/{}/{}/{}",
        last_segment(&service.cluster_arn),
        service.name,
        last_segment(deployment_id)
    ))
}
