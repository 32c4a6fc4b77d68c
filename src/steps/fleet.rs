//! Many services at once, Region by Region: `pacing` asks AWS no faster than it lets anybody.

pub mod pacing;

use tokio_util::sync::CancellationToken;

use crate::aws::Aws;
use crate::inputs::values::ScaleState;
use pacing::Pacer;

/// A Region with credentials for it.
#[derive(Debug)]
pub struct Region {
    pub name: String,
    /// The pacer repeats, not the SDK.
    pub aws: Aws,
    /// For lists of many pages, of which a later one may be throttled.
    pub lists: Aws,
    pub pacer: Pacer,
    /// The path below which SSM Parameter Store keeps what was; else a tag on each service does.
    pub parameters: Option<String>,
}

impl Region {
    pub fn new(name: &str, aws: Aws, state: &ScaleState, cancel: &CancellationToken) -> Region {
        Region {
            name: name.to_owned(),
            lists: aws.clone(),
            aws: aws.without_retries(),
            pacer: Pacer::new(cancel),
            parameters: match state {
                ScaleState::Tag => None,
                ScaleState::Ssm(path) => Some(path.clone()),
            },
        }
    }

    /// The parameter of a service: `/path/cluster/service`. A Region has its own parameters.
    pub fn parameter(&self, cluster: &str, service: &str) -> Option<String> {
        let path = self.parameters.as_deref()?;
        Some(format!("{path}/{cluster}/{service}"))
    }
}
