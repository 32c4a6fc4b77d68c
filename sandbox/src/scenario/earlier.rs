//! What a service of a world file ran before the world's present: revisions that were registered and deployed, one after another.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::ServiceFile;
use super::build::{call, create_service_of, overlay, task_definition};
use crate::services::ecs;
use crate::world::World;

/// Long enough for a deployment to complete.
const BETWEEN: Duration = Duration::from_secs(600);

/// An earlier revision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct EarlierFile {
    pub image: String,
    /// Of its task definition.
    pub tags: BTreeMap<String, String>,
    /// Registered, and never deployed.
    pub only_registered: bool,
    /// Deregistered since.
    pub deregistered: bool,
}

/// Creates the service on the first, and deploys each of the others; what the file says of the service itself comes last.
pub(super) fn create(world: &mut World, file: &ServiceFile) -> Result<(), String> {
    let mut exists = false;
    for earlier in &file.earlier {
        let tags: Vec<_> = (earlier.tags.iter())
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        let like = ServiceFile {
            image: earlier.image.clone(),
            ..file.clone()
        };
        let mut document = task_definition(world, &like);
        overlay(&mut document, &json!({ "tags": tags }));
        let arn = register(world, &document)?;
        if !earlier.only_registered {
            deploy(world, file, &arn, exists)?;
            exists = true;
            world.advance(world.now + BETWEEN);
        }
        if earlier.deregistered {
            let input = json!({ "taskDefinition": arn });
            call(world, ecs::OPERATIONS, "DeregisterTaskDefinition", &input)?;
        }
    }
    let document = task_definition(world, file);
    let arn = register(world, &document)?;
    deploy(world, file, &arn, exists)?;
    // Nothing of it came from outside.
    world.timeline.updated = false;
    Ok(())
}

fn register(world: &mut World, document: &serde_json::Value) -> Result<serde_json::Value, String> {
    let answer = call(world, ecs::OPERATIONS, "RegisterTaskDefinition", document)?;
    Ok(answer["taskDefinition"]["taskDefinitionArn"].clone())
}

fn deploy(
    world: &mut World,
    file: &ServiceFile,
    arn: &serde_json::Value,
    exists: bool,
) -> Result<(), String> {
    if !exists {
        return create_service_of(world, file, arn);
    }
    let cluster = file.cluster.as_deref().unwrap_or("default");
    let input = json!({ "cluster": cluster, "service": file.name, "taskDefinition": arn });
    call(world, ecs::OPERATIONS, "UpdateService", &input).map(drop)
}
