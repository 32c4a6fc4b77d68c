//! AWS STS: a token of an identity provider becomes credentials of a role.
//!
//! Knows: the order in which STS checks and its words for each refusal. Does not know: how tokens are minted.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use serde_json::{Value, json};

use crate::wire::timestamp_iso;
use crate::world::{Answer, ApiError, Operation, World};

/// STS's own bounds for `DurationSeconds`.
const DURATION: std::ops::RangeInclusive<u64> = 900..=43_200;
const DEFAULT_DURATION: u64 = 3600;

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "sts",
        name: ASSUME,
        function: assume_role_with_web_identity,
        resources: role,
    },
    Operation {
        service: "sts",
        name: "GetCallerIdentity",
        function: get_caller_identity,
        resources: |_, _| Vec::new(),
    },
];

/// The one operation that is called without a signature: its token is the proof.
pub const ASSUME: &str = "AssumeRoleWithWebIdentity";

fn role(_: &World, input: &Value) -> Vec<String> {
    vec![input["RoleArn"].as_str().unwrap_or("*").to_owned()]
}

fn get_caller_identity(world: &mut World, _: &Value) -> Answer {
    let caller = &world.iam.caller;
    Ok(json!({"UserId": caller.user_id, "Account": world.place.account, "Arn": caller.arn}))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidIdentityToken", message)
}

fn constraint(value: &str, member: &str, constraint: &str) -> ApiError {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    );
    ApiError::new("ValidationError", message)
}

fn assume_role_with_web_identity(world: &mut World, input: &Value) -> Answer {
    let member = |name: &str| {
        input[name].as_str().filter(|value| !value.is_empty()).ok_or_else(|| {
            let mut first = name.chars();
            let lower: String = first.next().into_iter().flat_map(char::to_lowercase).chain(first).collect();
            let message = format!("1 validation error detected: Value null at '{lower}' failed to satisfy constraint: Member must not be null");
            ApiError::new("ValidationError", message)
        })
    };
    let (role_arn, session_name, token) = (
        member("RoleArn")?,
        member("RoleSessionName")?,
        member("WebIdentityToken")?,
    );
    let duration = match input["DurationSeconds"].as_str() {
        None => DEFAULT_DURATION,
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::new("MalformedInput", format!("{text} is not a number")))?,
    };
    check_session_name(session_name)?;
    if duration < *DURATION.start() {
        return Err(constraint(
            &duration.to_string(),
            "durationSeconds",
            "Member must have value greater than or equal to 900",
        ));
    }
    if duration > *DURATION.end() {
        return Err(constraint(
            &duration.to_string(),
            "durationSeconds",
            "Member must have value less than or equal to 43200",
        ));
    }
    if role_arn.len() < 20 || !role_arn.starts_with("arn:") {
        return Err(ApiError::new(
            "ValidationError",
            format!("{role_arn} is invalid"),
        ));
    }

    let claims = claims_of(token).ok_or_else(|| {
        invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    })?;
    let issuer = claims["iss"].as_str().unwrap_or_default();
    let Some(provider) = world.iam.provider(issuer) else {
        return Err(invalid(format!(
            "No OpenIDConnect provider found in your account for {issuer}"
        )));
    };
    if !world.github.signed(token) {
        return Err(invalid(
            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        ));
    }
    let audience = claims["aud"].as_str().unwrap_or_default();
    if !provider.client_ids.iter().any(|id| id == audience) {
        return Err(invalid("Incorrect token audience"));
    }
    let now = world
        .now
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let ends = claims["exp"].as_u64().unwrap_or_default();
    if ends <= now {
        let message = format!(
            "Token expired: current date/time {now} must be before the expiration date/time {ends}"
        );
        return Err(ApiError::new("ExpiredTokenException", message));
    }

    // STS does not tell a missing role from one that does not trust the token.
    let role = world.iam.role(role_arn).ok_or_else(not_authorised)?;
    if !world.iam.trusts(role, provider, &claims) {
        return Err(not_authorised());
    }
    let lifetime = Duration::from_secs(duration);
    if lifetime > role.max_session_duration {
        return Err(ApiError::new(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }

    let provider_arn = provider.arn.clone();
    let session = world
        .iam
        .open_session(
            role_arn,
            session_name,
            lifetime,
            world.now,
            &world.place,
            &mut world.call_ids,
        )
        .ok_or_else(not_authorised)?;
    Ok(json!({
        "SubjectFromWebIdentityToken": claims["sub"],
        "Audience": audience,
        "AssumedRoleUser": {"AssumedRoleId": session.principal.user_id, "Arn": session.principal.arn},
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.token,
            "Expiration": timestamp_iso(session.expires),
        },
        "Provider": provider_arn,
    }))
}

pub fn not_authorised() -> ApiError {
    ApiError {
        status: 403,
        ..ApiError::new(
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        )
    }
}

fn check_session_name(name: &str) -> Result<(), ApiError> {
    let length = name.chars().count();
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
    {
        return Err(constraint(
            name,
            "roleSessionName",
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ));
    }
    if length < 2 {
        return Err(constraint(
            name,
            "roleSessionName",
            "Member must have length greater than or equal to 2",
        ));
    }
    if length > 64 {
        return Err(constraint(
            name,
            "roleSessionName",
            "Member must have length less than or equal to 64",
        ));
    }
    Ok(())
}

fn claims_of(token: &str) -> Option<Value> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts[..] else {
        return None;
    };
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::tests::sandbox;

    fn assume(change: impl Fn(&mut Value)) -> Answer {
        let sandbox = sandbox();
        sandbox.with_world(|world| {
            let mut input = json!({
                "RoleArn": "arn:aws:iam::123456789012:role/deployer",
                "RoleSessionName": "shipway-1",
                "WebIdentityToken": world.github.mint("sts.amazonaws.com", world.now, &mut world.ids),
            });
            change(&mut input);
            assume_role_with_web_identity(world, &input)
        })
    }

    fn refusal(change: impl Fn(&mut Value)) -> String {
        let error = assume(change).unwrap_err();
        format!("{}: {}", error.code, error.message)
    }

    #[tokio::test]
    async fn a_minted_token_opens_a_session() {
        let answer = assume(|_| ()).unwrap();
        assert_eq!(
            answer["AssumedRoleUser"]["Arn"],
            "arn:aws:sts::123456789012:assumed-role/deployer/shipway-1"
        );
        assert_eq!(
            answer["SubjectFromWebIdentityToken"],
            "repo:octo-org/web:pull_request"
        );
    }

    #[tokio::test]
    async fn each_refusal_has_its_words() {
        assert_eq!(
            refusal(|input| input["RoleArn"] = json!("arn:aws:iam::123456789012:role/other")),
            "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"
        );
        assert!(
            refusal(|input| input["WebIdentityToken"] = json!("abc"))
                .starts_with("InvalidIdentityToken: The ID Token provided is not a valid JWT")
        );
        assert_eq!(
            refusal(|input| input["DurationSeconds"] = json!("7200")),
            "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        );
        assert!(
            refusal(|input| input["RoleSessionName"] = json!("a b"))
                .ends_with("pattern: [\\w+=,.@-]*")
        );
        let forged = |input: &mut Value| {
            let token = input["WebIdentityToken"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let unsigned = token.rsplit_once('.').map_or("", |(unsigned, _)| unsigned);
            input["WebIdentityToken"] = json!(format!("{unsigned}.AAAA"));
        };
        assert!(
            refusal(forged).starts_with("InvalidIdentityToken: Couldn't retrieve verification key")
        );
    }

    #[tokio::test]
    async fn another_audience_is_refused() {
        let sandbox = sandbox();
        let error = sandbox.with_world(|world| {
            let token = world.github.mint("https://github.com/octo-org", world.now, &mut world.ids);
            let input = json!({"RoleArn": "arn:aws:iam::123456789012:role/deployer", "RoleSessionName": "ab", "WebIdentityToken": token});
            assume_role_with_web_identity(world, &input).unwrap_err()
        });
        assert_eq!(error.message, "Incorrect token audience");
    }
}
