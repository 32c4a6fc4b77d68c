//! Roles, trust and refusals, each by a document and the decision it makes.

use super::*;

fn place() -> Place {
    Place {
        partition: "aws".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
    }
}

fn iam(role: Value) -> Result<Iam, BadPolicy> {
    Iam::new(
        &IamSpec {
            roles: vec![serde_json::from_value(role).unwrap()],
            ..IamSpec::default()
        },
        &place(),
    )
}

fn message(policy: Value, action: &str, resource: &str) -> String {
    let mut iam = iam(json!({"name": "deployer", "policy": policy})).unwrap();
    let arn = "arn:aws:iam::123456789012:role/deployer";
    let session = iam
        .open_session(
            arn,
            "run-1",
            Duration::from_secs(900),
            SystemTime::UNIX_EPOCH,
            &place(),
            &mut Ids::seeded(1),
        )
        .unwrap();
    match iam.authorise(
        &session.principal,
        Protocol::Json11,
        action,
        &[resource.to_owned()],
        &Context::new(),
    ) {
        Ok(()) => "allowed".to_owned(),
        Err(error) => error.message,
    }
}

#[test]
fn what_no_policy_allows_is_denied_in_awss_words() {
    let policy =
        json!({"Statement": {"Effect": "Allow", "Action": ["ecs:Describe*"], "Resource": "*"}});
    assert_eq!(
        message(policy.clone(), "ecs:DescribeServices", "arn:s"),
        "allowed"
    );
    assert_eq!(
        message(policy, "ecs:UpdateService", "arn:s"),
        "User: arn:aws:sts::123456789012:assumed-role/deployer/run-1 is not authorized to perform: ecs:UpdateService on resource: arn:s \
         because no identity-based policy allows the ecs:UpdateService action"
    );
}

#[test]
fn an_explicit_deny_wins() {
    let policy = json!({"Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecs:UpdateService", "Resource": "arn:aws:ecs:*:*:service/prod/*"},
    ]});
    assert_eq!(
        message(
            policy.clone(),
            "ecs:UpdateService",
            "arn:aws:ecs:eu-west-1:1:service/dev/web"
        ),
        "allowed"
    );
    assert!(
        message(
            policy,
            "ecs:UpdateService",
            "arn:aws:ecs:eu-west-1:1:service/prod/web"
        )
        .ends_with("with an explicit deny in an identity-based policy")
    );
}

#[test]
fn what_cannot_be_evaluated_does_not_load() {
    let statement = |condition: Value| json!({"name": "r", "policy": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}}});
    let problem = |condition| iam(statement(condition)).err().unwrap().to_string();
    assert_eq!(
        problem(json!({"StringMatches": {"aws:RequestedRegion": "x"}})),
        "role r: unknown condition operator StringMatches"
    );
    assert_eq!(
        problem(json!({"StringEquals": {"aws:SourceVpc": "x"}})),
        "role r: unknown condition key aws:SourceVpc"
    );
    let trust = json!({"name": "r", "trust": {"Statement": {"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"token.actions.githubusercontent.com:event_name": "push"}}}}});
    assert_eq!(
        iam(trust).err().unwrap().problem,
        "unknown condition key token.actions.githubusercontent.com:event_name"
    );
}

#[test]
fn trust_is_decided_by_the_claims() {
    let issuer = "token.actions.githubusercontent.com";
    let iam = iam(json!({"name": "r", "trust": {"Statement": {"Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::123456789012:oidc-provider/{issuer}")}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{issuer}:aud"): "sts.amazonaws.com"}, "StringLike": {format!("{issuer}:sub"): ["repo:octo-org/web:*"]}}}}}))
    .unwrap();
    let role = iam.role("arn:aws:iam::123456789012:role/r").unwrap();
    let provider = iam
        .provider("https://token.actions.githubusercontent.com")
        .unwrap();
    assert!(iam.trusts(
        role,
        provider,
        &json!({"aud": "sts.amazonaws.com", "sub": "repo:octo-org/web:pull_request"})
    ));
    assert!(!iam.trusts(
        role,
        provider,
        &json!({"aud": "sts.amazonaws.com", "sub": "repo:octo-org/webby:pull_request"})
    ));
    assert!(!iam.trusts(
        role,
        provider,
        &json!({"aud": "other", "sub": "repo:octo-org/web:pull_request"})
    ));
    assert!(!iam.trusts(role, provider, &json!({"aud": "sts.amazonaws.com"})));
}
