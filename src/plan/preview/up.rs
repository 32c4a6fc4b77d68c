//! The plan of `preview up`: (what was found, what is wanted) → changes with reasons, in the order in which they are made.
//! Pure. The same commit again is no change.

mod balancing;
mod checks;
mod service;
mod tags;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use super::PreviewRefusal;
use super::certificate::Certificates;
use super::derive::Inherited;
use super::routing::{BaseWay, Routing};
use crate::model::preview::PreviewOf;
use crate::model::service::{NewService, Service};
use crate::model::target::{
    Conditions, Listener, ListenerRule, LoadBalancer, Rewrite, TargetGroup,
};
use crate::model::task_definition::TaskDefinition;
use crate::plan::difference::Difference;
use crate::plan::service::{WantedImage, as_map, names_only};
use crate::plan::{self, TaskDefinitionRef};

pub use checks::{check, url};

/// Connections to a task that goes are given so long, in seconds: a preview serves nobody who pays.
pub const DEREGISTRATION_DELAY: u32 = 5;

/// What gather found.
#[derive(Clone, Debug)]
pub struct Found {
    pub of: PreviewOf,
    /// The base service; `source` and `live` are what it runs.
    pub base: plan::Found,
    /// Its group that the preview's is made after, and where it sends.
    pub base_group: TargetGroup,
    pub container_name: String,
    pub container_port: u16,
    /// The cluster has FARGATE_SPOT.
    pub spot: bool,
    pub place: Place,
    pub there: There,
    /// Other pull requests that have a preview of this base service; only counted where one more might be too many.
    pub others: Vec<u64>,
    pub certificates: Certificates,
}

/// Where the rule is, or goes.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub load_balancer: LoadBalancer,
    pub listener: Listener,
    /// Of that listener.
    pub rules: Vec<ListenerRule>,
    pub base_way: BaseWay,
}

/// What there is of the preview, by name and tag.
#[derive(Clone, Debug, Default)]
pub struct There {
    pub group: Option<(TargetGroup, Tags)>,
    pub rule: Option<(ListenerRule, Tags)>,
    /// Also one that is drained; never one that is gone.
    pub service: Option<Service>,
    /// What the service runs, or the newest of the family where there is no service.
    pub revision: Option<TaskDefinition>,
}

pub type Tags = Vec<(String, String)>;

#[derive(Clone, Debug)]
pub struct Wanted {
    pub image: WantedImage,
    pub commit: Option<String>,
    /// Of revisions beside the preview's own: which run registered it.
    pub run: Option<String>,
    pub now: Timestamp,
    pub expires_after: SignedDuration,
    pub routing: Routing,
    /// Instead of what the load balancer says.
    pub url: Option<String>,
    pub max_previews: u16,
    pub inherited: Inherited,
    pub environment_variables: Vec<(String, String)>,
    pub secrets: Vec<(String, String)>,
    pub command: Option<Vec<String>>,
    pub spot: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    pub preview: String,
    pub pull_request: u64,
    pub cluster: String,
    pub base_service: String,
    pub container: String,
    pub url: String,
    pub expires: Option<Timestamp>,
    pub image: Option<WantedImage>,
    /// In the order in which they are applied. Empty: nothing to do.
    pub changes: Vec<Reasoned>,
    /// ARN of the group that is there.
    pub target_group: Option<String>,
    pub service_arn: Option<String>,
    /// The revision that runs before the plan.
    pub previous_task_definition: Option<String>,
    /// What somebody should know, each with its code and advice.
    #[serde(skip)]
    pub warnings: Vec<PlanWarning>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanWarning {
    pub code: &'static str,
    pub text: String,
    pub help: &'static str,
}

pub type Reasoned = plan::service::Reasoned<Change>;

#[derive(Clone, Debug, Serialize)]
#[serde(
    tag = "change",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Change {
    CreateTargetGroup {
        /// Its ARN is AWS's to give.
        group: TargetGroup,
        #[serde(serialize_with = "as_map")]
        tags: Tags,
    },
    SetDeregistrationDelay {
        seconds: u32,
    },
    /// Forwards to the preview's group.
    CreateRule {
        listener_arn: String,
        priority: u32,
        conditions: Conditions,
        rewrites: Vec<Rewrite>,
        #[serde(serialize_with = "as_map")]
        tags: Tags,
    },
    /// The same, where one is there that does something else.
    ModifyRule {
        rule_arn: String,
        conditions: Conditions,
        rewrites: Vec<Rewrite>,
    },
    RegisterTaskDefinition {
        family: String,
        #[serde(serialize_with = "names_only")]
        document: Map<String, Value>,
        #[serde(serialize_with = "as_map")]
        tags: Tags,
        differences: Vec<Difference>,
    },
    CreateService {
        service: NewService,
        task_definition: TaskDefinitionRef,
        #[serde(serialize_with = "as_map")]
        tags: Tags,
    },
    UpdateService {
        task_definition: Option<TaskDefinitionRef>,
        desired_count: Option<u32>,
        force_new_deployment: bool,
    },
    /// Brings the tags of what is there up to date.
    Tag {
        /// Of the load balancer's.
        arns: Vec<String>,
        service_arn: Option<String>,
        #[serde(serialize_with = "as_map")]
        tags: Tags,
    },
}

impl Plan {
    pub fn register(&self) -> Option<&Map<String, Value>> {
        self.changes.iter().find_map(|c| match &c.change {
            Change::RegisterTaskDefinition { document, .. } => Some(document),
            _ => None,
        })
    }

    /// True when the service is made or updated.
    pub fn touches_service(&self) -> bool {
        let touches = |c: &Reasoned| {
            matches!(
                c.change,
                Change::CreateService { .. } | Change::UpdateService { .. }
            )
        };
        self.changes.iter().any(touches)
    }

    pub fn changes_anything(&self) -> bool {
        !self.changes.is_empty()
    }
}

pub fn plan(found: &Found, wanted: &Wanted) -> Result<Plan, PreviewRefusal> {
    check(found, wanted)?;
    let derived = checks::derived(found, wanted)?;
    let commit = wanted.commit.as_deref();
    let expires = wanted.now.checked_add(wanted.expires_after).ok();
    let tags = found.of.tags(commit, expires);
    let mut changes = Vec::new();
    add(&mut changes, balancing::target_group(found, &tags));
    add(&mut changes, balancing::delay(found));
    add(&mut changes, balancing::rule(found, wanted, &tags)?);
    let revision = service::revision(found, wanted, &derived, &mut changes);
    add(
        &mut changes,
        service::service(found, wanted, revision, &tags),
    );
    let tag = tags::tag(found, wanted, changes.is_empty(), &tags);
    add(&mut changes, tag);
    let there = &found.there;
    Ok(Plan {
        preview: found.of.name(),
        pull_request: found.of.pull_request,
        cluster: found.of.cluster.clone(),
        base_service: found.base.service.name.clone(),
        container: found.base.container.clone(),
        url: url(found, wanted),
        expires: match changes.is_empty() {
            true => tags::there_expires(found),
            false => expires,
        },
        image: Some(wanted.image.clone()),
        changes,
        target_group: there.group.as_ref().map(|(group, _)| group.arn.clone()),
        service_arn: active(found).map(|s| s.arn.clone()),
        previous_task_definition: active(found).map(|s| s.task_definition.clone()),
        warnings: checks::warnings(found, wanted, &derived),
    })
}

fn add(changes: &mut Vec<Reasoned>, change: Option<(Change, String)>) {
    changes.extend(change.map(|(change, why)| Reasoned { change, why }));
}

fn active(found: &Found) -> Option<&Service> {
    let service = found.there.service.as_ref();
    service.filter(|s| s.status == "ACTIVE")
}

#[cfg(test)]
#[path = "up_tests.rs"]
mod tests;
