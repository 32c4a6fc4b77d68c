//! How much a task takes: of a task definition's `cpu` and `memory`, in ECS's units.

use serde_json::Value;

use crate::model::task_definition::TaskDefinition;

/// 1,024 CPU units are a vCPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskSize {
    pub cpu_units: u32,
    pub memory_mib: u32,
}

/// The task's own, else the sum of its containers'. `None` where nothing says it.
pub fn of(definition: &TaskDefinition) -> Option<TaskSize> {
    let own = |key: &str| definition.document.get(key).and_then(units);
    let of_containers = |keys: &[&str]| -> u32 {
        definition
            .containers()
            .filter_map(|c| keys.iter().find_map(|k| c.get(*k).and_then(units)))
            .sum()
    };
    let size = TaskSize {
        cpu_units: own("cpu").unwrap_or_else(|| of_containers(&["cpu"])),
        memory_mib: own("memory")
            .unwrap_or_else(|| of_containers(&["memory", "memoryReservation"])),
    };
    (size != TaskSize::default()).then_some(size)
}

/// `256`, `"256"`, `".5 vCPU"`, `"1 vCPU"`, `"0.5GB"`, `"2 GB"`.
fn units(value: &Value) -> Option<u32> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_lowercase(),
        _ => return None,
    };
    if let Ok(units) = text.parse() {
        return Some(units);
    }
    let number = text
        .strip_suffix("vcpu")
        .or_else(|| text.strip_suffix("gb"))?
        .trim();
    let number: f64 = number.parse().ok()?;
    let units = number * 1024.0;
    (0.0..=f64::from(u32::MAX))
        .contains(&units)
        .then_some(units as u32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_the_task_or_of_its_containers() {
        for (document, expected) in [
            (json!({"cpu": "256", "memory": "512"}), Some((256, 512))),
            (
                json!({"cpu": ".5 vCPU", "memory": "1 GB"}),
                Some((512, 1024)),
            ),
            (
                json!({"cpu": "1vcpu", "memory": "0.5GB"}),
                Some((1024, 512)),
            ),
            (
                json!({"containerDefinitions": [{"cpu": 10, "memory": 128}, {"cpu": 0, "memoryReservation": 64}]}),
                Some((10, 192)),
            ),
            (
                json!({"memory": "512", "containerDefinitions": [{"cpu": 128}]}),
                Some((128, 512)),
            ),
            (json!({"cpu": "much"}), None),
        ] {
            let Value::Object(document) = document else {
                panic!("an object")
            };
            let size = of(&TaskDefinition {
                document,
                tags: Vec::new(),
            });
            let expected = expected.map(|(cpu_units, memory_mib)| TaskSize {
                cpu_units,
                memory_mib,
            });
            assert_eq!(size, expected);
        }
    }
}
