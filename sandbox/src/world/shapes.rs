//! How AWS writes instants and pages, and how its inputs are read. Knows no service.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::{ApiError, World};

/// JSON 1.1's timestamp: seconds since 1970 with a fraction of milliseconds.
pub fn epoch_seconds(at: SystemTime) -> Value {
    let millis = at
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as f64;
    json!(millis / 1000.0)
}

/// The query protocol's timestamp.
pub fn iso8601(at: SystemTime) -> String {
    let text =
        jiff::Timestamp::try_from(at).map(|t| t.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string());
    text.unwrap_or_default()
}

/// A timestamp in an input: epoch seconds as number or text.
pub fn instant(value: &Value) -> Option<SystemTime> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

pub fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member)?.as_str()
}

/// An integer, whether the protocol brought a number or text.
pub fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

pub fn number_in(input: &Value, member: &str) -> Option<u64> {
    number(input.get(member)?)
}

pub fn boolean_in(input: &Value, member: &str) -> Option<bool> {
    let value = input.get(member)?;
    value.as_bool().or_else(|| value.as_str()?.parse().ok())
}

/// A list of strings; absent is empty.
pub fn texts(input: &Value, member: &str) -> Vec<String> {
    let items = input
        .get(member)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    items
        .iter()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

pub fn list<'a>(input: &'a Value, member: &str) -> &'a [Value] {
    input
        .get(member)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The last segment of an ARN or path; a plain name is itself.
pub fn last_segment(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// One page of `items` under `member`, with the token for the next under `next`.
pub fn page(
    items: Vec<Value>,
    member: &str,
    token: (&str, Option<&str>),
    next: &str,
    size: usize,
) -> Result<Value, ApiError> {
    let (token_name, token) = token;
    let start = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| {
                ApiError::new(
                    "InvalidParameterException",
                    format!("Invalid {token_name}."),
                )
            })?,
    };
    let total = items.len();
    let shown: Vec<Value> = items.into_iter().skip(start).take(size.max(1)).collect();
    let end = start + shown.len();
    let mut answer = Map::new();
    answer.insert(member.to_owned(), Value::Array(shown));
    if end < total {
        answer.insert(next.to_owned(), json!(format!("page-{end}")));
    }
    Ok(Value::Object(answer))
}

/// A page as ECS words it.
pub fn ecs_page(
    items: Vec<Value>,
    member: &str,
    input: &Value,
    default_size: usize,
) -> Result<Value, ApiError> {
    let size = number_in(input, "maxResults").map_or(default_size, |n| n as usize);
    if !(1..=100).contains(&size) {
        return Err(ApiError::new(
            "InvalidParameterException",
            "maxResults must be between 1 and 100.",
        ));
    }
    page(
        items,
        member,
        ("nextToken", text(input, "nextToken")),
        "nextToken",
        size,
    )
}

/// A page as ELBv2 words it.
pub fn elb_page(items: Vec<Value>, member: &str, input: &Value) -> Result<Value, ApiError> {
    let size = number_in(input, "PageSize").map_or(400, |n| n as usize);
    page(
        items,
        member,
        ("Marker", text(input, "Marker")),
        "NextMarker",
        size,
    )
}

/// Copies the members named, as they are.
pub fn copy(from: &Map<String, Value>, to: &mut Map<String, Value>, members: &[&str]) {
    for member in members {
        if let Some(value) = from.get(*member) {
            to.insert((*member).to_owned(), value.clone());
        }
    }
}

pub fn ecs_arn(world: &World, resource: &str) -> String {
    let place = &world.place;
    format!(
        "arn:{}:ecs:{}:{}:{resource}",
        place.partition, place.region, place.account
    )
}

pub fn elb_arn(world: &World, resource: &str) -> String {
    let place = &world.place;
    format!(
        "arn:{}:elasticloadbalancing:{}:{}:{resource}",
        place.partition, place.region, place.account
    )
}

/// For operations that IAM knows no resource type for.
pub fn everything(_: &World, _: &Value) -> Vec<String> {
    vec!["*".to_owned()]
}
