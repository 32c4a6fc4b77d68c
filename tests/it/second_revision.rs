//! A second revision takes over without a failed request: clients ask through the load balancer all the while. Needs a
//! Docker daemon.
#![cfg(unix)]

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio_util::sync::CancellationToken;

use crate::harness::serving::Serving;

/// Asks until told to stop; every answer, as status and body, or the error in its place.
async fn ask(
    url: String,
    keep_alive: bool,
    stop: CancellationToken,
) -> Vec<Result<(u16, String), String>> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut answers = Vec::new();
    while !stop.is_cancelled() {
        let mut request = Request::get(url.as_str());
        if !keep_alive {
            request = request.header(header::CONNECTION, "close");
        }
        let answer = async {
            let request = request.body(Empty::new()).map_err(|e| e.to_string())?;
            let response = client
                .request(request)
                .await
                .map_err(|e| format!("{e:?}"))?;
            let status = response.status().as_u16();
            let body = response
                .into_body()
                .collect()
                .await
                .map_err(|e| format!("{e:?}"))?;
            Ok((
                status,
                String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            ))
        };
        answers.push(answer.await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_revision_takes_over_without_a_failed_request() {
    let mut serving = Serving::start();
    let (url, directory) = serving.until_it_serves();
    assert_eq!(
        serving.exit_code(),
        Some("0"),
        "{}",
        serving.said.join("\n")
    );

    let stop = CancellationToken::new();
    let clients =
        [true, false].map(|keep_alive| tokio::spawn(ask(url.clone(), keep_alive, stop.clone())));
    std::fs::write(
        directory.join("index.html"),
        "<h1>The page of tomorrow</h1>\n",
    )
    .expect("a changed page");
    // The deploy's own settings: a smoke test, through the load balancer that the address names.
    let settings = directory.parent().expect("a folder").join("shipway.yml");
    std::fs::write(&settings, "smoke-path: /index.html\n").expect("settings");
    serving.stdin.write_all(b"\n").expect("Enter");
    let (mut serving, code) = tokio::task::spawn_blocking(move || {
        serving.until_it_serves();
        let code = serving.exit_code().map(str::to_owned);
        (serving, code)
    })
    .await
    .expect("the second deploy");
    // The old task is drained by now, and gone soon.
    tokio::time::sleep(Duration::from_secs(7)).await;
    stop.cancel();
    assert_eq!(code.as_deref(), Some("0"), "{}", serving.said.join("\n"));
    let said = serving.said.join("\n");
    assert!(said.contains("registered `nginx-test:3`"), "{said}");
    assert!(said.contains("smoke test: passed, 3 tries"), "{said}");

    for client in clients {
        let answers = client.await.expect("a client");
        let failed: Vec<_> = answers
            .iter()
            .filter(|answer| !matches!(answer, Ok((200, _))))
            .collect();
        assert!(
            failed.is_empty(),
            "{} of {} failed: {failed:?}",
            failed.len(),
            answers.len()
        );
        assert!(
            answers.len() > 500,
            "only {} requests were made",
            answers.len()
        );
        let says = |answer: Option<&Result<(u16, String), String>>, words: &str| matches!(answer, Some(Ok((_, body))) if body.contains(words));
        assert!(
            says(answers.first(), "Hello World!!"),
            "{:?}",
            answers.first()
        );
        assert!(
            says(answers.last(), "The page of tomorrow"),
            "{:?}",
            answers.last()
        );
    }

    // Nothing to deploy, but a page that is not there: the service serves, and the run fails.
    std::fs::write(&settings, "smoke-path: /no-such-page\n").expect("settings");
    serving.stdin.write_all(b"\n").expect("Enter");
    let serving = tokio::task::spawn_blocking(move || {
        serving.until_it_serves();
        serving
    })
    .await
    .expect("the third deploy");
    let said = serving.said.join("\n");
    assert_eq!(serving.exit_code(), Some("1"), "{said}");
    assert!(
        said.contains("/no-such-page answered 404.") && said.contains("nginx-test:3 keeps serving"),
        "{said}"
    );
}
