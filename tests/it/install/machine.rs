//! A runner's machine with the action's folder, a tool cache and a server of releases, and what a step on it did. The
//! release is a script that leaves a trace.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::server::{Answer, Server};

pub const TARGET: &str = "x86_64-unknown-linux-musl";
pub const FILE: &str = "/v1.2.3/shipway-x86_64-unknown-linux-musl.gz";
/// What stands where the binary would. It tells what it was given, and ends with a code of its own.
pub const BINARY: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\" \"inputs=$SHIPWAY_INPUTS\" \"token=$GITHUB_TOKEN\" \"pid=$$\" >>\"$TRACE\"\nexit 7\n";

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = Command::new("gzip")
        .arg("-n9")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip");
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// A machine with the action's folder, a tool cache and a server of releases.
pub struct Machine {
    pub dir: tempfile::TempDir,
    pub archive: Vec<u8>,
    pub server: Server,
    shell: Vec<String>,
    vars: Vec<(String, String)>,
}

/// What a step did.
pub struct Ran {
    pub output: Output,
    pub stderr: String,
    pub trace: String,
    pub took: Duration,
}

impl Machine {
    pub fn new(answers: Vec<Answer>) -> Machine {
        Machine::with(answers, |release| release)
    }

    /// `edit` changes what `release.txt` says.
    pub fn with(answers: Vec<Answer>, edit: impl Fn(String) -> String) -> Machine {
        let dir = tempfile::tempdir().unwrap();
        let archive = gzip(BINARY.as_bytes());
        let server = Server::start(FILE, answers, &archive);
        let action = dir.path().join("action");
        std::fs::create_dir(&action).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("action");
        for file in ["install.sh", "run.sh"] {
            std::fs::copy(root.join(file), action.join(file)).unwrap();
        }
        let release = format!(
            "# words\nversion 1.2.3\nfrom {}\nbinary {TARGET} {} {} {}\nbinary aarch64-apple-darwin {} 1 {}\n",
            server.address,
            sha256(&archive),
            archive.len(),
            sha256(BINARY.as_bytes()),
            "0".repeat(64),
            "1".repeat(64),
        );
        std::fs::write(action.join("release.txt"), edit(release)).unwrap();
        for folder in ["cache", "temp"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let machine = Machine {
            dir,
            archive,
            server,
            shell: vec!["/bin/sh".to_owned()],
            vars: Vec::new(),
        };
        // The scripts ask the machine what it is; a test's answer does not hang on where it runs.
        machine.tool("uname", "#!/bin/sh\ncase $1 in -s) echo \"${SYSTEM:-Linux}\";; *) echo \"${MACHINE:-x86_64}\";; esac\n");
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn var(mut self, name: &str, value: &str) -> Machine {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn shell(mut self, words: &[&str]) -> Machine {
        self.shell = words.iter().map(|w| (*w).to_owned()).collect();
        self
    }

    /// A program in front of PATH.
    pub fn tool(&self, name: &str, text: &str) {
        let bin = self.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join(name), text).unwrap();
        std::fs::set_permissions(bin.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// PATH holds these programs alone.
    pub fn only(self, tools: &[&str]) -> Machine {
        let bin = self.path("bin");
        let always = [
            "sh", "mktemp", "mkdir", "mv", "rm", "chmod", "date", "sleep", "wc",
        ];
        for tool in always.iter().chain(tools) {
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|dir| dir.join(tool))
                .find(|path| path.is_file())
                .unwrap_or_else(|| panic!("{tool} is not installed here"));
            symlink(found, bin.join(tool)).unwrap();
        }
        self.var("PATH", bin.to_str().unwrap())
    }

    /// PATH holds busybox alone, as on Alpine. None where it is not installed.
    pub fn busybox(self) -> Option<Machine> {
        let busybox = ["/bin/busybox", "/usr/bin/busybox"]
            .iter()
            .find(|path| Path::new(path).exists())?;
        let bin = self.path("bin");
        let tools = "sh mktemp mkdir mv rm chmod date sleep wc wget timeout gzip sha256sum";
        for tool in tools.split(' ') {
            symlink(busybox, bin.join(tool)).unwrap();
        }
        let path = bin.to_str().unwrap().to_owned();
        Some(self.shell(&[busybox, "sh"]).var("PATH", &path))
    }

    pub fn cached(&self) -> PathBuf {
        self.path("cache/shipway/1.2.3")
            .join(TARGET)
            .join("shipway")
    }

    pub fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.shell[0]);
        command
            .args(&self.shell[1..])
            .arg(self.path("action").join(script))
            .args(arguments)
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_PATH", self.path("paths"))
            .env("RUNNER_TOOL_CACHE", self.path("cache"))
            .env("RUNNER_TEMP", self.path("temp"))
            .env("RUNNER_OS", "Linux")
            .env("GITHUB_TOKEN", "ghs_token")
            .env("SHIPWAY_INPUTS", r#"{"service":"$(touch x) `y`"}"#)
            .env("TRACE", self.path("trace"))
            .envs(self.vars.iter().cloned())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self) -> Ran {
        self.ended(self.command("run.sh", &["deploy"]))
    }

    pub fn ended(&self, mut command: Command) -> Ran {
        let began = Instant::now();
        let output = command.output().unwrap();
        Ran {
            took: began.elapsed(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
            trace: std::fs::read_to_string(self.path("trace")).unwrap_or_default(),
            output,
        }
    }

    /// Neither in the cache nor in the temporary directory is anything but the binary.
    #[track_caller]
    pub fn is_tidy(&self) {
        let mut left = Vec::new();
        let mut folders = vec![self.path("cache"), self.path("temp")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.to_str().unwrap().contains(".new.") {
                    folders.push(path);
                } else if path != self.cached() {
                    left.push(path);
                }
            }
        }
        assert_eq!(left, Vec::<PathBuf>::new());
    }
}

impl Ran {
    #[track_caller]
    pub fn served(&self) -> &Ran {
        assert_eq!(self.output.status.code(), Some(7), "{}", self.stderr);
        let wanted = "deploy\ninputs={\"service\":\"$(touch x) `y`\"}\ntoken=ghs_token\n";
        assert!(self.trace.starts_with(wanted), "{}", self.trace);
        self
    }

    /// Ended with this code and this word, and ran nothing.
    #[track_caller]
    pub fn refused(&self, exit: i32, code: &str) -> &Ran {
        assert_eq!(self.output.status.code(), Some(exit), "{}", self.stderr);
        assert!(self.stderr.contains(code), "no {code} in\n{}", self.stderr);
        assert_eq!(self.trace, "", "something was executed");
        self
    }

    #[track_caller]
    pub fn said(&self, words: &str) -> &Ran {
        assert!(
            self.stderr.contains(words),
            "no {words} in\n{}",
            self.stderr
        );
        self
    }
}
