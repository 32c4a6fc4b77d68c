//! Which priority a preview's rule gets: an unused one before every rule that would take its requests. Pure; two runs that
//! ask at once seldom get the same, and the one that comes second asks again.

use sha2::{Digest, Sha256};

use super::PreviewRefusal;
use super::routing::overlaps;
use crate::model::target::{Conditions, ListenerRule};

/// ELBv2's priorities are 1 to 50000 (CreateRule).
const LAST: u32 = 50_000;

/// `attempt` leads elsewhere each time, so that those who met do not meet again.
pub fn allocate(
    rules: &[ListenerRule],
    conditions: &Conditions,
    name: &str,
    attempt: u32,
) -> Result<u32, PreviewRefusal> {
    let mut used: Vec<u32> = rules.iter().filter_map(number).collect();
    used.sort_unstable();
    let first_met = rules
        .iter()
        .filter(|rule| overlaps(rule, conditions))
        .filter_map(number)
        .min();
    // Exclusive.
    let end = first_met.unwrap_or(LAST + 1);
    let free = |priority: &u32| used.binary_search(priority).is_err();
    let start = 1 + spread(name, attempt) % end.saturating_sub(1).max(1);
    (start..end)
        .chain(1..start.min(end))
        .find(free)
        .ok_or(PreviewRefusal::NoPriority { before: end })
}

/// The rule of somebody else that comes before ours and takes requests of the preview.
pub fn shadowed_by<'a>(
    rules: &'a [ListenerRule],
    ours: &ListenerRule,
    conditions: &Conditions,
) -> Option<&'a ListenerRule> {
    let own = number(ours)?;
    rules
        .iter()
        .filter(|rule| rule.arn != ours.arn && overlaps(rule, conditions))
        .find(|rule| number(rule).is_some_and(|other| other < own))
}

/// `None` of the default rule.
fn number(rule: &ListenerRule) -> Option<u32> {
    rule.priority.parse().ok()
}

fn spread(name: &str, attempt: u32) -> u32 {
    let digest = Sha256::digest(format!("{name}\n{attempt}"));
    digest
        .iter()
        .take(4)
        .fold(0, |n, byte| (n << 8) | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(priority: u32, host: &str) -> ListenerRule {
        ListenerRule {
            arn: format!("rule/{priority}"),
            priority: priority.to_string(),
            host_headers: vec![host.to_owned()],
            ..ListenerRule::default()
        }
    }

    fn host(host: &str) -> Conditions {
        Conditions {
            host_headers: vec![host.to_owned()],
            ..Conditions::default()
        }
    }

    #[test]
    fn without_room_before_the_first_that_overlaps_there_is_none() {
        let ours = host("pr-7.example.com");
        let full = [
            rule(1, "a.test"),
            rule(2, "b.test"),
            rule(3, "*.example.com"),
        ];
        assert_eq!(
            allocate(&full, &ours, "pr-7", 0),
            Err(PreviewRefusal::NoPriority { before: 3 })
        );
        let at_the_top = [rule(1, "*.example.com")];
        assert!(allocate(&at_the_top, &ours, "pr-7", 0).is_err());
        assert_eq!(allocate(&[rule(2, "*")], &ours, "pr-7", 0), Ok(1));
        let default = ListenerRule {
            priority: "default".to_owned(),
            ..ListenerRule::default()
        };
        assert!(allocate(&[default], &ours, "pr-7", 0).is_ok());
    }

    #[test]
    fn a_rule_that_comes_first_shadows_ours() {
        let ours = rule(20, "pr-7.example.com");
        let rules = [rule(10, "*.example.com"), ours.clone(), rule(30, "*")];
        let conditions = host("pr-7.example.com");
        let found = shadowed_by(&rules, &ours, &conditions).unwrap();
        assert_eq!(found.priority, "10");
        assert_eq!(shadowed_by(&rules[1..], &ours, &conditions), None);
    }

    proptest! {
        #[test]
        fn it_is_unused_and_before_every_rule_that_overlaps(
            others in prop::collection::btree_map(1..60u32, any::<bool>(), 0..50),
            attempt in 0..5u32,
        ) {
            let rules: Vec<ListenerRule> = others
                .iter()
                .map(|(priority, meets)| rule(*priority, if *meets { "*.example.com" } else { "other.test" }))
                .collect();
            let end = others.iter().find(|(_, meets)| **meets).map_or(50_001, |(p, _)| *p);
            match allocate(&rules, &host("pr-7.example.com"), "pr-7", attempt) {
                Ok(priority) => {
                    prop_assert!((1..end).contains(&priority));
                    prop_assert!(!others.contains_key(&priority));
                }
                Err(_) => prop_assert!((1..end).all(|p| others.contains_key(&p))),
            }
        }

        #[test]
        fn fifty_that_ask_at_once_soon_have_one_each(seed in 0..200u32) {
            let mut taken: Vec<ListenerRule> = vec![rule(60, "*.example.com")];
            let mut waiting: Vec<(String, u32)> = (0..50).map(|n| (format!("pr-{n}-{seed}"), 0)).collect();
            let mut rounds = 0;
            while !waiting.is_empty() {
                rounds += 1;
                let seen = taken.clone();
                waiting.retain_mut(|(name, attempt)| {
                    let priority = allocate(&seen, &host("pr-7.example.com"), name, *attempt).unwrap();
                    *attempt += 1;
                    let free = taken.iter().all(|r| r.priority != priority.to_string());
                    if free {
                        taken.push(rule(priority, &format!("{name}.example.test")));
                    }
                    !free
                });
            }
            prop_assert!(rounds <= 20, "{} rounds", rounds);
        }
    }
}
