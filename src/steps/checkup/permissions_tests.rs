//! What is made of IAM's answers.

use super::*;
use crate::model::Untrusted;
use crate::plan::checkup::Word;

fn simulated(decision: &str, missing: &[&str]) -> Simulated {
    Simulated {
        action: "ecs:UpdateService".to_owned(),
        decision: decision.to_owned(),
        missing_context: missing.iter().map(|m| (*m).to_owned()).collect(),
        by_organization: None,
        by_boundary: None,
    }
}

const QUESTION: Question<'_> = Question {
    actions: &["ecs:UpdateService"],
    resource: "*",
    context: &[],
};

#[test]
fn a_decision_that_hangs_on_what_nobody_knows_is_none() {
    for (decision, missing, word) in [
        ("allowed", &[][..], Word::Ok),
        ("allowed", &["aws:SourceIp"], Word::Ok),
        ("implicitDeny", &[], Word::Ng),
        ("implicitDeny", &["aws:SourceIp"], Word::Skip),
        ("explicitDeny", &[], Word::Ng),
        ("explicitDeny", &["aws:SourceIp"], Word::Ng),
        // A word that IAM adds one day is no permission.
        ("maybe", &[], Word::Ng),
    ] {
        let outcome = judged(&[simulated(decision, missing)], &QUESTION);
        assert_eq!(outcome.word, word, "{decision} {missing:?}: {outcome:?}");
        let names_the_key = format!("{outcome:?}").contains("aws:SourceIp");
        assert!(names_the_key || missing.is_empty() || decision == "explicitDeny");
    }
}

#[test]
fn who_denies_is_told() {
    for (change, words) in [
        (
            (|s: &mut Simulated| s.by_boundary = Some(false)) as fn(&mut Simulated),
            "permissions boundary",
        ),
        (|s| s.by_organization = Some(false), "organization"),
        (|s| s.decision = "explicitDeny".to_owned(), "Deny statement"),
        (|_| {}, "no policy of the role"),
    ] {
        let mut denied = simulated("implicitDeny", &[]);
        change(&mut denied);
        let outcome = judged(&[simulated("allowed", &[]), denied], &QUESTION);
        assert!(outcome.said.contains(words), "{outcome:?}");
    }
}

#[test]
fn only_a_refusal_of_the_content_says_that_the_caller_may() {
    let error = |failure: Failure| AwsError {
        operation: "ecs:UpdateService".to_owned(),
        failure,
        message: Untrusted::new("no"),
        request_id: None,
    };
    for (answer, word) in [
        (
            Err(error(Failure::Refused {
                code: "ClientException".to_owned(),
            })),
            Word::Ok,
        ),
        (
            Err(error(Failure::Denied {
                permission: "ecs:UpdateService".to_owned(),
            })),
            Word::Ng,
        ),
        (Err(error(Failure::Throttled)), Word::Skip),
        (Err(error(Failure::Unauthenticated)), Word::Skip),
        (
            Err(error(Failure::Unreachable { ambiguous: true })),
            Word::Skip,
        ),
        (Ok(()), Word::Skip),
    ] {
        assert_eq!(
            refused_for_its_content(
                answer.clone(),
                "nothing",
                QUESTION.grant(std::iter::empty())
            )
            .word,
            word,
            "{answer:?}"
        );
    }
}
