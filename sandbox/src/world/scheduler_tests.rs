//! The rolling update's arithmetic, case by case.

use super::*;

fn tasks(prefix: &str, serving: &[bool]) -> Vec<Counted> {
    let each = serving.iter().enumerate();
    each.map(|(i, s)| Counted {
        arn: format!("{prefix}{i}"),
        serving: *s,
        running: true,
    })
    .collect()
}

fn census(desired: usize, percents: (usize, usize), new: &[bool], old: &[bool]) -> Census {
    Census {
        desired,
        lower: (desired * percents.0).div_ceil(100),
        upper: desired * percents.1 / 100,
        may_launch: true,
        new: tasks("new", new),
        old: tasks("old", old),
        ..Census::default()
    }
}

#[track_caller]
fn check(census: Census, stop: &[&str], start: usize, stuck: bool) {
    let moves = plan(&census);
    assert_eq!(
        (moves.stop, moves.start, moves.stuck),
        (stop.iter().map(|s| (*s).to_owned()).collect(), start, stuck)
    );
}

#[test]
fn rolls_within_its_percents() {
    check(census(2, (100, 200), &[], &[true, true]), &[], 2, false);
    check(
        census(2, (100, 200), &[false, false], &[true, true]),
        &[],
        0,
        false,
    );
    check(
        census(2, (100, 200), &[true, false], &[true, true]),
        &["old0"],
        0,
        false,
    );
    check(
        census(2, (100, 200), &[true, true], &[true, true]),
        &["old0", "old1"],
        0,
        false,
    );
    check(
        census(2, (50, 100), &[], &[true, true]),
        &["old0"],
        0,
        false,
    );
    check(census(2, (50, 100), &[false], &[true]), &[], 0, false);
    check(census(1, (0, 100), &[], &[true]), &["old0"], 0, false);
}

#[test]
fn cannot_move_between_one_hundred_percents() {
    check(census(1, (100, 100), &[], &[true]), &[], 0, true);
}

#[test]
fn scales_to_and_from_zero() {
    check(
        census(0, (100, 200), &[true, true], &[]),
        &["new1", "new0"],
        0,
        false,
    );
    check(census(3, (100, 200), &[true], &[]), &[], 2, false);
}

#[test]
fn a_failed_deployment_launches_nothing_and_the_old_tasks_stay() {
    let mut failed = census(1, (100, 200), &[], &[true]);
    failed.may_launch = false;
    check(failed, &[], 0, false);
}
