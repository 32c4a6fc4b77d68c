//! What is done about one service: (found, asked) → moves in their order, or why it is left alone.
//!
//! Down: keep what was → the scalable target to minimum 0, suspended → desired count 0. Up: desired count → healthy → the
//! scalable target as it was → forget. Each move is left out where it is so already, so that an interrupted run is completed
//! by the next one, and a completed one is not repeated.

use crate::model::autoscaling::{Bounds, ScalingActivity, SuspendedState};
use crate::model::names::Arn;
use crate::model::sleep::{Saved, TAGS_MAX};

use super::outcome::{Act, CannotKeep, Failed, Note, Why};
use super::{Asked, Found, Place, To, WhileDeploying};

#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Move(Moves),
    Leave(Why),
    /// Nothing can be done about it before a person did.
    Fail(Failed),
}

/// What is done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct Moves {
    /// What it comes to.
    pub act: Act,
    /// Written and read back before anything else.
    pub keep: Option<Saved>,
    /// Where nothing can be kept, it may go without.
    pub or_without: bool,
    /// The scalable target, before the count.
    pub before: Option<Bounds>,
    pub desired_count: Option<u32>,
    /// Wait until so many are healthy.
    pub healthy: Option<u32>,
    /// The scalable target, afterwards.
    pub after: Option<Bounds>,
    /// Remove what was kept, and where.
    pub forget: Option<Place>,
    /// What was kept of a service that is restored.
    pub saved: Option<Saved>,
    pub notes: Vec<Note>,
}

pub fn decide(found: &Found, asked: &Asked) -> Decision {
    match moves(found, asked) {
        Ok(moves) => Decision::Move(moves),
        Err(Left::Leave(why)) => Decision::Leave(why),
        Err(Left::Fail(failed)) => Decision::Fail(failed),
    }
}

/// It is left alone.
enum Left {
    Leave(Why),
    Fail(Failed),
}

fn moves(found: &Found, asked: &Asked) -> Result<Moves, Left> {
    if found.express {
        return Err(Left::Leave(Why::Express));
    }
    if found.daemon {
        return Err(Left::Leave(Why::Daemon));
    }
    if let Some(kept) = &found.kept
        && let Err(why) = &kept.saved
    {
        return Err(Left::Fail(Failed::not_read(&kept.place, why)));
    }
    let mut moves = match asked.to {
        To::Zero => down(found, asked)?,
        To::Restore => up(found, asked)?,
        To::Count(count) => to_count(found, asked, count)?,
    };
    if !found.deploying.is_empty() {
        moves.notes.push(Note::WhileDeploying);
    }
    Ok(moves)
}

fn down(found: &Found, asked: &Asked) -> Result<Moves, Left> {
    if found.keep_awake {
        return Err(Left::Leave(Why::KeepAwake));
    }
    if found.desired_count == 0 {
        return Err(Left::Leave(match found.saved() {
            Some(saved) => Why::AsleepAlready { since: saved.at },
            None => Why::ZeroAlready,
        }));
    }
    not_deploying(found, asked)?;
    let changed = unless_changed(found, asked)?;
    if let Some(autoscaling) = &found.autoscaling
        && autoscaling.scheduled_actions > 0
        && !autoscaling.bounds.suspended.scheduled_scaling
        && !asked.suspend_scheduled
    {
        return Err(Left::Leave(Why::ScheduledActions {
            count: autoscaling.scheduled_actions,
        }));
    }
    let saved = match (found.saved(), changed) {
        // Interrupted, or lifted by autoscaling: what was kept is how it was.
        (Some(_), Changed::No | Changed::ByAutoscaling) => None,
        // A person's count is what it shall come back to; bounds that we had set are no one's wish.
        (Some(kept), Changed::Forced) => Some(Saved::new(
            found.desired_count,
            found.bounds().map(|today| restored(kept.bounds, today)),
            asked.now,
            asked.run,
        )),
        (None, _) => Some(Saved::new(
            found.desired_count,
            found.bounds(),
            asked.now,
            asked.run,
        )),
    };
    // Without a place for them, counts can be given by hand; bounds cannot.
    let or_without = asked.default_count.is_some() && found.autoscaling.is_none();
    let mut notes = changed.notes(found);
    let keep = match (saved, cannot_keep(found, asked)) {
        (Some(_), Some(_)) if or_without => {
            notes.push(Note::NothingKept);
            None
        }
        (Some(_), Some(why)) => {
            return Err(Left::Fail(Failed::cannot_keep(&Place::Tag, why)));
        }
        (saved, _) => saved,
    };
    let before = found.bounds().and_then(|today| {
        let asleep = asleep(today, asked.suspend_scheduled);
        (asleep != today).then_some((today, asleep))
    });
    if let Some((today, asleep)) = before {
        notes.push(Note::Suspended {
            min: today.min,
            max: today.max,
            scheduled: asleep.suspended.scheduled_scaling && !today.suspended.scheduled_scaling,
        });
    }
    // Kept anew elsewhere: what stays in the tag would be taken for the truth one day.
    let elsewhere = keep.is_some() && !asked.keep_in_tag;
    let left_behind = found.kept.as_ref().map(|kept| kept.place.clone());
    Ok(Moves {
        act: Act::Zeroed,
        keep,
        or_without,
        before: before.map(|(_, asleep)| asleep),
        desired_count: Some(0),
        healthy: None,
        after: None,
        forget: left_behind.filter(|place| elsewhere && *place == Place::Tag),
        saved: None,
        notes,
    })
}

fn up(found: &Found, asked: &Asked) -> Result<Moves, Left> {
    let Some(saved) = found.saved() else {
        return up_to_default(found, asked);
    };
    not_deploying(found, asked)?;
    let changed = unless_changed(found, asked)?;
    let bounds = found.bounds().map(|today| restored(saved.bounds, today));
    let mut wanted = clamped(saved.desired_count, bounds);
    if changed == Changed::ByAutoscaling {
        // It is up already, and how far is autoscaling's to say.
        wanted = wanted.max(found.desired_count);
    }
    let mut notes = changed.notes(found);
    if wanted != saved.desired_count && changed != Changed::ByAutoscaling {
        notes.push(Note::Clamped {
            kept: saved.desired_count,
            to: wanted,
        });
    }
    match (saved.bounds, found.bounds()) {
        (Some(_), None) => notes.push(Note::ScalableTargetGone),
        (Some(kept), Some(_)) if bounds != Some(kept) => notes.push(Note::BoundsChanged),
        (Some(kept), Some(_)) => notes.push(Note::Resumed {
            min: kept.min,
            max: kept.max,
        }),
        (None, _) => {}
    }
    Ok(Moves {
        act: Act::Restored,
        keep: None,
        or_without: false,
        before: None,
        desired_count: (wanted != found.desired_count).then_some(wanted),
        healthy: (asked.wait && wanted > 0).then_some(wanted),
        after: bounds.filter(|bounds| Some(*bounds) != found.bounds()),
        forget: found.kept.as_ref().map(|kept| kept.place.clone()),
        saved: Some(*saved),
        notes,
    })
}

/// Nothing was kept of it.
fn up_to_default(found: &Found, asked: &Asked) -> Result<Moves, Left> {
    if found.desired_count > 0 {
        return Err(Left::Leave(Why::AwakeAlready));
    }
    let Some(count) = asked.default_count else {
        return Err(Left::Leave(Why::NothingKept));
    };
    not_deploying(found, asked)?;
    let wanted = clamped(count, found.bounds());
    let mut notes = Vec::new();
    if wanted != count {
        notes.push(Note::Clamped {
            kept: count,
            to: wanted,
        });
    }
    if found.bounds().is_some_and(|b| is_suspended(&b.suspended)) {
        notes.push(Note::StillSuspended);
    }
    Ok(Moves {
        act: Act::Restored,
        desired_count: Some(wanted),
        healthy: asked.wait.then_some(wanted),
        ..Moves::none(notes)
    })
}

fn to_count(found: &Found, asked: &Asked, count: u32) -> Result<Moves, Left> {
    if found.desired_count == count {
        return Err(Left::Leave(Why::CountAlready { count }));
    }
    if let Some(saved) = found.saved()
        && !asked.force
    {
        return Err(Left::Leave(Why::Asleep { since: saved.at }));
    }
    not_deploying(found, asked)?;
    if let Some(bounds) = found.bounds()
        && bounds.clamp(count) != count
    {
        return Err(Left::Fail(Failed::out_of_bounds(
            count, bounds.min, bounds.max,
        )));
    }
    Ok(Moves {
        act: Act::Scaled,
        desired_count: Some(count),
        healthy: (asked.wait && count > found.desired_count).then_some(count),
        ..Moves::none(Vec::new())
    })
}

impl Moves {
    fn none(notes: Vec<Note>) -> Moves {
        Moves {
            act: Act::Nothing,
            keep: None,
            or_without: false,
            before: None,
            desired_count: None,
            healthy: None,
            after: None,
            forget: None,
            saved: None,
            notes,
        }
    }
}

fn not_deploying(found: &Found, asked: &Asked) -> Result<(), Left> {
    if found.deploying.is_empty() || asked.if_deploying == WhileDeploying::Force {
        return Ok(());
    }
    Err(Left::Leave(Why::Deploying {
        ids: found.deploying.clone(),
    }))
}

/// Whether the desired count is another than Shipway left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changed {
    No,
    ByAutoscaling,
    Forced,
}

impl Changed {
    fn notes(self, found: &Found) -> Vec<Note> {
        match self {
            Changed::No => Vec::new(),
            Changed::ByAutoscaling => vec![Note::MovedByAutoscaling {
                to: found.desired_count,
            }],
            Changed::Forced => vec![Note::Forced {
                from: found.desired_count,
            }],
        }
    }
}

fn unless_changed(found: &Found, asked: &Asked) -> Result<Changed, Left> {
    let Some(saved) = in_question(found) else {
        return Ok(Changed::No);
    };
    if found.moved_by_autoscaling {
        return Ok(Changed::ByAutoscaling);
    }
    if asked.force {
        return Ok(Changed::Forced);
    }
    Err(Left::Leave(Why::ChangedMeanwhile {
        kept: saved.desired_count,
        now: found.desired_count,
        since: saved.at,
    }))
}

/// What was kept, where the desired count is neither 0 nor what a restoring makes of it: somebody, or something, set it. At
/// the kept count a run was interrupted before it came to 0 or after it came back, or somebody did by hand what restoring
/// does: either way it is as it was before it slept.
pub fn in_question(found: &Found) -> Option<&Saved> {
    let saved = found.saved()?;
    let bounds = found.bounds().map(|today| restored(saved.bounds, today));
    let now = found.desired_count;
    (now != 0 && now != saved.desired_count && now != clamped(saved.desired_count, bounds))
        .then_some(saved)
}

/// Whether autoscaling set the desired count since then: by its activities or, where they cannot be read (`None`), because the
/// count is a minimum that we did not leave there.
pub fn moved_by_autoscaling(found: &Found, activities: Option<&[ScalingActivity]>) -> bool {
    let Some(saved) = in_question(found) else {
        return false;
    };
    let now = found.desired_count;
    match activities {
        Some(activities) => activities.iter().any(|a| a.set(now, saved.at)),
        None => found.bounds().is_some_and(|b| b.min > 0 && b.min == now),
    }
}

fn cannot_keep(found: &Found, asked: &Asked) -> Option<CannotKeep> {
    let ours = usize::from(found.kept.as_ref().is_some_and(|k| k.place == Place::Tag));
    if !asked.keep_in_tag {
        return None;
    }
    if is_short_arn(&found.arn) {
        return Some(CannotKeep::ShortArn);
    }
    (found.tags - ours.min(found.tags) >= TAGS_MAX).then_some(CannotKeep::TooManyTags)
}

/// `…:service/web` without the cluster: such services cannot be tagged.
fn is_short_arn(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.resource.matches('/').count() < 2)
}

fn clamped(count: u32, bounds: Option<Bounds>) -> u32 {
    bounds.map_or(count, |b| b.clamp(count))
}

/// The scalable target of a sleeping service. Its maximum stays, so that nothing of it needs to be known to lift it again.
fn asleep(today: Bounds, suspend_scheduled: bool) -> Bounds {
    Bounds {
        min: 0,
        max: today.max,
        suspended: SuspendedState {
            dynamic_scaling_in: true,
            dynamic_scaling_out: true,
            scheduled_scaling: today.suspended.scheduled_scaling || suspend_scheduled,
        },
    }
}

/// As it was, save what somebody changed while it slept: that stays.
fn restored(kept: Option<Bounds>, today: Bounds) -> Bounds {
    let Some(kept) = kept else { return today };
    let dynamic = match is_suspended(&today.suspended) {
        true => kept.suspended,
        false => today.suspended,
    };
    Bounds {
        min: match today.min {
            0 => kept.min.min(today.max),
            theirs => theirs,
        },
        max: today.max,
        suspended: SuspendedState {
            // Ours may have been set without the others being ours still; one that is not set any more was resumed by somebody.
            scheduled_scaling: kept.suspended.scheduled_scaling
                && today.suspended.scheduled_scaling,
            ..dynamic
        },
    }
}

fn is_suspended(state: &SuspendedState) -> bool {
    state.dynamic_scaling_in && state.dynamic_scaling_out
}
