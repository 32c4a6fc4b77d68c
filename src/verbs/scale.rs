//! `shipway scale`: gather → plan → apply → watch → announce, of many services: to zero, and back exactly as they were.

mod asked;
mod ending;

use std::sync::Arc;

use futures_util::future::join_all;

use crate::error::Error;
use crate::inputs::arguments::ScaleArgs;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::plan::scale::selection::{Selection, Tally};
use crate::plan::scale::{Act, Asked, Decision, One, Outcome, RegionFailed, decide};
use crate::report::{Phase, Report, Text};
use crate::steps::access;
use crate::steps::fleet::{self, Region, Service};
use crate::steps::gather::fleet::{Fleet, gather};
use crate::steps::start;

/// What is known so far, for the last words.
struct Scale<'a> {
    args: &'a ScaleArgs,
    env: &'a Env,
    report: Arc<Report>,
    outcome: Outcome,
}

pub async fn scale(args: &ScaleArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let mut scale = Scale {
        args,
        env: &env,
        report,
        outcome: Outcome::none(asked::to(args), args.careful.dry_run),
    };
    let told = scale.story().await;
    scale.finish(told)
}

impl Scale<'_> {
    async fn story(&mut self) -> Result<(), Error> {
        let selection = asked::selection(self.args);
        selection.check()?;
        let trigger = Trigger::read(self.env)?;
        let asked = asked::asked(self.args, self.env, trigger.as_ref());
        let cancel = self.env.cancel.clone();
        let services = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                self.outcome.cancelled = true;
                return Ok(());
            }
            services = self.prepare(&selection, &asked, trigger.as_ref()) => services?,
        };
        if self.args.careful.dry_run {
            self.outcome.services = services.iter().flat_map(|(_, s)| s).map(Service::would_be).collect();
            self.tell_plan();
            return Ok(());
        }
        self.apply(services, &asked).await;
        Ok(())
    }

    /// Access, gather, plan, of all Regions at once.
    async fn prepare(
        &mut self,
        selection: &Selection,
        asked: &Asked,
        trigger: Option<&Trigger>,
    ) -> Result<Vec<(Region, Vec<Service>)>, Error> {
        self.report.started(Phase::Fleet);
        let mut names = self.args.aws_region.clone();
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let found = join_all(
            names
                .iter()
                .map(|name| self.look(name, selection, asked, trigger)),
        )
        .await;
        let mut tally = selection.tally();
        let mut services = Vec::new();
        let only = names.len() == 1;
        for (name, looked) in names.into_iter().zip(found) {
            match looked {
                Ok((region, fleet)) => {
                    tally.add(&fleet.tally);
                    let decided = |found| Service {
                        decision: decide(&found, asked),
                        found,
                    };
                    services.push((region, fleet.found.into_iter().map(decided).collect()));
                }
                Err(error) if only => return Err(error),
                Err(error) => {
                    self.report.error(&error);
                    self.outcome.regions.push(RegionFailed {
                        region: name,
                        failed: fleet::failed(&error),
                    });
                }
            }
        }
        self.check_words(selection, &tally, &services)?;
        let count = |services: &Vec<(Region, Vec<Service>)>| services.iter().map(|s| s.1.len()).sum();
        self.note_found(count(&services));
        Ok(services)
    }

    async fn look(
        &self,
        name: &str,
        selection: &Selection,
        asked: &Asked,
        trigger: Option<&Trigger>,
    ) -> Result<(Region, Fleet), Error> {
        let access = access::connect(self.env, &self.args.access, name, trigger, &self.report);
        let aws = access.await.aws?;
        let region = Region::new(
            name,
            aws,
            &self.args.careful.state,
            self.env.cancel.token(),
        );
        let fleet = gather(&region, selection, asked.to).await?;
        Ok((region, fleet))
    }

    /// Nothing is meant, or a word means nothing: the first is refused, of the second a person is told.
    fn check_words(
        &self,
        selection: &Selection,
        tally: &Tally,
        services: &[(Region, Vec<Service>)],
    ) -> Result<(), Error> {
        if services.iter().all(|(_, s)| s.is_empty()) && self.outcome.regions.is_empty() {
            return Err(selection.empty(tally).into());
        }
        for (setting, word) in selection.unmatched(tally) {
            self.report.warn(
                "shipway::preflight::unmatched",
                Text::new().code(setting).say(" ").code(word).say(" matches nothing"),
                "check how it is spelt: names are compared letter by letter, `*` is any text and `?` one character",
            );
        }
        Ok(())
    }

    fn note_found(&self, services: usize) {
        let noun = if services == 1 { "service" } else { "services" };
        self.report
            .finished(Phase::Fleet, Text::new().say(format!("{services} {noun}")));
    }

    async fn apply(&mut self, services: Vec<(Region, Vec<Service>)>, asked: &Asked) {
        self.report.started(Phase::Scale);
        let all: usize = services.iter().map(|(_, s)| s.len()).sum();
        let telling = fleet::telling::Telling::new(&self.report, self.env.clock, all);
        let ended = join_all(services.into_iter().map(|(region, services)| {
            fleet::apply(
                region,
                services,
                asked,
                self.args.careful.wait_for_minutes,
                &telling,
                &self.env.cancel,
                self.env.clock,
            )
        }))
        .await;
        self.outcome.services = ended.into_iter().flatten().collect();
        self.outcome.cancelled = self.env.cancel.is_cancelled()
            && self
                .outcome
                .services
                .iter()
                .any(|s| matches!(s.act, Act::Interrupted | Act::NotBegun));
        self.report.finished(Phase::Scale, Text::new());
    }
}
