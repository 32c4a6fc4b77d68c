//! GitHub Deployments and their statuses.
//!
//! Knows: which success retires which other deployments. Does not know: that anything is deployed at all.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{
    Ask, DeploymentSpec, GitHub, OURSELVES, Refusal, Reply, not_found, shapes, timestamp,
    unprocessable,
};
use crate::world::World;

const STATES: &[&str] = &[
    "error",
    "failure",
    "inactive",
    "in_progress",
    "queued",
    "pending",
    "success",
];

#[derive(Clone, Debug)]
pub struct Deployment {
    pub id: u64,
    pub sha: String,
    pub git_ref: String,
    pub task: String,
    pub payload: Value,
    pub environment: String,
    pub description: Option<String>,
    pub transient_environment: bool,
    pub production_environment: bool,
    pub creator: String,
    pub created_at: SystemTime,
    /// Oldest first.
    pub statuses: Vec<Status>,
}

#[derive(Clone, Debug)]
pub struct Status {
    pub id: u64,
    pub state: String,
    pub description: String,
    pub environment: String,
    pub environment_url: String,
    pub log_url: String,
    pub created_at: SystemTime,
}

impl Deployment {
    pub fn state(&self) -> Option<&str> {
        self.statuses.last().map(|status| status.state.as_str())
    }
}

impl GitHub {
    /// One that was there before.
    pub(super) fn seed_deployment(&mut self, spec: &DeploymentSpec, now: SystemTime) {
        let id = self.id();
        let statuses = spec.statuses.iter().map(|status| Status {
            id: self.id(),
            state: status.state.clone(),
            description: status.description.clone(),
            environment: spec.environment.clone(),
            environment_url: String::new(),
            log_url: status.log_url.clone(),
            created_at: now,
        });
        let statuses = statuses.collect();
        self.deployments.push(Deployment {
            id,
            sha: spec.sha.clone(),
            git_ref: spec.sha.clone(),
            task: spec.task.clone(),
            payload: match &spec.payload {
                Value::Null => json!({}),
                payload => payload.clone(),
            },
            environment: spec.environment.clone(),
            description: None,
            transient_environment: false,
            production_environment: false,
            creator: spec.creator.clone().unwrap_or_else(|| OURSELVES.to_owned()),
            created_at: now,
            statuses,
        });
    }
}

fn show(github: &GitHub, deployment: &Deployment) -> Value {
    let url = format!("{}/deployments/{}", github.repository_url(), deployment.id);
    let updated_at = deployment
        .statuses
        .last()
        .map_or(deployment.created_at, |status| status.created_at);
    json!({
        "url": url,
        "id": deployment.id,
        "node_id": format!("DE_kwDO{:x}", deployment.id),
        "sha": deployment.sha,
        "ref": deployment.git_ref,
        "task": deployment.task,
        "payload": deployment.payload,
        "original_environment": deployment.environment,
        "environment": deployment.environment,
        "description": deployment.description,
        "creator": shapes::user(github, &deployment.creator),
        "created_at": timestamp(deployment.created_at),
        "updated_at": timestamp(updated_at),
        "statuses_url": format!("{url}/statuses"),
        "repository_url": github.repository_url(),
        "transient_environment": deployment.transient_environment,
        "production_environment": deployment.production_environment,
        "performed_via_github_app": null,
    })
}

fn show_status(github: &GitHub, deployment: &Deployment, status: &Status) -> Value {
    let url = format!("{}/deployments/{}", github.repository_url(), deployment.id);
    json!({
        "url": format!("{url}/statuses/{}", status.id),
        "id": status.id,
        "node_id": format!("DES_kwDO{:x}", status.id),
        "state": status.state,
        "creator": shapes::user(github, OURSELVES),
        "description": status.description,
        "environment": status.environment,
        "target_url": status.log_url,
        "created_at": timestamp(status.created_at),
        "updated_at": timestamp(status.created_at),
        "deployment_url": url,
        "repository_url": github.repository_url(),
        "environment_url": status.environment_url,
        "log_url": status.log_url,
        "performed_via_github_app": null,
    })
}

fn find<'a>(world: &'a World, ask: &Ask<'_>) -> Result<&'a Deployment, Refusal> {
    let id = ask.number("deployment_id")?;
    world
        .github
        .deployments
        .iter()
        .find(|deployment| deployment.id == id)
        .ok_or_else(not_found)
}

pub fn list(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let github = &world.github;
    let asked = |name: &str, value: &str| ask.query.get(name).is_none_or(|wanted| wanted == value);
    let found = github.deployments.iter().rev().filter(|deployment| {
        asked("sha", &deployment.sha)
            && asked("ref", &deployment.git_ref)
            && asked("task", &deployment.task)
            && asked("environment", &deployment.environment)
    });
    Reply::list(
        found.map(|deployment| show(github, deployment)).collect(),
        ask,
    )
}

pub fn get(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let deployment = find(world, ask)?;
    Reply::new(200, show(&world.github, deployment))
}

pub fn create(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let git_ref = ask
        .text("ref")
        .ok_or_else(|| unprocessable("Deployment", "ref", "missing_field", "ref is missing"))?;
    let sha = world
        .github
        .resolve_ref(git_ref)
        .ok_or_else(|| Refusal::new(422, &format!("No ref found for: {git_ref}")))?;
    // With `required_contexts` absent GitHub wants every status of the commit to be a success; there are none here.
    let environment = ask.text("environment").unwrap_or("production").to_owned();
    let flag = |member: &str, default: bool| ask.body[member].as_bool().unwrap_or(default);
    let deployment = Deployment {
        id: world.github.id(),
        sha,
        git_ref: git_ref.to_owned(),
        task: ask.text("task").unwrap_or("deploy").to_owned(),
        payload: if ask.body["payload"].is_null() {
            json!({})
        } else {
            ask.body["payload"].clone()
        },
        description: ask.text("description").map(str::to_owned),
        transient_environment: flag("transient_environment", false),
        production_environment: flag("production_environment", environment == "production"),
        environment,
        creator: OURSELVES.to_owned(),
        created_at: world.now,
        statuses: Vec::new(),
    };
    let shown = show(&world.github, &deployment);
    world.github.deployments.push(deployment);
    Reply::new(201, shown)
}

pub fn list_statuses(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let deployment = find(world, ask)?;
    let newest_first = deployment.statuses.iter().rev();
    Reply::list(
        newest_first
            .map(|status| show_status(&world.github, deployment, status))
            .collect(),
        ask,
    )
}

pub fn create_status(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (id, environment) = {
        let deployment = find(world, ask)?;
        (
            deployment.id,
            ask.text("environment")
                .unwrap_or(&deployment.environment)
                .to_owned(),
        )
    };
    let state = ask.text("state").filter(|state| STATES.contains(state));
    let state = state.ok_or_else(|| {
        unprocessable(
            "DeploymentStatus",
            "state",
            "custom",
            "state is not included in the list",
        )
    })?;
    if ask
        .text("description")
        .is_some_and(|text| text.chars().count() > 140)
    {
        return Err(unprocessable(
            "DeploymentStatus",
            "description",
            "custom",
            "description is too long (maximum is 140 characters)",
        ));
    }
    let now = world.now;
    let status =
        |github: &mut GitHub, state: &str, ask: Option<&Ask<'_>>, environment: &str| Status {
            id: github.id(),
            state: state.to_owned(),
            description: ask
                .and_then(|ask| ask.text("description"))
                .unwrap_or_default()
                .to_owned(),
            environment: environment.to_owned(),
            environment_url: ask
                .and_then(|ask| ask.text("environment_url"))
                .unwrap_or_default()
                .to_owned(),
            log_url: ask
                .and_then(|ask| ask.text("log_url").or(ask.text("target_url")))
                .unwrap_or_default()
                .to_owned(),
            created_at: now,
        };
    let github = &mut world.github;
    // A success retires the earlier ones of the same environment, unless they are transient or production.
    if state == "success" && ask.body["auto_inactive"].as_bool().unwrap_or(true) {
        let retired = github.deployments.iter().enumerate().filter(|(_, other)| {
            other.id != id
                && other.environment == environment
                && !other.transient_environment
                && !other.production_environment
                && other.state() == Some("success")
        });
        for index in retired.map(|(index, _)| index).collect::<Vec<_>>() {
            let inactive = status(github, "inactive", None, &environment);
            github.deployments[index].statuses.push(inactive);
        }
    }
    let added = status(github, state, Some(ask), &environment);
    let deployment = github
        .deployments
        .iter_mut()
        .find(|deployment| deployment.id == id)
        .ok_or_else(not_found)?;
    deployment.environment = environment;
    deployment.statuses.push(added.clone());
    let deployment = deployment.clone();
    Reply::new(201, show_status(&world.github, &deployment, &added))
}

/// One that serves cannot be deleted, unless it is its environment's only one.
pub fn delete(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (id, environment, active) = {
        let found = find(world, ask)?;
        let ended = matches!(found.state(), Some("inactive" | "error" | "failure"));
        (found.id, found.environment.clone(), !ended)
    };
    let deployments = &mut world.github.deployments;
    let of_environment = deployments.iter().filter(|d| d.environment == environment);
    if active && of_environment.count() > 1 {
        return Err(Refusal::new(
            422,
            "We cannot delete an active deployment unless it is the only deployment in a given environment.",
        ));
    }
    deployments.retain(|deployment| deployment.id != id);
    Reply::new(204, Value::Null)
}
