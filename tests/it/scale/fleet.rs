//! A small fleet against AWS's documented limits. The large one is `benches/scale.rs`.

use std::time::Duration;

use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::wire::trouble::Trouble;

use super::stage::{Ran, Stage, WORLD, play};

const CLUSTERS: usize = 4;
const SERVICES_EACH: usize = 50;
/// What is at once, and more a second: UpdateService's bucket, the narrowest that a night draws on once a service.
const BURST: usize = 50;
const PER_SECOND: usize = 5;
const TIMES_THE_LIMITS: f64 = 1.15;
/// Reading, the last service's tasks, and looking at them: what a small fleet cannot hide behind its updates.
const AROUND: Duration = Duration::from_secs(45);

fn fleet() -> WorldFile {
    let mut file = WorldFile::parse(WORLD).unwrap();
    file.services.clear();
    let fleet = format!(
        "{{ clusters: {CLUSTERS}, services: {SERVICES_EACH}, like: {{ name: svc, cluster: fleet, desired: 1, image: 'ecr:web:v1' }} }}"
    );
    file.fleets = vec![serde_yaml::from_str(&fleet).unwrap()];
    file
}

fn throttled(stage: &Stage) -> usize {
    let recorded = stage.sandbox.recorded();
    let refused = recorded.iter().filter(|r| {
        r.error
            .as_ref()
            .is_some_and(|e| e.contains("Rate exceeded"))
    });
    refused.count()
}

#[track_caller]
fn in_time(ran: &Ran) {
    let dictated = (CLUSTERS * SERVICES_EACH - BURST) as f64 / PER_SECOND as f64;
    let most = Duration::from_secs_f64(dictated * TIMES_THE_LIMITS) + AROUND;
    assert!(ran.took <= most, "{:?} of {most:?}", ran.took);
}

#[test]
fn two_hundred_services_sleep_and_wake_in_the_time_that_limits_dictate() {
    play(async {
        let mut file = fleet();
        file.trouble = Trouble {
            limits: true,
            latency: Duration::from_millis(20),
            ..Trouble::default()
        };
        let stage = Stage::set(file);
        let before = stage.inventory();
        let night = stage
            .scale("0", &["--clusters=fleet-*"])
            .await
            .ended_with(0);
        in_time(&night);
        stage.minutes(30).await;
        let asleep = stage.inventory();
        assert!(!asleep.0.keys().any(|name| name.starts_with("task of ")));
        let morning = stage
            .scale("restore", &["--clusters=fleet-*"])
            .await
            .ended_with(0);
        in_time(&morning);
        stage.minutes(10).await;
        assert_eq!(before.changes(&stage.inventory()), [""; 0]);
        // The pace is ours: AWS need hardly ever refuse.
        assert!(
            throttled(&stage) <= 5,
            "{} of {} calls",
            throttled(&stage),
            stage.sandbox.recorded().len()
        );
    });
}
