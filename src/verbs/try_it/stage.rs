//! The stage of a try: the stand-ins' server, the load balancer, the containers, and a world laid out as the seed's.
//!
//! Knows: how to set all of it up, in which order, and how to strike it. Does not know what is played on it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::json;
use shipway_sandbox::alb::{Alb, Asked, Bound, HealthCheck, Route, Routes};
use shipway_sandbox::doors::server::Server;
use shipway_sandbox::runtimes::docker::{self, DockerCredentials, Run, Tasks};
use shipway_sandbox::services::elbv2::{listeners_rules, target_health};
use shipway_sandbox::world::{Call, Effect, Fact};
use shipway_sandbox::{Clock, Sandbox, seed_world};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::troubles::{How, Trouble};
use super::{LOOK_FOR_CUE, TryError, failing, page};

const REPOSITORY: &str = "test-repos";
const CLUSTER: &str = "nginx-dev-cluster";
const SERVICE: &str = "nginx-test-server";
const FAMILY: &str = "nginx-test";

pub struct Stage {
    sandbox: Arc<Sandbox>,
    server: Server,
    alb: Alb,
    docker: bollard::Docker,
    containers: JoinHandle<()>,
    shutdown: CancellationToken,
}

pub struct Posted {
    pub pull_request: u64,
    pub body: String,
}

impl Stage {
    pub async fn set(port: Option<u16>, trouble: Option<&Trouble>) -> Result<Stage, TryError> {
        let docker = docker::connect().await?;
        // A run that was killed could not do it itself.
        docker::sweep_stale(&docker).await.ok();
        let bound = Bound::bind(None)
            .await
            .map_err(failing("listen on a loopback port"))?;
        let old_page = page::old_image().map_err(failing("make the image of the old page"))?;

        let rules = match trouble.map(|trouble| trouble.how) {
            Some(How::Wire(rule)) => format!("rules: [{rule}]"),
            _ => "{}".to_owned(),
        };
        let seed = seed_world::Seed {
            listener_port: bound.addr().port(),
            desired_count: if old_page.is_some() { 1 } else { 0 },
            rolls_back: trouble.is_none_or(|trouble| trouble.rolls_back),
            real_tasks: true,
        };
        let world = seed_world::seed_world(&seed, SystemTime::now());
        let sandbox = Arc::new(Sandbox::new(world, Clock::real(), &rules));
        let server = Server::start(Arc::clone(&sandbox), port)
            .await
            .map_err(failing("listen on a loopback port"))?;
        sandbox.with_world(|world| {
            world.ecr.registry_host = Some(server.addr().to_string());
            let now = world.now;
            if let Some(image) = old_page {
                for blob in [image.layer, image.config] {
                    world.ecr.registry.put_blob(blob.digest, blob.bytes);
                }
                let media_type = shipway_sandbox::scratch_image::MANIFEST_TYPE;
                // The seed's repository takes any tag, and it is empty.
                world
                    .ecr
                    .registry
                    .put_manifest(
                        REPOSITORY,
                        Some("latest"),
                        media_type,
                        image.manifest.bytes,
                        now,
                    )
                    .ok();
            }
        });

        let world = Arc::new(Wired(Arc::clone(&sandbox)));
        let shutdown = CancellationToken::new();
        let run = docker::run(
            Arc::<Wired>::clone(&world),
            docker.clone(),
            Run::here(),
            shutdown.clone(),
        );
        Ok(Stage {
            sandbox,
            server,
            alb: bound.serve(world),
            docker,
            containers: tokio::spawn(run),
            shutdown,
        })
    }

    /// Stops everything and removes every container and image of it.
    pub async fn strike(self) {
        self.alb.stop().await;
        self.shutdown.cancel();
        // Its panic was told by the panic hook.
        self.containers.await.ok();
        docker::forget_images(&self.docker, &self.server.addr().to_string())
            .await
            .ok();
        self.server.stop().await;
    }

    pub fn alb(&self) -> SocketAddr {
        self.alb.addr
    }

    pub fn host(&self) -> &str {
        "127.0.0.1"
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.alb.addr)
    }

    pub fn described(&self) -> String {
        format!(
            "Stand-ins for AWS and GitHub answer at http://{}; the load balancer `sample-alb` listens at {}.\n\
             Cluster {CLUSTER}, service {SERVICE}, repository {REPOSITORY}, one open pull request.\n",
            self.server.addr(),
            self.url()
        )
    }

    /// The five settings that suffice, and the role.
    pub fn arguments(&self) -> Vec<String> {
        let (region, role) = self.sandbox.with_world(|world| {
            let place = &world.place;
            (
                place.region.clone(),
                format!("arn:{}:iam::{}:role/deploy", place.partition, place.account),
            )
        });
        [
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
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// What a runner would set, pointed at the stand-ins.
    pub fn surroundings(&self) -> BTreeMap<String, String> {
        self.server.surroundings()
    }

    pub fn comments(&self) -> Vec<Posted> {
        self.sandbox.with_world(|world| {
            let posted = |comment: &shipway_sandbox::services::github::Comment| Posted {
                pull_request: comment.issue,
                body: comment.body.clone(),
            };
            world.github.comments.iter().map(posted).collect()
        })
    }

    /// Does what a trouble wants done behind the deploy's back, when its time has come.
    pub fn interfere(&self, trouble: &Trouble) -> JoinHandle<()> {
        let sandbox = Arc::clone(&self.sandbox);
        let how = trouble.how;
        tokio::spawn(async move {
            match how {
                How::ImageVanishes => delete_the_new_image(&sandbox).await,
                How::SomebodyElseDeploys => deploy_something_else(&sandbox).await,
                How::Arguments(_) | How::Page(_) | How::Wire(_) => {}
            }
        })
    }
}

/// Once the second revision is registered, its image vanishes.
async fn delete_the_new_image(sandbox: &Sandbox) {
    loop {
        let image = sandbox.with_world(|world| {
            world
                .ecs
                .task_definition(FAMILY, 2)
                .map(|revision| revision["containerDefinitions"][0]["image"].clone())
        });
        if let Some(image) = image.as_ref().and_then(|image| image.as_str()) {
            sandbox.with_world(|world| {
                let named = world
                    .ecr
                    .parse_image(image)
                    .map(|(repository, reference)| (repository.to_owned(), reference.to_owned()));
                if let Some((repository, reference)) = named {
                    world.ecr.registry.delete(&repository, &reference);
                }
            });
            return;
        }
        tokio::time::sleep(LOOK_FOR_CUE).await;
    }
}

/// Once the service is on its second revision, somebody puts it back on the first.
async fn deploy_something_else(sandbox: &Sandbox) {
    loop {
        let updated = sandbox.with_world(|world| {
            world
                .ecs
                .service(CLUSTER, SERVICE)
                .is_some_and(|service| service.task_definition.ends_with(":2"))
        });
        if updated {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            let input = json!({"cluster": CLUSTER, "service": SERVICE, "taskDefinition": format!("{FAMILY}:1")});
            let call = Call {
                service: "ecs",
                operation: "UpdateService".to_owned(),
                input,
                caller: String::new(),
            };
            sandbox.handle(&call).ok();
            return;
        }
        tokio::time::sleep(LOOK_FOR_CUE).await;
    }
}

/// The sandbox, as the load balancer and the containers see it.
struct Wired(Arc<Sandbox>);

impl Tasks for Wired {
    fn take_effects(&self) -> Vec<Effect> {
        self.0.take_effects()
    }

    fn learn(&self, fact: Fact) {
        self.0.learn(fact);
    }

    fn credentials(&self, registry: &str) -> Option<DockerCredentials> {
        let password = self.0.with_world(|world| {
            (world.ecr.registry_host.as_deref() == Some(registry)).then(|| world.ecr.password())
        })?;
        Some(DockerCredentials {
            username: Some("AWS".to_owned()),
            password: Some(password),
            ..DockerCredentials::default()
        })
    }
}

impl Routes for Wired {
    fn route(&self, asked: &Asked<'_>) -> Route {
        self.0
            .with_world(|world| listeners_rules::route(world, asked))
    }

    fn checks(&self) -> Vec<HealthCheck> {
        self.0.with_world(|world| target_health::checks_due(world))
    }

    fn reach(&self, address: &str, port: u16) -> Option<SocketAddr> {
        self.0.with_world(|world| {
            world
                .ecs
                .reachable
                .get(&(address.to_owned(), port))
                .copied()
        })
    }

    fn learn(&self, fact: Fact) {
        self.0.learn(fact);
    }
}
