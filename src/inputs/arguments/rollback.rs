//! Arguments of `shipway rollback`: which service, and to which of its revisions.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{Access, Announce, Limits, Output};
use crate::inputs::values::RollbackTo;

/// Four settings suffice: region, role, cluster, service.
#[derive(Args, Debug, Clone)]
pub struct RollbackArgs {
    #[command(flatten)]
    pub back: Back,
    #[command(flatten)]
    pub access: Access,
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

/// Which service, and back to what.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Target")]
pub struct Back {
    /// AWS Region of the service, e.g. `ap-northeast-1` [default: AWS_REGION, then AWS_DEFAULT_REGION]
    #[arg(long, value_name = "REGION")]
    pub aws_region: String,

    /// Amazon ECS cluster, by short name or ARN
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: String,

    /// Amazon ECS service, by name or ARN
    #[arg(long, value_name = "SERVICE")]
    pub service: String,

    /// Revision of the task definition (`41`, `web:41` or its ARN), or the commit that it was deployed from, by 7 digits or
    /// more [default: the last one whose deployment completed before the present one]
    #[arg(long, value_name = "REVISION|COMMIT")]
    pub to: Option<RollbackTo>,

    /// Go back although a later revision is tagged `shipway:migration`: the database moved on with it
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub allow_migration: bool,
}
