//! Killed between any two calls: whatever run comes next completes what was begun, and in the end the world is what it was.

use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::world::inventory::Inventory;

use super::stage::{Kill, Ran, Stage, TAG, WORLD, changes, play};

/// All that may be scaled, also what has scheduled actions.
const ALL: [&str; 2] = ["--clusters=*", "--suspend-scheduled"];

/// Which services are there: a sweep over few calls of each kind is as good as one over many.
fn world(services: &[&str]) -> WorldFile {
    let mut file = WorldFile::parse(WORLD).unwrap();
    file.services
        .retain(|service| services.contains(&service.name.as_str()));
    file
}

const WITHOUT: [&str; 2] = ["web", "plain"];
const WITH: [&str; 2] = ["scaled", "scheduled"];
const EVERYTHING: [&str; 8] = [
    "web",
    "plain",
    "scaled",
    "suspended",
    "scheduled",
    "resting",
    "night-watch",
    "daemon",
];

/// How a night goes on after the first run that is killed.
#[derive(Clone, Copy, Debug)]
enum Story {
    /// The evening's run is killed and repeated; the morning's is not disturbed.
    EveningRepeated,
    /// The evening's run is killed and not repeated: the morning finds what it left.
    EveningLeft,
    MorningRepeated,
    /// The morning's run is killed, and the next one to come is the next evening's.
    MorningLeft,
}

async fn killed(story: Story, services: &[&str], kill: Option<Kill>) -> Ran {
    let stage = Stage::set(world(services));
    let before = stage.inventory();
    let ran = match story {
        Story::EveningRepeated | Story::EveningLeft => {
            let ran = stage.killed("0", &ALL, kill).await;
            if matches!(story, Story::EveningRepeated) {
                stage.scale("0", &ALL).await.ended_with(0);
                asleep(&stage, &before).await;
            }
            ran
        }
        Story::MorningRepeated | Story::MorningLeft => {
            stage.scale("0", &ALL).await.ended_with(0);
            stage.minutes(30).await;
            let ran = stage.killed("restore", &ALL, kill).await;
            if matches!(story, Story::MorningLeft) {
                stage.minutes(30).await;
                stage.scale("0", &ALL).await.ended_with(0);
                asleep(&stage, &before).await;
            }
            ran
        }
    };
    stage.minutes(30).await;
    stage.scale("restore", &ALL).await.ended_with(0);
    stage.minutes(10).await;
    unchanged(&before, &stage);
    let again = stage.scale("restore", &ALL).await.ended_with(0);
    assert_eq!(again.changes(), [""; 0], "{}", again.said);
    ran
}

#[track_caller]
fn unchanged(before: &Inventory, stage: &Stage) {
    let after = stage.inventory();
    assert_eq!(before.changes(&after), [""; 0]);
}

/// Nothing runs but what must not sleep, and one more run changes nothing, then and later.
async fn asleep(stage: &Stage, before: &Inventory) {
    for minutes in [2, 30] {
        stage.minutes(minutes).await;
        let running = stage.inventory();
        let running: Vec<&String> = running
            .0
            .keys()
            .filter(|name| name.starts_with("task of "))
            .collect();
        let awake = |name: &&String| name.contains("/night-watch") || name.contains("/daemon");
        let expected: Vec<&String> = before
            .0
            .keys()
            .filter(|name| name.starts_with("task of ") && awake(name))
            .collect();
        assert_eq!(running, expected);
        let again = stage.scale("0", &ALL).await.ended_with(0);
        assert_eq!(again.changes(), [""; 0], "{}", again.said);
    }
}

/// Every call of an undisturbed run: killed before it, and where it changes something also after it.
fn sweep(story: Story, services: &[&str]) {
    let undisturbed = play(killed(story, services, None));
    assert!(undisturbed.changes().len() >= 4, "{:?}", undisturbed.calls);
    let mut kills = Vec::new();
    for (call, operation) in undisturbed.calls.iter().enumerate() {
        kills.push(Kill { call, after: false });
        if changes(operation) {
            kills.push(Kill { call, after: true });
        }
    }
    let part = |kill: &Kill| {
        let killed = play(killed(story, services, Some(*kill)));
        assert_eq!(killed.exit, None, "{kill:?} of {:?}", undisturbed.calls);
    };
    for kill in kills {
        println!("{story:?}, {kill:?}: {}", undisturbed.calls[kill.call]);
        part(&kill);
    }
}

#[test]
fn an_evening_that_is_repeated_without_autoscaling() {
    sweep(Story::EveningRepeated, &WITHOUT);
}

#[test]
fn an_evening_that_is_repeated_with_autoscaling() {
    sweep(Story::EveningRepeated, &WITH);
}

#[test]
fn an_evening_that_is_left_without_autoscaling() {
    sweep(Story::EveningLeft, &WITHOUT);
}

#[test]
fn an_evening_that_is_left_with_autoscaling() {
    sweep(Story::EveningLeft, &WITH);
}

#[test]
fn a_morning_that_is_repeated_without_autoscaling() {
    sweep(Story::MorningRepeated, &WITHOUT);
}

#[test]
fn a_morning_that_is_repeated_with_autoscaling() {
    sweep(Story::MorningRepeated, &WITH);
}

#[test]
fn a_morning_that_is_left_without_autoscaling() {
    sweep(Story::MorningLeft, &WITHOUT);
}

#[test]
fn a_morning_that_is_left_with_autoscaling() {
    sweep(Story::MorningLeft, &WITH);
}

#[test]
fn a_whole_night_leaves_nothing() {
    let ran = play(async {
        let stage = Stage::set(world(&EVERYTHING));
        let before = stage.inventory();
        stage.scale("0", &ALL).await.ended_with(0);
        asleep(&stage, &before).await;
        let tagged = stage.inventory().to_string();
        assert_eq!(tagged.matches(TAG).count(), 5, "{tagged}");
        let ran = stage.scale("restore", &ALL).await.ended_with(0);
        stage.minutes(10).await;
        unchanged(&before, &stage);
        ran
    });
    assert!(ran.summary.contains("web"), "{}", ran.summary);
}
