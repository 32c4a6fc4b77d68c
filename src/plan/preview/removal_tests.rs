//! The order of a removal, and that it ends with nothing whatever was there and whatever failed before.

use proptest::prelude::*;

use super::super::parts::tests::{of, whole};
use super::*;

#[test]
fn the_order() {
    let words: Vec<&str> = plan(&whole(7)).removals.iter().map(kind).collect();
    assert_eq!(words, ["rule", "service", "group", "revision", "tag"]);
    let mut drained = whole(7);
    drained.service.as_mut().unwrap().status = "DRAINING".to_owned();
    let words: Vec<&str> = plan(&drained).removals.iter().map(kind).collect();
    assert_eq!(words, ["rule", "group", "revision", "tag"]);
}

#[test]
fn the_only_tag_of_an_image_stays() {
    let mut parts = whole(7);
    parts.image_tag.as_mut().unwrap().alone = true;
    let plan = plan(&parts);
    assert_eq!(plan.kept_tag.as_deref(), Some("web-preview:pr-7"));
    assert!(plan.removals.iter().all(|r| kind(r) != "tag"));
}

fn kind(removal: &Removal) -> &'static str {
    match removal {
        Removal::Rule { .. } => "rule",
        Removal::Service { .. } => "service",
        Removal::TargetGroup { .. } => "group",
        Removal::Revision { .. } => "revision",
        Removal::ImageTag { .. } => "tag",
    }
}

/// Any remainder of a preview.
fn remainder() -> impl Strategy<Value = Parts> {
    (any::<[bool; 5]>(), any::<bool>()).prop_map(|(there, drained)| {
        let mut parts = whole(7);
        let [rule, service, group, revisions, tag] = there;
        if !rule {
            parts.rules.clear();
        }
        if !service {
            parts.service = None;
        }
        if let (true, Some(service)) = (drained, &mut parts.service) {
            service.status = "DRAINING".to_owned();
        }
        if !group {
            parts.target_group = None;
        }
        if !revisions {
            parts.family = false;
            parts.revisions.clear();
        }
        if !tag {
            parts.image_tag = None;
        }
        parts
    })
}

/// What carrying it out leaves where these kinds fail.
fn carried_out(parts: &Parts, fails: &[&str]) -> Parts {
    let plan = plan(parts);
    let mut left: Vec<&Removal> = Vec::new();
    let mut after = parts.clone();
    for removal in &plan.removals {
        if fails.contains(&kind(removal)) || left.iter().any(|l| removal.needs_gone(l)) {
            left.push(removal);
            continue;
        }
        match removal {
            Removal::Rule { arn, .. } => after.rules.retain(|r| r.arn != *arn),
            Removal::Service { .. } => after.service = None,
            Removal::TargetGroup { .. } => after.target_group = None,
            Removal::Revision { arn } => after.revisions.retain(|r| r != arn),
            Removal::ImageTag { .. } => after.image_tag = None,
        }
        after.family = !after.revisions.is_empty();
    }
    after
}

proptest! {
    /// Nothing but what belongs to it is ever named, each once, the referred after the referring.
    #[test]
    fn only_its_own_parts_in_an_order_that_works(parts in remainder()) {
        let removals = plan(&parts).removals;
        let name = of(7).name();
        for (n, removal) in removals.iter().enumerate() {
            prop_assert!(!removals[..n].contains(removal));
            prop_assert!(removals[n..].iter().all(|later| !removal.needs_gone(later)));
            let named = match removal {
                Removal::Rule { arn, .. } => parts.rules.iter().any(|r| r.arn == *arn),
                Removal::Service { name: service } => *service == name,
                Removal::TargetGroup { name: group, .. } => *group == name,
                Removal::Revision { arn } => parts.revisions.contains(arn),
                Removal::ImageTag { tag, .. } => tag == "pr-7",
            };
            prop_assert!(named, "{removal:?}");
        }
    }

    /// Whatever fails, what is left can be taken down by the next run: nothing is left then.
    #[test]
    fn it_converges(parts in remainder(), fails in prop::sample::subsequence(vec!["rule", "service", "group", "revision", "tag"], 0..=5)) {
        let after = carried_out(&parts, &fails);
        // A group does not go before the rule that forwards to it, nor what a service runs on before the service.
        if !after.rules.is_empty() || after.active_service().is_some() {
            prop_assert_eq!(&after.target_group, &parts.target_group);
        }
        if after.active_service().is_some() {
            prop_assert_eq!(&after.revisions, &parts.revisions);
        }
        let done = carried_out(&after, &[]);
        prop_assert!(done.is_nothing());
        prop_assert_eq!(plan(&done), RemovalPlan::default());
    }
}
