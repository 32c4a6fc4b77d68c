//! `shipway try` as a newcomer runs it: the built binary, real containers, and nothing left behind. Needs a Docker daemon,
//! but no images and no registry.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListImagesOptionsBuilder};

/// What a run wrote, and how it ended.
struct Ran {
    pid: u32,
    output: Output,
    stdout: String,
    stderr: String,
}

fn shipway(arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let child = Command::new(env!("CARGO_BIN_EXE_shipway"))
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        pid,
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        output,
    }
}

impl Ran {
    #[track_caller]
    fn ended_with(&self, code: i32) -> &Ran {
        assert_eq!(
            self.output.status.code(),
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    fn said(&self, words: &str) -> &Ran {
        assert!(
            self.stderr.contains(words),
            "no `{words}` in:\n{}",
            self.stderr
        );
        self
    }

    #[track_caller]
    fn page(&self, words: &str) -> &Ran {
        assert!(
            self.stdout.contains(words),
            "no `{words}` in:\n{}",
            self.stdout
        );
        self
    }

    /// The sandbox's registry, as images of this run are named after it.
    fn registry(&self) -> String {
        let line = self
            .stderr
            .lines()
            .find_map(|line| line.trim().strip_prefix("AWS and GitHub"));
        let url = line.expect("where the stand-ins answer").trim();
        url.trim_start_matches("http://").to_owned()
    }
}

async fn nothing_is_left_of(ran: &Ran) {
    let docker = Docker::connect_with_defaults().expect("a Docker daemon");
    let containers = docker
        .list_containers(Some(ListContainersOptionsBuilder::new().all(true).build()))
        .await
        .expect("a Docker daemon");
    let ours = format!("/{}/", ran.pid);
    let left: Vec<_> = containers
        .iter()
        .filter_map(|container| container.labels.as_ref()?.get("shipway.sandbox"))
        .filter(|run| run.contains(&ours))
        .collect();
    assert!(left.is_empty(), "containers: {left:?}");
    let registry = ran.registry();
    let images = docker
        .list_images(Some(ListImagesOptionsBuilder::new().all(true).build()))
        .await
        .expect("a Docker daemon");
    let left: Vec<_> = images
        .iter()
        .flat_map(|image| image.repo_tags.iter().chain(&image.repo_digests))
        .filter(|name| name.starts_with(&registry))
        .collect();
    assert!(left.is_empty(), "images: {left:?}");
    let directory: PathBuf = std::env::temp_dir().join(format!("shipway-try-{}-0", ran.pid));
    assert!(!directory.exists(), "{}", directory.display());
}

#[tokio::test]
async fn one_command_deploys_hello_world_and_leaves_nothing() {
    let ran = shipway(&["try", "--once"], &[]);
    ran.ended_with(0)
        .said("The old page serves: The page of yesterday")
        .said("nginx-test-server is serving: http://127.0.0.1:")
        .said("| ### ✅ nginx-test-server is serving: <http://127.0.0.1:")
        .said("→ 200 OK")
        .page("<h1>Hello World!!</h1>");
    assert_eq!(
        ran.stdout.lines().count(),
        3,
        "stdout holds the page alone:\n{}",
        ran.stdout
    );
    nothing_is_left_of(&ran).await;
}

#[test]
fn a_persons_own_settings_do_not_reach_the_deploy() {
    let elsewhere = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_ECS", "http://127.0.0.1:9"),
        ("AWS_PROFILE", "production"),
        ("AWS_ACCESS_KEY_ID", "AKIAPRODUCTION"),
        ("SHIPWAY_CLUSTER", "production"),
        ("SHIPWAY_INPUTS", r#"{"cluster": "production"}"#),
        ("GITHUB_TOKEN", "ghp_production"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
    ];
    let ran = shipway(&["try", "--trouble", "denied"], &elsewhere);
    ran.ended_with(4)
        .said("preflight: service `nginx-test-server` is on `nginx-test:1`")
        .said("### ❌ nginx-test-server");
    assert!(!ran.stderr.contains("production"), "{}", ran.stderr);
}

#[track_caller]
fn trouble(name: &str, code: i32) -> Ran {
    let ran = shipway(&["try", "--trouble", name], &[]);
    // Whatever goes wrong with the new page, the old one answers.
    ran.ended_with(code)
        .said(&format!("exit code {code}"))
        .page("The page of yesterday");
    ran
}

#[test]
fn an_image_of_another_architecture_is_refused_before_it_is_built() {
    let ran = trouble("exec-format-error", 6);
    ran.said("the image is for linux/arm64, but the tasks run on linux/amd64");
    assert!(!ran.stderr.contains("Building the image"), "{}", ran.stderr);
}

#[test]
fn a_role_without_the_permission_is_denied() {
    trouble("denied", 4).said("no identity-based policy allows the ecs:UpdateService action");
}

#[tokio::test]
async fn an_image_that_vanished_cannot_be_pulled() {
    let ran = trouble("image-missing", 1);
    ran.said("### ❌");
    let failed = ran
        .stderr
        .lines()
        .find(|line| line.contains("task failed:"));
    let failed = failed.expect("a task that failed");
    assert_eq!(
        failed.matches("CannotPullContainerError").count(),
        1,
        "said once: {failed}"
    );
    nothing_is_left_of(&ran).await;
}

#[tokio::test]
async fn a_container_that_crashes_fails_the_deploy() {
    let ran = trouble("crash-loop", 1);
    ran.said("container `nginx` exit code 1").said("STOPPED");
    nothing_is_left_of(&ran).await;
}

#[test]
fn a_breaker_that_rolls_back_is_a_failure() {
    trouble("rollback", 1)
        .said("ROLLBACK_SUCCESSFUL")
        .said("**Back on `nginx-test:1`, which serves (");
}

#[test]
fn every_trouble_is_listed_with_its_exit_code() {
    let ran = shipway(&["try", "--list"], &[]);
    ran.ended_with(0);
    let listed: Vec<(&str, &str)> = ran
        .stdout
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.nth(1)?))
        })
        .collect();
    for named in [
        ("crash-loop", "1"),
        ("exec-format-error", "6"),
        ("unhealthy", "1"),
        ("image-missing", "1"),
        ("rollback", "1"),
        ("superseded", "0"),
        ("throttled", "0"),
        ("denied", "4"),
    ] {
        assert!(listed.contains(&named), "{named:?} is not in {listed:?}");
    }
}

#[test]
fn without_docker_it_says_what_to_start() {
    let ran = shipway(
        &["try", "--once"],
        &[("DOCKER_HOST", "unix:///nowhere/docker.sock")],
    );
    ran.ended_with(1)
        .said("no Docker daemon at unix:///nowhere/docker.sock")
        .said("Start Docker");
}
