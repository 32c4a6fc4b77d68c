//! How an image is named, and the key by which two builds are the same. Pure: facts in, text out.

use sha2::{Digest, Sha256};

/// The label that carries the build key.
pub const BUILD_KEY_LABEL: &str = "shipway.build-key";

/// Docker allows a tag this many characters.
const TAG_LIMIT: usize = 128;

/// What the image is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// a commit, with nothing changed that reaches the image
    Clean { sha: &'a str },
    /// a commit with changes; the hash is the context's
    Dirty { sha: &'a str, context_hash: &'a str },
    /// no repository, or one without a commit
    NoGit { context_hash: &'a str },
}

impl Source<'_> {
    /// The tag that names it: the commit's SHA, `SHA-dirty-…`, or `nogit-…`.
    pub fn tag(&self) -> String {
        match self {
            Source::Clean { sha } => (*sha).to_owned(),
            Source::Dirty { sha, context_hash } => {
                format!("{sha}-dirty-{}", first(context_hash, 8))
            }
            Source::NoGit { context_hash } => format!("nogit-{}", first(context_hash, 16)),
        }
    }

    /// Only an image of a clean commit may stand in for a new build.
    pub fn may_be_reused(&self) -> bool {
        matches!(self, Source::Clean { .. })
    }
}

fn first(hash: &str, digits: usize) -> &str {
    hash.get(..digits).unwrap_or(hash)
}

/// Whether Docker accepts the text as a tag.
pub fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= TAG_LIMIT
        && text.starts_with(word)
        && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

/// Everything that decides a build's result, as far as it is known before building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInputs<'a> {
    pub commit: &'a str,
    /// relative to the repository; `.` for its top
    pub context: &'a str,
    /// the Dockerfile, relative to the repository
    pub file: &'a str,
    pub target: Option<&'a str>,
    pub build_args: &'a [(String, String)],
    pub platform: &'a str,
}

impl BuildInputs<'_> {
    /// Hex SHA-256. Each part is written with its length, so that no two inputs read alike; build-args in any order
    /// are the same build, except that of two with one name the last counts, as it does for Docker.
    pub fn key(&self) -> String {
        let mut sum = Sha256::new();
        let mut add = |part: &str| {
            sum.update((part.len() as u64).to_be_bytes());
            sum.update(part.as_bytes());
        };
        add("shipway build key 1");
        for part in [self.commit, self.context, self.file, self.platform] {
            add(part);
        }
        add(if self.target.is_some() {
            "target"
        } else {
            "last stage"
        });
        add(self.target.unwrap_or_default());
        let args: std::collections::BTreeMap<&str, &str> = self
            .build_args
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        for (key, value) in args {
            add(key);
            add(value);
        }
        hex::encode(sum.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
    const HASH: &str = "feedfacecafebeef0123";

    #[test]
    fn tags_say_what_they_are_made_from() {
        let dirty = format!("{SHA}-dirty-feedface");
        for (source, expected, reusable) in [
            (Source::Clean { sha: SHA }, SHA, true),
            (
                Source::Dirty {
                    sha: SHA,
                    context_hash: HASH,
                },
                dirty.as_str(),
                false,
            ),
            (
                Source::NoGit { context_hash: HASH },
                "nogit-feedfacecafebeef",
                false,
            ),
        ] {
            assert_eq!(source.tag(), expected);
            assert_eq!(source.may_be_reused(), reusable);
            assert!(is_tag(&source.tag()));
        }
    }

    #[test]
    fn tags_as_docker_allows_them() {
        for (text, expected) in [
            ("v1.2-rc_3", true),
            ("", false),
            (".a", false),
            ("a/b", false),
            ("a:b", false),
        ] {
            assert_eq!(is_tag(text), expected, "{text}");
        }
        assert!(!is_tag(&"a".repeat(129)));
    }

    #[test]
    fn every_input_counts_and_the_order_of_build_args_does_not() {
        let args = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|&(k, v)| (k.to_owned(), v.to_owned()))
                .collect()
        };
        let ab = args(&[("A", "1"), ("B", "2")]);
        let base = BuildInputs {
            commit: SHA,
            context: ".",
            file: "Dockerfile",
            target: None,
            build_args: &ab,
            platform: "linux/amd64",
        };
        let ba = args(&[("B", "2"), ("A", "1")]);
        assert_eq!(
            base.key(),
            BuildInputs {
                build_args: &ba,
                ..base.clone()
            }
            .key()
        );
        let joined = args(&[("A", "1B2")]);
        let others = [
            BuildInputs {
                commit: HASH,
                ..base.clone()
            },
            BuildInputs {
                context: "app",
                ..base.clone()
            },
            BuildInputs {
                file: "app/Dockerfile",
                ..base.clone()
            },
            BuildInputs {
                target: Some(""),
                ..base.clone()
            },
            BuildInputs {
                target: Some("web"),
                ..base.clone()
            },
            BuildInputs {
                platform: "linux/arm64",
                ..base.clone()
            },
            BuildInputs {
                build_args: &[],
                ..base.clone()
            },
            BuildInputs {
                build_args: &joined,
                ..base.clone()
            },
        ];
        let mut keys: Vec<String> = others.iter().map(BuildInputs::key).collect();
        keys.push(base.key());
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all);
        assert_eq!(base.key().len(), 64);
    }
}
