//! What the tags of a task definition's revision say of where it came from: which commit it stands for, which run deployed
//! it, of which repository; and whether the database moved on with it. Knows the tags' names; compares nothing.

pub const COMMIT: &str = "shipway:commit";
pub const RUN: &str = "shipway:run";
pub const REPOSITORY: &str = "shipway:repository";
/// Set by people, on a revision whose deployment changed the database: code from before it may not work any more.
pub const MIGRATION: &str = "shipway:migration";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    pub commit: Option<String>,
    /// GitHub's run id, which grows from run to run of all workflows, and which a re-run keeps.
    pub run: Option<u64>,
    /// `owner/name`
    pub repository: Option<String>,
}

impl Stamp {
    pub fn of(tags: &[(String, String)]) -> Stamp {
        Stamp {
            commit: value(tags, COMMIT).and_then(sha),
            run: value(tags, RUN).and_then(|run| run.parse().ok()),
            repository: value(tags, REPOSITORY).map(str::to_owned),
        }
    }
}

pub fn value<'t>(tags: &'t [(String, String)], name: &str) -> Option<&'t str> {
    tags.iter().find(|(key, _)| key == name).map(|(_, v)| &**v)
}

/// A commit's whole name in lower case. Anyone who may tag can write a tag: what is no hash is no commit.
pub fn sha(text: &str) -> Option<String> {
    let whole = (40..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    whole.then(|| text.to_ascii_lowercase())
}

/// As people write a commit: `4f2a9c1`.
pub fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_hash_is_no_commit() {
        let of = |commit: &str| Stamp::of(&[(COMMIT.to_owned(), commit.to_owned())]).commit;
        let whole = "4F2A9C1D00000000000000000000000000000000";
        assert_eq!(of(whole), Some(whole.to_lowercase()));
        for wrong in [
            "",
            "main",
            "4f2a9c1",
            "../../x",
            &"0".repeat(65),
            &"g".repeat(40),
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
