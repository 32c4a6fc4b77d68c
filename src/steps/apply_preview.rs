//! Executes the plan of a preview, change by change. Decides nothing but what somebody else's race makes it: another
//! priority, or to wait for a service that is still on its way out. Names are the same for every run, so an ambiguous
//! failure is re-read, and what is found there is ours or nobody's.

use std::time::Duration;

use miette::Diagnostic;
use thiserror::Error;
use tokio::time::Instant;

use crate::aws::ecs::ServiceUpdate;
use crate::aws::{Aws, AwsError};
use crate::error::Error;
use crate::model::names::family_and_revision;
use crate::model::preview::PreviewOf;
use crate::model::service::{NewService, Service};
use crate::model::target::{Conditions, ListenerRule, Rewrite, RuleAction, TargetGroup};
use crate::plan::TaskDefinitionRef;
use crate::plan::preview::PreviewRefusal;
use crate::plan::preview::priority::allocate;
use crate::plan::preview::up::{Change, Plan, Tags};
use crate::report::{Report, Text};
use crate::steps::apply::update_service;
use crate::steps::patience::patiently;

/// After an ambiguous failure: how long reads may take to show what was made.
const SETTLE: Duration = Duration::from_secs(5);
/// So often a change is sent again that nobody knows of.
const SENDS: u32 = 3;
/// Fifty that ask at once for one of fifty priorities are through in less.
const PRIORITIES: u32 = 30;
/// A task has two minutes to end on Fargate; its target is let go within seconds.
const DRAINED_WITHIN: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug, Error, Diagnostic)]
pub enum ApplyError {
    #[error("the service {service} of this preview was being removed, and is still draining after {} minutes", DRAINED_WITHIN.as_secs() / 60)]
    #[diagnostic(
        code(shipway::deploy::still_draining),
        help(
            "its last task takes long to stop (`stopTimeout`, or a container instance that is gone): run again once `aws ecs describe-services` shows it INACTIVE"
        )
    )]
    StillDraining { service: String },

    #[error(
        "every priority that was asked for was taken by another run meanwhile, {PRIORITIES} times"
    )]
    #[diagnostic(
        code(shipway::deploy::priority_in_use),
        help("run again: many rules are being made on this listener at once")
    )]
    PriorityInUse,
}

/// What came of it, up to the first failure.
#[derive(Debug, Default)]
pub struct Applied {
    /// Anything at all was changed.
    pub changed: bool,
    pub target_group: Option<TargetGroup>,
    /// The revision that the service shall run now.
    pub task_definition: Option<String>,
    /// As it was made or updated.
    pub service: Option<Service>,
    /// Tags of what is there that could not be brought up to date: a warning, for the preview does not depend on it.
    pub not_tagged: Option<AwsError>,
}

/// What a plan is applied with.
pub struct Applying<'a> {
    pub aws: &'a Aws,
    pub of: &'a PreviewOf,
    /// As the base service was asked for.
    pub cluster: &'a str,
    /// The preview's, before.
    pub service: Option<&'a Service>,
    pub target_group: Option<&'a TargetGroup>,
    pub report: &'a Report,
}

impl Applying<'_> {
    pub async fn apply(&self, plan: &Plan, applied: &mut Applied) -> Result<(), Error> {
        applied.target_group = self.target_group.cloned();
        applied
            .task_definition
            .clone_from(&plan.previous_task_definition);
        for change in &plan.changes {
            self.change(&change.change, applied).await?;
            applied.changed = true;
        }
        Ok(())
    }

    async fn change(&self, change: &Change, applied: &mut Applied) -> Result<(), Error> {
        let group = applied.target_group.as_ref().map(|g| g.arn.clone());
        let group = group.unwrap_or_default();
        match change {
            Change::CreateTargetGroup { group, tags } => {
                let made = self.create_target_group(group, tags).await?;
                self.said("target group", &made.name);
                applied.target_group = Some(made);
            }
            Change::SetDeregistrationDelay { seconds } => {
                patiently(|| {
                    self.aws
                        .elbv2
                        .modify_target_group_attributes(&group, *seconds)
                })
                .await?;
            }
            Change::CreateRule {
                listener_arn,
                priority,
                conditions,
                rewrites,
                tags,
            } => {
                let new = NewRule {
                    listener_arn,
                    target_group_arn: group,
                    conditions,
                    rewrites,
                    tags,
                };
                self.create_rule(&new, *priority).await?;
            }
            Change::ModifyRule {
                rule_arn,
                conditions,
                rewrites,
            } => {
                let forward = RuleAction::Forward {
                    target_group_arn: group,
                };
                patiently(|| {
                    self.aws.elbv2.modify_rule(
                        rule_arn,
                        Some(conditions),
                        Some(&forward),
                        Some(rewrites),
                    )
                })
                .await?;
            }
            Change::RegisterTaskDefinition { document, tags, .. } => {
                let registered =
                    patiently(|| self.aws.ecs.register_task_definition(document, tags)).await?;
                let arn = registered.arn().map(str::to_owned).ok_or_else(|| {
                    AwsError::malformed("ecs:RegisterTaskDefinition", "taskDefinitionArn")
                })?;
                self.said("revision", family_and_revision(&arn));
                applied.task_definition = Some(arn);
            }
            Change::CreateService {
                service,
                task_definition,
                tags,
            } => {
                let revision = resolved(task_definition, applied);
                let made = self
                    .create_service(service, &revision, &group, tags)
                    .await?;
                self.said("service", &made.name);
                applied.service = Some(made);
            }
            Change::UpdateService {
                task_definition,
                desired_count,
                force_new_deployment,
            } => {
                let revision = task_definition.as_ref().map(|t| resolved(t, applied));
                let update = ServiceUpdate {
                    task_definition: revision,
                    desired_count: *desired_count,
                    force_new_deployment: *force_new_deployment,
                };
                if let Some(before) = self.service {
                    let updated = update_service(self.aws, self.cluster, before, &update).await?;
                    applied.service = Some(updated);
                }
            }
            Change::Tag {
                arns,
                service_arn,
                tags,
            } => {
                applied.not_tagged = tag(self.aws, arns, service_arn.as_deref(), tags)
                    .await
                    .err()
            }
        }
        Ok(())
    }

    fn said(&self, what: &str, name: &str) {
        self.report
            .line(Text::new().say(format!("made {what} ")).code(name));
    }

    /// The same again succeeds; other settings under this name are of a run before, or somebody else's.
    async fn create_target_group(
        &self,
        group: &TargetGroup,
        tags: &Tags,
    ) -> Result<TargetGroup, Error> {
        let elbv2 = &self.aws.elbv2;
        let error = match patiently(|| elbv2.create_target_group(group, tags)).await {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        if !error.is_code("DuplicateTargetGroupName") && !error.is_ambiguous() {
            return Err(error.into());
        }
        let Some(there) = patiently(|| elbv2.find_target_group(&group.name)).await? else {
            return Err(error.into());
        };
        let arn = [there.arn.clone()];
        let tagged = patiently(|| elbv2.describe_tags(&arn)).await?;
        self.check_ours("target group", tagged.first().map(|(_, tags)| tags))?;
        Ok(there)
    }

    fn check_ours(&self, what: &'static str, tags: Option<&Tags>) -> Result<(), PreviewRefusal> {
        let name = self.of.name();
        match tags.and_then(|tags| PreviewOf::of_tags(&name, tags)) {
            Some(_) => Ok(()),
            None => Err(PreviewRefusal::NotOurs { what, name }),
        }
    }

    async fn create_rule(&self, new: &NewRule<'_>, planned: u32) -> Result<(), Error> {
        let (mut priority, mut attempt, mut unknown) = (planned, 0, 0);
        loop {
            let error = match patiently(|| new.create(self.aws, priority)).await {
                Ok(_) => {
                    self.said("rule", &priority.to_string());
                    return Ok(());
                }
                Err(error) => error,
            };
            let taken = error.is_code("PriorityInUse");
            if error.is_ambiguous() {
                unknown += 1;
                tokio::time::sleep(SETTLE).await;
            }
            if !taken && !error.is_ambiguous() || unknown == SENDS {
                return Err(error.into());
            }
            let rules = patiently(|| self.aws.elbv2.describe_rules(new.listener_arn)).await?;
            if self.has_own(&rules, &new.target_group_arn).await? {
                self.said("rule", &priority.to_string());
                return Ok(());
            }
            if !taken {
                continue;
            }
            attempt += 1;
            if attempt == PRIORITIES {
                return Err(ApplyError::PriorityInUse.into());
            }
            let next = allocate(&rules, new.conditions, &self.of.name(), attempt)?;
            self.report.line(format!(
                "priority {priority} was taken meanwhile: the rule gets {next}"
            ));
            priority = next;
        }
    }

    /// Whether a rule of ours is there: made by a call of which no answer came.
    async fn has_own(&self, rules: &[ListenerRule], group: &str) -> Result<bool, AwsError> {
        let leads = |r: &&ListenerRule| r.forwards_to.iter().any(|to| to.target_group_arn == group);
        let arns: Vec<String> = rules.iter().filter(leads).map(|r| r.arn.clone()).collect();
        if arns.is_empty() {
            return Ok(false);
        }
        let name = self.of.name();
        let tagged = patiently(|| self.aws.elbv2.describe_tags(&arns)).await?;
        Ok(tagged
            .iter()
            .any(|(_, tags)| PreviewOf::of_tags(&name, tags).is_some()))
    }

    /// Waits for one that is on its way out, and for ECS to see that the group is in use.
    async fn create_service(
        &self,
        new: &NewService,
        task_definition: &str,
        group: &str,
        tags: &Tags,
    ) -> Result<Service, Error> {
        let began = Instant::now();
        let (mut said, mut unknown) = (false, 0);
        loop {
            let ecs = &self.aws.ecs;
            let sent =
                patiently(|| ecs.create_service(self.cluster, new, task_definition, group, tags));
            let error = match sent.await {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let later = error.is_still_draining() || error.is_without_load_balancer();
            if !later && !error.is_ambiguous() {
                return Err(error.into());
            }
            unknown += u32::from(error.is_ambiguous());
            let names = [new.name.clone()];
            tokio::time::sleep(LOOK_AGAIN).await;
            let found = patiently(|| ecs.describe_services_and_tags(self.cluster, &names)).await?;
            let there = found.into_iter().find(|s| s.status != "INACTIVE");
            if let Some(there) = there {
                if there.status == "ACTIVE" {
                    return self.adopt(there, task_definition).await;
                }
                if !std::mem::replace(&mut said, true) {
                    let service = Text::new().say("service ").code(new.name.as_str());
                    self.report.line(
                        service
                            .say(" is still draining from its removal: waiting until it is gone"),
                    );
                }
            }
            if unknown == SENDS {
                return Err(error.into());
            }
            if began.elapsed() > DRAINED_WITHIN {
                return match error.is_still_draining() {
                    true => Err(ApplyError::StillDraining {
                        service: new.name.clone(),
                    }
                    .into()),
                    false => Err(error.into()),
                };
            }
        }
    }

    /// It is there after all: our own call made it, or another run of this preview.
    async fn adopt(&self, there: Service, task_definition: &str) -> Result<Service, Error> {
        self.check_ours("service", Some(&there.tags))?;
        if there.task_definition == task_definition {
            return Ok(there);
        }
        let update = ServiceUpdate {
            task_definition: Some(task_definition.to_owned()),
            ..ServiceUpdate::default()
        };
        update_service(self.aws, self.cluster, &there, &update).await
    }
}

/// Adds or replaces these tags on what the load balancer has of a preview, and on its service.
pub async fn tag(
    aws: &Aws,
    arns: &[String],
    service_arn: Option<&str>,
    tags: &Tags,
) -> Result<(), AwsError> {
    if !arns.is_empty() {
        patiently(|| aws.elbv2.add_tags(arns, tags)).await?;
    }
    if let Some(arn) = service_arn {
        patiently(|| aws.ecs.tag_resource(arn, tags)).await?;
    }
    Ok(())
}

fn resolved(task_definition: &TaskDefinitionRef, applied: &mut Applied) -> String {
    if let TaskDefinitionRef::Existing(arn) = task_definition {
        applied.task_definition = Some(arn.clone());
    }
    applied.task_definition.clone().unwrap_or_default()
}

struct NewRule<'a> {
    listener_arn: &'a str,
    target_group_arn: String,
    conditions: &'a Conditions,
    rewrites: &'a [Rewrite],
    tags: &'a Tags,
}

impl NewRule<'_> {
    async fn create(&self, aws: &Aws, priority: u32) -> Result<ListenerRule, AwsError> {
        let forward = RuleAction::Forward {
            target_group_arn: self.target_group_arn.clone(),
        };
        aws.elbv2
            .create_rule(
                self.listener_arn,
                priority,
                self.conditions,
                &forward,
                self.rewrites,
                self.tags,
            )
            .await
    }
}
