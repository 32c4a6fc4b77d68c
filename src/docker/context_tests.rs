//! Contexts on disk: what is walked, in which order, what is refused, what the hash depends on.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::super::dockerignore::Ignore;
use super::{Context, ContextError, EntryKind};

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Tree {
        let tree = Tree(tempfile::tempdir().unwrap());
        tree.write("Dockerfile", "FROM scratch\n");
        for (path, content) in files {
            tree.write(path, content);
        }
        tree
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn open(&self) -> Context {
        Context::open(self.path(), &self.path().join("Dockerfile")).unwrap()
    }

    fn hash(&self) -> String {
        self.open().hash().unwrap()
    }
}

fn paths(context: &Context) -> Vec<String> {
    let mut paths = Vec::new();
    let walked = context.walk(&mut |entry| {
        paths.push(entry.path);
        Ok::<(), ContextError>(())
    });
    walked.unwrap();
    paths
}

#[test]
fn the_order_is_by_name_and_directories_come_first() {
    let tree = Tree::new(&[("a/b", ""), ("a.txt", ""), ("a-b", ""), ("B", "")]);
    // "a" before "a-b": what lies in a directory follows it at once
    assert_eq!(
        paths(&tree.open()),
        ["B", "Dockerfile", "a", "a/b", "a-b", "a.txt"]
    );
}

#[test]
fn an_exception_brings_its_directories_along() {
    let tree = Tree::new(&[
        (".dockerignore", "*\n!src/keep/*.rs\n!only\n"),
        ("src/keep/a.rs", ""),
        ("src/keep/b.md", ""),
        ("src/other/c.rs", ""),
        ("only/x", ""),
        ("node_modules/y", ""),
    ]);
    assert_eq!(
        paths(&tree.open()),
        ["only", "only/x", "src", "src/keep", "src/keep/a.rs"]
    );
}

#[test]
fn the_dockerfiles_own_ignore_file_comes_first() {
    let tree = Tree::new(&[
        (".dockerignore", "a\n"),
        ("Dockerfile.dockerignore", "b\n"),
        ("a", ""),
        ("b", ""),
    ]);
    let paths = paths(&tree.open());
    assert!(
        paths.contains(&"a".to_owned()) && !paths.contains(&"b".to_owned()),
        "{paths:?}"
    );
}

#[test]
fn links_are_kept_as_links_and_special_files_are_left_out() {
    let tree = Tree::new(&[("dir/f", "")]);
    symlink("/etc", tree.path().join("etc")).unwrap();
    symlink("../..", tree.path().join("dir/up")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.path().join("socket")).unwrap();
    let context = tree.open();
    let mut links = Vec::new();
    let walked = context.walk(&mut |entry| {
        if let EntryKind::Symlink { target } = entry.kind {
            links.push((entry.path, target));
        }
        Ok::<(), ContextError>(())
    });
    walked.unwrap();
    let link = |path: &str, target: &str| (path.to_owned(), target.to_owned());
    assert_eq!(links, [link("dir/up", "../.."), link("etc", "/etc")]);
    assert_eq!(
        paths(&context),
        ["Dockerfile", "dir", "dir/f", "dir/up", "etc"]
    );
    assert_eq!(context.survey().unwrap().skipped, ["socket"]);
}

#[test]
fn only_what_a_copy_names_is_walked_unless_a_link_or_a_wildcard_is_in_the_way() {
    let tree = Tree::new(&[("a/b/c", ""), ("a/d", ""), ("ab", ""), ("z", "")]);
    symlink("a", tree.path().join("link")).unwrap();
    let context = tree.open();
    let wanted = |wishes: &[&str]| {
        let mut paths = Vec::new();
        let wishes: Vec<String> = wishes.iter().map(|&wish| wish.to_owned()).collect();
        let walked = context.walk_for(&wishes, &mut |entry| {
            paths.push(entry.path);
            Ok::<(), ContextError>(())
        });
        walked.unwrap();
        paths
    };
    assert_eq!(wanted(&["a/b"]), ["a", "a/b", "a/b/c"]);
    assert_eq!(wanted(&["/a/", "nowhere"]), ["a", "a/b", "a/b/c", "a/d"]);
    let all = paths(&context);
    for wide in [&["a*"][..], &["."], &["link/d"], &["z", "link"], &[]] {
        assert_eq!(wanted(wide), all, "{wide:?}");
    }
}

#[test]
fn stored_credentials_of_a_checkout_are_refused_unless_ignored() {
    for (file, text, refused) in [
        (
            ".git/config",
            "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic eA==\n",
            true,
        ),
        (
            ".git/config",
            "[remote \"origin\"]\n\turl = https://x-access-token:ghs_1@github.com/o/r\n",
            true,
        ),
        (".git/modules/lib/config", "[http]\n  ExtraHeader=x\n", true),
        ("vendor/lib/.git/config", "[http]\nextraheader = x\n", true),
        (
            ".git/config",
            "[remote \"origin\"]\n\turl = https://github.com/o/r\n\turl = git@github.com:o/r\n",
            false,
        ),
        ("app/config", "extraheader = mine\n", false),
        (".git/config", "[http] extraheader = x\n", true),
        (
            ".git/config",
            "[http \"https://github.com/\"]\n\tEXTRAHEADER=AUTHORIZATION: basic eA==\n",
            true,
        ),
        (
            ".git/config",
            "# extraheader = was here\n; extraheader\n",
            false,
        ),
        (".git/config", "[http]\n\tnoextraheader = x\n", false),
        (
            ".git/config",
            "[remote \"o\"]\n\turl = https://ghs_abcdefghijklmnopqrstuvwxyz@github.com/o/r\n",
            true,
        ),
        (
            ".git/config",
            "[remote \"o\"]\n\turl = https://octocat@github.com/o/r\n\turl = ssh://git@github.com/o/r\n",
            false,
        ),
        (
            ".git/config",
            "[url \"https://x-access-token:ghs_1@github.com/\"]\n\tinsteadOf = https://github.com/\n",
            true,
        ),
        // What actions/checkout v6 leaves: the token is elsewhere.
        (
            ".git/config",
            "[includeIf \"gitdir:/home/runner/work/web/web/.git\"]\n\tpath = /home/runner/work/_temp/git-credentials-5a1c.config\n",
            false,
        ),
        (
            "_temp/git-credentials-5a1c.config",
            "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic eA==\n",
            true,
        ),
        (
            ".git-credentials",
            "https://octocat:ghp_1@github.com\n",
            true,
        ),
        (".git-credentials", "", false),
    ] {
        let tree = Tree::new(&[(file, text)]);
        let found = tree.open().survey();
        assert_eq!(
            matches!(found, Err(ContextError::GitCredentials { .. })),
            refused,
            "{file}: {found:?}"
        );
        tree.write(".dockerignore", "**/.git\n_temp\n.git-credentials\n");
        assert!(tree.open().survey().is_ok(), "{file}, ignored");
    }
}

#[test]
fn what_is_wrong_with_a_context_is_said() {
    let tree = Tree::new(&[]);
    let open = |root: &str, file: &str| {
        Context::open(&tree.path().join(root), &tree.path().join(file)).unwrap_err()
    };
    assert!(matches!(
        open("", "Nofile"),
        ContextError::NoDockerfile { .. }
    ));
    assert!(matches!(
        open("nowhere", "Dockerfile"),
        ContextError::Unreadable { .. }
    ));
    assert!(matches!(
        open("Dockerfile", "Dockerfile"),
        ContextError::Unreadable { .. }
    ));
    tree.write(".dockerignore", "a[\n");
    assert!(matches!(
        open("", "Dockerfile"),
        ContextError::BadIgnore { .. }
    ));
}

#[test]
fn the_hash_is_of_what_is_sent_and_of_nothing_else() {
    let tree = Tree::new(&[
        ("a", "one"),
        ("ignored", "x"),
        (".dockerignore", "ignored\n"),
    ]);
    let before = tree.hash();
    assert_eq!(before.len(), 64);
    tree.write("ignored", "y");
    let file = fs::File::options()
        .append(true)
        .open(tree.path().join("a"))
        .unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(tree.hash(), before, "neither ignored files nor times count");

    let mut seen = BTreeSet::from([before]);
    let mut changed =
        |what: &str| assert!(seen.insert(tree.hash()), "{what} should change the hash");
    tree.write("a", "two");
    changed("content");
    fs::set_permissions(tree.path().join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    changed("a mode");
    fs::rename(tree.path().join("a"), tree.path().join("b")).unwrap();
    changed("a name");
    symlink("b", tree.path().join("c")).unwrap();
    changed("a link");
    fs::remove_file(tree.path().join("c")).unwrap();
    symlink("Dockerfile", tree.path().join("c")).unwrap();
    changed("a link's target");
    fs::create_dir(tree.path().join("empty")).unwrap();
    changed("an empty directory");
    tree.write(".dockerignore", "ignored\nDockerfile\n");
    changed("the ignore file");
    tree.write("Dockerfile", "FROM scratch\nCOPY a /\n");
    changed("an ignored Dockerfile");
}

#[test]
fn a_path_counts_as_sent_as_the_walk_has_it() {
    let tree = Tree::new(&[
        (".dockerignore", "docs\n!docs/keep\nDockerfile\n"),
        ("docs/x", ""),
        ("docs/keep", ""),
    ]);
    let context = tree.open();
    let root = context.root().to_owned();
    for (path, expected) in [
        ("Dockerfile", true),
        ("docs/x", false),
        ("docs/keep", true),
        ("src/new.rs", true),
    ] {
        assert_eq!(context.sends(&root.join(path)), expected, "{path}");
    }
    assert!(!context.sends(Path::new("/elsewhere")));
    assert_eq!(context.content("../Dockerfile"), None);
    assert_eq!(context.content("/etc/passwd"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Of any tree, the walk gives exactly what is not ignored, and the directories on the way to it, in order.
    #[test]
    fn the_walk_is_the_tree_less_what_is_ignored(
        files in proptest::collection::btree_set("[ab.]{1,2}(/[ab]{1,2}){0,3}", 0..12),
        patterns in proptest::collection::vec("!?(\\*\\*/)?[ab*?]{1,2}(/[ab*]{1,2}){0,2}", 0..4),
    ) {
        let tree = Tree::new(&[]);
        for file in &files {
            let path = tree.path().join(file);
            // a name may be a directory on another file's way
            if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.is_dir() {
                let _ = fs::write(path, file);
            }
        }
        let text = patterns.join("\n");
        tree.write("Dockerfile.dockerignore", &text);
        let Ok(ignore) = Ignore::parse(&text) else { return Ok(()) };
        let mut everything = Vec::new();
        list(tree.path(), "", &mut everything);
        let mut expected = BTreeSet::new();
        for path in &everything {
            if !ignore.matches(path) {
                expected.insert(path.clone());
                let ancestors = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
                expected.extend(ancestors);
            }
        }
        let walked = paths(&tree.open());
        let mut sorted = walked.clone();
        sorted.sort_by(|a, b| a.split('/').cmp(b.split('/')));
        prop_assert_eq!(&walked, &sorted);
        prop_assert_eq!(walked.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

fn list(root: &Path, below: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if entry.file_type().unwrap().is_dir() {
            list(root, &path, found);
        }
        found.push(path);
    }
}

#[test]
fn a_configuration_is_read_with_what_it_includes() {
    let header = "[http]\n\textraheader = x\n";
    for (ignore, included, refused) in [
        ("", "../token.conf", true),
        ("", "\"../token.conf\"", true),
        ("token.conf\n", "../token.conf", false),
        (".git\n", "../token.conf", false),
        ("", "../gone.conf", false),
        ("", "../../token.conf", false),
        ("", "config", false),
    ] {
        for section in [
            "[include]",
            "[includeIf \"gitdir:/x/.git\"]",
            "[INCLUDEIF \"onbranch:main\"]",
        ] {
            let config = format!("[core]\n\tbare = false\n{section}\n\tpath = {included}\n");
            let tree = Tree::new(&[
                (".dockerignore", ignore),
                (".git/config", &config),
                ("token.conf", header),
            ]);
            let found = tree.open().survey();
            assert_eq!(
                matches!(found, Err(ContextError::GitCredentials { .. })),
                refused,
                "{ignore:?} {section} {included}"
            );
        }
    }
}
