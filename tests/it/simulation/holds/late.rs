//! What was noticed when, at which pace, and what came afterwards. Knows the truth over time; judges no word.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Judge, Measured, NOTICED};
use crate::simulation::truth::Moment;

impl Judge<'_> {
    /// What held for long enough was noticed, where nothing stood in between.
    pub(super) fn noticed(&mut self) {
        if self.drawn.troubled
            || self.drawn.wait_until == "none"
            || self.ours().is_none()
            || self.is_count_deployed()
            || self.count_was_taken_back()
        {
            return;
        }
        let from = self.watched_from();
        let patience = NOTICED + self.drawn.latency * 3;
        let by_ecs = self.waits_for_ecs();
        let needed = if by_ecs {
            patience
        } else {
            self.drawn.window + patience
        };
        let mut done_since = None;
        let mut since = None;
        let mut late = None;
        for (index, (at, moment)) in self.ran.history.moments.iter().enumerate() {
            if *at > self.ran.ended {
                break;
            }
            if let Some(since) = since.filter(|since| *at > needed + *since) {
                late = Some((since, *at));
            }
            let well = moment.done()
                && self.is_wanted(moment)
                && moment.proven.len() as u64 >= moment.desired
                && moment.desired > 0
                && moment.status == "ACTIVE";
            done_since = if well { done_since.or(Some(*at)) } else { None };
            since = if by_ecs {
                done_since
            } else {
                self.held[index].1
            };
            since = since.map(|since| since.max(from));
        }
        if let Some(since) = since.filter(|since| self.ran.ended > needed + *since) {
            late = Some((since, self.ran.ended));
        }
        if let Some((since, until)) = late {
            self.fault(format!(
                "it was well from {since:?} to {until:?}, and that was not said in time"
            ));
        }
    }

    /// What ECS may still revert is not taken for serving, so its word is waited for.
    fn waits_for_ecs(&self) -> bool {
        self.drawn.wait_until == "deployed"
            || self.ran.said.contains("so success is when ECS calls it")
    }

    fn is_count_deployed(&self) -> bool {
        self.is_count() && self.drawn.wait_until == "deployed"
    }

    /// ECS took back the deployment whose tasks were counted: it has failed, whatever serves as many tasks later.
    fn count_was_taken_back(&self) -> bool {
        let doomed = |digits: &str| self.ever(|m| m.end_of(digits).is_some_and(|e| e.doomed));
        self.is_count() && self.ours().is_some_and(|ours| doomed(&ours.digits))
    }

    /// What came after the end was not to be seen before it.
    pub(super) fn afterwards(&mut self) {
        if !matches!(self.word.as_str(), "serving" | "deployed" | "unchanged")
            || self.drawn.denied.is_some()
        {
            return;
        }
        let ended = self.ran.ended;
        let Some(primary) = self.last().primary().map(|p| p.digits.clone()) else {
            return;
        };
        let stops = |m: &Moment| m.stops.values().sum::<u64>();
        let before = stops(self.last());
        let alarms = self.drawn.world["timeline"]
            .to_string()
            .contains("set-alarm");
        let later = self.ran.history.between(ended, Duration::MAX).skip(1);
        for (at, moment) in later {
            let reverted = moment
                .end_of(&primary)
                .is_some_and(|e| e.status.starts_with("ROLLBACK"));
            let person = self.drawn.world["timeline"]
                .as_array()
                .is_some_and(|t| !t.is_empty());
            if reverted && stops(moment) == before && !alarms && !person {
                let fault =
                    format!("reverted at {at:?} though nothing happened after the end: {moment:?}");
                self.fault(fault);
                return;
            }
        }
    }

    pub(super) fn pace(&mut self) {
        let Some(ours) = self.ours() else { return };
        let from = ours.at;
        let watched = self.ran.ended.saturating_sub(from).as_secs_f64();
        let calls: Vec<_> = self.ran.calls.iter().filter(|c| c.at >= from).collect();
        let mut faults = Vec::new();
        if calls.len() as f64 > 2.5 * watched + 30.0 {
            faults.push(format!("{} calls in {watched:.0} s", calls.len()));
        }
        let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for call in calls.iter().filter(|c| c.name == "DescribeTargetHealth") {
            groups
                .entry(&call.of)
                .or_default()
                .push(call.at.as_secs_f64());
        }
        for times in groups.values() {
            if times.len() as f64 > watched / 3.7 + 8.0 {
                faults.push(format!(
                    "target health asked {} times in {watched:.0} s",
                    times.len()
                ));
            }
        }
        let looks = calls
            .iter()
            .filter(|c| c.name == "DescribeServices")
            .count();
        if looks as f64 > watched / 1.8 + 10.0 {
            faults.push(format!("{looks} looks in {watched:.0} s"));
        }
        self.faults.extend(faults);
    }

    /// We ended it, or with `on-failure: keep` said that it is over, though ECS was still at it.
    fn hopeless_late(&self) -> Option<Duration> {
        let asked = self
            .ran
            .calls
            .iter()
            .find(|c| c.name == "StopServiceDeployment");
        let decided = match asked {
            Some(call) => call.at,
            None => {
                let ours = self.last().end_of(&self.ours()?.digits)?;
                let kept = self.drawn.keeps && self.word == "failed";
                (kept && ours.status == "IN_PROGRESS" && !ours.doomed).then_some(self.ran.ended)?
            }
        };
        let stops = |m: &Moment| m.stops.get(&self.wanted).copied().unwrap_or_default();
        let last = stops(self.ran.history.at(decided));
        let mut between = self.ran.history.between(self.watched_from(), decided);
        let at = between.find(|(_, m)| last > 0 && stops(m) == last)?.0;
        Some(decided.saturating_sub(at))
    }

    pub(super) fn measured(&self) -> Measured {
        let from = self.watched_from();
        let ended = self.ran.ended;
        let aws = |c: &&crate::simulation::stage::Call| !c.name.contains(' ');
        let mut measured = Measured {
            word: self.word.clone(),
            served: self.may_have_been_seen().any(|(_, moment)| {
                let enough = self
                    .drawn
                    .denied
                    .map_or(&moment.proven, |_| &moment.running);
                self.is_wanted(moment) && enough.len() as u64 >= moment.desired
            }),
            calls: self
                .ran
                .calls
                .iter()
                .filter(aws)
                .filter(|c| c.at >= from)
                .count(),
            by_name: (self.ran.calls.iter().filter(aws).filter(|c| c.at >= from)).fold(
                BTreeMap::new(),
                |mut all, c| {
                    *all.entry(c.name.clone()).or_default() += 1;
                    all
                },
            ),
            all_calls: self.ran.calls.iter().filter(aws).count(),
            watched: ended.saturating_sub(from),
            ..Measured::default()
        };
        if self.drawn.troubled || self.ours().is_none() {
            return measured;
        }
        if self.word == "serving"
            && let Some(since) = self.held_since(ended)
        {
            let over = since.max(from) + self.drawn.window;
            measured.served_late = Some(ended.saturating_sub(over));
        }
        measured.hopeless_late = self.hopeless_late();
        if matches!(self.word.as_str(), "failed" | "rolled-back")
            && let Some(ours) = self.ours()
        {
            let over = |m: &Moment| {
                m.end_of(&ours.digits).is_some_and(|e| {
                    matches!(
                        e.status,
                        "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED"
                    )
                })
            };
            let mut between = self.ran.history.between(from, ended);
            let first = between.find(|(_, m)| over(m)).map(|(at, _)| *at);
            measured.failed_late = first.map(|at| ended.saturating_sub(at));
        }
        measured
    }
}
