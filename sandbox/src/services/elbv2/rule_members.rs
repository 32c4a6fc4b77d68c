//! A rule's conditions and actions as ELBv2 keeps them, and what it refuses of them. Knows no rule and no listener.

use serde_json::{Value, json};

use super::{not_found, required};
use crate::world::shapes::{list, number, number_in, text, texts};
use crate::world::{ApiError, World};

/// Target groups of one action, values and wildcards of one rule's conditions (quotas for Application Load Balancers).
const FEW: usize = 5;
/// A fixed response's body, in bytes, and what it may be.
const LONGEST_BODY: usize = 1024;
const CONTENT_TYPES: &[&str] = &[
    "text/plain",
    "text/css",
    "text/html",
    "application/javascript",
    "application/json",
];

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}

/// Target groups and weights that a list of actions forwards to: the scalar form and the weighted one.
pub fn forwards_to(actions: &Value) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for action in actions
        .as_array()
        .into_iter()
        .flatten()
        .filter(|a| text(a, "Type") == Some("forward"))
    {
        let groups = action
            .get("ForwardConfig")
            .map(|c| list(c, "TargetGroups"))
            .unwrap_or_default();
        if groups.is_empty() {
            found.extend(text(action, "TargetGroupArn").map(|arn| (arn.to_owned(), 1)));
        }
        for group in groups {
            let weight = number_in(group, "Weight").unwrap_or(1);
            found.extend(text(group, "TargetGroupArn").map(|arn| (arn.to_owned(), weight)));
        }
    }
    found
}

/// Actions as ELBv2 keeps them: forwards in both forms where there is one group, weights as numbers.
pub fn actions(world: &World, given: &[Value]) -> Result<Value, ApiError> {
    if given.is_empty() {
        return Err(invalid("At least one action must be specified"));
    }
    let (last, before) = given.split_last().unwrap_or((&Value::Null, &[]));
    let ends = |a: &Value| {
        matches!(
            text(a, "Type"),
            Some("forward" | "redirect" | "fixed-response")
        )
    };
    if !ends(last) || before.iter().any(ends) {
        return Err(ApiError::new(
            "InvalidLoadBalancerAction",
            "A rule must include exactly one forward, redirect or fixed-response action, and it must be the last",
        ));
    }
    let mut kept = Vec::new();
    for action in given {
        let mut action = action.as_object().cloned().unwrap_or_default();
        if let Some(order) = action.get("Order").and_then(number) {
            action.insert("Order".to_owned(), json!(order));
        }
        match action.get("Type").and_then(Value::as_str) {
            Some("forward") => forward(world, &mut action)?,
            Some("fixed-response") => fixed_response(&action)?,
            _ => {}
        }
        kept.push(Value::Object(action));
    }
    Ok(Value::Array(kept))
}

fn forward(world: &World, action: &mut serde_json::Map<String, Value>) -> Result<(), ApiError> {
    let groups = forwards_to(&json!([action]));
    for (arn, _) in &groups {
        if !world.elbv2.target_groups.contains_key(arn) {
            return Err(not_found(arn));
        }
    }
    if groups.is_empty() {
        return Err(invalid("A target group must be specified"));
    }
    if groups.len() > FEW {
        return Err(ApiError::new(
            "TooManyTargetGroups",
            "A rule can forward to at most 5 target groups",
        ));
    }
    let shown: Vec<Value> = groups
        .iter()
        .map(|(arn, weight)| json!({ "TargetGroupArn": arn, "Weight": weight }))
        .collect();
    let stickiness = action
        .get("ForwardConfig")
        .and_then(|c| c.get("TargetGroupStickinessConfig"))
        .cloned();
    let stickiness = stickiness.unwrap_or_else(|| json!({ "Enabled": false }));
    action.insert(
        "ForwardConfig".to_owned(),
        json!({ "TargetGroups": shown, "TargetGroupStickinessConfig": stickiness }),
    );
    match groups.as_slice() {
        [(only, _)] => action.insert("TargetGroupArn".to_owned(), json!(only)),
        _ => action.remove("TargetGroupArn"),
    };
    Ok(())
}

fn fixed_response(action: &serde_json::Map<String, Value>) -> Result<(), ApiError> {
    let config = action
        .get("FixedResponseConfig")
        .ok_or_else(|| invalid("A FixedResponseConfig must be specified"))?;
    let code = text(config, "StatusCode").unwrap_or_default();
    let fits = code.len() == 3
        && code.bytes().all(|b| b.is_ascii_digit())
        && code.starts_with(['2', '4', '5']);
    if !fits {
        return Err(invalid(format!(
            "The status code '{code}' is not valid. It must be 2XX, 4XX or 5XX"
        )));
    }
    if text(config, "MessageBody").is_some_and(|body| body.len() > LONGEST_BODY) {
        return Err(invalid(
            "The message body cannot be longer than '1024' characters",
        ));
    }
    match text(config, "ContentType") {
        Some(kind) if !CONTENT_TYPES.contains(&kind) => Err(invalid(format!(
            "The content type '{kind}' must be one of '[{}]'",
            CONTENT_TYPES.join(", ")
        ))),
        _ => Ok(()),
    }
}

/// Conditions as ELBv2 keeps them: host and path values in both forms.
pub fn conditions(given: &[Value]) -> Result<Value, ApiError> {
    let mut kept: Vec<Value> = Vec::new();
    let (mut values, mut wildcards) = (0, 0);
    for condition in given {
        let field = required(condition, "Field")?.to_owned();
        let config = match field.as_str() {
            "host-header" => Some("HostHeaderConfig"),
            "path-pattern" => Some("PathPatternConfig"),
            "http-header" | "query-string" | "source-ip" | "http-request-method" => None,
            other => {
                return Err(invalid(format!(
                    "Condition field '{other}' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'"
                )));
            }
        };
        let once = !matches!(field.as_str(), "http-header" | "query-string");
        if once && kept.iter().any(|k| text(k, "Field") == Some(&field)) {
            return Err(invalid(format!(
                "A rule can only have one condition with field '{field}'"
            )));
        }
        let own = super::routing::values_of(condition);
        check_values(condition, &field, &own)?;
        let regexes = regexes_of(condition).len();
        values += own.len().max(query_pairs(condition)) + regexes;
        wildcards += own
            .iter()
            .map(|v| v.matches(['*', '?']).count())
            .sum::<usize>();
        let mut condition = condition.as_object().cloned().unwrap_or_default();
        match config {
            Some(config) if regexes == 0 => {
                condition.insert("Values".to_owned(), json!(own));
                condition.insert(config.to_owned(), json!({ "Values": own }));
            }
            _ => {
                condition.entry("Values").or_insert_with(|| json!([]));
            }
        }
        kept.push(Value::Object(condition));
    }
    if values > FEW {
        return Err(invalid("A rule can only have '5' condition values"));
    }
    if wildcards > FEW {
        return Err(invalid("A rule can only have '5' condition wildcards"));
    }
    Ok(Value::Array(kept))
}

fn query_pairs(condition: &Value) -> usize {
    condition
        .get("QueryStringConfig")
        .map_or(0, |c| list(c, "Values").len())
}

/// Regular expressions of a condition, from whichever of its forms holds them.
pub fn regexes_of(condition: &Value) -> Vec<String> {
    let configs = ["HostHeaderConfig", "PathPatternConfig", "HttpHeaderConfig"];
    let from_config = configs
        .iter()
        .filter_map(|c| condition.get(*c))
        .map(|c| texts(c, "RegexValues"))
        .find(|v| !v.is_empty());
    from_config.unwrap_or_else(|| texts(condition, "RegexValues"))
}

fn check_values(condition: &Value, field: &str, values: &[String]) -> Result<(), ApiError> {
    let regexes = regexes_of(condition);
    if values.is_empty() && regexes.is_empty() && query_pairs(condition) == 0 {
        return Err(invalid("A condition value must be specified"));
    }
    if let Some(long) = values.iter().chain(&regexes).find(|v| v.len() > 128) {
        return Err(invalid(format!(
            "Condition value '{long}' cannot be longer than '128' characters"
        )));
    }
    if let Some(bad) = regexes.iter().find(|r| regex::Regex::new(r).is_err()) {
        return Err(invalid(format!("Regex '{bad}' is not valid")));
    }
    let characters =
        |extra: &'static str| move |c: char| c.is_ascii_alphanumeric() || extra.contains(c);
    let allowed = |value: &String| match field {
        "host-header" => {
            let ending = value.rsplit_once('.').map(|(_, ending)| ending);
            value.chars().all(characters("-.*?"))
                && ending.is_some_and(|e| e.chars().all(|c| c.is_ascii_alphabetic() || c == '*'))
        }
        "path-pattern" => value.chars().all(characters("_-.$/~\"'@:+&()!,;=%*?")),
        _ => true,
    };
    if let Some(bad) = values.iter().find(|v| !allowed(v)) {
        return Err(invalid(format!(
            "Condition value '{bad}' contains a character that is not valid"
        )));
    }
    if field == "http-header" {
        let config = condition.get("HttpHeaderConfig").unwrap_or(&Value::Null);
        let name = required(config, "HttpHeaderName")?;
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.len() > 40 || !name.chars().all(token) || name.eq_ignore_ascii_case("host") {
            return Err(invalid(format!("HTTP header name '{name}' is not valid")));
        }
    }
    Ok(())
}
