//! SSM Parameter Store, as far as text is kept there: parameters by name and path, with versions counted and not kept.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::world::shapes::{boolean_in, epoch_seconds, number_in, page, text, texts};
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[
    Operation {
        service: "ssm",
        name: "PutParameter",
        function: put_parameter,
        resources: |world, input| vec![arn(world, text(input, "Name").unwrap_or("*"))],
    },
    Operation {
        service: "ssm",
        name: "GetParameter",
        function: get_parameter,
        resources: |world, input| vec![arn(world, text(input, "Name").unwrap_or("*"))],
    },
    Operation {
        service: "ssm",
        name: "GetParameters",
        function: get_parameters,
        resources: named,
    },
    Operation {
        service: "ssm",
        name: "GetParametersByPath",
        function: get_parameters_by_path,
        resources: |world, input| {
            let path = text(input, "Path").unwrap_or("*");
            vec![arn(world, path.trim_end_matches('/'))]
        },
    },
    Operation {
        service: "ssm",
        name: "DeleteParameter",
        function: delete_parameter,
        resources: |world, input| vec![arn(world, text(input, "Name").unwrap_or("*"))],
    },
    Operation {
        service: "ssm",
        name: "DeleteParameters",
        function: delete_parameters,
        resources: named,
    },
];

/// Characters of a standard parameter's value; advanced ones hold 8 KB.
const STANDARD: usize = 4096;
const ADVANCED: usize = 8192;
/// Names in one call, and parameters on a page.
const AT_ONCE: usize = 10;
const LEVELS: usize = 15;

#[derive(Default)]
pub struct Ssm {
    /// By name.
    pub parameters: BTreeMap<String, Parameter>,
}

pub struct Parameter {
    pub value: String,
    pub parameter_type: String,
    pub tier: String,
    pub version: u64,
    pub modified_at: SystemTime,
}

/// A hierarchy's name brings its own slash along.
fn arn(world: &World, name: &str) -> String {
    let place = &world.place;
    format!(
        "arn:{}:ssm:{}:{}:parameter/{}",
        place.partition,
        place.region,
        place.account,
        name.trim_start_matches('/')
    )
}

fn named(world: &World, input: &Value) -> Vec<String> {
    let names = texts(input, "Names");
    names.iter().map(|name| arn(world, name)).collect()
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

/// In the words that every operation of Parameter Store has for a bad name, whatever is wrong with it.
fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    let reserved = first.starts_with("aws") || first.starts_with("ssm");
    let relative = name.contains('/') && !name.starts_with('/');
    if name.is_empty() || reserved || relative || !name.chars().all(allowed) {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    if name.matches('/').count() > LEVELS {
        return Err(ApiError::new(
            "HierarchyLevelLimitExceededException",
            format!("A parameter hierarchy can have at most {LEVELS} levels."),
        ));
    }
    Ok(())
}

fn put_parameter(world: &mut World, input: &Value) -> Answer {
    let name = text(input, "Name").unwrap_or_default();
    check_name(name)?;
    let value = text(input, "Value").unwrap_or_default();
    let before = world.ssm.parameters.get(name);
    if before.is_some() && !boolean_in(input, "Overwrite").unwrap_or(false) {
        return Err(ApiError::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let parameter_type = match text(input, "Type").or(before.map(|p| p.parameter_type.as_str())) {
        Some(kind @ ("String" | "StringList" | "SecureString")) => kind.to_owned(),
        Some(kind) => return Err(ApiError::new("UnsupportedParameterType", kind)),
        None => {
            return Err(invalid(
                "A parameter type is required when you create a parameter.",
            ));
        }
    };
    let tier = match text(input, "Tier").unwrap_or("Standard") {
        "Advanced" => "Advanced",
        "Intelligent-Tiering" if value.len() > STANDARD => "Advanced",
        _ => "Standard",
    };
    let most = if tier == "Advanced" {
        ADVANCED
    } else {
        STANDARD
    };
    if value.is_empty() || value.len() > most {
        return Err(invalid(format!(
            "{tier} tier parameters support a maximum parameter value of {most} characters, and at least 1."
        )));
    }
    let version = before.map_or(1, |p| p.version + 1);
    let parameter = Parameter {
        value: value.to_owned(),
        parameter_type,
        tier: tier.to_owned(),
        version,
        modified_at: world.now,
    };
    world.ssm.parameters.insert(name.to_owned(), parameter);
    Ok(json!({ "Version": version, "Tier": tier }))
}

fn describe(world: &World, name: &str) -> Option<Value> {
    let parameter = world.ssm.parameters.get(name)?;
    Some(json!({
        "Name": name, "Type": parameter.parameter_type, "Value": parameter.value, "Version": parameter.version,
        "LastModifiedDate": epoch_seconds(parameter.modified_at), "ARN": arn(world, name), "DataType": "text",
    }))
}

fn not_found(name: &str) -> ApiError {
    ApiError::new("ParameterNotFound", format!("Parameter {name} not found."))
}

fn get_parameter(world: &mut World, input: &Value) -> Answer {
    let name = text(input, "Name").unwrap_or_default();
    check_name(name)?;
    describe(world, name)
        .map(|parameter| json!({ "Parameter": parameter }))
        .ok_or_else(|| not_found(name))
}

/// One to ten names.
fn names(input: &Value) -> Result<Vec<String>, ApiError> {
    let names = texts(input, "Names");
    if names.is_empty() || names.len() > AT_ONCE {
        return Err(invalid(format!(
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length less than or equal to {AT_ONCE} and greater than or equal to 1"
        )));
    }
    Ok(names)
}

fn get_parameters(world: &mut World, input: &Value) -> Answer {
    let (known, unknown): (Vec<String>, Vec<String>) = names(input)?
        .into_iter()
        .partition(|name| world.ssm.parameters.contains_key(name));
    let shown: Vec<Value> = known
        .iter()
        .filter_map(|name| describe(world, name))
        .collect();
    let mut answer = json!({ "Parameters": shown });
    if !unknown.is_empty() {
        answer["InvalidParameters"] = json!(unknown);
    }
    Ok(answer)
}

fn get_parameters_by_path(world: &mut World, input: &Value) -> Answer {
    let path = text(input, "Path").unwrap_or_default();
    if !path.starts_with('/') {
        return Err(invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".",
        ));
    }
    let size = number_in(input, "MaxResults").map_or(AT_ONCE, |n| n as usize);
    if !(1..=AT_ONCE).contains(&size) {
        return Err(invalid(format!(
            "MaxResults must be between 1 and {AT_ONCE}"
        )));
    }
    let below = format!("{}/", path.trim_end_matches('/'));
    let recursive = boolean_in(input, "Recursive").unwrap_or(false);
    let names = world.ssm.parameters.keys().filter(|name| {
        name.strip_prefix(&below)
            .is_some_and(|rest| recursive || !rest.contains('/'))
    });
    let shown = names.filter_map(|name| describe(world, name)).collect();
    let token = ("NextToken", text(input, "NextToken"));
    page(shown, "Parameters", token, "NextToken", size)
        .map_err(|e| ApiError::new("InvalidNextToken", e.message))
}

fn delete_parameter(world: &mut World, input: &Value) -> Answer {
    let name = text(input, "Name").unwrap_or_default();
    check_name(name)?;
    match world.ssm.parameters.remove(name) {
        Some(_) => Ok(json!({})),
        None => Err(not_found(name)),
    }
}

fn delete_parameters(world: &mut World, input: &Value) -> Answer {
    let (deleted, unknown): (Vec<String>, Vec<String>) = names(input)?
        .into_iter()
        .partition(|name| world.ssm.parameters.remove(name).is_some());
    let mut answer = json!({});
    for (member, names) in [
        ("DeletedParameters", deleted),
        ("InvalidParameters", unknown),
    ] {
        if !names.is_empty() {
            answer[member] = json!(names);
        }
    }
    Ok(answer)
}
