//! The one HTTP connector of the process: the AWS SDKs, octocrab, the id token and the smoke test ride on it.
//!
//! Tests put the sandbox's in its place, and so fake all of them with one swap. Proxies come from the environment
//! (`HTTPS_PROXY`, `NO_PROXY`). Knows no service.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

/// Connecting takes longer than this only where nothing listens. Callers bound the rest.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct Wire(SharedHttpConnector);

/// No answer came over the wire. Holds no header and no query, for both can be secret.
#[derive(Debug, thiserror::Error)]
#[error("{method} {host}: {reason}")]
pub struct WireError {
    method: String,
    host: String,
    reason: String,
}

impl WireError {
    /// Why, without the request that it was for.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// One request and how it went, for people who want to see what happens inside. Holds no header, query or body but the
/// request's id and the operation's name.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub host: String,
    /// AWS's name of the operation, else the path.
    pub operation: String,
    /// `None` where no answer came.
    pub status: Option<u16>,
    pub took: Duration,
    pub request_id: Option<String>,
}

pub type Tell = Arc<dyn Fn(Call) + Send + Sync>;

impl Wire {
    /// The same wire, which tells of each call.
    pub fn telling(&self, tell: Tell) -> Wire {
        Wire(SharedHttpConnector::new(Telling {
            wire: self.0.clone(),
            tell,
        }))
    }

    /// The real network.
    pub fn real() -> Wire {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(Some(
            HttpConnectorSettings::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .build(),
        ));
        builder.set_sleep_impl(Some(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        )));
        let connector = builder
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::AwsLc,
            ))
            .build();
        Wire::over(connector)
    }

    /// Any other connector in its place.
    pub fn over(connector: impl HttpConnector + 'static) -> Wire {
        Wire(SharedHttpConnector::new(connector))
    }

    /// For the SDKs: every client gets the same connector, and so one pool of connections.
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = self.0.clone();
        http_client_fn(move |_, _| connector.clone())
    }

    /// One request, the whole answer. The caller bounds its time.
    pub async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, WireError> {
        self.send_reading(request, usize::MAX).await
    }

    /// One request, of whose answer no more than this is read: for an answer that may never end.
    pub async fn send_reading(
        &self,
        request: http::Request<Bytes>,
        bytes_at_most: usize,
    ) -> Result<http::Response<Bytes>, WireError> {
        let (method, host) = (
            request.method().to_string(),
            request
                .uri()
                .authority()
                .map(|a| a.host().to_owned())
                .unwrap_or_default(),
        );
        let failed = |reason: String| WireError {
            method: method.clone(),
            host: host.clone(),
            reason,
        };
        let request =
            HttpRequest::try_from(request.map(SdkBody::from)).map_err(|e| failed(e.to_string()))?;
        let response = self
            .0
            .call(request)
            .await
            .map_err(|e| failed(deepest(&e)))?;
        let response = response
            .try_into_http1x()
            .map_err(|e| failed(e.to_string()))?;
        let (parts, mut body) = response.into_parts();
        let mut read = BytesMut::new();
        while read.len() < bytes_at_most
            && let Some(frame) = body.frame().await
        {
            let frame = frame.map_err(|e| failed(e.to_string()))?;
            if let Ok(data) = frame.into_data() {
                read.extend_from_slice(&data);
            }
        }
        read.truncate(bytes_at_most);
        Ok(http::Response::from_parts(parts, read.freeze()))
    }
}

#[derive(Clone)]
struct Telling {
    wire: SharedHttpConnector,
    tell: Tell,
}

impl std::fmt::Debug for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Telling").field(&self.wire).finish()
    }
}

impl HttpConnector for Telling {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: http::Uri = request.uri().parse().unwrap_or_default();
        let mut call = Call {
            method: request.method().to_owned(),
            host: uri.host().unwrap_or_default().to_owned(),
            operation: operation(&request).unwrap_or_else(|| uri.path().to_owned()),
            status: None,
            took: Duration::ZERO,
            request_id: None,
        };
        let (answer, tell) = (self.wire.call(request), self.tell.clone());
        HttpConnectorFuture::new(async move {
            let began = tokio::time::Instant::now();
            let answer = answer.await;
            call.took = began.elapsed();
            if let Ok(answer) = &answer {
                call.status = Some(answer.status().as_u16());
                call.request_id = ["x-amzn-requestid", "x-github-request-id"]
                    .iter()
                    .find_map(|h| answer.headers().get(*h))
                    .map(str::to_owned);
            }
            tell(call);
            answer
        })
    }
}

/// `DescribeServices` out of JSON 1.1's target header, or out of the query protocol's first member.
fn operation(request: &HttpRequest) -> Option<String> {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.rsplit('.').next().map(str::to_owned);
    }
    let body = std::str::from_utf8(request.body().bytes()?).ok()?;
    let action = body.strip_prefix("Action=")?.split('&').next()?;
    Some(action.to_owned())
}

/// The innermost cause: "connection refused" says more than "dispatch failure".
fn deepest(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}
