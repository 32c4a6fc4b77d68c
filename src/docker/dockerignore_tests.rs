//! The ignore rules against moby's own cases (moby/patternmatcher, Apache-2.0), as data, and against hostile patterns.

use proptest::prelude::*;

use super::{Ignore, clean, read};

/// One pattern, a path, whether it is left out.
const MATCHES_OR_PARENT_MATCHES: &[(&str, &str, bool)] = &[
    ("**", "file", true),
    ("**", "file/", true),
    ("**/", "file", true),
    ("**/", "file/", true),
    ("**", "/", true),
    ("**/", "/", true),
    ("**", "dir/file", true),
    ("**/", "dir/file", true),
    ("**", "dir/file/", true),
    ("**/", "dir/file/", true),
    ("**/**", "dir/file", true),
    ("**/**", "dir/file/", true),
    ("dir/**", "dir/file", true),
    ("dir/**", "dir/file/", true),
    ("dir/**", "dir/dir2/file", true),
    ("dir/**", "dir/dir2/file/", true),
    ("**/dir", "dir", true),
    ("**/dir", "dir/file", true),
    ("**/dir2/*", "dir/dir2/file", true),
    ("**/dir2/*", "dir/dir2/file/", true),
    ("**/dir2/**", "dir/dir2/dir3/file", true),
    ("**/dir2/**", "dir/dir2/dir3/file/", true),
    ("**file", "file", true),
    ("**file", "dir/file", true),
    ("**/file", "dir/file", true),
    ("**file", "dir/dir/file", true),
    ("**/file", "dir/dir/file", true),
    ("**/file*", "dir/dir/file", true),
    ("**/file*", "dir/dir/file.txt", true),
    ("**/file*txt", "dir/dir/file.txt", true),
    ("**/file*.txt", "dir/dir/file.txt", true),
    ("**/file*.txt*", "dir/dir/file.txt", true),
    ("**/**/*.txt", "dir/dir/file.txt", true),
    ("**/**/*.txt2", "dir/dir/file.txt", false),
    ("**/*.txt", "file.txt", true),
    ("**/**/*.txt", "file.txt", true),
    ("a**/*.txt", "a/file.txt", true),
    ("a**/*.txt", "a/dir/file.txt", true),
    ("a**/*.txt", "a/dir/dir/file.txt", true),
    ("a/*.txt", "a/dir/file.txt", false),
    ("a/*.txt", "a/file.txt", true),
    ("a/*.txt**", "a/file.txt", true),
    ("a[b-d]e", "ae", false),
    ("a[b-d]e", "ace", true),
    ("a[b-d]e", "aae", false),
    ("a[^b-d]e", "aze", true),
    (".*", ".foo", true),
    (".*", "foo", false),
    ("abc.def", "abcdef", false),
    ("abc.def", "abc.def", true),
    ("abc.def", "abcZdef", false),
    ("abc?def", "abcZdef", true),
    ("abc?def", "abcdef", false),
    ("a\\\\", "a\\", true),
    ("**/foo/bar", "foo/bar", true),
    ("**/foo/bar", "dir/foo/bar", true),
    ("**/foo/bar", "dir/dir2/foo/bar", true),
    ("abc/**", "abc", false),
    ("abc/**", "abc/def", true),
    ("abc/**", "abc/def/ghi", true),
    ("**/.foo", ".foo", true),
    ("**/.foo", "bar.foo", false),
    ("a(b)c/def", "a(b)c/def", true),
    ("a(b)c/def", "a(b)c/xyz", false),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
    (
        "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        true,
    ),
    (
        "dist/*.whl",
        "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        true,
    ),
    ("a\\*b", "a*b", true),
];

/// Several patterns, in order.
const SEVERAL: &[(&[&str], &str, bool)] = &[
    (&["**", "!util/docker/web"], "util/docker/web/foo", false),
    (
        &["**", "!util/docker/web", "util/docker/web/foo"],
        "util/docker/web/foo",
        true,
    ),
    (
        &[
            "**",
            "!dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        ],
        "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        false,
    ),
    (
        &["**", "!dist/*.whl"],
        "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
        false,
    ),
    (&["*"], "fileutils.go", true),
    (&["*.go"], "fileutils.go", true),
    (&["!fileutils.go", "*.go"], "fileutils.go", true),
    (&["docs", "!docs/README.md"], "docs/README.md", false),
    (&["docs/", "!docs/README.md"], "docs/README.md", false),
    (&["docs/*", "!docs/README.md"], "docs/README.md", false),
    (&["*.go", "!fileutils.go"], "fileutils.go", false),
    (&["docs", "  !docs/README.md"], "docs/README.md", false),
    (&["docs", "!docs/README.md  "], "docs/README.md", false),
    (&[], "/any/path/there", false),
];

/// Go's own table for filepath.Match; `None` is a pattern that is refused. Two rows say what moby says instead,
/// for there a match on the parent directory is a match.
const GO_MATCH: &[(&str, &str, Option<bool>)] = &[
    ("abc", "abc", Some(true)),
    ("*", "abc", Some(true)),
    ("*c", "abc", Some(true)),
    ("a*", "a", Some(true)),
    ("a*", "abc", Some(true)),
    ("a*", "ab/c", Some(true)),
    ("a*/b", "abc/b", Some(true)),
    ("a*/b", "a/c/b", Some(false)),
    ("a*b*c*d*e*/f", "axbxcxdxe/f", Some(true)),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/f", Some(true)),
    ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", Some(false)),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", Some(false)),
    ("a*b?c*x", "abxbbxdbxebxczzx", Some(true)),
    ("a*b?c*x", "abxbbxdbxebxczzy", Some(false)),
    ("ab[c]", "abc", Some(true)),
    ("ab[b-d]", "abc", Some(true)),
    ("ab[e-g]", "abc", Some(false)),
    ("ab[^c]", "abc", Some(false)),
    ("ab[^b-d]", "abc", Some(false)),
    ("ab[^e-g]", "abc", Some(true)),
    ("a\\*b", "a*b", Some(true)),
    ("a\\*b", "ab", Some(false)),
    ("a?b", "a☺b", Some(true)),
    ("a[^a]b", "a☺b", Some(true)),
    ("a???b", "a☺b", Some(false)),
    ("a[^a][^a][^a]b", "a☺b", Some(false)),
    ("[a-ζ]*", "α", Some(true)),
    ("*[a-ζ]", "A", Some(false)),
    ("a?b", "a/b", Some(false)),
    ("a*b", "a/b", Some(false)),
    ("[\\]a]", "]", Some(true)),
    ("[\\-]", "-", Some(true)),
    ("[x\\-]", "x", Some(true)),
    ("[x\\-]", "-", Some(true)),
    ("[x\\-]", "z", Some(false)),
    ("[\\-x]", "x", Some(true)),
    ("[\\-x]", "-", Some(true)),
    ("[\\-x]", "a", Some(false)),
    ("[]a]", "]", None),
    ("[-]", "-", None),
    ("[x-]", "x", None),
    ("[x-]", "-", None),
    ("[x-]", "z", None),
    ("[-x]", "x", None),
    ("[-x]", "-", None),
    ("[-x]", "a", None),
    ("\\", "a", None),
    ("[a-b-c]", "a", None),
    ("[", "a", None),
    ("[^", "a", None),
    ("[^bc", "a", None),
    ("a[", "a", None),
    ("a[", "ab", None),
    ("*x", "xxx", Some(true)),
];

#[test]
fn one_pattern_matches_as_in_moby() {
    for &(pattern, path, expected) in MATCHES_OR_PARENT_MATCHES {
        check(&[pattern], path, expected);
    }
}

#[test]
fn several_patterns_match_as_in_moby() {
    for &(patterns, path, expected) in SEVERAL {
        check(patterns, path, expected);
    }
}

#[test]
fn go_path_match_table() {
    for &(pattern, path, expected) in GO_MATCH {
        match expected {
            Some(expected) => check(&[pattern], path, expected),
            None => assert!(
                Ignore::new(&[pattern]).is_err(),
                "{pattern} should be refused"
            ),
        }
    }
}

#[test]
fn malformed_patterns_are_refused_not_ignored() {
    for pattern in ["!", "[", "[Local-Only]/"] {
        assert!(Ignore::new(&[pattern]).is_err(), "{pattern}");
    }
}

#[test]
fn reading_an_ignore_file_as_in_moby() {
    let text =
        "test1\n/test2\n/a/file/here\n\nlastfile\n# this is a comment\n! /inverted/abs/path\n!\n! ";
    let expected = [
        "test1",
        "test2",
        "a/file/here",
        "lastfile",
        "!inverted/abs/path",
        "!",
        "!",
    ];
    assert_eq!(read(text), expected);
    assert_eq!(
        read("\u{feff}#bom comment\n #not a comment\r\nend "),
        ["#not a comment", "end"]
    );
    assert_eq!(read("./a/../b//c/\n/\n."), ["b/c", "/", "."]);
}

#[test]
fn cleaning_is_gos() {
    for (path, expected) in [
        ("", "."),
        ("a//b/./c/", "a/b/c"),
        ("/..", "/"),
        ("../a", "../a"),
        ("a/../..", ".."),
    ] {
        assert_eq!(clean(path), expected, "{path}");
    }
}

#[test]
fn exceptions_keep_a_directory_worth_walking() {
    let ignore = Ignore::new(&["**", "!src/app/main.rs", "!docs/*.md"]).unwrap();
    for (directory, expected) in [
        ("src", true),
        ("src/app", true),
        ("src/lib", false),
        ("docs", true),
        ("node_modules", false),
    ] {
        assert_eq!(
            ignore.may_hold_exceptions(directory),
            expected,
            "{directory}"
        );
    }
    assert!(
        Ignore::new(&["**", "!**/keep"])
            .unwrap()
            .may_hold_exceptions("node_modules")
    );
    assert!(
        !Ignore::new(&["node_modules"])
            .unwrap()
            .may_hold_exceptions("node_modules")
    );
}

proptest! {
    /// Whatever the file holds, it is read, compiled or refused, and answers; what is left out at last is left out.
    #[test]
    fn hostile_patterns_never_panic(
        patterns in proptest::collection::vec("[!*?\\[\\]\\\\^\\-a-c./ &~<>(){}|+é]{0,8}", 0..5),
        path in "[a-cé]{1,2}(/[a-c.*\\[]{1,2}){0,3}",
    ) {
        if let Ok(ignore) = Ignore::parse(&patterns.join("\n")) {
            let _ = ignore.matches(&path);
            let everything = Ignore::parse(&format!("{}\n**", patterns.join("\n"))).unwrap();
            prop_assert!(everything.matches(&path));
        }
    }
}

#[track_caller]
fn check(patterns: &[&str], path: &str, expected: bool) {
    let ignore = Ignore::new(patterns).unwrap_or_else(|bad| panic!("{patterns:?}: {bad}"));
    assert_eq!(ignore.matches(path), expected, "{patterns:?} on {path}");
}
