//! What the comment remembers of this deployment, once it ended. Knows what is worth remembering; not where it is kept.

use crate::model::Untrusted;
use crate::model::past::{LONGEST_CAUSE, PastDeployment};

use super::escape;
use super::github_deployment::deploys;
use super::markdown::{self, Announcement, State, remembered_as};

/// `None` while it goes on, and where the service was not touched: a build that fails five times in a row must not push
/// the five deployments out.
pub fn remembered(
    about: &Announcement,
    (run, attempt): (u64, u64),
    now: jiff::Timestamp,
) -> Option<PastDeployment> {
    let State::Ended { status, cause, .. } = &about.state else {
        return None;
    };
    if !deploys(about) {
        return None;
    }
    let ms = |time: &std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let parts = about.timings.as_ref().map(markdown::parts_of);
    let parts = parts.into_iter().flatten();
    let parts = parts.filter_map(|(name, took)| Some((remembered_as(name), ms(&took?))));
    Some(PastDeployment {
        run,
        attempt,
        status: *status,
        cause: cause
            .as_ref()
            .map(|c| Untrusted::new(short(&escape::text_line(c)))),
        commit: about.commit.as_ref().map(|c| c.sha.clone()),
        ended_at: now.as_second(),
        took_ms: about.took.as_ref().map_or(0, ms),
        phases: about
            .phases
            .iter()
            .map(|(phase, took)| (phase.word().to_owned(), ms(took)))
            .chain(parts)
            .collect(),
    })
}

fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST_CAUSE {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_CAUSE - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
#[path = "remembered_tests.rs"]
mod tests;
