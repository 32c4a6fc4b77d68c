//! Arguments of `shipway scale`: to how many tasks, which services, where what was is kept, and what stands in the way.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::{Access, GitHubAccess, Output};
use crate::inputs::values::{KeyValue, ScaleState, ScaleTo, resource_tag};

/// What is done about a service that is being deployed.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileDeploying {
    Skip,
    Wait,
    Force,
}

/// Three settings suffice: region, role, and which services.
#[derive(Args, Debug, Clone)]
pub struct ScaleArgs {
    /// Desired count: `0`, another number, or `restore` for what each service had before it went to 0
    #[arg(long, value_name = "0|N|restore", help_heading = "Target")]
    pub to: ScaleTo,

    /// AWS Region of the services, e.g. `ap-northeast-1`; repeatable [default: AWS_REGION, then AWS_DEFAULT_REGION]
    #[arg(
        long,
        value_name = "REGION",
        value_delimiter = ',',
        required = true,
        help_heading = "Target"
    )]
    pub aws_region: Vec<String>,

    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub careful: Careful,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub github: GitHubAccess,
    #[command(flatten)]
    pub output: Output,

    /// Read settings from this file instead of `shipway.yml` in the working directory
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
}

/// Which services: those that match all that is given.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Target")]
pub struct Selection {
    /// Names of services, with `*` and `?`, or of one cluster as `CLUSTER/SERVICE`; repeatable
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub services: Vec<String>,

    /// Names of clusters, with `*` and `?`; repeatable [default: all]
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub clusters: Vec<String>,

    /// Tag that a service must have; repeatable: it must have all
    #[arg(long, value_name = "KEY=VALUE", value_parser = resource_tag)]
    pub resource_tags: Vec<KeyValue>,

    /// Names of services that are left alone, in the same form; repeatable
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub except: Vec<String>,
}

/// How what was is kept, and what is done about what stands in the way.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Scaling")]
pub struct Careful {
    /// Where the counts from before are kept: `tag` on each service, or `ssm:/path` in SSM Parameter Store
    #[arg(long, value_name = "tag|ssm:/PATH", default_value = "tag")]
    pub state: ScaleState,

    /// Desired count to restore where nothing was kept, in tasks [default: such services are left alone]
    #[arg(long, value_name = "TASKS", value_parser = clap::value_parser!(u32).range(1..))]
    pub default_count: Option<u32>,

    /// When a service is being deployed: leave it alone, wait for the end, or scale it all the same
    #[arg(long, value_enum, default_value_t = WhileDeploying::Skip)]
    pub if_deploying: WhileDeploying,

    /// Also suspend scheduled scaling actions; without it, services that have some are left alone
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub suspend_scheduled: bool,

    /// Scale also what somebody changed since it went to 0
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub force: bool,

    /// Show what would be done, and do nothing
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub dry_run: bool,

    /// Longest wait until the restored tasks are healthy, or a deployment is over, in minutes (0 to 360); 0 does not wait
    #[arg(long, value_name = "MINUTES", default_value = "30", value_parser = clap::value_parser!(u16).range(0..=360))]
    pub wait_for_minutes: u16,
}
