//! What was asked, out of the arguments, in the plan's words.

use crate::inputs::arguments::{self, ScaleArgs};
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::inputs::values::{ScaleState, ScaleTo};
use crate::plan::scale::selection::Selection;
use crate::plan::scale::{Asked, To, WhileDeploying};

pub(super) fn to(args: &ScaleArgs) -> To {
    match args.to {
        ScaleTo::Count(0) => To::Zero,
        ScaleTo::Count(count) => To::Count(count),
        ScaleTo::Restore => To::Restore,
    }
}

pub(super) fn asked(args: &ScaleArgs, env: &Env, trigger: Option<&Trigger>) -> Asked {
    let careful = &args.careful;
    Asked {
        to: to(args),
        if_deploying: match careful.if_deploying {
            arguments::WhileDeploying::Skip => WhileDeploying::Skip,
            arguments::WhileDeploying::Wait => WhileDeploying::Wait,
            arguments::WhileDeploying::Force => WhileDeploying::Force,
        },
        suspend_scheduled: careful.suspend_scheduled,
        force: careful.force,
        default_count: careful.default_count,
        wait: careful.wait_for_minutes > 0,
        keep_in_tag: careful.state == ScaleState::Tag,
        now: env.clock.timestamp(),
        run: trigger.and_then(|t| t.run_id),
    }
}

pub(super) fn selection(args: &ScaleArgs) -> Selection {
    let selection = &args.selection;
    let once = |words: &[String]| {
        let mut words = words.to_vec();
        words.sort();
        words.dedup();
        words
    };
    let tags = selection.resource_tags.iter();
    Selection {
        services: once(&selection.services),
        clusters: once(&selection.clusters),
        tags: tags.map(|t| (t.key.clone(), t.value.clone())).collect(),
        except: once(&selection.except),
    }
}
