//! What must hold for any timeline and any trouble on the way to seeing it.

use std::time::Duration;

use proptest::prelude::*;

use super::script::*;
use crate::model::Untrusted;
use crate::model::service::Rollback;
use crate::model::verdict::Status;
use crate::rollout::serving::satisfied;
use crate::rollout::{Acted, Ended, Limits, Next, Observation, Rollout, RolloutTarget, Unseen};

const WINDOW: u64 = 15;

/// What stands between the world and us at one look.
#[derive(Clone, Debug)]
struct Trouble {
    dropped: bool,
    repeated: bool,
    /// The whole look is that much older.
    delay: u64,
    /// The service deployment alone is that much older.
    deployment_delay: u64,
    unseen: [Option<Unseen>; 4],
    answer: Acted,
}

impl Default for Trouble {
    fn default() -> Trouble {
        Trouble {
            dropped: false,
            repeated: false,
            delay: 0,
            deployment_delay: 0,
            unseen: [None, None, None, None],
            answer: Acted::Done,
        }
    }
}

fn answer() -> impl Strategy<Value = Acted> {
    prop::sample::select(vec![
        Acted::Done,
        Acted::Unanswered,
        Acted::Denied("ecs:StopServiceDeployment".to_owned()),
        Acted::Refused {
            conflict: true,
            message: Untrusted::from("conflict"),
        },
        Acted::Restored {
            deployment_id: "ecs-svc/3".to_owned(),
            created_at: at(30),
        },
    ])
}

fn unseen() -> impl Strategy<Value = Option<Unseen>> {
    prop_oneof![
        8 => Just(None),
        1 => Just(Some(Unseen::Throttled)),
        1 => Just(Some(Unseen::Unreachable)),
        1 => Just(Some(Unseen::Skipped)),
    ]
}

fn trouble(delay: u64) -> impl Strategy<Value = Trouble> {
    (
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.15),
        prop_oneof![2 => Just(0), 1 => 0..=delay],
        prop_oneof![2 => Just(0), 1 => 0..=delay.min(4)],
        [unseen(), unseen(), unseen(), unseen()],
        answer(),
    )
        .prop_map(
            |(dropped, repeated, delay, deployment_delay, unseen, answer)| Trouble {
                dropped,
                repeated,
                delay,
                deployment_delay,
                unseen,
                answer,
            },
        )
}

fn through(script: &Script, elapsed: Duration, trouble: &Trouble) -> Observation {
    let back = |seconds: u64| elapsed.saturating_sub(Duration::from_secs(seconds));
    let mut world = script.world(back(trouble.delay));
    if trouble.deployment_delay > 0 {
        world.deployment = script
            .world(back(trouble.delay + trouble.deployment_delay))
            .deployment;
    }
    let [service, deployment, tasks, targets] = trouble.unseen.clone();
    if let Some(why) = service {
        world.service = Err(why);
    }
    if let Some(why) = deployment {
        world.deployment = Err(why);
    }
    if let Some(why) = tasks {
        world.tasks = Err(why.clone());
        world.stopped_tasks = Err(why);
    }
    if let Some(why) = targets {
        world.targets = vec![Err(why)];
    }
    world
}

fn run(script: &Script, target: RolloutTarget, limits: Limits, troubles: &[Trouble]) -> Ended {
    let mut rollout = Rollout::start(target, limits.clone());
    let mut elapsed = Duration::ZERO;
    for look in 0.. {
        let none = Trouble::default();
        let trouble = troubles.get(look % troubles.len().max(1)).unwrap_or(&none);
        let seen = if trouble.dropped {
            let mut nothing = Observation::nothing(1);
            nothing.service = Err(Unseen::Unreachable);
            nothing
        } else {
            through(script, elapsed, trouble)
        };
        let mut step = rollout.observe(seen.clone(), elapsed);
        if trouble.repeated && !matches!(step.next, Next::Done(_)) {
            step = rollout.observe(seen, elapsed);
        }
        if let Next::Act(action) = &step.next {
            step = rollout.acted(action, trouble.answer.clone());
        }
        match step.next {
            Next::Done(ended) => return *ended,
            Next::Act(_) => unreachable!("answered above"),
            Next::LookAgain { after, .. } => {
                assert!(after > Duration::ZERO);
                assert!(elapsed < limits.wait_for, "looked on after the deadline");
                elapsed += after;
            }
        }
    }
    unreachable!("it always ends")
}

/// Ours comes up only so far, and then ECS rolls back, to the old deployment or to a new one of the old revision.
fn failing_script(
    runs: bool,
    healthy: bool,
    starts: u64,
    fails: u64,
    younger: bool,
    told: bool,
) -> Script {
    let mut script = Script::new();
    if runs {
        script = script.at(starts, |w| w.ours_run());
        if healthy {
            script = script.at(starts + 3, |w| w.ours_healthy());
        }
    }
    let fails = starts + fails;
    script
        .at(fails, move |w| {
            w.ours().failed_tasks = 3;
            w.sd().status = "ROLLBACK_IN_PROGRESS".to_owned();
            w.sd().rollback = Some(Rollback {
                reason: Some(Untrusted::from("circuit breaker")),
                service_revision_arn: None,
            });
            let deployments = &mut w.service().deployments;
            deployments[0].status = "ACTIVE".to_owned();
            if younger {
                deployments[1].status = "ACTIVE".to_owned();
                let at = i64::try_from(fails).expect("small");
                deployments.push(deployment("ecs-svc/3", "PRIMARY", 1, 2, at));
            } else {
                deployments[0].rollout_state = Some("FAILED".to_owned());
                deployments[1].status = "PRIMARY".to_owned();
            }
            if told {
                w.service().events = vec![event(
                    "e1",
                    i64::try_from(fails).expect("small"),
                    "(service web) rolling back to (deployment ecs-svc/3).",
                )];
            }
        })
        .at(fails + 20, |w| {
            w.service().deployments.remove(0);
            w.sd().status = "ROLLBACK_SUCCESSFUL".to_owned();
            w.tasks
                .as_mut()
                .expect("tasks")
                .retain(|t| t.started_by.as_deref() != Some(OURS));
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Dropping, repeating and delaying looks never turns a failure into a success.
    #[test]
    fn a_failure_stays_one(
        (runs, healthy, younger, told) in any::<(bool, bool, bool, bool)>(),
        starts in 0..20u64,
        fails in 4..60u64,
        troubles in prop::collection::vec(trouble(20), 1..60),
    ) {
        let script = failing_script(runs, healthy, starts, fails, younger, told);
        let ended = run(&script, rolling(), limits(), &troubles);
        prop_assert_ne!(ended.exit_code, 0, "{:?}", ended);
    }

    /// Nor when we are the ones who end it, whatever ECS answers and however late it is seen.
    #[test]
    fn what_we_end_is_no_success(
        starts in 1..20u64,
        goes_back in 1..60u64,
        troubles in prop::collection::vec(trouble(20), 1..60),
    ) {
        let gone = "CannotPullContainerError: web: not found";
        let script = failing_script(false, false, starts + 4, goes_back + 4, false, true).at(starts, move |w| {
            w.ours().failed_tasks = 2;
            let stop = |n: u32| stopped(&format!("g{n}"), "TaskFailedToStart", gone, None);
            w.stopped_tasks = Ok(vec![stop(1), stop(2)]);
        });
        let ended = run(&script, rolling(), limits(), &troubles);
        prop_assert!(!ended.status.is_success(), "{:?}", ended);
        prop_assert_ne!(ended.exit_code, 0);
    }

    /// Nor does a short good spell, shorter than the window by what the looks can be late.
    #[test]
    fn a_short_good_spell_is_no_success(
        starts in 0..20u64,
        spell in 1..WINDOW - 4,
        troubles in prop::collection::vec(trouble(3), 1..60),
    ) {
        let script = Script::new()
            .at(starts, |w| {
                w.ours_run();
                w.ours_healthy();
                w.old_drains();
            })
            .at(starts + spell, |w| {
                w.ours().running_count = 1;
                w.ours().failed_tasks += 1;
                w.tasks.as_mut().expect("tasks").pop();
            });
        let ended = run(&script, rolling(), limits(), &troubles);
        prop_assert_eq!(ended.status, Status::TimedOut);
    }

    /// Serving is said only when the world really was so for the whole window.
    #[test]
    fn never_before_the_evidence(
        starts in 0..20u64, healthy in 0..20u64, drains in 0..20u64,
        crash in prop::option::of(0..60u64),
        troubles in prop::collection::vec(trouble(0), 1..40),
    ) {
        let mut script = Script::new()
            .at(starts, |w| w.ours_run())
            .at(starts + healthy, |w| w.ours_healthy())
            .at(starts + healthy + drains, |w| w.old_drains());
        if let Some(crash) = crash {
            // It comes back, as another task, ten seconds later.
            script = script
                .at(starts + crash, |w| {
                    w.ours().running_count = 1;
                    w.ours().failed_tasks += 1;
                    w.tasks.as_mut().expect("tasks").pop();
                })
                .at(starts + crash + 10, |w| {
                    w.ours().running_count = 2;
                    w.tasks.as_mut().expect("tasks").push(task("new3", OURS, "10.0.0.5"));
                    w.targets[0].as_mut().expect("targets").push(target("10.0.0.5", "healthy"));
                    w.targets[0].as_mut().expect("targets").retain(|t| t.target != "10.0.0.4");
                });
        }
        let ended = run(&script, rolling(), limits(), &troubles);
        if ended.status == Status::Serving {
            let end = ended.timings.ended;
            let mut moment = end.saturating_sub(Duration::from_secs(WINDOW));
            while moment <= end {
                prop_assert_eq!(satisfied(&script.world(moment), &rolling()), Ok(()), "at {:?} of {:?}", moment, end);
                moment += Duration::from_millis(500);
            }
        }
    }

    /// What holds for long enough is noticed: at the window's end, but for the time between two looks at the targets.
    #[test]
    fn what_holds_is_noticed_soon(starts in 0..150u64, healthy in 0..20u64, drains in 0..20u64) {
        let holds = starts + healthy + drains;
        let script = Script::new()
            .at(starts, |w| w.ours_run())
            .at(starts + healthy, |w| w.ours_healthy())
            .at(holds, |w| w.old_drains());
        let (_, ended) = script.run(rolling(), limits());
        prop_assert_eq!(ended.status, Status::Serving);
        let late = ended.timings.ended.saturating_sub(Duration::from_secs(holds + WINDOW));
        prop_assert!(late <= Duration::from_secs(5), "{late:?} late");
    }

    /// Whatever is seen, it ends by the deadline, and not before it as timed out.
    #[test]
    fn it_ends_by_the_deadline(
        seconds in 1..400u64,
        status in prop::sample::select(vec!["PENDING", "IN_PROGRESS", "SUCCESSFUL", "STOPPED", "NEW_WORD", "ROLLBACK_REQUESTED"]),
        from in 0..100u64,
        troubles in prop::collection::vec(trouble(30), 1..40),
    ) {
        let script = Script::new().at(from, move |w| w.sd().status = status.to_owned());
        let limits = Limits { wait_for: Duration::from_secs(seconds), ..limits() };
        let ended = run(&script, rolling(), limits, &troubles);
        let at = ended.timings.ended;
        prop_assert!(at <= Duration::from_secs(seconds));
        if ended.status == Status::TimedOut {
            prop_assert_eq!(at, Duration::from_secs(seconds));
            prop_assert!(!ended.unmet.is_empty());
        }
    }
}
