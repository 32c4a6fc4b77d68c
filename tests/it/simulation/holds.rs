//! What must hold of every run, judged by what was really so. Knows Shipway's words and exit codes, the design's definition of
//! serving, and AWS's pace. Does not know how Shipway came to its word.

mod late;

use std::collections::BTreeMap;
use std::time::Duration;

use super::draw::Drawn;
use super::stage::{Ran, Update};
use super::truth::Moment;

/// What the deadline's last look may take.
const LAST_LOOK: Duration = Duration::from_millis(2_300);
/// From the window's end to the end of the run, where nothing is in the way.
pub const NOTICED: Duration = Duration::from_secs(7);
/// After an answer to the update that was lost, until what came of it is known.
const UNSURE: Duration = Duration::from_secs(8);
/// An answer of AWS's, as told after the truth changed meanwhile.
const LOOK: Duration = Duration::from_secs(3);

/// The pace of a whole deployment, in calls a second.
pub const PACE: f64 = 1.4;

/// What was measured of a run that ended well, or that never could.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub word: String,
    /// What was wanted is PRIMARY at the end, with as many healthy tasks as desired.
    pub served: bool,
    /// From the moment that the world had served for the window to our exit.
    pub served_late: Option<Duration>,
    /// From ECS's last word on a deployment that failed.
    pub failed_late: Option<Duration>,
    /// From the stop after which a deployment is hopeless to what we did about it.
    pub hopeless_late: Option<Duration>,
    /// Calls to AWS from the update on, and the time.
    pub calls: usize,
    pub watched: Duration,
    #[allow(dead_code, reason = "of the bench")]
    pub all_calls: usize,
    #[allow(dead_code, reason = "of the bench")]
    pub by_name: BTreeMap<String, usize>,
}

pub struct Judge<'a> {
    drawn: &'a Drawn,
    ran: &'a Ran,
    word: String,
    /// What was to serve.
    wanted: String,
    held: Vec<(Duration, Option<Duration>)>,
    faults: Vec<String>,
}

/// Every fault, and what was measured.
pub fn judge(drawn: &Drawn, ran: &Ran) -> (Vec<String>, Measured) {
    let output = |name: &str| ran.outputs[name].as_str().unwrap_or_default().to_owned();
    let mut judge = Judge {
        drawn,
        ran,
        word: output("deployment-status"),
        wanted: output("task-definition-arn"),
        held: Vec::new(),
        faults: Vec::new(),
    };
    judge.held = judge.holding();
    judge.words();
    judge.deadline();
    judge.evidence();
    judge.noticed();
    judge.afterwards();
    judge.pace();
    let measured = judge.measured();
    (judge.faults, measured)
}

impl Judge<'_> {
    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    fn last(&self) -> &Moment {
        self.ran.history.at(self.ran.ended)
    }

    /// Where the watching began.
    fn watched_from(&self) -> Duration {
        self.ran.update.as_ref().map_or(self.ran.began, |u| u.at)
    }

    fn ours(&self) -> Option<&Update> {
        self.ran.update.as_ref()
    }

    /// Exit codes fit the words; a failure has a code and a cause; the end is the end.
    fn words(&mut self) {
        let (exit, word) = (self.ran.exit, self.word.clone());
        let fits = match word.as_str() {
            "serving" | "deployed" | "unchanged" | "started" | "paused" => exit == 0,
            "superseded" => exit == u8::from(self.drawn.superseded_fails),
            "rolled-back" | "failed" => exit == 1,
            // We fell over while watching: then the error's own exit.
            "unknown" => matches!(exit, 1 | 4),
            "timed-out" => exit == 3,
            "not-started" => matches!(exit, 1 | 2 | 4 | 5 | 6),
            _ => false,
        };
        if !fits {
            self.fault(format!("`{word}` with exit {exit}"));
        }
        if exit != 0
            && self.ran.outputs["failure-code"]
                .as_str()
                .is_none_or(str::is_empty)
            && word != "superseded"
        {
            self.fault("no failure-code");
        }
        if exit == 0 && self.ran.outputs["failure-code"].is_string() {
            self.fault("a failure-code after a success");
        }
        let headline = self
            .ran
            .said
            .lines()
            .rev()
            .find(|l| l.starts_with("web ") || l.starts_with("Error"));
        let cause = headline
            .and_then(|l| l.split_once(": "))
            .map_or("", |(_, cause)| cause);
        let said = |word: &str| {
            self.ran
                .said
                .lines()
                .any(|l| l.trim_start().starts_with(word))
        };
        let told = match word.as_str() {
            "failed" | "rolled-back" | "timed-out" => said("cause: ") && said("evidence: "),
            _ => cause.trim().len() >= 8 || said("error: "),
        };
        if exit != 0 && !told {
            self.fault(format!("no cause in {headline:?}"));
        }
        if !self.ran.afterwards.is_empty() {
            self.fault(format!("after the end: {}", self.ran.afterwards));
        }
    }

    fn deadline(&mut self) {
        let watched = self.ran.ended.saturating_sub(self.watched_from());
        // An answer that was lost is looked for first.
        let sent = self.ran.calls.iter().filter(|c| c.name == "UpdateService");
        let again = sent
            .map(|c| c.at)
            .max()
            .unwrap_or_default()
            .saturating_sub(self.watched_from());
        let lost = if self.drawn.troubled {
            again + UNSURE
        } else {
            Duration::ZERO
        };
        let limit = self.drawn.limit + LAST_LOOK + lost;
        let began_to_watch = self.ours().is_some();
        if began_to_watch && watched > limit {
            self.fault(format!(
                "ended {:?} after the update, the limit is {:?}",
                watched, self.drawn.limit
            ));
        }
        if self.word == "timed-out" && watched + Duration::from_millis(100) < self.drawn.limit {
            self.fault(format!("timed out after {watched:?}"));
        }
    }

    /// No word before what it stands on.
    fn evidence(&mut self) {
        let fault = match self.word.as_str() {
            "serving" => self.serving(),
            "paused" => (!self.ran.said.contains("hook")).then(|| "no hook".to_owned()),
            "deployed" => self.deployed(),
            "unchanged" => self.unchanged(),
            "superseded" => self.superseded(),
            "rolled-back" => self.rolled_back(),
            "failed" => self.failed(),
            "unknown" => self.unknown(),
            _ => None,
        };
        self.faults
            .extend(fault.map(|f| format!("`{}`, but {f}", self.word)));
    }

    /// PRIMARY is of what was wanted and serves.
    fn holds(&self, moment: &Moment) -> bool {
        moment.serves() && self.is_wanted(moment)
    }

    fn is_wanted(&self, moment: &Moment) -> bool {
        moment
            .primary()
            .is_some_and(|p| p.task_definition == self.wanted)
    }

    /// Since when everything held with the same tasks, at this time.
    fn held_since(&self, when: Duration) -> Option<Duration> {
        let after = self.held.partition_point(|(at, _)| *at <= when);
        self.held[..after].last().and_then(|(_, since)| *since)
    }

    /// At each moment, since when everything held with the same tasks.
    fn holding(&self) -> Vec<(Duration, Option<Duration>)> {
        let mut all = Vec::new();
        let mut since: Option<Duration> = None;
        let mut tasks: BTreeMap<u64, Duration> = BTreeMap::new();
        let (mut primary, mut failed) = ("", 0);
        for (at, moment) in &self.ran.history.moments {
            let Some(listed) = moment.primary().filter(|_| self.holds(moment)) else {
                since = None;
                tasks.clear();
                failed = moment.primary().map_or(0, |p| p.failed_tasks);
                all.push((*at, since));
                continue;
            };
            if listed.digits != primary || listed.failed_tasks > failed {
                primary = &listed.digits;
                since = None;
                tasks.clear();
            }
            failed = listed.failed_tasks;
            tasks.retain(|task, _| moment.proven.contains(task));
            for task in &moment.proven {
                tasks.entry(*task).or_insert(*at);
            }
            let mut moments: Vec<Duration> = tasks.values().copied().collect();
            moments.sort_unstable();
            let enough = moments.get(moment.desired as usize - 1).copied();
            since = Some(since.unwrap_or(*at).max(enough.unwrap_or(*at)));
            all.push((*at, since));
        }
        all
    }

    /// Moments that may have been the last that was seen: an answer is of some time ago.
    fn may_have_been_seen(&self) -> impl Iterator<Item = (Duration, &Moment)> {
        let ended = self.ran.ended;
        let from = ended.saturating_sub(self.age());
        let between = self.ran.history.between(from, ended);
        between.map(move |(at, moment)| ((*at).max(from), moment))
    }

    /// How old what was last seen may have been.
    fn age(&self) -> Duration {
        self.drawn.stale
            + self.drawn.latency * 3
            + if self.drawn.troubled {
                LOOK
            } else {
                Duration::ZERO
            }
    }

    fn serving(&self) -> Option<String> {
        if !matches!(self.drawn.wait_until, "healthy") {
            return Some(format!("{} was waited for", self.drawn.wait_until));
        }
        let held = |(at, _): (Duration, &Moment)| self.held_since(at);
        let Some(since) = self.may_have_been_seen().filter_map(held).min() else {
            return Some(format!("the world did not serve: {:?}", self.last()));
        };
        // A change of the count has the same window.
        let held = self.ran.ended.saturating_sub(since);
        (held + Duration::from_millis(2) < self.drawn.window)
            .then(|| format!("it held for {held:?} only, of {:?}", self.drawn.window))
    }

    fn unchanged(&self) -> Option<String> {
        let served = self
            .may_have_been_seen()
            .any(|(_, moment)| self.holds(moment));
        (!served).then(|| format!("the world did not serve: {:?}", self.last()))
    }

    fn deployed(&self) -> Option<String> {
        let by_count = self.is_count();
        let faults = self
            .may_have_been_seen()
            .map(|(_, moment)| self.not_deployed(moment, by_count));
        let mut fault = None;
        for each in faults {
            fault = Some(each?);
        }
        fault
    }

    fn not_deployed(&self, moment: &Moment, by_count: bool) -> Option<String> {
        if !self.is_wanted(moment) {
            return Some(format!("PRIMARY is another: {moment:?}"));
        }
        if moment.desired == 0 {
            return (!moment.running.is_empty()).then(|| format!("tasks run: {moment:?}"));
        }
        let count = match self.drawn.denied {
            None => moment.proven.len(),
            Some(_) => moment.running.len(),
        };
        if (count as u64) < moment.desired {
            return Some(format!("not enough tasks: {moment:?}"));
        }
        (!moment.done() && !by_count).then(|| format!("ECS does not say so: {moment:?}"))
    }

    /// The update moved the count alone: its PRIMARY was there before.
    fn is_count(&self) -> bool {
        self.ours().is_some_and(|ours| {
            let before = self
                .ran
                .history
                .at(ours.at.saturating_sub(Duration::from_millis(1)));
            before.deployments.iter().any(|d| d.digits == ours.digits)
        })
    }

    /// Every PRIMARY since the update, in order.
    fn primaries(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        let from = self.watched_from();
        for (_, moment) in self.ran.history.between(from, self.ran.ended) {
            if let Some(p) = moment.primary()
                && all.last().is_none_or(|(digits, _)| *digits != p.digits)
            {
                all.push((p.digits.clone(), p.task_definition.clone()));
            }
        }
        all
    }

    fn superseded(&self) -> Option<String> {
        let moment = self.last();
        let primary = moment.primary()?;
        if primary.task_definition == self.wanted {
            return Some("PRIMARY is of the same revision".to_owned());
        }
        // Whose target is it? One that was there before ours is no newer one.
        let before = self
            .ran
            .history
            .at(self.watched_from().saturating_sub(Duration::from_millis(1)));
        if before
            .deployments
            .iter()
            .any(|d| d.digits == primary.digits)
            && self.ours().is_some()
        {
            return Some(format!("PRIMARY is older: {moment:?}"));
        }
        let ours = self.ours()?;
        let doomed = moment
            .end_of(&ours.digits)
            .is_some_and(|e| e.doomed && e.status.starts_with("ROLLBACK"));
        doomed.then(|| format!("ours failed: {moment:?}"))
    }

    /// Of what was followed, any state that this says of it.
    fn ever(&self, says: impl Fn(&Moment) -> bool) -> bool {
        let mut between = self
            .ran
            .history
            .between(self.watched_from(), self.ran.ended);
        between.any(|(_, moment)| says(moment))
    }

    fn rolled_back(&self) -> Option<String> {
        let told = self.ever(|m| m.ends.values().any(|e| e.status == "ROLLBACK_SUCCESSFUL"));
        let by_state =
            self.ever(|m| m.ends.is_empty() && m.deployments.iter().any(|d| d.state == "FAILED"));
        // Where the service deployment is not to be read, PRIMARY's state stands for it.
        (!told && !by_state && !self.back_again()).then(|| format!("it was not: {:?}", self.last()))
    }

    /// An earlier deployment is PRIMARY again.
    fn back_again(&self) -> bool {
        let primaries = self.primaries();
        let ours = self.ours().map(|u| u.digits.clone());
        let from = primaries
            .iter()
            .position(|(digits, _)| Some(digits) == ours.as_ref());
        from.is_some_and(|from| {
            primaries[from..]
                .iter()
                .any(|(digits, _)| Some(digits) != ours.as_ref())
        })
    }

    /// Since when a deployment of another revision, made after ours, is PRIMARY, while ours did not fail.
    fn taken_over(&self) -> Option<Duration> {
        let ours = self.ours()?;
        let before = self
            .ran
            .history
            .at(ours.at.saturating_sub(Duration::from_millis(1)));
        let mut since = None;
        for (at, moment) in self.ran.history.between(ours.at, self.ran.ended) {
            let primary = moment.primary()?;
            let newer = primary.digits != ours.digits
                && primary.task_definition != self.wanted
                && before.deployments.iter().all(|d| {
                    d.digits != primary.digits && d.task_definition != primary.task_definition
                });
            let well = moment
                .end_of(&ours.digits)
                .is_some_and(|e| !e.doomed && e.status == "STOPPED");
            let one = moment.ends.values().all(|e| !e.doomed);
            since =
                (newer && well && one && moment.status == "ACTIVE").then(|| since.unwrap_or(*at));
        }
        since
    }

    fn failed(&self) -> Option<String> {
        if let Some(since) = self.taken_over()
            && !self.drawn.troubled
        {
            return Some(format!("a newer deployment took over at {since:?}"));
        }
        let bad = |m: &Moment| {
            m.status != "ACTIVE"
                || m.ends
                    .values()
                    .any(|e| e.doomed || e.status == "STOPPED" || e.status == "STOP_REQUESTED")
                || m.deployments.iter().any(|d| d.state == "FAILED")
        };
        if self.ever(bad) {
            return None;
        }
        // Ended by us, or a count: tasks that stopped are the evidence.
        let stopped = |m: &Moment| m.stops.get(&self.wanted).copied().unwrap_or_default();
        if (self.drawn.fail_fast || self.is_count()) && self.ever(|m| stopped(m) >= 2) {
            return None;
        }
        // Something else set the count.
        if self.is_count() && self.ran.said.contains("The desired count is") {
            return None;
        }
        Some(format!("nothing failed: {:?}", self.last()))
    }

    fn unknown(&self) -> Option<String> {
        let Some(ours) = self.ours() else {
            return self
                .ran
                .said
                .lines()
                .all(|l| !l.contains("rror"))
                .then(|| "nothing is missing".to_owned());
        };
        let gone = self.ever(|m| m.deployments.iter().all(|d| d.digits != ours.digits));
        let fell_over = self.ran.exit == 4;
        (!gone && !fell_over && !self.back_again())
            .then(|| format!("ours is there: {:?}", self.last()))
    }
}
