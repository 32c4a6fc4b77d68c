//! Takes a preview down as it was planned: what is gone is gone, what cannot be removed is noted with its reason, and the rest
//! is tried all the same. Decides nothing about what is whose.

use std::time::Duration;

use tokio::time::sleep;

use super::pace::Buckets;
use super::patience::patiently;
use crate::aws::{Aws, AwsError};
use crate::model::names::family_and_revision;
use crate::plan::preview::removal::{Removal, RemovalPlan};
use crate::report::{Report, Text, duration};

/// A rule that was deleted a moment ago may still count: ELBv2 is eventually consistent.
const IN_USE_PAUSES: [u64; 5] = [1, 2, 4, 8, 15];

/// What came of it.
#[derive(Debug, Default)]
pub struct Removed {
    pub gone: u32,
    pub left: Vec<Left>,
    /// A signal came: what follows was not tried.
    pub cancelled: bool,
}

#[derive(Debug)]
pub struct Left {
    pub what: Removal,
    pub why: WhyLeft,
}

#[derive(Debug)]
pub enum WhyLeft {
    Failed(AwsError),
    /// This is still there, and has to go first.
    Needs(Removal),
}

pub async fn remove(
    aws: &Aws,
    cluster: &str,
    plan: &RemovalPlan,
    buckets: &mut Buckets,
    report: &Report,
    cancel: &tokio_util::sync::CancellationToken,
) -> Removed {
    let mut removed = Removed::default();
    let revisions = plan.revisions();
    let takes = buckets.task_definitions.time_of(revisions);
    if takes > Duration::from_secs(5) {
        report.line(format!(
            "{revisions} revisions are deregistered slowly, for deploys share the rate that AWS allows: about {}",
            duration(takes)
        ));
    }
    let mut deregistered = 0;
    for removal in &plan.removals {
        // Between two calls: one that was sent is waited for.
        if cancel.is_cancelled() {
            removed.cancelled = true;
            return removed;
        }
        let blocker = removed.left.iter().find(|l| removal.needs_gone(&l.what));
        if let Some(blocker) = blocker {
            let why = WhyLeft::Needs(blocker.what.clone());
            removed.left.push(Left {
                what: removal.clone(),
                why,
            });
            continue;
        }
        match one(aws, cluster, removal, buckets).await {
            Ok(()) => {
                removed.gone += 1;
                match removal {
                    Removal::Revision { .. } => deregistered += 1,
                    _ => report.line(Text::new().say("removed ").join(name(removal))),
                }
            }
            Err(error) => {
                let left = Left {
                    what: removal.clone(),
                    why: WhyLeft::Failed(error),
                };
                report.line(sentence(&left));
                removed.left.push(left);
            }
        }
    }
    if deregistered > 0 {
        report.line(format!(
            "deregistered {}",
            counted(deregistered, "revision")
        ));
    }
    removed
}

async fn one(
    aws: &Aws,
    cluster: &str,
    removal: &Removal,
    buckets: &mut Buckets,
) -> Result<(), AwsError> {
    match removal {
        Removal::Rule { arn, .. } => {
            buckets.elbv2_changes.take().await;
            patiently(|| aws.elbv2.delete_rule(arn)).await
        }
        Removal::Service { name } => {
            buckets.services.take().await;
            patiently(|| aws.ecs.delete_service(cluster, name)).await
        }
        Removal::TargetGroup { arn, .. } => {
            let mut pauses = IN_USE_PAUSES.iter();
            loop {
                buckets.elbv2_changes.take().await;
                let deleted = patiently(|| aws.elbv2.delete_target_group(arn)).await;
                match (deleted, pauses.next()) {
                    (Err(e), Some(pause)) if e.is_code("ResourceInUse") => {
                        sleep(Duration::from_secs(*pause)).await;
                    }
                    (done, _) => return done,
                }
            }
        }
        Removal::Revision { arn } => {
            buckets.task_definitions.take().await;
            patiently(|| aws.ecs.deregister_task_definition(arn)).await
        }
        Removal::ImageTag { repository, tag } => {
            patiently(|| aws.ecr.delete_image_tag(repository, tag)).await
        }
    }
}

/// What it is, for people.
pub fn name(removal: &Removal) -> Text {
    let text = Text::new();
    match removal {
        Removal::Rule { priority, .. } => text.say(format!("the rule with priority {priority}")),
        Removal::Service { name } => text.say("service ").code(name),
        Removal::TargetGroup { name, .. } => text.say("target group ").code(name),
        Removal::Revision { arn } => text.say("revision ").code(family_and_revision(arn)),
        Removal::ImageTag { repository, tag } => {
            text.say("image tag ").code(format!("{repository}:{tag}"))
        }
    }
}

/// What could not be removed, and why.
pub fn sentence(left: &Left) -> Text {
    let text = name(&left.what).say(" is left: ");
    match &left.why {
        // Its words are one line already.
        WhyLeft::Failed(error) => text.quote(&error.to_string().into()),
        WhyLeft::Needs(blocker) => text.join(name(blocker)).say(" has to go first"),
    }
}

/// `1 revision`, `2 revisions`.
pub fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
