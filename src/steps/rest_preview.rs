//! Puts a preview to sleep, or wakes it, as it was planned. Decides nothing; does not wait for tasks.

use super::apply::update_service;
use super::pace::Buckets;
use super::patience::patiently;
use crate::aws::Aws;
use crate::aws::ecs::ServiceUpdate;
use crate::error::Error;
use crate::model::preview::expires_tag;
use crate::model::service::Service;
use crate::model::target::RuleAction;
use crate::plan::preview::parts::Parts;
use crate::plan::preview::rest::{RestStep, asleep_page};
use crate::report::{Report, Text};

/// What was done of it, up to the first failure.
#[derive(Debug, Default)]
pub struct Rested {
    pub changed: bool,
    /// As UpdateService answered, where the count was changed.
    pub service: Option<Service>,
}

pub async fn rest(
    aws: &Aws,
    cluster: &str,
    parts: &Parts,
    steps: &[RestStep],
    buckets: &mut Buckets,
    report: &Report,
    rested: &mut Rested,
) -> Result<(), Error> {
    for step in steps {
        match step {
            RestStep::Expires { service_arn, at } => {
                let tag = [expires_tag(*at)];
                patiently(|| aws.ecs.tag_resource(service_arn, &tag)).await?;
            }
            RestStep::SayAsleep { rule_arn } => {
                let page = RuleAction::FixedResponse {
                    status_code: "503".to_owned(),
                    content_type: "text/html".to_owned(),
                    message_body: asleep_page(parts.of.pull_request),
                };
                buckets.elbv2_changes.take().await;
                patiently(|| aws.elbv2.modify_rule(rule_arn, None, Some(&page), None)).await?;
                report.line("its address says now that it sleeps, and how to wake it");
            }
            RestStep::Forward {
                rule_arn,
                target_group_arn,
            } => {
                let forward = RuleAction::Forward {
                    target_group_arn: target_group_arn.clone(),
                };
                buckets.elbv2_changes.take().await;
                patiently(|| aws.elbv2.modify_rule(rule_arn, None, Some(&forward), None)).await?;
                report.line("its address leads to its tasks again");
            }
            RestStep::DesiredCount(count) => {
                let Some(service) = &parts.service else {
                    continue;
                };
                let update = ServiceUpdate {
                    desired_count: Some(*count),
                    ..ServiceUpdate::default()
                };
                buckets.services.take().await;
                let updated = update_service(aws, cluster, service, &update).await?;
                report.line(
                    Text::new()
                        .say("service ")
                        .code(service.name.as_str())
                        .say(format!(": desired count {count}")),
                );
                rested.service = Some(updated);
            }
        }
        rested.changed = true;
    }
    Ok(())
}
