//! The process's surroundings as one value: variables, directory, wire, clock, cancellation and the two streams. Nothing
//! below `main` reads the process itself, so a test builds all of it by hand.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use tokio_util::sync::CancellationToken;

use crate::wire::Wire;

/// A stream that lines are written to.
pub type Sink = Arc<Mutex<dyn Write + Send>>;

#[derive(Clone)]
pub struct Env {
    pub vars: BTreeMap<String, String>,
    pub cwd: PathBuf,
    pub wire: Wire,
    pub clock: Clock,
    pub cancel: Cancel,
    /// Holds only what other programs read: the URL, or the JSON.
    pub stdout: Sink,
    /// Words for people, and workflow commands.
    pub stderr: Sink,
    /// Whether stderr is a terminal.
    pub tty: bool,
    /// Whether these are the surroundings of this very process: then the AWS SDK may read its variables and profiles too.
    pub is_process: bool,
}

impl Env {
    /// Of the process. Variables that are not UTF-8 are left out. Call it inside a runtime: the clock is tokio's.
    pub fn of_process() -> std::io::Result<Env> {
        Ok(Env {
            vars: std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
            cwd: std::env::current_dir()?,
            wire: Wire::real(),
            clock: Clock::starting_at(SystemTime::now()),
            cancel: Cancel::default(),
            stdout: Arc::new(Mutex::new(std::io::stdout())),
            stderr: Arc::new(Mutex::new(std::io::stderr())),
            tty: std::io::stderr().is_terminal(),
            is_process: true,
        })
    }

    /// A variable; one that is set to nothing counts as not set, as on GitHub.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// Whether a runner reads our output, and so understands workflow commands.
    pub fn in_github_actions(&self) -> bool {
        self.var("GITHUB_ACTIONS") == Some("true")
    }
}

/// Wall-clock time that advances with tokio's clock: real or paused, the same type.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: SystemTime,
    start: tokio::time::Instant,
}

impl Clock {
    pub fn starting_at(epoch: SystemTime) -> Clock {
        Clock {
            epoch,
            start: tokio::time::Instant::now(),
        }
    }

    pub fn now(&self) -> SystemTime {
        self.epoch + self.start.elapsed()
    }

    /// Since the clock began.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub fn timestamp(&self) -> jiff::Timestamp {
        jiff::Timestamp::try_from(self.now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Clock::now(self)
    }
}

/// The signal that asked us to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
}

impl Signal {
    /// 128 + the signal's number.
    pub fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        }
    }
}

/// Asked to stop, and by which signal. The first one counts: a runner sends SIGINT, then SIGTERM.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    token: CancellationToken,
    signal: Arc<OnceLock<(Signal, tokio::time::Instant)>>,
}

impl Cancel {
    pub fn cancel(&self, signal: Signal) {
        self.signal
            .get_or_init(|| (signal, tokio::time::Instant::now()));
        self.token.cancel();
    }

    pub fn signal(&self) -> Option<Signal> {
        self.signal.get().map(|(signal, _)| *signal)
    }

    /// Resolves so long after the signal; never without one.
    pub async fn lapsed(&self, grace: Duration) {
        self.cancelled().await;
        if let Some((_, heard)) = self.signal.get() {
            tokio::time::sleep_until(*heard + grace).await;
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Resolves once asked to stop.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

/// Env for tests: nothing of the process, no network.
#[cfg(test)]
pub(crate) mod testing {
    use std::future::Future;
    use std::pin::Pin;

    use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    type Answer = Pin<Box<dyn Future<Output = Result<http::Response<String>, String>> + Send>>;

    /// A function as the far end of the wire: `(method and address, body) → answer`.
    #[derive(Clone)]
    pub(crate) struct FarEnd(Arc<dyn Fn(http::Request<String>) -> Answer + Send + Sync>);

    impl std::fmt::Debug for FarEnd {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("FarEnd")
        }
    }

    impl HttpConnector for FarEnd {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let Ok(request) = request.try_into_http1x() else {
                return HttpConnectorFuture::ready(Err(ConnectorError::other(
                    "no request".into(),
                    None,
                )));
            };
            let request = request.map(|body| {
                String::from_utf8(body.bytes().unwrap_or_default().to_vec()).unwrap_or_default()
            });
            let answer = (self.0)(request);
            HttpConnectorFuture::new(async move {
                let answer = answer
                    .await
                    .map_err(|reason| ConnectorError::io(reason.into()))?
                    .map(SdkBody::from);
                answer
                    .try_into()
                    .map_err(|e| ConnectorError::other(Box::new(e), None))
            })
        }
    }

    pub(crate) fn wire(
        answer: impl Fn(http::Request<String>) -> Result<http::Response<String>, String>
        + Send
        + Sync
        + 'static,
    ) -> Wire {
        Wire::over(FarEnd(Arc::new(move |request| {
            let answer = answer(request);
            Box::pin(async move { answer })
        })))
    }

    /// The streams, as text so far.
    #[derive(Clone, Default)]
    pub(crate) struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Heard {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
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

    pub(crate) fn env(vars: &[(&str, &str)], cwd: &std::path::Path) -> (Env, Heard, Heard) {
        let (stdout, stderr) = (Heard::default(), Heard::default());
        let env = Env {
            vars: vars
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            cwd: cwd.to_owned(),
            wire: wire(|_| Err("no network in this test".to_owned())),
            clock: Clock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_528_880)),
            cancel: Cancel::default(),
            stdout: Arc::new(Mutex::new(stdout.clone())),
            stderr: Arc::new(Mutex::new(stderr.clone())),
            tty: false,
            is_process: false,
        };
        (env, stdout, stderr)
    }
}
