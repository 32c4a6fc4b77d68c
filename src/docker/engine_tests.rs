//! The port against the engine of this machine. Every image is built from `scratch`: nothing is pulled.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::DockerError;
use super::build::{BuildSpec, SecretSource, build};
use super::context::ContextError;
use super::daemon::{CanRun, Daemon};
use super::inspect::{self, ImageFacts};
use super::progress::BuildNews;

/// Prints its environment, and every file below the directories that a build could find secrets in.
const DUMPER: &str = r#"
fn show(path: &std::path::Path) {
    if let Ok(entries) = std::fs::read_dir(path) {
        for entry in entries.flatten() { show(&entry.path()); }
    } else if let Ok(target) = std::fs::read_link(path) {
        println!("link {} -> {}", path.display(), target.display());
    } else {
        let text = std::fs::read(path).unwrap_or_default();
        println!("file {} = {}", path.display(), String::from_utf8_lossy(&text[..text.len().min(200)]).trim());
    }
}
fn main() {
    if std::env::args().nth(1).as_deref() == Some("fail") {
        println!("about to fail");
        eprintln!("it failed");
        std::process::exit(3);
    }
    if std::env::args().nth(1).as_deref() == Some("wait") {
        println!("waiting");
        std::thread::sleep(std::time::Duration::from_secs(600));
    }
    for (key, value) in std::env::vars() { println!("env {key}={value}"); }
    for root in ["/run", "/ctx", "/root", "/tmp", "/etc"] { show(std::path::Path::new(root)); }
}
"#;

/// The dumper as a static program, compiled once for all tests.
fn dumper() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("dump.rs"), DUMPER).unwrap();
        let rustc = Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()))
            .args([
                "--edition=2021",
                "-Ctarget-feature=+crt-static",
                "-Cstrip=symbols",
                "dump.rs",
            ])
            .current_dir(dir.path())
            .status();
        assert!(rustc.unwrap().success());
        fs::read(dir.path().join("dump")).unwrap()
    })
}

struct Bench {
    daemon: Daemon,
    dir: tempfile::TempDir,
    spec: BuildSpec,
    news: Vec<BuildNews>,
}

impl Bench {
    async fn new(dockerfile: &str) -> Bench {
        let variables: BTreeMap<String, String> = std::env::vars().collect();
        let daemon = Daemon::connect(&variables)
            .await
            .expect("these tests need Docker");
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Dockerfile"), dockerfile).unwrap();
        let spec = BuildSpec {
            context_dir: dir.path().to_owned(),
            dockerfile: dir.path().join("Dockerfile"),
            platform: daemon.platform(),
            ..BuildSpec::default()
        };
        Bench {
            daemon,
            dir,
            spec,
            news: Vec::new(),
        }
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn write_dumper(&self) {
        self.write("dump", dumper());
        make_executable(&self.dir.path().join("dump"));
    }

    async fn build(&mut self) -> Result<ImageFacts, DockerError> {
        let news = &mut self.news;
        build(&self.daemon, &self.spec, &mut |n| news.push(n)).await
    }

    /// What the steps wrote.
    fn log(&self) -> String {
        let lines = self.news.iter().filter_map(|news| match news {
            BuildNews::StepLog { line, .. } => Some(line.0.as_str()),
            _ => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    async fn remove_tags(&self) {
        for tag in &self.spec.tags {
            inspect::remove(&self.daemon, tag).await.unwrap();
        }
    }

    async fn remove(&self, image: &ImageFacts) {
        inspect::remove(&self.daemon, &image.id).await.unwrap();
    }
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn an_image_is_built_named_labelled_and_described() {
    let mut bench = Bench::new(
        "FROM scratch AS base\nCOPY a /a\nFROM base\nARG WHAT\nLABEL what=$WHAT\nCOPY b /b\n",
    )
    .await;
    bench.write("a", "1");
    bench.write("b", format!("{:?}", std::time::SystemTime::now()));
    bench.spec.tags = vec!["shipway-test:one".to_owned(), "shipway-test:two".to_owned()];
    bench.spec.labels = vec![(
        "org.opencontainers.image.revision".to_owned(),
        "abc \"q\" = é".to_owned(),
    )];
    bench.spec.build_args = vec![("WHAT".to_owned(), "x=y z".to_owned())];
    let image = bench.build().await.unwrap();
    assert_eq!(image.architecture, bench.daemon.facts.architecture);
    assert_eq!(image.os, "linux");
    assert_eq!(
        image.labels["org.opencontainers.image.revision"],
        "abc \"q\" = é"
    );
    assert_eq!(image.labels["what"], "x=y z");
    assert_eq!(image.repo_tags, ["shipway-test:one", "shipway-test:two"]);
    assert_eq!(image.layers.len(), 2);
    let done: Vec<String> = bench
        .news
        .iter()
        .filter_map(|news| match news {
            BuildNews::StepDone { step, .. } if step.place.is_some() => Some(step.name.0.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(done, ["COPY a /a", "COPY b /b"]);
    assert!(
        bench
            .news
            .iter()
            .any(|news| matches!(news, BuildNews::ContextReady { files: 3, .. }))
    );
    bench.remove_tags().await;

    bench.spec.target = Some("base".to_owned());
    let base = bench.build().await.unwrap();
    assert_eq!(base.layers.len(), 1, "the target stage alone");
    bench.remove_tags().await;
}

#[tokio::test]
async fn a_failing_step_shows_its_log_and_its_line() {
    let mut bench = Bench::new(
        "# a comment\nFROM scratch\nCOPY dump /dump\n\nRUN [\"/dump\", \\\n  \"fail\"]\n",
    )
    .await;
    bench.write_dumper();
    bench.spec.no_cache = true;
    let error = bench.build().await.unwrap_err();
    let DockerError::BuildFailed(failure) = error else {
        panic!("{error:?}")
    };
    assert_eq!(failure.dockerfile_line, Some(5), "{failure:?}");
    assert_eq!(failure.step.unwrap().place, Some((2, 2)));
    let log: Vec<&str> = failure.log.iter().map(|line| line.0.as_str()).collect();
    assert!(
        log.contains(&"about to fail") && log.contains(&"it failed"),
        "{log:?}"
    );
    assert!(
        failure.message.0.contains("exit code: 3"),
        "{:?}",
        failure.message
    );
}

#[tokio::test]
async fn mistakes_in_the_dockerfile_name_their_line() {
    for (dockerfile, line, says) in [
        ("FROM scratch\nCOPY nowhere /x\n", Some(2), "nowhere"),
        ("FROM scratch\nFROB x\n", Some(2), "unknown instruction"),
    ] {
        let mut bench = Bench::new(dockerfile).await;
        let error = bench.build().await.unwrap_err();
        let DockerError::BuildFailed(failure) = error else {
            panic!("{error:?}")
        };
        assert_eq!(failure.dockerfile_line, line, "{failure:?}");
        assert!(failure.message.0.contains(says), "{:?}", failure.message);
    }
}

/// Only what is named reaches a build: not the variables of this process, not files of `.dockerignore`, not what a
/// symbolic link points at, not other secrets.
#[tokio::test]
async fn a_build_that_dumps_everything_finds_only_what_was_named() {
    let mut bench = Bench::new(
        "FROM scratch\nCOPY dump /dump\nCOPY . /ctx\nARG NAMED\nRUN --mount=type=secret,id=named --mount=type=secret,id=other [\"/dump\"]\n",
    )
    .await;
    bench.write_dumper();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("key"), "outside-secret").unwrap();
    std::os::unix::fs::symlink(outside.path().join("key"), bench.dir.path().join("leak")).unwrap();
    std::os::unix::fs::symlink(outside.path(), bench.dir.path().join("leakdir")).unwrap();
    bench.write(".dockerignore", "*.env\n.git\n");
    bench.write("prod.env", "ignored-secret");
    bench.write(
        ".git/config",
        "[http]\n\textraheader = AUTHORIZATION: basic ignored-token\n",
    );
    bench.write("plain", "plain-content");
    let file = outside.path().join("named");
    fs::write(&file, "the-named-secret").unwrap();
    bench.spec.secrets = vec![("named".to_owned(), SecretSource::File(file))];
    bench.spec.build_args = vec![("NAMED".to_owned(), "named-arg".to_owned())];
    bench.spec.no_cache = true;
    let image = bench.build().await.unwrap();
    let log = bench.log();
    for there in [
        "the-named-secret",
        "env NAMED=named-arg",
        "file /ctx/plain = plain-content",
        "link /ctx/leak -> ",
        "link /ctx/leakdir -> ",
    ] {
        assert!(log.contains(there), "{there} is missing in\n{log}");
    }
    for absent in [
        "ignored-secret",
        "ignored-token",
        "outside-secret",
        "prod.env",
    ] {
        assert!(!log.contains(absent), "{absent} leaked:\n{log}");
    }
    let mut variables: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("env "))
        .collect();
    variables.sort();
    // the first and the last are the engine's own
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(
        variables,
        ["HOME=/", "NAMED=named-arg", path],
        "the build's whole environment"
    );
    bench.remove(&image).await;
}

#[tokio::test]
async fn modes_links_and_times_arrive_and_an_outer_dockerfile_stays_out() {
    let mut bench =
        Bench::new("FROM scratch\nCOPY sub/dir/file dump /\nCOPY . /ctx\nRUN [\"/ctx/dump\"]\n")
            .await;
    bench.write_dumper();
    bench.write("sub/dir/file", "deep");
    bench.write("bücher/ä b", "utf8");
    // longer than a tar header or a path component takes
    let long = format!("{}/leaf", vec!["a-long-directory-name"; 40].join("/"));
    bench.write(&long, "far");
    std::os::unix::fs::symlink("dir/file", bench.dir.path().join("sub/link")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let dockerfile = elsewhere.path().join("Other.Dockerfile");
    fs::rename(bench.dir.path().join("Dockerfile"), &dockerfile).unwrap();
    bench.spec.dockerfile = dockerfile;
    bench.spec.no_cache = true;
    bench.spec.source_date_epoch = Some(1_600_000_000);
    let first = bench.build().await.unwrap();
    let log = bench.log();
    for there in [
        "file /ctx/sub/dir/file = deep",
        "link /ctx/sub/link -> dir/file",
        "file /ctx/bücher/ä b = utf8",
    ] {
        assert!(log.contains(there), "{there} is missing in\n{log}");
    }
    assert!(log.contains(&format!("file /ctx/{long} = far")), "{log}");
    assert!(!log.contains("ockerfile"), "{log}");

    // the same content with other times on disk gives the same layers
    for name in ["sub/dir/file", "dump"] {
        let file = fs::File::options()
            .append(true)
            .open(bench.dir.path().join(name))
            .unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
    }
    let second = bench.build().await.unwrap();
    assert_eq!(first.layers[0], second.layers[0]);

    // a change that keeps size and (sent) time is seen
    bench.write("sub/dir/file", "peed");
    let third = bench.build().await.unwrap();
    assert_ne!(first.layers[0], third.layers[0]);
    for image in [&first, &second, &third] {
        bench.remove(image).await;
    }
}

#[tokio::test]
async fn a_checkouts_credentials_are_not_sent() {
    let mut bench = Bench::new("FROM scratch\nCOPY . /\n").await;
    bench.write(
        ".git/config",
        "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic eHg=\n",
    );
    let error = bench.build().await.unwrap_err();
    assert!(
        matches!(
            &error,
            DockerError::Context(ContextError::GitCredentials { .. })
        ),
        "{error:?}"
    );
    assert!(bench.news.is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_cache_that_cannot_be_read_is_a_warning() {
    let mut bench = Bench::new("FROM scratch\nCOPY Dockerfile /\n").await;
    bench.spec.cache_from = vec!["127.0.0.1:9/nowhere:cache".to_owned()];
    bench.spec.cache_to = vec!["type=inline".to_owned()];
    let image = bench.build().await.unwrap();
    let warned = bench
        .news
        .iter()
        .any(|news| matches!(news, BuildNews::Warning(text) if text.0.contains("nowhere")));
    assert!(warned, "{:?}", bench.news);
    bench.remove(&image).await;
}

#[tokio::test]
async fn a_missing_secret_is_named_before_anything_is_built() {
    let mut bench = Bench::new("FROM scratch\nCOPY Dockerfile /\n").await;
    bench.spec.secrets = vec![(
        "npm".to_owned(),
        SecretSource::Env {
            name: "NPM_TOKEN".to_owned(),
            value: None,
        },
    )];
    let error = bench.build().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the build secret npm cannot be read from the variable NPM_TOKEN"
    );
}

#[tokio::test]
async fn no_engine_says_what_to_start() {
    let variables = BTreeMap::from([(
        "DOCKER_HOST".to_owned(),
        "unix:///nowhere/docker.sock".to_owned(),
    )]);
    let error = Daemon::connect(&variables).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no Docker engine answers at unix:///nowhere/docker.sock"
    );
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.starts_with("start Docker"), "{help}");
}

/// An engine of 2025, by its answer to `GET /version`; no such engine was at hand, so no more than this is tried.
#[tokio::test]
async fn a_newer_engine_is_met_at_the_version_that_both_know() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for (api, expected) in [
        ("1.52", Ok((1, 52))),
        ("1.99", Ok((1, 53))),
        ("1.40", Err(())),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let body = format!(
            r#"{{"Platform":{{"Name":"Docker Engine - Community"}},"Version":"29.0.0","ApiVersion":"{api}","MinAPIVersion":"1.44","Os":"linux","Arch":"arm64"}}"#
        );
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(
                request[..read].starts_with(b"GET /version "),
                "no version in the path"
            );
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let host = format!("unix://{}", socket.display());
        let met = Daemon::connect(&BTreeMap::from([("DOCKER_HOST".to_owned(), host)])).await;
        let met = met.map(|daemon| (daemon.facts.api.major, daemon.facts.api.minor));
        assert_eq!(
            met.map_err(|error| assert!(matches!(error, DockerError::EngineTooOld { .. }))),
            expected
        );
    }
}

#[tokio::test]
async fn the_engines_own_platform_runs() {
    let bench = Bench::new("FROM scratch\n").await;
    assert_eq!(
        bench.daemon.can_run(&bench.daemon.platform()),
        CanRun::Natively
    );
}

/// Ctrl-C: whoever stops waiting for a build stops the build.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_build_that_nobody_waits_for_is_stopped() {
    let mark = super::session::random_name();
    let bench = Bench::new(&format!(
        "FROM scratch\nCOPY dump /dump\nRUN [\"/dump\", \"wait\", \"{mark}\"]\n"
    ))
    .await;
    bench.write_dumper();
    let (runs, running) = tokio::sync::oneshot::channel();
    let mut runs = Some(runs);
    let mut tell = |news| {
        if let BuildNews::StepLog { .. } = news
            && let Some(runs) = runs.take()
        {
            runs.send(()).unwrap();
        }
    };
    tokio::select! {
        biased;
        _ = running => assert!(is_running(&mark)),
        ended = build(&bench.daemon, &bench.spec, &mut tell) => panic!("{ended:?}"),
    }
    for _ in 0..100 {
        if !is_running(&mark) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the step still runs");
}

#[cfg(target_os = "linux")]
fn is_running(mark: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(mark))
}
