//! What was last seen of targets, and since when each task of ours is healthy: for whoever asks at the end. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::news::TargetNote;
use super::super::serving::Proof;
use super::super::{Observation, RolloutTarget};

/// Where nothing checks a task, ECS takes it for healthy when it has run for so long.
const UNCHECKED: Duration = Duration::from_secs(40);

#[derive(Debug, Default)]
pub(super) struct Health {
    /// By the target's groups, as last seen.
    targets: BTreeMap<usize, Vec<TargetNote>>,
    /// Of ours: the last that were more than not ready yet.
    unhealthy: Vec<TargetNote>,
    /// When each task of ours was first seen healthy everywhere, in its last unbroken stretch.
    tasks: BTreeMap<String, Duration>,
    /// Every one that was ever seen so, as ECS would take it.
    ever: BTreeSet<String>,
    /// Old targets drained while ours were healthy.
    draining: bool,
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
        if !proof.saw_tasks() {
            return;
        }
        let bad = |note: &&TargetNote| !matches!(note.state.as_str(), "initial" | "draining");
        if proof.notes.iter().any(|note| bad(&note)) {
            self.unhealthy = proof.notes.iter().filter(bad).cloned().collect();
        }
        self.tasks.retain(|arn, _| proof.proven.contains(arn));
        for arn in &proof.proven {
            let since = *self.tasks.entry(arn.clone()).or_insert(elapsed);
            if checked || elapsed.saturating_sub(since) >= UNCHECKED {
                self.ever.insert(arn.clone());
            }
        }
    }

    pub fn since(&self, task: &str) -> Option<Duration> {
        self.tasks.get(task).copied()
    }

    pub fn was_healthy(&self, task: &str) -> bool {
        self.ever.contains(task)
    }

    pub fn draining(&self) -> bool {
        self.draining
    }

    pub fn unhealthy(&self) -> &[TargetNote] {
        &self.unhealthy
    }

    /// Those that say most first. Two entries of a service may share a group.
    pub fn targets(&self, failed: bool) -> Vec<TargetNote> {
        let mut targets = match failed && !self.unhealthy.is_empty() {
            true => self.unhealthy.clone(),
            false => self.targets.values().flatten().cloned().collect(),
        };
        targets.sort_by_key(|t| (t.state == "healthy", t.clone()));
        targets.dedup();
        targets
    }
}
