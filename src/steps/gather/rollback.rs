//! Which revision a service goes back to, and what stands in the way: read, never changed.
//!
//! By default the history of its service deployments tells. Where that may not be read or is not there, what the service
//! lists, and then the tags of its family's revisions, stand in for it.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::image::in_registry_of;
use super::service::described;
use crate::aws::{Aws, AwsError, Failure, Retries};
use crate::error::Error;
use crate::inputs::values::RollbackTo;
use crate::model::image::Image;
use crate::model::names::family_and_revision;
use crate::model::stamp::{self, Stamp, short};
use crate::model::task_definition::TaskDefinition;
use crate::plan::Found;
use crate::plan::rollback::{LOOKED_THROUGH, RollbackError, is_earlier, last_completed, later};
use crate::report::{Report, Text};

/// So many revisions are described at once.
const AT_ONCE: usize = 10;
/// Of the completed deployments so many are looked at: people go back by one or two.
const COMPLETED: usize = 60;

/// Where it goes, and why there.
pub struct Target {
    pub definition: TaskDefinition,
    pub arn: String,
    pub why: String,
}

/// `leaving` is what shall not run any more.
pub async fn target(
    aws: &Aws,
    found: &Found,
    leaving: &str,
    to: Option<&RollbackTo>,
    report: &Report,
) -> Result<Target, Error> {
    let family = found.live.family().unwrap_or_default();
    let (named, why) = match to {
        Some(RollbackTo::Revision(revision)) => {
            (format!("{family}:{revision}"), "`to` names it".to_owned())
        }
        Some(RollbackTo::Named(name)) => (name.clone(), "`to` names it".to_owned()),
        Some(RollbackTo::Commit(commit)) => {
            let definition = of_commit(aws, family, commit).await?;
            let why = format!("the newest revision of commit {}", short(commit));
            return of(definition, why);
        }
        None => last(aws, found, leaving, report).await?,
    };
    let definition = described(aws, &named)
        .await?
        .ok_or_else(|| RollbackError::NoRevision {
            to: family_and_revision(&named).to_owned(),
            family: family.to_owned(),
        })?;
    of(definition, why)
}

fn of(definition: TaskDefinition, why: String) -> Result<Target, Error> {
    let arn = definition
        .arn()
        .map(str::to_owned)
        .ok_or_else(|| AwsError::malformed("ecs:DescribeTaskDefinition", "taskDefinitionArn"))?;
    if !definition.is_active() {
        return Err(RollbackError::Inactive {
            revision: family_and_revision(&arn).to_owned(),
        }
        .into());
    }
    Ok(Target {
        definition,
        arn,
        why,
    })
}

/// The last revision that completed before the one that is left, and why it is that.
async fn last(
    aws: &Aws,
    found: &Found,
    leaving: &str,
    report: &Report,
) -> Result<(String, String), Error> {
    let (family, left) = (
        found.live.family().unwrap_or_default(),
        family_and_revision(leaving),
    );
    let completed = match completed(aws, found).await {
        Ok(completed) => completed,
        Err(AwsError {
            failure: Failure::Denied { permission },
            ..
        }) => {
            report.line(
                Text::new()
                    .say("which deployments completed may not be read (")
                    .code(permission)
                    .say("): going by what the service lists, and by tags"),
            );
            Vec::new()
        }
        Err(e) => return Err(e.into()),
    };
    if let Some(arn) = last_completed(&completed, leaving) {
        return Ok((
            arn.clone(),
            format!("the last revision that completed before {left}"),
        ));
    }
    let nothing = || RollbackError::Nothing {
        leaving: left.to_owned(),
        family: family.to_owned(),
    };
    // History that is there is believed: a revision that never completed is none to go back to.
    if !completed.is_empty() {
        return Err(nothing().into());
    }
    let listed = found.service.deployments.iter().find(|d| {
        d.rollout_state.as_deref() == Some("COMPLETED") && is_earlier(&d.task_definition, leaving)
    });
    if let Some(listed) = listed {
        return Ok((
            listed.task_definition.clone(),
            format!("it completed before {left}, and still runs"),
        ));
    }
    let earlier = revisions(aws, family).await?;
    let earlier = earlier.into_iter().filter(|arn| is_earlier(arn, leaving));
    let tagged = |definition: &TaskDefinition| Stamp::of(&definition.tags).commit.is_some();
    let definition = first(aws, earlier.collect(), tagged)
        .await?
        .ok_or_else(nothing)?;
    let why = format!(
        "the last revision before {left} that is tagged with a commit; whether it completed is not known"
    );
    Ok((definition.arn().unwrap_or_default().to_owned(), why))
}

/// Task definitions whose deployments to this service were SUCCESSFUL, the newest first.
async fn completed(aws: &Aws, found: &Found) -> Result<Vec<String>, AwsError> {
    let history = aws
        .ecs
        .list_service_deployments(&found.cluster, &found.service.name, None, Retries::Sdk)
        .await?;
    let successful = history.into_iter().filter(|b| b.status == "SUCCESSFUL");
    let revisions: Vec<String> = successful
        .filter_map(|b| b.target_service_revision_arn)
        .take(COMPLETED)
        .collect();
    let described = aws.ecs.describe_service_revisions(&revisions).await?;
    let definition = |revision: &String| {
        let found = described.iter().find(|(arn, _)| arn == revision);
        found.map(|(_, definition)| definition.clone())
    };
    Ok(revisions.iter().filter_map(definition).collect())
}

/// ListTaskDefinitions: those that are ACTIVE, the newest first, as many as are worth a look.
async fn revisions(aws: &Aws, family: &str) -> Result<Vec<String>, AwsError> {
    let mut all = aws.ecs.list_task_definitions(family).await?;
    // `familyPrefix` is documented as a whole name; a prefix would bring other families.
    all.retain(|arn| {
        family_and_revision(arn)
            .rsplit_once(':')
            .is_some_and(|(f, _)| f == family)
    });
    all.truncate(LOOKED_THROUGH as usize);
    Ok(all)
}

async fn of_commit(aws: &Aws, family: &str, commit: &str) -> Result<TaskDefinition, Error> {
    let is_it = |definition: &TaskDefinition| {
        let of = Stamp::of(&definition.tags).commit;
        of.is_some_and(|of| of.starts_with(commit))
    };
    let found = first(aws, revisions(aws, family).await?, is_it).await?;
    Ok(found.ok_or_else(|| RollbackError::NoCommit {
        commit: commit.to_owned(),
        family: family.to_owned(),
    })?)
}

/// The first of these revisions that is meant.
async fn first(
    aws: &Aws,
    named: Vec<String>,
    is_meant: impl Fn(&TaskDefinition) -> bool,
) -> Result<Option<TaskDefinition>, AwsError> {
    for some in named.chunks(AT_ONCE) {
        let looks = join_all(some.iter().map(|name| described(aws, name))).await;
        for looked in looks {
            if let Some(definition) = looked?.filter(&is_meant) {
                return Ok(Some(definition));
            }
        }
    }
    Ok(None)
}

/// Refuses a target whose images are gone. What cannot be looked up is said.
pub async fn check_images(
    aws: &Aws,
    found: &Found,
    target: &Target,
    report: &Report,
) -> Result<(), Error> {
    let images = target.definition.containers();
    let images: BTreeSet<&str> = images.filter_map(|c| c.get("image")?.as_str()).collect();
    for image in images {
        let Some((repository, reference)) = in_registry_of(&found.service.arn, image) else {
            report.line(
                Text::new()
                    .say("image ")
                    .code(image)
                    .say(" is in no ECR repository of this account and Region: whether it is still there was not checked"),
            );
            continue;
        };
        let there = match aws.ecr.batch_get_image(&repository, &reference).await {
            Ok(manifest) => manifest.is_some(),
            Err(e) if e.is_code("RepositoryNotFoundException") => false,
            Err(AwsError {
                failure: Failure::Denied { permission },
                ..
            }) => {
                report.line(
                    Text::new()
                        .say("whether image ")
                        .code(image)
                        .say(" is still there may not be asked (")
                        .code(permission)
                        .say("): not checked"),
                );
                continue;
            }
            Err(e) => return Err(e.into()),
        };
        if !there {
            return Err(RollbackError::ImageGone {
                revision: family_and_revision(&target.arn).to_owned(),
                image: image.to_owned(),
            }
            .into());
        }
        if Image::parse(image).is_some_and(|i| i.digest.is_none()) {
            report.line(
                Text::new()
                    .say("image ")
                    .code(image)
                    .say(" is named by its tag: what runs is what the tag means now"),
            );
        }
    }
    Ok(())
}

/// Refuses to go back behind a change of the database.
pub async fn check_migrations(
    aws: &Aws,
    found: &Found,
    leaving: &str,
    target: &Target,
) -> Result<(), Error> {
    let family = target.definition.family().unwrap_or_default();
    // What was rolled back from may be later than what is live.
    let registered = match aws.ecs.list_task_definitions(family).await {
        Ok(all) => all,
        Err(e) if matches!(e.failure, Failure::Denied { .. }) => Vec::new(),
        Err(e) => return Err(e.into()),
    };
    let mut known = vec![leaving, found.service.task_definition.as_str()];
    known.extend(registered.iter().map(String::as_str));
    let migrated =
        |definition: &TaskDefinition| stamp::value(&definition.tags, stamp::MIGRATION).is_some();
    let named = later(&target.arn, &known)?;
    match first(aws, named, migrated).await? {
        None => Ok(()),
        Some(definition) => Err(RollbackError::Migration {
            target: family_and_revision(&target.arn).to_owned(),
            migrated: family_and_revision(definition.arn().unwrap_or_default()).to_owned(),
        }
        .into()),
    }
}
