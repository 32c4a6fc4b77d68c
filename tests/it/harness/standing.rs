//! How the services of a played world stand, a line each: count and tasks, tags, scalable target, parameters. Whoever reads two
//! of them sees what changed.

use shipway_sandbox::World;
use shipway_sandbox::services::ecs::LastStatus;

pub fn lines(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, service) in &world.ecs.services {
        let running = world
            .ecs
            .tasks
            .values()
            .filter(|t| t.service.as_ref() == Some(key) && t.last_status == LastStatus::Running)
            .count();
        let mut line = format!(
            "{}/{}: desired {}, running {running}",
            key.0, key.1, service.desired
        );
        if service.status != "ACTIVE" {
            line.push_str(&format!(", {}", service.status));
        }
        if let Some(target) = world.autoscaling.targets.get(key) {
            line.push_str(&format!(", autoscaling {}–{}", target.min, target.max));
            let suspended = target.suspended;
            for (is, what) in [
                (suspended.dynamic_in, "in"),
                (suspended.dynamic_out, "out"),
                (suspended.scheduled, "scheduled"),
            ] {
                if is {
                    line.push_str(&format!(" -{what}"));
                }
            }
        }
        for (name, value) in world.ecs.tags.get(&service.arn).into_iter().flatten() {
            line.push_str(&format!(", {name}={value}"));
        }
        lines.push(line);
    }
    lines
}
