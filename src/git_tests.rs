//! Repositories made with the real git.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Repository, look};

fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_COMMITTER_DATE", "1600000000 +0200")
        .env("GIT_AUTHOR_DATE", "1500000000 +0000")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A repository with one commit of `app/a`, `app/Dockerfile` and `other`.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q"]);
    fs::create_dir(dir.path().join("app")).unwrap();
    for file in ["app/a", "app/Dockerfile", "other"] {
        fs::write(dir.path().join(file), file).unwrap();
    }
    fs::write(dir.path().join(".gitignore"), "*.log\n").unwrap();
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-qm", "one"]);
    dir
}

async fn facts(context: &Path) -> Repository {
    look(context, &[]).await.unwrap().expect("a repository")
}

#[tokio::test]
async fn a_clean_checkout() {
    let dir = repository();
    git(
        dir.path(),
        &["remote", "add", "origin", "https://u:p@github.com/o/r.git"],
    );
    let found = facts(&dir.path().join("app")).await;
    let head = found.head.clone().unwrap();
    assert_eq!(head.sha.len(), 40);
    assert_eq!(head.committed, 1_600_000_000);
    assert!(head.parents.is_empty() && !head.is_merge());
    assert_eq!(found.changed, Vec::<std::path::PathBuf>::new());
    assert_eq!(
        found.remote_url.as_deref(),
        Some("https://github.com/o/r.git")
    );
    assert_eq!(
        found.relative(&found.top_level.join("app")).as_deref(),
        Some("app")
    );
    assert_eq!(found.relative(&found.top_level).as_deref(), Some("."));
    assert_eq!(found.relative(Path::new("/")), None);
}

#[tokio::test]
async fn changes_count_inside_the_context_and_in_files_asked_about() {
    let dir = repository();
    let root = fs::canonicalize(dir.path()).unwrap();
    fs::write(root.join("other"), "changed").unwrap();
    fs::write(root.join("app/x.log"), "ignored by git").unwrap();
    assert!(
        facts(&root.join("app")).await.changed.is_empty(),
        "elsewhere, or ignored"
    );
    let other = root.join("other");
    let found = look(&root.join("app"), &[&other, Path::new("/etc/hosts")])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.changed, [other]);

    fs::write(root.join("app/a"), "changed").unwrap();
    fs::create_dir(root.join("app/new dir")).unwrap();
    fs::write(root.join("app/new dir/ü"), "untracked").unwrap();
    fs::remove_file(root.join("app/Dockerfile")).unwrap();
    let mut changed = facts(&root.join("app")).await.changed;
    changed.sort();
    assert_eq!(
        changed,
        ["app/Dockerfile", "app/a", "app/new dir/ü"].map(|path| root.join(path))
    );
}

#[tokio::test]
async fn a_shallow_merge_commit_still_names_both_parents() {
    let dir = repository();
    git(dir.path(), &["checkout", "-qb", "side"]);
    git(dir.path(), &["commit", "-q", "--allow-empty", "-m", "side"]);
    git(dir.path(), &["checkout", "-q", "main"]);
    git(
        dir.path(),
        &["merge", "-q", "--no-ff", "-m", "merge", "side"],
    );
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", dir.path().display());
    git(clone.path(), &["clone", "-q", "--depth=1", &from, "."]);
    let head = facts(clone.path()).await.head.unwrap();
    assert!(head.is_merge(), "{head:?}");
    assert_eq!(head.parents[1], facts_of_ref(dir.path(), "side"));
}

fn facts_of_ref(dir: &Path, name: &str) -> String {
    let answer = Command::new("git")
        .args(["rev-parse", name])
        .current_dir(dir)
        .output()
        .unwrap();
    String::from_utf8(answer.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn no_repository_and_no_commit() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(look(dir.path(), &[]).await.unwrap(), None);
    git(dir.path(), &["init", "-q"]);
    assert_eq!(facts(dir.path()).await.head, None);
    assert_eq!(look(&dir.path().join("nowhere"), &[]).await.unwrap(), None);
}

#[tokio::test]
async fn nothing_of_the_repositorys_is_run() {
    let dir = repository();
    let ran = dir.path().join("ran");
    let script = dir.path().join("monitor");
    fs::write(&script, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    git(
        dir.path(),
        &["config", "core.fsmonitor", script.to_str().unwrap()],
    );
    facts(&dir.path().join("app")).await;
    assert!(!ran.exists(), "the monitor ran");
}
