//! Tasks that stop the same way again and again, where no circuit breaker counts them: a change of the desired count. Knows
//! ECS's words for causes that no later task escapes.

use crate::model::Untrusted;
use crate::model::task::Task;

use super::Sentence;

/// A cause that no later task escapes: on two tasks it is none of one host's.
const CERTAIN: usize = 2;
/// Any other stop may pass once or twice.
const ALIKE: usize = 3;

/// Words that come together in the reason of a stop, and what they say.
const CAUSES: [(&[&str], &str); 7] = [
    (&["CannotPull", "not found"], "the image is not there"),
    (&["CannotPull", "does not exist"], "the image is not there"),
    (
        &["CannotPull", "manifest unknown"],
        "the image is not there",
    ),
    (&["CannotPull", "denied"], "pulling the image is denied"),
    (
        &["CannotPull", "not authorized"],
        "pulling the image is denied",
    ),
    (
        &["unable to pull secrets"],
        "a secret of its could not be read",
    ),
    (
        &["exec format error"],
        "the image is for another architecture",
    ),
];

/// Why it will not come to what is desired, of failed tasks in the order in which they stopped.
pub(super) fn hopeless(stops: &[Task]) -> Option<Sentence> {
    let last = stops.last()?;
    let certain = |task: &Task| CAUSES.iter().find(|(words, _)| says(task, words));
    if let Some((words, cause)) = certain(last) {
        let tasks = stops.iter().filter(|t| says(t, words)).count();
        if tasks >= CERTAIN {
            return Some(Sentence::new(format!(
                "{tasks} tasks stopped because {cause}."
            )));
        }
    }
    let tasks = stops.iter().filter(|t| alike(t, last)).count();
    (tasks >= ALIKE).then(|| Sentence::new(format!("{tasks} tasks stopped in the same way.")))
}

fn says(task: &Task, words: &[&str]) -> bool {
    reasons(task).any(|reason| words.iter().all(|w| reason.contains(w)))
}

fn reasons(task: &Task) -> impl Iterator<Item = &Untrusted> {
    let containers = task.containers.iter().filter_map(|c| c.reason.as_ref());
    task.stopped_reason.iter().chain(containers)
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
