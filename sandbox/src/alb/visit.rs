//! One look at a page through the load balancer, as a browser on this machine would take it.
//!
//! A loopback address is never asked through a proxy, whatever the environment says: hence not the program's own client.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};

use super::client;

/// A page that takes longer is not one to wait for.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub status: StatusCode,
    pub body: String,
}

/// `host` is what rules on the host header see.
pub async fn visit(alb: SocketAddr, host: &str, path: &str) -> io::Result<Page> {
    let request = Request::get(format!("http://{alb}{path}"))
        .header(header::HOST, host)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let look = async {
        let response = client().request(request).await.map_err(innermost)?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(innermost)?
            .to_bytes();
        Ok(Page {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    tokio::time::timeout(PATIENCE, look)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// "connection refused" says more than "client error (Connect)".
fn innermost(error: impl Error) -> io::Error {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    io::Error::other(text)
}
