//! What `prune` does to each preview: by its pull request, its expiry, and what it lacks. Pure: time is an argument.
//!
//! Nothing is removed of which GitHub did not say how the pull request stands. What is incomplete may be an `up` on its way:
//! it is left alone for an hour since anything of it was made. ELBv2 tells no time of making, so there the tag
//! `shipway:expires` stands for it, less the hours that a preview lives.

use jiff::{SignedDuration, Timestamp};

use super::parts::Parts;

/// An `up` builds and pushes between its first resource and its last.
const BEING_MADE: SignedDuration = SignedDuration::from_hours(1);

/// How a pull request stands, as GitHub says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pull {
    /// `labelled`: it has the label that previews are for, where that is asked for.
    Open {
        labelled: bool,
    },
    Merged,
    Closed,
    /// Nobody could be asked.
    Unknown,
}

/// What the decisions go by.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub now: Timestamp,
    pub removes_expired: bool,
    pub lives_for: SignedDuration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Remove(Why),
    Sleep,
    Keep(Kept),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    Merged,
    Closed,
    NotLabelled,
    Expired,
    /// It lacks this, and nobody is making it.
    Lacks(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Its pull request is open and its time not over.
    InUse,
    Asleep,
    /// It lacks this, and may be on its way.
    BeingMade(&'static str),
    /// GitHub did not say how its pull request stands.
    NotAsked,
}

pub fn decide(parts: &Parts, pull: &Pull, rules: &Rules) -> Decision {
    let expired = parts.expires.is_some_and(|at| at <= rules.now);
    let removed_for = match pull {
        Pull::Merged => return Decision::Remove(Why::Merged),
        Pull::Closed => return Decision::Remove(Why::Closed),
        Pull::Open { labelled: false } => return Decision::Remove(Why::NotLabelled),
        Pull::Open { .. } | Pull::Unknown => match parts.lacks() {
            Some(lacks) if is_young(parts, rules) => return Decision::Keep(Kept::BeingMade(lacks)),
            Some(lacks) => Some(Why::Lacks(lacks)),
            None if expired && rules.removes_expired => Some(Why::Expired),
            None => None,
        },
    };
    match removed_for {
        Some(_) if *pull == Pull::Unknown => Decision::Keep(Kept::NotAsked),
        Some(why) => Decision::Remove(why),
        None if parts.sleeps() && *pull != Pull::Unknown => Decision::Keep(Kept::Asleep),
        // Waking undoes it, so it needs nobody's word. One that broke off halfway is finished.
        None if !parts.sleeps() && (expired || parts.runs_nothing()) => Decision::Sleep,
        None if *pull == Pull::Unknown => Decision::Keep(Kept::NotAsked),
        None => Decision::Keep(Kept::InUse),
    }
}

/// Something of it was made a moment ago, or nothing says when.
fn is_young(parts: &Parts, rules: &Rules) -> bool {
    let tagged = parts
        .expires
        .and_then(|at| at.checked_sub(rules.lives_for).ok());
    match parts.made.max(tagged) {
        Some(made) => rules.now.duration_since(made) < BEING_MADE,
        None => true,
    }
}

#[cfg(test)]
#[path = "prune_tests.rs"]
mod tests;
