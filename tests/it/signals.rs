//! A runner cancels the built binary while the engine builds or pushes: it is gone within five seconds of SIGINT, with its
//! outputs and its comment, and so is what it started. Needs Docker.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::real_image::Stage;

const PAYLOAD: &str = r#"{"action": "synchronize", "number": 7, "repository": {"id": 7001, "full_name": "octo-org/web"},
    "pull_request": {"number": 7, "head": {"sha": "4f2a9c1d00000000000000000000000000000000", "ref": "feature", "repo": {"id": 7001}},
    "base": {"ref": "main", "repo": {"id": 7001}}}}"#;

/// Starts a deploy on a pull request.
fn started(stage: &Stage, outside: &Path) -> Child {
    let event = outside.join("event.json");
    std::fs::write(&event, PAYLOAD).unwrap();
    stage
        .command()
        .args(["--ecr-repository", "web", "--output", "json"])
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", &event)
        .env("GITHUB_REPOSITORY", "octo-org/web")
        .env("GITHUB_REPOSITORY_ID", "7001")
        .env("GITHUB_RUN_ID", "16839201733")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The signal, and what is left of it: outputs and log.
fn interrupted(mut child: Child) -> (Value, String) {
    let pid = rustix::process::Pid::from_child(&child);
    let began = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let status = child.wait().unwrap();
    let took = began.elapsed();
    let mut said = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said.0)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said.1)
        .unwrap();
    assert_eq!(status.code(), Some(130), "{}", said.1);
    assert!(took < Duration::from_secs(5), "{took:?}: {}", said.1);
    let outputs: Value = serde_json::from_str(&said.0).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    assert_eq!(outputs["deployment-status"], "cancelled", "{}", said.1);
    (outputs, said.1)
}

fn nothing_in_aws_was_changed(stage: &Stage) {
    let calls: Vec<String> = stage.sandbox.recorded().iter().map(|r| r.name()).collect();
    for change in ["ecs:RegisterTaskDefinition", "ecs:UpdateService"] {
        assert!(!calls.iter().any(|c| c == change), "{calls:?}");
    }
}

/// State and words of the deployment on the commit, the oldest first.
fn statuses(stage: &Stage) -> Vec<String> {
    stage.sandbox.with_world(|w| {
        let all = w.github.deployments.iter().flat_map(|d| &d.statuses);
        all.map(|s| format!("{}: {}", s.state, s.description))
            .collect()
    })
}

fn the_pull_request_was_told(stage: &Stage, log: &str) {
    let comments = stage.sandbox.with_world(|w| {
        let told: Vec<_> = w.github.comments_on(7).map(|c| c.body.clone()).collect();
        told
    });
    assert_eq!(comments.len(), 1, "{log}");
    assert!(
        comments[0].contains("cancelled: Nothing was changed"),
        "{comments:?}"
    );
}

/// Whether a process runs that was started with this argument.
fn runs(argument: &str) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return false;
    };
    processes
        .filter_map(|p| std::fs::read(p.ok()?.path().join("cmdline")).ok())
        .any(|line| line.split(|b| *b == 0).any(|a| a == argument.as_bytes()))
}

#[test]
fn a_build_ends_with_the_signal() {
    let stage = Stage::new();
    let outside = tempfile::tempdir().unwrap();
    let page = include_bytes!(concat!(env!("OUT_DIR"), "/page-server"));
    std::fs::write(stage.root().join("server"), page).unwrap();
    std::process::Command::new("chmod")
        .args(["+x", "server"])
        .current_dir(stage.root())
        .status()
        .unwrap();
    // It serves until it is stopped; the argument is how it is told from any other.
    let mark = format!("shipway-signals-{}", std::process::id());
    stage.write(
        "Dockerfile",
        &format!("FROM scratch\nCOPY server /server\nRUN [\"/server\", \"{mark}\"]\n"),
    );
    let child = started(&stage, outside.path());
    until("the build's step runs", || runs(&mark));
    until("the comment says so", || {
        stage.sandbox.with_world(|w| {
            let mut told = w.github.comments_on(7);
            told.any(|c| c.body.contains("Building the image since"))
        })
    });
    until("the deployment says so", || {
        statuses(&stage) == ["queued: Building the image"]
    });
    let (_, log) = interrupted(child);
    nothing_in_aws_was_changed(&stage);
    the_pull_request_was_told(&stage, &log);
    let last = statuses(&stage).pop().unwrap();
    assert!(
        last.starts_with("inactive: ") && last.contains("Nothing was changed"),
        "{last}"
    );
    until("the engine stopped the build", || !runs(&mark));
}

#[test]
fn a_push_ends_with_the_signal() {
    let stage = Stage::new();
    let outside = tempfile::tempdir().unwrap();
    let never = "{ service: oci, operation: 'P* /v2/*', do: delay, delay: 1h }";
    stage.sandbox.trouble(serde_yaml::from_str(never).unwrap());
    let child = started(&stage, outside.path());
    until("the push began", || {
        let calls = stage.sandbox.recorded();
        calls
            .iter()
            .any(|r| r.name() == "ecr:GetAuthorizationToken")
    });
    // Long enough to have sent what the registry does not answer.
    std::thread::sleep(Duration::from_secs(1));
    let (outputs, log) = interrupted(child);
    assert!(log.contains("Pushing the image"), "{log}");
    assert_eq!(outputs["changed"], false);
    nothing_in_aws_was_changed(&stage);
    the_pull_request_was_told(&stage, &log);
}
