//! Where a rollout's time went that a setting could give back, with numbers. Knows the rules by which a load balancer and our
//! own window count; words are `report`'s.

use std::time::Duration;

use serde::Serialize;

use super::{Balanced, Ours, Timings, window};

/// The shortest interval of an ELB health check, in seconds.
const SHORTEST_INTERVAL: u32 = 5;
/// Enough for a request to end; the default is 300.
const SHORT_DELAY: Duration = Duration::from_secs(30);
/// What ends when it is asked to needs no longer.
const SHORT_STOP: Duration = Duration::from_secs(5);
/// A smaller image that took long to pull was not slow for its size.
const SMALL: u64 = 50_000_000;
/// Less is not worth a word.
const WORTH: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "advice", rename_all = "kebab-case")]
pub enum Advice {
    /// A new target waits for its first check, and our window for as many as would tell a failure.
    #[serde(rename_all = "kebab-case")]
    HealthCheckInterval {
        target_group: String,
        interval_seconds: u32,
        unhealthy_threshold: u32,
        spent: Duration,
        better_seconds: u32,
        saves: Duration,
    },
    /// ECS calls a deployment done when the old targets have drained.
    #[serde(rename_all = "kebab-case")]
    DeregistrationDelay {
        target_group: String,
        drained: Duration,
        better: Duration,
        saves: Duration,
    },
    /// An old task that does not end when it is asked to is killed after `stopTimeout`, and that was waited for.
    #[serde(rename_all = "kebab-case")]
    StopTimeout {
        container: String,
        took: Duration,
        saves: Duration,
    },
    /// A new task starts when its image is there.
    #[serde(rename_all = "kebab-case")]
    ImageSize {
        pull: Duration,
        /// Compressed, where a registry said it.
        bytes: Option<u64>,
        /// With half of it.
        saves: Duration,
    },
}

/// An old task that was killed, for it did not end when it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Killed {
    pub container: String,
    /// From SIGTERM to the end.
    pub took: Duration,
}

impl Advice {
    pub fn saves(&self) -> Duration {
        match self {
            Advice::HealthCheckInterval { saves, .. }
            | Advice::DeregistrationDelay { saves, .. }
            | Advice::StopTimeout { saves, .. }
            | Advice::ImageSize { saves, .. } => *saves,
        }
    }
}

/// Of a rollout that ended well, what saves most first. `drained`: from the moment all was healthy to ECS's own word, while old
/// targets drained; `killed`: what was waited for besides.
pub(super) fn advice(
    ours: &Ours,
    timings: &Timings,
    drained: Option<Duration>,
    killed: Option<&Killed>,
) -> Vec<Advice> {
    let slowest = ours
        .target_groups
        .iter()
        .max_by_key(|b| b.group.health_check_interval_seconds);
    let interval = slowest.and_then(|slowest| interval(slowest, timings));
    // A target drains first; then its task is asked to end.
    let stopping = killed.map_or(Duration::ZERO, |k| k.took);
    let drained = drained.map(|all| all.saturating_sub(stopping));
    let delay = slowest
        .zip(drained)
        .map(|(slowest, drained)| Advice::DeregistrationDelay {
            target_group: slowest.group.name.clone(),
            drained,
            better: SHORT_DELAY,
            saves: drained.saturating_sub(SHORT_DELAY),
        });
    let killed = killed.map(|killed| Advice::StopTimeout {
        container: killed.container.clone(),
        took: killed.took,
        saves: killed.took.saturating_sub(SHORT_STOP),
    });
    let mut all: Vec<Advice> = [interval, delay, killed].into_iter().flatten().collect();
    all.retain(is_worth_it);
    all.sort_by_key(|advice| std::cmp::Reverse(advice.saves()));
    all
}

/// Whose size only the shell knows.
pub fn of_image(timings: &Timings, bytes: Option<u64>) -> Option<Advice> {
    if bytes.is_some_and(|bytes| bytes < SMALL) {
        return None;
    }
    let pull = timings.longest_pull?;
    let advice = Advice::ImageSize {
        pull,
        bytes,
        saves: pull / 2,
    };
    is_worth_it(&advice).then_some(advice)
}

fn is_worth_it(advice: &Advice) -> bool {
    advice.saves() >= WORTH
}

fn interval(slowest: &Balanced, timings: &Timings) -> Option<Advice> {
    let group = &slowest.group;
    let now = group.health_check_interval_seconds;
    if now <= SHORTEST_INTERVAL {
        return None;
    }
    let seconds = |s: u32| Duration::from_secs(s.into());
    // One pass makes a new target healthy: it waits for that at most as long as it took, and as an interval is.
    let waited = timings.healthy?.saturating_sub(timings.running?);
    let first = |interval: u32| waited.min(seconds(interval));
    let stays = |interval: u32| match timings.window {
        Some(_) => window::of_checks(group.unhealthy_threshold_count, interval),
        None => Duration::ZERO,
    };
    let spent = first(now) + stays(now);
    let then = first(SHORTEST_INTERVAL) + stays(SHORTEST_INTERVAL);
    Some(Advice::HealthCheckInterval {
        target_group: group.name.clone(),
        interval_seconds: now,
        unhealthy_threshold: group.unhealthy_threshold_count,
        spent,
        better_seconds: SHORTEST_INTERVAL,
        saves: spent.saturating_sub(then),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::target::TargetGroup;

    fn ours(interval: u32, unhealthy: u32) -> Ours {
        Ours {
            target_groups: vec![Balanced {
                group: TargetGroup {
                    name: "web".to_owned(),
                    health_check_interval_seconds: interval,
                    unhealthy_threshold_count: unhealthy,
                    ..TargetGroup::default()
                },
                ..Balanced::default()
            }],
            ..Ours::default()
        }
    }

    fn timings(running: u64, healthy: u64, window: Option<u64>) -> Timings {
        Timings {
            running: Some(Duration::from_secs(running)),
            healthy: Some(Duration::from_secs(healthy)),
            window: window.map(Duration::from_secs),
            ..Timings::default()
        }
    }

    #[test]
    fn the_default_check_costs_its_first_look_and_the_window() {
        let said = advice(&ours(30, 2), &timings(10, 35, Some(60)), None, None);
        assert_eq!(
            said,
            [Advice::HealthCheckInterval {
                target_group: "web".to_owned(),
                interval_seconds: 30,
                unhealthy_threshold: 2,
                spent: Duration::from_secs(85),
                better_seconds: 5,
                // 25 s become 5 s, and the window of 60 s becomes 15 s.
                saves: Duration::from_secs(65),
            }]
        );
    }

    #[test]
    fn what_saves_little_or_cannot_be_shorter_is_not_said() {
        assert_eq!(
            advice(&ours(5, 2), &timings(10, 35, Some(15)), None, None),
            []
        );
        assert_eq!(advice(&ours(10, 2), &timings(10, 18, None), None, None), []);
        assert_eq!(
            advice(&Ours::default(), &timings(0, 90, Some(60)), None, None),
            []
        );
    }

    #[test]
    fn what_does_not_end_when_asked_is_told_apart_from_draining() {
        let killed = Killed {
            container: "web".to_owned(),
            took: Duration::from_secs(30),
        };
        let drained = Some(Duration::from_secs(70));
        let said = advice(&ours(5, 2), &timings(10, 12, None), drained, Some(&killed));
        let seconds: Vec<u64> = said.iter().map(|a| a.saves().as_secs()).collect();
        assert!(
            matches!(
                said[..],
                [
                    Advice::StopTimeout { .. },
                    Advice::DeregistrationDelay { .. }
                ]
            ),
            "{said:?}"
        );
        assert_eq!(seconds, [25, 10]);
    }

    #[test]
    fn a_pull_of_half_a_minute_is_worth_a_word() {
        let pulled = |seconds| Timings {
            longest_pull: Some(Duration::from_secs(seconds)),
            ..Timings::default()
        };
        assert_eq!(
            of_image(&pulled(41), Some(310_000_000)).map(|a| a.saves().as_millis()),
            Some(20_500)
        );
        assert_eq!(of_image(&pulled(19), None), None);
        assert_eq!(of_image(&pulled(41), Some(3_000_000)), None);
    }

    #[test]
    fn draining_counts_where_ecs_was_waited_for() {
        let drained = Some(Duration::from_secs(300));
        let said = advice(&ours(5, 2), &timings(10, 12, None), drained, None);
        assert!(
            matches!(&said[..], [Advice::DeregistrationDelay { saves, .. }] if *saves == Duration::from_secs(270)),
            "{said:?}"
        );
        let short = Some(Duration::from_secs(35));
        assert_eq!(advice(&ours(5, 2), &timings(10, 12, None), short, None), []);
    }
}
