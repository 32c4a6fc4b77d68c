//! What is still to happen, and when. Knows: order in time, ties broken by insertion. Does not know: what an event does.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// A step of one task's life. Each carries the task's epoch, so that a step planned before the task was told to stop is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Pending,
    Activating,
    Running,
    FailToStart,
    ContainerHealthy,
    ContainerUnhealthy,
    Crash,
    Stopping,
    Exited,
    Stopped,
    /// ECS shows a stopped task for about an hour.
    Forgotten,
}

#[derive(Clone, Debug)]
pub enum Event {
    /// The service scheduler looks at a service.
    Reconcile {
        cluster: String,
        service: String,
    },
    Task {
        arn: String,
        step: Step,
        epoch: u32,
    },
    /// A registered target's initial health checks begin.
    Registered {
        target_group: String,
        address: String,
        port: u16,
        generation: u64,
    },
    /// One scripted health check.
    Check {
        target_group: String,
        address: String,
        port: u16,
        generation: u64,
    },
    /// The deregistration delay is over.
    Drained {
        target_group: String,
        address: String,
        port: u16,
        generation: u64,
    },
    /// The alarm of a scaling policy rings, where a desired count still lies below its minimum.
    ScaleOut {
        cluster: String,
        service: String,
    },
    /// A scheduled action's time has come.
    ScheduledAction {
        cluster: String,
        service: String,
        name: String,
        generation: u32,
    },
    /// An entry of the world file's timeline.
    Timeline(usize),
}

#[derive(Default)]
pub struct Agenda {
    due: BTreeMap<(SystemTime, u64), Event>,
    planned: u64,
}

impl Agenda {
    pub fn at(&mut self, when: SystemTime, event: Event) {
        self.planned += 1;
        self.due.insert((when, self.planned), event);
    }

    /// The earliest event, if it is due by `to`.
    pub fn pop_due(&mut self, to: SystemTime) -> Option<(SystemTime, Event)> {
        let entry = self.due.first_entry()?;
        if entry.key().0 > to {
            return None;
        }
        let ((when, _), event) = entry.remove_entry();
        Some((when, event))
    }

    /// When something happens next, for drivers that sleep in real time.
    pub fn next(&self) -> Option<SystemTime> {
        self.due.first_key_value().map(|((when, _), _)| *when)
    }
}
