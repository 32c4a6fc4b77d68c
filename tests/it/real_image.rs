//! The built binary builds with the real engine and pushes to the sandbox's registry. Needs Docker; tasks are scripted.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use base64::Engine;
use serde_json::Value;
use shipway_sandbox::Sandbox;
use shipway_sandbox::doors::server::Server;

use crate::harness::{commit, world_file};

/// Quick tasks and quick health, so that the wait is short in real time.
const QUICK: &str = "
timings: { provisioning: 100ms, pending: 100ms, activating: 100ms, stopping: 100ms, deprovisioning: 100ms }
target-groups: [{ name: web, interval: 5s, timeout: 2s, healthy-threshold: 2, unhealthy-threshold: 2, deregistration-delay: 1s }]
repositories: [{ name: web, mutability: IMMUTABLE, images: [{ tags: [v1] }] }]
services:
  - { name: web, cluster: prod, desired: 1, image: 'ecr:web:v1', port: 80, target-group: web }
  - { name: jobs, cluster: prod, desired: 1, image: 'ecr:web:v1' }
";

pub struct Stage {
    runtime: tokio::runtime::Runtime,
    pub sandbox: Sandbox,
    server: Option<Server>,
    directory: tempfile::TempDir,
    pub variables: BTreeMap<String, String>,
}

impl Stage {
    pub fn new() -> Stage {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (sandbox, server) = runtime.block_on(async {
            let mut file = world_file(&serde_yaml::from_str(QUICK).unwrap());
            // The present: a signature's date is compared with the world's.
            file.start = None;
            let trouble = file.trouble.clone();
            let world = file.build(SystemTime::now()).unwrap();
            let sandbox = Sandbox::new(world, shipway_sandbox::Clock::real(), trouble);
            let server = Server::start(sandbox.clone(), 0).await.unwrap();
            (sandbox, server)
        });
        let variables = server.environment();
        let stage = Stage {
            runtime,
            sandbox,
            server: Some(server),
            directory,
            variables,
        };
        stage.write(
            "Dockerfile",
            "FROM scratch\nCOPY page /page\nENTRYPOINT [\"/page\"]\n",
        );
        stage.write("page", "Hello World!!");
        stage
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.root().join(path), text).unwrap();
    }

    /// `deploy` with four settings, as a job runs it, in an environment of its own.
    pub fn command(&self) -> Command {
        let mut command = self.verb("deploy");
        command.args(["--cluster", "prod", "--service", "web"]);
        command
    }

    /// A verb with region and role.
    pub fn verb(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipway"));
        command
            .args([verb, "--aws-region", "eu-west-1"])
            .args([
                "--role-to-assume",
                "arn:aws:iam::111122223333:role/shipway-production",
            ])
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(std::env::var("DOCKER_HOST").map(|host| ("DOCKER_HOST", host)))
            .env("GITHUB_ACTIONS", "true")
            .envs(&self.variables)
            .env_remove("AWS_REGION");
        command
    }

    pub fn deploy(&self, more: &[&str]) -> (Output, Value) {
        let mut command = self.command();
        if !more.contains(&"--ecr-repository") {
            command.args(["--ecr-repository", "web"]);
        }
        let output = command
            .args(["--stable-for", "0", "--output", "json"])
            .args(more)
            .output()
            .unwrap();
        let outputs =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        (output, outputs)
    }

    /// The one that the registry gave to the run.
    pub fn registry_password(&self) -> String {
        let given = self
            .sandbox
            .recorded()
            .into_iter()
            .find(|r| r.name() == "ecr:GetAuthorizationToken")
            .unwrap();
        let token = given.answer.unwrap()["authorizationData"][0]["authorizationToken"]
            .as_str()
            .unwrap()
            .to_owned();
        let plain = base64::engine::general_purpose::STANDARD
            .decode(token)
            .unwrap();
        String::from_utf8(plain)
            .unwrap()
            .strip_prefix("AWS:")
            .unwrap()
            .to_owned()
    }

    /// AWS's calls since the record numbered `since`.
    fn calls_since(&self, since: usize) -> Vec<String> {
        self.sandbox.recorded()[since..]
            .iter()
            .map(|r| r.name())
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let host = server.addr.to_string();
            self.runtime.block_on(server.stop());
            let images = Command::new("docker")
                .args(["images", "--quiet", &format!("{host}/web")])
                .output();
            let ids = images
                .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
                .unwrap_or_default();
            for id in ids.split_whitespace() {
                let _ = Command::new("docker").args(["rmi", "--force", id]).output();
            }
        }
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_commit_is_built_pushed_and_deployed_by_digest_and_its_rerun_does_nothing() {
    let stage = Stage::new();
    let sha = commit(stage.root());

    let (first, outputs) =
        stage.deploy(&["--extra-tags", "latest-try", "--wait-until", "deployed"]);
    assert!(first.status.success(), "{}", said(&first));
    assert_eq!(outputs["deployment-status"], "deployed", "{}", said(&first));
    assert_eq!(outputs["image-tag"], sha.as_str());
    let digest = outputs["image-digest"].as_str().unwrap().to_owned();
    let image = format!("{}@{digest}", outputs["image-repository"].as_str().unwrap());
    let (runs, tagged) = stage.sandbox.with_world(|world| {
        let service = world
            .ecs
            .services
            .values()
            .find(|s| s.name == "web")
            .map(|s| s.task_definition.clone())
            .unwrap();
        let document = world
            .ecs
            .task_definition(&service)
            .unwrap()
            .document
            .clone();
        let uri = image.split('@').next().unwrap();
        (
            document["containerDefinitions"][0]["image"].clone(),
            world.ecr.digest_of(&format!("{uri}:latest-try")),
        )
    });
    assert_eq!(runs, image.as_str(), "the task definition names the digest");
    assert_eq!(
        tagged.as_deref(),
        Some(digest.as_str()),
        "the extra tag names the same image"
    );

    let password = stage.registry_password();
    let shown = [
        said(&first),
        String::from_utf8_lossy(&first.stdout).into_owned(),
    ]
    .concat();
    let lines: Vec<&str> = shown
        .lines()
        .filter(|line| line.contains(&password))
        .collect();
    assert_eq!(
        lines,
        [format!("::add-mask::{password}")],
        "the ECR password is masked once and shown nowhere"
    );

    let before = stage.sandbox.recorded().len();
    let (again, outputs) = stage.deploy(&[]);
    assert_eq!(
        outputs["deployment-status"],
        "unchanged",
        "{}",
        said(&again)
    );
    assert!(
        said(&again).contains("build and push skipped"),
        "{}",
        said(&again)
    );
    let calls = stage.calls_since(before);
    let writes = [
        "ecs:RegisterTaskDefinition",
        "ecs:UpdateService",
        "ecr:GetAuthorizationToken",
        "ecr:PutImage",
    ];
    assert!(
        calls.iter().all(|c| !writes.contains(&c.as_str())),
        "{calls:?}"
    );
}

#[test]
fn an_image_is_built_once_and_its_digest_deployed_to_two_services() {
    let stage = Stage::new();
    commit(stage.root());
    // Not into the context, which it would make dirty.
    let outside = tempfile::tempdir().unwrap();
    let page = outside.path().join("page");
    let built = stage
        .verb("build")
        .args(["--ecr-repository", "web", "--extra-tags", "latest-try"])
        .env("GITHUB_STEP_SUMMARY", &page)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", said(&built));
    let image = String::from_utf8(built.stdout.clone()).unwrap();
    let image = image.strip_suffix('\n').unwrap();
    let digest = image.split_once("/web@").expect(image).1;
    assert!(digest.starts_with("sha256:") && !image.contains(char::is_whitespace));
    let page = std::fs::read_to_string(page).unwrap();
    for row in [
        "| Image | `",
        "| Size | ",
        "| Steps | ",
        "| Sent | ",
        "| Build | ",
    ] {
        assert!(page.contains(row), "{row}: {page}");
    }

    // The tree is changed: what is deployed is what was built, not what lies here now.
    stage.write("page", "Hello changed World!!");
    let before = stage.sandbox.recorded().len();
    for (service, digest_by) in [("web", image), ("jobs", digest)] {
        let deployed = stage
            .verb("deploy")
            .args([
                "--cluster",
                "prod",
                "--service",
                service,
                "--image",
                digest_by,
            ])
            .args([
                "--ecr-repository",
                "web",
                "--stable-for",
                "0",
                "--output",
                "json",
            ])
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .output()
            .unwrap();
        assert!(deployed.status.success(), "{}", said(&deployed));
        let outputs: Value = serde_json::from_slice(&deployed.stdout).unwrap();
        assert_eq!(outputs["image"], image);
        let runs = stage.sandbox.with_world(|world| {
            let service = world.ecs.services.values().find(|s| s.name == service);
            let arn = service.map(|s| s.task_definition.clone()).unwrap();
            let definition = world.ecs.task_definition(&arn).unwrap();
            definition.document["containerDefinitions"][0]["image"].clone()
        });
        assert_eq!(runs, image, "{service}");
    }
    let calls = stage.calls_since(before);
    assert!(
        !calls.iter().any(|c| c == "ecr:GetAuthorizationToken"),
        "nothing was pushed again: {calls:?}"
    );

    // Built again, it is there; a plan of the changed tree says what a deploy would build, and needs no engine for it.
    let planned = stage
        .verb("plan")
        .args([
            "--cluster",
            "prod",
            "--service",
            "web",
            "--ecr-repository",
            "web",
        ])
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .unwrap();
    assert!(planned.status.success(), "{}", said(&planned));
    let text = String::from_utf8_lossy(&planned.stdout).into_owned();
    assert!(
        text.contains("image would be built and pushed as `") && text.contains("-dirty-"),
        "{text}"
    );
    stage.write("page", "Hello World!!");
    let again = stage
        .verb("build")
        .args(["--ecr-repository", "web", "--output", "json"])
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .unwrap();
    let outputs: Value = serde_json::from_slice(&again.stdout).unwrap_or_default();
    assert_eq!(
        (&outputs["image"], &outputs["changed"]),
        (&Value::from(image), &Value::from(false)),
        "{}",
        said(&again)
    );
}

#[test]
fn an_immutable_tag_that_names_the_same_inputs_is_as_good_as_pushed() {
    let stage = Stage::new();
    commit(stage.root());
    let (_, first) = stage.deploy(&[]);
    let (again, outputs) = stage.deploy(&["--on-existing-tag", "rebuild", "--no-cache=true"]);
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!(
        outputs["image-digest"],
        first["image-digest"],
        "{}",
        said(&again)
    );
    let (refused, outputs) = stage.deploy(&["--on-existing-tag", "fail"]);
    assert_eq!(
        (refused.status.code(), &outputs["failure-code"]),
        (Some(6), &"shipway::preflight::tag_exists".into())
    );
}

#[test]
fn a_changed_tree_is_dirty_and_no_git_is_nogit_and_both_are_built_each_time() {
    let stage = Stage::new();
    let (first, outputs) = stage.deploy(&["--wait-until", "none"]);
    assert!(first.status.success(), "{}", said(&first));
    assert!(
        outputs["image-tag"].as_str().unwrap().starts_with("nogit-"),
        "{outputs}"
    );

    let sha = commit(stage.root());
    stage.write("page", "Hello changed World!!");
    let (first, outputs) = stage.deploy(&["--wait-until", "none"]);
    assert!(first.status.success(), "{}", said(&first));
    let tag = outputs["image-tag"].as_str().unwrap();
    assert!(
        tag.starts_with(&format!("{sha}-dirty-")) && tag.len() == sha.len() + "-dirty-".len() + 8,
        "{tag}"
    );
    let (again, _) = stage.deploy(&["--wait-until", "none"]);
    assert!(
        said(&again).contains("Building the image"),
        "{}",
        said(&again)
    );
}

#[test]
fn a_failing_step_shows_its_line_and_nothing_in_the_cloud_changes() {
    let stage = Stage::new();
    stage.write("Dockerfile", "FROM scratch\n\nCOPY nothing-here /page\n");
    commit(stage.root());
    let (failed, outputs) = stage.deploy(&[]);
    let text = said(&failed);
    assert_eq!(
        (failed.status.code(), &outputs["failure-code"]),
        (Some(5), &"shipway::build::failed".into()),
        "{text}"
    );
    assert!(text.contains("Dockerfile:3"), "{text}");
    assert_eq!(outputs["deployment-status"], "not-started");
}

#[test]
fn a_repository_is_created_with_tags_that_cannot_move_except_by_design() {
    let stage = Stage::new();
    commit(stage.root());
    let (missing, outputs) = stage.deploy(&["--ecr-repository", "team/new"]);
    assert_eq!(
        (missing.status.code(), &outputs["failure-code"]),
        (Some(6), &"shipway::preflight::no_repository".into())
    );
    let (created, outputs) = stage.deploy(&[
        "--ecr-repository",
        "team/new",
        "--create-repository=true",
        "--wait-until",
        "none",
    ]);
    assert!(created.status.success(), "{}", said(&created));
    assert!(
        outputs["image"]
            .as_str()
            .unwrap()
            .contains("/team/new@sha256:"),
        "{outputs}"
    );
}

#[test]
fn without_docker_it_says_what_to_start() {
    let stage = Stage::new();
    commit(stage.root());
    let output = stage
        .command()
        .args(["--ecr-repository", "web"])
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(
        text.contains("no Docker engine answers at") && text.contains("systemctl start docker"),
        "{text}"
    );
}
