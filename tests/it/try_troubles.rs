//! `shipway try --trouble NAME`: each cause that Docker can produce, with real containers and the daemon's own words.
//! Knows what a person reads of each. Nothing of a run is left behind.
//!
//! All are played at once, when the first test asks: what they do is wait for ECS and the load balancer.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::thread;

use crate::try_once::{Ran, nothing_is_left_of, shipway};

/// Each with the exit code of its `deploy`.
const PLAYED: [(&str, i32); 17] = [
    ("crash-loop", 1),
    ("denied", 4),
    ("entrypoint-missing", 1),
    ("entrypoint-not-executable", 1),
    ("exec-format-error", 6),
    ("exec-format-error-late", 1),
    ("exit-0", 1),
    ("health-path", 1),
    ("image-missing", 1),
    ("out-of-memory", 1),
    ("rollback", 1),
    ("slow-start", 1),
    ("superseded", 0),
    ("throttled", 0),
    ("unhealthy", 1),
    ("wrong-address", 1),
    ("wrong-port", 1),
];

/// The run of a trouble, held to its exit code.
async fn played(name: &str) -> &'static Ran {
    static RUNS: LazyLock<BTreeMap<&str, Ran>> = LazyLock::new(|| {
        let playing = PLAYED.map(|(name, _)| {
            thread::spawn(move || (name, shipway(&["try", "--trouble", name], &[])))
        });
        let played = playing.map(|run| run.join().expect("the run is waited for"));
        played.into()
    });
    let (_, code) = PLAYED.iter().find(|(n, _)| *n == name).expect("a trouble");
    let ran = &RUNS[name];
    ran.ended_with(*code).said(&format!("exit code {code}"));
    nothing_is_left_of(ran).await;
    ran
}

/// The deploy failed, the old page answers, and each of this is read: a name of a cause, or words.
async fn failed(name: &str, words: &[&str]) -> &'static Ran {
    let ran = played(name).await;
    // Whatever goes wrong with the new page.
    ran.page("The page of yesterday").said("### ❌");
    for words in words {
        match words.strip_prefix("cause ") {
            Some(cause) => ran.said(&format!("cause `{cause}` of docs/causes.md")),
            None => ran.said(words),
        };
    }
    ran
}

fn line<'a>(ran: &'a Ran, words: &str) -> &'a str {
    let found = ran.stderr.lines().find(|line| line.contains(words));
    found.unwrap_or_else(|| panic!("no `{words}` in:\n{}", ran.stderr))
}

#[tokio::test]
async fn crash_loop() {
    let words = [
        "cause application-error",
        "container `nginx` exit code 1",
        "  | page server: fatal: PAGE_CRASH_AFTER=0 is over",
        "STOPPED",
    ];
    failed("crash-loop", &words).await;
}

#[tokio::test]
async fn exit_0_is_a_failure_of_a_service() {
    let words = [
        "cause finished",
        "container `nginx` exit code 0",
        "  | page server: PAGE_EXIT=0: nothing to do",
    ];
    failed("exit-0", &words).await;
}

#[tokio::test]
async fn out_of_memory_is_what_docker_killed_for_it() {
    let said =
        "container `nginx` exit code 137 · OutOfMemoryError: Container killed due to memory usage";
    failed("out-of-memory", &["cause out-of-memory", said]).await;
}

#[tokio::test]
async fn a_foreign_program_is_built_and_refused_by_the_kernel() {
    let words = [
        "cause exec-format-error",
        "Building the image",
        "exec format error\n",
    ];
    let ran = failed("exec-format-error-late", &words).await;
    // Neither Docker nor ECS says why: the words are in the log alone.
    assert!(
        line(ran, "task failed:").ends_with("container `nginx` exit code 1")
            || line(ran, "task failed:").ends_with("container `nginx` exit code 255"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn an_entrypoint_that_is_not_there() {
    let said = "TaskFailedToStart: CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task:";
    let ran = failed("entrypoint-missing", &["cause entrypoint-not-found", said]).await;
    let failed = line(ran, "task failed:");
    assert!(
        failed.contains("\"/srv/server\"") && failed.contains("no such file or directory"),
        "{failed}"
    );
}

#[tokio::test]
async fn an_entrypoint_that_may_not_be_executed() {
    let words = [
        "cause entrypoint-not-executable",
        "CannotStartContainerError",
    ];
    let ran = failed("entrypoint-not-executable", &words).await;
    let failed = line(ran, "task failed:");
    assert!(
        failed.contains("\"/server\": permission denied"),
        "{failed}"
    );
}

#[tokio::test]
async fn an_image_that_vanished_cannot_be_pulled() {
    let ran = failed("image-missing", &["cause image-not-found"]).await;
    let failed = line(ran, "task failed:");
    let said = failed.matches("CannotPullContainerError").count();
    assert_eq!(said, 1, "said once: {failed}");
}

#[tokio::test]
async fn health_checks_that_a_page_answers_wrongly() {
    let said = "due to (reason Health checks failed with these codes: [404])";
    failed("health-path", &["cause health-path-not-found", said]).await;
    let said = "due to (reason Health checks failed with these codes: [500])";
    failed("unhealthy", &["cause health-path-errors", said]).await;
}

#[tokio::test]
async fn health_checks_that_reach_nobody() {
    for (name, cause, log) in [
        (
            "wrong-port",
            "port-not-reachable",
            "  | page server: listening on 0.0.0.0:8080",
        ),
        (
            "wrong-address",
            "listens-on-localhost",
            "  | page server: listening on 127.0.0.1:80",
        ),
        (
            "slow-start",
            "port-not-reachable",
            "  | page server: PAGE_START_AFTER=60: warming up",
        ),
    ] {
        let cause = format!("cause {cause}");
        let words = [cause.as_str(), log, "due to (reason Health checks failed)"];
        failed(name, &words).await;
    }
}

#[tokio::test]
async fn a_breaker_that_rolls_back_is_a_failure() {
    let words = [
        "ROLLBACK_SUCCESSFUL",
        "Back on `nginx-test:1`, which serves (",
    ];
    failed("rollback", &words).await;
}

#[tokio::test]
async fn an_image_of_another_architecture_is_refused_before_it_is_built() {
    let said = "the image is for linux/arm64, but the tasks run on linux/amd64";
    let ran = failed("exec-format-error", &[said]).await;
    assert!(!ran.stderr.contains("Building the image"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_role_without_the_permission_is_denied() {
    let said = "no identity-based policy allows the ecs:UpdateService action";
    failed("denied", &[said]).await;
}

#[tokio::test]
async fn what_is_no_failure() {
    let superseded = played("superseded").await;
    superseded.said("a newer deployment is PRIMARY");
    let throttled = played("throttled").await;
    throttled
        .said("nginx-test-server is serving")
        .page("Hello World!!");
}
