//! The load balancer against targets of this process, through real sockets.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{Alb, Asked, Bound, HealthCheck, Rewritten, Route, Routes};
use crate::world::Fact;

/// A world of one target group.
#[derive(Default)]
struct Fake {
    route: Mutex<Option<Route>>,
    at: Mutex<HashMap<(String, u16), SocketAddr>>,
    checks: Mutex<Vec<HealthCheck>>,
    facts: Mutex<Vec<Fact>>,
    asked: Mutex<Vec<String>>,
}

impl Routes for Fake {
    fn route(&self, asked: &Asked<'_>) -> Route {
        self.asked.lock().unwrap().push(format!(
            "{} {} {} ?{}",
            asked.method, asked.host, asked.path, asked.query
        ));
        self.route
            .lock()
            .unwrap()
            .clone()
            .expect("the test sets a route")
    }

    fn checks(&self) -> Vec<HealthCheck> {
        self.checks.lock().unwrap().clone()
    }

    fn reach(&self, address: &str, port: u16) -> Option<SocketAddr> {
        self.at
            .lock()
            .unwrap()
            .get(&(address.to_owned(), port))
            .copied()
    }

    fn learn(&self, fact: Fact) {
        self.facts.lock().unwrap().push(fact);
    }
}

impl Fake {
    fn forward_to(&self, targets: &[(&str, SocketAddr)]) {
        let mut at = self.at.lock().unwrap();
        let names = targets.iter().map(|(address, socket)| {
            at.insert(((*address).to_owned(), 80), *socket);
            ((*address).to_owned(), 80)
        });
        let route = Route::Forward {
            target_group_arn: "arn:tg".to_owned(),
            targets: names.collect(),
            rewritten: Rewritten::default(),
        };
        *self.route.lock().unwrap() = Some(route);
    }

    fn check(&self, address: &str, path: &str, matcher: &str) {
        self.checks.lock().unwrap().push(HealthCheck {
            target_group_arn: "arn:tg".to_owned(),
            address: address.to_owned(),
            port: 80,
            check_port: 80,
            protocol: "HTTP".to_owned(),
            path: path.to_owned(),
            interval: Duration::from_millis(300),
            timeout: Duration::from_millis(200),
            matcher: matcher.to_owned(),
        });
    }

    async fn results_of(
        &self,
        address: &str,
        at_least: usize,
    ) -> Vec<Result<(), (String, String)>> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let results: Vec<_> = self
                .facts
                .lock()
                .unwrap()
                .iter()
                .filter_map(|fact| match fact {
                    Fact::HealthChecked {
                        address: of,
                        result,
                        ..
                    } if of == address => Some(result.clone()),
                    _ => None,
                })
                .collect();
            if results.len() >= at_least {
                return results;
            }
            assert!(
                Instant::now() < deadline,
                "only {} checks of {address}",
                results.len()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A target that answers each connection's first request with what `answer` makes of its head.
async fn target(
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (SocketAddr, AbortHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    let work = tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let head = read_head(&mut connection).await;
                connection.write_all(answer(&head).as_bytes()).await.ok();
            });
        }
    });
    (addr, work.abort_handle())
}

async fn read_head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One request on a connection of its own; the whole answer as text.
async fn ask(alb: SocketAddr, request: &str) -> String {
    let mut connection = TcpStream::connect(alb).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(Duration::from_secs(10), connection.read_to_end(&mut answer))
        .await
        .expect("it answers")
        .ok();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(alb: SocketAddr, path: &str) -> String {
    ask(
        alb,
        &format!("GET {path} HTTP/1.1\r\nHost: page.example:8080\r\nConnection: close\r\n\r\n"),
    )
    .await
}

async fn started() -> (Arc<Fake>, Alb) {
    let fake = Arc::new(Fake::default());
    let alb = Alb::start(Arc::<Fake>::clone(&fake), None).await.unwrap();
    (fake, alb)
}

/// A port at which nothing listens any more.
async fn refused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

#[tokio::test]
async fn a_request_is_forwarded_with_who_asked_and_without_hop_by_hop_headers() {
    let (fake, alb) = started().await;
    let (echo, _) = target(|head| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nkeep-alive: timeout=5\r\nx-own: 1\r\n\r\n{head}", head.len())).await;
    fake.forward_to(&[("10.0.0.1", echo)]);
    let request = "GET /a/b?c=d HTTP/1.1\r\nHost: page.example:8080\r\nX-Forwarded-For: 192.0.2.9\r\n\
                   Connection: close, x-secret-hop\r\nX-Secret-Hop: 1\r\nTE: trailers\r\nX-Kept: yes\r\n\r\n";
    let answer = ask(alb.addr, request).await;
    let (head, seen) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK")
            && head.contains("x-own: 1")
            && !head.contains("keep-alive"),
        "{head}"
    );
    assert!(seen.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{seen}");
    for line in [
        "host: page.example:8080",
        "x-kept: yes",
        "x-forwarded-for: 192.0.2.9, 127.0.0.1",
        "x-forwarded-proto: http",
        "x-amzn-trace-id: Root=1-",
    ] {
        assert!(seen.contains(line), "{line} is missing in {seen}");
    }
    assert!(
        seen.contains(&format!("x-forwarded-port: {}", alb.addr.port())),
        "{seen}"
    );
    assert!(
        !seen.contains("x-secret-hop") && !seen.contains("te:"),
        "{seen}"
    );
    assert_eq!(
        *fake.asked.lock().unwrap(),
        ["GET page.example:8080 /a/b ?c=d"]
    );
}

#[tokio::test]
async fn targets_take_turns() {
    let (fake, alb) = started().await;
    let ((one, _), (two, _)) = (target(|_| ok("one")).await, target(|_| ok("two")).await);
    fake.forward_to(&[("10.0.0.1", one), ("10.0.0.2", two)]);
    let mut bodies = Vec::new();
    for _ in 0..4 {
        bodies.push(
            get(alb.addr, "/")
                .await
                .rsplit("\r\n")
                .next()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(bodies, ["one", "two", "one", "two"]);
}

#[tokio::test]
async fn trouble_with_a_target_is_answered_as_elb_does() {
    let (fake, alb) = started().await;
    fake.forward_to(&[("10.0.0.1", refused().await)]);
    let answer = get(alb.addr, "/").await;
    assert!(
        answer.starts_with("HTTP/1.1 502 Bad Gateway") && answer.contains("server: awselb/2.0"),
        "{answer}"
    );
    assert!(
        answer.contains("<center><h1>502 Bad Gateway</h1></center>"),
        "{answer}"
    );

    let (rubbish, _) = target(|_| "no http at all\r\n\r\n".to_owned()).await;
    fake.forward_to(&[("10.0.0.1", rubbish)]);
    assert!(get(alb.addr, "/").await.starts_with("HTTP/1.1 502"));

    let (cut, _) = target(|_| String::new()).await;
    fake.forward_to(&[("10.0.0.1", cut)]);
    assert!(get(alb.addr, "/").await.starts_with("HTTP/1.1 502"));

    fake.forward_to(&[]);
    let answer = get(alb.addr, "/").await;
    assert!(
        answer.starts_with("HTTP/1.1 503")
            && answer.contains("503 Service Temporarily Unavailable"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_silent_target_is_a_gateway_timeout() {
    let fake = Arc::new(Fake::default());
    let alb = Bound::bind(None)
        .await
        .unwrap()
        .serve_with(Arc::<Fake>::clone(&fake), Duration::from_millis(200));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    fake.forward_to(&[("10.0.0.1", silent.local_addr().unwrap())]);
    let answer = get(alb.addr, "/").await;
    assert!(answer.starts_with("HTTP/1.1 504 Gateway Time"), "{answer}");
}

#[tokio::test]
async fn fixed_responses_and_redirects() {
    let (fake, alb) = started().await;
    let fixed = Route::FixedResponse {
        status: 404,
        content_type: Some("application/json".to_owned()),
        body: "{}".to_owned(),
    };
    *fake.route.lock().unwrap() = Some(fixed);
    let answer = get(alb.addr, "/").await;
    assert!(
        answer.starts_with("HTTP/1.1 404")
            && answer.contains("content-type: application/json")
            && answer.ends_with("{}"),
        "{answer}"
    );

    *fake.route.lock().unwrap() = Some(Route::Redirect {
        status: 301,
        location: "https://page.example:443/".to_owned(),
    });
    let answer = get(alb.addr, "/").await;
    assert!(
        answer.starts_with("HTTP/1.1 301")
            && answer.contains("location: https://page.example:443/"),
        "{answer}"
    );
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let (fake, alb) = started().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    fake.forward_to(&[("10.0.0.1", listener.local_addr().unwrap())]);
    // The target answers each chunk before the next one is sent: nothing may be held back until the end.
    let mut client = TcpStream::connect(alb.addr).await.unwrap();
    client
        .write_all(
            b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n",
        )
        .await
        .unwrap();
    let (mut target, _) = listener.accept().await.unwrap();
    let head = read_head(&mut target).await;
    assert!(
        head.starts_with("POST /up") && head.contains("transfer-encoding: chunked"),
        "{head}"
    );
    let mut chunk = [0; 9];
    target.read_exact(&mut chunk).await.unwrap();
    assert_eq!(&chunk, b"4\r\nping\r\n");
    target
        .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npong\r\n")
        .await
        .unwrap();
    let head = read_head(&mut client).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    client.read_exact(&mut chunk).await.unwrap();
    assert_eq!(&chunk, b"4\r\npong\r\n");
    client.write_all(b"0\r\n\r\n").await.unwrap();
    let mut end = [0; 5];
    target.read_exact(&mut end).await.unwrap();
    assert_eq!(&end, b"0\r\n\r\n");
}

#[tokio::test]
async fn stopping_lets_a_request_finish_and_frees_the_port() {
    let (fake, alb) = started().await;
    let addr = alb.addr;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    fake.forward_to(&[("10.0.0.1", listener.local_addr().unwrap())]);
    let asking = tokio::spawn(async move { get(addr, "/slow").await });
    let (mut target, _) = listener.accept().await.unwrap();
    read_head(&mut target).await;
    let stopping = tokio::spawn(alb.stop());
    sleep(Duration::from_millis(100)).await;
    target.write_all(ok("finished").as_bytes()).await.unwrap();
    assert!(asking.await.unwrap().ends_with("finished"));
    timeout(Duration::from_secs(2), stopping)
        .await
        .expect("it stops once nothing is under way")
        .unwrap();
    TcpListener::bind(addr).await.expect("the port is free");
}

#[tokio::test]
async fn health_checks_report_in_elbs_words() {
    let (fake, alb) = started().await;
    let (page, _) = target(|head| {
        assert!(
            head.contains("user-agent: ELB-HealthChecker/2.0") && head.contains("host: 10.0.0."),
            "{head}"
        );
        if head.starts_with("GET /healthz ") {
            ok("ok")
        } else {
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()
        }
    })
    .await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    fake.forward_to(&[
        ("10.0.0.1", page),
        ("10.0.0.2", page),
        ("10.0.0.3", refused().await),
        ("10.0.0.4", silent.local_addr().unwrap()),
    ]);
    fake.check("10.0.0.1", "/healthz", "200-299");
    fake.check("10.0.0.2", "/", "200");
    fake.check("10.0.0.3", "/", "200");
    fake.check("10.0.0.4", "/", "200");
    let unhealthy = |code: &str, description: &str| Err((code.to_owned(), description.to_owned()));
    let began = Instant::now();
    assert_eq!(fake.results_of("10.0.0.1", 3).await, vec![Ok(()); 3]);
    assert!(
        began.elapsed() >= Duration::from_millis(600),
        "three checks are two intervals apart"
    );
    assert_eq!(
        fake.results_of("10.0.0.2", 1).await[0],
        unhealthy(
            "Target.ResponseCodeMismatch",
            "Health checks failed with these codes: [404]"
        )
    );
    assert_eq!(
        fake.results_of("10.0.0.3", 1).await[0],
        unhealthy("Target.FailedHealthChecks", "Health checks failed")
    );
    assert_eq!(
        fake.results_of("10.0.0.4", 1).await[0],
        unhealthy("Target.Timeout", "Request timed out")
    );

    fake.checks.lock().unwrap().clear();
    sleep(Duration::from_millis(500)).await;
    let before = fake.facts.lock().unwrap().len();
    sleep(Duration::from_millis(700)).await;
    assert_eq!(
        fake.facts.lock().unwrap().len(),
        before,
        "a deregistered target is not checked"
    );
    alb.stop().await;
}
