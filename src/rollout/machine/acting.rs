//! What the machine asks ECS for: one action at a time, asked for once until it is answered.

use std::time::Duration;

use super::super::{Acted, Action, News, Next, Sentence, Step};
use super::Rollout;

/// What ECS did not answer may show a little later.
const UNANSWERED: Duration = Duration::from_secs(2);

impl Rollout {
    /// Asks for it at the end of this look, unless something is asked for already.
    pub(super) fn ask_for(&mut self, action: Action, why: Sentence, news: &mut Vec<News>) {
        if self.asked_for.is_none() {
            news.push(News::Acting {
                action: action.clone(),
                why,
            });
            self.to_ask = Some(action.clone());
            self.asked_for = Some(action);
        }
    }

    /// What came of an action. A look follows at once.
    pub fn acted(&mut self, action: &Action, acted: Acted) -> Step {
        let mut news = Vec::new();
        let after = match acted {
            Acted::Unanswered => UNANSWERED,
            _ => super::CLOSEST,
        };
        if self.asked_for.as_ref() == Some(action) {
            self.asked_for = None;
            if !matches!(acted, Acted::Done | Acted::Restored { .. }) {
                news.push(News::NotActed {
                    action: action.clone(),
                    acted: acted.clone(),
                });
            }
            self.answered(action, acted);
        }
        Step {
            news,
            next: Next::LookAgain { after, exact: true },
        }
    }

    fn answered(&mut self, action: &Action, acted: Acted) {
        match action {
            Action::StopServiceDeployment { .. } | Action::RestoreTaskDefinition { .. } => {
                self.end_answered(action, acted);
            }
            Action::ContinueServiceDeployment { hook_id, .. } => {
                self.continue_answered(hook_id, &acted);
            }
        }
    }
}
