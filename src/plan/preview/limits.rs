//! What a load balancer takes and how many previews there may be: asked before anything is made. Pure.
//!
//! Quotas of Application Load Balancers: 100 target groups each, which nobody can raise; 100 rules each, default rules not
//! counted, which AWS raises on request.

use miette::Diagnostic;
use thiserror::Error;

pub const TARGET_GROUPS: usize = 100;
pub const RULES: usize = 100;
/// Its name in DescribeAccountLimits.
pub const RULES_LIMIT: &str = "rules-per-application-load-balancer";

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum LimitError {
    #[error("there are {there} previews of service {service} already, and `max-previews` is {max}: {}", numbers(.pull_requests))]
    #[diagnostic(
        code(shipway::preflight::too_many_previews),
        help("close pull requests, run `shipway preview prune`, or raise `max-previews`")
    )]
    Previews {
        there: usize,
        service: String,
        max: usize,
        pull_requests: Vec<u64>,
    },

    #[error("no load balancer has room for another preview: {}", .full.join("; "))]
    #[diagnostic(
        code(shipway::preflight::load_balancer_full),
        help(
            "a load balancer takes 100 target groups, and 100 rules unless AWS raised that: remove previews with `shipway preview prune`, or name another load balancer in `load-balancers`"
        )
    )]
    Full { full: Vec<String> },
}

/// How full a load balancer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    pub target_groups: usize,
    /// Of all its listeners, default rules not counted.
    pub rules: usize,
    /// What the account may have of them.
    pub rules_max: usize,
}

impl Room {
    /// Why there is none; `None` where there is.
    pub fn full(&self, load_balancer: &str) -> Option<String> {
        match self {
            Room { target_groups, .. } if *target_groups >= TARGET_GROUPS => {
                Some(format!("{load_balancer} has {target_groups} target groups"))
            }
            Room {
                rules, rules_max, ..
            } if rules >= rules_max => {
                Some(format!("{load_balancer} has {rules} rules of {rules_max}"))
            }
            _ => None,
        }
    }
}

/// `others`: pull requests that have a preview of this base service, this one's aside.
pub fn check_previews(others: &[u64], max: u16, service: &str) -> Result<(), LimitError> {
    if others.len() < usize::from(max) {
        return Ok(());
    }
    let mut pull_requests = others.to_vec();
    pull_requests.sort_unstable();
    Err(LimitError::Previews {
        there: others.len(),
        service: service.to_owned(),
        max: usize::from(max),
        pull_requests,
    })
}

fn numbers(pull_requests: &[u64]) -> String {
    const SHOWN: usize = 10;
    let shown = pull_requests.iter().take(SHOWN);
    let mut words: Vec<String> = shown.map(|n| format!("#{n}")).collect();
    if pull_requests.len() > SHOWN {
        words.push(format!("and {} more", pull_requests.len() - SHOWN));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room() {
        for (target_groups, rules, full) in [
            (99, 99, None),
            (100, 3, Some("web has 100 target groups")),
            (3, 100, Some("web has 100 rules of 100")),
        ] {
            let room = Room {
                target_groups,
                rules,
                rules_max: 100,
            };
            assert_eq!(room.full("web").as_deref(), full);
        }
    }

    #[test]
    fn one_more_than_may_be_is_refused_with_those_that_are() {
        assert_eq!(check_previews(&[9, 3], 3, "web"), Ok(()));
        let refusal = check_previews(&[9, 3], 2, "web").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "there are 2 previews of service web already, and `max-previews` is 2: #3, #9"
        );
        let many: Vec<u64> = (1..=12).collect();
        assert!(numbers(&many).ends_with("#10, and 2 more"));
    }
}
