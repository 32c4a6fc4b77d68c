//! Whether what shall be deployed is older than what runs. Pure: (what runs, what shall run, how GitHub relates their
//! commits) → in order, or refused.
//!
//! By ancestry where GitHub knows it; else by the runs' ids, which grow, and which a re-run keeps. Never by run number:
//! each workflow counts its own.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::stamp::{Stamp, short};

/// How our commit stands to the one that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ancestry {
    /// What runs is an ancestor of ours.
    Ahead,
    Identical,
    /// Ours is an ancestor of what runs.
    Behind,
    Diverged,
    /// Nobody could say, and why not.
    Unknown(String),
}

/// What must be known before it can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// There is no order between them: another repository's, or nobody said which; or the same commit.
    None,
    /// GitHub's answer to these two.
    Ancestry { live: &'a str, ours: &'a str },
    /// A commit is missing: the runs alone can tell.
    Runs,
}

/// What runs, and what shall.
#[derive(Clone, Debug)]
pub struct Pair<'a> {
    pub live: &'a Stamp,
    /// `family:revision` of what runs.
    pub revision: &'a str,
    pub ours: &'a Stamp,
}

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
#[error("{what}")]
#[diagnostic(
    code(shipway::preflight::older_commit),
    help(
        "nothing was changed; run the newest commit's workflow instead. To go back on purpose, use `shipway rollback`, or set `allow-older: true`"
    )
)]
pub struct OlderCommit {
    what: String,
}

impl<'a> Pair<'a> {
    pub fn question(&self) -> Question<'a> {
        let same = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        };
        if !same(&self.live.repository, &self.ours.repository) {
            return Question::None;
        }
        match (&self.live.commit, &self.ours.commit) {
            (Some(live), Some(ours)) if live == ours => Question::None,
            (Some(live), Some(ours)) => Question::Ancestry { live, ours },
            _ => Question::Runs,
        }
    }

    /// `Ok(Some(…))`: nobody can say that it is in order, and it is allowed all the same.
    pub fn judge(&self, ancestry: &Ancestry) -> Result<Option<String>, OlderCommit> {
        let why = match ancestry {
            Ancestry::Ahead | Ancestry::Identical => return Ok(None),
            Ancestry::Behind => return Err(self.by_ancestry()),
            Ancestry::Diverged => "neither was built on the other".to_owned(),
            Ancestry::Unknown(why) => why.clone(),
        };
        match (self.ours.run, self.live.run) {
            (Some(ours), Some(live)) if ours < live => Err(self.by_run(ours, live, &why)),
            (Some(ours), Some(live)) => Ok(Some(format!(
                "which of {} and {} is the older commit is not known ({why}); this run ({ours}) is not older than the one that deployed {} ({live})",
                named(self.ours),
                named(self.live),
                self.revision,
            ))),
            _ => Ok(Some(format!(
                "whether {} is older than {}, which runs, is not known: {why}",
                named(self.ours),
                named(self.live),
            ))),
        }
    }

    fn by_ancestry(&self) -> OlderCommit {
        let runs = match (self.ours.run, self.live.run) {
            (Some(ours), Some(live)) => {
                format!("; this is run {ours}, run {live} deployed what runs")
            }
            _ => String::new(),
        };
        OlderCommit {
            what: format!(
                "{} is older than what runs: {} of {} was built on it{runs}",
                named(self.ours),
                named(self.live),
                self.revision,
            ),
        }
    }

    fn by_run(&self, ours: u64, live: u64, why: &str) -> OlderCommit {
        OlderCommit {
            what: format!(
                "{} is of an older run ({ours}) than what runs: run {live} deployed {} as {} ({why})",
                named(self.ours),
                named(self.live),
                self.revision,
            ),
        }
    }
}

fn named(stamp: &Stamp) -> String {
    match &stamp.commit {
        Some(commit) => format!("`{}`", short(commit)),
        None => "a commit that is not known".to_owned(),
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
