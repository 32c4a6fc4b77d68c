//! The statement of an IAM trust policy that would let this very job assume the role, made from its token's claims. Pure.
//!
//! Knows the forms of GitHub's `sub` and which claims AWS STS can ask for. Does not know the policy that is there now.

use serde_json::{Map, Value, json};

use super::Untrusted;
use super::claims::Claims;
use super::names::Arn;
use super::policy_text::policy_text;

/// A statement to paste, and what must be known about it before it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// JSON over several lines, every character of it printable ASCII: safe in a log, in a comment, in a shell.
    pub statement: String,
    pub notes: Vec<String>,
}

/// What kind of `sub` the token has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `repo:ORG@ORG_ID/REPO@REPO_ID:…`: repositories that were created, renamed or moved since 2026-07-15.
    Immutable,
    /// `repo:ORG/REPO:…`: a name that somebody else may have one day.
    Legacy,
    /// An organisation or repository chose its own claims.
    Customised,
}

/// `None` where the claims or the ARN do not suffice for a statement that lets in this job and nobody else.
pub fn advice(role_arn: &str, claims: &Claims) -> Option<Advice> {
    let role = Arn::parse(role_arn)?;
    let issuer = text(&claims.iss)?;
    // The provider's name, and the prefix of its condition keys: the issuer without its scheme (an enterprise's path included).
    let provider = issuer.strip_prefix("https://")?.trim_end_matches('/');
    let (subject, audience) = (text(&claims.sub)?, text(&claims.aud)?);
    let form = form_of(subject, claims);
    let mut notes = Vec::new();

    let mut subjects = vec![subject.to_owned()];
    match form {
        Form::Legacy => match immutable(subject, claims) {
            Some(immutable) => {
                subjects.push(immutable);
                notes.push(
                    "both forms of `sub` are there: once the repository is renamed or moved, its tokens carry the one with ids; then take the other out"
                        .to_owned(),
                );
            }
            None => notes.push(
                "the token has no id claims, so `sub` is by name alone: whoever gets that name one day gets the role".to_owned(),
            ),
        },
        Form::Immutable => notes.push(
            "the repository's `sub` holds its ids: do not add the form without them, which would let in whoever gets the name".to_owned(),
        ),
        Form::Customised => notes.push(
            "this `sub` is customised by the organisation or the repository: it is quoted whole, and what it leaves out it does not check".to_owned(),
        ),
    }

    let key = |claim: &str| format!("{provider}:{claim}");
    let mut equals = Map::new();
    let mut like = Map::new();
    equals.insert(key("aud"), json!(literal(audience)));
    let subjects: Vec<String> = subjects.iter().map(|s| literal(s)).collect();
    equals.insert(
        key("sub"),
        match subjects.as_slice() {
            [one] => json!(one),
            several => json!(several),
        },
    );
    if let Some(id) = text(&claims.repository_id) {
        equals.insert(key("repository_id"), json!(literal(id)));
    }
    let environment = text(&claims.environment);
    match text(&claims.git_ref) {
        // Its number differs from one pull request to the next.
        Some(pulled) if is_merge_of_a_pull_request(pulled) => {
            like.insert(key("ref"), json!("refs/pull/*/merge"));
            notes.push(
                "any pull request of this repository may assume the role then, its code unreviewed: the role must reach previews only"
                    .to_owned(),
            );
        }
        Some(reference) => {
            equals.insert(key("ref"), json!(literal(reference)));
            if environment.is_some() {
                notes.push(
                    "an environment's `sub` carries no branch: keep the `ref` condition, or give the environment a deployment-branch rule"
                        .to_owned(),
                );
            }
            if reference.starts_with("refs/tags/") {
                notes.push(
                    "this lets in one tag: for all of them move `ref` (and a `sub` that ends in it) to StringLike with `refs/tags/*`"
                        .to_owned(),
                );
            }
        }
        None => notes.push(
            match environment {
                Some(_) => "there is no `ref` condition, for the token has no `ref`, and an environment's `sub` carries no branch: without a deployment-branch rule any branch can mint it",
                None => "there is no `ref` condition, for the token has no `ref`",
            }
            .to_owned(),
        ),
    }
    if provider.contains('/') || provider.ends_with(".ghe.com") {
        notes.push(
            "AWS documents `repository_id` and `ref` for github.com's own issuer; if the role still refuses, try without these two"
                .to_owned(),
        );
    }

    let mut condition = Map::new();
    condition.insert("StringEquals".to_owned(), Value::Object(equals));
    if !like.is_empty() {
        condition.insert("StringLike".to_owned(), Value::Object(like));
    }
    let statement = json!({
        "Effect": "Allow",
        "Principal": {
            "Federated": format!("arn:{}:iam::{}:oidc-provider/{provider}", role.partition, role.account),
        },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    });
    Some(Advice {
        statement: policy_text(&statement),
        notes,
    })
}

fn text(claim: &Option<Untrusted>) -> Option<&str> {
    claim.as_ref().map(|c| c.raw()).filter(|t| !t.is_empty())
}

fn form_of(subject: &str, claims: &Claims) -> Form {
    let Some(repository) = text(&claims.repository) else {
        return Form::Customised;
    };
    let is_context = |rest: &str| {
        let environment = text(&claims.environment)
            .is_some_and(|e| rest == format!("environment:{}", e.replace(':', "%3A")));
        let reference =
            text(&claims.git_ref).is_some_and(|r| rest == format!("ref:{}", r.replace(':', "%3A")));
        environment || reference || rest == "pull_request"
    };
    let behind = |prefix: String| subject.strip_prefix(&prefix);
    if behind(format!("repo:{repository}:")).is_some_and(is_context) {
        return Form::Legacy;
    }
    match with_ids(repository, claims).and_then(|ids| behind(format!("repo:{ids}:"))) {
        Some(rest) if is_context(rest) => Form::Immutable,
        _ => Form::Customised,
    }
}

/// `ORG@ORG_ID/REPO@REPO_ID`
fn with_ids(repository: &str, claims: &Claims) -> Option<String> {
    let (owner, name) = repository.split_once('/')?;
    let (owner_id, id) = (
        text(&claims.repository_owner_id)?,
        text(&claims.repository_id)?,
    );
    Some(format!("{owner}@{owner_id}/{name}@{id}"))
}

/// The same `sub` as the repository will have it once its tokens carry ids.
fn immutable(subject: &str, claims: &Claims) -> Option<String> {
    let repository = text(&claims.repository)?;
    let rest = subject.strip_prefix(&format!("repo:{repository}:"))?;
    Some(format!("repo:{}:{rest}", with_ids(repository, claims)?))
}

fn is_merge_of_a_pull_request(reference: &str) -> bool {
    reference
        .strip_prefix("refs/pull/")
        .and_then(|rest| rest.strip_suffix("/merge"))
        .is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

/// `${` begins a variable in every value of a policy; this is IAM's spelling of the two characters themselves.
fn literal(value: &str) -> String {
    value.replace("${", "${$}{")
}

#[cfg(test)]
#[path = "trust_policy_tests.rs"]
mod tests;
