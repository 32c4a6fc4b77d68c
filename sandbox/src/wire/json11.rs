//! AWS's JSON 1.1 protocol: `X-Amz-Target` in, JSON out.
//!
//! Knows: which prefix is which service, and how errors are written. Does not know: which operations exist.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::{Decoded, Protocol, header, response};
use crate::world::ApiError;

const TARGETS: &[(&str, &str)] = &[
    ("AmazonEC2ContainerServiceV20141113", "ecs"),
    ("AmazonEC2ContainerRegistry_V20150921", "ecr"),
    ("AnyScaleFrontendService", "application-autoscaling"),
    ("AmazonSSM", "ssm"),
    ("Logs_20140328", "logs"),
    ("CertificateManager", "acm"),
];

/// The service and operation that a target names.
pub fn target(request: &Request<Bytes>) -> Option<(&'static str, String)> {
    let (prefix, operation) = header(request.headers(), "x-amz-target").split_once('.')?;
    let (_, service) = TARGETS.iter().find(|(name, _)| *name == prefix)?;
    Some((service, operation.to_owned()))
}

/// Reads the body, and holds the header that announces its length to it: an SDK neither recomputes nor signs that one.
pub fn decode(request: &Request<Bytes>) -> Result<Decoded, ApiError> {
    let (service, operation) = target(request).ok_or_else(|| {
        ApiError::new(
            "UnknownOperationException",
            format!(
                "no service here for {}",
                header(request.headers(), "x-amz-target")
            ),
        )
    })?;
    content_length(request)?;
    let body = request.body();
    let input: Value = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body)
            .map_err(|error| ApiError::new("SerializationException", error.to_string()))?
    };
    if !input.is_object() {
        return Err(ApiError::new(
            "SerializationException",
            "Start of structure or map found where not expected.",
        ));
    }
    Ok(Decoded {
        protocol: Protocol::Json11,
        service,
        operation,
        input,
    })
}

pub(super) fn content_length(request: &Request<Bytes>) -> Result<(), ApiError> {
    let Some(said) = request.headers().get(http::header::CONTENT_LENGTH) else {
        return Ok(());
    };
    let length = request.body().len();
    match said
        .to_str()
        .ok()
        .and_then(|said| said.parse::<usize>().ok())
    {
        Some(said) if said == length => Ok(()),
        _ => {
            let message = format!(
                "content-length says {}, the body has {length} bytes",
                said.to_str().unwrap_or("?")
            );
            Err(ApiError::new("SerializationException", message))
        }
    }
}

pub fn answer(answer: &Result<Value, ApiError>, request_id: &str) -> Response<Bytes> {
    let (status, body) = match answer {
        Ok(Value::Null) => (200, json!({})),
        Ok(value) => (200, value.clone()),
        Err(error) => (
            error.status,
            json!({ "__type": error.code, "message": error.message }),
        ),
    };
    let headers = [
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amzn-requestid", request_id.to_owned()),
    ];
    response(status, &headers, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, length: &str, body: &'static str) -> Request<Bytes> {
        Request::post("/")
            .header("x-amz-target", target)
            .header("content-length", length)
            .body(Bytes::from(body))
            .unwrap()
    }

    #[test]
    fn target_names_service_and_operation() {
        let decoded = decode(&request(
            "AmazonEC2ContainerServiceV20141113.DescribeServices",
            "2",
            "{}",
        ))
        .unwrap();
        assert_eq!(
            (decoded.service, decoded.operation.as_str()),
            ("ecs", "DescribeServices")
        );
    }

    #[test]
    fn a_length_that_lies_is_an_error() {
        let error = decode(&request("Logs_20140328.GetLogEvents", "2", r#"{"a":1}"#)).unwrap_err();
        assert_eq!(error.code, "SerializationException");
        assert_eq!(error.message, "content-length says 2, the body has 7 bytes");
    }

    #[test]
    fn an_unknown_target_is_an_error() {
        assert_eq!(
            decode(&request("DynamoDB_20120810.GetItem", "2", "{}"))
                .unwrap_err()
                .code,
            "UnknownOperationException"
        );
    }

    #[test]
    fn numbers_keep_their_spelling() {
        let decoded = decode(&request(
            "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition",
            "10",
            r#"{"a":1.50}"#,
        ))
        .unwrap();
        assert_eq!(decoded.input.to_string(), r#"{"a":1.50}"#);
    }
}
