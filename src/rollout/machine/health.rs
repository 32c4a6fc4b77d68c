//! What was last seen of targets, and since when each task of ours is healthy: for whoever asks at the end. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::news::TargetNote;
use super::super::observation::is_ours;
use super::super::serving::{Proof, same_address};
use super::super::{Observation, Ours, RolloutTarget};

/// Where nothing checks a task, ECS takes it for healthy when it has run for so long.
const UNCHECKED: Duration = Duration::from_secs(40);

#[derive(Debug, Default)]
pub(super) struct Health {
    /// By the target's groups, as last seen.
    targets: BTreeMap<usize, Vec<TargetNote>>,
    /// Addresses, and ports of instances, that tasks of ours ever had; `None` where tasks were never seen.
    mine: Option<BTreeSet<(String, Option<u16>)>>,
    /// Of ours: the last that were more than not ready yet.
    unhealthy: Vec<TargetNote>,
    /// Of ours, in the last look that saw them: those that were not healthy.
    waiting: Vec<TargetNote>,
    /// The longest from a task's start to its being seen healthy.
    start_up: Option<Duration>,
    /// When each task of ours was first seen healthy everywhere, in its last unbroken stretch.
    tasks: BTreeMap<String, Duration>,
    /// Every one that was ever seen so, as ECS would take it.
    ever: BTreeSet<String>,
    /// Old targets drained while ours were healthy.
    draining: bool,
    /// They did at any time.
    drained: bool,
}

impl Health {
    pub fn note(
        &mut self,
        seen: &Observation,
        target: &RolloutTarget,
        proof: &Proof,
        checked: bool,
        elapsed: Duration,
    ) {
        self.remember(seen, target.ours());
        let mut draining = None;
        for (index, (targets, balanced)) in seen
            .targets
            .iter()
            .zip(&target.ours().target_groups)
            .enumerate()
        {
            let Ok(targets) = targets else { continue };
            let drains = targets.iter().any(|t| t.state.ends_with("draining"));
            draining = Some(draining.unwrap_or(false) || drains);
            let notes = targets.iter().map(|target| TargetNote {
                target_group: balanced.group.name.clone(),
                target: target.target.clone(),
                port: target.port,
                state: target.state.clone(),
                reason: target.reason.clone(),
                description: target.description.clone(),
            });
            self.targets.insert(index, notes.collect());
        }
        self.draining = draining.unwrap_or(self.draining);
        self.drained |= self.draining;
        if !proof.saw_tasks() {
            return;
        }
        let bad = |note: &&TargetNote| !matches!(note.state.as_str(), "initial" | "draining");
        if proof.notes.iter().any(|note| bad(&note)) {
            self.unhealthy = proof.notes.iter().filter(bad).cloned().collect();
        }
        self.waiting.clone_from(&proof.notes);
        self.tasks.retain(|arn, _| proof.proven.contains(arn));
        for arn in &proof.proven {
            let known = self.tasks.contains_key(arn);
            let since = *self.tasks.entry(arn.clone()).or_insert(elapsed);
            if !known {
                self.start_up = self.start_up.max(start_up(seen, target, arn, elapsed));
            }
            if checked || elapsed.saturating_sub(since) >= UNCHECKED {
                self.ever.insert(arn.clone());
            }
        }
    }

    fn remember(&mut self, seen: &Observation, ours: &Ours) {
        for tasks in [&seen.tasks, &seen.stopped_tasks] {
            let Ok(tasks) = tasks else { continue };
            let mine = self.mine.get_or_insert_default();
            for task in tasks.iter().filter(|t| is_ours(t, ours)) {
                mine.extend(task.addresses.iter().map(|a| (a.clone(), None)));
                let bindings = task.containers.iter().flat_map(|c| &c.bindings);
                mine.extend(bindings.map(|(_, host)| (String::new(), Some(*host))));
            }
        }
    }

    /// As far as is known: a target of bridge and host mode is an instance, told by its port.
    fn is_mine(&self, note: &TargetNote) -> bool {
        let Some(mine) = &self.mine else { return true };
        let instance = note.target.starts_with("i-");
        match instance {
            true => mine.contains(&(String::new(), note.port)),
            false => mine.iter().any(|(a, _)| same_address(a, &note.target)),
        }
    }

    pub fn waiting(&self) -> &[TargetNote] {
        &self.waiting
    }

    pub fn start_up(&self) -> Option<Duration> {
        self.start_up
    }

    pub fn since(&self, task: &str) -> Option<Duration> {
        self.tasks.get(task).copied()
    }

    pub fn was_healthy(&self, task: &str) -> bool {
        self.ever.contains(task)
    }

    pub fn drained(&self) -> bool {
        self.drained
    }

    pub fn draining(&self) -> bool {
        self.draining
    }

    pub fn unhealthy(&self) -> &[TargetNote] {
        &self.unhealthy
    }

    /// Ours, those that say most first. Two entries of a service may share a group.
    pub fn targets(&self, failed: bool) -> Vec<TargetNote> {
        let mut targets = match failed && !self.unhealthy.is_empty() {
            true => self.unhealthy.clone(),
            false => self.targets.values().flatten().cloned().collect(),
        };
        targets.retain(|note| self.is_mine(note));
        targets.sort_by_key(|t| (t.state == "healthy", t.clone()));
        targets.dedup();
        targets
    }
}

/// From the task's start to now. By two clocks, so about.
fn start_up(
    seen: &Observation,
    target: &RolloutTarget,
    arn: &str,
    elapsed: Duration,
) -> Option<Duration> {
    let task = seen.tasks.as_ref().ok()?.iter().find(|t| t.arn == arn)?;
    let started = task.started_at?.duration_since(target.ours().created_at?);
    Some(elapsed.saturating_sub(Duration::try_from(started).ok()?))
}
