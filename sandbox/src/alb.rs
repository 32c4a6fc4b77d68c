//! The data plane of the Application Load Balancer: a listener that really listens, forwards to real containers, and
//! checks their health.
//!
//! Knows: HTTP, sockets and time. Does not know the rules, target groups or tasks: it asks [`Routes`] for every request
//! and every round of health checks, so that a change of the world counts from the next request on.

mod body;
mod health_checks;
mod matcher;
mod proxy;
#[cfg(test)]
mod tests;
mod visit;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub use matcher::Matcher;
pub use visit::{Page, visit};

pub use crate::services::elbv2::transforms::Rewritten;
use crate::world::Fact;
use body::Body;

/// The load balancer's default, for both directions together.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// After this long without a connection to the target, an ALB answers 504.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests under way may still take when the load balancer is stopped.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// What the load balancer asks the world.
pub trait Routes: Send + Sync + 'static {
    /// The action for a request: the rules in the order of their priorities, then the default action.
    fn route(&self, asked: &Asked<'_>) -> Route;
    /// Every target that is to be checked now or later. A target may appear and vanish between two questions.
    fn checks(&self) -> Vec<HealthCheck>;
    /// Where a target's address and port can be reached on this machine.
    fn reach(&self, address: &str, port: u16) -> Option<SocketAddr>;
    fn learn(&self, fact: Fact);
}

/// A request, as far as rules can look at it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The port of this machine that the request came in at.
    pub listener_port: u16,
    /// The host header as it came, port included.
    pub host: &'a str,
    pub method: &'a Method,
    pub path: &'a str,
    /// Without the question mark, empty when there is none.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    pub source: SocketAddr,
}

/// The action of the rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `targets` may get new requests: the healthy ones, or all of them when none is (the load balancer fails open).
    Forward {
        target_group_arn: String,
        targets: Vec<(String, u16)>,
        rewritten: Rewritten,
    },
    FixedResponse {
        status: u16,
        content_type: Option<String>,
        body: String,
    },
    Redirect {
        status: u16,
        location: String,
    },
}

/// How one target is to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    pub target_group_arn: String,
    /// The target as it is registered.
    pub address: String,
    pub port: u16,
    /// The port to ask, where the target group's `HealthCheckPort` is not `traffic-port`.
    pub check_port: u16,
    /// `HTTP`, `TCP`. This data plane speaks no TLS: a check by `HTTPS` fails.
    pub protocol: String,
    pub path: String,
    pub interval: Duration,
    pub timeout: Duration,
    /// `Matcher.HttpCode`: `200`, `200,202`, `200-299`.
    pub matcher: String,
}

/// A port that is taken but not served yet: the world must know the port before it can be laid out.
pub struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
}

/// A load balancer at work. Dropping it ends it at once, [`Alb::stop`] after the requests under way.
pub struct Alb {
    pub addr: SocketAddr,
    shutdown: CancellationToken,
    work: Option<JoinHandle<()>>,
}

impl Bound {
    /// Takes a port of the loopback interface, any free one when none is given.
    pub async fn bind(port: Option<u16>) -> io::Result<Bound> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
        let addr = listener.local_addr()?;
        Ok(Bound { listener, addr })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn serve(self, routes: Arc<dyn Routes>) -> Alb {
        self.serve_with(routes, IDLE_TIMEOUT)
    }

    fn serve_with(self, routes: Arc<dyn Routes>, idle_timeout: Duration) -> Alb {
        let shutdown = CancellationToken::new();
        let balancer = Arc::new(Balancer {
            routes: Arc::clone(&routes),
            listener_port: self.addr.port(),
            client: client(),
            idle_timeout,
            turns: Mutex::new(BTreeMap::new()),
        });
        let accepting = accept(self.listener, balancer, shutdown.clone());
        let checking = health_checks::run(routes, shutdown.clone());
        let work = tokio::spawn(async move {
            tokio::join!(accepting, checking);
        });
        Alb {
            addr: self.addr,
            shutdown,
            work: Some(work),
        }
    }
}

impl Alb {
    pub async fn start(routes: Arc<dyn Routes>, port: Option<u16>) -> io::Result<Alb> {
        Ok(Bound::bind(port).await?.serve(routes))
    }

    /// Takes no new connection, lets the requests under way finish, and returns when the port is free.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        if let Some(work) = self.work.take() {
            // It only fails when it panicked, which the panic hook has told.
            work.await.ok();
        }
    }
}

impl Drop for Alb {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(work) = self.work.take() {
            work.abort();
        }
    }
}

/// What the connections of one listener share.
struct Balancer {
    routes: Arc<dyn Routes>,
    listener_port: u16,
    client: Client<HttpConnector, Body>,
    idle_timeout: Duration,
    /// By target group: whose turn it is.
    turns: Mutex<BTreeMap<String, usize>>,
}

impl Balancer {
    /// Round robin over the targets as they are now.
    fn next<'a>(
        &self,
        target_group_arn: &str,
        targets: &'a [(String, u16)],
    ) -> Option<&'a (String, u16)> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(target_group_arn.to_owned()).or_default();
        let target = targets.get(turn.checked_rem(targets.len())?);
        *turn = turn.wrapping_add(1);
        target
    }
}

/// Each request gets a connection of its own to its target: one kept for later would be cut when the target stops,
/// and the next request with it.
fn client<B>() -> Client<HttpConnector, B>
where
    B: http_body::Body + Send,
    B::Data: Send,
{
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector)
}

async fn accept(listener: TcpListener, balancer: Arc<Balancer>, shutdown: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((connection, source)) => {
                    connections.spawn(serve(connection, source, Arc::clone(&balancer), shutdown.clone()));
                }
                // Out of file descriptors, most likely: let other connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    // What is still open after that is cut with the JoinSet.
    tokio::time::timeout(LAST_REQUESTS, finished).await.ok();
}

async fn serve(
    connection: TcpStream,
    source: SocketAddr,
    balancer: Arc<Balancer>,
    shutdown: CancellationToken,
) {
    connection.set_nodelay(true).ok();
    let service = service_fn(|request| {
        let balancer = Arc::clone(&balancer);
        async move { Ok::<_, Infallible>(proxy::answer(&balancer, request, source).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .serve_connection(TokioIo::new(connection), service);
    let mut served = pin!(served);
    // A connection that breaks is the client's affair: it has seen as much itself.
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await.ok();
        }
        _ = served.as_mut() => {}
    }
}
