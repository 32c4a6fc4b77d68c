//! Policy documents, and the decision they make.
//!
//! Knows: statements, globs and the condition operators here. Does not know: anything it cannot evaluate; such a
//! document is refused when it is loaded, because a condition that is ignored makes a world too permissive to trust.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::Provider;

/// The values of a request's condition keys. Keys are matched without regard to case.
pub type Context = BTreeMap<String, Vec<String>>;

/// Keys that permission policies may use here; `…/` ones take a tag's key.
const KEYS: &[&str] = &[
    "aws:RequestedRegion",
    "aws:PrincipalArn",
    "aws:TagKeys",
    "aws:RequestTag/",
    "aws:ResourceTag/",
    "ecs:ResourceTag/",
    "elasticloadbalancing:ResourceTag/",
    "ecr:ResourceTag/",
    "ecs:cluster",
    "ecs:service",
    "ecs:task-definition",
    "ecs:CreateAction",
    "elasticloadbalancing:CreateAction",
    "iam:PassedToService",
    "application-autoscaling:service-namespace",
    "application-autoscaling:scalable-dimension",
];

/// The claims of GitHub's tokens that AWS lets a trust policy ask for.
const CLAIMS: &[&str] = &[
    "aud",
    "sub",
    "amr",
    "actor",
    "actor_id",
    "job_workflow_ref",
    "repository",
    "repository_id",
    "workflow",
    "ref",
    "environment",
    "enterprise_id",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// An explicit deny.
    Denied,
    NotMentioned,
}

#[derive(Debug)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug)]
struct Statement {
    allow: bool,
    /// Federated principals; empty in permission policies.
    federated: Vec<String>,
    actions: Vec<String>,
    not_actions: Vec<String>,
    resources: Vec<String>,
    not_resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    operator: Operator,
    set: Option<SetOperator>,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum SetOperator {
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    /// ArnEquals and ArnLike behave identically in IAM.
    ArnLike,
    ArnNotLike,
    Bool,
    Null,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Document {
    #[serde(rename = "Version")]
    _version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RawStatement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: String,
    principal: Option<Value>,
    #[serde(default)]
    action: Value,
    #[serde(default)]
    not_action: Value,
    #[serde(default)]
    resource: Value,
    #[serde(default)]
    not_resource: Value,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Policy {
    /// What a role or user may do.
    pub fn permissions(document: &Value) -> Result<Policy, String> {
        let policy = Policy::parse(document, &|key| {
            KEYS.iter().any(|known| {
                if known.ends_with('/') {
                    starts_with(key, known) && key.len() > known.len()
                } else {
                    known.eq_ignore_ascii_case(key)
                }
            })
        })?;
        for statement in &policy.statements {
            if !statement.federated.is_empty() {
                return Err("a permission policy has no Principal".to_owned());
            }
            if statement.resources.is_empty() == statement.not_resources.is_empty() {
                return Err("a statement needs Resource or NotResource".to_owned());
            }
        }
        Ok(policy)
    }

    /// Who may become a role.
    pub fn trust(document: &Value, providers: &[Provider]) -> Result<Policy, String> {
        let policy = Policy::parse(document, &|key| {
            providers.iter().any(|provider| {
                CLAIMS
                    .iter()
                    .any(|claim| key.eq_ignore_ascii_case(&format!("{}:{claim}", provider.host())))
            })
        })?;
        if policy
            .statements
            .iter()
            .any(|statement| !statement.resources.is_empty() || !statement.not_resources.is_empty())
        {
            return Err("a trust policy has no Resource".to_owned());
        }
        Ok(policy)
    }

    fn parse(document: &Value, known_key: &dyn Fn(&str) -> bool) -> Result<Policy, String> {
        let document: Document =
            serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
        let statements = match document.statement {
            Value::Array(items) => items,
            one => vec![one],
        };
        let statements = statements
            .into_iter()
            .map(|statement| Statement::parse(statement, known_key))
            .collect::<Result<_, String>>()?;
        Ok(Policy { statements })
    }

    /// Whether any statement asks for a resource's tags.
    pub fn asks_for_tags(&self) -> bool {
        self.statements
            .iter()
            .flat_map(|statement| &statement.conditions)
            .any(|condition| condition.key.contains(":ResourceTag/"))
    }

    /// The condition keys that its statements ask for, each once.
    pub fn condition_keys(&self) -> BTreeSet<&str> {
        self.statements
            .iter()
            .flat_map(|statement| &statement.conditions)
            .map(|condition| condition.key.as_str())
            .collect()
    }

    pub fn decide(&self, action: &str, resource: &str, context: &Context) -> Decision {
        self.decide_among(|_| true, action, resource, context)
    }

    /// As [`Policy::decide`], of the statements that name this federated principal.
    pub fn decide_for(
        &self,
        provider: &str,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Decision {
        self.decide_among(
            |statement| statement.federated.iter().any(|named| named == provider),
            action,
            resource,
            context,
        )
    }

    fn decide_among(
        &self,
        concerns: impl Fn(&Statement) -> bool,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Decision {
        let mut decision = Decision::NotMentioned;
        for statement in self
            .statements
            .iter()
            .filter(|statement| concerns(statement))
        {
            if statement.matches(action, resource, context) {
                if !statement.allow {
                    return Decision::Denied;
                }
                decision = Decision::Allowed;
            }
        }
        decision
    }
}

impl Statement {
    fn parse(statement: Value, known_key: &dyn Fn(&str) -> bool) -> Result<Statement, String> {
        let raw: RawStatement =
            serde_json::from_value(statement).map_err(|error| error.to_string())?;
        let allow = match raw.effect.as_str() {
            "Allow" => true,
            "Deny" => false,
            other => return Err(format!("unknown effect {other}")),
        };
        let mut conditions = Vec::new();
        for (operator, keys) in &raw.condition {
            for (key, values) in keys {
                if !known_key(key) {
                    return Err(format!("unknown condition key {key}"));
                }
                conditions.push(Condition::parse(operator, key, strings(values)?)?);
            }
        }
        let (actions, not_actions) = (strings(&raw.action)?, strings(&raw.not_action)?);
        if actions.is_empty() == not_actions.is_empty() {
            return Err("a statement needs Action or NotAction".to_owned());
        }
        let federated = match raw.principal {
            None => Vec::new(),
            Some(Value::Object(kinds)) if kinds.keys().all(|kind| kind == "Federated") => {
                strings(&kinds["Federated"])?
            }
            // Services and accounts (ecs-tasks.amazonaws.com) may stand in a trust policy, but nobody becomes a role through them here.
            Some(Value::Object(kinds))
                if kinds
                    .keys()
                    .all(|kind| matches!(kind.as_str(), "Service" | "AWS")) =>
            {
                Vec::new()
            }
            Some(other) => return Err(format!("unknown principal {other}")),
        };
        let (resources, not_resources) = (strings(&raw.resource)?, strings(&raw.not_resource)?);
        Ok(Statement {
            allow,
            federated,
            actions,
            not_actions,
            resources,
            not_resources,
            conditions,
        })
    }

    fn matches(&self, action: &str, resource: &str, context: &Context) -> bool {
        let named = |patterns: &[String], name: &str| {
            patterns
                .iter()
                .any(|pattern| glob(&pattern.to_lowercase(), &name.to_lowercase()))
        };
        let covers = |patterns: &[String]| patterns.iter().any(|pattern| glob(pattern, resource));
        (if self.not_actions.is_empty() {
            named(&self.actions, action)
        } else {
            !named(&self.not_actions, action)
        }) && (self.resources.is_empty() || covers(&self.resources))
            && !covers(&self.not_resources)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(context))
    }
}

impl Condition {
    fn parse(operator: &str, key: &str, values: Vec<String>) -> Result<Condition, String> {
        let (set, bare) = match operator.split_once(':') {
            Some(("ForAllValues", bare)) => (Some(SetOperator::ForAllValues), bare),
            Some(("ForAnyValue", bare)) => (Some(SetOperator::ForAnyValue), bare),
            _ => (None, operator),
        };
        let (bare, if_exists) = bare
            .strip_suffix("IfExists")
            .map_or((bare, false), |bare| (bare, true));
        let operator = match bare {
            "StringEquals" => Operator::StringEquals,
            "StringNotEquals" => Operator::StringNotEquals,
            "StringEqualsIgnoreCase" => Operator::StringEqualsIgnoreCase,
            "StringNotEqualsIgnoreCase" => Operator::StringNotEqualsIgnoreCase,
            "StringLike" => Operator::StringLike,
            "StringNotLike" => Operator::StringNotLike,
            "ArnEquals" | "ArnLike" => Operator::ArnLike,
            "ArnNotEquals" | "ArnNotLike" => Operator::ArnNotLike,
            "Bool" => Operator::Bool,
            "Null" => Operator::Null,
            _ => return Err(format!("unknown condition operator {operator}")),
        };
        Ok(Condition {
            operator,
            set,
            if_exists,
            key: key.to_owned(),
            values,
        })
    }

    fn holds(&self, context: &Context) -> bool {
        let present = context
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(&self.key))
            .map(|(_, values)| values.as_slice());
        if self.operator == Operator::Null {
            return self
                .values
                .iter()
                .any(|wanted| (wanted == "true") == present.is_none());
        }
        let Some(present) = present else {
            let negated = matches!(
                self.operator,
                Operator::StringNotEquals
                    | Operator::StringNotEqualsIgnoreCase
                    | Operator::StringNotLike
                    | Operator::ArnNotLike
            );
            return self.if_exists
                || negated
                || matches!(self.set, Some(SetOperator::ForAllValues));
        };
        match self.set {
            Some(SetOperator::ForAllValues) => present.iter().all(|value| self.admits(value)),
            _ => present.iter().any(|value| self.admits(value)),
        }
    }

    fn admits(&self, value: &str) -> bool {
        let any = |test: &dyn Fn(&String) -> bool| self.values.iter().any(test);
        match self.operator {
            Operator::StringEquals => any(&|wanted| wanted == value),
            Operator::StringNotEquals => !any(&|wanted| wanted == value),
            Operator::StringEqualsIgnoreCase | Operator::Bool => {
                any(&|wanted| wanted.eq_ignore_ascii_case(value))
            }
            Operator::StringNotEqualsIgnoreCase => {
                !any(&|wanted| wanted.eq_ignore_ascii_case(value))
            }
            Operator::StringLike | Operator::ArnLike => any(&|wanted| glob(wanted, value)),
            Operator::StringNotLike | Operator::ArnNotLike => !any(&|wanted| glob(wanted, value)),
            Operator::Null => false,
        }
    }
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Bool(one) => Ok(vec![one.to_string()]),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| format!("{item} is not text"))
            })
            .collect(),
        other => Err(format!("{other} is not text")),
    }
}

/// Matches `*` (any text) and `?` (one character), as IAM, ECR's tag filters and this sandbox's trouble rules do.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last star, one character of text further.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((behind_star, from)) = retry else {
                    return false;
                };
                p = behind_star;
                t = from + 1;
                retry = Some((behind_star, t));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*b*d", "abbcd", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("pr-*", "pr-7", true),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn tags_are_conditions() {
        let policy = Policy::permissions(
            &json!({"Statement": {"Effect": "Allow", "Action": "ecs:*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/shipway:preview": "true"}}}}),
        )
        .unwrap();
        let tagged = Context::from([(
            "aws:ResourceTag/shipway:preview".to_owned(),
            vec!["true".to_owned()],
        )]);
        assert_eq!(
            policy.decide("ecs:DeleteService", "arn:x", &tagged),
            Decision::Allowed
        );
        assert_eq!(
            policy.decide("ecs:DeleteService", "arn:x", &Context::new()),
            Decision::NotMentioned
        );
    }
}
