//! What the container's last lines tell beyond what ECS said. Knows which causes leave that open; finds no lines itself.

use crate::model::Untrusted;

use super::super::Sentence;
use super::super::causes::{self, Cause};
use super::super::template::fill;
use super::Diagnosis;

/// Causes that ECS or ELB name only by how it ended: the log may tell why.
const OPEN: [&str; 17] = [
    "aborted",
    "application-error",
    "circuit-breaker",
    "container-dependency-failed",
    "container-health-check",
    "elb-health-check",
    "entrypoint-not-executable",
    "entrypoint-not-found",
    "finished",
    "health-check-timeout",
    "health-path-errors",
    "limit-ran-out",
    "port-not-reachable",
    "sidecar-ended-first",
    "stop-unexplained",
    "terminated",
    "unexplained",
];

/// The diagnosis with what these lines add, the oldest first. Only a cause that leaves the question open gives way, and only
/// to a line that hardly means anything else.
pub fn with_logs(mut diagnosis: Diagnosis, lines: &[Untrusted]) -> Diagnosis {
    if !OPEN.contains(&diagnosis.cause.name) {
        return diagnosis;
    }
    // The last line that tells is nearest to the end.
    let told = lines.iter().rev().find_map(|line| {
        let cause = causes::of_line(line).filter(|c| fits(c, diagnosis.cause))?;
        Some((line, cause))
    });
    let Some((line, cause)) = told else {
        return diagnosis;
    };
    let before = std::mem::replace(&mut diagnosis.cause, cause);
    let how_it_ended = std::mem::replace(
        &mut diagnosis.headline,
        fill(cause.headline, &diagnosis.values),
    );
    let fixes = cause.fixes.iter().map(|fix| fill(fix, &diagnosis.values));
    diagnosis.fixes = fixes.collect();
    diagnosis
        .evidence
        .insert(0, Sentence::new("its log: ").quote(line));
    if before != cause {
        diagnosis.evidence.insert(1, how_it_ended);
    }
    diagnosis
}

/// That it listens on localhost says something only where nobody reached it.
fn fits(cause: &Cause, open: &Cause) -> bool {
    let unreached = matches!(
        open.name,
        "port-not-reachable" | "health-check-timeout" | "elb-health-check" | "limit-ran-out"
    );
    // Of a server error the application's own line is the answer, not each word in it.
    let crashed = !matches!(open.name, "health-path-errors");
    match cause.name {
        "listens-on-localhost" => unreached,
        "entrypoint-not-found" | "entrypoint-not-executable" | "exec-format-error" => crashed,
        _ => true,
    }
}
