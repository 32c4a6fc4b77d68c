//! Where a rollout's time went that a setting could give back, with numbers. Knows the rules by which a load balancer and our
//! own window count; words are `report`'s.

use std::time::Duration;

use serde::Serialize;

use super::{Balanced, Ours, Timings, window};

/// The shortest interval of an ELB health check, in seconds.
const SHORTEST_INTERVAL: u32 = 5;
/// Enough for a request to end; the default is 300.
const SHORT_DELAY: Duration = Duration::from_secs(30);
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
}

/// Of a rollout that ended well. `drained`: from the moment all was healthy to ECS's own word, while old targets drained.
pub(super) fn advice(ours: &Ours, timings: &Timings, drained: Option<Duration>) -> Vec<Advice> {
    let slowest = ours
        .target_groups
        .iter()
        .max_by_key(|b| b.group.health_check_interval_seconds);
    let Some(slowest) = slowest else {
        return Vec::new();
    };
    let interval = interval(slowest, timings);
    let delay = drained.map(|drained| Advice::DeregistrationDelay {
        target_group: slowest.group.name.clone(),
        drained,
        better: SHORT_DELAY,
        saves: drained.saturating_sub(SHORT_DELAY),
    });
    let worth = |advice: &Advice| match advice {
        Advice::HealthCheckInterval { saves, .. } | Advice::DeregistrationDelay { saves, .. } => {
            *saves >= WORTH
        }
    };
    interval.into_iter().chain(delay).filter(worth).collect()
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
        let said = advice(&ours(30, 2), &timings(10, 35, Some(60)), None);
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
        assert_eq!(advice(&ours(5, 2), &timings(10, 35, Some(15)), None), []);
        assert_eq!(advice(&ours(10, 2), &timings(10, 18, None), None), []);
        assert_eq!(
            advice(&Ours::default(), &timings(0, 90, Some(60)), None),
            []
        );
    }

    #[test]
    fn draining_counts_where_ecs_was_waited_for() {
        let drained = Some(Duration::from_secs(300));
        let said = advice(&ours(5, 2), &timings(10, 12, None), drained);
        assert!(
            matches!(&said[..], [Advice::DeregistrationDelay { saves, .. }] if *saves == Duration::from_secs(270)),
            "{said:?}"
        );
        let short = Some(Duration::from_secs(35));
        assert_eq!(advice(&ours(5, 2), &timings(10, 12, None), short), []);
    }
}
