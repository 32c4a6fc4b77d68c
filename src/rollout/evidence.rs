//! What was seen that may tell why a rollout fails, kept from look to look for whoever asks at the end. Decides nothing.

use crate::model::service::ServiceEvent;
use crate::model::task::Task;

use super::News;

#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Tasks of ours that failed, in the order in which they stopped.
    pub stops: Vec<Task>,
    /// Service events since the update, the oldest first.
    pub events: Vec<ServiceEvent>,
}

impl Evidence {
    pub fn note(&mut self, news: &[News]) {
        for news in news {
            match news {
                News::TaskStopped {
                    task,
                    failure: true,
                } => self.stops.push((**task).clone()),
                News::Event(event) => self.events.push(event.clone()),
                _ => {}
            }
        }
    }
}
