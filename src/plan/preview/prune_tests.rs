//! What becomes of each preview, as a table; and that nothing is removed without GitHub's word.

use jiff::ToSpan;
use proptest::prelude::*;

use super::super::parts::tests::{asleep, of, whole};
use super::*;

const OPEN: Pull = Pull::Open { labelled: true };

/// A week before everything here expires is when it was deployed.
fn rules(hours_after_the_deploy: i64, removes_expired: bool) -> Rules {
    let deployed: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    Rules {
        now: deployed + hours_after_the_deploy.hours(),
        removes_expired,
        lives_for: SignedDuration::from_hours(168),
    }
}

fn without_service(number: u64) -> Parts {
    Parts {
        service: None,
        ..whole(number)
    }
}

/// A `sleep` or a `wake` broke off.
fn half_asleep(number: u64) -> Parts {
    Parts {
        service: asleep(number).service,
        ..whole(number)
    }
}

#[test]
fn what_becomes_of_each() {
    use Decision::{Keep, Remove, Sleep};
    let lacks = Why::Lacks("service");
    let making = Kept::BeingMade("service");
    let no_label = Pull::Open { labelled: false };
    let cases = [
        (
            "merged",
            whole(7),
            &Pull::Merged,
            rules(2, false),
            Remove(Why::Merged),
        ),
        (
            "closed",
            whole(7),
            &Pull::Closed,
            rules(2, false),
            Remove(Why::Closed),
        ),
        (
            "closed, half made",
            without_service(7),
            &Pull::Closed,
            rules(0, false),
            Remove(Why::Closed),
        ),
        (
            "closed, asleep",
            asleep(7),
            &Pull::Closed,
            rules(200, false),
            Remove(Why::Closed),
        ),
        (
            "label gone",
            whole(7),
            &no_label,
            rules(2, false),
            Remove(Why::NotLabelled),
        ),
        ("in use", whole(7), &OPEN, rules(2, true), Keep(Kept::InUse)),
        ("expired", whole(7), &OPEN, rules(168, false), Sleep),
        ("half asleep", half_asleep(7), &OPEN, rules(2, false), Sleep),
        (
            "expired, to be removed",
            whole(7),
            &OPEN,
            rules(168, true),
            Remove(Why::Expired),
        ),
        (
            "expired, asleep",
            asleep(7),
            &OPEN,
            rules(500, false),
            Keep(Kept::Asleep),
        ),
        (
            "expired, asleep, to be removed",
            asleep(7),
            &OPEN,
            rules(500, true),
            Remove(Why::Expired),
        ),
        (
            "on its way",
            without_service(7),
            &OPEN,
            rules(0, false),
            Keep(making.clone()),
        ),
        (
            "an orphan",
            without_service(7),
            &OPEN,
            rules(1, false),
            Remove(lacks),
        ),
        (
            "an orphan, not asked",
            without_service(7),
            &Pull::Unknown,
            rules(1, false),
            Keep(Kept::NotAsked),
        ),
        (
            "on its way, not asked",
            without_service(7),
            &Pull::Unknown,
            rules(0, false),
            Keep(making),
        ),
        (
            "in use, not asked",
            whole(7),
            &Pull::Unknown,
            rules(2, false),
            Keep(Kept::NotAsked),
        ),
        (
            "asleep, not asked",
            asleep(7),
            &Pull::Unknown,
            rules(500, false),
            Keep(Kept::NotAsked),
        ),
        (
            "expired, not asked",
            whole(7),
            &Pull::Unknown,
            rules(168, false),
            Sleep,
        ),
        (
            "expired, to be removed, not asked",
            whole(7),
            &Pull::Unknown,
            rules(168, true),
            Keep(Kept::NotAsked),
        ),
    ];
    for (name, parts, pull, rules, decision) in cases {
        assert_eq!(decide(&parts, pull, &rules), decision, "{name}");
    }
}

#[test]
fn what_was_made_a_moment_ago_is_young_whatever_its_tags_say() {
    let mut parts = without_service(7);
    parts.made = Some(rules(299, false).now);
    let kept = Decision::Keep(Kept::BeingMade("service"));
    assert_eq!(decide(&parts, &OPEN, &rules(299, false)), kept);
    // Nothing says when.
    let untold = Parts {
        expires: None,
        made: None,
        ..without_service(7)
    };
    assert_eq!(decide(&untold, &OPEN, &rules(10_000, true)), kept);
}

proptest! {
    #[test]
    fn nothing_is_removed_without_githubs_word(
        hours in 0i64..2_000, removes in any::<bool>(), sleeps in any::<bool>(), lacks in any::<bool>(),
    ) {
        let mut parts = if sleeps { asleep(7) } else { whole(7) };
        if lacks {
            parts.target_group = None;
        }
        let decision = decide(&parts, &Pull::Unknown, &rules(hours, removes));
        prop_assert!(!matches!(decision, Decision::Remove(_)), "{decision:?}");
    }

    /// Pruned again at the same moment, a preview that was put to sleep is left alone.
    #[test]
    fn sleeping_is_done_once(hours in 0i64..2_000) {
        let rules = rules(hours, false);
        if decide(&whole(7), &OPEN, &rules) == Decision::Sleep {
            prop_assert_eq!(decide(&asleep(7), &OPEN, &rules), Decision::Keep(Kept::Asleep));
        }
        prop_assert_eq!(asleep(7).of, of(7));
    }
}
