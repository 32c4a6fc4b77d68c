//! The life of one task: pull, create, start, run, stop, remove.
//!
//! Knows: one task and its containers. Its containers share one network, as those of a task in `awsvpc` mode do: the
//! first essential one holds it, publishes all ports on loopback, and the others join it.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding, PortMap};
use bollard::query_parameters::{
    CreateContainerOptions, EventsOptionsBuilder, InspectContainerOptions, LogsOptionsBuilder,
    StartContainerOptions, StopContainerOptionsBuilder, WaitContainerOptions,
};
use futures_util::future::{BoxFuture, FusedFuture as _, join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::lines::Lines;
use super::run::remove_container;
use super::{Run, Tasks, reasons};
use crate::world::{ContainerToStart, Fact, TaskToStart};

/// What a container may use when its task definition does not say: a runaway must not take the machine along.
const DEFAULT_MEMORY_MIB: u64 = 512;
/// How long the last log lines may take after a container's end.
const LAST_LINES: Duration = Duration::from_secs(10);

/// How long the word of memory that ran out may take after a container's end.
const LAST_EVENT: Duration = Duration::from_secs(1);
/// Exit code of what SIGKILL ended.
const KILLED: i64 = 137;

#[derive(Clone)]
pub struct Runtime {
    pub world: Arc<dyn Tasks>,
    pub docker: Docker,
    pub run: Run,
}

struct Started {
    name: String,
    id: String,
}

struct Exited {
    name: String,
    exit_code: i64,
    out_of_memory: bool,
}

impl Runtime {
    /// From its start to its end; returns the task's ARN.
    pub async fn live(self, task: TaskToStart, mut stop: oneshot::Receiver<Duration>) -> String {
        let task_arn = task.task_arn.clone();
        let pulled = tokio::select! {
            biased;
            Ok(_) = &mut stop => {
                self.world.learn(Fact::TaskStopped { task_arn: task_arn.clone(), exit_codes: Vec::new() });
                return task_arn;
            }
            pulled = self.pull_all(&task) => pulled,
        };
        let mut started = Vec::new();
        let running = match pulled {
            Ok(image_digests) => self
                .start_all(&task, &mut started)
                .await
                .map(|reachable| (image_digests, reachable)),
            Err(reason) => Err(reason),
        };
        match running {
            Ok((image_digests, reachable)) => {
                self.world.learn(Fact::TaskRunning {
                    task_arn: task_arn.clone(),
                    reachable,
                    image_digests,
                });
            }
            Err(reason) => {
                self.remove_all(&started).await;
                self.world.learn(Fact::TaskFailedToStart {
                    task_arn: task_arn.clone(),
                    reason,
                });
                // From here on a stop is answered by who asks; one that came meanwhile is answered now.
                stop.close();
                if stop.try_recv().is_ok() {
                    self.world.learn(Fact::TaskStopped {
                        task_arn: task_arn.clone(),
                        exit_codes: Vec::new(),
                    });
                }
                return task_arn;
            }
        }
        self.watch(&task, &started, stop).await;
        task_arn
    }

    /// Reports each exit, until the world wants the task stopped.
    async fn watch(
        &self,
        task: &TaskToStart,
        started: &[Started],
        stop: oneshot::Receiver<Duration>,
    ) {
        let mut stop = stop.fuse();
        let mut exits: FuturesUnordered<BoxFuture<'_, Exited>> = FuturesUnordered::new();
        for container in started {
            let log_stream = task
                .containers
                .iter()
                .find(|of_task| of_task.name == container.name)
                .and_then(|c| c.log_stream.clone());
            exits.push(self.until_exit(container, log_stream).boxed());
        }
        let mut exit_codes = Vec::new();
        let stop_timeout = loop {
            tokio::select! {
                biased;
                Some(exit) = exits.next() => {
                    exit_codes.push((exit.name.clone(), exit.exit_code));
                    self.world.learn(Fact::ContainerExited {
                        task_arn: task.task_arn.clone(),
                        container: exit.name,
                        exit_code: exit.exit_code,
                        out_of_memory: exit.out_of_memory,
                    });
                    if exits.is_empty() {
                        self.remove_all(started).await;
                    }
                }
                // The sender only goes away with the runtime, and everything with it.
                asked = &mut stop => match asked {
                    Ok(stop_timeout) => break stop_timeout,
                    Err(_) => return,
                },
            }
        };
        if !exits.is_empty() {
            let stopping = join_all(
                started
                    .iter()
                    .map(|container| self.stop(&container.id, stop_timeout)),
            );
            let ((), ()) = tokio::join!(stopping.map(drop), async {
                while let Some(exit) = exits.next().await {
                    exit_codes.push((exit.name, exit.exit_code));
                }
            });
            self.remove_all(started).await;
        }
        self.world.learn(Fact::TaskStopped {
            task_arn: task.task_arn.clone(),
            exit_codes,
        });
    }

    async fn pull_all(&self, task: &TaskToStart) -> Result<Vec<(String, String)>, String> {
        let mut digests = Vec::new();
        for container in &task.containers {
            let digest = self
                .pull(&container.image)
                .await
                .map_err(|error| reasons::cannot_pull(&container.image, &error))?;
            digests.extend(digest.map(|digest| (container.name.clone(), digest)));
        }
        Ok(digests)
    }

    async fn start_all(
        &self,
        task: &TaskToStart,
        started: &mut Vec<Started>,
    ) -> Result<Vec<(u16, SocketAddr)>, String> {
        let mut in_order: Vec<&ContainerToStart> = task.containers.iter().collect();
        in_order.sort_by_key(|container| !container.essential);
        let ports: Vec<u16> = task
            .containers
            .iter()
            .flat_map(|container| container.container_ports.iter().copied())
            .collect();
        for container in in_order {
            let host = match started.first() {
                None => Network::Holder(&ports),
                Some(holder) => Network::Joins(&holder.id),
            };
            let body = self.body(task, container, host);
            let created = self
                .docker
                .create_container(None::<CreateContainerOptions>, body)
                .await;
            let id = created.map_err(|error| reasons::cannot_create(&error))?.id;
            started.push(Started {
                name: container.name.clone(),
                id: id.clone(),
            });
            let start = self
                .docker
                .start_container(&id, None::<StartContainerOptions>)
                .await;
            start.map_err(|error| reasons::cannot_start(&error))?;
        }
        let Some(holder) = started.first() else {
            return Ok(Vec::new());
        };
        let inspected = self
            .docker
            .inspect_container(&holder.id, None::<InspectContainerOptions>)
            .await;
        let published = inspected
            .map_err(|error| reasons::cannot_start(&error))?
            .network_settings
            .and_then(|network| network.ports);
        Ok(reachable(&published.unwrap_or_default()))
    }

    fn body(
        &self,
        task: &TaskToStart,
        container: &ContainerToStart,
        network: Network<'_>,
    ) -> ContainerCreateBody {
        let memory = container
            .memory_mib
            .unwrap_or(DEFAULT_MEMORY_MIB)
            .saturating_mul(1 << 20);
        let memory = i64::try_from(memory).unwrap_or(i64::MAX);
        let (network_mode, ports) = match network {
            Network::Holder(ports) => (None, ports),
            Network::Joins(holder) => (Some(format!("container:{holder}")), &[][..]),
        };
        let published = |port: &u16| {
            // Port 0: any free one. Loopback: a page in development is nobody else's business.
            let binding = PortBinding {
                host_ip: Some(Ipv4Addr::LOCALHOST.to_string()),
                host_port: Some("0".to_owned()),
            };
            (format!("{port}/tcp"), Some(vec![binding]))
        };
        let some = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
        ContainerCreateBody {
            image: Some(container.image.clone()),
            env: Some(
                container
                    .environment
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect(),
            ),
            cmd: some(&container.command),
            entrypoint: some(&container.entry_point),
            labels: Some(self.run.labels(&task.task_arn, &container.name)),
            exposed_ports: Some(ports.iter().map(|port| format!("{port}/tcp")).collect()),
            host_config: Some(HostConfig {
                memory: Some(memory),
                // Without swap, so that the limit is one.
                memory_swap: Some(memory),
                network_mode,
                port_bindings: Some(ports.iter().map(published).collect()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// Passes the container's output on, and ends with it.
    async fn until_exit(
        &self,
        container: &Started,
        log_stream: Option<(String, String)>,
    ) -> Exited {
        let id = container.id.as_str();
        let logs = self.pass_on_logs(id, log_stream);
        let waiting = self
            .docker
            .wait_container(id, None::<WaitContainerOptions>)
            .collect::<Vec<_>>();
        let mut logs = std::pin::pin!(logs.fuse());
        let mut waiting = std::pin::pin!(waiting);
        loop {
            tokio::select! {
                biased;
                _ = &mut waiting => break,
                () = &mut logs, if !logs.is_terminated() => {}
            }
        }
        timeout(LAST_LINES, async {
            if !logs.is_terminated() {
                logs.await
            }
        })
        .await
        .ok();
        loop {
            match self
                .docker
                .inspect_container(id, None::<InspectContainerOptions>)
                .await
            {
                Ok(container_now) => {
                    let state = container_now.state.unwrap_or_default();
                    // The wait ends early when its connection breaks.
                    if state.running != Some(true) {
                        let exit_code = state.exit_code.unwrap_or_default();
                        let told = state.oom_killed == Some(true);
                        return Exited {
                            name: container.name.clone(),
                            exit_code,
                            out_of_memory: told
                                || (exit_code == KILLED && self.ran_out_of_memory(id).await),
                        };
                    }
                }
                // Somebody removed it by hand, which is SIGKILL.
                Err(Error::DockerResponseServerError {
                    status_code: 404, ..
                }) => {
                    return Exited {
                        name: container.name.clone(),
                        exit_code: KILLED,
                        out_of_memory: false,
                    };
                }
                Err(_) => {}
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// On a busy machine the daemon hears of the end before it hears of the memory: its state stays without that, and only an
    /// event tells.
    async fn ran_out_of_memory(&self, id: &str) -> bool {
        let filters = HashMap::from([("container", vec![id]), ("event", vec!["oom"])]);
        let options = EventsOptionsBuilder::new()
            .since("0")
            .filters(&filters)
            .build();
        let mut events = self.docker.events(Some(options));
        let event = timeout(LAST_EVENT, events.next()).await;
        matches!(event, Ok(Some(Ok(_))))
    }

    async fn pass_on_logs(&self, id: &str, log_stream: Option<(String, String)>) {
        let Some((group, stream)) = log_stream else {
            return;
        };
        let options = LogsOptionsBuilder::new()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .build();
        let mut output = self.docker.logs(id, Some(options));
        let mut lines = Lines::default();
        let say = |line: String| {
            self.world.learn(Fact::LogLine {
                group: group.clone(),
                stream: stream.clone(),
                line,
            })
        };
        while let Some(Ok(part)) = output.next().await {
            lines.take(part).into_iter().for_each(&say);
        }
        lines.rest().into_iter().for_each(&say);
    }

    async fn stop(&self, id: &str, stop_timeout: Duration) {
        let seconds = i32::try_from(stop_timeout.as_secs()).unwrap_or(i32::MAX);
        // One that ended meanwhile, or was removed by hand, is what is wanted.
        self.docker
            .stop_container(
                id,
                Some(StopContainerOptionsBuilder::new().t(seconds).build()),
            )
            .await
            .ok();
    }

    async fn remove_all(&self, started: &[Started]) {
        // What cannot be removed now is swept at the end of the run.
        join_all(
            started
                .iter()
                .map(|container| remove_container(&self.docker, &container.id)),
        )
        .await;
    }
}

enum Network<'a> {
    Holder(&'a [u16]),
    Joins(&'a str),
}

/// Where each container port is published.
fn reachable(published: &PortMap) -> Vec<(u16, SocketAddr)> {
    let mut ports: BTreeMap<u16, SocketAddr> = BTreeMap::new();
    for (port, bindings) in published {
        let Some(port) = port.strip_suffix("/tcp").and_then(|port| port.parse().ok()) else {
            continue;
        };
        for binding in bindings.iter().flatten() {
            let ip = binding
                .host_ip
                .as_deref()
                .and_then(|ip| ip.parse().ok())
                .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            if let Some(host_port) = binding
                .host_port
                .as_deref()
                .and_then(|port| port.parse().ok())
            {
                ports.insert(port, SocketAddr::new(ip, host_port));
            }
        }
    }
    ports.into_iter().collect()
}
