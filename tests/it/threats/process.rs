//! Threat 4: what else runs as the same user on the runner reads neither the variables nor the memory of the process.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const NOBODY: u32 = 65_534;

/// Started as somebody who is not root, who may read the files of any process, so that there is something to refuse.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Running {
        if root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let command = command
            .env("SECRET", "of-this-process")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        Running(command.stderr(Stdio::null()).spawn().unwrap())
    }

    /// Whether a program of the same user may read its variables, and whose the kernel says they are.
    fn open_to_its_user(&self) -> (bool, u32) {
        let environ = format!("/proc/{}/environ", self.0.id());
        let mut cat = Command::new("cat");
        cat.arg(&environ);
        if root() {
            cat.uid(NOBODY).gid(NOBODY);
        }
        let read = cat.output().unwrap();
        let shown = String::from_utf8_lossy(&read.stdout).contains("of-this-process");
        (shown, fs::metadata(&environ).unwrap().uid())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

fn root() -> bool {
    uid() == 0
}

/// Where anybody may run it.
fn binary(directory: &Path) -> std::path::PathBuf {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    let (from, to) = (env!("CARGO_BIN_EXE_shipway"), directory.join("shipway"));
    if fs::hard_link(from, &to).is_err() {
        fs::copy(from, &to).unwrap();
    }
    to
}

#[test]
fn threat_4_programs_of_the_same_user_cannot_read_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let shipway = binary(directory.path());
    let world = directory.path().join("world.yml");
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/world.yml"),
        &world,
    )
    .unwrap();
    let user = if root() { NOBODY } else { uid() };

    let mut command = Command::new(shipway);
    command.arg("sandbox").arg("--world").arg(&world);
    let mut running = Running::start(command);
    // It says where it listens: by then it has closed itself.
    let mut line = String::new();
    let stdout = running.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert!(line.starts_with("unset AWS_"), "{line:?}");
    assert_eq!(
        running.open_to_its_user(),
        (false, 0),
        "readable, and by whom"
    );

    // Any other program is open, or the question above means nothing.
    let mut other = Command::new("sleep");
    other.arg("60");
    let other = Running::start(other);
    let started = || {
        fs::read_to_string(format!("/proc/{}/comm", other.0.id()))
            .unwrap()
            .trim()
            == "sleep"
    };
    while !started() {
        std::thread::yield_now();
    }
    assert_eq!(other.open_to_its_user(), (true, user));
}
