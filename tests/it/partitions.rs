//! Other partitions of AWS: no host, audience, ARN or DNS suffix of the usual one is a constant anywhere.

use crate::harness::{Played, Scene, play, yaml};

fn played(partition: &str, region: &str) -> Played {
    let role = format!("arn:{partition}:iam::111122223333:role/shipway-production");
    let args = [
        "deploy",
        "--aws-region",
        region,
        "--role-to-assume",
        &role,
        "--cluster",
        "prod",
        "--service",
        "web",
        "--image",
        "v2",
        "--ecr-repository",
        "web",
        "--verbose",
    ];
    play(Scene {
        world: yaml(&format!(
            "place: {{ partition: {partition}, region: {region} }}"
        )),
        args: args.map(str::to_owned).into(),
        event: "push".to_owned(),
        ..Scene::default()
    })
}

/// STS takes the token for the audience of its own partition alone: that it did is part of the exit code.
fn deploys(partition: &str, region: &str, suffix: &str) {
    let played = played(partition, region);
    assert_eq!(played.exit, 0, "{}", played.stderr);
    assert!(
        played.outputs.contains(&format!(
            "111122223333.dkr.ecr.{region}.{suffix}/web@sha256:"
        )),
        "{}",
        played.outputs
    );
    let strange: Vec<&str> = [&played.stderr, &played.outputs, &played.summary]
        .into_iter()
        .chain(&played.comments)
        .flat_map(|text| text.lines())
        .filter(|line| line.contains("arn:aws:"))
        .collect();
    assert!(strange.is_empty(), "{strange:#?}");
    // `POST `ecs:DescribeServices` HOST: 200 in 0 ms`
    let hosts: Vec<&str> = (played.stderr.lines())
        .filter(|line| line.trim_start().starts_with("POST "))
        .filter_map(|line| line.split(" ").find(|word| word.ends_with(':')))
        .filter(|host| !host.contains("github"))
        .collect();
    assert!(hosts.len() > 10, "{}", played.stderr);
    let end = format!("{suffix}:");
    assert!(hosts.iter().all(|host| host.ends_with(&end)), "{hosts:#?}");
}

#[test]
fn china() {
    deploys("aws-cn", "cn-north-1", "amazonaws.com.cn");
}

#[test]
fn gov_cloud() {
    deploys("aws-us-gov", "us-gov-west-1", "amazonaws.com");
}
