//! `shipway try` as a process of its own, until the end of a test. Needs a Docker daemon.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than a deploy, and shorter than anybody's patience.
const PATIENCE: Duration = Duration::from_secs(120);

/// `shipway try`, until the end of the test.
pub struct Serving {
    child: Child,
    pub stdin: ChildStdin,
    lines: Receiver<String>,
    pub said: Vec<String>,
}

impl Serving {
    pub fn start() -> Serving {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shipway"))
            .arg("try")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdin = child.stdin.take().expect("its stdin");
        let stderr = BufReader::new(child.stderr.take().expect("its stderr"));
        let (said, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Serving {
            child,
            stdin,
            lines,
            said: Vec::new(),
        }
    }

    /// Where it serves and what it deploys, once it does: `Serving URL until Ctrl-C. Change DIR and press Enter …`.
    pub fn until_it_serves(&mut self) -> (String, PathBuf) {
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("it does not serve:\n{}", self.said.join("\n")));
            self.said.push(line.clone());
            if let Some((serving, rest)) = line.split_once(" until Ctrl-C. Change ")
                && let Some((directory, _)) = rest.split_once(" and press Enter")
            {
                let url = serving.trim_start_matches("Serving ");
                return (url.to_owned(), PathBuf::from(directory));
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The variables of its `export` lines, which point any client at its stand-ins.
    pub fn exports(&self) -> BTreeMap<String, String> {
        let lines = self
            .said
            .iter()
            .filter_map(|line| line.strip_prefix("export "));
        let named = lines.filter_map(|line| line.split_once('='));
        named
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect()
    }

    pub fn exit_code(&self) -> Option<&str> {
        self.said
            .iter()
            .rev()
            .find_map(|line| line.strip_prefix("exit code "))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // As Ctrl-C does, so that it removes its containers.
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-s", "INT", &pid]).status().ok();
        self.child.wait().ok();
    }
}
