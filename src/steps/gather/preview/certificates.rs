//! Which names the certificates of a listener are good for. Asked only where a preview has a host of its own over HTTPS; what
//! may not be asked is a warning.

use crate::aws::Aws;
use crate::model::target::Listener;
use crate::plan::preview::certificate::{Certificates, covers};
use crate::plan::preview::routing::Routing;
use crate::steps::patience::patiently;

pub(super) async fn of(aws: &Aws, listener: &Listener, routing: &Routing) -> Certificates {
    let Routing::Host(host) = routing else {
        return Certificates::NotAsked;
    };
    if listener.protocol.as_deref() != Some("HTTPS") {
        return Certificates::NotAsked;
    }
    let listed = patiently(|| aws.elbv2.describe_listener_certificates(&listener.arn)).await;
    // The default one stands in the listener itself.
    let (mut arns, mut unknown) = match listed {
        Ok(arns) => (arns, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    if arns.is_empty() {
        arns.extend(listener.certificate_arn.clone());
    }
    let mut names = Vec::new();
    for arn in arns {
        if !arn.contains(":acm:") {
            unknown.get_or_insert_with(|| "one is an IAM server certificate".to_owned());
            continue;
        }
        match patiently(|| aws.acm.describe_certificate(&arn)).await {
            Ok(found) if found.iter().any(|name| covers(name, host)) => {
                return Certificates::Covered;
            }
            Ok(found) => names.extend(found),
            Err(error) => {
                unknown.get_or_insert_with(|| error.to_string());
            }
        }
    }
    names.sort();
    names.dedup();
    match unknown {
        Some(why) => Certificates::Unknown(why),
        None => Certificates::NotCovered(names),
    }
}
