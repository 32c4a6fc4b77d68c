//! The plan of a deploy to one service: (what was found, what is wanted) → changes with reasons. Pure.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::difference::{Difference, differences};
use super::in_flight::InFlight;
use super::overrides::Overrides;
use crate::model::image::Image;
use crate::model::service::Service;
use crate::model::target::TargetGroup;
use crate::model::task_definition::TaskDefinition;

/// What gather found about the service.
#[derive(Clone, Debug)]
pub struct Found {
    pub cluster: String,
    pub service: Service,
    /// What the service's PRIMARY deployment runs, tags included.
    pub live: TaskDefinition,
    /// What the next revision starts from; often the same.
    pub source: TaskDefinition,
    pub container: String,
    /// In the order of the service's `loadBalancers[]`.
    pub target_groups: Vec<TargetGroup>,
    pub url: Option<String>,
    /// A deployment that goes on already; often of another revision than the one that is wanted.
    pub in_flight: Option<InFlight>,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Absent: the image stays what the task definition says.
    pub image: Option<WantedImage>,
    pub environment_variables: Vec<(String, String)>,
    pub secrets: Vec<(String, String)>,
    pub command: Option<Vec<String>>,
    pub desired_count: Option<u32>,
    pub force_new_deployment: bool,
    /// Of new revisions: `shipway:commit`, `shipway:run`, `shipway:repository`.
    pub tags: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "state",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum WantedImage {
    Pushed(Image),
    /// Before the build: the digest is not known yet.
    NotPushedYet {
        repository: String,
        tag: String,
        /// Why it is not there, or does not do.
        why: String,
        creates_repository: bool,
    },
}

impl WantedImage {
    pub fn reference(&self) -> String {
        match self {
            WantedImage::Pushed(image) => image.reference(),
            // Equal to no reference that a task definition can hold: what a build will come to, nobody knows before it.
            WantedImage::NotPushedYet {
                repository, tag, ..
            } => format!("{repository}:{tag} (to be built)"),
        }
    }
}

/// Serialises for other programs: members in kebab case, as docs/plan.md lists them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    pub cluster: String,
    pub service: String,
    pub container: String,
    pub image: Option<WantedImage>,
    /// In the order in which they are applied. Empty: nothing to do.
    pub changes: Vec<Reasoned>,
    /// The revision that is live before the plan.
    pub previous_task_definition: String,
    /// What goes on already: what a deploy does about it, `if-deploying` says.
    pub in_flight: Option<InFlight>,
    /// That the commit is older than the one that runs, in words: a deploy refuses it, so only `plan` has it.
    pub older_commit: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Reasoned<C = Change> {
    #[serde(flatten)]
    pub change: C,
    pub why: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(
    tag = "change",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Change {
    RegisterTaskDefinition {
        family: String,
        #[serde(serialize_with = "names_only")]
        document: Map<String, Value>,
        #[serde(serialize_with = "as_map")]
        tags: Vec<(String, String)>,
        differences: Vec<Difference>,
    },
    /// Says on the live revision which commit and run it now stands for. A denial is a warning.
    TagTaskDefinition {
        arn: String,
        #[serde(serialize_with = "as_map")]
        tags: Vec<(String, String)>,
    },
    UpdateService {
        /// Absent: the revision stays.
        task_definition: Option<TaskDefinitionRef>,
        desired_count: Option<u32>,
        force_new_deployment: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskDefinitionRef {
    JustRegistered,
    Existing(String),
}

/// The document may hold secrets in environment values: the plan in print names its members only.
pub(super) fn names_only<S: Serializer>(
    document: &Map<String, Value>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(document.keys())
}

pub(super) fn as_map<S: Serializer>(pairs: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

impl Plan {
    /// The document that is to be registered.
    pub fn register(&self) -> Option<&Map<String, Value>> {
        self.changes.iter().find_map(|c| match &c.change {
            Change::RegisterTaskDefinition { document, .. } => Some(document),
            _ => None,
        })
    }

    /// The revision that the service shall be updated to.
    pub fn update_to(&self) -> Option<&TaskDefinitionRef> {
        self.changes.iter().find_map(|c| match &c.change {
            Change::UpdateService {
                task_definition, ..
            } => task_definition.as_ref(),
            _ => None,
        })
    }

    /// True when the service itself is to change.
    pub fn updates_service(&self) -> bool {
        self.changes
            .iter()
            .any(|c| matches!(c.change, Change::UpdateService { .. }))
    }

    /// True when what runs is to change: a tag on the live revision is none.
    pub fn changes_anything(&self) -> bool {
        self.register().is_some() || self.updates_service()
    }

    /// True when the update starts a deployment: a change of desired count alone starts none.
    pub fn starts_deployment(&self) -> bool {
        self.changes.iter().any(|c| {
            matches!(&c.change, Change::UpdateService { task_definition, force_new_deployment, .. } if task_definition.is_some() || *force_new_deployment)
        })
    }
}

pub fn plan(found: &Found, wanted: &Wanted) -> Plan {
    let overrides = Overrides {
        image: wanted.image.as_ref().map(WantedImage::reference),
        environment_variables: wanted.environment_variables.clone(),
        secrets: wanted.secrets.clone(),
        command: wanted.command.clone(),
    };
    let next = overrides.applied_to(&found.source, &found.container);
    let live_arn = found
        .live
        .arn()
        .unwrap_or(&found.service.task_definition)
        .to_owned();
    let mut changes = Vec::new();

    let same_family = found.live.family() == next.family();
    let from_live = differences(&found.live.document, &next.document);
    let target = if same_family && from_live.is_empty() && found.live.is_active() {
        None
    } else if let Some(existing) = identical_revision(found, &next) {
        Some((
            TaskDefinitionRef::Existing(existing.clone()),
            format!("revision {} is exactly what is wanted", short(&existing)),
        ))
    } else {
        let why = match from_live.len() {
            _ if !same_family => format!(
                "the service runs family {}",
                found.live.family().unwrap_or_default()
            ),
            0 => format!("revision {} is no longer ACTIVE", short(&live_arn)),
            1 => format!("1 member differs from {}", short(&live_arn)),
            n => format!("{n} members differ from {}", short(&live_arn)),
        };
        changes.push(Reasoned {
            change: Change::RegisterTaskDefinition {
                family: next.family().unwrap_or_default().to_owned(),
                document: next.to_register(),
                tags: merged(&next.tags, &wanted.tags),
                differences: from_live,
            },
            why: why.clone(),
        });
        Some((
            TaskDefinitionRef::JustRegistered,
            "the service shall run the new revision".to_owned(),
        ))
    };

    let count = wanted
        .desired_count
        .filter(|n| *n != found.service.desired_count);
    let why = match (&target, count, wanted.force_new_deployment) {
        (Some((_, why)), _, _) => Some(why.clone()),
        (None, _, true) => Some("`force-new-deployment` is set".to_owned()),
        (None, Some(n), false) => Some(format!(
            "desired count is {}, wanted is {n}",
            found.service.desired_count
        )),
        (None, None, false) => None,
    };
    if let Some(why) = why {
        changes.push(Reasoned {
            change: Change::UpdateService {
                task_definition: target.map(|(reference, _)| reference),
                desired_count: count,
                force_new_deployment: wanted.force_new_deployment,
            },
            why,
        });
    } else if wanted.tags.iter().any(|tag| !found.live.tags.contains(tag)) {
        changes.push(Reasoned {
            change: Change::TagTaskDefinition {
                arn: live_arn.clone(),
                tags: wanted.tags.clone(),
            },
            why: "the revision that serves now also stands for this commit and run".to_owned(),
        });
    }
    Plan {
        cluster: found.cluster.clone(),
        service: found.service.name.clone(),
        container: found.container.clone(),
        image: wanted.image.clone(),
        changes,
        previous_task_definition: live_arn,
        in_flight: found.in_flight.clone(),
        older_commit: None,
    }
}

/// The revision we started from, when it is registered, ACTIVE and already what is wanted.
fn identical_revision(found: &Found, next: &TaskDefinition) -> Option<String> {
    let source = &found.source;
    let usable = source.is_active() && differences(&source.document, &next.document).is_empty();
    source.arn().filter(|_| usable).map(str::to_owned)
}

/// `base` with `ours` put over it. ECS takes at most 50 tags and refuses `aws:` ones.
fn merged(base: &[(String, String)], ours: &[(String, String)]) -> Vec<(String, String)> {
    let kept = base
        .iter()
        .filter(|(k, _)| !k.starts_with("aws:") && !ours.iter().any(|(o, _)| o == k));
    kept.chain(ours).cloned().collect()
}

fn short(task_definition: &str) -> &str {
    crate::model::names::family_and_revision(task_definition)
}

/// A value in the alphabet and length of ECS tags: ≤ 256 characters of letters, digits, space and `+-=._:/@`.
pub fn tag_value(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_alphanumeric() || " +-=._:/@".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(256)
        .collect()
}
