//! Answers of the sandbox, changed on their way. Knows which call an answer is to, in the names that records have.

use std::sync::Arc;

use bytes::Bytes;

/// Gets the call, `DescribeServices` or `GET /repos/…`, and the answer's body; gives what arrives.
pub type Tamper = Arc<dyn Fn(&str, Bytes) -> Bytes + Send + Sync>;

/// By the header of JSON, by the form of queries, else by method and path.
pub fn name_of(parts: &http::request::Parts, body: &[u8]) -> String {
    if let Some(target) = parts.headers.get("x-amz-target") {
        let target = target.to_str().unwrap_or_default();
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    let form = std::str::from_utf8(body).unwrap_or_default();
    let action = form
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="));
    match action {
        Some(action) => action.to_owned(),
        None => format!("{} {}", parts.method, parts.uri.path()),
    }
}
