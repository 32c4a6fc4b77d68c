//! The docker runtime and the load balancer with real containers. Needs a Docker daemon, but no images: they are made
//! of files, from scratch, with the static page server that `shipway try` deploys.

// Helpers of tests are tests, too.
#![allow(clippy::unwrap_used)]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod story;

use std::sync::Arc;
use std::time::Duration;

use shipway_sandbox::alb::{Alb, visit};
use shipway_sandbox::world::Fact;
use story::{Fake, Story, container, get, page_server};
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn a_task_runs_is_reached_and_ends_with_sigterm() {
    let story = Story::begin().await;
    let image = story.image(page_server(), "Hello World!!").await;
    story.start("run/1", "10.0.0.1", vec![container(&image, &[])]);
    let (reachable, digests) = story.running("run/1").await;
    let [(80, socket)] = reachable[..] else {
        panic!("{reachable:?}")
    };
    assert!(socket.ip().is_loopback());
    assert_eq!(
        digests,
        [(
            "web".to_owned(),
            image.split_once('@').unwrap().1.to_owned()
        )]
    );
    assert!(get(socket, "/").await.ends_with("Hello World!!"));

    let began = Instant::now();
    story.stop("run/1", 30);
    assert_eq!(story.stopped("run/1").await, [("web".to_owned(), 0)]);
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "it ends by SIGTERM, not by SIGKILL"
    );
    assert_eq!(story.containers("run/1").await, 0);
    assert_eq!(story.lines(), ["page server: listening on 0.0.0.0:80"]);
    story.end(&["run/1"]).await;
}

#[tokio::test]
async fn failures_to_start_are_told_as_ecs_tells_them() {
    let story = Story::begin().await;
    let missing = story.no_image();
    story.start("fail/1", "10.0.0.1", vec![container(&missing, &[])]);
    assert_eq!(
        story.failed("fail/1").await,
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {missing}: {missing}: not found"
        )
    );

    let image = story.image(page_server(), "x").await;
    let mut lost = container(&image, &[]);
    lost.entry_point = vec!["/nowhere".to_owned()];
    story.start("fail/2", "10.0.0.2", vec![lost]);
    let reason = story.failed("fail/2").await;
    assert!(reason.starts_with("CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: "), "{reason}");
    assert!(
        reason.contains("/nowhere") && reason.ends_with("no such file or directory: unknown"),
        "{reason}"
    );

    // Asked to stop what never ran: it is answered all the same.
    story.stop("fail/1", 1);
    assert_eq!(story.stopped("fail/1").await, []);
    story.end(&["fail/1", "fail/2"]).await;
}

#[tokio::test]
async fn exits_are_reported_with_code_and_cause() {
    let story = Story::begin().await;
    let image = story.image(page_server(), "x").await;
    story.start(
        "exit/crash",
        "10.0.0.1",
        vec![container(&image, &[("PAGE_CRASH_AFTER", "1")])],
    );
    story.start(
        "exit/memory",
        "10.0.0.2",
        vec![container(&image, &[("PAGE_EAT_MEMORY", "1")])],
    );
    assert_eq!(
        story.exited("exit/crash").await,
        ("web".to_owned(), 1, false)
    );
    assert!(
        story
            .lines()
            .contains(&"page server: fatal: PAGE_CRASH_AFTER=1 is over".to_owned()),
        "{:?}",
        story.lines()
    );
    assert_eq!(
        story.exited("exit/memory").await,
        ("web".to_owned(), 137, true)
    );
    story.stop("exit/crash", 5);
    assert_eq!(story.stopped("exit/crash").await, [("web".to_owned(), 1)]);

    // The seed's trouble: an executable of another architecture. The kernel's words are in the log.
    let mut foreign = page_server().to_vec();
    foreign[18] = 0xb7; // e_machine: AArch64
    let image = story.image(&foreign, "x").await;
    story.start("exit/format", "10.0.0.3", vec![container(&image, &[])]);
    let told = story
        .until("exec format error", |fact| match fact {
            Fact::LogLine { line, .. } if line.contains("exec format error") => Some(line.clone()),
            Fact::TaskFailedToStart { reason, .. } if reason.contains("exec format error") => {
                Some(reason.clone())
            }
            _ => None,
        })
        .await;
    assert!(told.contains("exec format error"), "{told}");
    story
        .end(&["exit/crash", "exit/memory", "exit/format"])
        .await;
}

#[tokio::test]
async fn containers_of_a_task_share_localhost() {
    let story = Story::begin().await;
    let image = story.image(page_server(), "x").await;
    let web = container(&image, &[("PAGE_LISTEN", "127.0.0.1")]);
    let mut second = container(&image, &[]);
    second.name = "second".to_owned();
    second.essential = false;
    story.start("net/1", "10.0.0.1", vec![second, web]);
    // Both want port 80 of the same network: the one that comes second ends.
    assert_eq!(story.exited("net/1").await, ("second".to_owned(), 1, false));
    assert!(
        story
            .lines()
            .iter()
            .any(|line| line.contains("Address already in use")),
        "{:?}",
        story.lines()
    );
    story.end(&["net/1"]).await;
}

#[tokio::test]
async fn a_new_task_takes_over_without_a_failed_request() {
    let story = Story::begin().await;
    let (old, new) = (
        story.image(page_server(), "old page").await,
        story.image(page_server(), "new page").await,
    );
    let alb = Alb::start(Arc::<Fake>::clone(&story.fake), None)
        .await
        .unwrap();
    *story.fake.health_path.lock().unwrap() = Some("/healthz".to_owned());
    story.start("roll/old", "10.0.0.1", vec![container(&old, &[])]);
    story.running("roll/old").await;
    healthy(&story, "10.0.0.1").await;
    *story.fake.targets.lock().unwrap() = vec![("10.0.0.1".to_owned(), 80)];

    let addr = alb.addr;
    let page = visit(addr, "page.example", "/").await.unwrap();
    assert_eq!(
        (page.status.as_u16(), page.body.as_str()),
        (200, "old page")
    );
    let asking = tokio::spawn(async move {
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..400 {
            let answer = get(addr, "/").await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            let page = answer.rsplit("\r\n").next().unwrap().to_owned();
            if seen.last() != Some(&page) {
                seen.push(page);
            }
            if seen.len() == 2 {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        seen
    });
    story.start("roll/new", "10.0.0.2", vec![container(&new, &[])]);
    healthy(&story, "10.0.0.2").await;
    *story.fake.targets.lock().unwrap() = vec![("10.0.0.2".to_owned(), 80)];
    story.stop("roll/old", 10);
    story.stopped("roll/old").await;
    assert_eq!(asking.await.unwrap(), ["old page", "new page"]);
    assert!(get(addr, "/").await.ends_with("new page"));

    // Gone without having been deregistered.
    story.stop("roll/new", 10);
    story.stopped("roll/new").await;
    assert!(get(addr, "/").await.starts_with("HTTP/1.1 502"));
    alb.stop().await;
    story.end(&["roll/old", "roll/new"]).await;
}

async fn healthy(story: &Story, of: &str) {
    story
        .until("healthy target", |fact| match fact {
            Fact::HealthChecked {
                address,
                result: Ok(()),
                ..
            } if address == of => Some(()),
            _ => None,
        })
        .await;
}
