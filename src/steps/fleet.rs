//! Many services at once, Region by Region: `apply` brings each to what its plan says, a few at a time, and goes on when some
//! fail. `keeping` writes down what they were, `moving` does one service's moves, `definitions` knows what their tasks are made
//! of, `pacing` asks AWS no faster than it lets anybody, `ledger` holds how far each came, `telling` says so, `previews` tells
//! pull requests.

pub mod apply;
mod definitions;
mod keeping;
mod ledger;
mod moving;
pub mod pacing;
pub mod previews;
mod target;
pub mod telling;

use tokio_util::sync::CancellationToken;

use crate::aws::{Aws, AwsError};
use crate::error::Error;
use crate::inputs::values::ScaleState;
use crate::model::Untrusted;
use crate::plan::scale::Failed;
use pacing::{Halt, Pacer};

pub use target::with_deployments;

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
            aws: aws.without_retries(),
            lists: aws,
            pacer: Pacer::new(cancel),
            parameters: match state {
                ScaleState::Tag => None,
                ScaleState::Ssm(path) => Some(path.clone()),
            },
        }
    }

    /// The parameter of a service: `/path/cluster/service`, for a Region has its own. `None`: a tag keeps what was.
    pub fn parameter(&self, cluster: &str, service: &str) -> Option<String> {
        let path = self.parameters.as_deref()?;
        Some(format!("{path}/{cluster}/{service}"))
    }
}

/// Why a service, or a part of its way, was not done.
enum Broken {
    /// By a signal.
    Cancelled,
    Failed(Failed),
}

impl From<Halt> for Broken {
    fn from(halt: Halt) -> Broken {
        match halt {
            Halt::Cancelled => Broken::Cancelled,
            Halt::Failed(error) => Broken::Failed(refused(error)),
        }
    }
}

fn refused(error: AwsError) -> Failed {
    failed(&error.into())
}

/// An error among others' successes.
pub fn failed(error: &Error) -> Failed {
    Failed {
        code: error.code(),
        lines: error.chain().into_iter().map(Untrusted::new).collect(),
        help: error.help(),
    }
}
