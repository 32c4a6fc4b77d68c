//! What there is before a deploy: the service, its task definitions, its target groups and its address.
//!
//! Reads only, and only what the plan and the preflight need: an unchanged rerun is a dozen calls.

use std::path::Path;

use serde_json::Value;

use super::url::{Way, leads_to, needs_dns_name, url};
use crate::aws::{Aws, Retries};
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
    /// Overrides the discovered address.
    pub url: Option<&'a str>,
    pub cwd: &'a Path,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TaskDefinitionFileError {
    #[error("cannot read the task definition file {file}: {source}")]
    #[diagnostic(
        code(shipway::config::task_definition_file),
        help(
            "`task-definition` with a `/` or ending in .json, .yaml or .yml is a file, from the working directory"
        )
    )]
    Unreadable {
        file: String,
        source: std::io::Error,
    },
    #[error("{file}:{line}:{column}: {message}")]
    #[diagnostic(
        code(shipway::config::task_definition_file),
        help("the file must hold one task definition, as RegisterTaskDefinition takes it")
    )]
    Syntax {
        file: String,
        line: usize,
        column: usize,
        message: String,
    },
    #[error("{file}: {message}")]
    #[diagnostic(
        code(shipway::config::task_definition_file),
        help("the file must hold one task definition, as RegisterTaskDefinition takes it")
    )]
    Shape { file: String, message: String },
}

/// Gathers it, refusing as early as the facts allow.
pub async fn gather(aws: &Aws, sought: &Sought<'_>) -> Result<Found, Error> {
    // A wrong file must not need the cloud to be found.
    let from_file = match sought.task_definition.filter(|t| is_file(t)) {
        Some(file) => Some(read_file(sought.cwd, file)?),
        None => None,
    };
    let service = describe_service(aws, sought.cluster, sought.service).await?;
    preflight::check_service(&service, sought.desired_count, true)?;

    let arns: Vec<String> = service
        .load_balancers
        .iter()
        .filter_map(|b| b.target_group_arn.clone())
        .collect();
    let (live, source, balancing) = tokio::join!(
        aws.ecs.describe_task_definition(&service.task_definition),
        source_of(aws, sought.task_definition, from_file),
        balancing(aws, &arns, sought.url.is_some()),
    );
    let live = live?;
    let source = source?.unwrap_or_else(|| live.clone());
    let (target_groups, discovered) = balancing?;
    let container = preflight::choose_container(&service, &source, sought.container_name)?;
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

fn is_file(task_definition: &str) -> bool {
    let lower = task_definition.to_lowercase();
    let by_ending = [".json", ".yaml", ".yml"]
        .iter()
        .any(|ending| lower.ends_with(ending));
    by_ending || (task_definition.contains('/') && !task_definition.starts_with("arn:"))
}

/// A task definition from a JSON or YAML file, member for member, numbers as written.
fn read_file(cwd: &Path, file: &str) -> Result<TaskDefinition, TaskDefinitionFileError> {
    let text = std::fs::read_to_string(cwd.join(file)).map_err(|source| {
        TaskDefinitionFileError::Unreadable {
            file: file.to_owned(),
            source,
        }
    })?;
    let syntax = |line, column, message| TaskDefinitionFileError::Syntax {
        file: file.to_owned(),
        line,
        column,
        message,
    };
    let document: Value = if file.to_lowercase().ends_with(".json") {
        serde_json::from_str(&text).map_err(|e| syntax(e.line(), e.column(), bare(&e)))?
    } else {
        serde_yaml::from_str(&text).map_err(|e| {
            let at = e.location().map_or((0, 0), |l| (l.line(), l.column()));
            syntax(at.0, at.1, bare(&e))
        })?
    };
    let shape = |message: &str| TaskDefinitionFileError::Shape {
        file: file.to_owned(),
        message: message.to_owned(),
    };
    let Value::Object(mut document) = document else {
        return Err(shape("it holds no object"));
    };
    // `aws ecs describe-task-definition` prints it one level down, tags beside it.
    let mut tags = document.shift_remove("tags");
    if let Some(Value::Object(inner)) = document.get("taskDefinition") {
        document = inner.clone();
    }
    if !document.get("family").is_some_and(Value::is_string) {
        return Err(shape("it has no `family`"));
    }
    let containers = document
        .get("containerDefinitions")
        .and_then(Value::as_array);
    if containers.is_none_or(Vec::is_empty) {
        return Err(shape("it has no `containerDefinitions`"));
    }
    let pairs = tags
        .as_mut()
        .and_then(Value::as_array_mut)
        .map(std::mem::take)
        .unwrap_or_default();
    let tags = pairs
        .iter()
        .filter_map(|t| {
            Some((
                t.get("key")?.as_str()?.to_owned(),
                t.get("value")?.as_str()?.to_owned(),
            ))
        })
        .collect();
    // A file is a wish, not a registered revision: its read-only members mean nothing here.
    for member in crate::model::task_definition::READ_ONLY {
        document.shift_remove(member);
    }
    Ok(TaskDefinition { document, tags })
}

/// A parser's reason without the place, which stands in front already.
fn bare(error: &dyn std::fmt::Display) -> String {
    let reason = error.to_string();
    reason
        .split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
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
    let missing = || PreflightError::NoTaskDefinition {
        task_definition: named.to_owned(),
    };
    let found = aws.ecs.describe_task_definition(named).await.map_err(|e| {
        let not_there = e.is_code("ClientException")
            && e.message.contains("Unable to describe task definition");
        if not_there {
            Error::from(missing())
        } else {
            e.into()
        }
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

/// The target groups, in the order asked, and the address of the first that has one.
async fn balancing(
    aws: &Aws,
    arns: &[String],
    url_is_known: bool,
) -> Result<(Vec<TargetGroup>, Option<String>), Error> {
    if arns.is_empty() {
        return Ok((Vec::new(), None));
    }
    let mut groups = aws.elbv2.describe_target_groups(arns).await?;
    groups.sort_by_key(|g| arns.iter().position(|a| *a == g.arn));
    if url_is_known {
        return Ok((groups, None));
    }
    for group in &groups {
        if let Some(url) = address_of(aws, group).await? {
            return Ok((groups, Some(url)));
        }
    }
    Ok((groups, None))
}

async fn address_of(aws: &Aws, group: &TargetGroup) -> Result<Option<String>, Error> {
    let mut listeners = Vec::new();
    for (index, balancer) in group.load_balancer_arns.iter().enumerate() {
        for listener in aws.elbv2.describe_listeners(balancer).await? {
            // The default action already says how to reach it by HTTP; a certificate wants the name that a rule may have.
            let by_default = leads_to(&listener.forwards_to, &group.arn);
            let needs_rules = !by_default || listener.protocol.as_deref() == Some("HTTPS");
            let rules = if needs_rules {
                aws.elbv2.describe_rules(&listener.arn).await?
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
