//! Which deployment is told, where the id token says nothing about an environment.

use std::sync::Mutex;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::inputs::env::{Env, testing};
use crate::inputs::values::{CommentMode, OutputFormat};
use crate::model::verdict::Status;
use crate::report::markdown::{Announcement, State};
use crate::steps::announce::Announcer;

const SHA: &str = "2222222222222222222222222222222222222222";

/// What a repository answers, and what it was asked to write.
#[derive(Clone, Default)]
struct Repository {
    /// Id, payload, state and log address, the newest first.
    there: Vec<(u64, Value, &'static str, &'static str)>,
    written: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Repository {
    fn answer(&self, request: &http::Request<String>) -> (u16, Value) {
        let path = request.uri().path();
        let shown =
            |id: u64, payload: &Value| json!({"id": id, "payload": payload, "creator": {"id": 1}});
        if request.method() == "POST" {
            let body: Value = serde_json::from_str(request.body()).unwrap();
            let mut written = self.written.lock().unwrap();
            written.push((path.to_owned(), body.clone()));
            return (201, shown(99, &body["payload"]));
        }
        if path.ends_with("/deployments") {
            let shown = self
                .there
                .iter()
                .map(|(id, payload, ..)| shown(*id, payload));
            return (200, shown.collect());
        }
        let id = path.split('/').rev().nth(1).unwrap();
        let (.., state, log_url) = self
            .there
            .iter()
            .find(|(known, ..)| known.to_string() == id)
            .unwrap();
        match *state {
            "" => (200, json!([])),
            state => (
                200,
                json!([{"state": state, "description": "", "log_url": log_url}]),
            ),
        }
    }

    /// One success is told. The log, the deployment's id, and what was written.
    fn told(&self) -> (String, Option<u64>, Vec<(String, Value)>) {
        let (mut env, _, log) = testing::env(
            &[
                ("GITHUB_EVENT_NAME", "push"),
                ("GITHUB_REPOSITORY", "octo-org/web"),
                ("GITHUB_SHA", SHA),
                ("GITHUB_RUN_ID", "10"),
            ],
            std::path::Path::new("."),
        );
        let repository = self.clone();
        env.wire = testing::wire(move |request| {
            let (status, answer) = repository.answer(&request);
            Ok(http::Response::builder()
                .status(status)
                .body(answer.to_string())
                .unwrap())
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let id = runtime.block_on(tell(&env));
        let written = self.written.lock().unwrap().clone();
        (log.text(), id, written)
    }
}

async fn tell(env: &Env) -> Option<u64> {
    let report = Arc::new(Report::new(env, OutputFormat::Text));
    let trigger = Trigger::read(env).unwrap();
    let token = SecretString::from("t");
    let asked = Asked {
        token: Some(&token),
        trigger: trigger.as_ref(),
        service: "prod/web",
        claims: None,
        comment: CommentMode::Off,
        deployment: Some(Kind::deploy("prod/web")),
        preview: None,
        on_announced_commit: false,
    };
    let mut announcer = Announcer::find(env, asked, &report);
    let about = Announcement {
        service: "web".to_owned(),
        url: Some("https://www.example.com".to_owned()),
        state: State::Ended {
            status: Status::Serving,
            cause: None,
            failure: None,
        },
        ..Announcement::default()
    };
    announcer.conclude(&about, &env.cancel).await;
    announcer.github_deployment_id()
}

const OF_THIS_RUN: &str = "https://github.com/octo-org/web/actions/runs/10/job/77";

#[test]
fn the_jobs_own_deployment_is_told_and_none_is_made() {
    let repository = Repository {
        there: vec![
            (
                5,
                json!({}),
                "in_progress",
                "https://github.com/octo-org/web/actions/runs/101/job/1",
            ),
            (4, json!({}), "in_progress", OF_THIS_RUN),
            // A job of this run that is over.
            (3, json!({}), "success", OF_THIS_RUN),
        ],
        ..Repository::default()
    };
    let (log, id, written) = repository.told();
    assert_eq!(id, Some(4));
    assert_eq!(written.len(), 1, "{written:?}");
    let (path, status) = &written[0];
    assert_eq!(path, "/repos/octo-org/web/deployments/4/statuses");
    assert_eq!(
        *status,
        json!({
            "state": "success", "description": "web is serving", "auto_inactive": false,
            "environment_url": "https://www.example.com",
            "log_url": "https://github.com/octo-org/web/actions/runs/10/attempts/1",
        })
    );
    assert!(log.contains("deployment: false"), "{log}");
}

#[test]
fn of_two_that_run_nobody_can_tell_which_is_the_jobs_so_one_is_made() {
    let repository = Repository {
        there: vec![
            (4, json!({}), "in_progress", OF_THIS_RUN),
            (3, json!({}), "queued", OF_THIS_RUN),
        ],
        ..Repository::default()
    };
    let (log, id, written) = repository.told();
    assert_eq!((log.as_str(), id), ("", Some(99)));
    assert_eq!(
        written[0],
        (
            "/repos/octo-org/web/deployments".to_owned(),
            json!({
                "ref": SHA, "task": "deploy", "environment": "prod/web", "auto_merge": false, "required_contexts": [],
                "transient_environment": false, "production_environment": false, "description": "prod/web by Shipway",
                "payload": {"shipway": 1, "service": "prod/web", "run": 10, "attempt": 1},
            })
        )
    );
}

#[test]
fn what_this_attempt_made_before_is_told_again() {
    let ours = json!({"shipway": 1, "service": "prod/web", "run": 10, "attempt": 1});
    let repository = Repository {
        there: vec![(4, ours, "success", "")],
        ..Repository::default()
    };
    let (log, id, written) = repository.told();
    assert_eq!((log.as_str(), id, written.len()), ("", Some(4), 1));
}
