//! One comment, edited in place; never a failed deploy.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::inputs::env::testing;
use crate::inputs::values::OutputFormat;
use crate::report::markdown::State;

/// GitHub's comments of one pull request.
#[derive(Default)]
struct Comments {
    bodies: Vec<Option<String>>,
    denied: bool,
    /// The next POST takes effect and its answer is lost.
    loses_an_answer: bool,
    asked: Vec<String>,
}

fn wire(comments: &Arc<Mutex<Comments>>) -> crate::wire::Wire {
    let comments = comments.clone();
    testing::wire(move |request| {
        let mut comments = comments.lock().unwrap();
        comments.asked.push(request.uri().path().to_owned());
        let (status, answer) = answer(&mut comments, &request);
        let created = request.method() == "POST" && status == 201;
        if created && std::mem::take(&mut comments.loses_an_answer) {
            return Err("connection reset".to_owned());
        }
        Ok(http::Response::builder()
            .status(status)
            .body(answer.to_string())
            .unwrap())
    })
}

fn answer(comments: &mut Comments, request: &http::Request<String>) -> (u16, Value) {
    let path = request.uri().path();
    let sent: Value = serde_json::from_str(request.body()).unwrap_or_default();
    let rest = |id: usize, body: &str| json!({"id": id, "html_url": format!("https://c/{id}"), "body": body});
    if path == "/graphql" {
        let nodes: Vec<Value> = comments
            .bodies
            .iter()
            .enumerate()
            .filter_map(|(id, body)| {
                Some(json!({"fullDatabaseId": id.to_string(), "url": format!("https://c/{id}"), "body": body.as_ref()?,
                    "viewerDidAuthor": true, "isMinimized": false}))
            })
            .collect();
        let found = json!({"nodes": nodes, "pageInfo": {"hasNextPage": false, "endCursor": null}});
        return (
            200,
            json!({"data": {"repository": {"pullRequest": {"comments": found}}}}),
        );
    }
    if path.ends_with("/pulls") {
        return (
            200,
            json!([{"number": 3, "merged_at": "2026-11-24T00:00:00Z", "state": "closed"}]),
        );
    }
    if comments.denied && request.method() != "GET" {
        return (
            403,
            json!({"message": "Resource not accessible by integration"}),
        );
    }
    let body = sent["body"].as_str().map(str::to_owned);
    if request.method() == "POST" {
        comments.bodies.push(body.clone());
        return (201, rest(comments.bodies.len() - 1, &body.unwrap()));
    }
    let id: usize = path.rsplit('/').next().unwrap().parse().unwrap();
    if comments.bodies[id].is_none() {
        return (404, json!({"message": "Not Found"}));
    }
    if request.method() == "PATCH" {
        comments.bodies[id] = body;
    }
    (200, rest(id, comments.bodies[id].as_ref().unwrap()))
}

struct Told {
    log: String,
    url: Option<String>,
}

/// Runs the announcements of one run.
fn announce(
    comments: &Arc<Mutex<Comments>>,
    event: &str,
    run: &str,
    updates: &[Announcement],
) -> Told {
    announce_with(comments, event, run, updates, |_| ())
}

fn announce_with(
    comments: &Arc<Mutex<Comments>>,
    event: &str,
    run: &str,
    updates: &[Announcement],
    between: impl Fn(usize),
) -> Told {
    let events = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events");
    let payload = format!("{event}.json");
    let (mut env, _, stderr) = testing::env(
        &[
            ("GITHUB_EVENT_NAME", event),
            ("GITHUB_EVENT_PATH", &payload),
            ("GITHUB_REPOSITORY", "octo-org/web"),
            ("GITHUB_SHA", "2222222222222222222222222222222222222222"),
            ("GITHUB_RUN_ID", run),
        ],
        &events,
    );
    env.wire = wire(comments);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let url = runtime.block_on(async {
        let report = Arc::new(Report::new(&env, OutputFormat::Text));
        let trigger = Trigger::read(&env).unwrap();
        let token = SecretString::from("t");
        let asked = Asked {
            token: Some(&token),
            trigger: trigger.as_ref(),
            service: "prod/web",
            claims: None,
            comment: CommentMode::Auto,
            deployment: None,
            preview: None,
            on_announced_commit: false,
        };
        let mut announcer = Announcer::find(&env, asked, &report);
        let (last, before) = updates.split_last().unwrap();
        for (n, update) in before.iter().enumerate() {
            announcer.update(update);
            // Long enough for GitHub.
            tokio::time::sleep(Duration::from_secs(60)).await;
            between(n);
        }
        announcer.conclude(last, &env.cancel).await;
        announcer.comment_url()
    });
    Told {
        log: stderr.text(),
        url,
    }
}

fn at(url: &str) -> Announcement {
    Announcement {
        service: "web".to_owned(),
        url: Some(url.to_owned()),
        state: State::Ended {
            status: crate::model::verdict::Status::Serving,
            cause: None,
            failure: None,
        },
        ..Announcement::default()
    }
}

#[test]
fn one_comment_is_edited_in_place_by_this_run_and_the_next() {
    let comments = Arc::<Mutex<Comments>>::default();
    let told = announce(
        &comments,
        "pull_request",
        "10",
        &[at("http://a/"), at("http://b/")],
    );
    assert_eq!(told.url.as_deref(), Some("https://c/0"));
    announce(&comments, "pull_request", "11", &[at("http://c/")]);
    let bodies = &comments.lock().unwrap().bodies;
    assert_eq!(bodies.len(), 1);
    let body = bodies[0].as_ref().unwrap();
    assert!(
        body.contains("\"run\":11") && body.contains("<http://c/>"),
        "{body}"
    );
}

#[test]
fn an_older_run_never_overwrites_a_newer_one() {
    let comments = Arc::<Mutex<Comments>>::default();
    announce(&comments, "pull_request", "11", &[at("http://new/")]);
    let told = announce(
        &comments,
        "pull_request",
        "10",
        &[at("http://old/"), at("http://older/")],
    );
    let body = comments.lock().unwrap().bodies[0].clone().unwrap();
    assert!(body.contains("http://new/"), "{body}");
    assert_eq!(comments.lock().unwrap().bodies.len(), 1);
    assert_eq!(
        told.log.matches("is newer than this one").count(),
        1,
        "{}",
        told.log
    );
}

#[test]
fn a_newer_run_that_took_over_in_between_keeps_the_comment() {
    let comments = Arc::<Mutex<Comments>>::default();
    announce_with(
        &comments,
        "pull_request",
        "10",
        &[at("http://old/"), at("http://older/")],
        |n| {
            if n == 0 {
                let newer = comments.lock().unwrap().bodies[0]
                    .clone()
                    .unwrap()
                    .replace("\"run\":10", "\"run\":11");
                comments.lock().unwrap().bodies[0] = Some(newer);
            }
        },
    );
    let body = comments.lock().unwrap().bodies[0].clone().unwrap();
    assert!(
        body.contains("http://old/") && body.contains("\"run\":11"),
        "{body}"
    );
}

#[test]
fn a_comment_deleted_in_between_is_written_anew() {
    let comments = Arc::<Mutex<Comments>>::default();
    let told = announce_with(
        &comments,
        "pull_request",
        "10",
        &[at("http://a/"), at("http://b/")],
        |n| {
            if n == 0 {
                comments.lock().unwrap().bodies[0] = None;
            }
        },
    );
    assert_eq!(told.url.as_deref(), Some("https://c/1"));
}

#[test]
fn a_comment_whose_answer_was_lost_is_looked_for_and_not_posted_twice() {
    let comments = Arc::new(Mutex::new(Comments {
        loses_an_answer: true,
        ..Comments::default()
    }));
    let told = announce(
        &comments,
        "pull_request",
        "10",
        &[at("http://a/"), at("http://b/")],
    );
    assert_eq!(told.log, "");
    assert_eq!(told.url.as_deref(), Some("https://c/0"));
    let bodies = &comments.lock().unwrap().bodies;
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].as_ref().unwrap().contains("http://b/"));
}

#[test]
fn each_run_is_remembered_by_the_next_and_a_rerun_attempt_replaces_nothing_else() {
    let comments = Arc::<Mutex<Comments>>::default();
    for run in ["10", "11", "12", "13", "14", "15", "15"] {
        announce(&comments, "pull_request", run, &[at("http://a/")]);
    }
    let body = comments.lock().unwrap().bodies[0].clone().unwrap();
    let past = crate::github::comment::past_of(&body);
    assert_eq!(
        past.iter().map(|p| p.run).collect::<Vec<_>>(),
        [15, 14, 13, 12, 11],
        "{body}"
    );
}

#[test]
fn a_memory_that_somebody_edited_is_no_memory_and_no_harm() {
    let comments = Arc::<Mutex<Comments>>::default();
    announce(&comments, "pull_request", "10", &[at("http://a/")]);
    {
        let mut comments = comments.lock().unwrap();
        let body = comments.bodies[0].as_mut().unwrap();
        *body = body.replace("\"took_ms\":", "\"evil\":1,\"took_ms\":");
    }
    announce(&comments, "pull_request", "11", &[at("http://a/")]);
    let body = comments.lock().unwrap().bodies[0].clone().unwrap();
    let past = crate::github::comment::past_of(&body);
    assert_eq!(past.iter().map(|p| p.run).collect::<Vec<_>>(), [11]);
}

#[test]
fn a_denied_comment_is_one_warning_that_names_the_permission() {
    let comments = Arc::new(Mutex::new(Comments {
        denied: true,
        ..Comments::default()
    }));
    let told = announce(
        &comments,
        "pull_request",
        "10",
        &[at("http://a/"), at("http://b/")],
    );
    assert_eq!(told.url, None);
    assert_eq!(
        told.log,
        "warning: no comment on the pull request: commenting on the pull request: GitHub did not let this token (403: Resource not accessible by integration) (shipway::github::denied)
  help: add `pull-requests: write` to the job's `permissions:`, or set `comment: off`
"
    );
}

#[test]
fn a_push_is_announced_on_the_pull_request_it_came_from() {
    let comments = Arc::<Mutex<Comments>>::default();
    let told = announce(&comments, "push", "10", &[at("http://a/")]);
    assert_eq!(told.url.as_deref(), Some("https://c/0"));
    assert_eq!(
        comments.lock().unwrap().asked,
        [
            "/repos/octo-org/web/commits/2222222222222222222222222222222222222222/pulls",
            "/graphql",
            "/repos/octo-org/web/issues/3/comments"
        ]
    );
    assert_eq!(comments.lock().unwrap().bodies.len(), 1);
}
