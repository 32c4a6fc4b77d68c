//! `shipway sandbox`: serves the stand-ins for AWS and GitHub alone, and prints how to point a client at them.
//!
//! Its tasks are scripted and need no Docker, unless the world file wants real ones: then its load balancers listen, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use miette::Diagnostic;
use shipway_sandbox::alb::{Alb, Routes};
use shipway_sandbox::doors::server::{Listening, Server};
use shipway_sandbox::driver::real::FurtherListener;
use shipway_sandbox::iam::UserSpec;
use shipway_sandbox::runtimes::docker::{self, NoDocker, Run};
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::seed_world::{Parameters, seed_world};
use shipway_sandbox::{Clock, Sandbox};
use thiserror::Error as ThisError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::inputs::arguments::SandboxArgs;
use crate::inputs::env::Env;

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
        help("correct what the message names")
    )]
    NoWorld { path: String, why: String },
    #[error("cannot listen on port {port}")]
    #[diagnostic(
        code(shipway::sandbox::listen),
        help("choose another port, or none for a free one")
    )]
    Listen {
        port: u16,
        #[source]
        source: std::io::Error,
    },
    #[error("no Docker daemon at {}: {}", .0.host, .0.why)]
    #[diagnostic(
        code(shipway::sandbox::no_docker),
        help("{} A world without `real-tasks` needs none.", .0.help)
    )]
    NoDocker(NoDocker),
}

pub async fn run(args: &SandboxArgs, env: &Env) -> Result<u8, Error> {
    let (path, mut file) = world_file(args, env)?;
    if file.iam.users.is_empty() {
        file.iam.users.push(static_user());
    }
    let user = file.iam.users.first().cloned().unwrap_or_else(static_user);
    let trouble = std::mem::take(&mut file.trouble);
    // A port is taken before there is anything to clean up.
    let port = args.port.unwrap_or(0);
    let door = Listening::on(port)
        .await
        .map_err(|source| SandboxError::Listen { port, source })?;
    let clock = Clock::real();
    let world = file
        .build(clock.now())
        .map_err(|why| SandboxError::NoWorld { path, why })?;
    let sandbox = Sandbox::new(world, clock, trouble);
    let server = door.serve(sandbox.clone());
    let real = match sandbox.with_world(|world| world.real_tasks) {
        true => Some(Real::start(&sandbox).await?),
        false => None,
    };
    for line in exports(&sandbox, &server, &user) {
        crate::report::show(env, &line);
    }
    crate::report::tell(
        env,
        &format!("Serving http://{} until Ctrl-C.", server.addr),
    );
    env.cancel.cancelled().await;
    if let Some(real) = real {
        real.stop(&server.addr.to_string()).await;
    }
    server.stop().await;
    Ok(0)
}

/// The file's path, as it is named in an error, and its content.
fn world_file(args: &SandboxArgs, env: &Env) -> Result<(String, WorldFile), SandboxError> {
    let Some(file) = &args.world else {
        return Ok((
            "the default world".to_owned(),
            seed_world(Parameters::default()),
        ));
    };
    let path = file.display().to_string();
    match std::fs::read_to_string(env.cwd.join(file)) {
        Err(source) => Err(SandboxError::Unread { path, source }),
        Ok(text) => match WorldFile::parse(&text) {
            Ok(file) => Ok((path, file)),
            Err(why) => Err(SandboxError::NoWorld { path, why }),
        },
    }
}

/// Real containers, and a load balancer that listens on each listener's port.
struct Real {
    docker: bollard::Docker,
    balancers: Vec<Alb>,
    containers: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Real {
    async fn start(sandbox: &Sandbox) -> Result<Real, SandboxError> {
        let docker = docker::connect().await.map_err(SandboxError::NoDocker)?;
        docker::sweep_stale(&docker).await.ok();
        let ports: BTreeSet<u16> = sandbox.with_world(|world| {
            world
                .elbv2
                .listeners
                .values()
                .map(|listener| listener.port)
                .collect()
        });
        let mut balancers = Vec::new();
        for port in ports {
            let routes: Arc<dyn Routes> = match balancers.is_empty() {
                true => Arc::new(sandbox.clone()),
                false => Arc::new(FurtherListener(sandbox.clone())),
            };
            let balancer = Alb::start(routes, Some(port))
                .await
                .map_err(|source| SandboxError::Listen { port, source })?;
            balancers.push(balancer);
        }
        let shutdown = CancellationToken::new();
        let run = docker::run(
            Arc::new(sandbox.clone()),
            docker.clone(),
            Run::here(),
            shutdown.clone(),
        );
        Ok(Real {
            docker,
            balancers,
            containers: tokio::spawn(run),
            shutdown,
        })
    }

    async fn stop(self, registry: &str) {
        for balancer in self.balancers {
            balancer.stop().await;
        }
        self.shutdown.cancel();
        // Its panic was told by the panic hook.
        self.containers.await.ok();
        docker::forget_images(&self.docker, registry).await.ok();
    }
}

/// Whoever reads the `export` lines: the user of AWS's own documentation, so that no scanner takes the key for a real one.
pub fn static_user() -> UserSpec {
    UserSpec {
        name: "visitor".to_owned(),
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        policy: serde_json::Value::Null,
    }
}

/// Lines for a POSIX shell that point any client of AWS or GitHub at a server, as this user.
pub fn exports(sandbox: &Sandbox, server: &Server, user: &UserSpec) -> Vec<String> {
    let mut variables = server.environment();
    let (region, registry) =
        sandbox.with_world(|world| (world.place.region.clone(), world.ecr.host(&world.place)));
    for (name, value) in [
        ("AWS_DEFAULT_REGION", region),
        ("AWS_ACCESS_KEY_ID", user.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", user.secret_access_key.clone()),
        ("ECR_REGISTRY", registry),
    ] {
        variables.insert(name.to_owned(), value);
    }
    // They would take precedence over the keys.
    let unset = "unset AWS_PROFILE AWS_SESSION_TOKEN".to_owned();
    let export = |(name, value): (String, String)| format!("export {name}={}", quoted(&value));
    [unset]
        .into_iter()
        .chain(variables.into_iter().map(export))
        .collect()
}

/// For a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(quoted("http://127.0.0.1:4000"), "'http://127.0.0.1:4000'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
