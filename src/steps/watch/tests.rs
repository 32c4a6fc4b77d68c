//! The loop over a wire of its own, in virtual time: what it asks, when it ends, and that nothing holds it up.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::aws::Failure;
use crate::aws::credentials::{Connection, Role};
use crate::model::verdict::Status;
use crate::rollout::{OnFailure, OnPause, OnSuperseded, Ours, WaitUntil};
use crate::wire::Wire;

#[derive(Clone, Copy, Debug)]
struct Clock(Instant);

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.0.elapsed()
    }
}

#[derive(Debug)]
enum Answer {
    Json(u16, Value),
    Never,
}

type World = dyn Fn(&str, Duration) -> Answer + Send + Sync;

/// Answers STS itself, everything else as the world says, and keeps what was asked.
#[derive(Clone)]
struct Faked {
    began: Instant,
    world: Arc<World>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Faked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faked")
    }
}

impl HttpConnector for Faked {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = match request.headers().get("x-amz-target") {
            None => (200, SESSION.to_owned()),
            Some(target) => {
                let mut operation = target.rsplit('.').next().unwrap_or_default().to_owned();
                let body = request.body().bytes().unwrap_or_default();
                if String::from_utf8_lossy(body).contains("STOPPED") {
                    operation.push_str(" STOPPED");
                }
                self.asked.lock().unwrap().push(operation.clone());
                match (self.world)(&operation, self.began.elapsed()) {
                    Answer::Json(status, body) => (status, body.to_string()),
                    Answer::Never => return HttpConnectorFuture::new(std::future::pending()),
                }
            }
        };
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        HttpConnectorFuture::ready(Ok(response))
    }
}

const SESSION: &str = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>k</SecretAccessKey>\
<SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>\
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

/// One task of ours runs from the fifth second on.
fn good(operation: &str, elapsed: Duration) -> Answer {
    let runs = elapsed >= Duration::from_secs(5);
    Answer::Json(
        200,
        match operation {
            "DescribeServices" => json!({"services": [{
                "serviceArn": "arn:aws:ecs:eu-central-1:123456789012:service/prod/web", "serviceName": "web",
                "clusterArn": "arn:aws:ecs:eu-central-1:123456789012:cluster/prod", "status": "ACTIVE",
                "taskDefinition": "arn:td/web:2", "desiredCount": 1, "runningCount": u32::from(runs), "pendingCount": 0,
                "deployments": [{"id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": "arn:td/web:2", "desiredCount": 1,
                    "runningCount": u32::from(runs), "pendingCount": 0, "failedTasks": 0, "rolloutState": "IN_PROGRESS",
                    "createdAt": 1_799_999_990, "updatedAt": 1_799_999_990}],
                "events": []}]}),
            "ListServiceDeployments" => json!({"serviceDeployments": [
                {"serviceDeploymentArn": "arn:sd/b", "status": "IN_PROGRESS", "targetServiceRevisionArn": "arn:sr/prod/web/22"},
                {"serviceDeploymentArn": "arn:sd/a", "status": "IN_PROGRESS", "targetServiceRevisionArn": "arn:sr/prod/web/2"}]}),
            "DescribeServiceDeployments" => json!({"serviceDeployments": [
                {"serviceDeploymentArn": "arn:sd/a", "status": "IN_PROGRESS", "updatedAt": 1_799_999_990}]}),
            "ListTasks" if runs => {
                json!({"taskArns": ["arn:aws:ecs:eu-central-1:123456789012:task/prod/1"]})
            }
            "ListTasks" | "ListTasks STOPPED" => json!({"taskArns": []}),
            "DescribeTasks" => {
                json!({"tasks": [{"taskArn": "arn:aws:ecs:eu-central-1:123456789012:task/prod/1",
                "taskDefinitionArn": "arn:td/web:2", "startedBy": "ecs-svc/2", "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
                "containers": [{"name": "web", "lastStatus": "RUNNING"}]}]})
            }
            other => panic!("{other} is not asked for"),
        },
    )
}

struct Run {
    ended: Result<Ended, AwsError>,
    took: Duration,
    asked: Vec<String>,
}

fn run(
    wait_for: Duration,
    cancelled_after: Option<Duration>,
    world: impl Fn(&str, Duration) -> Answer + Send + Sync + 'static,
) -> Run {
    let story = async {
        let began = Instant::now();
        let faked = Faked {
            began,
            world: Arc::new(world),
            asked: Arc::default(),
        };
        let connection = Connection {
            wire: Wire::over(faked.clone()),
            time: SharedTimeSource::new(Clock(began)),
            region: "eu-central-1".to_owned(),
            role: Some(Role {
                arn: "arn:aws:iam::123456789012:role/deploy".to_owned(),
                session_name: "watch".to_owned(),
                duration_seconds: None,
                mint_id_token: Arc::new(|| Box::pin(async { Ok(SecretString::from("id")) })),
            }),
            read_environment: false,
        };
        let aws = Aws::connect(connection).await.unwrap();
        let target = RolloutTarget::Deployment {
            ours: Ours {
                deployment_id: "ecs-svc/2".to_owned(),
                task_definition: "arn:td/web:2".to_owned(),
                created_at: jiff::Timestamp::from_second(1_799_999_990).ok(),
                ..Ours::default()
            },
            service_deployment: None,
        };
        let limits = Limits {
            wait_until: WaitUntil::Healthy,
            wait_for,
            stable_for: None,
            on_superseded: OnSuperseded::Succeed,
            fail_fast: true,
            on_failure: OnFailure::Rollback,
            on_pause: OnPause::Return,
        };
        let cancel = CancellationToken::new();
        let signal = cancel.clone();
        if let Some(after) = cancelled_after {
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                signal.cancel();
            });
        }
        let ended = watch(&aws, "prod", "web", target, limits, &mut |_| {}, &cancel).await;
        let asked = faked.asked.lock().unwrap().clone();
        Run {
            ended,
            took: began.elapsed(),
            asked,
        }
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(story)
}

#[test]
fn serves_after_the_window_and_asks_no_more_than_it_has_to() {
    fastrand::seed(7);
    let run = run(Duration::from_secs(300), None, good);
    let ended = run.ended.unwrap();
    assert_eq!(ended.status, Status::Serving);
    assert_eq!(ended.service_deployment_arn.as_deref(), Some("arn:sd/a"));
    // The task is there at 5 s and seen within a look; without a load balancer 40 s are to pass.
    assert!((45..=48).contains(&run.took.as_secs()), "{:?}", run.took);
    let asked = |operation: &str| run.asked.iter().filter(|o| *o == operation).count();
    assert_eq!(asked("ListServiceDeployments"), 1);
    assert_eq!(
        asked("DescribeServices"),
        asked("DescribeServiceDeployments")
    );
    // Every 2 s, and the tasks only every 4 s.
    assert!(asked("DescribeServices") <= 26, "{:?}", run.asked);
    assert!(asked("DescribeTasks") <= 13, "{:?}", run.asked);
    // Once at the first look, and once when the counts changed.
    assert_eq!(asked("ListTasks STOPPED"), 2, "{:?}", run.asked);
}

#[test]
fn calls_that_hang_do_not_outlast_the_limit() {
    let run = run(Duration::from_secs(30), None, |_, _| Answer::Never);
    let ended = run.ended.unwrap();
    assert_eq!((ended.status, ended.exit_code), (Status::TimedOut, 3));
    assert_eq!(run.took, Duration::from_secs(30) + LAST_LOOK);
}

#[test]
fn the_limit_is_exact() {
    let run = run(Duration::from_millis(20_500), None, |operation, _| {
        good(operation, Duration::ZERO)
    });
    assert_eq!(run.ended.unwrap().status, Status::TimedOut);
    assert_eq!(run.took, Duration::from_millis(20_500));
}

#[test]
fn a_signal_ends_it_at_once_even_in_a_call() {
    let run = run(
        Duration::from_secs(300),
        Some(Duration::from_millis(3_300)),
        |_, _| Answer::Never,
    );
    assert_eq!(run.ended.unwrap().status, Status::Cancelled);
    assert_eq!(run.took, Duration::from_millis(3_300));
}

/// Only the loop retries: one throttled call is one call.
#[test]
fn throttled_calls_are_not_repeated_by_the_sdk() {
    let run = run(Duration::from_secs(60), None, |_, _| {
        Answer::Json(
            400,
            json!({"__type": "ThrottlingException", "message": "Rate exceeded"}),
        )
    });
    assert_eq!(run.ended.unwrap().status, Status::TimedOut);
    let looks = run
        .asked
        .iter()
        .filter(|o| *o == "DescribeServices")
        .count();
    // At about 0, 4, 12, 28, 48 and 60 s.
    assert_eq!(looks, 6, "{:?}", run.asked);
}

#[test]
fn expired_credentials_end_it_at_once() {
    let run = run(Duration::from_secs(300), None, |operation, elapsed| {
        if elapsed < Duration::from_secs(10) {
            return good(operation, elapsed);
        }
        Answer::Json(
            400,
            json!({"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}),
        )
    });
    assert_eq!(run.ended.unwrap_err().failure, Failure::Unauthenticated);
    assert!(run.took < Duration::from_secs(13), "{:?}", run.took);
}

/// Two tasks find no image, from the fifth second on; the answer to what ECS is asked then never comes.
fn hopeless(operation: &str, elapsed: Duration) -> Answer {
    let failed = elapsed >= Duration::from_secs(5);
    let stopped = |n: u32| {
        json!({"taskArn": format!("arn:aws:ecs:eu-central-1:123456789012:task/prod/{n}"), "taskDefinitionArn": "arn:td/web:2",
            "startedBy": "ecs-svc/2", "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stopCode": "TaskFailedToStart",
            "stoppedReason": "CannotPullContainerError: not found", "stoppedAt": 1_799_999_995, "containers": []})
    };
    let mut answer = match operation {
        "StopServiceDeployment" => return Answer::Never,
        "ListTasks STOPPED" if failed => Answer::Json(200, json!({"taskArns": ["arn:1", "arn:2"]})),
        "DescribeTasks" => Answer::Json(200, json!({"tasks": [stopped(1), stopped(2)]})),
        other => good(other, Duration::ZERO),
    };
    if let Answer::Json(_, body) = &mut answer {
        if let Some(deployment) = body.pointer_mut("/services/0/deployments/0/failedTasks") {
            *deployment = json!(if failed { 2 } else { 0 });
        }
        if let Some(deployment) = body.pointer_mut("/serviceDeployments/0")
            && operation == "DescribeServiceDeployments"
        {
            deployment["sourceServiceRevisions"] = json!([{"arn": "arn:sr/prod/web/1"}]);
        }
    }
    answer
}

#[test]
fn an_action_that_hangs_does_not_outlast_the_limit() {
    let run = run(Duration::from_secs(40), None, hopeless);
    let ended = run.ended.unwrap();
    assert_eq!((ended.status, ended.exit_code), (Status::Failed, 1));
    assert!(
        run.asked.iter().any(|o| o == "StopServiceDeployment"),
        "{:?}",
        run.asked
    );
    let at_most = Duration::from_secs(40) + 2 * LAST_LOOK;
    assert!(run.took <= at_most, "{:?}", run.took);
}

#[test]
fn a_signal_waits_a_moment_for_an_action() {
    let after = Duration::from_secs(10);
    let run = run(Duration::from_secs(300), Some(after), hopeless);
    let ended = run.ended.unwrap();
    assert_eq!(ended.status, Status::Cancelled);
    assert_eq!(run.took, Duration::from_millis(11_500));
    let said = serde_json::to_string(&ended.reasons).unwrap();
    assert!(said.contains("was asked to go back"), "{said}");
}
