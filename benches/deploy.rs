//! What Shipway itself costs: `deploy --image` and an unchanged rerun of it, start-up, memory and the binary's size.
//!
//! The built binary runs as a job would run it, against the sandbox's server on loopback: no latency, tasks that start
//! at once, `--stable-for 0`. What is left is Shipway's own time, and on a first deploy the pauses between its looks.
//!
//! `cargo bench --bench deploy` measures the binary of the bench profile; SHIPWAY=target/dist/shipway the one that is
//! released. RUNS changes the measure. Linux and bash are needed. Ends with 1 if a target is missed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::exit
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_yaml::Value;
use shipway_sandbox::doors::server::Server;
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::wire::record::Record;
use shipway_sandbox::{Clock, Sandbox};

/// The world of the scenarios, with nothing in it that takes time.
const WORLD: &str = include_str!("../tests/scenarios/world.yml");
const TIMINGS: &str =
    "{ provisioning: 1ms, pending: 1ms, activating: 1ms, stopping: 1ms, deprovisioning: 1ms }";
/// No load balancer checks as often; here it is so that checks are not what is measured.
const CHECKED_EVERY: Duration = Duration::from_millis(20);
const HEAD: &str = "4f2a9c1d00000000000000000000000000000000";
const RERUNS_PER_WORLD: usize = 5;
const STARTS: usize = 50;
const DIST: &str = "target/dist/shipway";

const MOST_MILLISECONDS: f64 = 300.0;
const MOST_CALLS: f64 = 12.0;
const MOST_MEMORY_MIB: f64 = 40.0;
const MOST_BINARY_MIB: f64 = 25.0;

fn main() {
    // `cargo test` runs every target once; this one is for `cargo bench`
    if !std::env::args().any(|arg| arg == "--bench") {
        return println!("skipped: run it with cargo bench");
    }
    let worlds: usize = std::env::var("RUNS").map_or(5, |text| text.parse().unwrap());
    let shipway = std::env::var_os("SHIPWAY").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_shipway")),
        PathBuf::from,
    );
    let shipway = shipway.canonicalize().expect("the binary of SHIPWAY");
    println!("{}\n", shipway.display());

    let mut table = Table::default();
    starts(&shipway, &mut table);
    deploys(&shipway, worlds, &mut table);
    binary(&mut table);
    if table.missed {
        std::process::exit(1);
    }
}

/// Rows as they come, a target beside each number that has one.
#[derive(Default)]
struct Table {
    missed: bool,
}

impl Table {
    fn row(&mut self, what: &str, value: f64, unit: &str, target: Option<f64>) {
        let verdict = match target {
            None => String::new(),
            Some(most) if value <= most => format!("≤ {most}"),
            Some(most) => {
                self.missed = true;
                format!("≤ {most} MISSED")
            }
        };
        println!("{what:<44} {value:>8.1} {unit:<9} {verdict}");
    }
}

fn starts(shipway: &Path, table: &mut Table) {
    let took = (0..STARTS).map(|_| {
        let started = Instant::now();
        let done = Command::new(shipway).arg("--version").output().unwrap();
        let took = started.elapsed();
        assert!(done.status.success());
        milliseconds(took)
    });
    table.row(
        "shipway --version, wall",
        median(took.collect()),
        "ms",
        None,
    );
}

fn deploys(shipway: &Path, worlds: usize, table: &mut Table) {
    let (mut firsts, mut reruns): (Vec<Run>, Vec<Run>) = Default::default();
    for _ in 0..worlds {
        let world = Served::new();
        firsts.push(world.deploy(shipway, Measure::Time, "serving"));
        world.settle();
        for _ in 0..RERUNS_PER_WORLD {
            reruns.push(world.deploy(shipway, Measure::Time, "unchanged"));
        }
    }
    let world = Served::new();
    let first_peak = world.deploy(shipway, Measure::Memory, "serving").peak_mib;
    world.settle();
    let rerun_peak = world.deploy(shipway, Measure::Memory, "unchanged").peak_mib;

    let of = |runs: &[Run], number: fn(&Run) -> f64| median(runs.iter().map(number).collect());
    let calls = |runs: &[Run]| of(runs, |run| run.calls.len() as f64);
    table.row(
        "first deploy, wall with its pauses",
        of(&firsts, |run| run.wall),
        "ms",
        None,
    );
    table.row(
        "first deploy, until UpdateService",
        of(&firsts, Run::until_update),
        "ms",
        None,
    );
    table.row("first deploy, CPU", of(&firsts, |run| run.cpu), "ms", None);
    table.row("first deploy, AWS API calls", calls(&firsts), "calls", None);
    table.row(
        "first deploy, peak memory",
        first_peak,
        "MiB",
        Some(MOST_MEMORY_MIB),
    );
    table.row(
        "unchanged rerun, wall",
        of(&reruns, |run| run.wall),
        "ms",
        Some(MOST_MILLISECONDS),
    );
    table.row(
        "unchanged rerun, CPU",
        of(&reruns, |run| run.cpu),
        "ms",
        None,
    );
    table.row(
        "unchanged rerun, AWS API calls",
        calls(&reruns),
        "calls",
        Some(MOST_CALLS),
    );
    table.row(
        "unchanged rerun, peak memory",
        rerun_peak,
        "MiB",
        Some(MOST_MEMORY_MIB),
    );
    let names: Vec<String> = reruns
        .last()
        .unwrap()
        .calls
        .iter()
        .map(Record::name)
        .collect();
    println!("  the rerun's calls: {}", names.join(" "));
}

fn binary(table: &mut Table) {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join(DIST);
    match std::fs::metadata(&dist) {
        Ok(file) => table.row(
            "binary, stripped (dist profile)",
            file.len() as f64 / 1024.0 / 1024.0,
            "MiB",
            Some(MOST_BINARY_MIB),
        ),
        Err(_) => println!("binary: no {DIST}; cargo build --profile dist makes it"),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Measure {
    /// By the shell, which knows what a child used to the millisecond.
    Time,
    /// By looking at the process all the while, which costs time.
    Memory,
}

/// Milliseconds and MiB of one run, and what it asked AWS for.
struct Run {
    began: SystemTime,
    wall: f64,
    cpu: f64,
    peak_mib: f64,
    calls: Vec<Record>,
}

impl Run {
    fn until_update(&self) -> f64 {
        let update = self.calls.iter().find(|c| c.operation == "UpdateService");
        let at: jiff::Timestamp = update.unwrap().at.parse().unwrap();
        let began = jiff::Timestamp::try_from(self.began).unwrap();
        milliseconds(Duration::try_from(at.duration_since(began)).unwrap())
    }
}

/// A world of its own behind a socket, and a job's working directory.
struct Served {
    sandbox: Sandbox,
    server: Server,
    job: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    fn new() -> Served {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (sandbox, server) = runtime.block_on(async {
            let mut file: Value = serde_yaml::from_str(WORLD).unwrap();
            let members = file.as_mapping_mut().unwrap();
            // Signatures are checked against the time: it has to be the present.
            members.remove("start");
            members.insert("timings".into(), serde_yaml::from_str(TIMINGS).unwrap());
            let file: WorldFile = serde_yaml::from_value(file).unwrap();
            let trouble = file.trouble.clone();
            let clock = Clock::real();
            let mut world = file.build(clock.now()).unwrap();
            for group in world.elbv2.target_groups.values_mut() {
                group.interval = CHECKED_EVERY;
                group.deregistration_delay = Duration::ZERO;
            }
            let sandbox = Sandbox::new(world, clock, trouble);
            let server = Server::start(sandbox.clone(), 0).await.unwrap();
            (sandbox, server)
        });
        let event = r#"{"number": 7, "repository": {"id": 7001, "full_name": "octo-org/web"}, "pull_request": {"number": 7,
            "head": {"sha": "HEAD", "ref": "feature", "repo": {"id": 7001}}, "base": {"ref": "main", "repo": {"id": 7001}}}}"#;
        let job = tempfile::tempdir().unwrap();
        std::fs::write(job.path().join("event.json"), event.replace("HEAD", HEAD)).unwrap();
        Served {
            sandbox,
            server,
            job,
            _runtime: runtime,
        }
    }

    /// What the runner sets. The run's id never changes, so a rerun has no tag to renew.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.server.environment();
        variables.remove("AWS_REGION");
        for (name, value) in [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_REPOSITORY", "octo-org/web"),
            ("GITHUB_REPOSITORY_ID", "7001"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_SHA", HEAD),
            ("GITHUB_REF_NAME", "7/merge"),
            ("GITHUB_RUN_ID", "16839201733"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_WORKFLOW", "Deploy"),
            ("GITHUB_ACTOR", "octocat"),
        ] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        for (name, file) in [
            ("GITHUB_EVENT_PATH", "event.json"),
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_STEP_SUMMARY", "summary"),
        ] {
            let path = self.job.path().join(file).display().to_string();
            variables.insert(name.to_owned(), path);
        }
        variables
    }

    fn deploy(&self, shipway: &Path, measure: Measure, status: &str) -> Run {
        let output = self.job.path().join("output");
        let _ = std::fs::remove_file(&output);
        let mut command = match measure {
            Measure::Memory => Command::new(shipway),
            Measure::Time => {
                let mut shell = Command::new("bash");
                // The times on the shell's own stderr, what Shipway says in a file.
                let script = r#"TIMEFORMAT='%R %U %S'; time "$@" 2>said"#;
                shell.args(["-c", script, "bash"]).arg(shipway);
                shell
            }
        };
        command
            .arg("deploy")
            .args([
                "--aws-region",
                "eu-west-1",
                "--cluster",
                "prod",
                "--service",
                "web",
            ])
            .args([
                "--role-to-assume",
                "arn:aws:iam::111122223333:role/shipway-production",
            ])
            .args([
                "--ecr-repository",
                "web",
                "--image",
                "v2",
                "--stable-for",
                "0",
            ])
            .current_dir(self.job.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.variables())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());

        let before = self.sandbox.recorded().len();
        let began = SystemTime::now();
        let mut child = command.spawn().unwrap();
        let mut peak_mib = 0.0;
        while measure == Measure::Memory && child.try_wait().unwrap().is_none() {
            peak_mib = peak_of(child.id()).unwrap_or(peak_mib);
            std::thread::sleep(Duration::from_micros(200));
        }
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let outputs = std::fs::read_to_string(&output).unwrap_or_default();
        // `name<<DELIMITER`, the value, the delimiter
        let mut lines = outputs.lines();
        lines.find(|line| line.starts_with("deployment-status<<"));
        let as_expected = lines.next() == Some(status);
        let log = std::fs::read_to_string(self.job.path().join("said")).unwrap_or_default();
        assert!(
            done.status.success() && as_expected,
            "not {status}: {outputs}\n{said}\n{log}"
        );

        let seconds: Vec<f64> = match measure {
            Measure::Time => said
                .split_whitespace()
                .map(|s| s.parse().unwrap())
                .collect(),
            Measure::Memory => vec![0.0; 3],
        };
        let mut calls = self.sandbox.recorded().split_off(before);
        calls.retain(|call| call.service != "github");
        Run {
            began,
            wall: seconds[0] * 1000.0,
            cpu: (seconds[1] + seconds[2]) * 1000.0,
            peak_mib,
            calls,
        }
    }

    /// Until ECS calls the deployment complete, which a rerun has to find.
    fn settle(&self) {
        for _ in 0..100 {
            let states: Vec<bool> = self.sandbox.with_world(|world| {
                let services = world.ecs.services.values();
                services
                    .map(|s| {
                        s.deployments.len() == 1
                            && s.service_deployments.iter().all(|d| !d.in_flight())
                    })
                    .collect()
            });
            if states.iter().all(|steady| *steady) {
                // and the last of the old tasks is gone
                return std::thread::sleep(Duration::from_millis(500));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the service does not become steady");
    }
}

/// The most memory it ever had resident, in MiB.
fn peak_of(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024.0)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
