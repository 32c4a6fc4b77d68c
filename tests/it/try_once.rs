//! `shipway try` as a newcomer runs it: the built binary, real containers, and nothing left behind. Needs a Docker daemon,
//! but no images and no registry.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListImagesOptionsBuilder};

/// What a run wrote, and how it ended.
pub struct Ran {
    pid: u32,
    output: Output,
    pub stdout: String,
    pub stderr: String,
}

pub fn shipway(arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
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
    pub fn ended_with(&self, code: i32) -> &Ran {
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
    pub fn said(&self, words: &str) -> &Ran {
        assert!(
            self.stderr.contains(words),
            "no `{words}` in:\n{}",
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn page(&self, words: &str) -> &Ran {
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

pub async fn nothing_is_left_of(ran: &Ran) {
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
        ("exit-0", "1"),
        ("entrypoint-missing", "1"),
        ("entrypoint-not-executable", "1"),
        ("exec-format-error", "6"),
        ("exec-format-error-late", "1"),
        ("unhealthy", "1"),
        ("health-path", "1"),
        ("slow-start", "1"),
        ("wrong-port", "1"),
        ("wrong-address", "1"),
        ("out-of-memory", "1"),
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
