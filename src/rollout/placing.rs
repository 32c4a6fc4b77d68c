//! Tasks that ECS does not even start: no room for them, or arithmetic that leaves none. Nothing stops then, so nothing but
//! its events tells. Decides nothing: room may come.

use std::time::Duration;

use crate::model::service::{Deployment, ServiceEvent};

use super::News;

/// So long without a place, with none found in between, is worth a word.
const WORTH: Duration = Duration::from_secs(60);

const SAYS: [&str; 2] = ["unable to place a task", "unable to stop or start tasks"];

pub(super) fn is_about(event: &ServiceEvent) -> bool {
    SAYS.iter().any(|words| event.message.contains(words))
}

#[derive(Debug, Default)]
pub(super) struct Placing {
    said: Option<(Duration, ServiceEvent)>,
    placed: u32,
    told: bool,
}

impl Placing {
    /// `listed`: our deployment in this look, of which `desired` tasks are wanted.
    pub fn note(
        &mut self,
        listed: &Deployment,
        desired: u32,
        elapsed: Duration,
        news: &mut Vec<News>,
    ) {
        let placed = listed.running_count + listed.pending_count;
        if placed > self.placed || placed >= desired {
            self.said = None;
        }
        self.placed = placed;
        if placed >= desired {
            return;
        }
        for event in news.iter() {
            if let News::Event(event) = event
                && is_about(event)
            {
                self.said.get_or_insert((elapsed, event.clone()));
            }
        }
        if let Some((since, event)) = &self.said
            && elapsed.saturating_sub(*since) >= WORTH
            && !std::mem::replace(&mut self.told, true)
        {
            news.push(News::CannotPlace {
                waiting: desired - placed,
                message: event.message.clone(),
            });
        }
    }
}
