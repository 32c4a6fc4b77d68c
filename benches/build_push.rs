//! Build and push of a 200 MB context, Shipway's Docker port against Debian's docker client on the same engine.
//!
//! Cold: the content is new each time. Interleaved, the order of each pair alternating; both push to a docker-registry
//! on loopback that this program starts. Each side is a process of its own, timed from outside, after the context has
//! reached the disk; the image is looked at, so that neither side can leave something out. Ours reports its peak memory,
//! also for a context of a tenth of the content in as many files: content must cost no memory, a file costs its name.
//!
//! `cargo bench --bench build_push` needs Docker, and Debian's packages docker.io (its /usr/bin/docker) and
//! docker-registry. PAIRS and MEGABYTES change the measure. Ends with 1 if a target is missed.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use shipway::docker::build::{BuildSpec, build};
use shipway::docker::daemon::Daemon;
use shipway::docker::push::{PushOutcome, push};

const DOCKER: &str = "/usr/bin/docker";
const REGISTRY: &str = "127.0.0.1:5987";

const HIGHEST_RATIO: f64 = 1.10;
const MOST_MEMORY_MIB: f64 = 40.0;
/// What ten times the content may seem to cost: about the spread between runs of the same context.
const MOST_GROWTH_MIB: f64 = 4.0;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, ours, context, tag] = args.as_slice()
        && ours == "--ours"
    {
        ours_in_this_process(Path::new(context), tag);
        return ExitCode::SUCCESS;
    }
    // `cargo test` runs every target once; this one is for `cargo bench`
    if !args.iter().any(|arg| arg == "--bench") {
        println!("skipped: run it with cargo bench");
        return ExitCode::SUCCESS;
    }
    let number = |name: &str, default: usize| {
        std::env::var(name)
            .ok()
            .map_or(default, |text| text.parse().unwrap())
    };
    let (pairs, megabytes) = (number("PAIRS", 7), number("MEGABYTES", 200));
    let dir = tempfile::tempdir().unwrap();
    let _registry = Registry::start(dir.path());

    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut peak = 0;
    for pair in 0..pairs {
        let mut took = [Duration::ZERO; 2];
        for side in [pair % 2, 1 - pair % 2] {
            let context = Context::new(dir.path(), megabytes, 64);
            let tag = format!(
                "{REGISTRY}/bench:{}",
                context.0.file_name().unwrap().to_string_lossy()
            );
            let cached = build_cache();
            // What is left to write would slow down whoever comes first.
            run(&mut Command::new("sync"));
            let started = Instant::now();
            if side == 0 {
                peak = peak.max(run_ours(&context.0, &tag));
            } else {
                run_theirs(&context.0, &tag);
            }
            took[side] = started.elapsed();
            assert_whole(&tag, megabytes);
            forget(&tag, &cached);
        }
        println!(
            "pair {pair}: shipway {:.2} s, docker {:.2} s",
            took[0].as_secs_f64(),
            took[1].as_secs_f64()
        );
        ours.push(took[0].as_secs_f64());
        theirs.push(took[1].as_secs_f64());
        ratios.push(took[0].as_secs_f64() / took[1].as_secs_f64());
    }
    let small = Context::new(dir.path(), megabytes / 10, 6);
    let tag = format!("{REGISTRY}/bench:small");
    let cached = build_cache();
    let small_peak = run_ours(&small.0, &tag);
    forget(&tag, &cached);
    let ratio = median(&mut ratios);
    let mib = |kib: u64| kib as f64 / 1024.0;
    println!(
        "build and push of {megabytes} MB, median of {pairs}: shipway {:.2} s, docker {:.2} s",
        median(&mut ours),
        median(&mut theirs)
    );
    println!("median ratio {ratio:.3} (target {HIGHEST_RATIO})");
    println!(
        "peak memory of shipway: {:.1} MiB at {megabytes} MB (target {MOST_MEMORY_MIB}), {:.1} MiB at {} MB",
        mib(peak),
        mib(small_peak),
        megabytes / 10
    );
    let constant = mib(peak) <= MOST_MEMORY_MIB && mib(peak) - mib(small_peak) <= MOST_GROWTH_MIB;
    if ratio > HIGHEST_RATIO || !constant {
        println!("MISSED");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Ids of what BuildKit keeps.
fn build_cache() -> BTreeSet<String> {
    let format = "{{range .BuildCache}}{{.ID}} {{end}}";
    let ids = run(Command::new(DOCKER).args(["system", "df", "-v", "--format", format]));
    ids.split_whitespace().map(str::to_owned).collect()
}

/// Image and build cache of one build; what was there before is other people's.
fn forget(tag: &str, cached: &BTreeSet<String>) {
    run(Command::new(DOCKER).args(["rmi", "-f", tag]));
    for id in build_cache().difference(cached) {
        let only = format!("id={id}");
        run(Command::new(DOCKER).args(["builder", "prune", "-f", "--filter", &only]));
    }
}

/// The image holds the whole context, and the registry has a manifest of it.
fn assert_whole(tag: &str, megabytes: usize) {
    let size = run(Command::new(DOCKER).args(["image", "inspect", "-f", "{{.Size}}", tag]));
    let size: usize = size.trim().parse().unwrap();
    assert!(size >= megabytes * 16 * 64 * 1024, "{tag} has {size} bytes");
    run(Command::new(DOCKER).args(["manifest", "inspect", "--insecure", tag]));
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// New content that does not compress: a tenth of it in one file, the rest in files of so many KiB.
struct Context(std::path::PathBuf);

impl Context {
    fn new(dir: &Path, megabytes: usize, file_kib: usize) -> Context {
        let root = dir.join(format!("c{:x}", fastrand::u64(..)));
        fs::create_dir_all(root.join("files")).unwrap();
        fs::write(root.join("Dockerfile"), "FROM scratch\nCOPY . /\n").unwrap();
        let mut block = vec![0u8; file_kib * 1024];
        let mut big = fs::File::create(root.join("big")).unwrap();
        let blocks = megabytes * 1024 / file_kib;
        for index in 0..blocks {
            fastrand::fill(&mut block);
            if index < blocks / 10 {
                big.write_all(&block).unwrap();
            } else {
                fs::write(root.join(format!("files/{index}")), &block).unwrap();
            }
        }
        Context(root)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Registry(Child);

impl Registry {
    fn start(dir: &Path) -> Registry {
        assert!(
            TcpStream::connect(REGISTRY).is_err(),
            "something listens at {REGISTRY} already"
        );
        let config = dir.join("registry.yml");
        let data = dir.join("registry");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {REGISTRY}}}\n",
            data.display()
        );
        fs::write(&config, text).unwrap();
        let started = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn();
        let registry = Registry(started.expect("apt-get install docker-registry"));
        for _ in 0..100 {
            if TcpStream::connect(REGISTRY).is_ok() {
                return registry;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("docker-registry does not answer at {REGISTRY}");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn run_theirs(context: &Path, tag: &str) {
    run(Command::new(DOCKER)
        .env("DOCKER_BUILDKIT", "1")
        .args(["build", "-q", "-t", tag])
        .arg(context));
    run(Command::new(DOCKER).args(["push", "-q", tag]));
}

/// Peak memory in KiB.
fn run_ours(context: &Path, tag: &str) -> u64 {
    let this = std::env::current_exe().unwrap();
    run(Command::new(this).arg("--ours").arg(context).arg(tag))
        .trim()
        .parse()
        .unwrap()
}

fn ours_in_this_process(context: &Path, reference: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let variables: BTreeMap<String, String> = std::env::vars().collect();
        let daemon = Daemon::connect(&variables).await.unwrap();
        let spec = BuildSpec {
            context_dir: context.to_owned(),
            dockerfile: context.join("Dockerfile"),
            platform: daemon.platform(),
            tags: vec![reference.to_owned()],
            ..BuildSpec::default()
        };
        build(&daemon, &spec, &mut |_| {}).await.unwrap();
        let (repository, tag) = reference.rsplit_once(':').unwrap();
        let outcome = push(&daemon, repository, tag, &[], &mut |_| {})
            .await
            .unwrap();
        assert!(matches!(outcome, PushOutcome::Pushed { .. }));
    });
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    println!("{}", peak.trim().trim_end_matches(" kB"));
}
