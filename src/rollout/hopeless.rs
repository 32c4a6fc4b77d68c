//! Tasks that stop the same way again and again, where no circuit breaker counts them: a change of the desired count.

use crate::model::task::Task;

use super::Sentence;
use super::causes::of_stop;

/// A cause that no later task escapes: on two tasks it is none of one host's.
const CERTAIN: usize = 2;
/// Any other stop may pass once or twice.
const ALIKE: usize = 3;

/// Why it will not come to what is desired, of failed tasks in the order in which they stopped.
pub(super) fn hopeless(stops: &[Task]) -> Option<Sentence> {
    let last = stops.last()?;
    if let Some(cause) = of_stop(last).filter(|c| c.certain) {
        let tasks = stops.iter().filter(|t| of_stop(t) == Some(cause)).count();
        if tasks >= CERTAIN {
            return Some(Sentence::new(format!(
                "{tasks} tasks stopped because {}.",
                cause.title
            )));
        }
    }
    let tasks = stops.iter().filter(|t| alike(t, last)).count();
    (tasks >= ALIKE).then(|| Sentence::new(format!("{tasks} tasks stopped in the same way.")))
}

/// The same code and reason, and the same of each container. Which task it was is in none of them.
fn alike(one: &Task, other: &Task) -> bool {
    let containers = |task: &Task| {
        let mut said: Vec<_> = task
            .containers
            .iter()
            .map(|c| (c.name.clone(), c.exit_code, c.reason.clone()))
            .collect();
        said.sort();
        said
    };
    one.stop_code == other.stop_code
        && one.stopped_reason == other.stopped_reason
        && containers(one) == containers(other)
}
