//! One run of Shipway against the sandbox, in process and in virtual time, that can be killed at any of its calls. Knows the
//! wire and what was said; not which verb, nor what it should do.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use shipway::{Cancel, Clock, Env, Wire};
use shipway_sandbox::Sandbox;
use shipway_sandbox::doors::in_process;
use tokio_util::sync::CancellationToken;

/// When a run is killed: at its nth call, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    pub call: usize,
    /// The call takes effect; its answer is never seen.
    pub after: bool,
}

/// A run: where, how, and when it dies.
pub struct Killable<'a> {
    pub sandbox: &'a Sandbox,
    pub args: Vec<String>,
    pub vars: BTreeMap<String, String>,
    pub cwd: &'a Path,
    pub kill: Option<Kill>,
    /// Of every answer.
    pub latency: Duration,
    /// Called after each answer, with what was asked for.
    pub watcher: Option<Watcher>,
}

pub type Watcher = Arc<dyn Fn(&str) + Send + Sync>;

/// What came of it.
pub struct Lived {
    /// `None`: killed.
    pub exit: Option<u8>,
    /// On stdout and stderr.
    pub said: String,
    /// Where both are written: what is written after the end can be seen, too.
    pub heard: Heard,
    /// AWS's operations, and method and path of everything else, in the order of asking.
    pub calls: Vec<String>,
    /// In virtual time.
    pub took: Duration,
}

/// Plays in virtual time, without an I/O driver: a stray socket panics instead of lying.
pub fn in_virtual_time<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(story)
}

impl Killable<'_> {
    pub async fn run(self) -> Lived {
        let line = Line {
            sandbox: self.sandbox.clone(),
            calls: Arc::default(),
            kill: self.kill,
            dead: CancellationToken::new(),
            latency: self.latency,
            watcher: self.watcher,
        };
        let said = Heard::default();
        let env = Env {
            vars: self.vars,
            cwd: self.cwd.to_owned(),
            wire: Wire::over(line.clone()),
            clock: Clock::starting_at(self.sandbox.clock().now()),
            cancel: Cancel::default(),
            stdout: Arc::new(Mutex::new(said.clone())),
            stderr: Arc::new(Mutex::new(said.clone())),
            tty: false,
            is_process: false,
        };
        let args = ["shipway".to_owned()].into_iter().chain(self.args);
        let began = tokio::time::Instant::now();
        let exit = tokio::select! {
            biased;
            () = line.dead.cancelled() => None,
            // Boxed: a test's thread has a small stack.
            exit = Box::pin(shipway::run(args.map(Into::into).collect(), env)) => Some(exit),
        };
        let calls = line.calls.lock().unwrap().clone();
        Lived {
            exit,
            said: said.text(),
            heard: said,
            calls,
            took: began.elapsed(),
        }
    }
}

/// The sandbox where the network would be, for one run.
#[derive(Clone)]
struct Line {
    sandbox: Sandbox,
    calls: Arc<Mutex<Vec<String>>>,
    kill: Option<Kill>,
    /// Killed: nothing of this run is heard or answered any more.
    dead: CancellationToken,
    latency: Duration,
    watcher: Option<Watcher>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let line = self.clone();
        HttpConnectorFuture::new(async move {
            let other =
                |e: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(e, None);
            let request = request.try_into_http1x().map_err(|e| other(e.into()))?;
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(other)?.to_bytes();
            let number = line.note(&parts);
            let kill = line.kill.filter(|kill| kill.call == number);
            if kill.is_some_and(|kill| !kill.after) {
                line.dead.cancel();
            }
            line.unless_dead().await;
            if !line.latency.is_zero() {
                tokio::time::sleep(line.latency).await;
            }
            let request = http::Request::from_parts(parts, body);
            let answer = in_process::call(&line.sandbox, request).await;
            if let Some(watcher) = &line.watcher {
                watcher(&line.asked(number));
            }
            if kill.is_some() {
                line.dead.cancel();
            }
            line.unless_dead().await;
            let answer =
                answer.map_err(|_| ConnectorError::io("the connection was reset".into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|e| other(e.into()))
        })
    }
}

impl Line {
    async fn unless_dead(&self) {
        if self.dead.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    fn asked(&self, number: usize) -> String {
        self.calls.lock().unwrap()[number].clone()
    }

    /// Its number.
    fn note(&self, parts: &http::request::Parts) -> usize {
        let target = parts.headers.get("x-amz-target");
        let target = target.and_then(|t| t.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let mut calls = self.calls.lock().unwrap();
        calls.push(match operation {
            "" => format!("{} {}", parts.method, parts.uri.path()),
            operation => operation.to_owned(),
        });
        calls.len() - 1
    }
}

#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
