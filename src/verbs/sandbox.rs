//! `shipway sandbox`: serves the stand-ins for AWS and GitHub alone, and prints how to point a client at them.
//!
//! Its tasks are scripted: it needs no Docker.

use std::sync::Arc;
use std::time::SystemTime;

use miette::Diagnostic;
use shipway_sandbox::doors::server::Server;
use shipway_sandbox::{Clock, Sandbox, seed_world};
use thiserror::Error as ThisError;

use crate::error::Error;
use crate::inputs::arguments::SandboxArgs;
use crate::inputs::env::Env;
use crate::report::terminal::write_line;

#[derive(Debug, ThisError, Diagnostic)]
pub enum SandboxError {
    #[error("cannot read {path}")]
    #[diagnostic(
        code(shipway::usage::world_unread),
        help("name a world file that can be read")
    )]
    Unread {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is not a world: {why}")]
    #[diagnostic(
        code(shipway::usage::world_invalid),
        help("correct the line that the message names")
    )]
    NoWorld { path: String, why: String },
    #[error("cannot listen on port {}", .port.map_or("0".to_owned(), |port| port.to_string()))]
    #[diagnostic(
        code(shipway::sandbox::listen),
        help("choose another port, or none for a free one")
    )]
    Listen {
        port: Option<u16>,
        #[source]
        source: std::io::Error,
    },
}

pub async fn run(args: &SandboxArgs, env: &Env) -> Result<u8, Error> {
    let now = SystemTime::now();
    let world = match &args.world {
        None => seed_world::empty(now),
        Some(file) => {
            let path = file.display().to_string();
            let text = std::fs::read_to_string(env.cwd.join(file)).map_err(|source| {
                SandboxError::Unread {
                    path: path.clone(),
                    source,
                }
            })?;
            seed_world::WorldFile::parse(&text)
                .and_then(|file| file.build(now))
                .map_err(|why| SandboxError::NoWorld {
                    path,
                    why: why.to_string(),
                })?
        }
    };
    let sandbox = Arc::new(Sandbox::new(world, Clock::real(), "{}"));
    let server =
        Server::start(sandbox, args.port)
            .await
            .map_err(|source| SandboxError::Listen {
                port: args.port,
                source,
            })?;
    for (name, value) in server.surroundings() {
        write_line(&env.stdout, &format!("export {name}={}", quoted(&value)));
    }
    write_line(
        &env.stderr,
        &format!("Serving http://{} until Ctrl-C.", server.addr()),
    );
    env.cancel.cancelled().await;
    server.stop().await;
    Ok(0)
}

/// For a POSIX shell.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(quoted("http://127.0.0.1:4000"), "http://127.0.0.1:4000");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
