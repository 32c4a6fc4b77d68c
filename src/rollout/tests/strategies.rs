//! Deployments that shift traffic, hooks that wait, and what ECS calls done early.

use std::time::Duration;

use super::script::*;
use crate::model::service::LifecycleHook;
use crate::model::target::TargetGroup;
use crate::model::verdict::Status;
use crate::rollout::{
    Acted, Action, Ended, Limits, News, Next, Observation, OnPause, Rollout, RolloutTarget,
    Sentence, Unseen, WaitUntil, revision_arn,
};

const BLUE: &str = "arn:tg";
const GREEN: &str = "arn:tg-2";

/// Behind two target groups, of which the service names the first.
fn shifting() -> RolloutTarget {
    let mut ours = ours();
    ours.target_groups[0].alternate = Some(TargetGroup {
        arn: GREEN.to_owned(),
        name: "web-2".to_owned(),
        ..ours.target_groups[0].group.clone()
    });
    RolloutTarget::Deployment {
        ours,
        service_deployment: None,
    }
}

fn blue_green(w: &mut Observation) {
    w.service().arn = "arn:aws:ecs:eu-central-1:1:service/prod/web".to_owned();
    w.service().cluster_arn = "arn:aws:ecs:eu-central-1:1:cluster/prod".to_owned();
    let strategy = &mut w.service().deployment_configuration.strategy;
    "BLUE_GREEN".clone_into(strategy);
    w.own_groups = Ok(vec![GREEN.to_owned()]);
    w.sd().production_traffic = Some(0.0);
    stage(w, "SCALE_UP");
}

fn stage(w: &mut Observation, stage: &str) {
    w.sd().lifecycle_stage = Some(stage.to_owned());
}

/// The targets of the second group are ours alone.
fn in_green(w: &mut Observation) {
    w.ours_run();
    w.ours_healthy();
    let targets = w.targets[0].as_mut().expect("targets");
    targets.retain(|t| !matches!(t.target.as_str(), "10.0.0.1" | "10.0.0.2"));
}

fn hook(status: &str) -> LifecycleHook {
    LifecycleHook {
        id: "ecs-pause-1".to_owned(),
        target_type: "PAUSE".to_owned(),
        status: status.to_owned(),
        expires_at: at(86_400),
        timeout_action: Some("ROLLBACK".to_owned()),
        ..LifecycleHook::default()
    }
}

fn on_pause(on_pause: OnPause) -> Limits {
    Limits {
        on_pause,
        ..limits()
    }
}

fn words(sentences: &[Sentence]) -> String {
    let parts = sentences.iter().map(|s| format!("{s:?}"));
    parts.collect::<Vec<_>>().join("\n")
}

fn paused_at_20() -> Script {
    Script::new()
        .at(0, blue_green)
        .at(10, in_green)
        .at(20, |w| {
            stage(w, "POST_TEST_TRAFFIC_SHIFT");
            w.sd().hooks = vec![hook("AWAITING_ACTION")];
        })
}

fn finishes(w: &mut Observation) {
    w.sd().hooks = vec![hook("SUCCEEDED")];
    w.sd().production_traffic = Some(100.0);
    stage(w, "CLEAN_UP");
    w.old_drains();
    w.old_gone();
}

fn run(script: &Script, limits: Limits) -> Ended {
    script.run(shifting(), limits).1
}

#[test]
fn the_group_of_our_revision_is_asked_for_once_our_tasks_run() {
    let script = Script::new().at(0, blue_green).at(10, in_green);
    let mut rollout = Rollout::start(shifting(), limits());
    let asked = |rollout: &Rollout, seconds| {
        rollout.asks_revision(&script.world(Duration::from_secs(seconds)))
    };
    assert_eq!(asked(&rollout, 0), None);
    let arn = "arn:aws:ecs:eu-central-1:1:service-revision/prod/web/2";
    assert_eq!(asked(&rollout, 10).as_deref(), Some(arn));
    let at = Duration::from_secs(10);
    assert!(!rollout.ask(&script.world(at), at).targets);
    rollout.observe(script.look(&rollout, at), at);
    let group = &rollout.target().ours().target_groups[0];
    assert_eq!(group.group.arn, GREEN);
    assert_eq!(group.alternate.as_ref().map(|g| g.arn.as_str()), Some(BLUE));
    assert_eq!(asked(&rollout, 12), None);
    let at = Duration::from_secs(12);
    assert!(rollout.ask(&script.world(at), at).targets);
}

#[test]
fn deployed_is_their_word_and_healthy_targets_in_our_group() {
    let unhealthy = |w: &mut Observation| {
        for target in w.targets[0].as_mut().expect("targets") {
            "unhealthy".clone_into(&mut target.state);
        }
    };
    let script = Script::new()
        .at(0, blue_green)
        .at(10, in_green)
        .at(20, unhealthy)
        .at(30, finishes);
    let ended = run(&script, limits());
    assert_eq!(ended.status, Status::TimedOut);
    let script = script.at(60, |w| {
        for target in w.targets[0].as_mut().expect("targets") {
            "healthy".clone_into(&mut target.state);
        }
    });
    let ended = run(&script, limits());
    assert_eq!(ended.status, Status::Deployed);
    assert!(ended.timings.ended >= Duration::from_secs(60));
}

#[test]
fn a_revision_that_may_not_be_read_leaves_the_tasks() {
    let script = Script::new()
        .at(0, blue_green)
        .at(0, |w| {
            let operation = "ecs:DescribeServiceRevisions".to_owned();
            w.own_groups = Err(Unseen::Denied(operation));
        })
        .at(10, in_green)
        .at(30, finishes);
    let (lines, ended) = script.run(shifting(), limits());
    assert_eq!(ended.status, Status::Deployed, "{lines:?}");
    assert!(ended.targets.is_empty());
    let told = lines.iter().filter(|l| l.contains("GroupUnknown"));
    assert_eq!(told.count(), 1, "{lines:?}");
}

#[test]
fn an_answer_without_groups_is_asked_for_again() {
    let script = Script::new()
        .at(0, blue_green)
        .at(0, |w| w.own_groups = Err(Unseen::Absent))
        .at(10, in_green)
        .at(20, |w| w.own_groups = Ok(vec![GREEN.to_owned()]))
        .at(30, finishes);
    let (lines, ended) = script.run(shifting(), limits());
    assert_eq!(ended.status, Status::Deployed);
    assert!(!ended.targets.is_empty());
    assert!(
        !lines.iter().any(|l| l.contains("GroupUnknown")),
        "{lines:?}"
    );
}

#[test]
fn a_pause_is_an_end_with_what_continues_it() {
    let ended = run(&paused_at_20(), on_pause(OnPause::Return));
    assert_eq!((ended.status, ended.exit_code), (Status::Paused, 0));
    let reasons = words(&ended.reasons);
    for said in [
        "1970-01-02 00:16:40 UTC",
        "0 % of production traffic",
        "aws ecs continue-service-deployment --service-deployment-arn arn:sd/2 --hook-id ecs-pause-1 --action CONTINUE",
    ] {
        assert!(reasons.contains(said), "{said} in {reasons}");
    }
}

#[test]
fn what_is_failing_is_not_paused_and_a_function_is_no_person() {
    let script = paused_at_20().at(20, |w| {
        "ROLLBACK_REQUESTED".clone_into(&mut w.sd().status);
    });
    let script = script.at(60, |w| {
        "ROLLBACK_SUCCESSFUL".clone_into(&mut w.sd().status);
    });
    assert_eq!(run(&script, limits()).status, Status::RolledBack);
    let script = paused_at_20()
        .at(20, |w| w.sd().hooks = vec![hook("IN_PROGRESS")])
        .at(60, finishes);
    assert_eq!(run(&script, limits()).status, Status::Deployed);
}

#[test]
fn a_stage_that_is_reached_comes_before_the_hook_that_waits_there() {
    let stage = |stage: &str| Limits {
        wait_until: WaitUntil::Stage(stage.to_owned()),
        ..limits()
    };
    let ended = run(&paused_at_20(), stage("POST_TEST_TRAFFIC_SHIFT"));
    assert_eq!(ended.status, Status::Started);
    let ended = run(&paused_at_20(), stage("BAKE_TIME"));
    assert_eq!(ended.status, Status::Paused);
}

#[test]
fn a_pause_is_waited_for_until_the_limit() {
    let waits = run(&paused_at_20().at(60, finishes), on_pause(OnPause::Wait));
    assert_eq!(waits.status, Status::Deployed);
    let ended = run(&paused_at_20(), on_pause(OnPause::Wait));
    assert_eq!(ended.status, Status::TimedOut);
    assert!(words(&ended.reasons).contains("--hook-id ecs-pause-1"));
    // No traffic goes to it, however healthy it is.
    assert_eq!(
        ended.serves_now.task_definition(),
        Some(revision(1).as_str())
    );
}

/// What is asked of ECS, with its times; the world does not change.
fn asked(script: &Script, answer: &Acted, end: u64) -> Vec<u64> {
    let mut rollout = Rollout::start(shifting(), on_pause(OnPause::Continue));
    let mut asked = Vec::new();
    let mut elapsed = Duration::ZERO;
    while elapsed < Duration::from_secs(end) {
        let mut next = rollout
            .observe(script.look(&rollout, elapsed), elapsed)
            .next;
        if let Next::Act(action) = &next {
            let wanted = Action::ContinueServiceDeployment {
                service_deployment_arn: "arn:sd/2".to_owned(),
                hook_id: "ecs-pause-1".to_owned(),
            };
            assert_eq!(*action, wanted);
            asked.push(elapsed.as_secs());
            next = rollout.acted(action, answer.clone()).next;
        }
        match next {
            Next::LookAgain { after, .. } => elapsed += after,
            other => panic!("{other:?}"),
        }
    }
    asked
}

#[test]
fn continue_is_asked_for_once_and_again_only_if_nothing_came_of_it() {
    let script = paused_at_20();
    assert_eq!(asked(&script, &Acted::Done, 50), [20]);
    assert_eq!(asked(&script, &Acted::Unanswered, 90).len(), 3);
    let denied = Acted::Denied("ecs:ContinueServiceDeployment".to_owned());
    assert_eq!(asked(&script, &denied, 200), [20]);
}

#[test]
fn a_hook_that_failed_is_named_where_their_reason_does_not() {
    let script = paused_at_20().at(40, |w| {
        w.sd().hooks = vec![hook("TIMED_OUT")];
        "ROLLBACK_SUCCESSFUL".clone_into(&mut w.sd().status);
    });
    let ended = run(&script, on_pause(OnPause::Wait));
    assert_eq!(ended.status, Status::RolledBack);
    assert!(
        words(&ended.reasons).contains("TIMED_OUT"),
        "{:?}",
        ended.reasons
    );
}

#[test]
fn traffic_and_hooks_are_told_when_they_change() {
    let script = paused_at_20().at(60, finishes);
    let mut rollout = Rollout::start(shifting(), on_pause(OnPause::Wait));
    let mut told = Vec::new();
    for seconds in (0..80).step_by(2) {
        let elapsed = Duration::from_secs(seconds);
        let step = rollout.observe(script.look(&rollout, elapsed), elapsed);
        told.extend(step.news.into_iter().filter_map(|news| match news {
            News::Traffic { percent } => Some(format!("{seconds} {percent} %")),
            News::Hook { hook, stage } => Some(format!("{seconds} {} {stage:?}", hook.status)),
            _ => None,
        }));
        if matches!(step.next, Next::Done(_)) {
            break;
        }
    }
    assert_eq!(
        told,
        [
            "20 AWAITING_ACTION Some(\"POST_TEST_TRAFFIC_SHIFT\")",
            "60 100 %",
            "60 SUCCEEDED None"
        ]
    );
}

#[test]
fn successful_before_all_are_healthy_is_no_success_yet() {
    let early = |w: &mut Observation| {
        w.ours().running_count = 1;
        w.ours().rollout_state = Some("COMPLETED".to_owned());
        "SUCCESSFUL".clone_into(&mut w.sd().status);
        let tasks = w.tasks.as_mut().expect("tasks");
        tasks.push(task("new1", OURS, "10.0.0.3"));
        let targets = w.targets[0].as_mut().expect("targets");
        targets.push(target("10.0.0.3", "healthy"));
    };
    let second = |w: &mut Observation| {
        w.ours().running_count = 2;
        let tasks = w.tasks.as_mut().expect("tasks");
        tasks.push(task("new2", OURS, "10.0.0.4"));
        let targets = w.targets[0].as_mut().expect("targets");
        targets.push(target("10.0.0.4", "healthy"));
        w.old_drains();
    };
    let script = Script::new().at(10, early);
    for wait_until in [WaitUntil::Healthy, WaitUntil::Deployed] {
        let limits = Limits {
            wait_until,
            ..limits()
        };
        let (_, ended) = script.run(rolling(), limits);
        assert_eq!(ended.status, Status::TimedOut);
    }
    let script = script.at(60, second);
    let (_, ended) = script.run(rolling(), limits());
    assert_eq!(ended.status, Status::Serving);
    assert!(ended.timings.ended >= Duration::from_secs(60 + 15));
}

#[test]
fn the_revision_of_a_deployment_is_named_after_the_service() {
    let mut world = after_update();
    blue_green(&mut world);
    let named = revision_arn(world.service(), "ecs-svc/77");
    let arn = "arn:aws:ecs:eu-central-1:1:service-revision/prod/web/77";
    assert_eq!(named.as_deref(), Some(arn));
    // As services were named before ARNs had their cluster in them.
    world.service().arn = "arn:aws:ecs:eu-central-1:1:service/web".to_owned();
    assert_eq!(
        revision_arn(world.service(), "ecs-svc/77").as_deref(),
        Some(arn)
    );
}
