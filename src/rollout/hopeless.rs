//! Tasks that stop the same way again and again: how many are enough to know that no later one will fare better. Knows stops;
//! whether anybody counts them, and what is done about it, is the machine's.

use crate::model::task::Task;

use super::Sentence;
use super::causes::of_stop;

/// A cause that no later task escapes: on two tasks it is none of one host's.
const CERTAIN: usize = 2;
/// Any other stop may pass once or twice.
const ALIKE: usize = 3;

/// A cause that no later task escapes, of failed tasks.
pub(super) fn certain(stops: &[Task]) -> Option<Sentence> {
    stops.iter().rev().find_map(|stop| {
        let cause = of_stop(stop).filter(|c| c.certain)?;
        let tasks = stops.iter().filter(|t| of_stop(t) == Some(cause)).count();
        (tasks >= CERTAIN).then(|| because(tasks, cause.title))
    })
}

/// The third stop of a kind, whatever it is.
pub(super) fn alike<'t>(stops: impl IntoIterator<Item = &'t Task>) -> Option<Sentence> {
    let stops: Vec<&Task> = stops.into_iter().collect();
    stops.iter().rev().find_map(|stop| {
        let tasks = stops.iter().filter(|t| are_alike(t, stop)).count();
        (tasks >= ALIKE).then(|| match of_stop(stop) {
            Some(cause) => because(tasks, cause.title),
            None => in_the_same_way(tasks, stop),
        })
    })
}

fn because(tasks: usize, title: &str) -> Sentence {
    Sentence::new(format!("{tasks} tasks stopped because {title}."))
}

fn in_the_same_way(tasks: usize, stop: &Task) -> Sentence {
    let same = format!("{tasks} tasks stopped in the same way");
    let codes = stop.containers.iter().filter_map(|c| c.exit_code);
    let mut codes = codes.filter(|code| *code != 0);
    match (codes.next(), codes.next(), &stop.stopped_reason) {
        (Some(code), None, _) => Sentence::new(format!("{same}: exit code {code}.")),
        (None, _, Some(reason)) => Sentence::new(format!("{same}: ")).quote(reason),
        _ => Sentence::new(format!("{same}.")),
    }
}

/// The same cause; or the same code and reason, and the same of each container. Which task it was is in none of them.
fn are_alike(one: &Task, other: &Task) -> bool {
    if let Some(cause) = of_stop(one) {
        return of_stop(other) == Some(cause);
    }
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
