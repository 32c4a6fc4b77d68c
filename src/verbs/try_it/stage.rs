//! The stage of a try: the stand-ins' server, the load balancer, the containers, and a world laid out as the seed's.
//!
//! Knows: how to set all of it up, in which order, and how to strike it. Does not know what is played on it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shipway_sandbox::alb::{Alb, Bound};
use shipway_sandbox::doors::server::{Listening, Server};
use shipway_sandbox::runtimes::docker::{self, Run};
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::scratch_image::{MANIFEST_TYPE, ScratchImage};
use shipway_sandbox::seed_world::{
    CLUSTER, LOAD_BALANCER, PULL_REQUEST, Parameters, REPOSITORY, ROLE, SERVICE, pull_request,
    seed_world,
};
use shipway_sandbox::services::ecs::RolloutState;
use shipway_sandbox::services::elbv2::TargetState;
use shipway_sandbox::services::github::OURSELVES;
use shipway_sandbox::{Clock, Sandbox, World};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::troubles::Trouble;
use super::{TryError, failing, page};
use crate::verbs::sandbox::{exports, static_user};

/// An old page that does not serve by then never will.
const OLD_PAGE_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AT_OLD_PAGE: Duration = Duration::from_millis(50);

pub struct Stage {
    sandbox: Sandbox,
    server: Server,
    alb: Alb,
    docker: bollard::Docker,
    containers: JoinHandle<()>,
    shutdown: CancellationToken,
    has_old_page: bool,
}

impl Stage {
    /// `head` is the commit at the pull request's head, where there is git.
    pub async fn set(
        port: Option<u16>,
        trouble: Option<&Trouble>,
        head: Option<&str>,
    ) -> Result<Stage, TryError> {
        let docker = docker::connect().await?;
        // A run that was killed could not do it itself.
        docker::sweep_stale(&docker).await.ok();
        let listening = "listen on a loopback port";
        let bound = Bound::bind(None).await.map_err(failing(listening))?;
        let door = Listening::on(port.unwrap_or(0))
            .await
            .map_err(failing(listening))?;
        let old_page = page::old_image().map_err(failing("make the image of the old page"))?;

        let old_image = old_page
            .as_ref()
            .map(|page| format!("{}/{REPOSITORY}@{}", door.addr, page.manifest.digest));
        let mut file = world_file(bound.addr().port(), old_image.as_deref(), head);
        if let Some(trouble) = trouble {
            (trouble.world)(&mut file, old_image.as_deref().unwrap_or_default());
        }
        let wire_trouble = std::mem::take(&mut file.trouble);
        let clock = Clock::real();
        let world = file.build(clock.now()).map_err(TryError::World)?;
        let sandbox = Sandbox::new(world, clock, wire_trouble);
        let has_old_page = old_page.is_some();
        if let Some(image) = old_page {
            sandbox.with_world(|world| keep_old_page(world, image));
        }
        let server = door.serve(sandbox.clone());
        let shutdown = CancellationToken::new();
        let run = docker::run(
            Arc::new(sandbox.clone()),
            docker.clone(),
            Run::here(),
            shutdown.clone(),
        );
        Ok(Stage {
            alb: bound.serve(Arc::new(sandbox.clone())),
            sandbox,
            server,
            docker,
            containers: tokio::spawn(run),
            shutdown,
            has_old_page,
        })
    }

    /// Waits until the old page answers through the load balancer and its deployment is over, as on any day before a deploy.
    pub async fn until_old_page_serves(&self) -> Result<(), TryError> {
        let deadline = tokio::time::Instant::now() + OLD_PAGE_PATIENCE;
        while !self
            .sandbox
            .with_world(|world| is_steady(world, self.has_old_page))
        {
            if tokio::time::Instant::now() > deadline {
                let said = self.sandbox.with_world(|world| last_event(world));
                return Err(TryError::OldPage(said.unwrap_or_default()));
            }
            tokio::time::sleep(LOOK_AT_OLD_PAGE).await;
        }
        Ok(())
    }

    /// Stops everything and removes every container and image of it.
    pub async fn strike(self) {
        self.alb.stop().await;
        self.shutdown.cancel();
        // Its panic was told by the panic hook.
        self.containers.await.ok();
        docker::forget_images(&self.docker, &self.server.addr.to_string())
            .await
            .ok();
        self.server.stop().await;
    }

    pub fn alb(&self) -> SocketAddr {
        self.alb.addr
    }

    pub fn has_old_page(&self) -> bool {
        self.has_old_page
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.alb.addr)
    }

    pub fn described(&self) -> String {
        let repository = self
            .sandbox
            .with_world(|world| world.github.spec.repository.clone());
        format!(
            "Stand-ins for AWS and GitHub, on this machine alone:\n\
             \x20 AWS and GitHub  http://{}\n\
             \x20 load balancer   {} ({LOAD_BALANCER})\n\
             \x20 service         {SERVICE} in {CLUSTER}\n\
             \x20 pull request    {repository}#{PULL_REQUEST}",
            self.server.addr,
            self.url(),
        )
    }

    /// The five settings that suffice.
    pub fn arguments(&self) -> Vec<String> {
        let (region, role) = self.sandbox.with_world(|world| {
            let place = &world.place;
            (
                place.region.clone(),
                format!("arn:{}:iam::{}:role/{ROLE}", place.partition, place.account),
            )
        });
        let mut arguments = Vec::new();
        // A service without an old page has no task yet.
        if !self.has_old_page {
            arguments.extend(["--desired-count", "1"].map(str::to_owned));
        }
        let five = [
            "--aws-region",
            &region,
            "--role-to-assume",
            &role,
            "--ecr-repository",
            REPOSITORY,
            "--cluster",
            CLUSTER,
            "--service",
            SERVICE,
        ];
        arguments.splice(0..0, five.map(str::to_owned));
        arguments
    }

    /// A run of a workflow on the pull request, its commit at `head`: the runner's variables and the event's payload.
    pub fn next_run(&self, head: Option<&str>) -> (BTreeMap<String, String>, Value) {
        let (run, payload) = self.sandbox.with_world(|world| {
            let github = &mut world.github.spec;
            github.job.run_id += 1;
            github.job.run_number += 1;
            if let (Some(head), Some(pull)) = (head, github.pull_requests.first_mut()) {
                pull.head_sha = head.to_owned();
            }
            (runner_variables(world), pull_request_event(world))
        });
        let mut variables = self.server.environment();
        variables.extend(run);
        (variables, payload)
    }

    /// `export` lines that point any client at the stand-ins.
    pub fn exports(&self) -> Vec<String> {
        exports(&self.sandbox, &self.server, &static_user())
    }

    /// The bodies of our comments on the pull request.
    pub fn comments(&self) -> Vec<String> {
        self.sandbox.with_world(|world| {
            let ours = world.github.comments_on(PULL_REQUEST);
            ours.filter(|comment| comment.author == OURSELVES)
                .map(|comment| comment.body.clone())
                .collect()
        })
    }
}

fn world_file(listener_port: u16, old_image: Option<&str>, head: Option<&str>) -> WorldFile {
    let mut file = seed_world(Parameters {
        image: old_image
            .unwrap_or("public.ecr.aws/docker/library/nginx:latest")
            .to_owned(),
        listener_port,
        dns_name: Some("127.0.0.1".to_owned()),
        real_tasks: true,
        ..Parameters::default()
    });
    for service in &mut file.services {
        service.desired = Some(if old_image.is_some() { 1 } else { 0 });
        service.breaker = Some(json!({"enable": true, "rollback": true}));
    }
    if let Some(head) = head {
        file.github.pull_requests = vec![pull_request(head)];
    }
    file.iam.users = vec![static_user()];
    // Names of one run's deployments and tasks are not those of another's.
    file.seed = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_millis() as u64);
    file
}

fn keep_old_page(world: &mut World, image: ScratchImage) {
    let now = world.now;
    for blob in [image.layer, image.config] {
        world.ecr.registry.put_blob(blob.digest, blob.bytes);
    }
    let manifest = image.manifest.bytes;
    // The seed's repository takes any tag, and it is empty.
    world
        .ecr
        .registry
        .put_manifest(REPOSITORY, Some("latest"), MANIFEST_TYPE, manifest, now)
        .ok();
}

fn is_steady(world: &World, has_old_page: bool) -> bool {
    let key = (CLUSTER.to_owned(), SERVICE.to_owned());
    let completed = world.ecs.services.get(&key).is_some_and(|service| {
        service
            .deployments
            .first()
            .is_some_and(|d| d.rollout_state == RolloutState::Completed)
    });
    let healthy = world.elbv2.target_groups.values().any(|group| {
        group
            .targets
            .values()
            .any(|target| target.state == TargetState::Healthy)
    });
    completed && (healthy || !has_old_page)
}

fn last_event(world: &World) -> Option<String> {
    let key = (CLUSTER.to_owned(), SERVICE.to_owned());
    let events = &world.ecs.services.get(&key)?.events;
    events
        .iter()
        .max_by_key(|event| event.at)
        .map(|event| event.message.clone())
}

/// What GitHub's runner sets, but for `GITHUB_ACTIONS`: a person reads the output.
fn runner_variables(world: &World) -> BTreeMap<String, String> {
    let (spec, job) = (&world.github.spec, &world.github.spec.job);
    let pull = spec.pull_requests.first();
    let owner = spec.repository.split('/').next().unwrap_or_default();
    [
        ("GITHUB_EVENT_NAME", job.event_name.clone()),
        ("GITHUB_REPOSITORY", spec.repository.clone()),
        ("GITHUB_REPOSITORY_ID", spec.repository_id.to_string()),
        ("GITHUB_REPOSITORY_OWNER", owner.to_owned()),
        ("GITHUB_REF", job.git_ref.clone()),
        ("GITHUB_REF_NAME", format!("{PULL_REQUEST}/merge")),
        (
            "GITHUB_HEAD_REF",
            pull.map(|p| p.head_ref.clone()).unwrap_or_default(),
        ),
        (
            "GITHUB_BASE_REF",
            pull.map(|p| p.base_ref.clone()).unwrap_or_default(),
        ),
        ("GITHUB_SHA", job.sha.clone()),
        ("GITHUB_RUN_ID", job.run_id.to_string()),
        ("GITHUB_RUN_NUMBER", job.run_number.to_string()),
        ("GITHUB_RUN_ATTEMPT", job.run_attempt.to_string()),
        ("GITHUB_WORKFLOW", job.workflow.clone()),
        ("GITHUB_ACTOR", job.actor.clone()),
        ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
        // The SDK must not find anything of the person's, not even on an EC2 instance.
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn pull_request_event(world: &World) -> Value {
    let spec = &world.github.spec;
    let repository = json!({"id": spec.repository_id, "full_name": spec.repository});
    let Some(pull) = spec.pull_requests.first() else {
        return json!({"repository": repository});
    };
    json!({
        "action": "synchronize",
        "number": pull.number,
        "pull_request": {
            "number": pull.number,
            "title": pull.title,
            "head": {"sha": pull.head_sha, "ref": pull.head_ref, "repo": repository},
            "base": {"sha": pull.base_sha, "ref": pull.base_ref, "repo": repository},
        },
        "repository": repository,
    })
}
