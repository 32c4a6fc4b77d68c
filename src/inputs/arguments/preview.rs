//! Arguments of `shipway preview`: the base service, how a preview is reached, what it inherits, how long it lives.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::{Access, Announce, Build, Limits, Output};
use crate::inputs::values::{CommandWords, KeyValue, role_arn};

/// What is done to previews. Without one, the state decides: an open pull request → `up`, a closed one → `down`, a schedule → `prune`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewWord {
    /// Make the preview of a pull request, or bring it to the commit
    Up,
    /// Remove the preview of a pull request
    Down,
    /// Show the previews of the base service
    List,
    /// Remove what closed pull requests left, and put expired previews to sleep
    Prune,
    /// Stop the tasks of a preview; its address then says how to wake it
    Sleep,
    /// Start them again
    Wake,
}

/// What becomes of a preview whose time is over while its pull request is open.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExpiry {
    Sleep,
    Remove,
}

/// Six settings suffice: region, role, repository of its own, cluster, base service, and how a preview is reached.
#[derive(Args, Debug, Clone)]
pub struct PreviewArgs {
    /// What to do [default: by the state of the pull request: open → up, closed → down; on a schedule → prune]
    #[arg(value_enum, value_name = "ACTION")]
    pub word: Option<PreviewWord>,

    /// The same, for an action's input
    #[arg(long, value_enum, value_name = "ACTION", help_heading = "Preview")]
    pub action: Option<PreviewWord>,

    #[command(flatten)]
    pub base: Base,
    #[command(flatten)]
    pub preview: Preview,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub build: Build,
    #[command(flatten)]
    pub inherited: Inherited,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub announce: Announce,
    #[command(flatten)]
    pub output: Output,

    /// Read settings from this file instead of `shipway.yml` in the working directory
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
}

/// The service that previews are made after. It is read, never changed.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Target")]
pub struct Base {
    /// AWS Region of the base service, e.g. `ap-northeast-1` [default: AWS_REGION, then AWS_DEFAULT_REGION]
    #[arg(long, value_name = "REGION")]
    pub aws_region: String,

    /// Amazon ECS cluster of the base service and of its previews, by short name or ARN
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: String,

    /// Amazon ECS service that previews are made after, by name or ARN
    #[arg(long, value_name = "SERVICE")]
    pub base_service: String,

    /// Container that gets the image [default: the one in the base service's `loadBalancers`, else its only essential one]
    #[arg(long, value_name = "NAME")]
    pub container_name: Option<String>,
}

/// Which preview, how it is reached, how many there may be, how long they live.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Preview")]
pub struct Preview {
    /// Number of the pull request [default: the event's]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=2_147_483_647))]
    pub pull_request: Option<u64>,

    /// Repository of the pull request, `owner/name` [default: GITHUB_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,

    /// Host name of a preview, e.g. `pr-{number}.preview.example.com`; `{number}` is the pull request's
    #[arg(long, value_name = "HOST", group = "routing")]
    pub preview_host: Option<String>,

    /// Path of a preview on the base service's host, e.g. `/pr-{number}`; the container gets requests without it
    #[arg(long, value_name = "/PATH", group = "routing")]
    pub preview_path: Option<String>,

    /// Request header that leads to a preview, e.g. `X-Preview: pr-{number}`
    #[arg(long, value_name = "NAME: VALUE", group = "routing")]
    pub preview_header: Option<String>,

    /// Application Load Balancer that previews may use, by name or ARN; repeatable: the first with room is taken [default:
    /// the base service's]
    #[arg(long, value_name = "LOAD-BALANCER", value_delimiter = ',')]
    pub load_balancers: Vec<String>,

    /// Port of the listener that gets the rule [default: 443 where there is such a listener, else the base service's]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub listener_port: Option<u16>,

    /// Previews of this base service there may be at once; AWS's own limit is 100 target groups a load balancer
    #[arg(long, value_name = "PREVIEWS", default_value = "50", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_previews: u16,

    /// How long a preview lives after its last deploy, in hours (1 to 8760)
    #[arg(long, value_name = "HOURS", default_value = "168", value_parser = clap::value_parser!(u16).range(1..=8760))]
    pub expires_after_hours: u16,

    /// What `prune` does to an expired preview of an open pull request: put it to sleep, or remove it
    #[arg(long, value_enum, default_value_t = OnExpiry::Sleep)]
    pub on_expiry: OnExpiry,

    /// Make previews of pull requests with this label only; without it, a preview is removed [default: of all]
    #[arg(long, value_name = "LABEL")]
    pub label: Option<String>,

    /// Show what would be done, and do nothing
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub dry_run: bool,
}

/// What a preview takes over from the base service, and what it gets of its own.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Overrides")]
pub struct Inherited {
    /// ARN of the task role of previews; required where the base service's task definition has one, which is never inherited
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub preview_task_role_arn: Option<String>,

    /// ARN of the task execution role of previews [default: the base service's]
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub preview_execution_role_arn: Option<String>,

    /// Take over the container secrets of the base service
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub inherit_secrets: bool,

    /// Take over the container environment of the base service
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub inherit_environment: bool,

    /// Environment variable of the container; repeatable. `PREVIEW_URL` and `PREVIEW_PR` are always set
    #[arg(long, value_name = "KEY=VALUE")]
    pub environment_variables: Vec<KeyValue>,

    /// Secret of the container: ARN (Secrets Manager, or SSM parameter) or the parameter's name with `/`; repeatable
    #[arg(long, value_name = "KEY=ARN")]
    pub secrets: Vec<KeyValue>,

    /// Command of the container: a JSON array, or words split as a shell would
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub command: Option<CommandWords>,

    /// CPU of the task, in CPU units [default: the base service's]
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u32).range(128..=196_608))]
    pub cpu: Option<u32>,

    /// Memory of the task, in MiB [default: the base service's]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(6..=1_572_864))]
    pub memory: Option<u32>,

    /// Run on FARGATE_SPOT where the cluster has it
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "true")]
    pub spot: bool,
}
