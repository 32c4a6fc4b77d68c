//! Putting a preview to sleep and waking it: what is changed, in which order. Pure.
//!
//! ECS may refuse to update a service whose target group no rule forwards to ("does not have an associated load balancer"), and
//! ELBv2 does not health-check such a group (`Target.NotInUse`). So the service is changed while the rule forwards. To sleep,
//! the count goes first and the rule at once behind it: ECS takes seconds to stop a task, so nobody is answered by nothing.
//! To wake, the rule goes first; until its task is healthy the load balancer itself answers 503.

use jiff::Timestamp;
use miette::Diagnostic;
use thiserror::Error;

use super::parts::Parts;

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum RestError {
    #[error("there is no preview of pull request {number} that could be woken")]
    #[diagnostic(
        code(shipway::preflight::no_preview),
        help("push to the pull request, or run `shipway preview up`: that makes one")
    )]
    NoPreview { number: u64 },

    #[error("the preview of pull request {number} cannot be woken: its {lacks} is missing")]
    #[diagnostic(
        code(shipway::preflight::incomplete_preview),
        help(
            "push to the pull request, or run `shipway preview up`: that completes it; `shipway preview down` removes what is left"
        )
    )]
    Incomplete { number: u64, lacks: &'static str },
}

/// One change, in the order in which it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestStep {
    /// On the service: how long the preview lives from now on.
    Expires { service_arn: String, at: Timestamp },
    /// The rule says that the preview sleeps.
    SayAsleep { rule_arn: String },
    Forward {
        rule_arn: String,
        target_group_arn: String,
    },
    /// UpdateService of the desired count alone: ECS starts no deployment for it.
    DesiredCount(u32),
}

/// Nothing to sleep is no error: nothing of it runs.
pub fn sleep(parts: &Parts) -> Vec<RestStep> {
    let runs = parts.active_service().is_some_and(|s| s.desired_count > 0);
    let mut steps = Vec::new();
    let mut says_so: Vec<&str> = Vec::new();
    for rule in &parts.rules {
        match (&rule.fixed_response, &parts.target_group) {
            (None, _) => says_so.push(&rule.arn),
            // Somebody started its tasks behind the page.
            (Some(_), Some(group)) if runs => {
                says_so.push(&rule.arn);
                steps.push(RestStep::Forward {
                    rule_arn: rule.arn.clone(),
                    target_group_arn: group.arn.clone(),
                });
            }
            (Some(_), _) => {}
        }
    }
    if runs {
        steps.push(RestStep::DesiredCount(0));
    }
    steps.extend(says_so.into_iter().map(|arn| RestStep::SayAsleep {
        rule_arn: arn.to_owned(),
    }));
    steps
}

/// The new expiry comes first: woken and expired it would be put to sleep again.
pub fn wake(parts: &Parts, expires: Timestamp) -> Result<Vec<RestStep>, RestError> {
    let number = parts.of.pull_request;
    let incomplete = |lacks| RestError::Incomplete { number, lacks };
    let Some(service) = parts.active_service() else {
        return Err(match parts.lacks() {
            Some(lacks) if !parts.rules.is_empty() => incomplete(lacks),
            _ => RestError::NoPreview { number },
        });
    };
    let group = match (&parts.target_group, parts.lacks()) {
        (Some(group), None) => group,
        (_, lacks) => return Err(incomplete(lacks.unwrap_or("target group"))),
    };
    let mut steps = vec![RestStep::Expires {
        service_arn: service.arn.clone(),
        at: expires,
    }];
    let asleep = parts.rules.iter().filter(|r| r.fixed_response.is_some());
    steps.extend(asleep.map(|rule| RestStep::Forward {
        rule_arn: rule.arn.clone(),
        target_group_arn: group.arn.clone(),
    }));
    if service.desired_count == 0 {
        steps.push(RestStep::DesiredCount(1));
    }
    Ok(steps)
}

/// What the load balancer answers for a preview that sleeps, with 503 and as HTML: at most 1,024 bytes. A number is all that
/// it tells a stranger.
pub fn asleep_page(pull_request: u64) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <meta name=robots content=noindex><title>Preview asleep</title>\
         <style>body{{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:20vh auto;padding:0 1em}}</style>\n\
         <h1>This preview is asleep</h1>\n\
         <p>To wake it, comment <code>/preview wake</code> on pull request {pull_request}, or push to it.</p>\n"
    )
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
