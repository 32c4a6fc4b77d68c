//! Brings the services of a Region to what their plans say: those of a cluster in tens, some tens at a time, each on its way to
//! its own end. What fails is told, and the rest goes on.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::definitions::Definitions;
use super::ledger::{Ledger, untouched};
use super::telling::Telling;
use super::{Broken, Region, keeping, moving};
use crate::inputs::env::Env;
use crate::plan::scale::{
    Act, Asked, Decision, Found, Moves, Note, One, WhileDeploying, Why, decide,
};
use crate::steps::gather::fleet::again;
use crate::steps::watch::fleet::{Order, watch_fleet};

/// DescribeServices reads so many back at a time.
const TOGETHER: usize = 10;
/// Tens that are being changed at the same time: enough that UpdateService, the slowest, never waits for the others.
const AT_ONCE: usize = 12;
/// How often a deployment that is in the way is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long after a signal what was sent may still be answered: a runner kills ten seconds after its first.
const ANSWER: Duration = Duration::from_secs(5);

/// A service, and what is to be done about it.
#[derive(Debug)]
pub struct Member {
    found: Found,
    decision: Decision,
}

impl Member {
    pub fn plan(found: Found, asked: &Asked) -> Member {
        Member {
            decision: decide(&found, asked),
            found,
        }
    }

    /// As if it had been done.
    pub fn would_be(&self) -> One {
        let mut one = untouched(&self.found);
        match &self.decision {
            Decision::Move(moves) => {
                one.act = moves.act;
                one.now = moves.desired_count.unwrap_or(one.was);
                one.notes.clone_from(&moves.notes);
            }
            other => left(&mut one, other),
        }
        one
    }
}

/// A service on its way.
pub(super) struct Mover {
    /// Its place in the ledger.
    pub at: usize,
    pub found: Found,
    pub moves: Moves,
}

/// What everybody on the way needs.
pub(super) struct Run<'a> {
    pub region: &'a Region,
    pub asked: &'a Asked,
    pub ledger: &'a Ledger<'a>,
    pub definitions: Definitions,
    pub orders: UnboundedSender<Order>,
    pub wait_for: Duration,
    gate: Arc<Semaphore>,
}

/// Of each service, how it went, in the order given.
pub async fn apply(
    region: Region,
    members: Vec<Member>,
    asked: &Asked,
    wait_for_minutes: u16,
    env: &Env,
    telling: &Telling<'_>,
) -> Vec<One> {
    let ledger = Ledger::new(members.iter().map(|m| &m.found), telling);
    let (orders, ordered) = unbounded_channel();
    let all = async {
        let run = Run {
            region: &region,
            asked,
            ledger: &ledger,
            definitions: Definitions::default(),
            orders,
            wait_for: Duration::from_secs(u64::from(wait_for_minutes) * 60),
            gate: Arc::new(Semaphore::new(AT_ONCE)),
        };
        run.all(members).await;
        // With it goes the sender, and so the watching ends.
    };
    tokio::select! {
        biased;
        _ = join(all, watch_fleet(&region, ordered, env.cancel.token())) => {}
        () = env.cancel.lapsed(ANSWER) => {}
    }
    ledger.into_ones()
}

/// What is true of a service that failed on its way.
fn so_far(mut notes: Vec<Note>, not_suspended: bool) -> Vec<Note> {
    notes.retain(|note| match note {
        Note::Suspended { .. } => !not_suspended,
        Note::Resumed { .. } => false,
        _ => true,
    });
    notes
}

fn left(one: &mut One, decision: &Decision) {
    match decision {
        Decision::Leave(why) if why.is_so_already() => {
            one.act = Act::Nothing;
            one.why = Some(why.clone());
        }
        Decision::Leave(why) => {
            one.act = Act::Skipped;
            one.why = Some(why.clone());
        }
        Decision::Fail(failed) => {
            one.act = Act::Failed;
            one.failed = Some(failed.clone());
        }
        Decision::Move(_) => {}
    }
}

impl Run<'_> {
    async fn all(&self, members: Vec<Member>) {
        let (mut movers, mut waiting) = (Vec::new(), Vec::new());
        for (at, Member { found, decision }) in members.into_iter().enumerate() {
            match decision {
                Decision::Move(moves) => movers.push(Mover { at, found, moves }),
                Decision::Leave(Why::Deploying { .. })
                    if self.asked.if_deploying == WhileDeploying::Wait =>
                {
                    waiting.push((at, found));
                }
                other => self.ledger.end(at, |one| left(one, &other)),
            }
        }
        self.ledger.waits_for(waiting.len());
        join(self.move_all(movers), self.wait_and_move(waiting)).await;
    }

    async fn move_all(&self, mut movers: Vec<Mover>) {
        let mut tens: Vec<Vec<Mover>> = Vec::new();
        for mover in movers.drain(..) {
            match tens.last_mut() {
                Some(last)
                    if last.len() < TOGETHER && last[0].found.cluster == mover.found.cluster =>
                {
                    last.push(mover);
                }
                _ => tens.push(vec![mover]),
            }
        }
        let each = stream::iter(tens);
        each.for_each_concurrent(None, |some| self.move_some(some))
            .await;
    }

    /// The gate is passed in the order given, and left when the counts are sent: waiting for tasks is not bounded.
    async fn move_some(&self, mut movers: Vec<Mover>) {
        let Ok(permit) = self.gate.clone().acquire_owned().await else {
            return;
        };
        let permit = Arc::new(permit);
        let kept = keeping::keep(self, &mut movers).await;
        let each = movers.into_iter().zip(kept).map(|(mut mover, kept)| {
            let permit = permit.clone();
            async move {
                let counted = match kept {
                    Ok(()) => moving::to_count(self, &mut mover).await,
                    Err(broken) => Err(broken),
                };
                drop(permit);
                let ended = match counted {
                    Ok(service) => moving::to_the_end(self, &mut mover, service).await,
                    Err(broken) => Err(broken),
                };
                self.end(mover, ended).await;
            }
        });
        let all = join_all(each);
        drop(permit);
        all.await;
    }

    async fn end(&self, mover: Mover, ended: Result<(), Broken>) {
        let failed = match ended {
            Ok(()) => None,
            Err(Broken::Failed(failed)) => Some(failed),
            // The ledger says how far it came.
            Err(Broken::Cancelled) => return,
        };
        let known = self
            .definitions
            .known(self.region, &mover.found.task_definition);
        let size = match mover.moves.act {
            _ if failed.is_some() => None,
            _ => known.await.ok().and_then(|known| known.size),
        };
        self.ledger.end(mover.at, |one| {
            one.act = match failed {
                Some(_) => Act::Failed,
                None => mover.moves.act,
            };
            one.notes = match failed {
                Some(_) => so_far(mover.moves.notes, mover.moves.before.is_some()),
                None => mover.moves.notes,
            };
            let slept = mover.moves.saved.filter(|_| failed.is_none()).map(|saved| {
                let slept = self.asked.now.duration_since(saved.at);
                Duration::try_from(slept).unwrap_or_default()
            });
            one.failed = failed;
            one.slept_for = slept;
            one.size = size;
        });
    }

    /// Deployments that are in the way are waited for, side by side with everything else; then all is decided anew.
    async fn wait_and_move(&self, mut waiting: Vec<(usize, Found)>) {
        let deadline = Instant::now() + self.wait_for;
        let mut moving = FuturesUnordered::new();
        while !waiting.is_empty() {
            tokio::select! {
                biased;
                Some(()) = moving.next() => continue,
                rested = self.region.pacer.rest(LOOK) => if rested.is_err() { break },
            }
            let over = Instant::now() >= deadline;
            match self.look_again(&mut waiting, over).await {
                Ok(movers) => moving.push(self.move_all(movers)),
                Err(Broken::Cancelled) => break,
                Err(Broken::Failed(failed)) => {
                    for (at, _) in waiting.drain(..) {
                        let decision = Decision::Fail(failed.clone());
                        self.ledger.end(at, |one| left(one, &decision));
                    }
                }
            }
        }
        while moving.next().await.is_some() {}
    }

    /// Those that can go now. Of the rest, who waits on stays.
    async fn look_again(
        &self,
        waiting: &mut Vec<(usize, Found)>,
        over: bool,
    ) -> Result<Vec<Mover>, Broken> {
        let before: Vec<Found> = waiting.iter().map(|(_, found)| found.clone()).collect();
        let now = again(self.region, &before, self.asked.to).await?;
        let mut movers = Vec::new();
        let mut still = Vec::new();
        for (at, before) in waiting.drain(..) {
            let same = |f: &&Found| f.cluster == before.cluster && f.service == before.service;
            let Some(found) = now.iter().find(same) else {
                let decision = Decision::Leave(Why::Deleted);
                self.ledger.end(at, |one| left(one, &decision));
                continue;
            };
            match decide(found, self.asked) {
                Decision::Move(moves) => movers.push(Mover {
                    at,
                    found: found.clone(),
                    moves,
                }),
                Decision::Leave(Why::Deploying { .. }) if !over => still.push((at, before)),
                other => self.ledger.end(at, |one| left(one, &other)),
            }
        }
        *waiting = still;
        Ok(movers)
    }
}
