//! World files: what a world holds at the start, how its tasks behave, and what happens when. Plain data from YAML.
//! Knows the file's form. Does not know how ECS reacts: everything is made through the services' own operations.

mod balancers;
mod behaviours;
mod build;
pub(crate) mod durations;
mod earlier;
mod pages;
mod scaling;
mod timeline;

use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

pub use behaviours::{Behaviour, Behaviours, ContainerHealth, Crash, Timings, Unhealthy};
pub use earlier::EarlierFile;
pub use pages::{Page, Pages};
pub use scaling::{PolicyFile, ScalableTargetFile, ScheduledActionFile};
pub use timeline::{Action, Entry, Timeline, UpdateService, When, happen, updated};

/// A world file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WorldFile {
    pub place: PlaceFile,
    /// RFC 3339; the present without it.
    pub start: Option<String>,
    pub seed: u64,
    /// Tasks are real containers, run by whoever takes the world's effects.
    pub real_tasks: bool,
    pub service_deployments: Availability,
    /// How long the world has existed at its start, so that its services are steady. Real tasks have no past.
    #[serde(with = "durations::optional")]
    pub past: Option<Duration>,
    pub load_balancers: Vec<LoadBalancerFile>,
    pub target_groups: Vec<TargetGroupFile>,
    pub clusters: Vec<ClusterFile>,
    /// Of ACM, for the listeners that speak TLS.
    pub certificates: Vec<crate::services::acm::CertificateSpec>,
    pub services: Vec<ServiceFile>,
    /// Many services that differ in their names alone.
    pub fleets: Vec<FleetFile>,
    /// What the account has in further regions: of their files, what is AWS's and regional.
    pub regions: std::collections::BTreeMap<String, WorldFile>,
    /// Parameters of SSM Parameter Store: name to text.
    pub parameters: std::collections::BTreeMap<String, String>,
    pub timings: Timings,
    pub behaviours: Vec<Behaviour>,
    /// What the Lambda functions of lifecycle hooks answer; without a word of them they succeed after 5 s.
    pub lifecycle_hooks: Vec<crate::world::strategies::HookAnswer>,
    pub timeline: Vec<Entry>,
    /// What the application answers through the load balancer, where its tasks are scripted.
    pub pages: Vec<Page>,
    pub iam: crate::iam::IamSpec,
    pub repositories: Vec<crate::world::registry::RepositorySpec>,
    pub github: crate::services::github::GitHubSpec,
    /// Not the world's: whoever opens a door to it hands this to the door.
    pub trouble: crate::wire::trouble::Trouble,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PlaceFile {
    pub partition: String,
    pub account: String,
    pub region: String,
}

impl Default for PlaceFile {
    fn default() -> PlaceFile {
        PlaceFile {
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            region: "ap-northeast-1".to_owned(),
        }
    }
}

/// Whether the endpoint knows service deployments.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    #[default]
    Available,
    Unavailable,
}

/// A cluster by its name alone, or with what it has.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ClusterFile {
    Name(String),
    Whole(WholeCluster),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WholeCluster {
    pub name: String,
    /// FARGATE, FARGATE_SPOT.
    #[serde(default)]
    pub capacity_providers: Vec<String>,
    /// Of EC2. Without any, room is not looked at.
    #[serde(default)]
    pub instances: Vec<crate::world::placement::InstanceFile>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoadBalancerFile {
    pub name: String,
    /// AWS-like without it.
    pub dns_name: Option<String>,
    /// `network`; `application` without it.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub listeners: Vec<ListenerFile>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ListenerFile {
    pub port: u16,
    #[serde(default)]
    pub protocol: Option<String>,
    /// By domain name, the default one first. Without any, HTTPS has the one of `example.com` and `*.example.com`.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// A target group's name; without it the default action is a 404.
    pub forward: Option<String>,
    #[serde(default)]
    pub rules: Vec<RuleFile>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleFile {
    pub priority: u32,
    pub host: Option<String>,
    pub path: Option<String>,
    /// `Name: value`
    pub header: Option<String>,
    /// Target groups' names; several are weighted equally unless `weights` says otherwise.
    #[serde(default)]
    pub forward: Vec<String>,
    #[serde(default)]
    pub weights: Vec<u64>,
    /// `FixedResponseConfig`, instead of forwarding.
    #[serde(default)]
    pub fixed_response: Value,
    /// `Transforms`, as CreateRule takes them.
    #[serde(default)]
    pub transforms: Value,
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TargetGroupFile {
    pub name: String,
    pub port: Option<u16>,
    pub target_type: Option<String>,
    /// HTTP without it.
    pub protocol: Option<String>,
    pub ip_address_type: Option<String>,
    pub path: Option<String>,
    #[serde(with = "durations::optional")]
    pub interval: Option<Duration>,
    #[serde(with = "durations::optional")]
    pub timeout: Option<Duration>,
    pub healthy_threshold: Option<u32>,
    pub unhealthy_threshold: Option<u32>,
    #[serde(with = "durations::optional")]
    pub deregistration_delay: Option<Duration>,
    pub tags: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServiceFile {
    /// `default` without it.
    pub cluster: Option<String>,
    pub name: String,
    pub desired: Option<u64>,
    /// The service's name without it.
    pub family: Option<String>,
    /// The family without it.
    pub container: Option<String>,
    pub image: String,
    pub port: Option<u16>,
    pub cpu: Option<String>,
    pub memory: Option<String>,
    pub architecture: Option<String>,
    pub health_check: Option<Value>,
    pub log_group: Option<String>,
    /// Raw members of the task definition, which replace or join the ones above.
    pub task_definition: Value,
    /// Raw members of CreateService, which replace or join the ones below.
    pub service: Value,
    /// `{ enable, rollback, … }` as ECS has it.
    pub breaker: Option<Value>,
    pub minimum_healthy_percent: Option<u64>,
    pub maximum_percent: Option<u64>,
    /// Raw members of `deploymentConfiguration`, which replace or join the ones above.
    pub deployment: Value,
    /// FARGATE without it.
    pub launch_type: Option<String>,
    /// A target group's name.
    pub target_group: Option<String>,
    /// Beside that one.
    pub further_target_groups: Vec<FurtherGroupFile>,
    /// The other target group, for deployments that shift traffic.
    pub alternate: Option<AlternateFile>,
    pub grace_period: Option<u64>,
    pub tags: std::collections::BTreeMap<String, String>,
    /// Its ARN does not name its cluster, as before 2018: such a service cannot be tagged.
    pub short_arn: bool,
    pub scalable_target: Option<ScalableTargetFile>,
    /// What it ran before, the oldest first: each was deployed ten minutes before the next.
    pub earlier: Vec<EarlierFile>,
}

/// `advancedConfiguration` of a service's load balancer. A rule is named by its listener's port and its priority,
/// `443:10`, or `443` for the default one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AlternateFile {
    /// A target group's name.
    pub target_group: String,
    pub production_rule: String,
    pub test_rule: Option<String>,
}

/// One more entry of a service's load balancers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FurtherGroupFile {
    pub target_group: String,
    /// The service's own without it.
    pub container: Option<String>,
    pub port: u16,
}

/// `clusters` × `services` services: `fleet-01/web-001`, …
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FleetFile {
    pub clusters: usize,
    /// In each cluster.
    pub services: usize,
    /// What they are like. Its cluster and name are what their names begin with; one task definition is shared by all.
    pub like: ServiceFile,
}
