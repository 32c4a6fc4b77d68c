//! Reads the secrets that settings only point at, into a type that prints nothing.

use secrecy::{ExposeSecret, SecretString};

use super::arguments::GitHubAccess;
use super::env::Env;
use super::error::InputError;
use super::values::{BuildSecret, SecretSource};

/// Unless told otherwise, GitHub's token is where workflows put it.
const GITHUB_TOKEN: &str = "GITHUB_TOKEN";

impl GitHubAccess {
    /// GitHub's token, `None` when nobody gave one and `GITHUB_TOKEN` is not set.
    pub fn read_github_token(&self, env: &Env) -> Result<Option<SecretString>, InputError> {
        match &self.github_token {
            // A file ends with a newline; a token does not.
            Some(source) => read(source, "`github-token`", env)
                .map(|token| Some(SecretString::from(token.expose_secret().trim()))),
            None => Ok(env.var(GITHUB_TOKEN).map(SecretString::from)),
        }
    }
}

impl BuildSecret {
    pub fn read(&self, env: &Env) -> Result<SecretString, InputError> {
        read(&self.source, &format!("`build-secrets` `{}`", self.id), env)
    }
}

fn read(source: &SecretSource, setting: &str, env: &Env) -> Result<SecretString, InputError> {
    match source {
        SecretSource::Env(name) => {
            env.var(name)
                .map(SecretString::from)
                .ok_or_else(|| InputError::SecretUnset {
                    setting: setting.to_owned(),
                    name: name.clone(),
                })
        }
        SecretSource::File(path) => std::fs::read_to_string(env.cwd.join(path))
            .map(SecretString::from)
            .map_err(|error| InputError::SecretUnreadable {
                setting: setting.to_owned(),
                path: path.clone(),
                reason: error.to_string(),
            }),
        SecretSource::Literal => Err(InputError::SecretLiteral {
            place: super::Place::Flag {
                setting: setting.trim_matches('`').to_owned(),
            },
            form: "env:NAME or file:PATH",
        }),
    }
}
