//! Who may push by a repository's own policy. Pure: reads a policy document, judges its statements of Allow.
//!
//! Knows principals and action patterns. Does not weigh Deny statements, conditions, or what the account's own identities may
//! do by their own policies.

use serde_json::Value;

use crate::model::Untrusted;
use crate::model::names::{Arn, plain_arn};
use crate::model::untrusted::one_line;
use crate::model::wildcards::matches;

/// Whoever may do one of these can change what a tag names, or let others do it.
const PUSHING: [&str; 2] = ["ecr:PutImage", "ecr:SetRepositoryPolicy"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushers {
    /// Other accounts, services, anybody: in one line each.
    pub others: Vec<String>,
    /// Of the repository's own account.
    pub own: Vec<String>,
}

/// By the policy of a repository of `account`.
pub fn pushers(policy: &Value, account: &str) -> Pushers {
    let mut found = Pushers::default();
    let statements = match &policy["Statement"] {
        Value::Array(several) => several.as_slice(),
        one => std::slice::from_ref(one),
    };
    for statement in statements {
        if statement["Effect"] != "Allow" || !allows_pushing(statement) {
            continue;
        }
        let condition = conditions(statement);
        for (principal, is_own) in principals(statement, account) {
            let line = format!("{principal}{condition}");
            let list = match is_own {
                true => &mut found.own,
                false => &mut found.others,
            };
            if !list.contains(&line) {
                list.push(line);
            }
        }
    }
    found
}

fn allows_pushing(statement: &Value) -> bool {
    let named = |member: &str| {
        let patterns = strings(&statement[member]);
        PUSHING.iter().any(|action| {
            patterns
                .iter()
                .any(|p| matches(&p.to_lowercase(), &action.to_lowercase()))
        })
    };
    let all_named = |member: &str| {
        let patterns = strings(&statement[member]);
        PUSHING.iter().all(|action| {
            patterns
                .iter()
                .any(|p| matches(&p.to_lowercase(), &action.to_lowercase()))
        })
    };
    named("Action") || (!statement["NotAction"].is_null() && !all_named("NotAction"))
}

/// Each principal in words, and whether it is of the repository's own account.
fn principals(statement: &Value, account: &str) -> Vec<(String, bool)> {
    let quoted =
        |text: &str| plain_arn(text).map_or_else(|| one_line(&Untrusted::new(text)), str::to_owned);
    if !statement["NotPrincipal"].is_null() {
        return vec![("anybody but those in its NotPrincipal".to_owned(), false)];
    }
    let kinds = match &statement["Principal"] {
        Value::Object(kinds) => kinds.clone(),
        Value::String(all) if all == "*" => return vec![("anybody (`*`)".to_owned(), false)],
        // What we cannot read we do not call harmless.
        other => return vec![(format!("principal {}", quoted(&other.to_string())), false)],
    };
    let mut found = Vec::new();
    for (kind, names) in &kinds {
        for name in strings(names) {
            let of = Arn::parse(&name).map_or(name.clone(), |arn| arn.account);
            found.push(match (kind.as_str(), name.as_str()) {
                ("AWS", "*") => ("anybody (`*`)".to_owned(), false),
                ("AWS", _) => (format!("`{}`", quoted(&name)), of == account),
                _ => (format!("{} `{}`", quoted(kind), quoted(&name)), false),
            });
        }
    }
    found
}

fn conditions(statement: &Value) -> String {
    let keys: Vec<String> = statement["Condition"]
        .as_object()
        .into_iter()
        .flat_map(|operators| operators.values())
        .filter_map(Value::as_object)
        .flat_map(|keys| keys.keys().map(|k| one_line(&Untrusted::new(k.as_str()))))
        .collect();
    match keys.is_empty() {
        true => String::new(),
        false => format!(" (if {} fits)", keys.join(" and ")),
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several
            .iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_may_push() {
        let other = "arn:aws:iam::444455556666:root";
        let own = "arn:aws:iam::111122223333:role/ci";
        for (statement, others, of_own) in [
            (
                json!({"Principal": {"AWS": other}, "Action": "ecr:PutImage"}),
                vec![format!("`{other}`")],
                vec![],
            ),
            (
                json!({"Principal": {"AWS": "444455556666"}, "Action": ["ecr:*"]}),
                vec!["`444455556666`".to_owned()],
                vec![],
            ),
            (
                json!({"Principal": {"AWS": [own, other]}, "Action": "ECR:put*"}),
                vec![format!("`{other}`")],
                vec![format!("`{own}`")],
            ),
            (
                json!({"Principal": "*", "Action": "*"}),
                vec!["anybody (`*`)".to_owned()],
                vec![],
            ),
            (
                json!({"Principal": {"AWS": "*"}, "Action": "ecr:P?tImage", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}),
                vec!["anybody (`*`) (if aws:PrincipalOrgID fits)".to_owned()],
                vec![],
            ),
            (
                json!({"Principal": {"Service": "codebuild.example"}, "Action": "ecr:PutImage"}),
                vec!["Service `codebuild.example`".to_owned()],
                vec![],
            ),
            (
                json!({"Principal": {"AWS": other}, "Action": "ecr:SetRepositoryPolicy"}),
                vec![format!("`{other}`")],
                vec![],
            ),
            (
                json!({"NotPrincipal": {"AWS": own}, "Action": "ecr:PutImage"}),
                vec!["anybody but those in its NotPrincipal".to_owned()],
                vec![],
            ),
            (
                json!({"Principal": {"AWS": other}, "NotAction": "ecr:DeleteRepository"}),
                vec![format!("`{other}`")],
                vec![],
            ),
            // To pull is no matter here.
            (
                json!({"Principal": {"AWS": other}, "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}),
                vec![],
                vec![],
            ),
            (
                json!({"Principal": {"AWS": other}, "NotAction": "ecr:*"}),
                vec![],
                vec![],
            ),
        ] {
            let mut statement = statement;
            statement["Effect"] = json!("Allow");
            let expected = Pushers {
                others,
                own: of_own,
            };
            assert_eq!(
                pushers(&json!({"Statement": [statement]}), "111122223333"),
                expected,
                "{statement}"
            );
            // One statement need not be a list, and a denial lets nobody in.
            assert_eq!(
                pushers(&json!({"Statement": statement}), "111122223333"),
                expected
            );
            statement["Effect"] = json!("Deny");
            assert_eq!(
                pushers(&json!({"Statement": statement}), "111122223333"),
                Pushers::default()
            );
        }
    }

    #[test]
    fn a_principals_name_is_one_line() {
        let statement = json!({"Effect": "Allow", "Principal": {"AWS": "a\u{1b}[31m\n##[x]"}, "Action": "ecr:*"});
        let found = pushers(&json!({ "Statement": statement }), "111122223333");
        assert_eq!(found.others, ["`a [31m #\u{200b}#[x]`"]);
    }
}
