//! What is decided of one service, as a table of what was found and what people read of it; and that any night, however often
//! interrupted, comes to the same as one that was not.

use jiff::Timestamp;
use proptest::prelude::*;

use crate::model::autoscaling::{Bounds, ScalingActivity, SuspendedState};
use crate::model::sleep::{NotRead, Saved};

use super::decide::{Decision, Moves, decide, moved_by_autoscaling};
use super::outcome::Note;
use super::{Asked, Autoscaling, Found, Kept, Place, To, WhileDeploying};

const EVENING: i64 = 1_795_500_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(EVENING + 3600 * hours).unwrap()
}

fn asked(to: To) -> Asked {
    Asked {
        to,
        if_deploying: WhileDeploying::Skip,
        suspend_scheduled: false,
        force: false,
        default_count: None,
        wait: true,
        keep_in_tag: true,
        now: at(10),
        run: Some(7),
    }
}

fn found(desired_count: u32) -> Found {
    Found {
        region: "eu-central-1".to_owned(),
        cluster: "staging".to_owned(),
        service: "web".to_owned(),
        arn: "arn:aws:ecs:eu-central-1:123456789012:service/staging/web".to_owned(),
        desired_count,
        ..Found::default()
    }
}

fn suspended(bits: &str) -> SuspendedState {
    let bit = |n: usize| bits.as_bytes()[n] == b'1';
    SuspendedState {
        dynamic_scaling_in: bit(0),
        dynamic_scaling_out: bit(1),
        scheduled_scaling: bit(2),
    }
}

fn bounds(min: u32, max: u32, bits: &str) -> Bounds {
    Bounds {
        min,
        max,
        suspended: suspended(bits),
    }
}

fn autoscaled(mut found: Found, bounds: Bounds) -> Found {
    found.autoscaling = Some(Autoscaling {
        bounds,
        scheduled_actions: 0,
    });
    found
}

fn slept(mut found: Found, desired_count: u32, bounds: Option<Bounds>) -> Found {
    found.kept = Some(Kept {
        place: Place::Tag,
        saved: Ok(Saved::new(desired_count, bounds, at(0), Some(6))),
    });
    found
}

/// In short: what is kept, the scalable target, the count, the wait, the scalable target, what is forgotten.
fn short(decision: &Decision) -> String {
    let of = |b: &Bounds| {
        let s = &b.suspended;
        let bit = |b: bool| u8::from(b);
        format!(
            "{}-{} {}{}{}",
            b.min,
            b.max,
            bit(s.dynamic_scaling_in),
            bit(s.dynamic_scaling_out),
            bit(s.scheduled_scaling)
        )
    };
    match decision {
        Decision::Leave(why) => format!("leave: {why:?}"),
        Decision::Fail(failed) => failed.code.clone(),
        Decision::Move(moves) => {
            let keep = moves.keep.map(|s| format!("keep {}", s.desired_count));
            let kept_bounds = moves.keep.and_then(|s| s.bounds);
            // What the moves say already.
            let said = |n: &&Note| !matches!(n, Note::Suspended { .. } | Note::Resumed { .. });
            let notes: Vec<&Note> = moves.notes.iter().filter(said).collect();
            let parts = [
                keep,
                kept_bounds.map(|b| format!("({})", of(&b))),
                moves.before.map(|b| format!("bounds {}", of(&b))),
                moves.desired_count.map(|n| format!("desired {n}")),
                moves.healthy.map(|n| format!("healthy {n}")),
                moves.after.map(|b| format!("bounds {}", of(&b))),
                moves.forget.as_ref().map(|_| "forget".to_owned()),
                (!notes.is_empty()).then(|| format!("{notes:?}")),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            parts.join(" ")
        }
    }
}

#[track_caller]
fn check(found: &Found, asked: &Asked, expected: &str) {
    assert_eq!(short(&decide(found, asked)), expected, "{found:#?}");
}

#[test]
fn to_zero() {
    let zero = asked(To::Zero);
    check(&found(3), &zero, "keep 3 desired 0");
    check(
        &autoscaled(found(3), bounds(2, 10, "000")),
        &zero,
        "keep 3 (2-10 000) bounds 0-10 110 desired 0",
    );
    // Nothing of it needs to be said twice.
    let asleep = bounds(0, 10, "110");
    check(
        &autoscaled(found(3), asleep),
        &zero,
        "keep 3 (0-10 110) desired 0",
    );
    check(&found(0), &zero, "leave: ZeroAlready");
    let since = format!("leave: AsleepAlready {{ since: {} }}", at(0));
    check(&slept(found(0), 3, None), &zero, &since);
    let awake = Found {
        keep_awake: true,
        ..found(3)
    };
    check(&awake, &zero, "leave: KeepAwake");
}

#[test]
fn what_is_left_alone_by_its_kind() {
    for to in [To::Zero, To::Restore, To::Count(2)] {
        let daemon = Found {
            daemon: true,
            ..found(3)
        };
        check(&daemon, &asked(to), "leave: Daemon");
        let express = Found {
            express: true,
            ..found(3)
        };
        check(&express, &asked(to), "leave: Express");
        let mut foreign = found(3);
        for why in [NotRead::Version, NotRead::Form] {
            foreign.kept = Some(Kept {
                place: Place::Tag,
                saved: Err(why),
            });
            check(&foreign, &asked(to), "shipway::deploy::kept_unreadable");
        }
    }
}

#[test]
fn deployments_and_scheduled_actions_stand_in_the_way() {
    let mut deploying = found(3);
    deploying.deploying = vec!["ecs-svc/7".to_owned()];
    let mut zero = asked(To::Zero);
    check(
        &deploying,
        &zero,
        "leave: Deploying { ids: [\"ecs-svc/7\"] }",
    );
    zero.if_deploying = WhileDeploying::Force;
    check(&deploying, &zero, "keep 3 desired 0 [WhileDeploying]");
    let mut scheduled = autoscaled(found(3), bounds(1, 4, "000"));
    scheduled.autoscaling.as_mut().unwrap().scheduled_actions = 2;
    check(&scheduled, &zero, "leave: ScheduledActions { count: 2 }");
    zero.suspend_scheduled = true;
    check(
        &scheduled,
        &zero,
        "keep 3 (1-4 000) bounds 0-4 111 desired 0",
    );
    let mut off = scheduled.clone();
    off.autoscaling.as_mut().unwrap().bounds = bounds(1, 4, "001");
    check(
        &off,
        &asked(To::Zero),
        "keep 3 (1-4 001) bounds 0-4 111 desired 0",
    );
}

#[test]
fn where_tags_cannot_keep_it() {
    let mut short_arn = found(3);
    short_arn.arn = "arn:aws:ecs:eu-central-1:123456789012:service/web".to_owned();
    let mut full = found(3);
    full.tags = 50;
    for found in [short_arn, full] {
        check(&found, &asked(To::Zero), "shipway::deploy::not_kept");
        let elsewhere = Asked {
            keep_in_tag: false,
            ..asked(To::Zero)
        };
        check(&found, &elsewhere, "keep 3 desired 0");
        let without = Asked {
            default_count: Some(2),
            ..asked(To::Zero)
        };
        check(&found, &without, "desired 0 [NothingKept]");
        // Bounds cannot be given by hand.
        check(
            &autoscaled(found, bounds(1, 4, "000")),
            &without,
            "shipway::deploy::not_kept",
        );
    }
}

#[test]
fn restore() {
    let up = asked(To::Restore);
    check(&slept(found(0), 3, None), &up, "desired 3 healthy 3 forget");
    let kept = Some(bounds(2, 10, "000"));
    let asleep = |now: Bounds| slept(autoscaled(found(0), now), 3, kept);
    for (now, expected) in [
        (
            bounds(0, 10, "110"),
            "desired 3 healthy 3 bounds 2-10 000 forget",
        ),
        // Lowered, raised, resumed by somebody.
        (
            bounds(0, 2, "110"),
            "desired 2 healthy 2 bounds 2-2 000 forget [Clamped { kept: 3, to: 2 }, BoundsChanged]",
        ),
        (
            bounds(0, 1, "110"),
            "desired 1 healthy 1 bounds 1-1 000 forget [Clamped { kept: 3, to: 1 }, BoundsChanged]",
        ),
        (
            bounds(4, 10, "110"),
            "desired 4 healthy 4 bounds 4-10 000 forget [Clamped { kept: 3, to: 4 }, BoundsChanged]",
        ),
        (bounds(2, 10, "000"), "desired 3 healthy 3 forget"),
    ] {
        check(&asleep(now), &up, expected);
    }
    check(
        &slept(found(0), 3, kept),
        &up,
        "desired 3 healthy 3 forget [ScalableTargetGone]",
    );
    let not_waited = Asked { wait: false, ..up };
    check(&slept(found(0), 3, None), &not_waited, "desired 3 forget");
}

#[test]
fn what_was_suspended_before_stays_so() {
    for (kept, now, after) in [
        ("100", "110", "bounds 1-4 100"),
        ("110", "110", "bounds 1-4 110"),
        ("000", "111", "bounds 1-4 000"),
        ("001", "111", "bounds 1-4 001"),
        // Somebody resumed the schedule.
        ("001", "110", "bounds 1-4 000"),
    ] {
        let asleep = autoscaled(found(0), bounds(0, 4, now));
        let asleep = slept(asleep, 3, Some(bounds(1, 4, kept)));
        let decision = short(&decide(&asleep, &asked(To::Restore)));
        assert!(decision.contains(after), "{kept} {now}: {decision}");
    }
}

#[test]
fn nothing_was_kept() {
    let mut up = asked(To::Restore);
    check(&found(3), &up, "leave: AwakeAlready");
    check(&found(0), &up, "leave: NothingKept");
    up.default_count = Some(2);
    check(&found(0), &up, "desired 2 healthy 2");
    check(
        &autoscaled(found(0), bounds(0, 1, "110")),
        &up,
        "desired 1 healthy 1 [Clamped { kept: 2, to: 1 }, StillSuspended]",
    );
}

#[test]
fn to_a_count() {
    let two = asked(To::Count(2));
    check(&found(1), &two, "desired 2 healthy 2");
    check(&found(3), &two, "desired 2");
    check(&found(2), &two, "leave: CountAlready { count: 2 }");
    check(
        &autoscaled(found(4), bounds(3, 5, "000")),
        &two,
        "shipway::deploy::out_of_bounds",
    );
    let asleep = format!("leave: Asleep {{ since: {} }}", at(0));
    check(&slept(found(0), 3, None), &two, &asleep);
}

#[test]
fn changed_meanwhile() {
    let kept = bounds(2, 10, "000");
    let lifted = slept(autoscaled(found(5), bounds(2, 10, "000")), 3, Some(kept));
    let changed = format!(
        "leave: ChangedMeanwhile {{ kept: 3, now: 5, since: {} }}",
        at(0)
    );
    for to in [To::Zero, To::Restore] {
        check(&lifted, &asked(to), &changed);
    }
    let force = |to| Asked {
        force: true,
        ..asked(to)
    };
    check(
        &lifted,
        &force(To::Restore),
        "desired 3 healthy 3 forget [Forced { from: 5 }]",
    );
    check(
        &lifted,
        &force(To::Zero),
        "keep 5 (2-10 000) bounds 0-10 110 desired 0 [Forced { from: 5 }]",
    );
    let elsewhere = Asked {
        keep_in_tag: false,
        ..force(To::Zero)
    };
    check(
        &lifted,
        &elsewhere,
        "keep 5 (2-10 000) bounds 0-10 110 desired 0 forget [Forced { from: 5 }]",
    );
    let by_autoscaling = Found {
        moved_by_autoscaling: true,
        ..lifted
    };
    check(
        &by_autoscaling,
        &asked(To::Restore),
        "healthy 5 forget [MovedByAutoscaling { to: 5 }]",
    );
    check(
        &by_autoscaling,
        &asked(To::Zero),
        "bounds 0-10 110 desired 0 [MovedByAutoscaling { to: 5 }]",
    );
}

#[test]
fn who_changed_it() {
    let kept = Some(bounds(2, 10, "000"));
    let lifted = slept(autoscaled(found(2), bounds(2, 10, "000")), 3, kept);
    let activity = |count: u32, hours: i64, status: &str| ScalingActivity {
        description: format!("Setting desired count to {count}.").into(),
        status: status.to_owned(),
        started_at: Some(at(hours)),
        ..ScalingActivity::default()
    };
    for (activities, expected) in [
        (Some(vec![activity(2, 1, "Successful")]), true),
        (
            Some(vec![
                activity(4, 2, "Successful"),
                activity(2, 1, "Successful"),
            ]),
            true,
        ),
        (Some(vec![activity(2, -1, "Successful")]), false),
        (Some(vec![activity(2, 1, "Failed")]), false),
        (Some(vec![activity(22, 1, "Successful")]), false),
        (Some(Vec::new()), false),
        // Not to be read: it is the minimum.
        (None, true),
    ] {
        assert_eq!(
            moved_by_autoscaling(&lifted, activities.as_deref()),
            expected,
            "{activities:?}"
        );
    }
}

/// What a service is, as the moves change it.
fn carried_out(found: &mut Found, moves: &Moves, steps: usize) {
    let set = |found: &mut Found, bounds: Bounds| {
        if let Some(autoscaling) = &mut found.autoscaling {
            // Of a registration that names no maximum.
            autoscaling.bounds = Bounds {
                max: autoscaling.bounds.max,
                ..bounds
            };
        }
    };
    type Move = Box<dyn Fn(&mut Found)>;
    let mut moves_in_order: Vec<Move> = Vec::new();
    if let Some(saved) = moves.keep {
        moves_in_order.push(Box::new(move |f| {
            f.kept = Some(Kept {
                place: Place::Tag,
                saved: Ok(saved),
            })
        }));
    }
    if let Some(bounds) = moves.before {
        moves_in_order.push(Box::new(move |f| set(f, bounds)));
    }
    if let Some(count) = moves.desired_count {
        moves_in_order.push(Box::new(move |f| f.desired_count = count));
    }
    if let Some(bounds) = moves.after {
        moves_in_order.push(Box::new(move |f| set(f, bounds)));
    }
    if moves.forget.is_some() {
        moves_in_order.push(Box::new(|f| f.kept = None));
    }
    for step in moves_in_order.into_iter().take(steps) {
        step(found);
    }
}

fn anything() -> impl Strategy<Value = Found> {
    let bits = any::<[bool; 3]>();
    let target = proptest::option::of((0..4u32, 0..4u32, bits, 0..2usize));
    (1..8u32, target).prop_map(|(desired, target)| {
        let mut service = found(desired);
        service.autoscaling = target.map(|(below, above, bits, scheduled_actions)| Autoscaling {
            // What ECS has is within them, or it would not stay.
            bounds: Bounds {
                min: desired.saturating_sub(below),
                max: desired + above,
                suspended: SuspendedState {
                    dynamic_scaling_in: bits[0],
                    dynamic_scaling_out: bits[1],
                    scheduled_scaling: bits[2],
                },
            },
            scheduled_actions,
        });
        service
    })
}

proptest! {
    #[test]
    fn any_night_however_interrupted_brings_it_back(
        before in anything(),
        runs in proptest::collection::vec((any::<bool>(), 0..6usize), 0..6),
    ) {
        let run = |found: &mut Found, down: bool, steps: usize, hour: i64| {
            let asked = Asked {
                suspend_scheduled: true,
                now: at(hour),
                ..asked(if down { To::Zero } else { To::Restore })
            };
            match decide(found, &asked) {
                Decision::Move(moves) => {
                    carried_out(found, &moves, steps);
                    Some(moves)
                }
                Decision::Leave(why) => {
                    assert!(why.is_so_already(), "{why:?} {found:#?}");
                    None
                }
                Decision::Fail(failed) => panic!("{failed:?}"),
            }
        };
        let mut service = before.clone();
        let mut hour = 0;
        for (down, steps) in runs {
            hour += 1;
            run(&mut service, down, steps, hour);
        }
        let all = usize::MAX;
        run(&mut service, true, all, hour + 1);
        prop_assert_eq!(service.desired_count, 0);
        prop_assert!(run(&mut service, true, all, hour + 2).is_none(), "twice");
        run(&mut service, false, all, hour + 3);
        prop_assert_eq!(&service, &before);
        prop_assert!(run(&mut service, false, all, hour + 4).is_none(), "twice");
    }
}
