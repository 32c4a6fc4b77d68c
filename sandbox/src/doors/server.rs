//! The door with a socket, on loopback only: for the built binary, `boto3`, `docker` and `curl`.
//!
//! Knows: connections. Does not know: what is answered on them. AWS, the registry and GitHub share one port.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Sandbox;
use crate::wire::{Reset, response};

/// No call of the APIs is larger; layers do not pass through here.
const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// How long answers under way may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// A port that is taken, before there is a world: a world may want to name it.
pub struct Listening {
    listener: TcpListener,
    pub addr: SocketAddr,
}

impl Listening {
    /// `port` 0 is any free one.
    pub async fn on(port: u16) -> std::io::Result<Listening> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Listening {
            addr: listener.local_addr()?,
            listener,
        })
    }

    /// Serves the world here until [`Server::stop`], or until the server is dropped.
    pub fn serve(self, sandbox: Sandbox) -> Server {
        sandbox.serve_at(&self.addr.to_string());
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(self.listener, sandbox.clone(), stopped));
        Server {
            addr: self.addr,
            sandbox,
            stop,
            accepting,
        }
    }
}

/// A world that is being served.
pub struct Server {
    pub addr: SocketAddr,
    sandbox: Sandbox,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub async fn start(sandbox: Sandbox, port: u16) -> std::io::Result<Server> {
        Ok(Listening::on(port).await?.serve(sandbox))
    }

    /// What a process must have in its environment to find this world.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.sandbox.environment()
    }

    /// Takes no more requests, and waits shortly for those under way.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
    }
}

async fn accept(listener: TcpListener, sandbox: Sandbox, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            // Also when the server was dropped.
            _ = stopped.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, sandbox.clone(), stopped.clone()));
                }
                // Out of file descriptors, most likely: others may end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, ended).await;
}

async fn connection(stream: TcpStream, sandbox: Sandbox, mut stopped: watch::Receiver<bool>) {
    // Answers are small and each is waited for.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(sandbox.clone(), request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// An error makes hyper close the connection without an answer, which is what a reset is.
async fn answer(sandbox: Sandbox, request: Request<Incoming>) -> Result<Response<Body>, Reset> {
    let path = request.uri().path();
    if path == "/v2" || path.starts_with("/v2/") {
        return sandbox.oci().serve(request.map(Body::new)).await;
    }
    let (parts, body) = request.into_parts();
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => Ok(sandbox
            .handle(Request::from_parts(parts, body.to_bytes()))
            .await?
            .map(Body::from)),
        Err(_) => Ok(response(413, &[], "").map(Body::from)),
    }
}
