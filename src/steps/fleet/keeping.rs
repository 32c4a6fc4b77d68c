//! Writes down what services were, reads it back, and removes it: in a tag on each, or in SSM Parameter Store.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::apply::{Mover, Run};
use super::pacing::{Halt, Lane};
use super::{Broken, Region};
use crate::aws::Failure;
use crate::model::sleep::{SCALE, Saved};
use crate::plan::scale::outcome::CannotKeep;
use crate::plan::scale::{Failed, Found, Note, Place};

/// A read may be older than the write before it: so often it is repeated, and so long is between.
const READS: u32 = 4;
const BETWEEN: Duration = Duration::from_secs(2);

/// Of services of one cluster, at most ten. The answers are in their order: of those that have nothing to keep, all is well.
pub async fn keep(run: &Run<'_>, movers: &mut [Mover]) -> Vec<Result<(), Broken>> {
    let writes = movers.iter().map(|mover| async {
        let Some(saved) = &mover.moves.keep else {
            return Ok(());
        };
        run.ledger.begin(mover.at);
        write(run.region, &mover.found, saved).await
    });
    let mut kept: Vec<Result<(), Broken>> = Vec::new();
    for (mover, written) in movers.iter().zip(join_all(writes).await) {
        kept.push(written.map_err(|halt| match halt {
            Halt::Cancelled => Broken::Cancelled,
            Halt::Failed(error) => match error.failure {
                Failure::Denied { .. } | Failure::Refused { .. } => {
                    let place = place(run.region, &mover.found);
                    let why = CannotKeep::Refused(error.to_string());
                    Broken::Failed(Failed::cannot_keep(&place, why))
                }
                _ => Broken::from(Halt::Failed(error)),
            },
        }));
    }
    for (mover, kept) in movers.iter_mut().zip(&mut kept) {
        if let (Err(Broken::Failed(_)), true) = (&*kept, mover.moves.or_without) {
            mover.moves.keep = None;
            mover.moves.notes.push(Note::NothingKept);
            *kept = Ok(());
        }
    }
    read_back(run, movers, &mut kept).await;
    kept
}

async fn read_back(run: &Run<'_>, movers: &[Mover], kept: &mut [Result<(), Broken>]) {
    for read in 1..=READS {
        let unread: Vec<usize> = (0..movers.len())
            .filter(|n| movers[*n].moves.keep.is_some() && kept[*n].is_ok())
            .collect();
        if unread.is_empty() {
            return;
        }
        let found: Vec<&Found> = unread.iter().map(|n| &movers[*n].found).collect();
        let texts = match texts(run.region, &found).await {
            Ok(texts) => texts,
            Err(halt) => {
                for n in unread {
                    kept[n] = Err(same(&halt));
                }
                return;
            }
        };
        let missing: Vec<usize> = unread
            .into_iter()
            .filter(|n| {
                let mover = &movers[*n];
                let written = mover.moves.keep.as_ref().map(Saved::text);
                texts.get(mover.found.service.as_str()) != written.as_ref()
            })
            .collect();
        if missing.is_empty() {
            return;
        }
        if read == READS || run.region.pacer.rest(BETWEEN).await.is_err() {
            for n in missing {
                let place = place(run.region, &movers[n].found);
                let failed = Failed::cannot_keep(&place, CannotKeep::NotReadBack);
                kept[n] = Err(Broken::Failed(failed));
            }
            return;
        }
    }
}

fn same(halt: &Halt) -> Broken {
    match halt {
        Halt::Cancelled => Broken::Cancelled,
        Halt::Failed(error) => Broken::Failed(super::refused(error.clone())),
    }
}

fn place(region: &Region, found: &Found) -> Place {
    match region.parameter(&found.cluster, &found.service) {
        Some(name) => Place::Parameter(name),
        None => Place::Tag,
    }
}

async fn write(region: &Region, found: &Found, saved: &Saved) -> Result<(), Halt> {
    let text = saved.text();
    match place(region, found) {
        Place::Parameter(name) => {
            let send = || region.aws.ssm.put_parameter(&name, &text);
            region.pacer.call(Lane::Parameters, send).await
        }
        Place::Tag => {
            let tags = [(SCALE.to_owned(), text)];
            let send = || region.aws.ecs.tag_resource(&found.arn, &tags);
            region.pacer.call(Lane::Tags, send).await
        }
    }
}

/// What stands there now, by the services' names. They are of one cluster.
async fn texts(region: &Region, of: &[&Found]) -> Result<BTreeMap<String, String>, Halt> {
    let names: Vec<String> = of.iter().map(|f| f.service.clone()).collect();
    let parameters: Vec<String> = of
        .iter()
        .filter_map(|f| region.parameter(&f.cluster, &f.service))
        .collect();
    if parameters.is_empty() {
        let cluster = &of[0].cluster;
        let send = || region.aws.ecs.describe_services_and_tags(cluster, &names);
        let services = region.pacer.call(Lane::Services, send).await?;
        let text = |tags: Vec<(String, String)>| tags.into_iter().find(|(k, _)| k == SCALE);
        return Ok(services
            .into_iter()
            .filter_map(|s| Some((s.name, text(s.tags)?.1)))
            .collect());
    }
    let send = || region.aws.ssm.get_parameters(&parameters);
    let values = region.pacer.call(Lane::Reads, send).await?;
    let values: BTreeMap<String, String> = values.into_iter().collect();
    Ok(names
        .into_iter()
        .zip(parameters)
        .filter_map(|(name, parameter)| Some((name, values.get(&parameter)?.clone())))
        .collect())
}

/// The last move: from here on it is as if it had never slept.
pub async fn forget(region: &Region, found: &Found, place: &Place) -> Result<(), Halt> {
    match place {
        Place::Parameter(name) => {
            let send = || region.aws.ssm.delete_parameter(name);
            region.pacer.call(Lane::Parameters, send).await
        }
        Place::Tag => {
            let send = || region.aws.ecs.untag_resource(&found.arn, &[SCALE]);
            region.pacer.call(Lane::Tags, send).await
        }
    }
}
