//! Two previews and the base service at once behind one load balancer that really listens, of real containers, each built
//! and pushed by the built binary. Needs a Docker daemon, but no images.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shipway_sandbox::alb::{Alb, Bound, visit};
use shipway_sandbox::doors::server::{Listening, Server};
use shipway_sandbox::runtimes::docker::{self, Run};
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::scratch_image::{File, MANIFEST_TYPE, ScratchImage};
use shipway_sandbox::world::inventory::Inventory;
use shipway_sandbox::{Clock, Sandbox};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::stage::{Start, variables};
use super::whole::untold;
use crate::harness::commit;

/// The static server that the build script compiled.
const SERVER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page-server"));
const PATIENCE: Duration = Duration::from_secs(120);
const DOCKERFILE: &str = "FROM scratch\nCOPY server /server\nCOPY index.html /site/index.html\nENTRYPOINT [\"/server\"]\n";

struct Stage {
    sandbox: Sandbox,
    server: Server,
    alb: Alb,
    docker: bollard::Docker,
    containers: JoinHandle<()>,
    shutdown: CancellationToken,
    directory: tempfile::TempDir,
}

fn base_image() -> ScratchImage {
    let server = File {
        path: "server",
        mode: 0o755,
        content: SERVER,
    };
    let page = File {
        path: "site/index.html",
        mode: 0o644,
        content: b"the base",
    };
    ScratchImage::new(&[server, page], &["/server"]).unwrap()
}

fn world_file(port: u16, base: &str) -> WorldFile {
    let mut file = WorldFile::parse(include_str!("world.yml")).unwrap();
    file.start = None;
    file.real_tasks = true;
    let balancer = &mut file.load_balancers[0];
    balancer.dns_name = Some("127.0.0.1".to_owned());
    let listener = &mut balancer.listeners[0];
    (listener.port, listener.protocol) = (port, None);
    listener.certificates.clear();
    for service in &mut file.services {
        base.clone_into(&mut service.image);
        service.desired = Some(u64::from(service.name == "web"));
        service.architecture = Some("X86_64".to_owned());
    }
    file
}

impl Stage {
    async fn set() -> Stage {
        let docker = docker::connect().await.expect("a Docker daemon");
        docker::sweep_stale(&docker).await.ok();
        let (bound, door) = (
            Bound::bind(None).await.unwrap(),
            Listening::on(0).await.unwrap(),
        );
        let image = base_image();
        let base = format!("{}/web@{}", door.addr, image.manifest.digest);
        let clock = Clock::real();
        let world = world_file(bound.addr().port(), &base).build(clock.now());
        let sandbox = Sandbox::new(world.unwrap(), clock, Default::default());
        sandbox.with_world(|world| {
            let registry = &mut world.ecr.registry;
            for blob in [image.layer, image.config] {
                registry.put_blob(blob.digest, blob.bytes);
            }
            let manifest = image.manifest.bytes;
            registry
                .put_manifest("web", Some("base"), MANIFEST_TYPE, manifest, world.now)
                .unwrap();
        });
        let shutdown = CancellationToken::new();
        let run = docker::run(
            Arc::new(sandbox.clone()),
            docker.clone(),
            Run::here(),
            shutdown.clone(),
        );
        Stage {
            server: door.serve(sandbox.clone()),
            alb: bound.serve(Arc::new(sandbox.clone())),
            containers: tokio::spawn(run),
            sandbox,
            docker,
            shutdown,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    async fn strike(self) {
        self.alb.stop().await;
        self.shutdown.cancel();
        self.containers.await.ok();
        let registry = self.server.addr.to_string();
        docker::forget_images(&self.docker, &registry).await.ok();
        self.server.stop().await;
    }

    fn context(&self, pull: u64) -> PathBuf {
        self.directory.path().join(format!("pr-{pull}"))
    }

    /// A commit with this page becomes the head of the pull request.
    fn push(&self, pull: u64, page: &str) {
        let context = self.context(pull);
        std::fs::create_dir_all(&context).unwrap();
        std::fs::write(context.join("Dockerfile"), DOCKERFILE).unwrap();
        std::fs::write(context.join(".dockerignore"), ".git\n").unwrap();
        std::fs::write(context.join("index.html"), page).unwrap();
        let server = context.join("server");
        std::fs::write(&server, SERVER).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&server, std::fs::Permissions::from_mode(0o755)).unwrap();
        let sha = commit(&context);
        self.sandbox.with_world(|world| {
            let pulls = &mut world.github.spec.pull_requests;
            let pull = pulls.iter_mut().find(|p| p.number == pull).unwrap();
            pull.head_sha = sha;
        });
    }

    /// What the workflow of a pull request runs, whatever happened to it.
    async fn run(&self, pull: u64) -> Output {
        let runner = tempfile::tempdir().unwrap();
        let vars = variables(&self.sandbox, Start::Pull(pull), pull, runner.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipway"));
        command
            .arg("preview")
            .arg("--aws-region=eu-west-1")
            .arg("--role-to-assume=arn:aws:iam::111122223333:role/previews")
            .args([
                "--ecr-repository=web-previews",
                "--cluster=staging",
                "--base-service=web",
            ])
            .args([
                "--preview-host=pr-{number}.preview.example.com",
                "--stable-for=0",
            ])
            .current_dir(self.context(pull))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(std::env::var("DOCKER_HOST").map(|host| ("DOCKER_HOST", host)))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(vars);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        output
    }

    async fn page(&self, host: &str) -> String {
        let page = visit(self.alb.addr, host, "/index.html").await.unwrap();
        format!("{} {}", page.status.as_u16(), page.body)
    }

    async fn pages(&self) -> [String; 3] {
        [
            self.page("www.example.com").await,
            self.page("pr-7.preview.example.com").await,
            self.page("pr-8.preview.example.com").await,
        ]
    }

    fn inventory(&self) -> Inventory {
        self.sandbox.with_world(|world| Inventory::of(world))
    }

    /// Until every task that is there runs and is healthy, and every service that is there has its tasks.
    async fn settle(&self) -> Inventory {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.inventory();
            let steady = |(name, facts): (&String, &serde_json::Value)| {
                let deployments = facts["deployments"].to_string();
                match name.split(' ').next() {
                    Some("service") => {
                        deployments == r#"["COMPLETED"]"# && facts["status"] == "ACTIVE"
                    }
                    Some("task") => facts["status"] == "RUNNING",
                    Some("target-group") => !facts["targets"].to_string().contains("in"),
                    _ => true,
                }
            };
            if now.0.iter().all(steady) {
                return now;
            }
            assert!(Instant::now() < deadline, "not steady:\n{now}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_previews_and_the_base_answer_each_with_its_own_content() {
    let stage = Stage::set().await;
    stage.settle().await;
    let base = "200 the base".to_owned();
    // The base's own catch-all answers where there is no preview.
    assert_eq!(
        stage.pages().await,
        [&base, &base, &base].map(String::clone)
    );

    stage.push(8, "eight");
    stage.run(8).await;
    let with_eight = stage.settle().await;
    stage.push(7, "seven");
    stage.run(7).await;
    let with_both = stage.settle().await;
    let three = |seven: &str| [base.clone(), format!("200 {seven}"), "200 eight".to_owned()];
    assert_eq!(stage.pages().await, three("seven"));

    stage.push(7, "seven, again");
    stage.run(7).await;
    let pushed = stage.settle().await;
    assert_eq!(stage.pages().await, three("seven, again"));
    let changes = with_both.changes(&pushed);
    let foreign: Vec<_> = changes
        .iter()
        .filter(|line| {
            !super::whole::of_preview(line[2..].split(": ").next().unwrap_or_default(), 7)
        })
        .collect();
    assert!(foreign.is_empty(), "{foreign:#?}");

    stage.sandbox.with_world(|world| world.github.merge_pull(7));
    stage.run(7).await;
    let after = stage.settle().await;
    assert_eq!(
        stage.pages().await,
        [base.clone(), base.clone(), "200 eight".to_owned()]
    );
    // The images of its commits stay: they are named by commit, and a later pull request may have the same.
    let images = |name: &str| name.starts_with("image web-previews@");
    let left = untold(with_eight, 7)
        .without(images)
        .changes(&untold(after.clone(), 7).without(images));
    assert_eq!(left, [""; 0]);
    let tags: Vec<_> = after
        .0
        .iter()
        .filter(|(name, _)| images(name))
        .map(|(_, tags)| tags.to_string())
        .collect();
    assert!(
        !tags.concat().contains("\"pr-7\"") && tags.concat().contains("\"pr-8\""),
        "{tags:?}"
    );
    stage.strike().await;
}
