//! What there is of previews: of one, or of every one of a base service. Reads only; what is whose is `plan/preview/parts`'s
//! to say, by name and tag.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::image::name_of;
use super::url::{Way, url};
use crate::aws::{Aws, AwsError, Retries};
use crate::error::Error;
use crate::inputs::arguments::PreviewArgs;
use crate::model::names::last_segment;
use crate::model::preview::{PreviewOf, is_preview_name};
use crate::model::service::Service;
use crate::model::target::{Listener, ListenerRule, LoadBalancer, TargetGroup};
use crate::plan::preflight::PreflightError;
use crate::plan::preview::parts::{
    Family, ImageTag, Parts, Seen, Sorted, Tags, may_be_of_a_preview, number_of_image_tag, sorted,
};
use crate::steps::patience::patiently;

/// How the name of every preview begins.
const BEFORE_NUMBER: &str = "pr-";

/// What to look for, as it was asked.
#[derive(Clone, Copy)]
pub struct Sought<'a> {
    pub cluster: &'a str,
    /// Name or ARN.
    pub base_service: &'a str,
    /// Names or ARNs; empty: the base service's.
    pub load_balancers: &'a [String],
    /// Of the previews' images, by name or URI.
    pub ecr_repository: Option<&'a str>,
    /// Whose pull requests the image tags are of.
    pub repository: Option<&'a str>,
}

impl<'a> Sought<'a> {
    pub fn of(args: &'a PreviewArgs, repository: Option<&'a str>) -> Sought<'a> {
        Sought {
            cluster: &args.base.cluster,
            base_service: &args.base.base_service,
            load_balancers: &args.preview.load_balancers,
            ecr_repository: args.build.ecr_repository.as_deref(),
            repository,
        }
    }
}

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Previews {
    pub sorted: Sorted,
    /// The tags of the images: nothing else depends on them.
    pub no_image_tags: Option<AwsError>,
}

/// Every preview of the base service.
pub async fn all(aws: &Aws, sought: &Sought<'_>) -> Result<Previews, Error> {
    let names = || async {
        let arns = patiently(|| aws.ecs.list_services(sought.cluster)).await?;
        let mut names: Vec<String> = arns.iter().map(|a| last_segment(a).to_owned()).collect();
        names.retain(|name| is_preview_name(name));
        Ok::<_, AwsError>(names)
    };
    let names = match names().await {
        Err(e) if e.is_code("ClusterNotFoundException") => return Err(no_cluster(sought)),
        names => names?,
    };
    let (services, groups, families) = tokio::join!(
        services(aws, sought.cluster, &names),
        target_groups(aws, is_preview_name),
        patiently(|| aws.ecs.list_task_definition_families(BEFORE_NUMBER)),
    );
    let mut families = families?;
    families.retain(|name| is_preview_name(name));
    let mut found = found(aws, sought, services?, groups?, families).await?;
    let base = last_segment(sought.base_service);
    let cluster = last_segment(sought.cluster);
    found
        .sorted
        .previews
        .retain(|p| p.of.base_service == base && p.of.cluster == cluster && !p.is_nothing());
    Ok(found)
}

/// The preview of one pull request, which may be nothing.
pub async fn one(
    aws: &Aws,
    sought: &Sought<'_>,
    of: &PreviewOf,
) -> Result<(Parts, Previews), Error> {
    let name = of.name();
    let (services, group, revisions) = tokio::join!(
        services(aws, sought.cluster, std::slice::from_ref(&name)),
        patiently(|| aws.elbv2.find_target_group(&name)),
        patiently(|| aws.ecs.list_task_definitions(&name)),
    );
    let services = match services {
        Err(e) if e.is_code("ClusterNotFoundException") => return Err(no_cluster(sought)),
        services => services?,
    };
    let mut groups = Vec::new();
    if let Some(group) = group? {
        groups = tagged(aws, vec![group]).await?;
    }
    let families = match revisions?.is_empty() {
        true => Vec::new(),
        false => vec![name.clone()],
    };
    let mut found = found(aws, sought, services, groups, families).await?;
    let sorted = &mut found.sorted;
    sorted.not_ours.retain(|n| n.name == name);
    let at = sorted.previews.iter().position(|p| p.of.name() == name);
    let mut parts = match at {
        Some(at) => sorted.previews.swap_remove(at),
        None => Parts::nothing(of.clone()),
    };
    let stray = std::mem::take(&mut sorted.stray_tags);
    if parts.image_tag.is_none() {
        let mine = |t: &ImageTag| t.pull_request == of.pull_request;
        parts.image_tag = stray.into_iter().find(mine);
    }
    Ok((parts, found))
}

/// The ACTIVE revisions of a preview's family that carry its tags, and how many do not.
pub async fn revisions(aws: &Aws, of: &PreviewOf) -> Result<(Vec<String>, usize), Error> {
    let name = of.name();
    let (mut ours, mut others) = (Vec::new(), 0);
    for arn in patiently(|| aws.ecs.list_task_definitions(&name)).await? {
        let definition = patiently(|| aws.ecs.describe_task_definition(&arn)).await?;
        let owner = PreviewOf::of_tags(&name, &definition.tags);
        match owner.is_some_and(|o| o.name() == name) {
            true => ours.push(arn),
            false => others += 1,
        }
    }
    Ok((ours, others))
}

async fn found(
    aws: &Aws,
    sought: &Sought<'_>,
    services: Vec<Service>,
    target_groups: Vec<(TargetGroup, Tags)>,
    families: Vec<String>,
) -> Result<Previews, Error> {
    let attached = target_groups
        .iter()
        .flat_map(|(group, _)| group.load_balancer_arns.iter().cloned());
    let balancers = load_balancers(aws, sought, attached.collect()).await?;
    let rules = rules(aws, &balancers).await?;
    let known: BTreeSet<&str> = services
        .iter()
        .map(|s| s.name.as_str())
        .chain(target_groups.iter().map(|(g, _)| g.name.as_str()))
        .chain(rules.iter().filter_map(|(_, tags, _)| preview_of(tags)))
        .collect();
    let mut described = Vec::new();
    for name in families {
        let newest = match known.contains(name.as_str()) {
            true => None,
            false => {
                let definition = patiently(|| aws.ecs.describe_task_definition(&name)).await?;
                Some((definition.tags.clone(), registered_at(&definition.document)))
            }
        };
        described.push(Family { name, newest });
    }
    let (image_tags, no_image_tags) = match image_tags(aws, sought).await {
        Ok(tags) => (tags, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let seen = Seen {
        services,
        target_groups,
        rules,
        families: described,
        image_tags,
    };
    Ok(Previews {
        sorted: sorted(seen, sought.repository),
        no_image_tags,
    })
}

fn preview_of(tags: &Tags) -> Option<&str> {
    let preview = |(key, _): &&(String, String)| key == crate::model::preview::PREVIEW;
    tags.iter().find(preview).map(|(_, name)| name.as_str())
}

/// `registeredAt` is a number of seconds.
fn registered_at(document: &serde_json::Map<String, serde_json::Value>) -> Option<Timestamp> {
    let seconds = document.get("registeredAt")?.as_f64()?;
    Timestamp::from_second(seconds as i64).ok()
}

/// Those that are there: an INACTIVE one is a memory of ECS.
async fn services(aws: &Aws, cluster: &str, names: &[String]) -> Result<Vec<Service>, AwsError> {
    let mut found = match names.is_empty() {
        true => Vec::new(),
        false => patiently(|| aws.ecs.describe_services_and_tags(cluster, names)).await?,
    };
    found.retain(|s| s.status != "INACTIVE");
    Ok(found)
}

async fn target_groups(
    aws: &Aws,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(TargetGroup, Tags)>, AwsError> {
    let mut groups = patiently(|| aws.elbv2.list_target_groups(None)).await?;
    groups.retain(|g| wanted(&g.name));
    tagged(aws, groups).await
}

async fn tagged(aws: &Aws, groups: Vec<TargetGroup>) -> Result<Vec<(TargetGroup, Tags)>, AwsError> {
    let arns: Vec<String> = groups.iter().map(|g| g.arn.clone()).collect();
    let mut tags = patiently(|| aws.elbv2.describe_tags(&arns)).await?;
    let tags_of = |arn: &str, tags: &mut Vec<(String, Tags)>| {
        let at = tags.iter().position(|(of, _)| of == arn);
        at.map(|at| tags.swap_remove(at).1).unwrap_or_default()
    };
    Ok(groups
        .into_iter()
        .map(|group| {
            let its = tags_of(&group.arn, &mut tags);
            (group, its)
        })
        .collect())
}

/// Where a preview's rule may stand: on the load balancers that were given, else on the base service's, and on those that its
/// target group is attached to. Without a base service, on any: a preview outlives it.
async fn load_balancers(
    aws: &Aws,
    sought: &Sought<'_>,
    attached: BTreeSet<String>,
) -> Result<Vec<LoadBalancer>, Error> {
    let mut arns = attached;
    if sought.load_balancers.is_empty() {
        let based = of_base(aws, sought).await?;
        if based.is_empty() {
            let mut all = patiently(|| aws.elbv2.list_load_balancers()).await?;
            all.retain(|b| b.kind == "application");
            return Ok(all);
        }
        arns.extend(based);
    }
    let mut found = Vec::new();
    for given in sought.load_balancers {
        match given.starts_with("arn:") {
            true => {
                arns.insert(given.clone());
            }
            // One that was deleted took its rules along.
            false => found.extend(patiently(|| aws.elbv2.find_load_balancer(given)).await?),
        }
    }
    arns.retain(|arn| found.iter().all(|b: &LoadBalancer| b.arn != *arn));
    if !arns.is_empty() {
        let arns: Vec<String> = arns.into_iter().collect();
        found.extend(patiently(|| aws.elbv2.describe_load_balancers(&arns)).await?);
    }
    Ok(found)
}

async fn of_base(aws: &Aws, sought: &Sought<'_>) -> Result<Vec<String>, Error> {
    let base = [sought.base_service.to_owned()];
    let services = match patiently(|| {
        aws.ecs
            .describe_services(sought.cluster, &base, Retries::Sdk)
    })
    .await
    {
        Err(e) if e.is_code("ServiceNotFoundException") => Vec::new(),
        services => services?,
    };
    let groups: Vec<String> = services
        .iter()
        .filter(|s| s.status == "ACTIVE")
        .flat_map(|s| &s.load_balancers)
        .filter_map(|b| b.target_group_arn.clone())
        .collect();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let groups = patiently(|| aws.elbv2.describe_target_groups(&groups)).await?;
    Ok(groups
        .into_iter()
        .flat_map(|g| g.load_balancer_arns)
        .collect())
}

/// Rules that may be a preview's, with their tags, and the address that each gives.
async fn rules(
    aws: &Aws,
    balancers: &[LoadBalancer],
) -> Result<Vec<(ListenerRule, Tags, Option<String>)>, AwsError> {
    let mut candidates: Vec<(ListenerRule, Option<String>)> = Vec::new();
    for balancer in balancers {
        for listener in patiently(|| aws.elbv2.describe_listeners(&balancer.arn)).await? {
            let rules = patiently(|| aws.elbv2.describe_rules(&listener.arn)).await?;
            for rule in rules.into_iter().filter(may_be_of_a_preview) {
                let url = address(balancer, &listener, &rule);
                candidates.push((rule, url));
            }
        }
    }
    let arns: Vec<String> = candidates.iter().map(|(r, _)| r.arn.clone()).collect();
    let tags = patiently(|| aws.elbv2.describe_tags(&arns)).await?;
    let tags_of = |arn: &str| {
        let found = tags.iter().find(|(of, _)| of == arn);
        found.map(|(_, tags)| tags.clone()).unwrap_or_default()
    };
    Ok(candidates
        .into_iter()
        .map(|(rule, url)| {
            let tags = tags_of(&rule.arn);
            (rule, tags, url)
        })
        .collect())
}

fn address(balancer: &LoadBalancer, listener: &Listener, rule: &ListenerRule) -> Option<String> {
    url(&[Way {
        load_balancer: balancer,
        listener,
        rule: Some(rule),
    }])
}

async fn image_tags(aws: &Aws, sought: &Sought<'_>) -> Result<Vec<ImageTag>, AwsError> {
    let Some(repository) = sought.ecr_repository.map(name_of) else {
        return Ok(Vec::new());
    };
    let all = patiently(|| aws.ecr.list_image_tags(repository))
        .await?
        .unwrap_or_default();
    let others = |digest: &str| all.iter().filter(|(_, d)| d == digest).count() > 1;
    Ok(all
        .iter()
        .filter_map(|(tag, digest)| {
            Some(ImageTag {
                repository: repository.to_owned(),
                tag: tag.clone(),
                pull_request: number_of_image_tag(tag)?,
                alone: !others(digest),
            })
        })
        .collect())
}

fn no_cluster(sought: &Sought<'_>) -> Error {
    PreflightError::NoCluster {
        cluster: sought.cluster.to_owned(),
    }
    .into()
}
