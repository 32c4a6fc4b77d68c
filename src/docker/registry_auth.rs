//! Logins to registries, held in memory only. Knows how the engine and BuildKit want them; never writes
//! `~/.docker/config.json`, and never shows a password.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use secrecy::{ExposeSecret, SecretString};

/// A login to one registry. `registry` is its host, with a port if it has one.
#[derive(Debug, Clone)]
pub struct RegistryAuth {
    pub registry: String,
    pub username: String,
    pub password: SecretString,
}

/// The registry part of an image reference; none means Docker Hub.
pub fn registry_of(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

/// The login for a registry, if one was given.
pub fn find<'a>(auths: &'a [RegistryAuth], registry: &str) -> Option<&'a RegistryAuth> {
    auths
        .iter()
        .find(|auth| auth.registry.eq_ignore_ascii_case(registry))
}

/// The value of `X-Registry-Auth`: JSON in the URL-safe alphabet, which the engine insists on.
pub fn header(auth: Option<&RegistryAuth>) -> String {
    let json = match auth {
        Some(auth) => serde_json::json!({
            "username": auth.username,
            "password": auth.password.expose_secret(),
            "serveraddress": auth.registry,
        }),
        None => serde_json::json!({}),
    };
    URL_SAFE.encode(json.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_the_first_part_only_if_it_looks_like_a_host() {
        for (image, expected) in [
            ("nginx", None),
            ("library/nginx:1", None),
            ("localhost/app", Some("localhost")),
            ("127.0.0.1:5000/app:v1", Some("127.0.0.1:5000")),
            (
                "1234.dkr.ecr.eu-west-1.amazonaws.com/a/b@sha256:00",
                Some("1234.dkr.ecr.eu-west-1.amazonaws.com"),
            ),
        ] {
            assert_eq!(registry_of(image), expected, "{image}");
        }
    }

    #[test]
    fn the_header_is_url_safe_and_padded() {
        let auth = RegistryAuth {
            registry: "r.example".to_owned(),
            username: "AWS".to_owned(),
            password: SecretString::from("??~~>>"),
        };
        let header = header(Some(&auth));
        assert!(!header.contains(['+', '/']), "{header}");
        let json = URL_SAFE.decode(header).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["password"], "??~~>>");
        assert!(
            !format!("{auth:?}").contains("??~~"),
            "a debug print must not show it"
        );
    }
}
