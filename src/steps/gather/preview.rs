//! What there is before `preview up`: the base service, the place for a rule, and what of the preview is there already.
//!
//! Reads only, few and patient ones: fifty pull requests may be pushed to at once.

mod certificates;
mod place;

use crate::aws::Aws;
use crate::error::Error;
use crate::inputs::arguments::PreviewArgs;
use crate::model::names::last_segment;
use crate::model::preview::{PreviewOf, is_preview_name};
use crate::model::service::{Service, ServiceLoadBalancer};
use crate::model::target::TargetGroup;
use crate::model::task_definition::TaskDefinition;
use crate::plan::preflight::{self, PreflightError};
use crate::plan::preview::PreviewRefusal;
use crate::plan::preview::routing::Routing;
use crate::plan::preview::up::{Found, Tags, There};
use crate::steps::patience::patiently;

/// Gathers it, refusing as early as the facts allow.
pub async fn gather(
    aws: &Aws,
    args: &PreviewArgs,
    of: &PreviewOf,
    routing: &Routing,
) -> Result<Found, Error> {
    let cluster = args.base.cluster.as_str();
    let (base, there) = services(aws, cluster, of).await?;
    check_base(&base)?;
    let fargate = base.on_fargate() && args.inherited.spot;
    let (live, groups, group, revision, spot) = tokio::join!(
        patiently(|| aws.ecs.describe_task_definition(&base.task_definition)),
        base_groups(aws, &base),
        own_group(aws, of),
        revision(aws, of, there.as_ref()),
        has_spot(aws, cluster, fargate),
    );
    let live = live?;
    let groups = groups?;
    let container = preflight::choose_container(&base, &live, args.base.container_name.as_deref())?;
    let (entry, base_group) = behind(&base, &groups, &container)?;
    let there = There {
        group: group?,
        rule: None,
        service: there,
        revision: revision?,
    };
    let others = others(aws, cluster, of, args.preview.max_previews, &there).await?;
    let sought = place::Sought {
        load_balancers: &args.preview.load_balancers,
        listener_port: args.preview.listener_port,
        of,
        routing,
        base_group: &base_group,
        base_groups: &groups,
    };
    let (place, rule) = place::find(aws, &sought, &there).await?;
    let certificates = certificates::of(aws, &place.listener, routing).await;
    Ok(Found {
        of: of.clone(),
        container_name: entry.container_name.unwrap_or_default(),
        container_port: entry.container_port.unwrap_or_default(),
        base: crate::plan::Found {
            cluster: cluster.to_owned(),
            service: base,
            source: live.clone(),
            live,
            container,
            target_groups: groups,
            url: None,
        },
        base_group,
        spot: spot?,
        place,
        there: There { rule, ..there },
        others,
        certificates,
    })
}

/// The base service and the preview's own, in one call.
async fn services(
    aws: &Aws,
    cluster: &str,
    of: &PreviewOf,
) -> Result<(Service, Option<Service>), Error> {
    let name = of.name();
    let asked = [of.base_service.clone(), name.clone()];
    let mut found = patiently(|| aws.ecs.describe_services_and_tags(cluster, &asked))
        .await
        .map_err(|e| match e.is_code("ClusterNotFoundException") {
            true => Error::from(PreflightError::NoCluster {
                cluster: cluster.to_owned(),
            }),
            false => e.into(),
        })?;
    let mut take = |name: &str| {
        let at = found.iter().position(|s| s.name == name)?;
        Some(found.swap_remove(at))
    };
    let base = take(&of.base_service).ok_or_else(|| PreflightError::NoService {
        cluster: cluster.to_owned(),
        service: of.base_service.clone(),
    })?;
    // ECS remembers a service that is gone for a while.
    let own = take(&name).filter(|s| s.status != "INACTIVE");
    if let Some(service) = &own {
        check_ours("service", &name, &service.tags)?;
    }
    Ok((base, own))
}

/// Name and tag must agree.
fn check_ours(what: &'static str, name: &str, tags: &Tags) -> Result<(), PreviewRefusal> {
    match PreviewOf::of_tags(name, tags) {
        Some(_) => Ok(()),
        None => Err(PreviewRefusal::NotOurs {
            what,
            name: name.to_owned(),
        }),
    }
}

fn check_base(base: &Service) -> Result<(), Error> {
    preflight::check_service(base, None, false)?;
    if base.scheduling_strategy != "REPLICA" {
        return Err(PreviewRefusal::NotReplica {
            service: base.name.clone(),
            strategy: base.scheduling_strategy.clone(),
        }
        .into());
    }
    Ok(())
}

async fn base_groups(aws: &Aws, base: &Service) -> Result<Vec<TargetGroup>, Error> {
    let arns: Vec<String> = base
        .load_balancers
        .iter()
        .flat_map(|b| b.target_groups().cloned())
        .collect();
    if arns.is_empty() {
        return Err(PreviewRefusal::NoLoadBalancer {
            service: base.name.clone(),
        }
        .into());
    }
    let mut groups = patiently(|| aws.elbv2.describe_target_groups(&arns)).await?;
    groups.sort_by_key(|g| arns.iter().position(|a| *a == g.arn));
    Ok(groups)
}

/// The entry that the preview is made after: one of an Application Load Balancer, whose groups speak HTTP; that of the
/// deployed container before others.
fn behind(
    base: &Service,
    groups: &[TargetGroup],
    container: &str,
) -> Result<(ServiceLoadBalancer, TargetGroup), PreviewRefusal> {
    let mut entries: Vec<(&ServiceLoadBalancer, &TargetGroup)> = base
        .load_balancers
        .iter()
        .filter_map(|entry| {
            let arn = entry.target_group_arn.as_ref()?;
            Some((entry, groups.iter().find(|g| g.arn == *arn)?))
        })
        .filter(|(_, group)| matches!(group.protocol.as_deref(), Some("HTTP" | "HTTPS")))
        .collect();
    entries.sort_by_key(|(entry, _)| entry.container_name.as_deref() != Some(container));
    let Some((entry, group)) = entries.into_iter().next() else {
        return Err(PreviewRefusal::NoLoadBalancer {
            service: base.name.clone(),
        });
    };
    if !matches!(group.target_type.as_str(), "ip" | "instance") {
        return Err(PreviewRefusal::TargetType {
            service: base.name.clone(),
            target_group: group.name.clone(),
            target_type: group.target_type.clone(),
        });
    }
    Ok((entry.clone(), group.clone()))
}

async fn own_group(aws: &Aws, of: &PreviewOf) -> Result<Option<(TargetGroup, Tags)>, Error> {
    let name = of.name();
    let Some(group) = patiently(|| aws.elbv2.find_target_group(&name)).await? else {
        return Ok(None);
    };
    let arn = [group.arn.clone()];
    let tags = patiently(|| aws.elbv2.describe_tags(&arn)).await?;
    let tags = tags.into_iter().next().map(|(_, tags)| tags);
    let tags = tags.unwrap_or_default();
    check_ours("target group", &name, &tags)?;
    Ok(Some((group, tags)))
}

/// What the preview's service runs; without one, the newest of the family, which an earlier run may have come as far as.
async fn revision(
    aws: &Aws,
    of: &PreviewOf,
    own: Option<&Service>,
) -> Result<Option<TaskDefinition>, Error> {
    let name = of.name();
    let active = own.filter(|s| s.status == "ACTIVE");
    let asked = active.map_or(name.as_str(), |s| s.task_definition.as_str());
    match patiently(|| aws.ecs.describe_task_definition(asked)).await {
        Ok(found) => {
            check_ours("task definition family", &name, &found.tags)?;
            Ok(Some(found))
        }
        Err(e) if e.is_code("ClientException") && active.is_none() => Ok(None),
        Err(e) => Err(e.into()),
    }
}

async fn has_spot(aws: &Aws, cluster: &str, asked: bool) -> Result<bool, Error> {
    if !asked {
        return Ok(false);
    }
    match patiently(|| aws.ecs.describe_cluster(cluster)).await {
        Ok(found) => {
            Ok(found.is_some_and(|c| c.capacity_providers.iter().any(|p| p == "FARGATE_SPOT")))
        }
        // It is a way to pay less, and no reason to have no preview.
        Err(e) if matches!(e.failure, crate::aws::Failure::Denied { .. }) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Pull requests of the other previews, where one more might be too many: names are counted first, for tags cost calls.
async fn others(
    aws: &Aws,
    cluster: &str,
    of: &PreviewOf,
    max: u16,
    there: &There,
) -> Result<Vec<u64>, Error> {
    if there.group.is_some() {
        return Ok(Vec::new());
    }
    let own = of.name();
    let arns = patiently(|| aws.ecs.list_services(cluster)).await?;
    let names: Vec<String> = arns
        .iter()
        .map(|arn| last_segment(arn).to_owned())
        .filter(|name| is_preview_name(name) && *name != own)
        .collect();
    if names.len() < usize::from(max) {
        return Ok(Vec::new());
    }
    let services = patiently(|| aws.ecs.describe_services_and_tags(cluster, &names)).await?;
    Ok(services
        .iter()
        .filter(|s| s.status == "ACTIVE")
        .filter_map(|s| PreviewOf::of_tags(&s.name, &s.tags))
        .filter(|other| other.base_service == of.base_service && other.cluster == of.cluster)
        .map(|other| other.pull_request)
        .collect())
}
