//! A whole `deploy` while one member of AWS's or GitHub's answers is missing, empty, of another type or unknown: it ends
//! with an error or with a correct result, in time, and never as our bug. A plain function of bytes, for cargo-fuzz too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use shipway_sandbox::World;
use shipway_sandbox::world::health;

use super::members::{CHANGES, Change, changed, members};
use crate::harness::{Played, Scene, Tamper, deploy, play, yaml};

/// All goes well; the tasks crash and are rolled back; the same was deployed before; strategies with more to read.
const WORLDS: [&str; 3] = [
    "behaviours: [{ healthy-after: 5s }]\ntarget-groups: { web: { interval: 5s, deregistration-delay: 5s } }",
    "behaviours: [{ task-definition: \"2\", crash: { after: 2s, exit-code: 1 } }]",
    "services: { web: { image: \"ecr:web:v2\" } }",
];
/// More than any of them needs, and than the limit that they are given.
const LIMIT: Duration = Duration::from_secs(5 * 60 + 60);

fn scene(world: usize, tamper: Option<Tamper>) -> Scene {
    Scene {
        world: yaml(WORLDS[world]),
        args: deploy(&[
            "--image",
            "v2",
            "--ecr-repository",
            "web",
            "--wait-for-minutes",
            "5",
        ]),
        event: "pull_request".to_owned(),
        tamper,
        ..Scene::default()
    }
}

/// Of each call its name, and which members its answer has.
type Calls = Vec<(String, Vec<String>)>;

/// Each call of a world's untouched run, with the members of its answers.
fn calls(world: usize) -> &'static [(String, Vec<String>)] {
    static CALLS: [LazyLock<Calls>; WORLDS.len()] = [
        LazyLock::new(|| look(0)),
        LazyLock::new(|| look(1)),
        LazyLock::new(|| look(2)),
    ];
    &CALLS[world]
}

fn look(world: usize) -> Calls {
    let seen: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>> = Arc::default();
    let noting = Arc::clone(&seen);
    let tamper: Tamper = Arc::new(move |call: &str, body: Bytes| {
        let found = members(&String::from_utf8_lossy(&body));
        let mut seen = noting.lock().unwrap();
        seen.entry(call.to_owned()).or_default().extend(found);
        body
    });
    play(scene(world, Some(tamper)));
    let seen = seen.lock().unwrap();
    let with_members = seen.iter().filter(|(_, members)| !members.is_empty());
    with_members
        .map(|(call, members)| (call.clone(), members.iter().cloned().collect()))
        .collect()
}

/// What is done to one run.
#[derive(Debug)]
pub struct Case {
    pub world: usize,
    pub call: String,
    pub member: String,
    pub change: Change,
    /// Answers to this call that are left alone, and how many are changed then.
    pub skipped: usize,
    pub times: usize,
}

/// Any bytes are a case; missing ones are 0.
pub fn case(bytes: &[u8]) -> Case {
    let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or_default());
    let world = byte(0) % WORLDS.len();
    let calls = calls(world);
    let (call, members) = &calls[byte(1) % calls.len()];
    Case {
        world,
        call: call.clone(),
        member: members[(byte(2) * 256 + byte(3)) % members.len()].clone(),
        change: CHANGES[byte(4) % CHANGES.len()],
        skipped: [0, 0, 0, 1, 5][byte(5) % 5],
        times: [usize::MAX, usize::MAX, 1, 3][byte(6) % 4],
    }
}

pub fn answers(bytes: &[u8]) {
    hold(&case(bytes));
}

pub fn hold(case: &Case) {
    let count = Mutex::new(0);
    let (call, member, change) = (case.call.clone(), case.member.clone(), case.change);
    let changed_ones = case.skipped..case.skipped.saturating_add(case.times);
    let tamper: Tamper = Arc::new(move |called: &str, body: Bytes| {
        if called != call {
            return body;
        }
        let mut count = count.lock().unwrap();
        *count += 1;
        if !changed_ones.contains(&(*count - 1)) {
            return body;
        }
        changed(&String::from_utf8_lossy(&body), &member, change).into()
    });
    let played = play(scene(case.world, Some(tamper)));
    let text = &played.stderr;
    assert_ne!(played.exit, 70, "{case:?}\n{text}");
    assert!(!text.contains("panicked"), "{case:?}\n{text}");
    assert!(played.took <= LIMIT, "{case:?} took {:?}", played.took);
    let status = status(&played);
    if ["serving", "deployed", "unchanged"].contains(&status.as_str()) {
        assert_eq!(played.exit, 0, "{case:?}\n{text}");
        let serves = played.sandbox.with_world(serves);
        assert!(serves, "false success: {case:?}\n{text}");
    } else {
        let neutral = ["superseded", "paused", "started"].contains(&status.as_str());
        assert!(played.exit != 0 || neutral, "{case:?}: {status}\n{text}");
    }
}

/// The new revision is PRIMARY, and as many of its tasks as desired are healthy.
fn serves(world: &mut World) -> bool {
    let key = ("prod".to_owned(), "web".to_owned());
    let service = &world.ecs.services[&key];
    let primary = &service.deployments[0];
    let definition = world.ecs.task_definition(&primary.task_definition);
    let new = definition.is_some_and(|d| d.document.to_string().contains("sha256:4d8082047556"));
    let tasks = world.ecs.tasks_of(&key);
    let healthy =
        tasks.filter(|t| t.deployment == primary.digits && health::serving(world, service, t));
    new && healthy.count() >= service.desired as usize
}

fn status(played: &Played) -> String {
    let after = played.outputs.split("deployment-status<<").nth(1);
    let value = after.and_then(|rest| rest.lines().nth(1));
    value.unwrap_or_default().to_owned()
}
