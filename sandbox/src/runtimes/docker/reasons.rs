//! Docker's errors in the words that ECS gives as a task's stopped reason.
//!
//! Knows: the prefixes and phrases of ECS. Keeps what Docker itself says wherever ECS would quote its runtime.

use bollard::errors::Error;

pub fn cannot_pull(image: &str, error: &Error) -> String {
    let said = message(error);
    if said.contains("no matching manifest for") {
        let platform = said
            .split_whitespace()
            .find(|word| word.contains('/') && word.starts_with(char::is_alphabetic));
        return format!(
            "CannotPullContainerError: image Manifest does not contain descriptor matching platform '{}'",
            platform.unwrap_or("linux/amd64")
        );
    }
    let missing = [
        "manifest unknown",
        "not found",
        "MANIFEST_UNKNOWN",
        "NAME_UNKNOWN",
    ]
    .iter()
    .any(|words| said.contains(words));
    let why = if missing {
        format!("{image}: not found")
    } else {
        said
    };
    format!(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {why}"
    )
}

pub fn cannot_create(error: &Error) -> String {
    format!(
        "CannotCreateContainerError: Error response from daemon: {}",
        message(error)
    )
}

pub fn cannot_start(error: &Error) -> String {
    let said = message(error);
    let said = said.trim_end_matches(": unknown");
    format!(
        "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: {said}: unknown"
    )
}

/// What the daemon said, without what the client library says around it.
fn message(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } => error.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use bollard::errors::Error;

    use super::{cannot_pull, cannot_start};

    const IMAGE: &str = "127.0.0.1:5000/test-repos:latest";

    #[track_caller]
    fn check_pull(docker: &str, ecs: &str) {
        assert_eq!(
            cannot_pull(
                IMAGE,
                &Error::DockerStreamError {
                    error: docker.to_owned()
                }
            ),
            ecs
        );
    }

    #[test]
    fn an_image_that_is_not_there() {
        check_pull(
            "manifest for 127.0.0.1:5000/test-repos:latest not found: manifest unknown: manifest unknown",
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
             127.0.0.1:5000/test-repos:latest: 127.0.0.1:5000/test-repos:latest: not found",
        );
    }

    #[test]
    fn an_image_of_another_platform() {
        check_pull(
            "no matching manifest for linux/arm64 in the manifest list entries",
            "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'",
        );
    }

    #[test]
    fn a_registry_that_is_away_keeps_dockers_words() {
        check_pull(
            "Get \"http://127.0.0.1:5000/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused",
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
             127.0.0.1:5000/test-repos:latest: Get \"http://127.0.0.1:5000/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused",
        );
    }

    #[test]
    fn a_start_that_fails_ends_like_ecs_ends_it() {
        let said = "failed to create shim: OCI runtime create failed: exec: \"/nope\": stat /nope: no such file or directory: unknown";
        let error = Error::DockerResponseServerError {
            status_code: 400,
            message: said.to_owned(),
        };
        assert_eq!(
            cannot_start(&error),
            format!(
                "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: {said}"
            )
        );
    }
}
