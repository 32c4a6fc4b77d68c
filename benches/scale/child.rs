//! The process whose memory is measured: `shipway scale` in virtual time, with a pipe where the network would be.

use std::collections::BTreeMap;
use std::io::{BufReader, Stdin, Stdout, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use shipway::{Cancel, Clock, Env, Wire};

use super::frames::{self, Frame, Message, Reply};

/// Names what it is scaled to.
pub const ROLE: &str = "BENCH_SCALE_TO";
/// The virtual present, in nanoseconds since 1970.
pub const NOW: &str = "BENCH_SCALE_NOW";
/// Over a network, AWS answers in about this.
const ROUND_TRIP: Duration = Duration::from_millis(25);

struct Pipe {
    answers: Mutex<(BufReader<Stdin>, Stdout)>,
    clock: Clock,
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pipe")
    }
}

#[derive(Clone, Debug)]
struct Piped(Arc<Pipe>);

impl HttpConnector for Piped {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let pipe = self.0.clone();
        HttpConnectorFuture::new(async move {
            let other =
                |e: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(e, None);
            let request = request.try_into_http1x().map_err(|e| other(e.into()))?;
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(other)?.to_bytes();
            tokio::time::sleep(ROUND_TRIP).await;
            let request = http::Request::from_parts(parts, body);
            let answer = pipe.ask(&request);
            let answer =
                answer.ok_or_else(|| ConnectorError::io("the connection was reset".into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|e| other(e.into()))
        })
    }
}

impl Pipe {
    /// Time stands still meanwhile.
    fn ask(&self, request: &http::Request<bytes::Bytes>) -> Option<http::Response<bytes::Bytes>> {
        let mut pipe = self.answers.lock().unwrap();
        let asked = Frame::Asked {
            at: super::nanos(self.clock.now()),
            request: Message::of(request),
        };
        frames::write(&mut pipe.1, &asked);
        frames::read::<Reply>(&mut pipe.0).into_http()
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let vars: BTreeMap<String, String> = std::env::vars().collect();
        let now = Duration::from_nanos(vars[NOW].parse().unwrap());
        let clock = Clock::starting_at(SystemTime::UNIX_EPOCH + now);
        let pipe = Arc::new(Pipe {
            answers: Mutex::new((BufReader::new(std::io::stdin()), std::io::stdout())),
            clock,
        });
        let args = [
            "shipway",
            "scale",
            "--aws-region=eu-west-1",
            "--role-to-assume=arn:aws:iam::111122223333:role/night",
            "--clusters=fleet-*",
            "--to",
            &vars[ROLE],
        ];
        let args = args.map(Into::into).to_vec();
        let said = Heard::default();
        let env = Env {
            vars,
            cwd: std::env::current_dir().unwrap(),
            wire: Wire::over(Piped(pipe.clone())),
            clock,
            cancel: Cancel::default(),
            stdout: Arc::new(Mutex::new(Heard::default())),
            stderr: Arc::new(Mutex::new(said.clone())),
            tty: false,
            is_process: false,
        };
        let exit = shipway::run(args, env).await;
        let said = String::from_utf8_lossy(&said.0.lock().unwrap()).into_owned();
        let ended = Frame::Ended {
            at: super::nanos(clock.now()),
            peak_kib: peak_kib(),
            exit: exit.into(),
            said,
        };
        frames::write(&mut pipe.answers.lock().unwrap().1, &ended);
    });
}

/// The most memory that this process ever had resident.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}
