//! `shipway preview prune`: previews whose pull request is closed are removed, expired ones are put to sleep (or removed), and
//! so is what is left of an `up` or `down` that broke off. One that fails keeps no other.

use super::list::{reading, row};
use super::{Run, down};
use crate::error::Error;
use crate::inputs::env::Signal;
use crate::model::preview::PreviewState;
use crate::model::verdict::Status;
use crate::plan::preview::decide::Word;
use crate::plan::preview::parts::{ImageTag, Parts};
use crate::plan::preview::prune::{Decision, Kept, Pull, Rules, Why, decide};
use crate::plan::preview::removal::{Removal, RemovalPlan};
use crate::plan::preview::rest;
use crate::report::markdown::{Commit, Preview, State};
use crate::report::previews::{self as table, Done, Row, What};
use crate::report::{Ending, Text};
use crate::steps::ask_pulls::{self, Pulls};
use crate::steps::gather::previews::{self, Previews, Sought};
use crate::steps::pace::Buckets;
use crate::steps::remove_preview::{self, Removed, remove};
use crate::steps::rest_preview::{Rested, rest as carry_out};

pub(super) async fn prune(mut run: Run<'_>) -> u8 {
    let cancel = run.env.cancel.clone();
    let decided = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        decided = decided(&run) => Some(decided),
    };
    let (found, pulls) = match decided {
        None => return run.told.cancelled().await,
        Some(Err(error)) => return run.told.fail(error).await,
        Some(Ok(decided)) => decided,
    };
    let mut pruning = Pruning {
        buckets: Buckets::default(),
        rules: rules(&run),
        changed: false,
        rows: Vec::new(),
    };
    for (parts, pull) in found.sorted.previews.into_iter().zip(&pulls.of_previews) {
        if cancel.is_cancelled() {
            break;
        }
        pruning.one(&run, parts, pull).await;
    }
    let strays = found.sorted.stray_tags.into_iter();
    let strays: Vec<ImageTag> = strays
        .filter(|tag| pulls.closed_strays.contains(&tag.pull_request))
        .collect();
    let mut left = pruning.untag(&run, &strays).await;
    if let Some(error) = &found.no_image_tags {
        run.report.line(
            Text::new()
                .say("image tags were not looked for: ")
                .quote(&error.to_string().into()),
        );
        left = true;
    }
    run.told.outputs.changed = pruning.changed;
    finish(run, pruning.rows, left)
}

/// What is there, and how each pull request stands. In this order: whatever is there had a pull request before GitHub is
/// asked which are open.
async fn decided(run: &Run<'_>) -> Result<(Previews, Pulls), Error> {
    let trigger = run.trigger.as_ref();
    let repository = run.args.preview.repository.as_deref();
    let repository = repository.or(trigger.map(|t| t.repository.as_str()));
    let sought = Sought::of(run.args, repository);
    let found = previews::all(&run.aws, &sought).await?;
    for foreign in &found.sorted.not_ours {
        run.report.line(
            Text::new()
                .say(format!("{} ", foreign.what))
                .code(foreign.name.as_str())
                .say(" has the name of a preview and no tags of one: left alone"),
        );
    }
    let asked = ask_pulls::Sought {
        env: run.env,
        trigger,
        token: run.token.as_ref(),
        repository,
        label: run.args.preview.label.as_deref(),
    };
    let pulls = ask_pulls::ask(&asked, &found.sorted, &run.report).await?;
    Ok((found, pulls))
}

fn rules(run: &Run<'_>) -> Rules {
    let preview = &run.args.preview;
    Rules {
        now: run.env.clock.timestamp(),
        removes_expired: preview.on_expiry == crate::inputs::arguments::OnExpiry::Remove,
        lives_for: jiff::SignedDuration::from_hours(i64::from(preview.expires_after_hours)),
    }
}

struct Pruning {
    buckets: Buckets,
    rules: Rules,
    changed: bool,
    rows: Vec<Row>,
}

impl Pruning {
    async fn one(&mut self, run: &Run<'_>, mut parts: Parts, pull: &Pull) {
        let mut row = row(&parts);
        let (what, why) = match decide(&parts, pull, &self.rules) {
            Decision::Keep(kept) => (What::Kept, words_of_kept(&kept)),
            Decision::Sleep => (What::PutToSleep, "expired".to_owned()),
            Decision::Remove(why) => (What::Removed, self.words_of(run, &why)),
        };
        let done = match what {
            _ if run.args.preview.dry_run => Ok(true),
            What::Kept => Ok(true),
            What::PutToSleep => self.sleep(run, &parts, &why).await.map(|()| true),
            What::Removed => self.remove(run, &mut parts, &why).await,
        };
        if let Err(error) = &done {
            let text = Text::new().say(format!("pull request {}: ", row.pull_request));
            run.report.line(text.quote(&error.to_string().into()));
        }
        let failed = !done.unwrap_or(false);
        row.state = match (what, failed, run.args.preview.dry_run) {
            (What::Removed, false, false) => PreviewState::Removed,
            (What::PutToSleep, false, false) => PreviewState::Asleep,
            (What::Removed, true, _) => PreviewState::Incomplete,
            _ => row.state,
        };
        row.done = Some(Done { what, why, failed });
        self.rows.push(row);
    }

    /// False: something of it is left.
    async fn remove(&mut self, run: &Run<'_>, parts: &mut Parts, why: &str) -> Result<bool, Error> {
        let plan = down::planned(run, parts).await?;
        down::say_what_is_there(&run.report, &parts.of, &plan);
        let (cluster, cancel) = (&run.args.base.cluster, run.env.cancel.token());
        let removed = remove(
            &run.aws,
            cluster,
            &plan,
            &mut self.buckets,
            &run.report,
            cancel,
        )
        .await;
        self.changed |= removed.gone > 0;
        let whole = removed.left.is_empty() && !removed.cancelled;
        let said = |preview: &mut Preview| note_removed(preview, &plan, &removed);
        announce(run, parts, Word::Down, why, whole, said).await;
        Ok(whole)
    }

    async fn sleep(&mut self, run: &Run<'_>, parts: &Parts, why: &str) -> Result<(), Error> {
        run.report.line(
            Text::new()
                .say("preview ")
                .code(parts.of.name())
                .say(" has expired:"),
        );
        let steps = rest::sleep(parts);
        let mut rested = Rested::default();
        let done = carry_out(
            &run.aws,
            &run.args.base.cluster,
            parts,
            &steps,
            &mut self.buckets,
            &run.report,
            &mut rested,
        )
        .await;
        self.changed |= rested.changed;
        done?;
        let now = self.rules.now;
        let said = |preview: &mut Preview| {
            preview.state = PreviewState::Asleep;
            preview.since = Some(now);
        };
        announce(run, parts, Word::Sleep, why, true, said).await;
        Ok(())
    }

    /// Tags of images whose pull request is closed, and of which no preview is left. True: one could not be removed.
    async fn untag(&mut self, run: &Run<'_>, strays: &[ImageTag]) -> bool {
        let removals = strays.iter().filter(|tag| !tag.alone);
        let plan = RemovalPlan {
            removals: removals
                .map(|tag| Removal::ImageTag {
                    repository: tag.repository.clone(),
                    tag: tag.tag.clone(),
                })
                .collect(),
            kept_tag: None,
        };
        if run.args.preview.dry_run {
            for removal in &plan.removals {
                let name = remove_preview::name(removal);
                run.report
                    .line(name.say(" would be removed: pull request closed"));
            }
            return false;
        }
        let (cluster, cancel) = (&run.args.base.cluster, run.env.cancel.token());
        let removed = remove(
            &run.aws,
            cluster,
            &plan,
            &mut self.buckets,
            &run.report,
            cancel,
        )
        .await;
        self.changed |= removed.gone > 0;
        !removed.left.is_empty()
    }

    fn words_of(&self, run: &Run<'_>, why: &Why) -> String {
        match why {
            Why::Merged => "pull request merged".to_owned(),
            Why::Closed => "pull request closed".to_owned(),
            Why::NotLabelled => {
                let label = run.args.preview.label.as_deref().unwrap_or_default();
                format!("no label {label}")
            }
            Why::Expired => "expired".to_owned(),
            Why::Lacks(what) => format!("its {what} is missing"),
        }
    }
}

fn words_of_kept(kept: &Kept) -> String {
    match kept {
        Kept::InUse => "pull request open".to_owned(),
        Kept::Asleep => "pull request open, asleep already".to_owned(),
        Kept::BeingMade(what) => format!("its {what} is missing, and may be on its way"),
        Kept::NotAsked => "GitHub did not say how its pull request stands".to_owned(),
    }
}

fn note_removed(preview: &mut Preview, plan: &RemovalPlan, removed: &Removed) {
    let total = u32::try_from(plan.removals.len()).unwrap_or(u32::MAX);
    preview.state = match removed.left.is_empty() && !removed.cancelled {
        true => PreviewState::Removed,
        false => PreviewState::Incomplete,
    };
    preview.removed = Some((removed.gone, total));
    preview.left = removed.left.iter().map(remove_preview::sentence).collect();
}

/// On the pull request, where it is of the repository that the run is in.
async fn announce(
    run: &Run<'_>,
    parts: &Parts,
    word: Word,
    why: &str,
    went_well: bool,
    say: impl FnOnce(&mut Preview),
) {
    let trigger = run.trigger.as_ref();
    let here = trigger.is_some_and(|t| t.repository.eq_ignore_ascii_case(&parts.of.repository));
    if !here {
        return;
    }
    let mut told = run.telling_of(&parts.of, word, Some(why.into()));
    told.about.commit = parts.commit.as_ref().map(|sha| Commit {
        sha: sha.clone(),
        url: trigger.map(|t| t.commit_url(sha)),
    });
    if let Some(preview) = &mut told.about.preview {
        preview.expires = parts.expires;
        say(preview);
    }
    told.about.state = State::Ended {
        status: match went_well {
            true => Status::NotStarted,
            false => Status::Failed,
        },
        cause: None,
        failure: None,
    };
    told.announce().await;
}

/// The last words: the table, and how many of each.
fn finish(mut run: Run<'_>, rows: Vec<Row>, mut left: bool) -> u8 {
    let reading = reading(&run);
    left |= rows
        .iter()
        .any(|r| r.done.as_ref().is_some_and(|d| d.failed));
    let signal = run.env.cancel.signal();
    let (sign, exit_code) = match (signal, left) {
        (Some(signal), _) => ("🛑", Signal::exit_code(signal)),
        (None, true) => ("❌", 1),
        (None, false) => ("🧹", 0),
    };
    if exit_code == 1 {
        run.told.outputs.failure_code = Some(down::LEFT.to_owned());
    }
    let mut headline = super::list::counted(rows.len(), &run);
    let counts = table::counts(&rows, &reading);
    if !counts.is_empty() {
        headline = headline.say(": ").say(counts);
    }
    if signal.is_some() {
        headline = headline.say("; cancelled before the rest");
    } else if left
        && rows
            .iter()
            .all(|r| r.done.as_ref().is_none_or(|d| !d.failed))
    {
        headline = headline.say("; an image tag is left");
    }
    run.report.answer(&table::table(&rows, &reading));
    run.told.outputs.previews = Some(table::document(&rows, &reading));
    let ending = Ending {
        summary: Some(table::summary(sign, &headline, &rows, &reading)),
        headline,
        exit_code,
    };
    run.report.finish(&run.told.outputs, &ending);
    exit_code
}
