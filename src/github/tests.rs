//! The port against a far end that answers as GitHub does: addresses, retries, pages, denials.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::client::{GitHub, GitHubError};
use super::comment::{self, Marker};
use super::id_token::{IdTokenError, IdTokenRequest};
use super::pulls;
use crate::inputs::env::testing;
use crate::wire::Wire;

type Asked = Arc<Mutex<Vec<(String, Option<String>, String)>>>;

/// A wire that answers by a function of `METHOD address`, and what was asked of it: address, authorization, body.
fn far_end(
    answer: impl Fn(&str, &Value, usize) -> (u16, Value) + Send + Sync + 'static,
) -> (Wire, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let wire = testing::wire(move |request| {
        let line = format!("{} {}", request.method(), request.uri());
        let authorization = request
            .headers()
            .get("authorization")
            .map(|v| v.to_str().unwrap().to_owned());
        let body: Value = serde_json::from_str(request.body()).unwrap_or_default();
        let mut log = log.lock().unwrap();
        log.push((line.clone(), authorization, request.body().clone()));
        let (status, body) = answer(&line, &body, log.len());
        if status == 0 {
            return Err("connection reset".to_owned());
        }
        Ok(http::Response::builder()
            .status(status)
            .body(body.to_string())
            .unwrap())
    });
    (wire, asked)
}

fn lines(asked: &Asked) -> Vec<String> {
    asked.lock().unwrap().iter().map(|a| a.0.clone()).collect()
}

fn in_paused_time<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(story)
}

fn github(wire: Wire) -> GitHub {
    GitHub::new(
        wire,
        "https://github.example.com/api/v3",
        "https://github.example.com/api/graphql",
        &SecretString::from("ghs_secret\n"),
    )
    .unwrap()
}

fn marker(run: u64) -> Marker {
    Marker {
        service: "prod/web".to_owned(),
        environment: "preview".to_owned(),
        run,
        attempt: 1,
    }
}

fn node(id: u64, marker: &Marker, ours: bool) -> Value {
    json!({
        "fullDatabaseId": id.to_string(),
        "url": format!("https://github.example.com/c/{id}"),
        "body": format!("{}\n### hello", marker.line()),
        "viewerDidAuthor": ours,
        "isMinimized": false,
    })
}

fn page(nodes: Vec<Value>, cursor: Option<&str>) -> Value {
    json!({"data": {"repository": {"pullRequest": {"comments": {
        "nodes": nodes, "pageInfo": {"hasNextPage": cursor.is_some(), "endCursor": cursor}
    }}}}})
}

#[test]
fn addresses_come_from_the_environment_and_the_token_goes_nowhere_else() {
    let (wire, asked) = far_end(|line, _, _| match line {
        l if l.contains("graphql") => (200, page(vec![], None)),
        _ => (200, json!([])),
    });
    in_paused_time(async {
        let github = github(wire);
        pulls::list_merged_pulls_of_commit(&github, "octo-org/web", "abc")
            .await
            .unwrap();
        comment::find(&github, "octo-org", "web", 7, &marker(1))
            .await
            .unwrap();
    });
    assert_eq!(
        lines(&asked),
        [
            "GET https://github.example.com/api/v3/repos/octo-org/web/commits/abc/pulls?per_page=100",
            "POST https://github.example.com/api/graphql",
        ]
    );
    for (_, authorization, _) in asked.lock().unwrap().iter() {
        assert_eq!(authorization.as_deref(), Some("Bearer ghs_secret"));
    }
}

#[test]
fn a_comment_without_a_full_id_is_known_by_its_address() {
    let (wire, _) = far_end(|_, _, _| {
        let mut node = node(0, &marker(1), true);
        node["fullDatabaseId"] = Value::Null;
        node["url"] = "https://github.com/octo-org/web/pull/7#issuecomment-4294967301".into();
        (200, page(vec![node], None))
    });
    let found = in_paused_time(async {
        comment::find(&github(wire), "octo-org", "web", 7, &marker(2))
            .await
            .unwrap()
    });
    assert_eq!(found.unwrap().id, 4_294_967_301);
}

#[test]
fn the_comment_is_ours_by_author_and_marker_on_any_page() {
    let (wire, asked) = far_end(|_, body, _| {
        let other = Marker {
            service: "prod/api".to_owned(),
            ..marker(9)
        };
        match body["variables"]["after"].as_str() {
            None => (
                200,
                page(
                    vec![node(1, &marker(9), false), node(2, &other, true)],
                    Some("c1"),
                ),
            ),
            Some("c1") => (
                200,
                page(
                    vec![node(3, &marker(5), true), node(4, &marker(2), true)],
                    None,
                ),
            ),
            Some(other) => panic!("unknown cursor {other}"),
        }
    });
    let found = in_paused_time(async {
        let github = github(wire);
        comment::find(&github, "octo-org", "web", 7, &marker(1))
            .await
            .unwrap()
            .unwrap()
    });
    assert_eq!(found.id, 3);
    assert_eq!(found.marker, Some(marker(5)));
    assert_eq!(asked.lock().unwrap().len(), 2);
    let first: Value = serde_json::from_str(&asked.lock().unwrap()[0].2).unwrap();
    assert_eq!(
        first["variables"],
        json!({"owner": "octo-org", "name": "web", "number": 7, "after": null})
    );
}

#[test]
fn an_error_of_graphql_is_none_of_success() {
    let (wire, _) = far_end(|_, _, _| {
        let error = json!({"type": "FORBIDDEN", "message": "Resource not accessible by integration",
            "locations": [{"line": 1, "column": 1}]});
        (
            200,
            json!({"data": {"repository": null}, "errors": [error]}),
        )
    });
    let error = in_paused_time(async {
        comment::find(&github(wire), "octo-org", "web", 7, &marker(1))
            .await
            .unwrap_err()
    });
    assert!(
        matches!(
            &error,
            GitHubError::Denied {
                permission: "pull-requests: write",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_failing_server_is_asked_again_but_a_comment_is_posted_once() {
    let (wire, asked) = far_end(|line, _, n| match line {
        l if l.starts_with("POST") => (502, json!({"message": "bad gateway"})),
        _ if n < 3 => (if n == 1 { 0 } else { 503 }, json!({"message": "no"})),
        _ => (200, json!({"id": 5, "html_url": "https://c/5", "body": ""})),
    });
    in_paused_time(async {
        let github = github(wire);
        let began = tokio::time::Instant::now();
        comment::update_comment(&github, "octo-org/web", 5, "hi")
            .await
            .unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(4));
        let error = comment::create_comment(&github, "octo-org/web", 7, "hi")
            .await
            .unwrap_err();
        assert!(
            matches!(error, GitHubError::Answer { status: 502, .. }),
            "{error:?}"
        );
    });
    assert_eq!(
        lines(&asked)
            .iter()
            .filter(|l| l.starts_with("PATCH"))
            .count(),
        3
    );
    assert_eq!(
        lines(&asked)
            .iter()
            .filter(|l| l.starts_with("POST"))
            .count(),
        1
    );
}

#[test]
fn a_denied_comment_names_the_permission() {
    let (wire, _) = far_end(|_, _, _| {
        (
            403,
            json!({"message": "Resource not accessible by integration"}),
        )
    });
    let error = in_paused_time(async {
        comment::create_comment(&github(wire), "octo-org/web", 7, "hi")
            .await
            .unwrap_err()
    });
    assert_eq!(
        error.to_string(),
        "commenting on the pull request: GitHub did not let this token (403: Resource not accessible by integration)"
    );
    let error = crate::Error::from(error);
    assert_eq!(
        error.help().as_deref(),
        Some("add `pull-requests: write` to the job's `permissions:`")
    );
}

#[test]
fn only_merged_pulls_count_and_the_merge_itself_first() {
    let pull = |number: u64, merged: bool, merge: &str| {
        json!({"number": number, "state": "closed", "merged_at": merged.then_some("2026-11-24T00:00:00Z"),
            "merge_commit_sha": merge, "head": {"sha": "h", "repo": {"id": 1}}})
    };
    let (wire, _) = far_end(move |_, _, _| {
        (
            200,
            json!([
                pull(9, false, "abc"),
                pull(8, true, "other"),
                pull(3, true, "abc")
            ]),
        )
    });
    let found = in_paused_time(async {
        pulls::list_merged_pulls_of_commit(&github(wire), "octo-org/web", "abc")
            .await
            .unwrap()
    });
    assert_eq!(found.iter().map(|p| p.number).collect::<Vec<_>>(), [3, 8]);
}

#[test]
fn a_marker_survives_names_that_would_end_it() {
    let marker = Marker {
        service: "prod/web".to_owned(),
        environment: "a --> <b> \"c\"".to_owned(),
        run: 16_839_201_733,
        attempt: 2,
    };
    let line = marker.line();
    assert_eq!(line.matches("-->").count(), 1, "{line}");
    assert_eq!(Marker::of(&format!("{line}\nbody")), Some(marker));
    assert_eq!(Marker::of(&format!("text\n{line}")), None);
    let plain = super::tests::marker(7).line();
    assert_eq!(
        plain,
        r#"<!-- shipway v1 {"service":"prod/web","environment":"preview","run":7,"attempt":1} -->"#
    );
}

fn token() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"sub": "repo:octo-org/web:environment:prod", "aud": "sts.amazonaws.com", "jti": "secret-id",
        "repository_id": 7, "environment": "prod", "ref": "refs/heads/main"});
    format!(
        "{}.{}.signature",
        part(json!({"alg": "RS256"})),
        part(claims)
    )
}

#[test]
fn the_id_token_is_masked_when_it_is_read_and_its_claims_are_listed() {
    let (wire, asked) = far_end(|_, _, n| match n {
        1 => (503, json!({})),
        _ => (200, json!({"value": token()})),
    });
    let request = IdTokenRequest::new(
        Some("https://pipelines.example/token?api-version=2.0"),
        Some("request-token"),
        true,
        false,
    )
    .unwrap();
    let masked = Mutex::new(Vec::new());
    let mask = |secret: &SecretString| {
        masked
            .lock()
            .unwrap()
            .push(secret.expose_secret().to_owned())
    };
    let minted = in_paused_time(request.mint(&wire, "sts.amazonaws.com", &mask)).unwrap();
    assert_eq!(
        *masked.lock().unwrap(),
        ["request-token".to_owned(), token()]
    );
    let claims: Vec<_> = minted
        .claims
        .listed()
        .into_iter()
        .map(|(n, v)| (n, v.raw().to_owned()))
        .collect();
    assert_eq!(
        claims,
        [
            ("sub", "repo:octo-org/web:environment:prod".to_owned()),
            ("aud", "sts.amazonaws.com".to_owned()),
            ("repository_id", "7".to_owned()),
            ("ref", "refs/heads/main".to_owned()),
            ("environment", "prod".to_owned()),
        ]
    );
    let asked = asked.lock().unwrap();
    assert_eq!(
        asked[1].0,
        "GET https://pipelines.example/token?api-version=2.0&audience=sts.amazonaws.com"
    );
    assert_eq!(asked[1].1.as_deref(), Some("Bearer request-token"));
    assert!(!format!("{minted:?}").contains(&token()));
}

#[test]
fn without_a_request_url_the_reason_is_told_apart() {
    let why = |on_github, fork| IdTokenRequest::new(None, None, on_github, fork).unwrap_err();
    assert!(matches!(why(true, true), IdTokenError::Fork));
    assert!(matches!(why(true, false), IdTokenError::Permission));
    assert!(matches!(why(false, false), IdTokenError::NotOnGitHub));
    let error = crate::Error::from(why(true, false));
    assert_eq!(error.code(), "shipway::credentials::id_token_permission");
    assert_eq!(error.exit_code(), 4);
}

#[test]
fn a_refused_id_token_is_not_asked_for_again() {
    let (wire, asked) = far_end(|_, _, _| (401, json!({"message": "token expired"})));
    let request =
        IdTokenRequest::new(Some("https://p.example/t"), Some("rt"), true, false).unwrap();
    let error = in_paused_time(request.mint(&wire, "a", &|_| ())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "requesting the id token: p.example answered 401: token expired"
    );
    assert_eq!(asked.lock().unwrap().len(), 1);
}
