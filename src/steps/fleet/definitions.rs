//! What the tasks of services are made of: how much they take, which containers ECS checks, and whether their images are still
//! there. Each task definition and image is asked for once, however many services share it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::pacing::{Halt, Lane};
use super::{Broken, Region};
use crate::aws::Failure;
use crate::model::task_definition::TaskDefinition;
use crate::plan::scale::size::{self, TaskSize};
use crate::plan::scale::{Failed, Found, Note};
use crate::rollout::Facts;
use crate::steps::gather::image::in_registry_of;

/// What is remembered of a task definition.
#[derive(Debug)]
pub struct Known {
    pub size: Option<TaskSize>,
    /// Essential containers with a health check.
    pub health_checked: Vec<String>,
    /// For whoever has to say why its tasks do not come up.
    pub facts: Facts,
    containers: Vec<Contained>,
}

#[derive(Debug)]
struct Contained {
    name: String,
    image: String,
    /// `versionConsistency` is disabled: the tag counts, not what it meant when the service was deployed.
    by_tag: bool,
}

type Once<T> = Mutex<BTreeMap<String, Arc<OnceCell<T>>>>;

#[derive(Debug, Default)]
pub struct Definitions {
    known: Once<Arc<Known>>,
    images: Once<bool>,
}

fn cell<T>(of: &Once<T>, key: &str) -> Arc<OnceCell<T>> {
    let mut cells = of.lock().unwrap_or_else(PoisonError::into_inner);
    cells.entry(key.to_owned()).or_default().clone()
}

impl Definitions {
    /// DescribeTaskDefinition, once for each.
    pub async fn known(&self, region: &Region, arn: &str) -> Result<Arc<Known>, Halt> {
        let cell = cell(&self.known, arn);
        let known = cell.get_or_try_init(|| async {
            let send = || region.aws.ecs.describe_task_definition(arn);
            let definition = region.pacer.call(Lane::TaskDefinitions, send).await?;
            Ok::<_, Halt>(Arc::new(known(&definition)))
        });
        known.await.cloned()
    }

    /// Refuses a service of which an image is gone: no task of its could start. What may not be looked up is a note.
    pub async fn check_images(
        &self,
        region: &Region,
        found: &Found,
    ) -> Result<Option<Note>, Broken> {
        let checked = self.images_there(region, found).await;
        match checked {
            Ok(None) => Ok(None),
            Ok(Some(image)) => Err(Broken::Failed(gone(&image))),
            Err(Halt::Failed(error)) => match error.failure {
                Failure::Denied { permission } => Ok(Some(Note::ImageUnseen { permission })),
                _ => Err(Halt::Failed(error).into()),
            },
            Err(halt) => Err(halt.into()),
        }
    }

    /// The first image that is not there any more.
    async fn images_there(&self, region: &Region, found: &Found) -> Result<Option<String>, Halt> {
        let known = self.known(region, &found.task_definition).await?;
        let mut resolved = None;
        for container in &known.containers {
            let Some((repository, mut reference)) = in_registry_of(&found.arn, &container.image)
            else {
                continue;
            };
            if !reference.starts_with("sha256:") && !container.by_tag {
                // ECS settled on a digest when it was deployed; the tag may have moved on since.
                if resolved.is_none() {
                    resolved = Some(resolved_images(region, found).await?);
                }
                let digest = resolved
                    .iter()
                    .flatten()
                    .find(|(name, ..)| *name == container.name)
                    .and_then(|(_, _, digest)| digest.clone());
                match digest {
                    Some(digest) => reference = digest,
                    // Nobody knows which digest it is. The start will tell.
                    None => continue,
                }
            }
            if !self.is_there(region, &repository, &reference).await? {
                return Ok(Some(match container.image.contains(&reference) {
                    true => container.image.clone(),
                    false => format!("{} ({reference})", container.image),
                }));
            }
        }
        Ok(None)
    }

    async fn is_there(
        &self,
        region: &Region,
        repository: &str,
        reference: &str,
    ) -> Result<bool, Halt> {
        let cell = cell(&self.images, &format!("{repository}@{reference}"));
        let there = cell.get_or_try_init(|| async {
            let send = || region.aws.ecr.batch_get_image(repository, reference);
            match region.pacer.call(Lane::Reads, send).await {
                Ok(manifest) => Ok(manifest.is_some()),
                Err(Halt::Failed(e)) if e.is_code("RepositoryNotFoundException") => Ok(false),
                Err(halt) => Err(halt),
            }
        });
        there.await.copied()
    }
}

async fn resolved_images(
    region: &Region,
    found: &Found,
) -> Result<Vec<crate::aws::ecs::ResolvedImage>, Halt> {
    let Some(arn) = &found.service_revision else {
        return Ok(Vec::new());
    };
    let send = || {
        region
            .aws
            .ecs
            .describe_service_revision(arn, crate::aws::Retries::Sdk)
    };
    let revision = region.pacer.call(Lane::TaskDefinitions, send).await?;
    Ok(revision.map(|r| r.images).unwrap_or_default())
}

fn known(definition: &TaskDefinition) -> Known {
    let essential = definition.essential_containers().into_iter();
    let text = |c: &serde_json::Map<String, Value>, key: &str| {
        c.get(key).and_then(Value::as_str).map(str::to_owned)
    };
    Known {
        size: size::of(definition),
        health_checked: essential
            .filter(|c| definition.has_health_check(c))
            .map(str::to_owned)
            .collect(),
        facts: Facts::of(definition),
        containers: definition
            .containers()
            .filter_map(|c| {
                Some(Contained {
                    name: text(c, "name")?,
                    image: text(c, "image")?,
                    by_tag: text(c, "versionConsistency").as_deref() == Some("disabled"),
                })
            })
            .collect(),
    }
}

fn gone(image: &str) -> Failed {
    Failed::new(
        "shipway::deploy::image_gone",
        format!("its image {image} is not in Amazon ECR any more, so no task could start. It was not woken."),
        Some(
            "push the image again, or deploy another; what was kept of the service stays until it is restored"
                .to_owned(),
        ),
    )
}
