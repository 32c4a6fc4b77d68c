//! Takes a preview down as it was planned: what is gone is gone, what cannot be removed is noted with its reason, and the rest
//! is tried all the same. Decides nothing about what is whose.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

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
    cancel: &CancellationToken,
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
        let blocker = removed.left.iter().find(|l| removal.needs_gone(&l.what));
        if let Some(blocker) = blocker {
            let why = WhyLeft::Needs(blocker.what.clone());
            removed.left.push(Left {
                what: removal.clone(),
                why,
            });
            continue;
        }
        // Between two calls: one that was sent is waited for.
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                removed.cancelled = true;
                return removed;
            }
            () = take(removal, buckets) => {}
        }
        match one(aws, cluster, removal, cancel).await {
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

/// Waits until the bucket of its call allows it.
async fn take(removal: &Removal, buckets: &mut Buckets) {
    match removal {
        Removal::Rule { .. } | Removal::TargetGroup { .. } => buckets.elbv2_changes.take().await,
        Removal::Service { .. } => buckets.services.take().await,
        Removal::Revision { .. } => buckets.task_definitions.take().await,
        Removal::ImageTag { .. } => {}
    }
}

async fn one(
    aws: &Aws,
    cluster: &str,
    removal: &Removal,
    cancel: &CancellationToken,
) -> Result<(), AwsError> {
    match removal {
        Removal::Rule { arn, .. } => patiently(|| aws.elbv2.delete_rule(arn)).await,
        Removal::Service { name } => patiently(|| aws.ecs.delete_service(cluster, name)).await,
        Removal::TargetGroup { arn, .. } => delete_target_group(aws, arn, cancel).await,
        Removal::Revision { arn } => patiently(|| aws.ecs.deregister_task_definition(arn)).await,
        Removal::ImageTag { repository, tag } => {
            patiently(|| aws.ecr.delete_image_tag(repository, tag)).await
        }
    }
}

async fn delete_target_group(
    aws: &Aws,
    arn: &str,
    cancel: &CancellationToken,
) -> Result<(), AwsError> {
    let mut pauses = IN_USE_PAUSES.into_iter().map(Duration::from_secs);
    loop {
        let deleted = patiently(|| aws.elbv2.delete_target_group(arn)).await;
        let in_use = deleted.as_ref().is_err_and(|e| e.is_code("ResourceInUse"));
        let Some(pause) = pauses.next().filter(|_| in_use) else {
            return deleted;
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => return deleted,
            () = sleep(pause) => {}
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
