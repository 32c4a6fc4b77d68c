//! How a preview is taken down: what is removed, in which order, and what has to be gone before. Pure.
//!
//! The rule first, so that nobody is sent to a service that ends; then the service; then the target group, which ELBv2
//! deletes as soon as nothing refers to it ("Deleting a target group does not affect its registered targets": the drain need
//! not be waited for); then the revisions, which ECS keeps as INACTIVE; last the tag of the image.

use super::parts::Parts;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    Rule { arn: String, priority: String },
    Service { name: String },
    TargetGroup { arn: String, name: String },
    Revision { arn: String },
    ImageTag { repository: String, tag: String },
}

impl Removal {
    /// Whether it stays as long as the other is there: a group that a rule forwards to cannot be deleted, and a service that
    /// could not be deleted shall not lose what it runs on.
    pub fn needs_gone(&self, other: &Removal) -> bool {
        match other {
            Removal::Rule { .. } => matches!(self, Removal::TargetGroup { .. }),
            Removal::Service { .. } => {
                !matches!(self, Removal::Rule { .. } | Removal::Service { .. })
            }
            _ => false,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovalPlan {
    pub removals: Vec<Removal>,
    /// The image's only tag: ECR would delete the image with it, and nobody here knows who runs it.
    pub kept_tag: Option<String>,
}

impl RemovalPlan {
    pub fn revisions(&self) -> usize {
        let is_revision = |r: &&Removal| matches!(r, Removal::Revision { .. });
        self.removals.iter().filter(is_revision).count()
    }
}

pub fn plan(parts: &Parts) -> RemovalPlan {
    let mut plan = RemovalPlan::default();
    let mut remove = |removal| plan.removals.push(removal);
    for rule in &parts.rules {
        remove(Removal::Rule {
            arn: rule.arn.clone(),
            priority: rule.priority.clone(),
        });
    }
    if let Some(service) = parts.active_service() {
        remove(Removal::Service {
            name: service.name.clone(),
        });
    }
    if let Some(group) = &parts.target_group {
        remove(Removal::TargetGroup {
            arn: group.arn.clone(),
            name: group.name.clone(),
        });
    }
    for arn in &parts.revisions {
        remove(Removal::Revision { arn: arn.clone() });
    }
    match &parts.image_tag {
        Some(tag) if tag.alone => plan.kept_tag = Some(format!("{}:{}", tag.repository, tag.tag)),
        Some(tag) => remove(Removal::ImageTag {
            repository: tag.repository.clone(),
            tag: tag.tag.clone(),
        }),
        None => {}
    }
    plan
}

#[cfg(test)]
#[path = "removal_tests.rs"]
mod tests;
