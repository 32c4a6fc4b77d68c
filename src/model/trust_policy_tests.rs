//! Many tokens, and the statement that each would need.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/ship/production";
const HOST: &str = "token.actions.githubusercontent.com";

/// A token of octo-org/web (7001, of 9001) with this `sub`, `ref` and environment.
fn claims(sub: &str, git_ref: &str, environment: &str) -> Claims {
    let some = |text: &str| (!text.is_empty()).then(|| Untrusted::new(text));
    Claims {
        sub: some(sub),
        aud: some("sts.amazonaws.com"),
        iss: some(&format!("https://{HOST}")),
        repository: some("octo-org/web"),
        repository_id: some("7001"),
        repository_owner_id: some("9001"),
        git_ref: some(git_ref),
        event_name: some("push"),
        environment: some(environment),
        job_workflow_ref: some("octo-org/web/.github/workflows/deploy.yml@refs/heads/main"),
    }
}

fn statement(role: &str, claims: &Claims) -> Value {
    serde_json::from_str(&advice(role, claims).unwrap().statement).unwrap()
}

/// The `sub`s and the `ref` of the statement, and the notes' first words.
fn asked(claims: &Claims) -> (Vec<String>, String, Vec<String>) {
    let advice = advice(ROLE, claims).unwrap();
    let statement: Value = serde_json::from_str(&advice.statement).unwrap();
    let condition = &statement["Condition"];
    let subs = match &condition["StringEquals"][format!("{HOST}:sub")] {
        Value::String(one) => vec![one.clone()],
        several => several
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s.as_str().unwrap().to_owned())
            .collect(),
    };
    let key = format!("{HOST}:ref");
    let exact = condition["StringEquals"][&key].as_str();
    let like = condition["StringLike"][&key].as_str();
    let reference = match (exact, like) {
        (Some(exact), None) => format!("= {exact}"),
        (None, Some(like)) => format!("~ {like}"),
        (None, None) => String::new(),
        both => panic!("{both:?}"),
    };
    let first_words = |note: &String| {
        note.split_whitespace()
            .take(4)
            .collect::<Vec<_>>()
            .join(" ")
    };
    (
        subs,
        reference,
        advice.notes.iter().map(first_words).collect(),
    )
}

#[test]
fn the_subject_in_every_form() {
    const NAMED: &str = "both forms of `sub`";
    const WITH_IDS: &str = "the repository's `sub` holds";
    const OWN: &str = "this `sub` is customised";
    const PULLS: &str = "any pull request of";
    const BRANCHLESS: &str = "an environment's `sub` carries";
    for (sub, git_ref, environment, subs, reference, notes) in [
        (
            "repo:octo-org/web:ref:refs/heads/main",
            "refs/heads/main",
            "",
            &[
                "repo:octo-org/web:ref:refs/heads/main",
                "repo:octo-org@9001/web@7001:ref:refs/heads/main",
            ][..],
            "= refs/heads/main",
            &[NAMED][..],
        ),
        (
            "repo:octo-org@9001/web@7001:ref:refs/heads/main",
            "refs/heads/main",
            "",
            &["repo:octo-org@9001/web@7001:ref:refs/heads/main"],
            "= refs/heads/main",
            &[WITH_IDS],
        ),
        (
            "repo:octo-org/web:pull_request",
            "refs/pull/7/merge",
            "",
            &[
                "repo:octo-org/web:pull_request",
                "repo:octo-org@9001/web@7001:pull_request",
            ],
            "~ refs/pull/*/merge",
            &[NAMED, PULLS],
        ),
        (
            "repo:octo-org@9001/web@7001:environment:production",
            "refs/heads/main",
            "production",
            &["repo:octo-org@9001/web@7001:environment:production"],
            "= refs/heads/main",
            &[WITH_IDS, BRANCHLESS],
        ),
        (
            "repo:octo-org/web:environment:eu%3Aproduction",
            "refs/heads/main",
            "eu:production",
            &[
                "repo:octo-org/web:environment:eu%3Aproduction",
                "repo:octo-org@9001/web@7001:environment:eu%3Aproduction",
            ],
            "= refs/heads/main",
            &[NAMED, BRANCHLESS],
        ),
        (
            "repo:octo-org/web:environment:preview",
            "refs/pull/7/merge",
            "preview",
            &[
                "repo:octo-org/web:environment:preview",
                "repo:octo-org@9001/web@7001:environment:preview",
            ],
            "~ refs/pull/*/merge",
            &[NAMED, PULLS],
        ),
        (
            "repo:octo-org/web:environment:production",
            "",
            "production",
            &[
                "repo:octo-org/web:environment:production",
                "repo:octo-org@9001/web@7001:environment:production",
            ],
            "",
            &[NAMED, "there is no `ref`"],
        ),
        (
            "repo:octo-org@9001/web@7001:ref:refs/tags/v1",
            "refs/tags/v1",
            "",
            &["repo:octo-org@9001/web@7001:ref:refs/tags/v1"],
            "= refs/tags/v1",
            &[WITH_IDS, "this lets in one"],
        ),
        // Claims that the organisation chose, in its order.
        (
            "repository_owner:octo-org:job_workflow_ref:octo-org/ci/.github/workflows/ship.yml@refs/heads/main",
            "refs/heads/main",
            "",
            &[
                "repository_owner:octo-org:job_workflow_ref:octo-org/ci/.github/workflows/ship.yml@refs/heads/main",
            ],
            "= refs/heads/main",
            &[OWN],
        ),
        // Begins as ours do, and is not one of them.
        (
            "repo:octo-org/web:environment:production:ref:refs/heads/main",
            "refs/heads/main",
            "production",
            &["repo:octo-org/web:environment:production:ref:refs/heads/main"],
            "= refs/heads/main",
            &[OWN, BRANCHLESS],
        ),
        // Somebody else's ids are not ours.
        (
            "repo:octo-org@1/web@2:ref:refs/heads/main",
            "refs/heads/main",
            "",
            &["repo:octo-org@1/web@2:ref:refs/heads/main"],
            "= refs/heads/main",
            &[OWN],
        ),
    ] {
        let (is_subs, is_reference, is_notes) = asked(&claims(sub, git_ref, environment));
        assert_eq!(is_subs, subs, "{sub}");
        assert_eq!(is_reference, reference, "{sub}");
        assert_eq!(is_notes, notes, "{sub}");
    }
}

#[test]
fn without_id_claims_the_name_stands_alone() {
    let mut claims = claims(
        "repo:octo-org/web:ref:refs/heads/main",
        "refs/heads/main",
        "",
    );
    claims.repository_owner_id = None;
    let (subs, _, notes) = asked(&claims);
    assert_eq!(subs, ["repo:octo-org/web:ref:refs/heads/main"]);
    assert_eq!(notes, ["the token has no"]);
}

#[test]
fn partition_account_and_provider_come_from_role_and_token() {
    for (role, issuer, audience, provider) in [
        (
            ROLE,
            "https://token.actions.githubusercontent.com",
            "sts.amazonaws.com",
            "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
        ),
        (
            "arn:aws-cn:iam::444455556666:role/deploy",
            "https://token.actions.githubusercontent.com/octocat-inc",
            "sts.amazonaws.com.cn",
            "arn:aws-cn:iam::444455556666:oidc-provider/token.actions.githubusercontent.com/octocat-inc",
        ),
        (
            "arn:aws-us-gov:iam::444455556666:role/deploy",
            "https://ghe.example.com/_services/token",
            "https://ghe.example.com/octo-org",
            "arn:aws-us-gov:iam::444455556666:oidc-provider/ghe.example.com/_services/token",
        ),
        (
            ROLE,
            "https://token.actions.octo.ghe.com",
            "sts.amazonaws.com",
            "arn:aws:iam::111122223333:oidc-provider/token.actions.octo.ghe.com",
        ),
    ] {
        let mut claims = claims(
            "repo:octo-org/web:ref:refs/heads/main",
            "refs/heads/main",
            "",
        );
        claims.iss = Some(issuer.into());
        claims.aud = Some(audience.into());
        let statement = statement(role, &claims);
        assert_eq!(statement["Principal"]["Federated"], provider);
        let keys = provider.split_once("oidc-provider/").unwrap().1;
        let equals = &statement["Condition"]["StringEquals"];
        assert_eq!(equals[format!("{keys}:aud")], audience);
        assert_eq!(equals[format!("{keys}:repository_id")], "7001");
        // AWS knows none of these.
        for unknown in ["event_name", "runner_environment", "repository_owner_id"] {
            assert!(!advice(role, &claims).unwrap().statement.contains(unknown));
        }
    }
}

#[test]
fn nothing_is_advised_that_would_let_in_others() {
    let whole = claims(
        "repo:octo-org/web:ref:refs/heads/main",
        "refs/heads/main",
        "",
    );
    for missing in [
        |c: &mut Claims| c.sub = None,
        |c: &mut Claims| c.aud = None,
        |c: &mut Claims| c.iss = None,
        |c: &mut Claims| c.iss = Some("http://in.clear".into()),
        |c: &mut Claims| c.sub = Some("".into()),
    ] {
        let mut claims = whole.clone();
        missing(&mut claims);
        assert_eq!(advice(ROLE, &claims), None, "{claims:?}");
    }
    assert_eq!(advice("deploy", &whole), None);
}

#[test]
fn it_reads_as_a_statement() {
    let claims = claims(
        "repo:octo-org@9001/web@7001:environment:production",
        "refs/heads/main",
        "production",
    );
    let expected = r#"{
  "Effect": "Allow",
  "Principal": {
    "Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  },
  "Action": "sts:AssumeRoleWithWebIdentity",
  "Condition": {
    "StringEquals": {
      "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
      "token.actions.githubusercontent.com:sub": "repo:octo-org@9001/web@7001:environment:production",
      "token.actions.githubusercontent.com:repository_id": "7001",
      "token.actions.githubusercontent.com:ref": "refs/heads/main"
    }
  }
}"#;
    assert_eq!(advice(ROLE, &claims).unwrap().statement, expected);
}

#[test]
fn a_branchs_name_is_neither_a_variable_nor_a_command() {
    let reference = "refs/heads/${aws}-##[add-mask]-\u{202e}ü";
    let advice = advice(
        ROLE,
        &claims(&format!("repo:octo-org/web:ref:{reference}"), reference, ""),
    )
    .unwrap();
    assert!(!advice.statement.contains("##["));
    assert!(advice.statement.is_ascii());
    let statement: Value = serde_json::from_str(&advice.statement).unwrap();
    let asked = &statement["Condition"]["StringEquals"][format!("{HOST}:ref")];
    assert_eq!(asked, "refs/heads/${$}{aws}-##[add-mask]-\u{202e}ü");
}

proptest! {
    /// Whatever a token says, the statement is JSON in printable lines that no runner reads as a command, and asks for
    /// exactly the token's own `sub`.
    #[test]
    fn any_claims(sub in ".{1,60}", reference in ".{0,60}", environment in ".{0,30}") {
        let claims = claims(&sub, &reference, &environment);
        let advice = advice(ROLE, &claims).unwrap();
        prop_assert!(advice.statement.chars().all(|c| c == '\n' || (' '..='~').contains(&c)));
        prop_assert!(!advice.statement.contains("##["));
        prop_assert!(advice.statement.lines().all(|l| !l.trim_start().starts_with("::")));
        let statement: Value = serde_json::from_str(&advice.statement).unwrap();
        let asked = &statement["Condition"]["StringEquals"][format!("{HOST}:sub")];
        let first = asked.as_str().or(asked[0].as_str()).unwrap();
        prop_assert_eq!(first.replace("${$}{", "${"), sub.replace("${$}{", "${"));
    }
}
