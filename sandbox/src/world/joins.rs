//! Where the ECS and ELBv2 half of the world touches the rest: images and logs. One function a touch.

use crate::world::World;

/// `Err` is the stopped reason as ECS words it (`CannotPullContainerError: …`).
pub fn pullable(world: &World, image: &str) -> Result<(), String> {
    world.ecr.pullable(image)
}

/// What the image resolves to: the text after `@`, the registry's word, or a made-up digest for another registry.
pub fn digest_of(world: &World, image: &str) -> Option<String> {
    if let Some((_, digest)) = image.split_once('@') {
        return Some(digest.to_owned());
    }
    use sha2::Digest as _;
    let foreign = || {
        format!(
            "sha256:{}",
            hex::encode(sha2::Sha256::digest(image.as_bytes()))
        )
    };
    Some(world.ecr.digest_of(image).unwrap_or_else(foreign))
}

/// Removes the image from its repository, as a person or a lifecycle rule would.
pub fn delete_image(world: &mut World, image: &str) {
    world.ecr.delete_image(image);
}

pub fn log_line(world: &mut World, group: &str, stream: &str, line: &str) {
    let now = world.now;
    world.logs.append(group, stream, line, now);
}

/// `ecr:web:v1` in a world file: the image of the world's own repository, by digest, as a deploy would have written it.
pub fn named(world: &World, image: &str) -> String {
    let by_digest = || {
        let (name, tag) = image.strip_prefix("ecr:")?.split_once(':')?;
        let uri = world.ecr.repository_uri(&world.place, name);
        let digest = world.ecr.digest_of(&format!("{uri}:{tag}"))?;
        Some(format!("{uri}@{digest}"))
    };
    by_digest().unwrap_or_else(|| image.to_owned())
}
