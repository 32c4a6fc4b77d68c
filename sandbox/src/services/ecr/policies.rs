//! A repository's own policy, as a world file gives it. It is shown and not enforced: no other account lives in this world.

use serde_json::{Value, json};

use super::repository;
use crate::world::{Answer, ApiError, World};

pub fn get_repository_policy(world: &mut World, input: &Value) -> Answer {
    let repository = repository(world, input)?;
    if repository.policy.is_null() {
        let message = format!(
            "Repository policy does not exist for the repository with name '{}' in the registry with id '{}'",
            repository.name, world.place.account
        );
        return Err(ApiError::new("RepositoryPolicyNotFoundException", message));
    }
    Ok(json!({
        "registryId": world.place.account,
        "repositoryName": repository.name,
        "policyText": repository.policy.to_string(),
    }))
}
