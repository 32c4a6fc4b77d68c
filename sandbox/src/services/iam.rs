//! AWS IAM, as far as anyone asks it here: what the policies of a role or user would say to an action.
//!
//! Knows: SimulatePrincipalPolicy's shapes. The decision is the very one that every other call of this world meets, on the
//! context that the caller names; nothing else of IAM is here.

use serde_json::{Value, json};

use crate::iam::policy::{Context, Decision};
use crate::world::shapes::texts;
use crate::world::{Answer, ApiError, Operation, World};

pub const OPERATIONS: &[Operation] = &[Operation {
    service: "iam",
    name: "SimulatePrincipalPolicy",
    function: simulate_principal_policy,
    resources: |_, input| vec![input["PolicySourceArn"].as_str().unwrap_or("*").to_owned()],
}];

fn simulate_principal_policy(world: &mut World, input: &Value) -> Answer {
    let invalid = |message: &str| ApiError::new("InvalidInput", message);
    let source = input["PolicySourceArn"].as_str().unwrap_or_default();
    let (actions, mut resources) = (texts(input, "ActionNames"), texts(input, "ResourceArns"));
    if actions.is_empty() {
        return Err(invalid("ActionNames must not be empty."));
    }
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let policy = world.iam.policy_named(source).ok_or_else(|| ApiError {
        status: 404,
        ..ApiError::new(
            "NoSuchEntity",
            format!("The entity {source} cannot be found."),
        )
    })?;
    let mut context = Context::new();
    for entry in input["ContextEntries"].as_array().into_iter().flatten() {
        let key = entry["ContextKeyName"]
            .as_str()
            .ok_or_else(|| invalid("A context entry has no ContextKeyName."))?;
        context.insert(key.to_owned(), texts(entry, "ContextKeyValues"));
    }
    // What the policy asks for and nobody named: a decision may hang on it.
    let missing: Vec<&str> = policy
        .condition_keys()
        .into_iter()
        .filter(|key| !context.keys().any(|known| known.eq_ignore_ascii_case(key)))
        .collect();
    let mut results = Vec::new();
    for action in &actions {
        for resource in &resources {
            let decision = match policy.decide(action, resource, &context) {
                Decision::Allowed => "allowed",
                Decision::Denied => "explicitDeny",
                Decision::NotMentioned => "implicitDeny",
            };
            results.push(json!({
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": decision,
                "MatchedStatements": [],
                "MissingContextValues": missing,
            }));
        }
    }
    Ok(json!({"EvaluationResults": results, "IsTruncated": false}))
}
