//! AWS Certificate Manager: certificates that are there, to read. Knows the names that each is good for. Does not know keys:
//! the data plane speaks no TLS.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::shapes::{epoch_seconds, text};
use crate::world::{Answer, ApiError, Operation, Place, World};

pub const OPERATIONS: &[Operation] = &[Operation {
    service: "acm",
    name: "DescribeCertificate",
    function: describe_certificate,
    resources: |_, input| vec![text(input, "CertificateArn").unwrap_or("*").to_owned()],
}];

/// What listeners have whose world file names no certificate.
pub const USUAL: &str = "example.com";
/// How long one that ACM issues is good for.
const LIFETIME: Duration = Duration::from_secs(395 * 24 * 3600);

/// A certificate as a world file writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CertificateSpec {
    /// Also what listeners of the world file call it.
    pub domain_name: String,
    /// Further names; the first one is among them anyway.
    pub names: Vec<String>,
    /// ISSUED without it.
    pub status: Option<String>,
}

pub struct Certificate {
    pub arn: String,
    pub domain_name: String,
    pub names: Vec<String>,
    pub status: String,
    pub created: SystemTime,
}

#[derive(Default)]
pub struct Acm {
    /// By ARN.
    pub certificates: BTreeMap<String, Certificate>,
}

impl Acm {
    pub fn from_specs(specs: &[CertificateSpec], place: &Place, now: SystemTime) -> Acm {
        let usual = CertificateSpec {
            domain_name: USUAL.to_owned(),
            names: vec![format!("*.{USUAL}")],
            status: None,
        };
        let named = specs.iter().any(|spec| spec.domain_name == USUAL);
        let mut acm = Acm::default();
        for spec in specs.iter().chain((!named).then_some(&usual)) {
            let mut names = vec![spec.domain_name.clone()];
            names.extend(
                spec.names
                    .iter()
                    .filter(|n| **n != spec.domain_name)
                    .cloned(),
            );
            let arn = arn(place, &spec.domain_name);
            let certificate = Certificate {
                arn: arn.clone(),
                domain_name: spec.domain_name.clone(),
                names,
                status: spec.status.clone().unwrap_or_else(|| "ISSUED".to_owned()),
                created: now,
            };
            acm.certificates.insert(arn, certificate);
        }
        acm
    }
}

/// The id follows from the name, so that a world file needs none.
pub fn arn(place: &Place, domain_name: &str) -> String {
    use sha2::Digest;
    let hash = hex::encode(sha2::Sha256::digest(domain_name));
    let id = [
        &hash[..8],
        &hash[8..12],
        &hash[12..16],
        &hash[16..20],
        &hash[20..32],
    ]
    .join("-");
    format!(
        "arn:{}:acm:{}:{}:certificate/{id}",
        place.partition, place.region, place.account
    )
}

fn describe_certificate(world: &mut World, input: &Value) -> Answer {
    let arn = text(input, "CertificateArn").unwrap_or_default();
    let Some(certificate) = world.acm.certificates.get(arn) else {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!(
                "Could not find certificate {arn} in account {}.",
                world.place.account
            ),
        ));
    };
    let listeners = world.elbv2.listeners.values();
    let users: Vec<&str> = listeners
        .filter(|l| l.certificates.iter().any(|c| c == arn))
        .map(|l| l.load_balancer.as_str())
        .collect();
    let mut shown = json!({
        "CertificateArn": certificate.arn, "DomainName": certificate.domain_name,
        "SubjectAlternativeNames": certificate.names, "Subject": format!("CN={}", certificate.domain_name),
        "Status": certificate.status, "Type": "AMAZON_ISSUED", "KeyAlgorithm": "RSA_2048",
        "CreatedAt": epoch_seconds(certificate.created), "InUseBy": users,
        "RenewalEligibility": if users.is_empty() { "INELIGIBLE" } else { "ELIGIBLE" },
        "Options": { "CertificateTransparencyLoggingPreference": "ENABLED" },
    });
    if certificate.status == "ISSUED" {
        shown["Issuer"] = json!("Amazon");
        shown["SignatureAlgorithm"] = json!("SHA256WITHRSA");
        shown["IssuedAt"] = epoch_seconds(certificate.created);
        shown["NotBefore"] = epoch_seconds(certificate.created);
        shown["NotAfter"] = epoch_seconds(certificate.created + LIFETIME);
    }
    Ok(json!({ "Certificate": shown }))
}
