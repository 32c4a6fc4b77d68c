//! Who is PRIMARY, and what that means for ours: superseded is asked before stopped, and never when ours failed.

use jiff::Timestamp;

use crate::model::service::{Deployment, Service};

use super::Ours;

#[derive(Debug, PartialEq)]
pub(super) enum Primary<'s> {
    Ours,
    /// Created after ours.
    Newer(&'s Deployment),
    /// Created before ours: a stale read while ours is not listed, a rollback when it is.
    Older(&'s Deployment),
    /// There is none, or it cannot be told whether it is newer.
    Unclear,
}

pub(super) fn primary<'s>(service: &'s Service, ours: &Ours) -> Primary<'s> {
    let Some(primary) = service.primary() else {
        return Primary::Unclear;
    };
    if primary.id == ours.deployment_id {
        return Primary::Ours;
    }
    match order(primary.created_at, ours.created_at) {
        Some(std::cmp::Ordering::Less) => Primary::Older(primary),
        Some(std::cmp::Ordering::Greater) => Primary::Newer(primary),
        _ => Primary::Unclear,
    }
}

fn order(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<std::cmp::Ordering> {
    Some(one?.cmp(&other?))
}

/// The same task definition goes on under another deployment: it is followed, not given way to.
pub(super) fn same_revision(newer: &Deployment, ours: &Ours) -> bool {
    newer.task_definition == ours.task_definition
}
