//! What there is before a deploy: the service, its task definitions, its target groups and its address.
//!
//! Reads only, and only what the plan and the preflight need: an unchanged rerun is a dozen calls.

use std::path::Path;

use super::task_definition_file::{self, is_file};
use super::url::{Way, leads_to, needs_dns_name, url};
use crate::aws::{Aws, AwsError, Retries};
use crate::error::Error;
use crate::model::service::Service;
use crate::model::target::{Listener, ListenerRule, LoadBalancer, TargetGroup};
use crate::model::task_definition::TaskDefinition;
use crate::plan::Found;
use crate::plan::preflight::{self, PreflightError};

/// What to look for, as it was asked.
pub struct Sought<'a> {
    pub cluster: &'a str,
    pub service: &'a str,
    pub container_name: Option<&'a str>,
    /// A family, `family:revision`, an ARN, or a file.
    pub task_definition: Option<&'a str>,
    pub desired_count: Option<u32>,
    /// Any container does where nothing tells which: none is changed.
    pub any_container: bool,
    /// Overrides the discovered address.
    pub url: Option<&'a str>,
    pub cwd: &'a Path,
}

/// Gathers it, refusing as early as the facts allow.
pub async fn gather(aws: &Aws, sought: &Sought<'_>) -> Result<Found, Error> {
    // A wrong file must not need the cloud to be found.
    let from_file = match sought.task_definition.filter(|t| is_file(t)) {
        Some(file) => Some(task_definition_file::read(sought.cwd, file)?),
        None => None,
    };
    let service = describe_service(aws, sought.cluster, sought.service).await?;
    preflight::check_service(&service, sought.desired_count, true)?;

    // Of two, either may be the one that answers: which, the weights and the revision tell.
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for entry in &service.load_balancers {
        let rule = entry.alternate_target_group_arn.as_ref();
        let rule = rule.and(entry.production_listener_rule.as_deref());
        entries.extend(entry.target_groups().map(|arn| (arn.as_str(), rule)));
    }
    let (live, source, balancing, in_flight) = tokio::join!(
        aws.ecs.describe_task_definition(&service.task_definition),
        source_of(aws, sought.task_definition, from_file),
        balancing(aws, &entries, sought.url.is_some()),
        super::in_flight::in_flight(aws, sought.cluster, &service, Retries::Sdk),
    );
    let live = live?;
    let source = source?.unwrap_or_else(|| live.clone());
    let (target_groups, discovered) = balancing?;
    let any = source.essential_containers().into_iter().next();
    let named = sought
        .container_name
        .or(any.filter(|_| sought.any_container));
    let container = preflight::choose_container(&service, &source, named)?;
    preflight::check_target_groups(&target_groups)?;
    let url = sought.url.map(str::to_owned).or(discovered);
    Ok(Found {
        cluster: sought.cluster.to_owned(),
        service,
        live,
        source,
        container,
        target_groups,
        url,
        in_flight: in_flight?,
    })
}

pub async fn describe_service(aws: &Aws, cluster: &str, service: &str) -> Result<Service, Error> {
    let nowhere = || PreflightError::NoService {
        cluster: cluster.to_owned(),
        service: service.to_owned(),
    };
    let found = match aws
        .ecs
        .describe_services(cluster, &[service.to_owned()], Retries::Sdk)
        .await
    {
        Ok(found) => found,
        Err(e) if e.is_code("ClusterNotFoundException") => {
            return Err(PreflightError::NoCluster {
                cluster: cluster.to_owned(),
            }
            .into());
        }
        Err(e) if e.is_no_such_service() => return Err(nowhere().into()),
        Err(e) => return Err(e.into()),
    };
    Ok(found.into_iter().next().ok_or_else(nowhere)?)
}

/// DescribeTaskDefinition; `None` where there is none of that name.
pub async fn described(aws: &Aws, named: &str) -> Result<Option<TaskDefinition>, AwsError> {
    match aws.ecs.describe_task_definition(named).await {
        Ok(found) => Ok(Some(found)),
        Err(e)
            if e.is_code("ClientException")
                && e.message.contains("Unable to describe task definition") =>
        {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

async fn source_of(
    aws: &Aws,
    named: Option<&str>,
    from_file: Option<TaskDefinition>,
) -> Result<Option<TaskDefinition>, Error> {
    if from_file.is_some() {
        return Ok(from_file);
    }
    let Some(named) = named else { return Ok(None) };
    let found = described(aws, named)
        .await?
        .ok_or_else(|| PreflightError::NoTaskDefinition {
            task_definition: named.to_owned(),
        })?;
    // Deregistered revisions can still be described.
    if !found.is_active() {
        return Err(PreflightError::TaskDefinitionInactive {
            task_definition: named.to_owned(),
        }
        .into());
    }
    Ok(Some(found))
}

/// A target group's ARN, and the rule that production traffic takes where the service has two.
type Entry<'a> = (&'a str, Option<&'a str>);

/// The target groups, in the order asked, and the address of the first that has one.
async fn balancing(
    aws: &Aws,
    entries: &[Entry<'_>],
    url_is_known: bool,
) -> Result<(Vec<TargetGroup>, Option<String>), Error> {
    let arns: Vec<String> = entries.iter().map(|(arn, _)| (*arn).to_owned()).collect();
    if arns.is_empty() {
        return Ok((Vec::new(), None));
    }
    let mut groups = aws.elbv2.describe_target_groups(&arns).await?;
    groups.sort_by_key(|g| arns.iter().position(|a| *a == g.arn));
    if url_is_known {
        return Ok((groups, None));
    }
    for group in &groups {
        let rule = entries.iter().find(|(arn, _)| *arn == group.arn);
        let production = rule.and_then(|(_, rule)| *rule);
        if let Some(url) = address_of(aws, group, production).await? {
            return Ok((groups, Some(url)));
        }
    }
    Ok((groups, None))
}

async fn address_of(
    aws: &Aws,
    group: &TargetGroup,
    production: Option<&str>,
) -> Result<Option<String>, Error> {
    let mut listeners = Vec::new();
    for (index, balancer) in group.load_balancer_arns.iter().enumerate() {
        for listener in aws.elbv2.describe_listeners(balancer).await? {
            // What leads to it besides is test traffic's way.
            if production.is_some_and(|rule| !is_of(rule, &listener)) {
                continue;
            }
            // The default action already says how to reach it by HTTP; a certificate wants the name that a rule may have.
            let by_default = leads_to(&listener.forwards_to, &group.arn);
            let needs_rules = !by_default || listener.protocol.as_deref() == Some("HTTPS");
            let rules = if needs_rules {
                let mut rules = aws.elbv2.describe_rules(&listener.arn).await?;
                if let Some(production) = production.filter(|p| *p != listener.arn) {
                    rules.retain(|r| r.arn == production);
                }
                rules
            } else {
                Vec::new()
            };
            listeners.push((index, listener, by_default, rules));
        }
    }
    let unnamed: Vec<LoadBalancer> = group
        .load_balancer_arns
        .iter()
        .map(|arn| LoadBalancer {
            arn: arn.clone(),
            ..LoadBalancer::default()
        })
        .collect();
    let ways = ways_to(group, &unnamed, &listeners);
    if !needs_dns_name(&ways) {
        return Ok(url(&ways));
    }
    let named = aws
        .elbv2
        .describe_load_balancers(&group.load_balancer_arns)
        .await?;
    let in_order: Vec<LoadBalancer> = unnamed
        .into_iter()
        .map(|u| named.iter().find(|n| n.arn == u.arn).cloned().unwrap_or(u))
        .collect();
    Ok(url(&ways_to(group, &in_order, &listeners)))
}

/// Whether a rule's ARN, or a listener's, is this listener's.
fn is_of(rule: &str, listener: &Listener) -> bool {
    let rules = listener.arn.replace(":listener/", ":listener-rule/") + "/";
    rule == listener.arn || rule.starts_with(&rules)
}

/// A listener, at which of the balancers, whether its default action leads to the group, and its rules.
type Listening = (usize, Listener, bool, Vec<ListenerRule>);

fn ways_to<'a>(
    group: &TargetGroup,
    balancers: &'a [LoadBalancer],
    listeners: &'a [Listening],
) -> Vec<Way<'a>> {
    let mut ways = Vec::new();
    for (index, listener, by_default, rules) in listeners {
        let Some(load_balancer) = balancers.get(*index) else {
            continue;
        };
        if *by_default {
            ways.push(Way {
                load_balancer,
                listener,
                rule: None,
            });
        }
        let ours = rules
            .iter()
            .filter(|r| r.priority != "default" && leads_to(&r.forwards_to, &group.arn));
        ways.extend(ours.map(|rule| Way {
            load_balancer,
            listener,
            rule: Some(rule),
        }));
    }
    ways
}
