//! Two Regions of one account in one run: each has its own services, its own limits and its own trouble.

use shipway_sandbox::scenario::WorldFile;

use super::stage::{Stage, WORLD, play};

const ELSEWHERE: &str = "
regions:
  us-east-1:
    repositories: [{ name: web, images: [{ tags: [v1] }] }]
    services:
      - { name: far, cluster: prod, desired: 2, image: 'ecr:web:v1', scalable-target: { min: 1, max: 4 } }
";
const BOTH: [&str; 2] = ["--clusters=prod", "--aws-region=us-east-1"];

fn world(more: &str) -> WorldFile {
    WorldFile::parse(&format!("{WORLD}{ELSEWHERE}{more}")).unwrap()
}

fn desired(stage: &Stage, region: &str, name: &str) -> u64 {
    let key = ("prod".to_owned(), name.to_owned());
    stage
        .sandbox
        .with_region(region, |world| world.ecs.services[&key].desired)
}

#[test]
fn two_regions_sleep_and_wake_in_one_run() {
    play(async {
        let stage = Stage::set(world(""));
        let before = stage.inventory();
        stage.scale("0", &BOTH).await.ended_with(0);
        stage.minutes(30).await;
        assert_eq!(desired(&stage, "eu-west-1", "plain"), 0);
        assert_eq!(desired(&stage, "us-east-1", "far"), 0);
        stage.scale("restore", &BOTH).await.ended_with(0);
        stage.minutes(10).await;
        assert_eq!(before.changes(&stage.inventory()), [""; 0]);
    });
}

#[test]
fn a_region_that_is_denied_does_not_keep_the_other_awake() {
    play(async {
        let denied = "
trouble: { rules: [{ operation: UpdateService, region: us-east-1, do: denied }] }
";
        let stage = Stage::set(world(denied));
        let ran = stage.scale("0", &BOTH).await.ended_with(1);
        assert_eq!(desired(&stage, "eu-west-1", "plain"), 0);
        assert_eq!(desired(&stage, "us-east-1", "far"), 2);
        assert!(ran.said.contains("far"), "{}", ran.said);
    });
}
