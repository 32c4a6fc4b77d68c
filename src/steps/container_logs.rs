//! Reads the last lines of the container that a failure points at. Decides nothing of the verdict: whatever goes wrong here is
//! told beside the cause.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::aws::{Aws, AwsError, Failure};
use crate::model::Untrusted;
use crate::model::container_logs::{
    ContainerLogs, Found, LogPlace, LogStream, region_and_partition,
};
use crate::model::verdict::Status;
use crate::rollout::Ended;
use crate::rollout::diagnosis::LookAt;

/// What a person reads of a container's end.
const LINES: usize = 50;
/// The default mode of awslogs is non-blocking: the last lines may come late, or never.
const PATIENCE: Duration = Duration::from_secs(10);
/// GetLogEvents has 25 a second for the whole account.
const PAUSE: Duration = Duration::from_secs(2);
/// One look may go on for this long, beyond the run's limit too.
const LOOK: Duration = Duration::from_secs(2);

/// Puts the lines into `ended`, where its diagnosis says whose. `wait_for`: the run's limit, within which they are looked for
/// again. A signal ends the reading.
pub async fn read(aws: &Aws, ended: &mut Ended, wait_for: Duration, cancel: &CancellationToken) {
    let look_at = ended.diagnosis.as_ref().and_then(|d| d.look_at.clone());
    let Some(look_at) = look_at.filter(|_| ended.status != Status::Cancelled) else {
        return;
    };
    let patience = PATIENCE.min(wait_for.saturating_sub(ended.timings.ended));
    let read = of_container(aws, &look_at, patience);
    ended.logs = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        logs = read => Some(logs),
    };
}

async fn of_container(aws: &Aws, look_at: &LookAt, patience: Duration) -> ContainerLogs {
    let began = Instant::now();
    let (region, partition) = region_and_partition(&look_at.task_definition);
    let described = aws.ecs.describe_task_definition(&look_at.task_definition);
    let described = timeout_at(began + patience.max(LOOK), described).await;
    let (place, why) = match described {
        Ok(Ok(definition)) => match definition.container(&look_at.container) {
            Some(container) => (LogPlace::of(container, &look_at.task_id, &region), None),
            None => (LogPlace::NotConfigured, None),
        },
        Ok(Err(error)) => (LogPlace::NotKnown, Some(not_read(&error))),
        Err(_) => (LogPlace::NotKnown, Some(late())),
    };
    let found = match (why, place.stream()) {
        (Some(why), _) => why,
        (None, Some(stream)) => of_stream(aws, stream, began + patience).await,
        (None, None) => Found::NotAsked,
    };
    ContainerLogs {
        container: look_at.container.clone(),
        url: place.stream().and_then(|s| s.console_url(&partition)),
        place,
        found,
    }
}

async fn of_stream(aws: &Aws, place: &LogStream, until: Instant) -> Found {
    let Some(stream) = &place.stream else {
        return Found::NotAsked;
    };
    let began = Instant::now();
    loop {
        let looked_at = Instant::now();
        let look = aws
            .logs
            .get_log_events(&place.region, &place.group, stream, LINES);
        match timeout_at(looked_at + LOOK, look).await {
            Ok(Ok(lines)) if lines.iter().any(|l| !is_blank(l)) => return Found::Lines(lines),
            // Not there yet, or nothing in it.
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.message.contains("log group does not exist") => {
                return Found::NoGroup;
            }
            Ok(Err(error)) if error.is_code("ResourceNotFoundException") => {}
            Ok(Err(error)) => return not_read(&error),
            Err(_) if looked_at + PAUSE > until => return late(),
            Err(_) => {}
        }
        let next = looked_at + PAUSE;
        if next > until {
            return Found::None {
                waited: began.elapsed(),
            };
        }
        sleep_until(next).await;
    }
}

fn is_blank(line: &Untrusted) -> bool {
    line.is_same_word("")
}

fn not_read(error: &AwsError) -> Found {
    match &error.failure {
        Failure::Denied { permission } => Found::Denied {
            permission: permission.clone(),
        },
        _ => Found::Failed {
            why: error.to_string(),
        },
    }
}

fn late() -> Found {
    Found::Failed {
        why: format!("AWS did not answer within {} s", LOOK.as_secs()),
    }
}
