//! Compiles the page that `shipway try` deploys by default, so that it works on a Docker without images or a registry.
//!
//! Knows: how to make one static executable of `page/server.rs`. Where that cannot be done it leaves an empty file, and
//! `shipway try` then asks for a directory.

// This is how a build script talks to cargo.
#![allow(clippy::print_stdout)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one platform that the sandbox's tasks have by default and whose C library links statically without ado.
const HOST: &str = "x86_64-unknown-linux-gnu";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=page/server.rs");
    let out =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("page-server");
    if env::var_os("CARGO_FEATURE_TRY").is_none() {
        return;
    }
    if let Err(why) = compile(&out) {
        println!("cargo::warning=`shipway try` will need a directory to deploy: {why}");
        fs::write(&out, []).expect("OUT_DIR is writable");
    }
}

fn compile(out: &Path) -> Result<(), String> {
    let host = env::var("HOST").unwrap_or_default();
    if host != HOST {
        return Err(format!(
            "its built-in page is only compiled on {HOST}, and this is {host}"
        ));
    }
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc)
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "bin",
            "--crate-name",
            "page_server",
            "--target",
            HOST,
        ])
        .args([
            "-C",
            "target-feature=+crt-static",
            "-C",
            "opt-level=s",
            "-C",
            "panic=abort",
            "-C",
            "strip=symbols",
        ])
        .arg("-o")
        .arg(out)
        .arg("page/server.rs")
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "page/server.rs does not compile: {}",
        String::from_utf8_lossy(&output.stderr).replace('\n', " ")
    ))
}
