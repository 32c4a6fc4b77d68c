//! How it went, for whoever tells it: of each service what it was, what it is, what was done, and why not. The reasons are
//! data with a code each; what others wrote stays `Untrusted`.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::size::TaskSize;
use super::{Place, To};
use crate::model::Untrusted;
use crate::model::sleep::NotRead;

/// Of the whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    pub to: To,
    /// Nothing was done: `act` and `now` are what would be.
    pub dry_run: bool,
    /// A signal came.
    pub cancelled: bool,
    /// In the order of Region, cluster and name.
    pub services: Vec<One>,
    /// Regions that could not be looked at.
    pub regions: Vec<RegionFailed>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RegionFailed {
    pub region: String,
    pub failed: Failed,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct One {
    pub region: String,
    pub cluster: String,
    pub service: String,
    /// Desired count before and after.
    pub was: u32,
    pub now: u32,
    pub act: Act,
    /// Why it was left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Of a restored one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slept: Option<Slept>,
    /// Of a task of its; known only where the task definition was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_size: Option<TaskSize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
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
    pub fn word(self) -> &'static str {
        match self {
            Act::Zeroed => "zeroed",
            Act::Restored => "restored",
            Act::Scaled => "scaled",
            Act::Nothing => "nothing",
            Act::Skipped => "skipped",
            Act::Failed => "failed",
            Act::Interrupted => "interrupted",
            Act::NotBegun => "not-begun",
        }
    }

    pub fn is_change(self) -> bool {
        matches!(self, Act::Zeroed | Act::Restored | Act::Scaled)
    }
}

/// For how long, and how many tasks did not run meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Slept {
    pub since: Timestamp,
    pub seconds: u64,
    pub tasks: u32,
}

/// What was not used in that time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Saving {
    pub vcpu_hours: f64,
    pub gb_hours: f64,
}

/// Why a service was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Note {
    /// Autoscaling set the desired count while it slept.
    MovedByAutoscaling { to: u32 },
    /// Somebody changed the desired count while it slept, and `--force` went over it.
    Forced { from: u32 },
    /// The count that was kept is outside today's minimum and maximum.
    Clamped { kept: u32, to: u32 },
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failed {
    /// `shipway::<stage>::<what>`
    pub code: String,
    /// The most telling first. AWS's words are in them.
    pub lines: Vec<Untrusted>,
    #[serde(skip_serializing_if = "Option::is_none")]
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
        Failed::new("shipway::deploy::kept_unreadable", line, Some(help.to_owned()))
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

impl One {
    /// Of a restored one whose task definition was read.
    pub fn saving(&self) -> Option<Saving> {
        let (slept, size) = (self.slept?, self.task_size?);
        let task_hours =
            f64::from(slept.tasks) * Duration::from_secs(slept.seconds).as_secs_f64() / 3600.0;
        Some(Saving {
            vcpu_hours: task_hours * f64::from(size.cpu_units) / 1024.0,
            gb_hours: task_hours * f64::from(size.memory_mib) / 1024.0,
        })
    }
}

impl Outcome {
    pub fn count(&self, act: Act) -> usize {
        self.services.iter().filter(|s| s.act == act).count()
    }

    /// Whether anything was changed in AWS.
    pub fn changed(&self) -> bool {
        !self.dry_run && self.services.iter().any(|s| s.act.is_change())
    }

    /// Of all of them.
    pub fn saving(&self) -> Saving {
        let all = self.services.iter().filter_map(One::saving);
        all.fold(Saving::default(), |sum, one| Saving {
            vcpu_hours: sum.vcpu_hours + one.vcpu_hours,
            gb_hours: sum.gb_hours + one.gb_hours,
        })
    }

    /// The first failure's code.
    pub fn failure_code(&self) -> Option<&str> {
        let services = self.services.iter().filter_map(|s| s.failed.as_ref());
        let regions = self.regions.iter().map(|r| &r.failed);
        regions.chain(services).map(|f| f.code.as_str()).next()
    }

    /// Whether anything failed.
    pub fn failed(&self) -> bool {
        !self.regions.is_empty() || self.count(Act::Failed) > 0
    }
}
