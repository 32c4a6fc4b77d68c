//! Advice in words, with its numbers and the command that follows it.

use super::announcement::Announcement;
use crate::report::escape;
use crate::report::event::{Text, duration};
use crate::rollout::Advice;

pub fn words(advice: &Advice) -> Text {
    match advice {
        Advice::HealthCheckInterval {
            target_group,
            interval_seconds,
            unhealthy_threshold,
            spent,
            better_seconds,
            saves,
        } => Text::new()
            .say(format!(
                "{} went into the health check of ",
                duration(*spent)
            ))
            .code(target_group.as_str())
            .say(format!(
                ", which looks every {interval_seconds} s and takes {unhealthy_threshold} failures for one: an interval of {better_seconds} s \
                 would save {} of every deploy (",
                duration(*saves)
            ))
            .code("HealthCheckIntervalSeconds")
            .say("; the check's time-out has to be shorter)"),
        Advice::DeregistrationDelay {
            target_group,
            drained,
            better,
            saves,
        } => Text::new()
            .say(format!(
                "ECS waited {} more while old targets of ",
                duration(*drained)
            ))
            .code(target_group.as_str())
            .say(" drained: with ")
            .code(format!("deregistration_delay.timeout_seconds={}", better.as_secs()))
            .say(format!(
                " it would be up to {} less, where no request takes longer than {}",
                duration(*saves),
                duration(*better)
            )),
    }
}

/// GitHub's own alert.
pub(super) fn tip(about: &Announcement) -> Option<String> {
    if about.advice.is_empty() {
        return None;
    }
    let lines: Vec<String> = about
        .advice
        .iter()
        .map(|advice| format!("> {}\n", escape::markdown(&words(advice))))
        .collect();
    Some(format!("> [!TIP]\n{}", lines.join(">\n")))
}
