//! What there is of many services in a Region: which are meant, how they stand, what was kept of them, and what autoscaling may
//! do with them. Reads in batches, in AWS's pace; keeps of each service only what a plan needs.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::aws::autoscaling::RESOURCES_PER_CALL;
use crate::aws::ecs::SERVICES_PER_CALL;
use crate::aws::ssm::NAMES_PER_CALL;
use crate::aws::{AwsError, Failure};
use crate::model::autoscaling::{ScalingActivity, resource_id};
use crate::model::names::last_segment;
use crate::model::preview::PreviewOf;
use crate::model::service::Service;
use crate::model::sleep::{KEEP_AWAKE, SCALE, Saved};
use crate::plan::scale::decide::{in_question, moved_by_autoscaling};
use crate::plan::scale::selection::{Selection, Tally};
use crate::plan::scale::{Autoscaling, Found, Kept, Place, To};
use crate::steps::fleet::Region;
use crate::steps::fleet::pacing::{Halt, Lane};

/// Reads that are on their way at once: the pace is the lanes', this bounds what their answers take of memory.
const AT_ONCE: usize = 8;
/// Of so many autoscaled services, scheduled actions are asked for one by one; of more, all of the Region's together.
const ONE_BY_ONE: usize = 10;

/// In the order of cluster and name.
#[derive(Debug)]
pub struct Fleet {
    pub found: Vec<Found>,
    pub tally: Tally,
}

pub async fn gather(region: &Region, selection: &Selection, to: To) -> Result<Fleet, Halt> {
    let mut tally = selection.tally();
    let clusters = clusters(region, selection, &mut tally).await?;
    let names = names(region, selection, clusters, &mut tally).await?;
    let mut found: Vec<Found> = Vec::new();
    let mut described = stream::iter(names.iter().flat_map(|(cluster, services)| {
        services
            .chunks(SERVICES_PER_CALL)
            .map(move |some| describe(region, cluster, some))
    }))
    .buffer_unordered(AT_ONCE);
    // What was called by its name is counted when it is seen.
    let (clusters_unseen, services_unseen) = (
        selection.clusters_by_name().is_some() && selection.services_by_name().is_some(),
        selection.services_by_name().is_some(),
    );
    while let Some((cluster, services)) = described.try_next().await? {
        let Some(services) = services else { continue };
        if clusters_unseen {
            selection.takes_cluster(cluster, &mut tally);
        }
        for service in services.iter().filter(|s| s.status == "ACTIVE") {
            let meant =
                !services_unseen || selection.takes_name(cluster, &service.name, &mut tally);
            if meant && selection.takes_tags(&service.tags, &mut tally) {
                found.push(of(service, &region.name, cluster));
            }
        }
    }
    drop(described);
    found.sort_by(|a, b| (&a.cluster, &a.service).cmp(&(&b.cluster, &b.service)));
    look_closer(region, &mut found, to).await?;
    Ok(Fleet { found, tally })
}

/// The same services once more: `deploying` may be over, and everything else may have changed meanwhile.
pub async fn again(region: &Region, before: &[Found], to: To) -> Result<Vec<Found>, Halt> {
    let mut found = Vec::new();
    for some in before.chunk_by(|a, b| a.cluster == b.cluster) {
        let names: Vec<String> = some.iter().map(|f| f.service.clone()).collect();
        for names in names.chunks(SERVICES_PER_CALL) {
            let (cluster, services) = describe(region, &some[0].cluster, names).await?;
            let services = services.unwrap_or_default();
            let active = services.iter().filter(|s| s.status == "ACTIVE");
            found.extend(active.map(|s| of(s, &region.name, cluster)));
        }
    }
    found.sort_by(|a, b| (&a.cluster, &a.service).cmp(&(&b.cluster, &b.service)));
    look_closer(region, &mut found, to).await?;
    Ok(found)
}

async fn look_closer(region: &Region, found: &mut [Found], to: To) -> Result<(), Halt> {
    autoscaling(region, found, to).await?;
    parameters(region, found).await?;
    moved(region, found).await
}

async fn clusters(
    region: &Region,
    selection: &Selection,
    tally: &mut Tally,
) -> Result<Vec<String>, Halt> {
    if let Some(clusters) = selection.clusters_by_name() {
        return Ok(clusters.to_vec());
    }
    let arns = region
        .lists
        .ecs
        .list_clusters()
        .await
        .map_err(Halt::Failed)?;
    Ok(arns
        .iter()
        .map(|arn| last_segment(arn).to_owned())
        .filter(|name| selection.takes_cluster(name, tally))
        .collect())
}

/// Of each cluster that is there.
async fn names(
    region: &Region,
    selection: &Selection,
    clusters: Vec<String>,
    tally: &mut Tally,
) -> Result<Vec<(String, Vec<String>)>, Halt> {
    if let Some(services) = selection.services_by_name() {
        return Ok(clusters
            .into_iter()
            .map(|cluster| (cluster, services.to_vec()))
            .collect());
    }
    let listed: Vec<(String, Option<Vec<String>>)> = stream::iter(clusters)
        .map(|cluster| async move {
            let send = || region.lists.ecs.list_services(&cluster);
            match region.pacer.call(Lane::Services, send).await {
                Ok(arns) => Ok((cluster, Some(arns))),
                Err(Halt::Failed(e)) if e.is_code("ClusterNotFoundException") => {
                    Ok((cluster, None))
                }
                Err(halt) => Err(halt),
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let by_name = selection.clusters_by_name().is_some();
    let mut names = Vec::new();
    for (cluster, arns) in listed {
        let Some(arns) = arns else { continue };
        if by_name {
            selection.takes_cluster(&cluster, tally);
        }
        let services = arns
            .iter()
            .map(|arn| last_segment(arn).to_owned())
            .filter(|name| selection.takes_name(&cluster, name, tally))
            .collect();
        names.push((cluster, services));
    }
    Ok(names)
}

/// At most ten of a cluster, with their tags. `None`: there is no such cluster.
async fn describe<'c>(
    region: &Region,
    cluster: &'c str,
    services: &[String],
) -> Result<(&'c str, Option<Vec<Service>>), Halt> {
    let send = || region.aws.ecs.describe_services_and_tags(cluster, services);
    match region.pacer.call(Lane::Services, send).await {
        Ok(services) => Ok((cluster, Some(services))),
        Err(Halt::Failed(e)) if e.is_no_such_service() => Ok((cluster, None)),
        Err(halt) => Err(halt),
    }
}

fn of(service: &Service, region: &str, cluster: &str) -> Found {
    let value = |key: &str| {
        let tag = service.tags.iter().find(|(k, _)| k == key);
        tag.map(|(_, value)| value.as_str())
    };
    Found {
        region: region.to_owned(),
        cluster: cluster.to_owned(),
        service: service.name.clone(),
        arn: service.arn.clone(),
        desired_count: service.desired_count,
        task_definition: service.task_definition.clone(),
        service_revision: service.current_service_revision.clone(),
        daemon: service.scheduling_strategy == "DAEMON",
        express: service.resource_management_type.as_deref() == Some("ECS"),
        deploying: deploying(service),
        keep_awake: value(KEEP_AWAKE).is_some(),
        preview: PreviewOf::of_tags(&service.name, &service.tags),
        tags: service.tags.len(),
        kept: value(SCALE).map(|text| Kept {
            place: Place::Tag,
            saved: Saved::parse(text),
        }),
        autoscaling: None,
        moved_by_autoscaling: false,
    }
}

/// Deployments on their way, or task sets beside the one that serves.
fn deploying(service: &Service) -> Vec<String> {
    let sets: Vec<&str> = match service.task_sets.len() {
        0 | 1 => Vec::new(),
        _ => service
            .task_sets
            .iter()
            .map(|s| s.deployment.id.as_str())
            .collect(),
    };
    let several = service.deployments.len() > 1;
    service
        .deployments
        .iter()
        .filter(|d| {
            d.rollout_state.as_deref() == Some("IN_PROGRESS") || (several && d.status == "PRIMARY")
        })
        .map(|d| d.id.as_str())
        .chain(sets)
        .map(str::to_owned)
        .collect()
}

async fn autoscaling(region: &Region, found: &mut [Found], to: To) -> Result<(), Halt> {
    let ids: Vec<String> = found
        .iter()
        .map(|f| resource_id(&f.cluster, &f.service))
        .collect();
    let aws = &region.aws.autoscaling;
    let targets: Vec<_> = stream::iter(ids.chunks(RESOURCES_PER_CALL))
        .map(|some| {
            let send = || aws.describe_scalable_targets(some);
            region.pacer.call(Lane::AutoScaling, send)
        })
        .buffer_unordered(AT_ONCE)
        .try_concat()
        .await?;
    let mut targets: BTreeMap<String, _> = targets
        .into_iter()
        .map(|t| (t.resource_id, t.bounds))
        .collect();
    let scheduled = match to {
        To::Zero => scheduled_actions(region, targets.keys()).await?,
        // What is scheduled does not stand in the way of anything else.
        To::Count(_) | To::Restore => Vec::new(),
    };
    for (found, id) in found.iter_mut().zip(&ids) {
        found.autoscaling = targets.remove(id).map(|bounds| Autoscaling {
            bounds,
            scheduled_actions: scheduled.iter().filter(|r| *r == id).count(),
        });
    }
    Ok(())
}

/// The resource of each.
async fn scheduled_actions(
    region: &Region,
    of: impl ExactSizeIterator<Item = &String>,
) -> Result<Vec<String>, Halt> {
    let aws = &region.aws.autoscaling;
    let ask = |resource: Option<&str>| {
        let resource = resource.map(str::to_owned);
        async move {
            let send = || aws.describe_scheduled_actions(resource.as_deref());
            region.pacer.call(Lane::AutoScaling, send).await
        }
    };
    match of.len() {
        0 => Ok(Vec::new()),
        n if n > ONE_BY_ONE => ask(None).await,
        _ => {
            let each = of.map(|id| ask(Some(id)));
            stream::iter(each)
                .buffer_unordered(AT_ONCE)
                .try_concat()
                .await
        }
    }
}

/// What was kept in SSM goes before a tag that another run may have left.
async fn parameters(region: &Region, found: &mut [Found]) -> Result<(), Halt> {
    if region.parameters.is_none() {
        return Ok(());
    }
    let names: Vec<String> = found
        .iter()
        .filter_map(|f| region.parameter(&f.cluster, &f.service))
        .collect();
    let aws = &region.aws.ssm;
    let values: Vec<_> = stream::iter(names.chunks(NAMES_PER_CALL))
        .map(|some| {
            let send = || aws.get_parameters(some);
            region.pacer.call(Lane::Reads, send)
        })
        .buffer_unordered(AT_ONCE)
        .try_concat()
        .await?;
    let values: BTreeMap<String, String> = values.into_iter().collect();
    for (found, name) in found.iter_mut().zip(names) {
        if let Some(text) = values.get(&name) {
            found.kept = Some(Kept {
                place: Place::Parameter(name),
                saved: Saved::parse(text),
            });
        }
    }
    Ok(())
}

/// Who set a desired count that is not what Shipway left.
async fn moved(region: &Region, found: &mut [Found]) -> Result<(), Halt> {
    for found in found.iter_mut().filter(|f| in_question(f).is_some()) {
        let activities = match found.autoscaling {
            Some(_) => activities(region, found).await?,
            None => Some(Vec::new()),
        };
        found.moved_by_autoscaling = moved_by_autoscaling(found, activities.as_deref());
    }
    Ok(())
}

async fn activities(region: &Region, of: &Found) -> Result<Option<Vec<ScalingActivity>>, Halt> {
    let id = resource_id(&of.cluster, &of.service);
    let send = || region.aws.autoscaling.describe_scaling_activities(&id);
    match region.pacer.call(Lane::AutoScaling, send).await {
        Ok(activities) => Ok(Some(activities)),
        Err(Halt::Failed(AwsError {
            failure: Failure::Denied { .. },
            ..
        })) => Ok(None),
        Err(halt) => Err(halt),
    }
}
