//! Where the ECS and ELBv2 half of the world touches the rest: images, logs, roles, GitHub. One function a touch.
//!
//! JOIN: every body in this file is a placeholder until the other half is merged; then each becomes one line.

use crate::world::World;

/// JOIN: `Ecr::default()`
pub fn ecr() -> crate::services::ecr::Ecr {
    crate::services::ecr::Ecr
}

/// JOIN: `Logs::default()`
pub fn logs() -> crate::services::logs::Logs {
    crate::services::logs::Logs
}

/// JOIN: `Iam::default()`
pub fn iam() -> crate::iam::Iam {
    crate::iam::Iam
}

/// JOIN: `GitHub::default()`
pub fn github() -> crate::services::github::GitHub {
    crate::services::github::GitHub
}

/// JOIN: `world.ecr.pullable(image)`. `Err` is the stopped reason as ECS words it (`CannotPullContainerError: …`).
pub fn pullable(_world: &World, _image: &str) -> Result<(), String> {
    Ok(())
}

/// JOIN: `world.ecr.digest_of(image)`, with the text after `@` first.
pub fn digest_of(_world: &World, image: &str) -> Option<String> {
    if let Some((_, digest)) = image.split_once('@') {
        return Some(digest.to_owned());
    }
    use sha2::Digest as _;
    Some(format!(
        "sha256:{}",
        hex::encode(sha2::Sha256::digest(image.as_bytes()))
    ))
}

/// JOIN: remove the image from its repository, as a person or a lifecycle rule would.
pub fn delete_image(_world: &mut World, _image: &str) {}

/// JOIN: append to the log stream.
pub fn log_line(_world: &mut World, _group: &str, _stream: &str, _line: &str) {}

/// JOIN: the world file's `roles`, `repositories`, `github`, `trouble`.
pub fn set_up(_world: &mut World, _rest: &crate::scenario::Rest) -> Result<(), String> {
    Ok(())
}
