//! The runtime that runs real containers for tasks.
//!
//! Knows: how to carry out the world's effects on a Docker daemon, and how to leave nothing behind. Does not know why a
//! task starts or stops: the world's scheduler decides, and hears of everything as a fact.

mod lines;
mod pull;
mod reasons;
mod run;
mod task;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
pub use bollard::auth::DockerCredentials;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use run::{Run, forget_images, sweep, sweep_stale};

use crate::world::{Effect, Fact};

/// How often the world is asked for effects. The world is lazy, so this is also what makes its time pass.
const LOOK_FOR_EFFECTS: Duration = Duration::from_millis(100);
/// A call may last as long as ECS lets a container take to stop (120 s), and a bit.
const CALL_TIMEOUT: Duration = Duration::from_secs(180);
/// A daemon that does not answer a ping in this time is not there.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What the runtime asks of the world, and tells it.
pub trait Tasks: Send + Sync + 'static {
    /// Advances the world to now, and takes what it wants done.
    fn take_effects(&self) -> Vec<Effect>;
    fn learn(&self, fact: Fact);
    /// How to log in to a registry, for the sandbox's own. Its images are always asked for, so that one which vanished
    /// there is missed; an image of any other registry that is here by digest is not pulled again.
    fn credentials(&self, registry: &str) -> Option<DockerCredentials>;
}

/// No Docker daemon, in the words of whoever could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("no Docker daemon at {host}: {why}. {help}")]
pub struct NoDocker {
    pub host: String,
    pub why: String,
    /// What to start, or which right is missing.
    pub help: String,
}

/// Connects to the daemon that `DOCKER_HOST` names, or to the local one, and agrees on an API version with it.
pub async fn connect() -> Result<Docker, NoDocker> {
    let host =
        std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let docker = Docker::connect_with_host(&host).map_err(|error| no_docker(&host, &error))?;
    let docker = docker.with_timeout(PING_TIMEOUT);
    docker
        .ping()
        .await
        .map_err(|error| no_docker(&host, &error))?;
    let docker = docker
        .negotiate_version()
        .await
        .map_err(|error| no_docker(&host, &error))?;
    Ok(docker.with_timeout(CALL_TIMEOUT))
}

fn no_docker(host: &str, error: &bollard::errors::Error) -> NoDocker {
    let mut why = error.to_string();
    let mut denied = false;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        denied |= error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        why = error.to_string();
        cause = error.source();
    }
    let help = if denied {
        "This user may not open the socket: add it to the group `docker`, or run as root."
    } else {
        "Start Docker (`sudo systemctl start docker`, or Docker Desktop), or set DOCKER_HOST to a daemon that runs."
    };
    NoDocker {
        host: host.to_owned(),
        why,
        help: help.to_owned(),
    }
}

/// Carries out the world's effects until the shutdown, and then removes every container of this run.
pub async fn run(world: Arc<dyn Tasks>, docker: Docker, run: Run, shutdown: CancellationToken) {
    let runtime = task::Runtime {
        world: Arc::clone(&world),
        docker: docker.clone(),
        run: run.clone(),
    };
    let mut stops: BTreeMap<String, oneshot::Sender<Duration>> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut look = interval(LOOK_FOR_EFFECTS);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                if let Ok(task_arn) = ended {
                    stops.remove::<String>(&task_arn);
                }
            }
            _ = look.tick() => {
                for effect in world.take_effects() {
                    match effect {
                        Effect::StartTask(task) => {
                            let (stop, stopped) = oneshot::channel();
                            stops.insert(task.task_arn.clone(), stop);
                            tasks.spawn(runtime.clone().live(task, stopped));
                        }
                        Effect::StopTask { task_arn, stop_timeout } => {
                            let told = stops.remove(&task_arn).is_some_and(|stop| stop.send(stop_timeout).is_ok());
                            if !told {
                                // It never started, or its end is already known.
                                world.learn(Fact::TaskStopped { task_arn, exit_codes: Vec::new() });
                            }
                        }
                    }
                }
            }
        }
    }
    // A create that was under way when its task was dropped may still make a container: hence after, and twice.
    tasks.shutdown().await;
    for _ in 0..2 {
        sweep(&docker, &run).await.ok();
    }
}
