//! What the tests with real containers share: a world that wants what the test wants, a registry, images from scratch.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::ListContainersOptionsBuilder;
use ferro_blob_store::{Digest, InMemoryBlobStore};
use ferro_oci_server::reference::Reference;
use ferro_oci_server::{AppState, InMemoryRegistryMeta};
use shipway_sandbox::alb::{Asked, HealthCheck, Route, Routes};
use shipway_sandbox::runtimes::docker::{self, DockerCredentials, Run, Tasks};
use shipway_sandbox::scratch_image::{File, MANIFEST_TYPE, ScratchImage};
use shipway_sandbox::world::{ContainerToStart, Effect, Fact, TaskToStart};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// A world that remembers what it learns.
#[derive(Default)]
pub struct Fake {
    effects: Mutex<Vec<Effect>>,
    pub facts: Mutex<Vec<Fact>>,
    /// Targets are checked there, once it is set.
    pub health_path: Mutex<Option<String>>,
    reachable: Mutex<BTreeMap<(String, u16), SocketAddr>>,
    /// Those that the load balancer uses.
    pub targets: Mutex<Vec<(String, u16)>>,
    addresses: Mutex<HashMap<String, String>>,
}

impl Tasks for Fake {
    fn take_effects(&self) -> Vec<Effect> {
        std::mem::take(&mut self.effects.lock().unwrap())
    }

    fn learn(&self, fact: Fact) {
        if let Fact::TaskRunning {
            task_arn,
            reachable,
            ..
        } = &fact
        {
            let address = self.addresses.lock().unwrap()[task_arn].clone();
            self.reachable.lock().unwrap().extend(
                reachable
                    .iter()
                    .map(|(port, socket)| ((address.clone(), *port), *socket)),
            );
        }
        self.facts.lock().unwrap().push(fact);
    }

    fn credentials(&self, _registry: &str) -> Option<DockerCredentials> {
        Some(DockerCredentials {
            username: Some("AWS".to_owned()),
            password: Some("any".to_owned()),
            ..DockerCredentials::default()
        })
    }
}

impl Routes for Fake {
    fn route(&self, _asked: &Asked<'_>) -> Route {
        Route::Forward {
            target_group_arn: "arn:tg".to_owned(),
            targets: self.targets.lock().unwrap().clone(),
            rewritten: Default::default(),
        }
    }

    fn checks(&self) -> Vec<HealthCheck> {
        let Some(path) = self.health_path.lock().unwrap().clone() else {
            return Vec::new();
        };
        let check = |(address, port): &(String, u16)| HealthCheck {
            target_group_arn: "arn:tg".to_owned(),
            address: address.clone(),
            port: *port,
            check_port: *port,
            protocol: "HTTP".to_owned(),
            path: path.clone(),
            interval: Duration::from_millis(500),
            timeout: Duration::from_millis(400),
            matcher: "200".to_owned(),
        };
        self.reachable.lock().unwrap().keys().map(check).collect()
    }

    fn reach(&self, address: &str, port: u16) -> Option<SocketAddr> {
        self.reachable
            .lock()
            .unwrap()
            .get(&(address.to_owned(), port))
            .copied()
    }

    fn learn(&self, fact: Fact) {
        Tasks::learn(self, fact);
    }
}

pub struct Story {
    pub fake: Arc<Fake>,
    pub docker: Docker,
    registry: SocketAddr,
    store: Arc<AppState>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Story {
    pub async fn begin() -> Story {
        let docker = docker::connect()
            .await
            .unwrap_or_else(|no_docker| panic!("{no_docker}"));
        // A test that fails leaves its containers to the next run.
        docker::sweep_stale(&docker).await.unwrap();
        let fake = Arc::new(Fake::default());
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(docker::run(
            Arc::<Fake>::clone(&fake),
            docker.clone(),
            Run::here(),
            shutdown.clone(),
        ));
        let (registry, store) = registry().await;
        Story {
            fake,
            docker,
            registry,
            store,
            shutdown,
            running,
        }
    }

    /// Puts an image of one executable and one page into the registry; returns it by digest.
    pub async fn image(&self, executable: &[u8], page: &str) -> String {
        let server = File {
            path: "server",
            mode: 0o755,
            content: executable,
        };
        let page = File {
            path: "site/index.html",
            mode: 0o644,
            content: page.as_bytes(),
        };
        let image = ScratchImage::new(&[server, page], &["/server"]).unwrap();
        for blob in [&image.layer, &image.config] {
            self.store
                .blob_store
                .put(&blob.digest.parse().unwrap(), blob.bytes.clone())
                .await
                .unwrap();
        }
        let digest: Digest = image.manifest.digest.parse().unwrap();
        let reference = Reference::Digest(digest.clone());
        self.store
            .registry
            .put_manifest(
                "test-repos",
                &reference,
                &digest,
                MANIFEST_TYPE,
                image.manifest.bytes,
            )
            .await
            .unwrap();
        format!("{}/test-repos@{digest}", self.registry)
    }

    /// An image that was never pushed.
    pub fn no_image(&self) -> String {
        format!("{}/test-repos:never-pushed", self.registry)
    }

    pub fn start(&self, task: &str, address: &str, containers: Vec<ContainerToStart>) {
        self.fake
            .addresses
            .lock()
            .unwrap()
            .insert(task.to_owned(), address.to_owned());
        let task = TaskToStart {
            task_arn: task.to_owned(),
            address: address.to_owned(),
            containers,
        };
        self.fake
            .effects
            .lock()
            .unwrap()
            .push(Effect::StartTask(task));
    }

    pub fn stop(&self, task: &str, seconds: u64) {
        let effect = Effect::StopTask {
            task_arn: task.to_owned(),
            stop_timeout: Duration::from_secs(seconds),
        };
        self.fake.effects.lock().unwrap().push(effect);
    }

    pub async fn until<T>(&self, what: &str, find: impl Fn(&Fact) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(found) = self.fake.facts.lock().unwrap().iter().find_map(&find) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "no {what} in {:?}",
                self.fake.facts.lock().unwrap()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where the task can be reached, and its images' digests.
    pub async fn running(&self, task: &str) -> (Vec<(u16, SocketAddr)>, Vec<(String, String)>) {
        self.until("TaskRunning", |fact| match fact {
            Fact::TaskRunning {
                task_arn,
                reachable,
                image_digests,
            } if task_arn == task => Some((reachable.clone(), image_digests.clone())),
            _ => None,
        })
        .await
    }

    pub async fn stopped(&self, task: &str) -> Vec<(String, i64)> {
        self.until("TaskStopped", |fact| match fact {
            Fact::TaskStopped {
                task_arn,
                exit_codes,
            } if task_arn == task => Some(exit_codes.clone()),
            _ => None,
        })
        .await
    }

    /// The container that ended, its exit code, and whether it ran out of memory.
    pub async fn exited(&self, task: &str) -> (String, i64, bool) {
        self.until("ContainerExited", |fact| match fact {
            Fact::ContainerExited {
                task_arn,
                container,
                exit_code,
                out_of_memory,
            } if task_arn == task => Some((container.clone(), *exit_code, *out_of_memory)),
            _ => None,
        })
        .await
    }

    pub async fn failed(&self, task: &str) -> String {
        self.until("TaskFailedToStart", |fact| match fact {
            Fact::TaskFailedToStart { task_arn, reason } if task_arn == task => {
                Some(reason.clone())
            }
            _ => None,
        })
        .await
    }

    pub fn lines(&self) -> Vec<String> {
        let facts = self.fake.facts.lock().unwrap();
        facts
            .iter()
            .filter_map(|fact| {
                if let Fact::LogLine { line, .. } = fact {
                    Some(line.clone())
                } else {
                    None
                }
            })
            .collect()
    }

    pub async fn containers(&self, task: &str) -> usize {
        containers(&self.docker, task).await
    }

    /// The runtime ends, and leaves nothing behind.
    pub async fn end(self, tasks: &[&str]) {
        self.shutdown.cancel();
        self.running.await.unwrap();
        for task in tasks {
            // The daemon may still be at the removal that it was asked for.
            let mut left = containers(&self.docker, task).await;
            for _ in 0..50 {
                if left == 0 {
                    break;
                }
                sleep(Duration::from_millis(100)).await;
                left = containers(&self.docker, task).await;
            }
            assert_eq!(left, 0, "a container of {task} is left");
        }
        docker::forget_images(&self.docker, &self.registry.to_string())
            .await
            .unwrap();
    }
}

async fn containers(docker: &Docker, task: &str) -> usize {
    let filters = HashMap::from([("label", vec![format!("shipway.sandbox.task={task}")])]);
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    docker.list_containers(Some(options)).await.unwrap().len()
}

async fn registry() -> (SocketAddr, Arc<AppState>) {
    let store = AppState::new(
        Arc::new(InMemoryBlobStore::new()),
        Arc::new(InMemoryRegistryMeta::new()),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = ferro_oci_server::router(Arc::clone(&store));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (addr, store)
}

/// The page server, compiled once a run of the tests.
pub fn page_server() -> &'static [u8] {
    static SERVER: OnceLock<Vec<u8>> = OnceLock::new();
    SERVER.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../page/server.rs");
        let out = std::env::temp_dir().join(format!("page-server-{}", std::process::id()));
        let status = Command::new("rustc")
            .args([
                "--edition",
                "2024",
                "-C",
                "target-feature=+crt-static",
                "-C",
                "panic=abort",
                "-C",
                "strip=symbols",
                "-o",
            ])
            .args([&out, &source])
            .status()
            .unwrap();
        assert!(status.success(), "the page server compiles");
        let server = std::fs::read(&out).unwrap();
        std::fs::remove_file(out).unwrap();
        server
    })
}

pub fn container(image: &str, environment: &[(&str, &str)]) -> ContainerToStart {
    ContainerToStart {
        name: "web".to_owned(),
        image: image.to_owned(),
        command: Vec::new(),
        entry_point: Vec::new(),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        container_ports: vec![80],
        essential: true,
        memory_mib: Some(64),
        log_stream: Some(("/ecs/web".to_owned(), "ecs/web/1".to_owned())),
    }
}

pub async fn get(at: SocketAddr, path: &str) -> String {
    let mut connection = TcpStream::connect(at).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}
