//! What of a service's deployments goes on, by each of the two things that can tell.

use super::*;
use crate::model::service::Deployment;

fn deployment(id: &str, status: &str, state: &str) -> Deployment {
    Deployment {
        id: format!("ecs-svc/{id}"),
        status: status.to_owned(),
        task_definition: format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/web:{id}"),
        rollout_state: Some(state.to_owned()),
        ..Deployment::default()
    }
}

fn service(deployments: &[Deployment]) -> Service {
    Service {
        deployments: deployments.to_vec(),
        ..Service::default()
    }
}

fn brief(id: &str, status: &str) -> ServiceDeploymentBrief {
    ServiceDeploymentBrief {
        arn: format!("arn:aws:ecs:eu-west-1:111122223333:service-deployment/prod/web/x{id}"),
        status: status.to_owned(),
        target_service_revision_arn: Some(format!(
            "arn:aws:ecs:eu-west-1:111122223333:service-revision/prod/web/{id}"
        )),
        created_at: None,
    }
}

fn shown(found: Option<InFlight>) -> String {
    found.map_or("free".to_owned(), |f| f.in_words())
}

#[test]
fn by_the_service_deployments() {
    let both = service(&[
        deployment("2", "PRIMARY", "IN_PROGRESS"),
        deployment("1", "ACTIVE", "COMPLETED"),
    ]);
    for (status, words) in [
        ("PENDING", "deployment `ecs-svc/2` of `web:2` (`PENDING`)"),
        (
            "IN_PROGRESS",
            "deployment `ecs-svc/2` of `web:2` (`IN_PROGRESS`)",
        ),
        (
            "STOP_REQUESTED",
            "the rollback of deployment `ecs-svc/2` of `web:2` (`STOP_REQUESTED`)",
        ),
        (
            "ROLLBACK_IN_PROGRESS",
            "the rollback of deployment `ecs-svc/2` of `web:2` (`ROLLBACK_IN_PROGRESS`)",
        ),
        ("SUCCESSFUL", "free"),
        ("ROLLBACK_FAILED", "free"),
    ] {
        let history = [brief("2", status), brief("1", "SUCCESSFUL")];
        assert_eq!(shown(in_flight(&both, Some(&history))), words);
    }
    // One that ended long ago says nothing of the one that just began.
    let history = [brief("1", "SUCCESSFUL")];
    assert_eq!(
        shown(in_flight(&both, Some(&history))),
        "deployment `ecs-svc/2` of `web:2` (`IN_PROGRESS`)"
    );
}

#[test]
fn without_them_by_what_the_service_lists() {
    let steady = service(&[deployment("1", "PRIMARY", "COMPLETED")]);
    assert!(!may_be(&steady));
    let failed = service(&[deployment("2", "PRIMARY", "FAILED")]);
    assert!(may_be(&failed));
    let draining = service(&[
        deployment("2", "PRIMARY", "COMPLETED"),
        deployment("1", "ACTIVE", "COMPLETED"),
    ]);
    assert!(may_be(&draining));
    let going = service(&[
        deployment("2", "PRIMARY", "IN_PROGRESS"),
        deployment("1", "ACTIVE", "COMPLETED"),
    ]);
    let back = service(&[
        deployment("1", "PRIMARY", "IN_PROGRESS"),
        deployment("2", "ACTIVE", "FAILED"),
    ]);
    for (service, words) in [
        (&steady, "free"),
        (&failed, "free"),
        (&draining, "free"),
        (&going, "deployment `ecs-svc/2` of `web:2` (`IN_PROGRESS`)"),
        (
            &back,
            "the rollback of deployment `ecs-svc/2` of `web:2` (`FAILED`)",
        ),
    ] {
        assert_eq!(shown(in_flight(service, None)), words);
        assert_eq!(shown(in_flight(service, Some(&[]))), words);
    }
}

#[test]
fn a_rollback_is_never_overtaken() {
    let of = |rolling_back| InFlight {
        deployment: "ecs-svc/2".to_owned(),
        task_definition: None,
        status: "IN_PROGRESS".to_owned(),
        since: None,
        rolling_back,
    };
    let (going, back) = (of(false), of(true));
    use IfDeploying::{Fail, Supersede, Wait};
    for setting in [Supersede, Wait, Fail] {
        assert_eq!(way(None, setting), Ok(Way::Free));
    }
    assert_eq!(way(Some(&going), Supersede), Ok(Way::Over(&going)));
    assert_eq!(way(Some(&back), Supersede), Ok(Way::Wait(&back)));
    assert_eq!(way(Some(&going), Wait), Ok(Way::Wait(&going)));
    assert_eq!(way(Some(&back), Wait), Ok(Way::Wait(&back)));
    assert!(way(Some(&going), Fail).is_err());
    assert!(way(Some(&back), Fail).is_err());
}
