//! Worlds, troubles and deaths by chance: a night and a morning that nothing disturbs any more bring everything back.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use shipway_sandbox::scenario::{
    PolicyFile, ScalableTargetFile, ScheduledActionFile, ServiceFile, WorldFile,
};
use shipway_sandbox::wire::trouble::Rule;

use super::stage::{Kill, Stage, WORLD, play};

const ALL: [&str; 2] = ["--clusters=*", "--suspend-scheduled"];

/// Operations that trouble may strike: all that a night calls.
const STRUCK: [&str; 12] = [
    "UpdateService",
    "DescribeServices",
    "ListServices",
    "ListClusters",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
    "RegisterScalableTarget",
    "DescribeScalableTargets",
    "DescribeTasks",
    "DescribeTaskDefinition",
    "BatchGetImage",
];

/// A run that may end badly.
#[derive(Clone, Debug)]
struct Disturbed {
    to: &'static str,
    kill: Option<Kill>,
    rules: Vec<(&'static str, &'static str, u32)>,
    minutes_later: u64,
}

fn target(desired: u64) -> impl Strategy<Value = ScalableTargetFile> {
    let policies = prop_oneof![
        Just(vec![PolicyFile::Requests]),
        Just(vec![PolicyFile::Cpu, PolicyFile::Step]),
        Just(vec![]),
    ];
    // What ECS has is within the bounds, or it would not stay.
    (
        0..=desired,
        desired..=desired + 5,
        any::<[bool; 3]>(),
        policies,
        any::<bool>(),
    )
        .prop_map(|(min, max, suspended, policies, scheduled)| {
            let action = ScheduledActionFile {
                schedule: "at(2027-06-01T00:00:00)".to_owned(),
                min: Some(1),
                max: None,
            };
            let [dynamic_in, dynamic_out, of_schedule] = suspended;
            ScalableTargetFile {
                min,
                max,
                suspended: json!({
                    "DynamicScalingInSuspended": dynamic_in,
                    "DynamicScalingOutSuspended": dynamic_out,
                    "ScheduledScalingSuspended": of_schedule,
                }),
                policies,
                scheduled_actions: scheduled
                    .then(|| ("new-year".to_owned(), action))
                    .into_iter()
                    .collect(),
            }
        })
}

fn service(number: usize) -> impl Strategy<Value = ServiceFile> {
    let tags = proptest::collection::btree_map(
        "[a-zA-Z0-9 +=._:/@-]{1,20}",
        "[a-zA-Z0-9 +=._:/@-]{0,40}",
        0..4,
    );
    let propagated = prop_oneof![Just("NONE"), Just("SERVICE"), Just("TASK_DEFINITION")];
    (0..4u64, tags, propagated, any::<bool>(), 0..3usize).prop_flat_map(
        move |(desired, tags, propagated, balanced, cluster)| {
            let scaled = proptest::option::of(target(desired));
            scaled.prop_map(move |scalable_target| ServiceFile {
                name: format!("service-{number}"),
                cluster: Some(format!("cluster-{cluster}")),
                desired: Some(desired),
                image: "ecr:web:v1".to_owned(),
                port: Some(80),
                // One service alone can have the load balancer's targets to itself.
                target_group: (balanced && number == 0).then(|| "web".to_owned()),
                tags: own_tags(&tags),
                service: json!({ "propagateTags": propagated }),
                scalable_target,
                ..ServiceFile::default()
            })
        },
    )
}

/// AWS keeps a prefix for itself, and we have one with a meaning.
fn own_tags(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = tags.iter().filter(|(key, _)| {
        let key = key.to_lowercase();
        !key.starts_with("aws:") && !key.starts_with("shipway:")
    });
    own.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn services() -> impl Strategy<Value = Vec<ServiceFile>> {
    (1..6usize).prop_flat_map(|number| (0..number).map(service).collect::<Vec<_>>())
}

fn disturbed() -> impl Strategy<Value = Disturbed> {
    let kill = proptest::option::of((0..80usize, any::<bool>()));
    let effect = prop_oneof![
        Just("throttle"),
        Just("internal-error"),
        Just("unavailable"),
        Just("reset"),
        Just("lost-answer"),
        Just("denied"),
    ];
    let rule = (proptest::sample::select(&STRUCK[..]), effect, 1..6u32);
    let to = prop_oneof![Just("0"), Just("restore")];
    (to, kill, proptest::collection::vec(rule, 0..4), 0..20u64).prop_map(
        |(to, kill, rules, minutes_later)| Disturbed {
            to,
            kill: kill.map(|(call, after)| Kill { call, after }),
            rules,
            minutes_later,
        },
    )
}

async fn night(services: Vec<ServiceFile>, runs: Vec<Disturbed>) -> Result<(), TestCaseError> {
    let mut file = WorldFile::parse(WORLD).unwrap();
    file.services = services;
    let stage = Stage::set(file);
    let before = stage.inventory();
    for run in runs {
        for (operation, effect, times) in &run.rules {
            let rule: Rule = serde_json::from_value(
                json!({ "operation": operation, "do": effect, "times": times }),
            )
            .unwrap();
            stage.sandbox.trouble(rule);
        }
        stage.killed(run.to, &ALL, run.kill).await;
        stage.minutes(run.minutes_later).await;
    }
    stage.sandbox.end_trouble();
    // Whatever was begun is completed.
    stage.scale("restore", &ALL).await;
    stage.minutes(10).await;
    let last = stage.scale("0", &ALL).await;
    prop_assert_eq!(last.exit, Some(0), "{}", last.said);
    stage.minutes(30).await;
    let asleep = stage.inventory();
    prop_assert!(
        !asleep.0.keys().any(|n| n.starts_with("task of ")),
        "{}",
        asleep
    );
    let last = stage.scale("restore", &ALL).await;
    prop_assert_eq!(last.exit, Some(0), "{}", last.said);
    stage.minutes(10).await;
    let changes = before.changes(&stage.inventory());
    prop_assert!(changes.is_empty(), "{:#?}\n{}", changes, last.said);
    let again = stage.scale("restore", &ALL).await;
    prop_assert!(again.changes().is_empty(), "{}", again.said);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_quiet_night_brings_everything_back(
        services in services(),
        runs in proptest::collection::vec(disturbed(), 0..5),
    ) {
        play(night(services, runs))?;
    }
}
