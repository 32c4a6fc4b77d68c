//! A night of a thousand services in twenty clusters, against AWS's documented request limits, in virtual time: how long
//! `shipway scale` takes to zero and back, whether a service is lost, and how much memory it has.
//!
//! Two processes, so that the memory is the verb's alone. The parent holds the sandbox. The child runs the verb; every request
//! goes over its stdout and the answer comes over its stdin, each with the child's virtual time, so that both clocks are one:
//! while the child waits for an answer its time stands still, and a round trip is slept for as if there was a network.
//!
//! CLUSTERS and SERVICES (in each) change the measure. Linux is needed. Ends with 1 if a target is missed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::exit
)]

#[path = "scale/child.rs"]
mod child;
#[path = "scale/frames.rs"]
mod frames;

use std::io::{BufReader, BufWriter};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use shipway_sandbox::doors::in_process;
use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::wire::trouble::Trouble;
use shipway_sandbox::world::inventory::Inventory;
use shipway_sandbox::{Clock, Sandbox};

use frames::{Frame, Reply};

/// The world of the nights that are tested, of which the services are replaced.
const WORLD: &str = include_str!("../tests/it/scale/world.yml");

/// UpdateService's bucket, the narrowest of which every service needs a token each way: so many at once, more a second.
const BURST: usize = 50;
const PER_SECOND: usize = 5;
const TIMES_THE_LIMITS: f64 = 1.15;
const MOST_MEMORY_MIB: f64 = 60.0;

fn main() {
    if std::env::var_os(child::ROLE).is_some() {
        return child::run();
    }
    // `cargo test` runs every target once; this one is for `cargo bench`
    if !std::env::args().any(|arg| arg == "--bench") {
        return println!("skipped: run it with cargo bench");
    }
    let number =
        |name: &str, usual: usize| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (clusters, services) = (number("CLUSTERS", 20), number("SERVICES", 50));
    let all = clusters * services;
    let dictated = all.saturating_sub(BURST) as f64 / PER_SECOND as f64;
    println!(
        "{all} services in {clusters} clusters; the limits alone dictate {dictated:.0} s each way\n"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let missed = runtime.block_on(night(clusters, services, dictated));
    if missed {
        std::process::exit(1);
    }
}

fn world(clusters: usize, services: usize) -> WorldFile {
    let mut file = WorldFile::parse(WORLD).unwrap();
    file.services.clear();
    // Every other one has a scalable target, as a fleet has.
    let half = |name: &str, services: usize, more: &str| {
        format!(
            "{{ clusters: {clusters}, services: {services}, like: {{ name: {name}, cluster: fleet, desired: 1, image: 'ecr:web:v1', {more} }} }}"
        )
    };
    file.fleets = [
        half("plain", services - services / 2, "tags: { team: a }"),
        half(
            "scaled",
            services / 2,
            "scalable-target: { min: 1, max: 4 }",
        ),
    ]
    .map(|fleet| serde_yaml::from_str(&fleet).unwrap())
    .to_vec();
    // The child sleeps for the round trips.
    file.trouble = Trouble {
        limits: true,
        ..Trouble::default()
    };
    file
}

/// Whether a target was missed.
async fn night(clusters: usize, services: usize, dictated: f64) -> bool {
    let mut file = world(clusters, services);
    let trouble = std::mem::take(&mut file.trouble);
    let world = file.build(SystemTime::UNIX_EPOCH).unwrap();
    let clock = Clock::starting_at(world.now);
    let sandbox = Sandbox::new(world, clock, trouble);
    let before = sandbox.with_world(|world| Inventory::of(world));
    let all = clusters * services;
    let mut missed = false;

    let evening = run(&sandbox, "0").await;
    missed |= evening.told("to zero", dictated);
    tokio::time::advance(Duration::from_secs(9 * 3600)).await;
    let asleep = sandbox.with_world(|world| {
        let services = world.ecs.services.values();
        let zero = services.filter(|s| s.desired == 0).count();
        (zero, world.ecs.tasks.values().filter(|t| t.live()).count())
    });
    missed |= row("asleep in the morning", asleep.0 as f64, "services", |n| {
        n == all as f64
    });
    missed |= row("tasks in the morning", asleep.1 as f64, "tasks", |n| {
        n == 0.0
    });

    let morning = run(&sandbox, "restore").await;
    missed |= morning.told("and back", dictated);
    tokio::time::advance(Duration::from_secs(600)).await;
    let changes = before.changes(&sandbox.with_world(|world| Inventory::of(world)));
    // A task that started meanwhile may carry the service's tags: none of these services propagates them.
    missed |= row(
        "differences from the evening before",
        changes.len() as f64,
        "",
        |n| n == 0.0,
    );
    changes
        .iter()
        .take(10)
        .for_each(|line| println!("  {line}"));
    missed
}

struct Ran {
    exit: i32,
    took: Duration,
    last_update: Duration,
    calls: usize,
    throttled: usize,
    peak_mib: f64,
    said: String,
}

impl Ran {
    fn told(&self, what: &str, dictated: f64) -> bool {
        let most = dictated * TIMES_THE_LIMITS;
        let mut missed = row(
            &format!("{what}: exit code"),
            f64::from(self.exit),
            "",
            |n| n == 0.0,
        );
        if self.exit != 0 {
            println!("{}", self.said);
        }
        missed |= row(
            &format!("{what}: took"),
            self.took.as_secs_f64(),
            "s",
            |n| n <= most,
        );
        row(
            &format!("{what}: until the last UpdateService"),
            self.last_update.as_secs_f64(),
            "s",
            |_| true,
        );
        row(
            &format!("{what}: calls"),
            self.calls as f64,
            "calls",
            |_| true,
        );
        row(
            &format!("{what}: throttled"),
            self.throttled as f64,
            "calls",
            |_| true,
        );
        missed |= row(&format!("{what}: peak memory"), self.peak_mib, "MiB", |n| {
            n <= MOST_MEMORY_MIB
        });
        missed
    }
}

/// Whether it was missed.
fn row(what: &str, value: f64, unit: &str, holds: impl Fn(f64) -> bool) -> bool {
    let missed = !holds(value);
    println!(
        "{what:<44} {value:>8.1} {unit:<9} {}",
        if missed { "MISSED" } else { "" }
    );
    missed
}

async fn run(sandbox: &Sandbox, to: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let began = sandbox.clock().now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env_clear()
        .envs(sandbox.environment())
        .env_remove("AWS_REGION")
        .env(child::ROLE, to)
        .env(child::NOW, nanos(began).to_string())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = BufWriter::new(child.stdin.take().unwrap());
    let mut requests = BufReader::new(child.stdout.take().unwrap());
    let earlier = sandbox.recorded().len();
    let mut last_update = Duration::ZERO;
    let ended = loop {
        let frame = frames::read::<Frame>(&mut requests);
        let (at, asked) = match frame {
            Frame::Ended {
                at,
                peak_kib,
                exit,
                said,
            } => break (at, peak_kib, exit, said),
            Frame::Asked { at, request } => (at, request),
        };
        let now = nanos(sandbox.clock().now());
        tokio::time::advance(Duration::from_nanos(at.saturating_sub(now))).await;
        let request = asked.into_http();
        let target = request.headers().get("x-amz-target");
        if target.is_some_and(|t| t.as_bytes().ends_with(b".UpdateService")) {
            last_update = sandbox.clock().now().duration_since(began).unwrap();
        }
        let answer = in_process::call(sandbox, request).await;
        frames::write(&mut answers, &Reply::of(answer.ok()));
    };
    let (at, peak_kib, exit, said) = ended;
    child.wait().unwrap();
    let now = nanos(sandbox.clock().now());
    tokio::time::advance(Duration::from_nanos(at.saturating_sub(now))).await;
    let recorded = sandbox.recorded().split_off(earlier);
    let refused = |error: &String| error.contains("Rate exceeded");
    Ran {
        exit,
        took: sandbox.clock().now().duration_since(began).unwrap(),
        last_update,
        calls: recorded.len(),
        throttled: recorded
            .iter()
            .filter(|r| r.error.as_ref().is_some_and(refused))
            .count(),
        peak_mib: peak_kib as f64 / 1024.0,
        said,
    }
}

/// Since 1970: two processes' clocks are compared.
fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}
