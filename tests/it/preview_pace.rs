//! How fast previews are taken down: the account's deploys draw on the same buckets. And what a signal leaves.

use std::time::Duration;

use serde_json::json;
use shipway::Signal;
use shipway_sandbox::World;
use shipway_sandbox::services::ecs::TaskDefinition;

use crate::harness::{Played, Scene, play, yaml};

const FAMILY: &str = "pr-7-web-b919dae0";

/// Fifteen revisions, one of which nobody tagged.
fn revisions(world: &mut World) {
    let Some(family) = world.ecs.families.get_mut(FAMILY) else {
        return;
    };
    let (first, document) = (family[0].arn.clone(), family[0].document.clone());
    let tags = world.ecs.tags[&first].clone();
    for revision in 2..=15 {
        let arn = format!("{}:{revision}", first.trim_end_matches(":1"));
        let mut document = document.clone();
        document["taskDefinitionArn"] = json!(arn);
        document["revision"] = json!(revision);
        if revision != 9 {
            world.ecs.tags.insert(arn.clone(), tags.clone());
        }
        family.push(TaskDefinition {
            arn,
            family: FAMILY.to_owned(),
            revision,
            active: true,
            document,
        });
    }
}

fn down(signal_after: Option<Duration>) -> Played {
    let args = [
        "preview",
        "down",
        "--aws-region=eu-west-1",
        "--role-to-assume=arn:aws:iam::111122223333:role/shipway-production",
        "--cluster=prod",
        "--base-service=web",
        "--ecr-repository=web-preview",
    ];
    let mut world = yaml(include_str!("../worlds/previews.yml"));
    crate::harness::overlay(&mut world, &yaml("trouble: { limits: true }"));
    play(Scene {
        world,
        args: args.map(str::to_owned).to_vec(),
        event: "pull_request".to_owned(),
        prepare: Some(revisions),
        signal: Some(Signal::Interrupt),
        signal_after,
        ..Scene::default()
    })
}

#[test]
fn revisions_go_at_half_of_the_rate_that_deploys_share() {
    let played = down(None);
    assert_eq!(played.exit, 0, "{}", played.stderr);
    let deregistered = played
        .changes()
        .iter()
        .filter(|c| *c == "ecs:DeregisterTaskDefinition")
        .count();
    // Ten at once, and four more.
    assert_eq!((deregistered, played.took.as_secs()), (14, 8));
    for said in [
        "14 revisions are deregistered slowly, for deploys share the rate that AWS allows: about 8 s",
        "deregistered 14 revisions",
        "1 ACTIVE of family `pr-7-web-b919dae0` have no tags of this preview: left alone",
    ] {
        assert!(played.stderr.contains(said), "{}", played.stderr);
    }
    let left: Vec<u64> = played.sandbox.with_world(|w| {
        let family = w.ecs.families[FAMILY].iter();
        family.filter(|d| d.active).map(|d| d.revision).collect()
    });
    assert_eq!(left, [9]);
}

#[test]
fn a_signal_ends_it_between_two_calls_and_says_what_is_left() {
    let played = down(Some(Duration::from_secs(3)));
    assert_eq!(played.exit, 130, "{}", played.stderr);
    assert!(
        played
            .stderr
            .contains("14 of 18 resources were deleted. Run it again for the rest"),
        "{}",
        played.stderr
    );
    assert!(
        played.comments[0].contains("Preview cancelled"),
        "{:?}",
        played.comments
    );
}
