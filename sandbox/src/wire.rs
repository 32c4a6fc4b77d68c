//! What goes over the wire: AWS's protocols, signatures, trouble on the way, and the record of it all.
//!
//! Knows: bytes, headers and encodings. Does not know: what an operation does.

pub mod json11;
pub mod query;
pub mod record;
pub mod sigv4;
pub mod trouble;

use bytes::Bytes;

/// The two protocols of the AWS services here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `X-Amz-Target` and a JSON body: ECS, ECR, logs, Application Auto Scaling, SSM.
    Json11,
    /// `Action`, `Version` and a form body, answered in XML: ELBv2, STS.
    Query,
}

/// A request that reached the right service, before it is known who signed it.
#[derive(Clone, Debug)]
pub struct Decoded {
    pub protocol: Protocol,
    /// The IAM prefix and signing name.
    pub service: &'static str,
    pub operation: String,
    pub input: serde_json::Value,
}

/// The connection broke: no answer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection reset by peer")]
pub struct Reset;

/// A header as text, empty where it is absent or not text.
pub fn header<'a>(headers: &'a http::HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// A response from parts that are known to be valid; a bad header value is dropped rather than the answer.
pub fn response(
    status: u16,
    headers: &[(&'static str, String)],
    body: impl Into<Bytes>,
) -> http::Response<Bytes> {
    let mut response = http::Response::new(body.into());
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            response.headers_mut().append(*name, value);
        }
    }
    response
}

/// `2026-11-24T14:02:03.123Z`, as the query protocol and GitHub write times (GitHub without the fraction).
pub fn timestamp_iso(at: std::time::SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Epoch seconds with a fraction, as JSON 1.1 writes times.
pub fn timestamp_json(at: std::time::SystemTime) -> serde_json::Value {
    let millis = at
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    serde_json::json!(millis as f64 / 1000.0)
}
