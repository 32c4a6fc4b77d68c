//! GitHub's deployments of a played world as a person reads them: each with its statuses, and when they came.

use std::time::{Duration, SystemTime};

use shipway_sandbox::World;

pub fn lines(world: &World) -> Vec<String> {
    // The usual world's: 2026-11-24T14:00:00Z.
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_528_800);
    let mut lines = Vec::new();
    for deployment in &world.github.deployments {
        lines.push(format!(
            "{} of {} to {} (task {}) {}",
            deployment.id,
            deployment.sha,
            deployment.environment,
            deployment.task,
            deployment.payload
        ));
        for status in &deployment.statuses {
            let after = status.created_at.duration_since(start).unwrap_or_default();
            let parts = [
                &status.description,
                &status.environment_url,
                &status.log_url,
            ];
            let parts: Vec<&str> = parts
                .iter()
                .map(|p| p.as_str())
                .filter(|p| !p.is_empty())
                .collect();
            lines.push(format!(
                "  {:.1} s {}: {}",
                after.as_secs_f64(),
                status.state,
                parts.join(" · ")
            ));
        }
    }
    lines
}
