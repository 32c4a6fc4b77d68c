//! What the machine asks ECS for: one action at a time, asked for once until it is answered.

use std::time::Duration;

use super::super::{Acted, Action, News, Next, Sentence, Step};
use super::Rollout;

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
    pub fn acted(&mut self, action: &Action, acted: Acted, elapsed: Duration) -> Step {
        let mut news = Vec::new();
        if self.asked_for.as_ref() == Some(action) {
            self.asked_for = None;
            if let Some(why) = no(&acted) {
                news.push(News::NotActed {
                    action: action.clone(),
                    why,
                });
            }
            self.answered(action, acted, elapsed);
        }
        Step {
            news,
            next: Next::LookAgain {
                after: super::CLOSEST,
                exact: true,
            },
        }
    }

    fn answered(&mut self, action: &Action, acted: Acted, elapsed: Duration) {
        match action {
            Action::StopServiceDeployment { .. } | Action::RestoreTaskDefinition { .. } => {
                self.end_answered(action, acted, elapsed);
            }
            Action::ContinueServiceDeployment { .. } => {}
        }
    }
}

fn no(acted: &Acted) -> Option<Sentence> {
    match acted {
        Acted::Done | Acted::Restored { .. } => None,
        Acted::Denied(permission) => Some(
            Sentence::default()
                .code(permission.as_str())
                .text(" is denied."),
        ),
        Acted::Refused { message, .. } => Some(Sentence::default().quote(message)),
        Acted::Unanswered => Some(Sentence::new("no answer came.")),
    }
}
