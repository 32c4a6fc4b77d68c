//! How an AWS call failed, in the few kinds that anyone decides on, with AWS's own code and words.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use miette::Diagnostic;

use crate::model::Untrusted;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Throttled,
    /// AccessDenied: the permission that the call needs, e.g. `ecs:UpdateService`.
    Denied {
        permission: String,
    },
    /// Credentials that are missing, expired or not accepted.
    Unauthenticated,
    /// No answer: connection, time-out, 5xx. `ambiguous`: AWS may have carried it out.
    Unreachable {
        ambiguous: bool,
    },
    /// AWS refused it, by this error code.
    Refused {
        code: String,
    },
    /// An answer that lacks what AWS documents as always there.
    Malformed {
        member: String,
    },
}

/// A failed call. The message never holds headers or credentials.
#[derive(Clone, Debug)]
pub struct AwsError {
    /// `ecs:DescribeServices`
    pub operation: String,
    pub failure: Failure,
    /// AWS's message; it may quote names that others chose.
    pub message: Untrusted,
    pub request_id: Option<String>,
}

impl AwsError {
    pub fn malformed(operation: &str, member: &str) -> AwsError {
        AwsError {
            operation: operation.to_owned(),
            failure: Failure::Malformed {
                member: member.to_owned(),
            },
            message: Untrusted::new(format!("the answer has no {member}")),
            request_id: None,
        }
    }

    pub fn from_sdk<E>(operation: &str, error: SdkError<E, HttpResponse>) -> AwsError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.code().unwrap_or_default().to_owned();
        let status = error.raw_response().map(|r| r.status().as_u16());
        let request_id = error.raw_response().and_then(|r| {
            ["x-amzn-requestid", "x-amz-request-id"]
                .iter()
                .find_map(|h| r.headers().get(*h))
                .map(str::to_owned)
        });
        let message = match error.message() {
            Some(message) => message.to_owned(),
            None => root_cause(&error),
        };
        let failure = match (&error, code.as_str(), status) {
            (
                _,
                "ThrottlingException"
                | "Throttling"
                | "TooManyRequestsException"
                | "RequestLimitExceeded"
                | "ThrottledException",
                _,
            )
            | (_, _, Some(429)) => Failure::Throttled,
            (_, "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation", _) => {
                Failure::Denied {
                    permission: permission_in(&message).unwrap_or(operation).to_owned(),
                }
            }
            (
                _,
                "ExpiredTokenException"
                | "ExpiredToken"
                | "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "SignatureDoesNotMatch"
                | "InvalidSignatureException"
                | "IncompleteSignature"
                | "MissingAuthenticationToken"
                | "MissingAuthenticationTokenException",
                _,
            ) => Failure::Unauthenticated,
            (_, _, Some(500..)) => Failure::Unreachable { ambiguous: true },
            (SdkError::ServiceError(_), code, _) if !code.is_empty() => Failure::Refused {
                code: code.to_owned(),
            },
            _ if has_cause::<CredentialsError>(&error) => Failure::Unauthenticated,
            _ => Failure::Unreachable { ambiguous: true },
        };
        AwsError {
            operation: operation.to_owned(),
            failure,
            message: Untrusted::new(message),
            request_id,
        }
    }

    pub fn is_code(&self, wanted: &str) -> bool {
        matches!(&self.failure, Failure::Refused { code } if code == wanted)
    }

    /// Nobody knows whether AWS carried it out: re-read before sending it again.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self.failure, Failure::Unreachable { ambiguous: true })
    }
}

/// What AWS says is missing may be another permission than the call's own: `iam:PassRole`, `ecs:TagResource`.
fn permission_in(message: &str) -> Option<&str> {
    let rest = message.split("not authorized to perform: ").nth(1)?;
    let action = rest.split_whitespace().next()?;
    let is_action = |c: char| c.is_ascii_alphanumeric() || c == ':' || c == '-';
    (action.contains(':') && action.chars().all(is_action)).then_some(action)
}

fn has_cause<C: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut inner = Some(error);
    while let Some(cause) = inner {
        if cause.is::<C>() {
            return true;
        }
        inner = cause.source();
    }
    false
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

impl std::fmt::Display for AwsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match &self.failure {
            Failure::Throttled => "was throttled".to_owned(),
            Failure::Denied { .. } => "was denied".to_owned(),
            Failure::Unauthenticated => "was not authenticated".to_owned(),
            Failure::Unreachable { .. } => "got no usable answer".to_owned(),
            Failure::Refused { code } => format!("was refused with {code}"),
            Failure::Malformed { .. } => "was answered in a form AWS does not document".to_owned(),
        };
        write!(
            f,
            "{} {what}: {}",
            self.operation,
            crate::model::untrusted::one_line(&self.message)
        )?;
        // AWS's support asks for it where the message says little.
        let says_little = matches!(
            self.failure,
            Failure::Unreachable { .. } | Failure::Malformed { .. }
        );
        match &self.request_id {
            Some(id) if says_little => write!(f, " (request id {id})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for AwsError {}

impl Diagnostic for AwsError {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(match &self.failure {
            Failure::Denied { .. } => "shipway::permission::denied",
            Failure::Unauthenticated => "shipway::credentials::not_accepted",
            Failure::Throttled => "shipway::deploy::throttled",
            Failure::Unreachable { .. } => "shipway::deploy::unreachable",
            Failure::Refused { .. } => "shipway::deploy::refused",
            Failure::Malformed { .. } => "shipway::deploy::malformed_answer",
        }))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(match &self.failure {
            Failure::Denied { permission } => Box::new(format!(
                "allow {permission} in the permissions policy of the role that was assumed; the message above names the resource"
            )),
            Failure::Unauthenticated => Box::new(
                "with `role-to-assume` the session ended and could not be renewed, or AWS took it back; without, the SDK's default credential chain must find credentials that are valid now",
            ),
            Failure::Throttled => Box::new(
                "the account's request rate for this API is used up: run fewer deploys at once, or run again",
            ),
            Failure::Unreachable { .. } => Box::new(
                "check the network path to the AWS endpoint (proxy variables, region name), then run again: every step is safe to run twice",
            ),
            Failure::Refused { .. } => {
                Box::new("AWS's message says what it does not accept; correct it and run again")
            }
            Failure::Malformed { .. } => Box::new(
                "if this is AWS itself, please report it with the request id; an emulator may lack this member",
            ),
        })
    }
}
