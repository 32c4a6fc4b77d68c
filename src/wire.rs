//! The one HTTP connector of the process: the AWS SDKs, octocrab, the id token and the smoke test ride on it.
//!
//! Tests put the sandbox's in its place, and so fake all of them with one swap. Proxies come from the environment
//! (`HTTPS_PROXY`, `NO_PROXY`). Knows no service.

use std::time::Duration;

use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
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

impl Wire {
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
        Wire(SharedHttpConnector::new(Traced(SharedHttpConnector::new(
            connector,
        ))))
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
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|e| failed(e.to_string()))?
            .to_bytes();
        Ok(http::Response::from_parts(parts, body))
    }
}

/// Says of each request what it was for and how it went, with `--verbose`: never a header, a query or a body.
#[derive(Debug)]
struct Traced(SharedHttpConnector);

impl HttpConnector for Traced {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return self.0.call(request);
        }
        // The JSON protocols name the operation in a header, the query protocol in its body.
        let operation = request
            .headers()
            .get("x-amz-target")
            .unwrap_or_default()
            .to_owned();
        let method = request.method().to_owned();
        let address = request
            .uri()
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let began = tokio::time::Instant::now();
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            let took = began.elapsed();
            match &answer {
                Ok(answer) => {
                    tracing::debug!(%method, %address, %operation, status = answer.status().as_u16(), ?took, "answered")
                }
                Err(error) => {
                    tracing::debug!(%method, %address, %operation, error = deepest(error), ?took, "not answered")
                }
            }
            answer
        })
    }
}

/// The innermost cause: "connection refused" says more than "dispatch failure".
fn deepest(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}
