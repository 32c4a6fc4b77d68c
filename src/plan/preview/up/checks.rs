//! What stands against a preview, and what somebody should know of it, before anything is built. Pure.

use super::{Found, Place, PlanWarning, Wanted};
use crate::model::service::Service;
use crate::plan::overrides::Overrides;
use crate::plan::preview::PreviewRefusal;
use crate::plan::preview::certificate::Certificates;
use crate::plan::preview::derive::{Derived, derive};
use crate::plan::preview::limits::check_previews;
use crate::plan::preview::priority::{allocate, shadowed_by};
use crate::plan::preview::routing::{Routing, claims};

/// What no build can change: refused before anything is built.
pub fn check(found: &Found, wanted: &Wanted) -> Result<(), PreviewRefusal> {
    let conditions = wanted.routing.conditions(&found.place.base_way)?;
    let number = found.of.pull_request;
    let hosts = &found.place.base_way.conditions.host_headers;
    let by_host = matches!(wanted.routing, Routing::Host(_));
    let nameless = found.place.base_way.host.is_none() && !hosts.is_empty();
    if !by_host && nameless && wanted.url.is_none() {
        return Err(PreviewRefusal::NoAddress {
            hosts: hosts.clone(),
        });
    }
    if let (Routing::Host(host), Certificates::NotCovered(names)) =
        (&wanted.routing, &found.certificates)
    {
        return Err(PreviewRefusal::Certificate {
            host: host.clone(),
            names: names.clone(),
        });
    }
    if let Some(service) = found
        .there
        .service
        .as_ref()
        .filter(|s| s.status == "ACTIVE")
    {
        check_target(found, service, number)?;
    }
    let ours = found.there.rule.as_ref().map(|(rule, _)| rule.arn.as_str());
    let taken =
        found.place.rules.iter().find(|rule| {
            Some(rule.arn.as_str()) != ours && claims(rule, &wanted.routing, &conditions)
        });
    if let Some(rule) = taken {
        return Err(PreviewRefusal::AddressTaken {
            priority: rule.priority.clone(),
            address: address_in_words(&wanted.routing),
        });
    }
    if ours.is_none() {
        allocate(&found.place.rules, &conditions, &found.of.name(), 0)?;
    }
    if found.there.group.is_none() {
        check_previews(&found.others, wanted.max_previews, &found.base.service.name)?;
    }
    derived(found, wanted).map(|_| ())
}

/// A service keeps the group and the port that it was made with.
fn check_target(found: &Found, service: &Service, number: u64) -> Result<(), PreviewRefusal> {
    let Some(entry) = service.load_balancers.first() else {
        return Ok(());
    };
    let said = |container: &str, port: u16| format!("port {port} of container {container}");
    let was = said(
        entry.container_name.as_deref().unwrap_or_default(),
        entry.container_port.unwrap_or_default(),
    );
    let now = said(&found.container_name, found.container_port);
    let group = found.there.group.as_ref().map(|(group, _)| &group.arn);
    if was != now {
        return Err(PreviewRefusal::OtherTarget { number, was, now });
    }
    if entry.target_group_arn.as_ref() != group {
        return Err(PreviewRefusal::OtherTarget {
            number,
            was: "a target group that is not its own any more".to_owned(),
            now: "one of its own".to_owned(),
        });
    }
    Ok(())
}

fn address_in_words(routing: &Routing) -> String {
    match routing {
        Routing::Host(host) => host.clone(),
        Routing::Path(path) => path.clone(),
        Routing::Header { name, value } => format!("{name}: {value}"),
    }
}

pub fn url(found: &Found, wanted: &Wanted) -> String {
    let Place {
        listener,
        load_balancer,
        base_way,
        ..
    } = &found.place;
    match &wanted.url {
        Some(url) => url.clone(),
        None => wanted.routing.url(listener, load_balancer, base_way),
    }
}

pub(super) fn derived(found: &Found, wanted: &Wanted) -> Result<Derived, PreviewRefusal> {
    let mut environment_variables = wanted.environment_variables.clone();
    environment_variables.retain(|(name, _)| name != "PREVIEW_URL" && name != "PREVIEW_PR");
    environment_variables.push(("PREVIEW_URL".to_owned(), url(found, wanted)));
    environment_variables.push(("PREVIEW_PR".to_owned(), found.of.pull_request.to_string()));
    let overrides = Overrides {
        image: Some(wanted.image.reference()),
        environment_variables,
        secrets: wanted.secrets.clone(),
        command: wanted.command.clone(),
    };
    derive(
        &found.base.live,
        &found.base.container,
        &found.of.name(),
        &wanted.inherited,
        &overrides,
    )
}

pub(super) fn warnings(found: &Found, wanted: &Wanted, derived: &Derived) -> Vec<PlanWarning> {
    let mut warnings = Vec::new();
    let mut warn = |code, text, help| warnings.push(PlanWarning { code, text, help });
    let behind = found.base.service.load_balancers.len();
    if behind > 1 {
        warn(
            "shipway::preflight::one_target_group",
            format!(
                "the base service is behind {behind} target groups, its preview behind one: that of container {} and port {}",
                found.container_name, found.container_port
            ),
            "`container-name` says which; what reaches the base service through another group does not reach the preview",
        );
    }
    if !derived.shared_volumes.is_empty() {
        warn(
            "shipway::preflight::shared_volume",
            format!(
                "the preview mounts the files of the base service: volume {}",
                derived.shared_volumes.join(", ")
            ),
            "code of a pull request reads and writes them, as far as its task role may: give the base service of previews a file system of its own",
        );
    }
    if !derived.scratch_volumes.is_empty() {
        warn(
            "shipway::preflight::scratch_volume",
            format!(
                "volume {} is configured at launch for the base service, and empty scratch space for the preview",
                derived.scratch_volumes.join(", ")
            ),
            "nothing is kept in it from one task to the next",
        );
    }
    if let Certificates::Unknown(why) = &found.certificates {
        warn(
            "shipway::preflight::certificate_unknown",
            format!(
                "whether a certificate of the listener is good for the preview's host is not known: {why}"
            ),
            "allow acm:DescribeCertificate, and elasticloadbalancing:DescribeListenerCertificates, to have it looked at",
        );
    }
    let conditions = wanted.routing.conditions(&found.place.base_way);
    let shadow = match (&found.there.rule, &conditions) {
        (Some((rule, _)), Ok(conditions)) => shadowed_by(&found.place.rules, rule, conditions),
        _ => None,
    };
    if let Some(shadow) = shadow {
        warn(
            "shipway::preflight::shadowed",
            format!(
                "rule {} of the listener comes first and takes requests of the preview",
                shadow.priority
            ),
            "give that rule a higher number, or remove the preview with `shipway preview down` and make it again",
        );
    }
    warnings
}
