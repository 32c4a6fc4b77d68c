//! Raw requests to the engine, for the three that bollard cannot make: `/session` with services of our own, `/build`
//! that uses it, and `/images/…/push` with a login in the alphabet the engine wants. Knows HTTP and the engine's
//! stream of JSON lines; knows nothing of what they mean.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{DockerError, Foreign};

/// A line of JSON longer than this is not the engine's.
const LINE_LIMIT_BYTES: usize = 64 << 20;

/// Where the engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Unix(PathBuf),
    Tcp(String),
}

pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Tcp(host) => write!(f, "tcp://{host}"),
        }
    }
}

impl Address {
    async fn connect(&self) -> io::Result<Box<dyn Duplex>> {
        match self {
            #[cfg(unix)]
            Address::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            Address::Tcp(host) => Ok(Box::new(tokio::net::TcpStream::connect(host).await?)),
        }
    }

    /// One request on a connection of its own. Dropping the answer closes the connection, which the engine takes as
    /// a cancellation.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> io::Result<Response<Incoming>> {
        let stream = self.connect().await?;
        let host = match self {
            Address::Unix(_) => "docker",
            Address::Tcp(host) => host,
        };
        let host = http::HeaderValue::from_str(host).map_err(io::Error::other)?;
        request.headers_mut().insert(http::header::HOST, host);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await.map_err(io::Error::other)
    }
}

/// The answer, if the engine accepted the request; else its message.
pub async fn accepted(
    doing: &'static str,
    answer: io::Result<Response<Incoming>>,
) -> Result<Response<Incoming>, DockerError> {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let answer = answer.map_err(|error| broken(doing, &error))?;
    let status = answer.status();
    if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(answer);
    }
    let body = answer
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let message = match serde_json::from_slice::<Refusal>(&body) {
        Ok(refusal) => refusal.message,
        Err(_) => String::from_utf8_lossy(&body).into_owned(),
    };
    Err(DockerError::Engine {
        doing,
        status: Some(status.as_u16()),
        message: Foreign(message),
    })
}

/// The connection to the engine broke, or never came about.
pub fn broken(doing: &'static str, error: &dyn std::error::Error) -> DockerError {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    DockerError::Engine {
        doing,
        status: None,
        message: Foreign(message),
    }
}

/// One line of the engine's answer to a build or a push.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Line {
    pub id: String,
    pub status: String,
    pub error: Option<String>,
    #[serde(rename = "errorDetail")]
    pub error_detail: Option<ErrorDetail>,
    #[serde(rename = "progressDetail")]
    pub progress: Option<Progress>,
    pub aux: serde_json::Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ErrorDetail {
    pub message: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Progress {
    pub current: u64,
    pub total: u64,
}

impl Line {
    pub fn failure(&self) -> Option<&str> {
        let detail = self
            .error_detail
            .as_ref()
            .map(|detail| detail.message.as_str());
        detail
            .filter(|message| !message.is_empty())
            .or(self.error.as_deref())
    }
}

/// The lines of an answer, one at a time.
pub struct Lines {
    doing: &'static str,
    body: Incoming,
    buffer: Vec<u8>,
}

impl Lines {
    pub fn new(doing: &'static str, answer: Response<Incoming>) -> Lines {
        Lines {
            doing,
            body: answer.into_body(),
            buffer: Vec::new(),
        }
    }

    /// The next line, or none at the end of the answer.
    pub async fn next(&mut self) -> Result<Option<Line>, DockerError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                match line.trim_ascii() {
                    [] => continue,
                    line => return self.decode(line).map(Some),
                }
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                    if self.buffer.len() > LINE_LIMIT_BYTES {
                        return Err(broken(self.doing, &io::Error::other("a line without end")));
                    }
                }
                Some(Err(error)) => return Err(broken(self.doing, &error)),
                None => {
                    let rest = std::mem::take(&mut self.buffer);
                    return match rest.trim_ascii() {
                        [] => Ok(None),
                        line => self.decode(line).map(Some),
                    };
                }
            }
        }
    }

    fn decode(&self, line: &[u8]) -> Result<Line, DockerError> {
        serde_json::from_slice(line).map_err(|error| broken(self.doing, &error))
    }
}
