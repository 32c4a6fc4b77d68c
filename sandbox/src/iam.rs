//! Who may do what: identity providers, roles with their two policies, static users, and the sessions made of roles.
//!
//! Knows: AWS's evaluation order and its words for a refusal. Does not know: operations, or how a request was signed.

pub mod policy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::Protocol;
use crate::world::{ApiError, Ids, Place};
use policy::{Context, Decision, Policy};

/// Where GitHub's id tokens come from, unless the world says otherwise.
const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What a world file says about identities. Empty is a permissive world: GitHub's provider, no role, no user.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct IamSpec {
    /// Absent: GitHub's provider with the partition's STS audience.
    pub providers: Option<Vec<ProviderSpec>>,
    pub roles: Vec<RoleSpec>,
    pub users: Vec<UserSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProviderSpec {
    pub url: String,
    pub client_ids: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoleSpec {
    pub name: String,
    /// Absent: anyone with a token of GitHub's provider for the STS audience.
    #[serde(default)]
    pub trust: Value,
    /// Absent: everything is allowed.
    #[serde(default)]
    pub policy: Value,
    #[serde(default)]
    pub max_session_duration: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserSpec {
    pub name: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Absent: everything is allowed.
    #[serde(default)]
    pub policy: Value,
}

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// As GetCallerIdentity shows it: `…:user/NAME` or `…:assumed-role/NAME/SESSION`.
    pub arn: String,
    pub user_id: String,
}

/// What is known of an access key.
pub struct Key<'a> {
    pub secret_access_key: &'a str,
    pub session_token: Option<String>,
    pub expires: Option<SystemTime>,
    pub principal: Principal,
}

#[derive(Clone, Debug)]
pub struct Provider {
    pub arn: String,
    /// With its scheme, as in a token's `iss`.
    pub url: String,
    pub client_ids: Vec<String>,
}

impl Provider {
    /// The prefix of this provider's condition keys.
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("https://")
    }
}

#[derive(Debug)]
pub struct Role {
    pub name: String,
    pub arn: String,
    pub id: String,
    pub max_session_duration: Duration,
    trust: Policy,
    policy: Policy,
}

struct User {
    principal: Principal,
    secret_access_key: String,
    policy: Policy,
}

/// Temporary credentials, as AssumeRole hands them out.
#[derive(Clone, Debug)]
pub struct Session {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub token: String,
    pub expires: SystemTime,
    pub role: String,
    pub principal: Principal,
}

#[derive(Default)]
pub struct Iam {
    pub providers: Vec<Provider>,
    roles: BTreeMap<String, Role>,
    /// By access key id.
    users: BTreeMap<String, User>,
    /// By access key id.
    sessions: BTreeMap<String, Session>,
    /// Who made the call that is being answered.
    pub caller: Principal,
}

/// A policy that this sandbox cannot evaluate faithfully, and so refuses to load.
#[derive(Debug, thiserror::Error)]
#[error("{of}: {problem}")]
pub struct BadPolicy {
    pub of: String,
    pub problem: String,
}

impl Iam {
    pub fn new(spec: &IamSpec, place: &Place) -> Result<Iam, BadPolicy> {
        let mut iam = Iam::default();
        let github = [ProviderSpec {
            url: GITHUB_ISSUER.to_owned(),
            client_ids: vec![sts_audience(place)],
        }];
        for provider in spec.providers.as_deref().unwrap_or(&github) {
            let host = provider.url.trim_start_matches("https://");
            let arn = format!(
                "arn:{}:iam::{}:oidc-provider/{host}",
                place.partition, place.account
            );
            iam.providers.push(Provider {
                arn,
                url: format!("https://{host}"),
                client_ids: provider.client_ids.clone(),
            });
        }
        for role in &spec.roles {
            iam.add_role(role, place)?;
        }
        for user in &spec.users {
            iam.add_user(user, place)?;
        }
        Ok(iam)
    }

    pub fn add_role(&mut self, spec: &RoleSpec, place: &Place) -> Result<(), BadPolicy> {
        let bad = |problem| BadPolicy {
            of: format!("role {}", spec.name),
            problem,
        };
        let trust = if spec.trust.is_null() {
            self.default_trust()
                .ok_or_else(|| bad("no provider to trust".to_owned()))?
        } else {
            spec.trust.clone()
        };
        let role = Role {
            name: spec.name.clone(),
            arn: format!(
                "arn:{}:iam::{}:role/{}",
                place.partition, place.account, spec.name
            ),
            id: unique_id("AROA", &spec.name),
            max_session_duration: Duration::from_secs(spec.max_session_duration.unwrap_or(3600)),
            trust: Policy::trust(&trust, &self.providers).map_err(bad)?,
            policy: Policy::permissions(&or_everything(&spec.policy)).map_err(bad)?,
        };
        self.roles.insert(spec.name.clone(), role);
        Ok(())
    }

    pub fn add_user(&mut self, spec: &UserSpec, place: &Place) -> Result<(), BadPolicy> {
        let user = User {
            principal: Principal {
                arn: format!(
                    "arn:{}:iam::{}:user/{}",
                    place.partition, place.account, spec.name
                ),
                user_id: unique_id("AIDA", &spec.name),
            },
            secret_access_key: spec.secret_access_key.clone(),
            policy: Policy::permissions(&or_everything(&spec.policy)).map_err(|problem| {
                BadPolicy {
                    of: format!("user {}", spec.name),
                    problem,
                }
            })?,
        };
        self.users.insert(spec.access_key_id.clone(), user);
        Ok(())
    }

    fn default_trust(&self) -> Option<Value> {
        let provider = self.providers.first()?;
        let audience = format!("{}:aud", provider.host());
        Some(json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Federated": provider.arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {audience: provider.client_ids}},
            }],
        }))
    }

    pub fn key(&self, access_key_id: &str) -> Option<Key<'_>> {
        if let Some(user) = self.users.get(access_key_id) {
            return Some(Key {
                secret_access_key: &user.secret_access_key,
                session_token: None,
                expires: None,
                principal: user.principal.clone(),
            });
        }
        let session = self.sessions.get(access_key_id)?;
        Some(Key {
            secret_access_key: &session.secret_access_key,
            session_token: Some(session.token.clone()),
            expires: Some(session.expires),
            principal: session.principal.clone(),
        })
    }

    pub fn provider(&self, issuer: &str) -> Option<&Provider> {
        self.providers
            .iter()
            .find(|provider| provider.url == issuer)
    }

    pub fn role(&self, arn: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.arn == arn)
    }

    /// Whether the role lets the bearer of these claims in.
    pub fn trusts(&self, role: &Role, provider: &Provider, claims: &Value) -> bool {
        let mut context = Context::new();
        for (claim, value) in claims.as_object().into_iter().flatten() {
            let values = match value {
                Value::Array(items) => items.iter().map(text).collect(),
                value => vec![text(value)],
            };
            context.insert(format!("{}:{claim}", provider.host()), values);
        }
        role.trust.decide_for(
            &provider.arn,
            "sts:AssumeRoleWithWebIdentity",
            "*",
            &context,
        ) == Decision::Allowed
    }

    pub fn open_session(
        &mut self,
        role_arn: &str,
        name: &str,
        lifetime: Duration,
        now: SystemTime,
        place: &Place,
        ids: &mut Ids,
    ) -> Option<Session> {
        let role = self.role(role_arn)?;
        let session = Session {
            access_key_id: format!("ASIA{}", ids.alphanumeric(16).to_uppercase()),
            secret_access_key: ids.alphanumeric(40),
            token: format!("IQoJb3JpZ2luX2Vj{}", ids.alphanumeric(300)),
            expires: now + lifetime,
            role: role.name.clone(),
            principal: Principal {
                arn: format!(
                    "arn:{}:sts::{}:assumed-role/{}/{name}",
                    place.partition, place.account, role.name
                ),
                user_id: format!("{}:{name}", role.id),
            },
        };
        self.sessions
            .insert(session.access_key_id.clone(), session.clone());
        Some(session)
    }

    /// Ends every session now, as revoking a role's sessions does.
    pub fn expire_sessions(&mut self, now: SystemTime) {
        for session in self.sessions.values_mut() {
            session.expires = session.expires.min(now);
        }
    }

    /// Whether the caller may do `action` on each of `resources`; AWS's refusal if not.
    pub fn authorise(
        &self,
        caller: &Principal,
        protocol: Protocol,
        action: &str,
        resources: &[String],
        context: &Context,
    ) -> Result<(), ApiError> {
        let Some(policy) = self.policy_of(caller) else {
            return Err(denied(
                caller,
                protocol,
                action,
                "*",
                Decision::NotMentioned,
            ));
        };
        for resource in resources {
            match policy.decide(action, resource, context) {
                Decision::Allowed => {}
                decision => return Err(denied(caller, protocol, action, resource, decision)),
            }
        }
        Ok(())
    }

    /// Whether the caller's policies ask for a resource's tags, which are costly to look up.
    pub fn asks_for_tags(&self, caller: &Principal) -> bool {
        self.policy_of(caller).is_some_and(Policy::asks_for_tags)
    }

    /// The permissions of a role or user, by its ARN.
    pub fn policy_named(&self, arn: &str) -> Option<&Policy> {
        let user = self.users.values().find(|user| user.principal.arn == arn);
        let role = self.roles.values().find(|role| role.arn == arn);
        user.map(|user| &user.policy)
            .or_else(|| Some(&role?.policy))
    }

    fn policy_of(&self, caller: &Principal) -> Option<&Policy> {
        let user = self
            .users
            .values()
            .find(|user| user.principal == *caller)
            .map(|user| &user.policy);
        user.or_else(|| {
            let session = self
                .sessions
                .values()
                .find(|session| session.principal == *caller)?;
            Some(&self.roles.get(&session.role)?.policy)
        })
    }
}

/// AWS's words for a refusal.
pub fn denied(
    caller: &Principal,
    protocol: Protocol,
    action: &str,
    resource: &str,
    decision: Decision,
) -> ApiError {
    let because = match decision {
        Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        _ => format!("because no identity-based policy allows the {action} action"),
    };
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} {because}",
        caller.arn
    );
    match protocol {
        Protocol::Json11 => ApiError::new("AccessDeniedException", message),
        Protocol::Query => ApiError {
            status: 403,
            ..ApiError::new("AccessDenied", message)
        },
    }
}

/// The audience that a partition's STS expects.
fn sts_audience(place: &Place) -> String {
    format!("sts.{}", dns_suffix(&place.partition))
}

/// The DNS suffix of a partition's endpoints.
pub fn dns_suffix(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

fn or_everything(policy: &Value) -> Value {
    match policy {
        Value::Null => {
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
        }
        policy => policy.clone(),
    }
}

/// 21 characters that begin as AWS's do; the rest follows from the name, so that a world file needs no ids.
fn unique_id(prefix: &str, name: &str) -> String {
    use sha2::Digest;
    let hash = hex::encode_upper(sha2::Sha256::digest(name));
    format!("{prefix}{}", &hash[..17])
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
