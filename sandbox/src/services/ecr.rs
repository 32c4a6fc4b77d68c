//! Amazon ECR's API: repositories, images, layers' addresses and the registry's passwords.
//!
//! Knows: ECR's shapes and refusals. Does not know: the OCI protocol, which is the other door to the same registry.

mod images;
mod policies;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use serde_json::{Value, json};

use crate::iam::{Principal, dns_suffix};
use crate::wire::timestamp_json;
use crate::world::registry::{Mutability, Registry, Repository, RepositorySpec};
use crate::world::{Answer, ApiError, Ids, Operation, Place, World};

/// How long a password of GetAuthorizationToken opens the registry.
const PASSWORD_LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// How long the address of a layer works.
const DOWNLOAD_LIFETIME: Duration = Duration::from_secs(3600);

pub const OPERATIONS: &[Operation] = &[
    row("DescribeRepositories", describe_repositories, repositories),
    row("CreateRepository", create_repository, repositories),
    row("BatchGetImage", images::batch_get_image, repositories),
    row("DescribeImages", images::describe_images, repositories),
    row("ListImages", images::list_images, repositories),
    row("PutImage", images::put_image, repositories),
    row("BatchDeleteImage", images::batch_delete_image, repositories),
    row(
        "GetDownloadUrlForLayer",
        images::get_download_url_for_layer,
        repositories,
    ),
    row(
        "GetRepositoryPolicy",
        policies::get_repository_policy,
        repositories,
    ),
    row("ListTagsForResource", list_tags_for_resource, tagged),
    row("TagResource", tag_resource, tagged),
    row("GetAuthorizationToken", get_authorization_token, |_, _| {
        vec!["*".to_owned()]
    }),
];

const fn row(
    name: &'static str,
    function: fn(&mut World, &Value) -> Answer,
    resources: fn(&World, &Value) -> Vec<String>,
) -> Operation {
    Operation {
        service: "ecr",
        name,
        function,
        resources,
    }
}

struct Password {
    end: SystemTime,
    /// Whose policies hold for its bearer; `None` for ECS itself, which pulls for its tasks.
    of: Option<Principal>,
}

/// What became of a password at the registry's door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Open(Option<Principal>),
    Expired,
    Unknown,
}

#[derive(Default)]
pub struct Ecr {
    pub registry: Registry,
    /// Where the registry answers, when that is not ECR's own host: the sandbox's server, as `127.0.0.1:PORT`.
    pub registry_host: Option<String>,
    passwords: BTreeMap<String, Password>,
    /// Token of a layer's address to the layer's digest and the address's end.
    downloads: BTreeMap<String, (String, SystemTime)>,
}

impl Ecr {
    pub fn from_specs(specs: &[RepositorySpec], now: SystemTime) -> Ecr {
        Ecr {
            registry: Registry::from_specs(specs, now),
            ..Ecr::default()
        }
    }

    /// The host that `docker login` and image names take.
    pub fn host(&self, place: &Place) -> String {
        self.registry_host.clone().unwrap_or_else(|| {
            format!(
                "{}.dkr.ecr.{}.{}",
                place.account,
                place.region,
                dns_suffix(&place.partition)
            )
        })
    }

    pub fn repository_uri(&self, place: &Place, repository: &str) -> String {
        format!("{}/{repository}", self.host(place))
    }

    /// Makes a password that opens the registry for twelve hours.
    pub fn issue_password(
        &mut self,
        of: Option<Principal>,
        now: SystemTime,
        ids: &mut Ids,
    ) -> String {
        let password = format!("eyJwYXlsb2FkIjoi{}", ids.alphanumeric(400));
        self.passwords.insert(
            password.clone(),
            Password {
                end: now + PASSWORD_LIFETIME,
                of,
            },
        );
        password
    }

    pub fn entry(&self, password: &str, now: SystemTime) -> Entry {
        match self.passwords.get(password) {
            None => Entry::Unknown,
            Some(password) if password.end <= now => Entry::Expired,
            Some(password) => Entry::Open(password.of.clone()),
        }
    }

    /// The layer that the token of an address stands for.
    pub fn download(&self, token: &str, digest: &str, now: SystemTime) -> Option<bytes::Bytes> {
        let (of, end) = self.downloads.get(token)?;
        if of == digest && now < *end {
            self.registry.blob(digest)
        } else {
            None
        }
    }

    /// Splits an image of this registry into repository and reference (tag or digest); `None` for other registries' images.
    pub fn parse_image<'a>(&self, image: &'a str) -> Option<(&'a str, &'a str)> {
        let (host, path) = image.split_once('/')?;
        if self.registry_host.as_deref() != Some(host) && !host.contains(".dkr.ecr.") {
            return None;
        }
        if let Some((name, digest)) = path.split_once('@') {
            // `repository:tag@digest` is resolved by its digest.
            return Some((name.split_once(':').map_or(name, |(name, _)| name), digest));
        }
        Some(path.split_once(':').unwrap_or((path, "latest")))
    }

    /// Whether a task could pull this image; if not, why, as ECS words it. Images of other registries always are.
    pub fn pullable(&self, image: &str) -> Result<(), String> {
        let Some((repository, reference)) = self.parse_image(image) else {
            return Ok(());
        };
        let found = self
            .registry
            .repositories
            .get(repository)
            .is_some_and(|repository| repository.manifest(reference).is_some());
        if found {
            return Ok(());
        }
        Err(format!(
            "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref {image}: {image}: not found"
        ))
    }

    /// The operating system and architecture of an image of this registry, by its config; `None` where that is unknown.
    pub fn platform(&self, image: &str) -> Option<(String, String)> {
        let (repository, reference) = self.parse_image(image)?;
        let manifest = self
            .registry
            .repositories
            .get(repository)?
            .manifest(reference)?
            .json();
        let config: Value =
            serde_json::from_slice(&self.registry.blob(manifest["config"]["digest"].as_str()?)?)
                .ok()?;
        Some((
            config["os"].as_str()?.to_owned(),
            config["architecture"].as_str()?.to_owned(),
        ))
    }

    /// Removes the image that a name stands for, tags and all, as a lifecycle rule or a person would; whether it was there.
    pub fn delete_image(&mut self, image: &str) -> bool {
        let Some(digest) = self.digest_of(image) else {
            return false;
        };
        let repository = self
            .parse_image(image)
            .map(|(repository, _)| repository.to_owned())
            .unwrap_or_default();
        self.registry.delete(&repository, &digest).is_some()
    }

    /// The digest that an image of this registry resolves to now.
    pub fn digest_of(&self, image: &str) -> Option<String> {
        let (repository, reference) = self.parse_image(image)?;
        Some(
            self.registry
                .repositories
                .get(repository)?
                .manifest(reference)?
                .digest
                .clone(),
        )
    }
}

pub fn arn(place: &Place, repository: &str) -> String {
    format!(
        "arn:{}:ecr:{}:{}:repository/{repository}",
        place.partition, place.region, place.account
    )
}

/// ECR's words for a repository that is not there; the OCI door says the same.
pub fn no_such_repository(place: &Place, name: &str) -> String {
    format!(
        "The repository with name '{name}' does not exist in the registry with id '{}'",
        place.account
    )
}

/// ECR's words for a tag that may not move; the OCI door says the same.
pub fn immutable_tag(repository: &str, tag: &str) -> String {
    format!(
        "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the tag is immutable."
    )
}

fn repositories(world: &World, input: &Value) -> Vec<String> {
    let named = input["repositoryNames"]
        .as_array()
        .into_iter()
        .flatten()
        .chain([&input["repositoryName"]]);
    let arns: Vec<String> = named
        .filter_map(|name| Some(arn(&world.place, name.as_str()?)))
        .collect();
    if arns.is_empty() {
        vec![arn(&world.place, "*")]
    } else {
        arns
    }
}

fn tagged(_: &World, input: &Value) -> Vec<String> {
    vec![input["resourceArn"].as_str().unwrap_or("*").to_owned()]
}

/// The repository that an input names, in the account's own registry.
fn repository<'a>(world: &'a World, input: &Value) -> Result<&'a Repository, ApiError> {
    let name = text(input, "repositoryName")?;
    let gone = || {
        ApiError::new(
            "RepositoryNotFoundException",
            no_such_repository(&world.place, &name),
        )
    };
    if input["registryId"]
        .as_str()
        .is_some_and(|id| id != world.place.account)
    {
        return Err(gone());
    }
    world.ecr.registry.repositories.get(&name).ok_or_else(gone)
}

fn text(input: &Value, member: &str) -> Result<String, ApiError> {
    input[member].as_str().filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(|| {
        let message = format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null");
        ApiError::new("InvalidParameterException", message)
    })
}

/// One page of `items`, and the token of the next one.
fn page(items: Vec<Value>, input: &Value) -> Result<(Vec<Value>, Option<String>), ApiError> {
    let size = match &input["maxResults"] {
        Value::Null => 100,
        size => size.as_u64().filter(|size| (1..=1000).contains(size)).ok_or_else(|| {
            let message = "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value between 1 and 1000'";
            ApiError::new("InvalidParameterException", message)
        })?,
    };
    let start = match input["nextToken"].as_str() {
        None => 0,
        Some(token) => token.parse::<usize>().map_err(|_| {
            ApiError::new("InvalidParameterException", "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a valid token'")
        })?,
    };
    let end = (start + size as usize).min(items.len());
    let next = (end < items.len()).then(|| end.to_string());
    Ok((items.get(start..end).unwrap_or_default().to_vec(), next))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(token) = next {
        answer["nextToken"] = Value::from(token);
    }
    answer
}

fn show(world: &World, repository: &Repository) -> Value {
    let mut shown = json!({
        "repositoryArn": arn(&world.place, &repository.name),
        "registryId": world.place.account,
        "repositoryName": repository.name,
        "repositoryUri": world.ecr.repository_uri(&world.place, &repository.name),
        "createdAt": timestamp_json(repository.created_at),
        "imageTagMutability": repository.mutability.name(),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    });
    if repository.mutability.takes_filters() {
        let filters: Vec<Value> = repository
            .exclusion_filters
            .iter()
            .map(|filter| json!({"filterType": "WILDCARD", "filter": filter}))
            .collect();
        shown["imageTagMutabilityExclusionFilters"] = Value::from(filters);
    }
    shown
}

fn describe_repositories(world: &mut World, input: &Value) -> Answer {
    let found: Vec<Value> = match input["repositoryNames"]
        .as_array()
        .filter(|names| !names.is_empty())
    {
        None => world
            .ecr
            .registry
            .repositories
            .values()
            .map(|repository| show(world, repository))
            .collect(),
        Some(names) => names
            .iter()
            .map(|name| {
                let named = json!({"repositoryName": name, "registryId": input["registryId"]});
                Ok(show(world, repository(world, &named)?))
            })
            .collect::<Result<_, ApiError>>()?,
    };
    let (found, next) = page(found, input)?;
    Ok(with_token(json!({"repositories": found}), next))
}

fn create_repository(world: &mut World, input: &Value) -> Answer {
    let name = text(input, "repositoryName")?;
    if ferro_oci_server::validate_name(&name).is_err() || name.len() < 2 {
        let message = format!(
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
             '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'': {name}"
        );
        return Err(ApiError::new("InvalidParameterException", message));
    }
    if world.ecr.registry.repositories.contains_key(&name) {
        let message = format!(
            "The repository with name '{name}' already exists in the registry with id '{}'",
            world.place.account
        );
        return Err(ApiError::new("RepositoryAlreadyExistsException", message));
    }
    let mut repository = Repository::new(&name, world.now);
    if let Some(mutability) = input["imageTagMutability"].as_str() {
        repository.mutability = Mutability::parse(mutability).ok_or_else(|| {
            let message = format!("Invalid parameter at 'imageTagMutability' failed to satisfy constraint: '{mutability}'");
            ApiError::new("InvalidParameterException", message)
        })?;
    }
    let filters = input["imageTagMutabilityExclusionFilters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if filters.len() > 5 || repository.mutability.takes_filters() == filters.is_empty() {
        let message = "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: \
                       'between 1 and 5 filters with an exclusion mutability, none without'";
        return Err(ApiError::new("InvalidParameterException", message));
    }
    repository.exclusion_filters = filters
        .iter()
        .map(|filter| text(filter, "filter"))
        .collect::<Result<_, _>>()?;
    repository.scan_on_push = input["imageScanningConfiguration"]["scanOnPush"]
        .as_bool()
        .unwrap_or(false);
    if input["encryptionConfiguration"].is_object() {
        repository.encryption = input["encryptionConfiguration"].clone();
    }
    repository.tags = tags(input)?;
    let shown = show(world, &repository);
    world.ecr.registry.repositories.insert(name, repository);
    Ok(json!({"repository": shown}))
}

fn tags(input: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let given = input["tags"].as_array().into_iter().flatten();
    given
        .map(|tag| {
            Ok((
                text(tag, "Key")?,
                tag["Value"].as_str().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn named_by_arn(world: &World, input: &Value) -> Result<String, ApiError> {
    let given = text(input, "resourceArn")?;
    let name = given
        .strip_prefix(&arn(&world.place, ""))
        .unwrap_or(&given)
        .to_owned();
    match world.ecr.registry.repositories.contains_key(&name) {
        true => Ok(name),
        false => Err(ApiError::new(
            "RepositoryNotFoundException",
            no_such_repository(&world.place, &name),
        )),
    }
}

fn list_tags_for_resource(world: &mut World, input: &Value) -> Answer {
    let name = named_by_arn(world, input)?;
    let tags = world
        .ecr
        .registry
        .repositories
        .get(&name)
        .into_iter()
        .flat_map(|repository| &repository.tags);
    Ok(
        json!({"tags": tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect::<Vec<_>>()}),
    )
}

fn tag_resource(world: &mut World, input: &Value) -> Answer {
    let (name, added) = (named_by_arn(world, input)?, tags(input)?);
    if let Some(repository) = world.ecr.registry.repositories.get_mut(&name) {
        repository.tags.extend(added);
    }
    Ok(json!({}))
}

fn get_authorization_token(world: &mut World, _: &Value) -> Answer {
    let password = world.ecr.issue_password(
        Some(world.iam.caller.clone()),
        world.now,
        &mut world.call_ids,
    );
    let end = world.now + PASSWORD_LIFETIME;
    let scheme = if world.ecr.registry_host.is_some() {
        "http"
    } else {
        "https"
    };
    Ok(json!({"authorizationData": [{
        "authorizationToken": base64::engine::general_purpose::STANDARD.encode(format!("AWS:{password}")),
        "expiresAt": timestamp_json(end),
        "proxyEndpoint": format!("{scheme}://{}", world.ecr.host(&world.place)),
    }]}))
}
