//! Commit and expiry on what is there. Pure.

use jiff::Timestamp;

use super::{Change, Found, Tags, Wanted, active};
use crate::model::preview::{COMMIT, EXPIRES};

/// Commit and expiry of what is there. An up that changes nothing else moves the expiry once less than half of it is left:
/// the same commit twice is no change, and a pull request that somebody comes back to keeps its preview.
pub(super) fn tag(
    found: &Found,
    wanted: &Wanted,
    unchanged: bool,
    tags: &Tags,
) -> Option<(Change, String)> {
    let there = &found.there;
    let service = active(found);
    let of = |tags: &Tags, key: &str| tags.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let commit = of(tags, COMMIT);
    let all = || {
        let elb = [
            there.group.as_ref().map(|(_, tags)| tags),
            there.rule.as_ref().map(|(_, tags)| tags),
        ];
        elb.into_iter().flatten().chain(service.map(|s| &s.tags))
    };
    let other_commit = commit.is_some() && all().any(|there| of(there, COMMIT) != commit);
    let no_expiry = all().any(|there| of(there, EXPIRES).is_none());
    let late = there_expires(found)
        .is_some_and(|expires| expires.duration_since(wanted.now) < wanted.expires_after / 2);
    let why = if other_commit {
        "another commit"
    } else if !unchanged || no_expiry {
        "the preview lives on from now"
    } else if late {
        "less than half of its time is left"
    } else {
        return None;
    };
    let mut arns = Vec::new();
    arns.extend(there.group.as_ref().map(|(group, _)| group.arn.clone()));
    arns.extend(there.rule.as_ref().map(|(rule, _)| rule.arn.clone()));
    let service_arn = service.map(|s| s.arn.clone());
    if arns.is_empty() && service_arn.is_none() {
        return None;
    }
    let change = Change::Tag {
        arns,
        service_arn,
        tags: tags.clone(),
    };
    Some((change, why.to_owned()))
}

/// The earliest that anything of it says.
pub(super) fn there_expires(found: &Found) -> Option<Timestamp> {
    let there = &found.there;
    let group = there.group.as_ref().map(|(_, tags)| tags);
    let rule = there.rule.as_ref().map(|(_, tags)| tags);
    let service = active(found).map(|s| &s.tags);
    [group, rule, service]
        .into_iter()
        .flatten()
        .flatten()
        .filter(|(key, _)| key == EXPIRES)
        .filter_map(|(_, value)| value.parse().ok())
        .min()
}
