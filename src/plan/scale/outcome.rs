//! How it went, for whoever tells it: of each service what it was, what it is, what was done, and why not. The reasons are
//! data with a code each; what others wrote stays `Untrusted`.

use std::time::Duration;

use super::size::TaskSize;
use super::{Place, To};
use crate::model::Untrusted;
use crate::model::preview::PreviewOf;
use crate::model::sleep::NotRead;
use jiff::Timestamp;

/// Of the whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub to: To,
    /// Nothing was done: `act` and `now` are what would be.
    pub dry_run: bool,
    /// A signal came before all was done.
    pub cancelled: bool,
    /// In the order of Region, cluster and name.
    pub services: Vec<One>,
    /// Regions that could not be looked at.
    pub regions: Vec<(String, Failed)>,
}

/// One service.
#[derive(Clone, Debug, PartialEq)]
pub struct One {
    pub region: String,
    pub cluster: String,
    pub service: String,
    /// Where it is one of a pull request.
    pub preview: Option<PreviewOf>,
    /// Desired count before and after.
    pub was: u32,
    pub now: u32,
    pub act: Act,
    /// Why it was left alone.
    pub why: Option<Why>,
    pub failed: Option<Failed>,
    pub notes: Vec<Note>,
    /// Of a restored one.
    pub slept_for: Option<Duration>,
    /// Of a task of its, where its task definition could be read.
    pub size: Option<TaskSize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To 0, with what it was kept.
    Zeroed,
    /// As it was before.
    Restored,
    /// To another count.
    Scaled,
    /// It was so already.
    Nothing,
    Skipped,
    Failed,
    /// A signal came while it was being changed: the next run completes it.
    Interrupted,
    /// A signal came before it was begun.
    NotBegun,
}

impl Act {
    pub fn is_change(self) -> bool {
        matches!(self, Act::Zeroed | Act::Restored | Act::Scaled)
    }
}

/// Why a service was left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    KeepAwake,
    Daemon,
    Express,
    Deploying {
        ids: Vec<String>,
    },
    ScheduledActions {
        count: usize,
    },
    /// Since it went to sleep, and not by autoscaling.
    ChangedMeanwhile {
        kept: u32,
        now: u32,
        since: Timestamp,
    },
    /// `--to N` of a service whose state is kept.
    Asleep {
        since: Timestamp,
    },
    /// At 0, and nothing was kept.
    NothingKept,
    /// A preview that was put to sleep as one: its rule answers in its place, and is not ours.
    SleepingPreview,
    /// While its deployment was waited for.
    Deleted,
    // From here on it is so already.
    AsleepAlready {
        since: Timestamp,
    },
    ZeroAlready,
    AwakeAlready,
    CountAlready {
        count: u32,
    },
}

impl Why {
    /// Whether it is as it was asked for.
    pub fn is_so_already(&self) -> bool {
        matches!(
            self,
            Why::AsleepAlready { .. }
                | Why::ZeroAlready
                | Why::AwakeAlready
                | Why::CountAlready { .. }
        )
    }
}

/// What else a reader should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Autoscaling set the desired count while it slept.
    MovedByAutoscaling { to: u32 },
    /// Somebody changed the desired count while it slept, and `--force` went over it.
    Forced { from: u32 },
    /// The count that was kept is outside today's minimum and maximum.
    Clamped { kept: u32, to: u32 },
    /// Its scalable target, as it was, is suspended; with its scheduled actions, where it has some that were not yet.
    Suspended { min: u32, max: u32, scheduled: bool },
    /// Its scalable target is as it was.
    Resumed { min: u32, max: u32 },
    /// The scalable target was there when it went to sleep.
    ScalableTargetGone,
    /// Minimum, maximum or suspension were changed while it slept: what was changed stays.
    BoundsChanged,
    /// `--default-count`: its scalable target is still suspended, and nothing says how it was.
    StillSuspended,
    /// Where nothing could be kept: `--default-count` has to be given to restore it.
    NothingKept,
    /// A deployment was on its way.
    WhileDeploying,
    /// Whether the image is still there could not be looked up.
    ImageUnseen { permission: String },
    /// A newer deployment took over while it was waited for.
    Superseded,
    /// Tasks or targets could not be seen, so their number is all that was waited for.
    HealthUnseen { permission: String },
}

/// What went wrong, by its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// `shipway::<stage>::<what>`
    pub code: String,
    /// The most telling first. AWS's words are in them.
    pub lines: Vec<Untrusted>,
    pub help: Option<String>,
}

/// Why what was could not be kept, or is not what this version reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CannotKeep {
    ShortArn,
    TooManyTags,
    /// AWS refused.
    Refused(String),
    /// It was written, and something else was read back.
    NotReadBack,
}

/// Another way than a tag.
const OTHERWISE: &str = "keep it elsewhere with `state: ssm:/path`, or give `default-count`, with which services without autoscaling go to 0 and come back without it";

impl Failed {
    pub fn new(code: &str, line: impl Into<String>, help: Option<String>) -> Failed {
        Failed {
            code: code.to_owned(),
            lines: vec![Untrusted::new(line)],
            help,
        }
    }

    pub fn cannot_keep(place: &Place, why: CannotKeep) -> Failed {
        let what = match &why {
            CannotKeep::ShortArn => {
                "its ARN has the old short form, and such services take no tags".to_owned()
            }
            CannotKeep::TooManyTags => "it has 50 tags already".to_owned(),
            CannotKeep::Refused(error) => error.clone(),
            CannotKeep::NotReadBack => "what was written was not read back".to_owned(),
        };
        let (line, help) = match place {
            Place::Tag => (
                format!("what it was could not be kept in a tag: {what}. It was left as it is."),
                Some(OTHERWISE.to_owned()),
            ),
            Place::Parameter(name) => (
                format!("what it was could not be kept in parameter {name}: {what}. It was left as it is."),
                Some(
                    "allow ssm:PutParameter, ssm:GetParameters and ssm:DeleteParameter below the path"
                        .to_owned(),
                ),
            ),
        };
        Failed::new("shipway::deploy::not_kept", line, help)
    }

    pub fn not_read(place: &Place, why: &NotRead) -> Failed {
        let whose = match why {
            NotRead::Version => "was written by another version of Shipway",
            NotRead::Form => "is none that Shipway writes",
        };
        let (line, help) = match place {
            Place::Tag => (
                format!("the value of its tag shipway:scale {whose}. It was left as it is."),
                "use that version, or remove the tag once the service is as it should be",
            ),
            Place::Parameter(name) => (
                format!("the value of parameter {name} {whose}. It was left as it is."),
                "use that version, or delete the parameter once the service is as it should be",
            ),
        };
        Failed::new(
            "shipway::deploy::kept_unreadable",
            line,
            Some(help.to_owned()),
        )
    }

    pub fn out_of_bounds(count: u32, min: u32, max: u32) -> Failed {
        Failed::new(
            "shipway::deploy::out_of_bounds",
            format!(
                "{count} is outside of its scalable target's minimum {min} and maximum {max}, so autoscaling would undo it."
            ),
            Some("give a count between them, or change the scalable target first".to_owned()),
        )
    }
}

impl Outcome {
    pub fn none(to: To, dry_run: bool) -> Outcome {
        Outcome {
            to,
            dry_run,
            cancelled: false,
            services: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// Whether anything was changed in AWS.
    pub fn changed(&self) -> bool {
        let changed = |s: &One| s.act.is_change() || s.act == Act::Interrupted;
        !self.dry_run && self.services.iter().any(changed)
    }

    /// What failed, Regions first.
    pub fn failures(&self) -> impl Iterator<Item = &Failed> {
        let services = self.services.iter().filter_map(|s| s.failed.as_ref());
        self.regions
            .iter()
            .map(|(_, failed)| failed)
            .chain(services)
    }
}
