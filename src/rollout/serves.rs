//! What answers now that it is over: whose tasks, and how many of them were seen healthy. A value, worded by whoever tells it.

use serde::Serialize;

use super::Healthy;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServesNow {
    /// The service was not seen.
    #[default]
    NotSeen,
    /// No task was seen that answers.
    Nothing,
    Revision(Serving),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Serving {
    pub task_definition: String,
    pub whose: Whose,
    /// Where target groups were read, by them.
    pub healthy: Healthy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    Ours,
    /// ECS went back to it from ours.
    Back,
    /// It was there before ours, and still is.
    Kept,
    /// Somebody deployed it after ours.
    Newer,
}

impl ServesNow {
    /// All that is desired of ours answers.
    pub fn ours(task_definition: &str, of: u32) -> ServesNow {
        ServesNow::Revision(Serving {
            task_definition: task_definition.to_owned(),
            whose: Whose::Ours,
            healthy: Healthy { healthy: of, of },
        })
    }

    /// Its ARN, where something answers.
    pub fn task_definition(&self) -> Option<&str> {
        match self {
            ServesNow::Revision(serving) => Some(&serving.task_definition),
            ServesNow::NotSeen | ServesNow::Nothing => None,
        }
    }
}
