//! Old tasks that did not end when they were asked to, and were killed: what that cost. Decides nothing.

use std::time::Duration;

use crate::model::task::Task;

use super::super::advice::Killed;
use super::super::observation::is_ours;
use super::super::{Observation, Ours};
use super::Rollout;

/// Where the task definition says none (ECS's documentation).
const STOP_TIMEOUT: u64 = 30;

impl Rollout {
    pub(super) fn note_killed(&mut self, seen: &Observation) {
        let Ok(stopped) = &seen.stopped_tasks else {
            return;
        };
        let ours = self.target.ours();
        let since = ours.created_at;
        let old = stopped
            .iter()
            .filter(|t| !is_ours(t, ours) && since.is_some() && t.stopped_at >= since);
        let slowest = old
            .filter_map(|task| killed(task, ours))
            .chain(self.killed.take())
            .max_by_key(|killed| killed.took);
        self.killed = slowest;
    }
}

/// 137 is SIGKILL; in a task that ECS scaled in it came when `stopTimeout` was over. Of an old task's definition only ours is
/// known, which rarely differs in that.
fn killed(task: &Task, ours: &Ours) -> Option<Killed> {
    if task.stop_code.as_deref() != Some("ServiceSchedulerInitiated") {
        return None;
    }
    let container = task.containers.iter().find(|c| c.exit_code == Some(137))?;
    let facts = ours.facts.container(&container.name);
    let seconds = facts.and_then(|c| c.stop_timeout_seconds);
    Some(Killed {
        container: container.name.clone(),
        took: Duration::from_secs(seconds.unwrap_or(STOP_TIMEOUT)),
    })
}
