//! What a person may ask, as clap structs: one flattened group per consumer. The doc comments are the `--help` text, and
//! this is the schema that `shipway.yml`, `SHIPWAY_INPUTS` and `SHIPWAY_<FLAG>` are checked against. Reads nothing.

mod preview;
mod rollback;
mod scale;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::values::{
    BuildSecret, CommandWords, CommentMode, DeploymentMode, IfDeploying, KeyValue, OnExistingTag,
    OnFailure, OnPause, OnSuperseded, OutputFormat, SchemaOf, SecretSource, WaitUntil, http_url,
    image_reference, image_tag, platform, role_arn, smoke_path,
};
use crate::model::image::{Image, Platform};

pub use preview::{OnExpiry, PreviewArgs, PreviewWord};
pub use rollback::RollbackArgs;
pub use scale::{ScaleArgs, WhileDeploying};

/// Take a commit to a healthy service on Amazon ECS, and say so on the pull request.
#[derive(Parser, Debug, Clone)]
#[command(name = "shipway", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Build the commit's image, push it to Amazon ECR, roll it out to an Amazon ECS service and wait until it serves
    Deploy(Box<DeployArgs>),
    /// Build the commit's image and push it to Amazon ECR; deploy it later with `--image`
    Build(Box<BuildArgs>),
    /// Show what `deploy` would change, and why, and change nothing
    Plan(Box<PlanArgs>),
    /// Make, list, put to sleep, wake and remove the preview environments of pull requests
    Preview(Box<PreviewArgs>),
    /// Scale services to zero, and bring them back exactly as they were
    Scale(Box<ScaleArgs>),
    /// Take a service back to an earlier revision of its task definition, and wait until it serves
    Rollback(Box<RollbackArgs>),
    /// Check token, role, registry, service, load balancer, Docker and GitHub's permissions, and change nothing
    Doctor(Box<DoctorArgs>),
    /// Print what is generated from the settings: the JSON Schema of `shipway.yml`, an action, or the reference
    Schema(SchemaArgs),
    /// Deploy to stand-ins for AWS and GitHub on this machine: no account needed
    #[cfg(feature = "try")]
    Try(TryArgs),
    /// Serve the stand-ins for AWS and GitHub alone
    #[cfg(feature = "try")]
    Sandbox(SandboxArgs),
}

/// Five settings suffice: region, role, repository, cluster, service. The rest is discovered from the service.
#[derive(Args, Debug, Clone)]
pub struct DeployArgs {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub build: Build,
    #[command(flatten)]
    pub promote: Promote,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub order: Order,
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

/// Three settings suffice: region, role, repository.
#[derive(Args, Debug, Clone)]
pub struct BuildArgs {
    /// AWS Region of the repository, e.g. `ap-northeast-1` [default: AWS_REGION, then AWS_DEFAULT_REGION]
    #[arg(long, value_name = "REGION", help_heading = "Target")]
    pub aws_region: String,

    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub build: Build,
    #[command(flatten)]
    pub github: GitHubAccess,
    #[command(flatten)]
    pub output: Output,

    /// Read settings from this file instead of `shipway.yml` in the working directory
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
}

/// Takes what `deploy` takes, less what only matters once something changes.
#[derive(Args, Debug, Clone)]
pub struct PlanArgs {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub build: Build,
    #[command(flatten)]
    pub promote: Promote,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub github: GitHubAccess,
    #[command(flatten)]
    pub output: Output,

    /// Read settings from this file instead of `shipway.yml` in the working directory
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
}

/// The settings of a deploy; what is not given is not checked.
#[derive(Args, Debug, Clone)]
pub struct DoctorArgs {
    /// AWS Region, e.g. `ap-northeast-1` [default: AWS_REGION, then AWS_DEFAULT_REGION]
    #[arg(long, value_name = "REGION", help_heading = "Target")]
    pub aws_region: String,

    /// Amazon ECS cluster, by short name or ARN
    #[arg(long, value_name = "CLUSTER", help_heading = "Target")]
    pub cluster: Option<String>,

    /// Amazon ECS service, by name or ARN
    #[arg(long, value_name = "SERVICE", help_heading = "Target")]
    pub service: Option<String>,

    /// Amazon ECR repository, by name or URI
    #[arg(long, value_name = "REPOSITORY", help_heading = "Target")]
    pub ecr_repository: Option<String>,

    /// Amazon ECS service that previews are made after, by name or ARN: then the role is looked at as one of previews, which
    /// must not reach what production runs
    #[arg(long, value_name = "SERVICE", help_heading = "Target")]
    pub base_service: Option<String>,

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

/// Arguments of `shipway schema`.
#[derive(Args, Debug, Clone)]
pub struct SchemaArgs {
    /// `file`: the JSON Schema of `shipway.yml`; `action`: the `action.yml` of `--verb`; `reference`: all inputs, as Markdown
    #[arg(value_enum, default_value_t = SchemaOf::File)]
    pub of: SchemaOf,

    /// The verb whose action is printed
    #[arg(long, value_name = "VERB", default_value = "deploy")]
    pub verb: String,
}

/// Which service.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Target")]
pub struct Target {
    /// AWS Region of the service, e.g. `ap-northeast-1` [default: AWS_REGION, then AWS_DEFAULT_REGION]
    #[arg(long, value_name = "REGION")]
    pub aws_region: String,

    /// Amazon ECS cluster, by short name or ARN
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: String,

    /// Amazon ECS service, by name or ARN
    #[arg(long, value_name = "SERVICE")]
    pub service: String,

    /// Container that gets the image [default: the one in the service's `loadBalancers`, else its only essential one]
    #[arg(long, value_name = "NAME")]
    pub container_name: Option<String>,

    /// Task definition to start from: a family, `family:revision`, an ARN, or a JSON or YAML file [default: the service's own]
    #[arg(long, value_name = "FAMILY|ARN|FILE")]
    pub task_definition: Option<String>,
}

/// With which credentials.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Access")]
pub struct Access {
    /// ARN of the IAM role to assume with the job's OIDC token [default: the AWS SDK's credential chain]
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub role_to_assume: Option<String>,

    /// Audience of the OIDC token [default: the one of the Region's partition]
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Option<String>,

    /// Role session name, as CloudTrail shows it [default: made from repository, run and attempt]
    #[arg(long, value_name = "NAME")]
    pub role_session_name: Option<String>,

    /// How long each set of temporary credentials lasts, in seconds (900 to 43200); they are renewed while needed [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(900..=43200))]
    pub role_duration_seconds: Option<u32>,
}

/// Which image, and how it is made.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Image")]
pub struct Build {
    /// Amazon ECR repository, by name or URI
    #[arg(long, value_name = "REPOSITORY")]
    pub ecr_repository: Option<String>,

    /// Create the repository when it does not exist (scan on push, tags immutable but for `latest`, `pr-*`, `cache-*`)
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub create_repository: bool,

    /// Directory that is sent to the build
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub context: PathBuf,

    /// Dockerfile, from the working directory [default: `Dockerfile` in the context]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Stage of the Dockerfile to build [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// Platform to build for, e.g. `linux/arm64` [default: the task definition's `runtimePlatform`, else linux/amd64]
    #[arg(long, value_name = "OS/ARCHITECTURE", value_parser = platform)]
    pub platform: Option<Platform>,

    /// Build argument; repeatable. Not for secrets: the image's history shows it
    #[arg(long, value_name = "KEY=VALUE")]
    pub build_args: Vec<KeyValue>,

    /// Secret file of the build (`RUN --mount=type=secret,id=ID`), from an environment variable or a file; repeatable
    #[arg(long, value_name = "ID=env:NAME|file:PATH")]
    pub build_secrets: Vec<BuildSecret>,

    /// Label of the image; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub labels: Vec<KeyValue>,

    /// Cache to read, e.g. `type=registry,ref=…` or an image; repeatable
    #[arg(long, value_name = "CACHE")]
    pub cache_from: Vec<String>,

    /// Cache to write, e.g. `type=inline`; repeatable
    #[arg(long, value_name = "CACHE")]
    pub cache_to: Vec<String>,

    /// Build every step anew
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub no_cache: bool,

    /// Ask the registries for newer base images
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub pull: bool,

    /// When the commit's tag is already in the repository: reuse it if it was built from the same inputs, rebuild, or fail
    #[arg(long, value_enum, default_value_t = OnExistingTag::Reuse)]
    pub on_existing_tag: OnExistingTag,

    /// Further tag for the image; repeatable, or separated by commas
    #[arg(long, value_name = "TAG", value_delimiter = ',', value_parser = image_tag)]
    pub extra_tags: Vec<String>,

    /// Build even where the code is not this repository's, or not the commit of the event, and a role is in hand
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub allow_untrusted_build: bool,
}

/// An image that is there already.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Image")]
pub struct Promote {
    /// Deploy this image (`repository[:tag][@digest]`) and build none
    #[arg(long, value_name = "IMAGE", value_parser = image_reference)]
    pub image: Option<Image>,
}

/// What changes in the task definition and the service beside the image.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Overrides")]
pub struct Overrides {
    /// Environment variable of the container; repeatable. Others stay as they are
    #[arg(long, value_name = "KEY=VALUE")]
    pub environment_variables: Vec<KeyValue>,

    /// Secret of the container: ARN (Secrets Manager, or SSM parameter) or the parameter's name with `/`; repeatable
    #[arg(long, value_name = "KEY=ARN")]
    pub secrets: Vec<KeyValue>,

    /// Command of the container: a JSON array, or words split as a shell would
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub command: Option<CommandWords>,

    /// Desired count of the service, in tasks [default: as it is]
    #[arg(long, value_name = "TASKS")]
    pub desired_count: Option<u32>,

    /// Start a new deployment even when nothing changed
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub force_new_deployment: bool,
}

/// How long to wait, for what.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Waiting")]
pub struct Limits {
    /// `healthy`: the new revision alone answers; `deployed`: ECS calls it SUCCESSFUL; `stage:STAGE`: a lifecycle stage
    /// of the service deployment is reached; `none`: do not wait
    #[arg(
        long,
        value_name = "healthy|deployed|stage:STAGE|none",
        default_value = "healthy"
    )]
    pub wait_until: WaitUntil,

    /// Longest wait for the rollout, in minutes (1 to 360)
    #[arg(long, value_name = "MINUTES", default_value = "30", value_parser = clap::value_parser!(u16).range(1..=360))]
    pub wait_for_minutes: u16,

    /// How long the tasks must stay healthy, in seconds (0 to 3600) [default: as long as the load balancer takes to notice]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub stable_for: Option<u32>,

    /// When a newer deployment takes over: succeed (exit 0) or fail (exit 1)
    #[arg(long, value_enum, default_value_t = OnSuperseded::Succeed)]
    pub on_superseded: OnSuperseded,

    /// Path to ask at the announced address once the service serves; it must answer 2xx or 3xx three times in a row
    #[arg(long, value_name = "/PATH", value_parser = smoke_path)]
    pub smoke_path: Option<String>,

    /// End a deployment that cannot succeed: at the second task that stops for a cause no later task escapes (image not
    /// found, exec format error, …), at the third that stops alike where no circuit breaker counts
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "true")]
    pub fail_fast: bool,

    /// When fail-fast ends a deployment: back to the revision that served before, or leave it as it stands
    #[arg(long, value_enum, default_value_t = OnFailure::Rollback)]
    pub on_failure: OnFailure,

    /// When a lifecycle hook waits for a person: return (exit 0, `paused`), wait, or continue the deployment
    #[arg(long, value_enum, default_value_t = OnPause::Return)]
    pub on_pause: OnPause,
}

/// What a deploy does about others: the one that goes on already, and the one that is newer.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Order")]
pub struct Order {
    /// When another deployment goes on: take its place, wait for its end, or fail (exit 6). A rollback is always waited for
    #[arg(long, value_enum, default_value_t = IfDeploying::Supersede)]
    pub if_deploying: IfDeploying,

    /// Deploy although what runs is of a newer commit, or of a newer run
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub allow_older: bool,
}

/// Who hears of it.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Announcing")]
pub struct Announce {
    /// Address to announce [default: from the load balancer's listener and rule]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub url: Option<String>,

    /// Comment on the pull request: one per service and environment, edited in place
    #[arg(long, value_enum, default_value_t = CommentMode::Auto)]
    pub comment: CommentMode,

    /// GitHub Deployment on the commit. Jobs with an `environment:` have one already: there, `auto` makes none
    #[arg(long, value_enum, default_value_t = DeploymentMode::Auto)]
    pub github_deployment: DeploymentMode,

    #[command(flatten)]
    pub github: GitHubAccess,
}

/// With which token GitHub is asked.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Announcing")]
pub struct GitHubAccess {
    /// Where GitHub's token is: an environment variable or a file [default: env:GITHUB_TOKEN]
    #[arg(long, value_name = "env:NAME|file:PATH")]
    pub github_token: Option<SecretSource>,
}

/// What is written where.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// What stdout gets: the URL alone, or all outputs as one JSON object
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,

    /// Also log what happens inside, on stderr
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false")]
    pub verbose: bool,
}

/// Arguments of `shipway try`.
#[cfg(feature = "try")]
#[derive(Args, Debug, Clone)]
pub struct TryArgs {
    /// Directory with a Dockerfile, whose container serves HTTP on port 80 [default: a built-in page]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Check the page through the load balancer, print it, clean up and exit
    #[arg(long)]
    pub once: bool,

    /// Make this go wrong, to see what it looks like, and exit with the deploy's code
    #[arg(long, value_name = "NAME")]
    pub trouble: Option<String>,

    /// List the troubles
    #[arg(long)]
    pub list: bool,

    /// Port of the stand-ins [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}

/// Arguments of `shipway sandbox`.
#[cfg(feature = "try")]
#[derive(Args, Debug, Clone)]
pub struct SandboxArgs {
    /// Port to listen on [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// File that describes the world to start with [default: one page behind a load balancer]
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
}
