//! Checks Signature Version 4 by signing the request again.
//!
//! Knows: the Authorization header and AWS's wordings for what is wrong with it. Does not know: what a caller may do.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;

use super::{Protocol, header};
use crate::iam::{Iam, Principal};
use crate::world::ApiError;

/// AWS refuses signatures that are older or younger than this.
const SKEW: Duration = Duration::from_secs(5 * 60);

struct Authorization<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(value: &'a str) -> Option<Authorization<'a>> {
        let parts = value.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let part = |name: &str| {
            parts
                .split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let scope: Vec<&str> = part("Credential")?.split('/').collect();
        let [access_key_id, date, region, service, "aws4_request"] = scope[..] else {
            return None;
        };
        let signed_headers = part("SignedHeaders")?.split(';').collect();
        Some(Authorization {
            access_key_id,
            date,
            region,
            service,
            signed_headers,
            signature: part("Signature")?,
        })
    }
}

/// The region that a request was signed for; empty where it was not.
pub fn region(request: &Request<Bytes>) -> &str {
    let value = header(request.headers(), "authorization");
    Authorization::parse(value).map_or("", |authorization| authorization.region)
}

/// Who signed this request. `service` and `region` are what its scope must name (an empty region: any).
pub fn verify(
    request: &Request<Bytes>,
    protocol: Protocol,
    service: &str,
    region: &str,
    iam: &Iam,
    now: SystemTime,
) -> Result<Principal, ApiError> {
    let value = header(request.headers(), "authorization");
    if value.is_empty() {
        return Err(match protocol {
            Protocol::Json11 => ApiError::new(
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            Protocol::Query => refused(
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
        });
    }
    let authorization = Authorization::parse(value).ok_or_else(|| match protocol {
        Protocol::Json11 => ApiError::new(
            "IncompleteSignatureException",
            "Authorization header is malformed",
        ),
        Protocol::Query => {
            ApiError::new("IncompleteSignature", "Authorization header is malformed")
        }
    })?;
    let mismatch = |message: String| match protocol {
        Protocol::Json11 => ApiError::new("InvalidSignatureException", message),
        Protocol::Query => refused("SignatureDoesNotMatch", &message),
    };

    let Some(key) = iam.key(authorization.access_key_id) else {
        return Err(unknown_key(protocol));
    };
    if key.session_token.as_deref().unwrap_or_default()
        != header(request.headers(), "x-amz-security-token")
    {
        return Err(unknown_key(protocol));
    }
    let date = header(request.headers(), "x-amz-date");
    let signed_at = parse_date(date).ok_or_else(|| {
        mismatch(format!(
            "Date must be in ISO-8601 'basic format'. Got '{date}'."
        ))
    })?;
    if !date.starts_with(authorization.date) {
        return Err(mismatch(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{date}'",
            authorization.date
        )));
    }
    if signed_at + SKEW < now {
        return Err(mismatch(format!(
            "Signature expired: {date} is now earlier than {} ({} - 5 min.)",
            basic(now - SKEW),
            basic(now)
        )));
    }
    if now + SKEW < signed_at {
        return Err(mismatch(format!(
            "Signature not yet current: {date} is still later than {} ({} + 5 min.)",
            basic(now + SKEW),
            basic(now)
        )));
    }
    if authorization.service != service {
        return Err(mismatch(format!(
            "Credential should be scoped to correct service: '{service}'."
        )));
    }
    if !region.is_empty() && authorization.region != region {
        return Err(mismatch(format!(
            "Credential should be scoped to a valid region, not '{}'.",
            authorization.region
        )));
    }
    if !authorization.signed_headers.contains(&"host") {
        return Err(mismatch(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }

    let expected = signature(
        request,
        &authorization,
        key.secret_access_key,
        key.session_token.clone(),
        signed_at,
    );
    if expected.as_deref() != Some(authorization.signature) {
        return Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
             signing method. Consult the service documentation for details."
                .to_owned(),
        ));
    }
    if key.expires.is_some_and(|expires| expires <= now) {
        return Err(expired(protocol));
    }
    Ok(key.principal)
}

pub fn expired(protocol: Protocol) -> ApiError {
    match protocol {
        Protocol::Json11 => ApiError::new(
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        Protocol::Query => refused(
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
    }
}

fn unknown_key(protocol: Protocol) -> ApiError {
    let message = "The security token included in the request is invalid.";
    match protocol {
        Protocol::Json11 => ApiError::new("UnrecognizedClientException", message),
        Protocol::Query => refused("InvalidClientTokenId", message),
    }
}

/// The query services answer 403 where the JSON ones answer 400.
fn refused(code: &str, message: &str) -> ApiError {
    ApiError {
        status: 403,
        ..ApiError::new(code, message)
    }
}

fn signature(
    request: &Request<Bytes>,
    authorization: &Authorization<'_>,
    secret: &str,
    token: Option<String>,
    signed_at: SystemTime,
) -> Option<String> {
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    let identity =
        Credentials::new(authorization.access_key_id, secret, token, None, "sandbox").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(authorization.region)
        .name(authorization.service)
        .time(signed_at)
        .settings(settings)
        .build()
        .ok()?
        .into();
    // The signer adds the date and the token itself, and the host where it is not among the headers.
    let headers = authorization
        .signed_headers
        .iter()
        .filter(|name| !matches!(**name, "x-amz-date" | "x-amz-security-token"))
        .flat_map(|name| {
            request
                .headers()
                .get_all(*name)
                .iter()
                .filter_map(move |value| Some((*name, value.to_str().ok()?)))
        });
    let uri = match request.uri().authority() {
        Some(_) => request.uri().to_string(),
        None => format!(
            "http://{}{}",
            header(request.headers(), "host"),
            request.uri()
        ),
    };
    let signable = SignableRequest::new(
        request.method().as_str(),
        uri,
        headers,
        SignableBody::Bytes(request.body()),
    )
    .ok()?;
    Some(sign(signable, &params).ok()?.into_parts().1)
}

fn parse_date(date: &str) -> Option<SystemTime> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    let zoned = civil.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok()?;
    SystemTime::try_from(zoned.timestamp()).ok()
}

fn basic(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .unwrap_or_default()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::iam::IamSpec;

    const BODY: &str = r#"{"cluster":"c"}"#;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_790_000_000)
    }

    fn iam() -> Iam {
        let spec: IamSpec = serde_json::from_value(serde_json::json!({
            "users": [{"name": "alice", "access-key-id": "AKIAALICE", "secret-access-key": "wonder"}]
        }))
        .unwrap();
        let place = crate::world::Place {
            partition: "aws".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
        };
        Iam::new(&spec, &place).unwrap()
    }

    fn signed(key: &str, secret: &str, region: &str, at: SystemTime) -> Request<Bytes> {
        let uri = "https://ecs.eu-west-1.amazonaws.com/";
        let identity = Credentials::new(key, secret, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("ecs")
            .time(at)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            (
                "x-amz-target",
                "AmazonEC2ContainerServiceV20141113.ListServices",
            ),
        ];
        let signable = SignableRequest::new(
            "POST",
            uri,
            headers.into_iter(),
            SignableBody::Bytes(BODY.as_bytes()),
        )
        .unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut request = Request::post(uri).body(Bytes::from(BODY)).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        instructions.apply_to_request_http1x(&mut request);
        request
    }

    fn code(request: &Request<Bytes>, protocol: Protocol) -> String {
        match verify(request, protocol, "ecs", "eu-west-1", &iam(), now()) {
            Ok(principal) => principal.arn,
            Err(error) => error.code,
        }
    }

    #[test]
    fn a_right_signature_names_its_caller() {
        assert_eq!(
            code(
                &signed("AKIAALICE", "wonder", "eu-west-1", now()),
                Protocol::Json11
            ),
            "arn:aws:iam::123456789012:user/alice"
        );
    }

    #[test]
    fn wrong_ones_are_told_apart_in_each_protocols_words() {
        let wrong = signed("AKIAALICE", "blunder", "eu-west-1", now());
        assert_eq!(code(&wrong, Protocol::Json11), "InvalidSignatureException");
        assert_eq!(code(&wrong, Protocol::Query), "SignatureDoesNotMatch");
        let stranger = signed("AKIABOB", "wonder", "eu-west-1", now());
        assert_eq!(
            code(&stranger, Protocol::Json11),
            "UnrecognizedClientException"
        );
        assert_eq!(code(&stranger, Protocol::Query), "InvalidClientTokenId");
        let mut changed = signed("AKIAALICE", "wonder", "eu-west-1", now());
        *changed.body_mut() = Bytes::from_static(b"{}");
        assert_eq!(
            code(&changed, Protocol::Json11),
            "InvalidSignatureException"
        );
        assert_eq!(
            code(
                &Request::post("/").body(Bytes::new()).unwrap(),
                Protocol::Query
            ),
            "MissingAuthenticationToken"
        );
    }

    #[test]
    fn old_signatures_and_other_regions_are_refused() {
        let old = signed(
            "AKIAALICE",
            "wonder",
            "eu-west-1",
            now() - Duration::from_secs(301),
        );
        let error = verify(&old, Protocol::Json11, "ecs", "eu-west-1", &iam(), now()).unwrap_err();
        assert!(
            error.message.starts_with("Signature expired: "),
            "{}",
            error.message
        );
        assert_eq!(
            code(
                &signed("AKIAALICE", "wonder", "us-east-1", now()),
                Protocol::Json11
            ),
            "InvalidSignatureException"
        );
    }
}
