//! The health checks of the load balancer's targets.
//!
//! Knows: when a target's next check is due, how to ask it, and ELB's words for each way to fail. Does not know
//! thresholds or states: it reports every result, and the world counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{HealthCheck, Matcher, Routes, client};
use crate::world::Fact;

/// How soon a newly registered target gets its first check, and how exact intervals are.
const LOOK_FOR_TARGETS: Duration = Duration::from_millis(200);

/// Target group, address, port.
type Target = (String, String, u16);
type Asker = Client<HttpConnector, Empty<Bytes>>;

pub async fn run(routes: Arc<dyn Routes>, shutdown: CancellationToken) {
    let asker: Asker = client();
    let mut due: BTreeMap<Target, Instant> = BTreeMap::new();
    let mut asking: BTreeSet<Target> = BTreeSet::new();
    let mut checks = JoinSet::new();
    let mut look = interval(LOOK_FOR_TARGETS);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            Some(done) = checks.join_next(), if !checks.is_empty() => {
                let Ok((target, result)): Result<(Target, _), _> = done else { continue };
                asking.remove(&target);
                let (target_group_arn, address, port) = target;
                routes.learn(Fact::HealthChecked { target_group_arn, address, port, result });
            }
            _ = look.tick() => {
                let now = Instant::now();
                let mut listed = BTreeMap::new();
                for check in routes.checks() {
                    let target = (check.target_group_arn.clone(), check.address.clone(), check.port);
                    let mut next = due.get(&target).copied().unwrap_or(now);
                    if next <= now && asking.insert(target.clone()) {
                        next = now + check.interval;
                        checks.spawn(ask(asker.clone(), Arc::clone(&routes), check, target.clone()));
                    }
                    listed.insert(target, next);
                }
                // A target that was deregistered and comes back is checked at once.
                due = listed;
            }
        }
    }
}

async fn ask(
    asker: Asker,
    routes: Arc<dyn Routes>,
    check: HealthCheck,
    target: Target,
) -> (Target, Result<(), (String, String)>) {
    let result = match timeout(check.timeout, look_at(&asker, routes.as_ref(), &check)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Unhealthy::Failed)) => Err((
            "Target.FailedHealthChecks",
            "Health checks failed".to_owned(),
        )),
        Ok(Err(Unhealthy::Code(code))) => Err((
            "Target.ResponseCodeMismatch",
            format!("Health checks failed with these codes: [{code}]"),
        )),
        Err(_) => Err(("Target.Timeout", "Request timed out".to_owned())),
    };
    (
        target,
        result.map_err(|(code, description)| (code.to_owned(), description)),
    )
}

enum Unhealthy {
    /// Refused, cut, or no HTTP.
    Failed,
    Code(u16),
}

async fn look_at(asker: &Asker, routes: &dyn Routes, check: &HealthCheck) -> Result<(), Unhealthy> {
    let Some(target) = routes.reach(&check.address, check.check_port) else {
        return Err(Unhealthy::Failed);
    };
    match check.protocol.as_str() {
        "HTTP" => {}
        "TCP" => {
            return TcpStream::connect(target)
                .await
                .map(drop)
                .map_err(|_| Unhealthy::Failed);
        }
        _ => return Err(Unhealthy::Failed),
    }
    let uri = Uri::builder()
        .scheme("http")
        .authority(target.to_string())
        .path_and_query(check.path.as_str())
        .build();
    let request = Request::get(uri.map_err(|_| Unhealthy::Failed)?)
        // Targets see the address that they are registered with, as with a real load balancer.
        .header(
            header::HOST,
            format!("{}:{}", check.address, check.check_port),
        )
        .header(header::USER_AGENT, "ELB-HealthChecker/2.0")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| Unhealthy::Failed)?;
    let answer = asker
        .request(request)
        .await
        .map_err(|_| Unhealthy::Failed)?;
    let status = answer.status().as_u16();
    let healthy = Matcher::parse(&check.matcher).is_some_and(|matcher| matcher.matches(status));
    if healthy {
        Ok(())
    } else {
        Err(Unhealthy::Code(status))
    }
}
