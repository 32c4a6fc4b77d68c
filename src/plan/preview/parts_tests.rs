//! What belongs to which preview, and how it stands.

use super::*;
use crate::model::service::Deployment;
use crate::model::target::WeightedGroup;

pub(in crate::plan::preview) fn of(number: u64) -> PreviewOf {
    PreviewOf {
        repository: "octo-org/web".to_owned(),
        pull_request: number,
        cluster: "staging".to_owned(),
        base_service: "web".to_owned(),
    }
}

pub(in crate::plan::preview) fn group_arn(name: &str) -> String {
    format!("arn:x:elasticloadbalancing:r:1:targetgroup/{name}/0a1b")
}

pub(in crate::plan::preview) fn service(of: &PreviewOf, desired: u32) -> Service {
    Service {
        arn: format!("arn:x:ecs:r:1:service/staging/{}", of.name()),
        name: of.name(),
        status: "ACTIVE".to_owned(),
        desired_count: desired,
        running_count: desired,
        deployments: vec![Deployment {
            status: "PRIMARY".to_owned(),
            rollout_state: Some("COMPLETED".to_owned()),
            ..Deployment::default()
        }],
        tags: of.tags(Some("4f2a9c1"), "2026-11-30T00:00:00Z".parse().ok()),
        ..Service::default()
    }
}

pub(in crate::plan::preview) fn rule_to(name: &str) -> ListenerRule {
    ListenerRule {
        arn: format!("rule-to-{name}"),
        priority: "12".to_owned(),
        forwards_to: vec![WeightedGroup {
            target_group_arn: group_arn(name),
            weight: 1,
        }],
        ..ListenerRule::default()
    }
}

/// Whole, and awake.
pub(in crate::plan::preview) fn whole(number: u64) -> Parts {
    let of = of(number);
    Parts {
        rules: vec![rule_to(&of.name())],
        service: Some(service(&of, 1)),
        target_group: Some(TargetGroup {
            arn: group_arn(&of.name()),
            name: of.name(),
            ..TargetGroup::default()
        }),
        family: true,
        revisions: vec![format!("arn:x:ecs:r:1:task-definition/{}:1", of.name())],
        image_tag: Some(ImageTag {
            repository: "web-preview".to_owned(),
            tag: format!("pr-{number}"),
            pull_request: number,
            alone: false,
        }),
        expires: "2026-11-30T00:00:00Z".parse().ok(),
        ..Parts::nothing(of)
    }
}

pub(in crate::plan::preview) fn asleep(number: u64) -> Parts {
    let mut parts = whole(number);
    parts.rules[0].forwards_to.clear();
    parts.rules[0].fixed_response = Some("503".to_owned());
    parts.service = Some(service(&of(number), 0));
    parts
}

/// What is different.
pub(in crate::plan::preview) type Change = fn(&mut Parts);

#[test]
fn how_it_stands() {
    let cases: [(&str, Change, PreviewState); 10] = [
        ("whole", |_| {}, PreviewState::Ready),
        ("asleep", |p| *p = asleep(7), PreviewState::Asleep),
        ("no rule", |p| p.rules.clear(), PreviewState::Incomplete),
        (
            "no group",
            |p| p.target_group = None,
            PreviewState::Incomplete,
        ),
        ("no service", |p| p.service = None, PreviewState::Incomplete),
        (
            "drained",
            |p| p.service.as_mut().unwrap().status = "DRAINING".to_owned(),
            PreviewState::Incomplete,
        ),
        (
            "no task",
            |p| p.service.as_mut().unwrap().running_count = 0,
            PreviewState::Deploying,
        ),
        (
            "failed",
            |p| {
                let primary = &mut p.service.as_mut().unwrap().deployments[0];
                primary.rollout_state = Some("FAILED".to_owned());
            },
            PreviewState::Incomplete,
        ),
        (
            "forwards to nothing that could start",
            |p| p.service.as_mut().unwrap().desired_count = 0,
            PreviewState::Incomplete,
        ),
        (
            "nothing",
            |p| *p = Parts::nothing(of(7)),
            PreviewState::Absent,
        ),
    ];
    for (name, change, state) in cases {
        let mut parts = whole(7);
        change(&mut parts);
        assert_eq!(parts.state(), state, "{name}");
    }
}

#[test]
fn only_name_and_tag_together_make_it_ours() {
    let (ours, tags) = (of(7), of(7).tags(None, None));
    let name = ours.name();
    let group = |name: &str| TargetGroup {
        arn: group_arn(name),
        name: name.to_owned(),
        ..TargetGroup::default()
    };
    let sleeping = ListenerRule {
        arn: "asleep".to_owned(),
        priority: "13".to_owned(),
        fixed_response: Some("503".to_owned()),
        ..ListenerRule::default()
    };
    let default = ListenerRule {
        priority: "default".to_owned(),
        ..rule_to(&name)
    };
    let both = ListenerRule {
        arn: "both".to_owned(),
        forwards_to: [rule_to(&name).forwards_to, rule_to("web").forwards_to].concat(),
        ..rule_to(&name)
    };
    let other = of(8).name();
    let seen = Seen {
        services: vec![
            Service {
                tags: Vec::new(),
                ..service(&ours, 1)
            },
            Service {
                name: other.clone(),
                tags: tags.clone(),
                ..service(&ours, 1)
            },
        ],
        target_groups: vec![(group(&name), Vec::new()), (group(&other), tags.clone())],
        rules: vec![
            (rule_to(&name), Vec::new(), None),
            (rule_to(&other), tags.clone(), None),
            (rule_to("web"), tags.clone(), None),
            (default, tags.clone(), None),
            (both, tags.clone(), None),
            (
                sleeping.clone(),
                tags.clone(),
                Some("https://pr-7".to_owned()),
            ),
        ],
        families: vec![Family {
            name: other,
            newest: Some((tags, None)),
        }],
        image_tags: Vec::new(),
    };
    let sorted = sorted(seen, Some("octo-org/web"));
    // The one rule that answers itself has no name to disagree with.
    assert_eq!(sorted.previews.len(), 1);
    let parts = &sorted.previews[0];
    assert_eq!(parts.rules, [sleeping]);
    assert_eq!(
        (&parts.service, &parts.target_group, parts.family),
        (&None, &None, false)
    );
    assert_eq!(sorted.not_ours.len(), 10);
}

#[test]
fn an_image_tag_goes_to_the_one_preview_of_its_number() {
    let tag = |number: u64| ImageTag {
        repository: "web-preview".to_owned(),
        tag: format!("pr-{number}"),
        pull_request: number,
        alone: false,
    };
    let other_base = PreviewOf {
        base_service: "api".to_owned(),
        ..of(8)
    };
    let other_repository = PreviewOf {
        repository: "octo-org/shop".to_owned(),
        ..of(9)
    };
    let services = [of(7), of(8), other_base, other_repository];
    let seen = Seen {
        services: services.iter().map(|of| service(of, 1)).collect(),
        image_tags: vec![tag(7), tag(8), tag(9), tag(10)],
        ..Seen::default()
    };
    let sorted = sorted(seen, Some("Octo-Org/web"));
    let tagged: Vec<u64> = sorted
        .previews
        .iter()
        .filter(|p| p.image_tag.is_some())
        .map(|p| p.of.pull_request)
        .collect();
    assert_eq!(tagged, [7]);
    assert_eq!(sorted.stray_tags, [tag(10)]);
}

#[test]
fn numbers_of_image_tags() {
    for (tag, number) in [
        ("pr-7", Some(7)),
        ("pr-", None),
        ("pr-07", None),
        ("pr-7-old", None),
        ("4f2a9c1", None),
        ("xpr-7", None),
        ("pr--7", None),
        ("pr-+7", None),
    ] {
        assert_eq!(number_of_image_tag(tag), number, "{tag}");
    }
}

#[test]
fn the_service_says_until_when() {
    let mut late = service(&of(7), 1);
    late.tags = of(7).tags(Some("new"), "2026-12-02T00:00:00Z".parse().ok());
    let group = TargetGroup {
        name: of(7).name(),
        ..TargetGroup::default()
    };
    let made = of(7).tags(Some("old"), "2026-12-24T00:00:00Z".parse().ok());
    let mut seen = Seen {
        services: vec![late],
        target_groups: vec![(group, made)],
        ..Seen::default()
    };
    let with = sorted(seen.clone(), None).previews.remove(0);
    assert_eq!(with.commit.as_deref(), Some("new"));
    assert_eq!(with.expires, "2026-12-02T00:00:00Z".parse().ok());
    seen.services.clear();
    let without = sorted(seen, None).previews.remove(0);
    assert_eq!(without.commit.as_deref(), Some("old"));
    assert_eq!(without.expires, "2026-12-24T00:00:00Z".parse().ok());
}
