//! The proxy variables hold for everybody whom the binary talks to: AWS and GitHub ride on the one wire. A proxy on this
//! machine takes down whom it is asked for, and refuses.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

const PAYLOAD: &str = r#"{"number": 7, "repository": {"id": 7001}, "pull_request": {"number": 7,
    "head": {"sha": "4f2a9c1d00000000000000000000000000000000", "repo": {"id": 7001}}, "base": {"repo": {"id": 7001}}}}"#;

/// First lines of what came in, one set for all of a listener's connections.
type Heard = Arc<Mutex<BTreeSet<String>>>;

fn listener(answer: fn(TcpStream, &Heard)) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let log = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &log);
        }
    });
    (port, heard)
}

fn proxy(mut stream: TcpStream, heard: &Heard) {
    let mut first = String::new();
    let _ = BufReader::new(&stream).read_line(&mut first);
    heard.lock().unwrap().insert(first.trim().to_owned());
    let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
}

/// Somebody who is talked to without a proxy: TLS is spoken to it.
fn direct(stream: TcpStream, heard: &Heard) {
    let mut first = [0];
    let _ = stream.peek(&mut first);
    // A handshake record, as TLS begins.
    let spoken = if first == [0x16] {
        "TLS"
    } else {
        "something else"
    };
    heard.lock().unwrap().insert(spoken.to_owned());
}

/// Runs a deploy that finds nobody, with these variables.
fn deploy(vars: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("event.json"), PAYLOAD).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_shipway"))
        .args(["deploy", "--aws-region", "eu-west-1", "--cluster", "prod"])
        .args([
            "--service",
            "web",
            "--image",
            "v2",
            "--ecr-repository",
            "web",
        ])
        .current_dir(directory.path())
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("GITHUB_TOKEN", "ghs_token")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", "event.json")
        .env("GITHUB_REPOSITORY", "octo-org/web")
        .env("GITHUB_RUN_ID", "1")
        .envs(vars.iter().copied())
        .output()
        .unwrap();
    assert!(!done.status.success());
}

#[test]
fn aws_and_github_are_reached_through_the_proxy() {
    let (port, heard) = listener(proxy);
    deploy(&[
        ("HTTPS_PROXY", &format!("http://127.0.0.1:{port}")),
        ("GITHUB_SERVER_URL", "https://github.example.com"),
        ("GITHUB_API_URL", "https://github.example.com/api/v3"),
    ]);
    let heard = heard.lock().unwrap().clone();
    let asked = |whom: &str| heard.contains(&format!("CONNECT {whom}:443 HTTP/1.1"));
    assert!(asked("github.example.com"), "{heard:?}");
    assert!(asked("ecs.eu-west-1.amazonaws.com"), "{heard:?}");
}

#[test]
fn whom_no_proxy_names_is_reached_without_it() {
    let (proxy_port, heard) = listener(proxy);
    let (github_port, github_heard) = listener(direct);
    let (aws_port, aws_heard) = listener(direct);
    deploy(&[
        ("HTTPS_PROXY", &format!("http://127.0.0.1:{proxy_port}")),
        ("NO_PROXY", "localhost,example.org"),
        (
            "GITHUB_API_URL",
            &format!("https://localhost:{github_port}"),
        ),
        ("AWS_ENDPOINT_URL", &format!("https://localhost:{aws_port}")),
    ]);
    assert_eq!(*heard.lock().unwrap(), BTreeSet::new());
    for heard in [github_heard, aws_heard] {
        assert_eq!(*heard.lock().unwrap(), BTreeSet::from(["TLS".to_owned()]));
    }
}
