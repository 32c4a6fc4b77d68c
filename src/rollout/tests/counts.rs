//! A change of the desired count: no deployment, no breaker, only tasks.

use super::script::*;
use crate::rollout::RolloutTarget;

fn count(desired: u32) -> RolloutTarget {
    let mut ours = ours();
    ours.deployment_id = OLD.to_owned();
    ours.task_definition = revision(1);
    ours.created_at = at(-5000);
    RolloutTarget::Count {
        ours,
        desired,
        events_after: at(-1),
    }
}

/// A service that was not deployed, at two tasks.
fn settled() -> Script {
    Script::new().at(0, |w| {
        let service = w.service();
        service.deployments.remove(0);
        service.deployments[0].status = "PRIMARY".to_owned();
        service.events = vec![event(
            "e0",
            -100,
            "(service web) has reached a steady state.",
        )];
        w.targets[0].as_mut().unwrap().truncate(2);
    })
}

#[test]
fn a_count_is_not_met_by_a_stale_read_of_the_old_count() {
    let script = settled()
        .at(9, |w| {
            w.service().desired_count = 3;
            w.ours().desired_count = 3;
        })
        .at(21, |w| {
            w.ours().running_count = 3;
            let third = task("old3", OLD, "10.0.0.3");
            w.tasks.as_mut().unwrap().push(third);
            w.targets[0]
                .as_mut()
                .unwrap()
                .push(target("10.0.0.3", "healthy"));
        });
    check(
        &script,
        count(3),
        limits(),
        "
        0 2/2 running, 0 pending, 0 failed
        0 2/2 healthy []
        10 2/3 running, 0 pending, 0 failed
        12 2/3 healthy []
        22 3/3 running, 0 pending, 0 failed
        24 3/3 healthy []
        24 window of 15 s begins
        39 = serving 0 (3/3, web:1 serves)
        ",
    );
}

#[test]
fn a_count_of_zero_is_deployed_and_serves_nothing() {
    let script = settled()
        .at(1, |w| w.service().desired_count = 0)
        .at(8, |w| {
            w.ours().running_count = 0;
            w.tasks.as_mut().unwrap().clear();
            w.targets[0].as_mut().unwrap().clear();
        });
    check(
        &script,
        count(0),
        limits(),
        "
        0 2/2 running, 0 pending, 0 failed
        0 2/2 healthy []
        8 0/2 running, 0 pending, 0 failed
        8 = deployed 0 (0/0, nothing serves)
          The desired count is 0: nothing serves.
        ",
    );
}

#[test]
fn a_count_that_something_undoes_fails() {
    let script = settled()
        .at(1, |w| w.service().desired_count = 0)
        .at(8, |w| w.service().desired_count = 1);
    check(
        &script,
        count(0),
        limits(),
        "
        0 2/2 running, 0 pending, 0 failed
        0 2/2 healthy []
        8 desired count 0 → 1
        10 2/1 healthy []
        38 = failed 1 (2/1, web:1 serves)
          The desired count is 1, not 0: something else sets it (a scalable target's minimum, or a person).
        ",
    );
}
