//! When a smoke test ends, and how; in virtual time.

use std::sync::Mutex;

use super::*;
use crate::inputs::env::testing;
use crate::inputs::values::OutputFormat;
use crate::rollout::{Healthy, ServesNow};

fn served() -> Ended {
    Ended {
        status: Status::Serving,
        exit_code: 0,
        reasons: Vec::new(),
        endings: 0,
        given_up: false,
        targets_unread: false,
        healthy: Healthy { healthy: 2, of: 2 },
        serves_now: ServesNow::ours(
            "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:2",
            2,
        ),
        deployment_id: "ecs-svc/1".to_owned(),
        service_deployment_arn: None,
        timings: Default::default(),
        last_event: None,
        last_stop: None,
        unmet: Vec::new(),
        targets: Vec::new(),
        advice: Vec::new(),
        diagnosis: None,
        logs: None,
    }
}

/// Asks a server that gives these answers one after the other, the last for ever; a text that is no number is why there is
/// none. Answers the verdict, how often it was asked, the seconds it took, and the reasons.
fn judged(ended: Ended, answers: &'static [&'static str]) -> (Status, usize, u64, String) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let (env, _, _) = testing::env(&[], dir.path());
        let asked = std::sync::Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let wire = testing::wire(move |request| {
            let mut asked = seen.lock().unwrap();
            assert_eq!(request.headers()["x-preview"], "pr-7");
            asked.push(request.uri().to_string());
            let answer = answers[(asked.len() - 1).min(answers.len() - 1)];
            let (status, body) = answer.split_once(' ').unwrap_or((answer, ""));
            match status.parse::<u16>() {
                Ok(status) => Ok(http::Response::builder()
                    .status(status)
                    .header("location", "https://elsewhere.example/")
                    .body(body.repeat(400))
                    .unwrap()),
                Err(_) => Err(answer.to_owned()),
            }
        });
        let smoke = Smoke {
            address: joined("https://www.example.com", "/healthz?deep=1").unwrap(),
            header: None,
        }
        .with_header("X-Preview", "pr-7");
        let report = Report::new(&env, OutputFormat::Text);
        let began = tokio::time::Instant::now();
        let ended = smoke.judge(&wire, ended, &report, env.cancel.token()).await;
        let took = began.elapsed().as_secs();
        let asked = asked.lock().unwrap();
        assert!(
            asked
                .iter()
                .all(|uri| uri == "https://www.example.com/healthz?deep=1"),
            "{asked:?}"
        );
        let reasons = serde_json::to_string(&ended.reasons).unwrap();
        (ended.status, asked.len(), took, reasons)
    })
}

#[test]
fn three_good_answers_in_a_row_pass_and_too_few_tries_left_fail() {
    use Status::{Failed, Serving};
    type Ends = (Status, usize, u64);
    let cases: [(&[&str], Ends); 9] = [
        (&["200"], (Serving, 3, 2)),
        (&["204", "302", "399"], (Serving, 3, 2)),
        (&["500", "200"], (Serving, 4, 3)),
        (&["200", "200", "500", "200"], (Serving, 6, 5)),
        (
            &["500", "500", "500", "500", "500", "500", "500", "200"],
            (Serving, 10, 9),
        ),
        // From the eighth failure on, three in a row cannot be reached any more.
        (
            &[
                "500", "500", "500", "500", "500", "500", "500", "500", "200",
            ],
            (Failed, 8, 7),
        ),
        (&["404"], (Failed, 8, 7)),
        (&["200", "500"], (Failed, 8, 7)),
        (&["connection refused"], (Failed, 8, 7)),
    ];
    for (answers, expected) in cases {
        let (status, tries, took, _) = judged(served(), answers);
        assert_eq!((status, tries, took), expected, "{answers:?}");
    }
}

#[test]
fn what_was_answered_is_quoted_short_and_what_serves_is_named() {
    let (_, _, _, reasons) = judged(served(), &["503 ab"]);
    let quoted = "ab".repeat(100);
    assert_eq!(
        reasons,
        format!(
            "[[{{\"text\":\"https://www.example.com/healthz?deep=1 \"}},{{\"text\":\"answered 503.\"}}],\
             [{{\"text\":\"It said: \"}},{{\"quoted\":\"{quoted}\"}}],\
             [{{\"text\":\"It did not answer 2xx or 3xx 3 times in a row in 8 tries.\"}}],\
             [{{\"text\":\"Nothing was rolled back: web:2 keeps serving.\"}}]]"
        )
    );
    let (_, _, _, reasons) = judged(served(), &["invalid peer certificate: UnknownIssuer"]);
    assert!(
        reasons.contains("gave no answer: ")
            && reasons.contains("{\"quoted\":\"invalid peer certificate: UnknownIssuer\"}"),
        "{reasons}"
    );
}

#[test]
fn only_a_success_that_serves_is_asked() {
    for status in [
        Status::Superseded,
        Status::Paused,
        Status::RolledBack,
        Status::TimedOut,
        Status::Unknown,
        Status::Started,
        Status::Cancelled,
    ] {
        let ended = Ended { status, ..served() };
        assert_eq!(judged(ended, &["500"]).0, status);
        assert_eq!(judged(Ended { status, ..served() }, &["500"]).1, 0);
    }
    let nothing = Ended {
        status: Status::Deployed,
        healthy: Healthy::default(),
        ..served()
    };
    let (status, tries, _, reasons) = judged(nothing, &["200"]);
    assert_eq!((status, tries), (Status::Failed, 0));
    assert!(reasons.contains("nothing serves"), "{reasons}");
}

#[test]
fn a_path_is_put_behind_the_address() {
    for (url, path, expected) in [
        ("http://alb.example", "/", Some("http://alb.example/")),
        (
            "http://alb.example/",
            "/healthz",
            Some("http://alb.example/healthz"),
        ),
        (
            "https://example.com:8443",
            "/a?b=c",
            Some("https://example.com:8443/a?b=c"),
        ),
        (
            "https://example.com/app/",
            "/healthz",
            Some("https://example.com/app/healthz"),
        ),
        (
            "https://example.com/app?tab=1#x",
            "/healthz",
            Some("https://example.com/app/healthz"),
        ),
        ("https://exa mple.com", "/healthz", None),
    ] {
        let uri = joined(url, path).map(|uri| uri.to_string());
        assert_eq!(uri.as_deref(), expected, "{url} {path}");
    }
}
