//! Which deployment of a service goes on already. Where service deployments are denied or not there, the service's own
//! list stands in for them. One call, and none where the service is steady.

use jiff::SignedDuration;

use crate::aws::{Aws, AwsError, Failure, Retries};
use crate::model::service::Service;
use crate::plan::in_flight::{self, InFlight};

/// A service deployment is listed a little before its deployment's creation: the two are written one after the other.
const BEFORE: SignedDuration = SignedDuration::from_secs(5);

pub async fn in_flight(
    aws: &Aws,
    cluster: &str,
    service: &Service,
    retries: Retries,
) -> Result<Option<InFlight>, AwsError> {
    if !in_flight::may_be(service) {
        return Ok(None);
    }
    let oldest = service
        .deployments
        .iter()
        .filter_map(|d| d.created_at)
        .min();
    let since = oldest.and_then(|at| at.checked_sub(BEFORE).ok());
    let listed = aws
        .ecs
        .list_service_deployments(cluster, &service.name, since, retries)
        .await;
    let history = match listed {
        Ok(history) => Some(history),
        Err(e) if stands_in(&e.failure, retries) => None,
        Err(e) => return Err(e),
    };
    Ok(in_flight::in_flight(service, history.as_deref()))
}

/// Whether the service's own list has to do: what is denied or not offered will not be answered later either, and what the
/// SDK asked for again and again in vain is no reason not to deploy.
fn stands_in(failure: &Failure, retries: Retries) -> bool {
    match failure {
        Failure::Denied { .. } | Failure::Refused { .. } | Failure::Malformed { .. } => true,
        Failure::Unreachable { .. } => matches!(retries, Retries::Sdk),
        _ => false,
    }
}
