//! The types of single values, parsed at the door. A parser whose text may be a secret typed into the wrong place never
//! fails and keeps nothing of it: the check that follows (`inputs::check`) names the setting without echoing it.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;

use crate::model::image::{Image, Platform};
use crate::model::names::Arn;

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExistingTag {
    Reuse,
    Rebuild,
    Fail,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSuperseded {
    Succeed,
    Fail,
}

/// What becomes of a deployment that fails.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    Rollback,
    Keep,
}

/// What a lifecycle hook that waits for a person means for the run.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPause {
    Return,
    Wait,
    Continue,
}

/// What is done about a deployment that goes on already.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfDeploying {
    Supersede,
    Wait,
    Fail,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentMode {
    Auto,
    Off,
}

/// Whether a GitHub Deployment is made.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentMode {
    Auto,
    Off,
}

/// What `shipway schema` prints.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOf {
    File,
    Action,
    Reference,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    Text,
    Json,
}

/// What the wait ends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitUntil {
    Healthy,
    Deployed,
    /// A lifecycle stage as ECS spells it, e.g. `POST_TEST_TRAFFIC_SHIFT`.
    Stage(String),
    None,
}

impl FromStr for WaitUntil {
    type Err = String;

    fn from_str(text: &str) -> Result<WaitUntil, String> {
        match text {
            "healthy" => Ok(WaitUntil::Healthy),
            "deployed" => Ok(WaitUntil::Deployed),
            "none" => Ok(WaitUntil::None),
            _ => match text.strip_prefix("stage:") {
                Some(stage)
                    if !stage.is_empty()
                        && stage
                            .chars()
                            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') =>
                {
                    Ok(WaitUntil::Stage(stage.to_owned()))
                }
                _ => Err("must be healthy, deployed, stage:<LIFECYCLE_STAGE> or none".to_owned()),
            },
        }
    }
}

/// `KEY=VALUE`. The value is everything after the first `=`: it may hold `=`, quotes and newlines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
}

impl FromStr for KeyValue {
    type Err = Infallible;

    /// Text without a key becomes an empty key, which the check refuses without echoing the text.
    fn from_str(text: &str) -> Result<KeyValue, Infallible> {
        let (key, value) = text.split_once('=').unwrap_or_default();
        Ok(KeyValue {
            key: key.trim().to_owned(),
            value: value.to_owned(),
        })
    }
}

/// Where a secret is. The secret itself never travels in arguments or in `shipway.yml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    Env(String),
    File(PathBuf),
    /// Something else was given, maybe the secret itself: not kept, and refused by the check.
    Literal,
}

impl FromStr for SecretSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<SecretSource, Infallible> {
        let name = |n: &str| {
            let mut chars = n.chars();
            chars
                .next()
                .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        Ok(match text.split_once(':') {
            Some(("env", n)) if name(n) => SecretSource::Env(n.to_owned()),
            Some(("file", path)) if !path.is_empty() => SecretSource::File(PathBuf::from(path)),
            _ => SecretSource::Literal,
        })
    }
}

/// `id=env:NAME` or `id=file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildSecret {
    /// Empty when none was given: the check refuses it.
    pub id: String,
    pub source: SecretSource,
}

impl FromStr for BuildSecret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<BuildSecret, Infallible> {
        let (id, source) = text.split_once('=').unwrap_or_default();
        Ok(BuildSecret {
            id: id.trim().to_owned(),
            source: source.parse()?,
        })
    }
}

/// A container's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandWords(pub Vec<String>);

impl FromStr for CommandWords {
    type Err = String;

    fn from_str(text: &str) -> Result<CommandWords, String> {
        if text.trim_start().starts_with('[') {
            return serde_json::from_str::<Vec<String>>(text)
                .map(CommandWords)
                .map_err(|_| "begins like a JSON array, but is not one of texts".to_owned());
        }
        shlex::split(text)
            .map(CommandWords)
            .ok_or_else(|| "has a quote that is not closed".to_owned())
    }
}

pub(super) fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).ok_or_else(|| "must be os/architecture, e.g. linux/amd64".to_owned())
}

pub(super) fn image_reference(text: &str) -> Result<Image, String> {
    Image::parse(text)
        .ok_or_else(|| "must be repository[:tag][@sha256:…], and hold no space".to_owned())
}

pub(super) fn image_tag(text: &str) -> Result<String, String> {
    if crate::model::image_tag::is_tag(text) {
        return Ok(text.to_owned());
    }
    Err("must be an image tag: letters, digits, `_`, `.` and `-`, at most 128".to_owned())
}

pub(super) fn role_arn(text: &str) -> Result<String, String> {
    match Arn::parse(text) {
        Some(arn) if arn.service == "iam" && arn.resource.starts_with("role/") => {
            Ok(text.to_owned())
        }
        _ => Err(
            "must be the ARN of an IAM role (arn:<partition>:iam::<account>:role/<name>)"
                .to_owned(),
        ),
    }
}

/// A path of the service, with a query if it must be: `/healthz`.
pub fn smoke_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') || text.starts_with("//") {
        return Err("must be a path that begins with one /".to_owned());
    }
    match text.parse::<http::uri::PathAndQuery>() {
        Ok(path) => Ok(path.to_string()),
        Err(_) => Err("must be a path as it stands in a URL, e.g. /healthz".to_owned()),
    }
}

pub(super) fn http_url(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.to_owned())
        }
        _ => Err("must begin with https:// or http:// and name a host".to_owned()),
    }
}

/// A tag of a resource in AWS.
pub fn resource_tag(text: &str) -> Result<KeyValue, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok(KeyValue {
            key: key.trim().to_owned(),
            value: value.to_owned(),
        }),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}

/// What `shipway scale` makes of the desired counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleTo {
    Count(u32),
    /// What each service had before.
    Restore,
}

impl FromStr for ScaleTo {
    type Err = String;

    fn from_str(text: &str) -> Result<ScaleTo, String> {
        match text {
            "restore" => Ok(ScaleTo::Restore),
            // ECS takes no more tasks a service than 5,000 (its default quota).
            number => match number.parse::<u32>() {
                Ok(count) if count <= 5_000 => Ok(ScaleTo::Count(count)),
                _ => Err("must be a number of tasks (0 to 5000), or restore".to_owned()),
            },
        }
    }
}

/// Back to which revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackTo {
    /// Of the family that the service runs.
    Revision(u32),
    /// `family:revision`, or an ARN.
    Named(String),
    /// The digits that it begins with, in lower case.
    Commit(String),
}

impl FromStr for RollbackTo {
    type Err = String;

    fn from_str(text: &str) -> Result<RollbackTo, String> {
        let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
        match text.len() {
            // So many digits are a commit: no family has a million revisions.
            7..=64 if hex => return Ok(RollbackTo::Commit(text.to_ascii_lowercase())),
            1..=6 => {
                if let Ok(revision @ 1..) = text.parse() {
                    return Ok(RollbackTo::Revision(revision));
                }
            }
            _ => {}
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || ":/_-".contains(c);
        let (name, revision) = text.rsplit_once(':').unwrap_or_default();
        let is_revision = revision.parse::<u32>().is_ok_and(|n| n > 0);
        match !name.is_empty() && is_revision && text.chars().all(plain) {
            true => Ok(RollbackTo::Named(text.to_owned())),
            false => Err(
                "must be a revision (41, web:41 or its ARN), or a commit by 7 to 64 of its hexadecimal digits"
                    .to_owned(),
            ),
        }
    }
}

/// Where `shipway scale` keeps what was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScaleState {
    Tag,
    /// A path in SSM Parameter Store; a parameter a service below it.
    Ssm(String),
}

impl FromStr for ScaleState {
    type Err = String;

    fn from_str(text: &str) -> Result<ScaleState, String> {
        let path = |p: &str| {
            p.len() > 1
                && p.starts_with('/')
                && !p.ends_with('/')
                && !p.contains("//")
                && p.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        };
        match (text, text.strip_prefix("ssm:")) {
            ("tag", _) => Ok(ScaleState::Tag),
            (_, Some(p)) if path(p) => Ok(ScaleState::Ssm(p.to_owned())),
            _ => Err(
                "must be tag, or ssm: and a path of SSM Parameter Store, e.g. ssm:/shipway/scale"
                    .to_owned(),
            ),
        }
    }
}
