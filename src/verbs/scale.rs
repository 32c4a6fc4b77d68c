//! `shipway scale`: gather → plan → apply → watch → announce, of many services: to zero, and back exactly as they were.

mod asked;
mod ending;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::error::Error;
use crate::inputs::arguments::ScaleArgs;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::plan::scale::selection::{Selection, Tally};
use crate::plan::scale::{Act, Asked, Outcome};
use crate::report::{Phase, Report, Text};
use crate::steps::fleet::apply::{Member, apply};
use crate::steps::fleet::previews::Teller;
use crate::steps::fleet::telling::Telling;
use crate::steps::fleet::{Region, failed};
use crate::steps::gather::fleet::{Fleet, gather};
use crate::steps::{access, start};

/// What is known so far, for the last words.
struct Scale<'a> {
    args: &'a ScaleArgs,
    env: &'a Env,
    report: Arc<Report>,
    run_url: Option<String>,
    outcome: Outcome,
}

/// The services of a Region, each with what is to be done.
struct Planned {
    region: Region,
    members: Vec<Member>,
}

pub async fn scale(args: &ScaleArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let mut scale = Scale {
        args,
        env: &env,
        report,
        run_url: None,
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
        let token = self.args.github.read_github_token(self.env)?;
        self.run_url = trigger.as_ref().and_then(Trigger::run_url);
        let asked = asked::asked(self.args, self.env, trigger.as_ref());
        let cancel = self.env.cancel.clone();
        let planned = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(()),
            planned = self.prepare(&selection, &asked, trigger.as_ref()) => planned?,
        };
        if self.args.careful.dry_run {
            let members = planned.iter().flat_map(|p| &p.members);
            self.outcome.services = members.map(Member::would_be).collect();
        } else {
            let clients = planned.iter().map(|p| &p.region);
            let aws = clients.map(|r| (r.name.clone(), r.aws.clone())).collect();
            self.apply(planned, &asked).await;
            if let (Some(trigger), Some(token)) = (&trigger, &token) {
                let teller = Teller {
                    env: self.env,
                    report: &self.report,
                    trigger,
                    token,
                    aws: &aws,
                };
                teller.tell(&self.outcome.services).await;
            }
        }
        Ok(())
    }

    /// Access, gather, plan, of all Regions at once.
    async fn prepare(
        &mut self,
        selection: &Selection,
        asked: &Asked,
        trigger: Option<&Trigger>,
    ) -> Result<Vec<Planned>, Error> {
        self.report.started(Phase::Select);
        let mut seen = BTreeSet::new();
        let names = self.args.aws_region.iter();
        let names: Vec<&String> = names.filter(|name| seen.insert(*name)).collect();
        let looks = names
            .iter()
            .map(|name| self.look(name, selection, asked, trigger));
        let looks = join_all(looks).await;
        let mut tally = selection.tally();
        let (mut planned, mut errors) = (Vec::new(), Vec::new());
        for (name, looked) in names.iter().zip(looks) {
            match looked {
                Ok((region, fleet)) => {
                    tally.add(&fleet.tally);
                    let found = fleet.found.into_iter();
                    let members = found.map(|found| Member::plan(found, asked)).collect();
                    planned.push(Planned { region, members });
                }
                Err(error) => errors.push(((*name).clone(), error)),
            }
        }
        // Without any Region, it is the run that failed.
        if planned.is_empty()
            && let Some((_, error)) = errors.pop()
        {
            return Err(error);
        }
        for (name, error) in errors {
            self.report.error(&error);
            self.outcome.regions.push((name, failed(&error)));
        }
        self.check_words(selection, &tally, &planned)?;
        let count: usize = planned.iter().map(|p| p.members.len()).sum();
        let noun = if count == 1 { "service" } else { "services" };
        self.report
            .finished(Phase::Select, format!("{count} {noun}"));
        Ok(planned)
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
        let state = &self.args.careful.state;
        let region = Region::new(name, aws, state, self.env.cancel.token());
        let fleet = gather(&region, selection, asked.to).await?;
        Ok((region, fleet))
    }

    /// Nothing is meant, or a word means nothing: the first is refused, of the second a person is told.
    fn check_words(
        &self,
        selection: &Selection,
        tally: &Tally,
        planned: &[Planned],
    ) -> Result<(), Error> {
        let nothing = planned.iter().all(|p| p.members.is_empty());
        if nothing && self.outcome.regions.is_empty() {
            return Err(selection.empty(tally).into());
        }
        for (setting, word) in selection.unmatched(tally) {
            self.report.warn(
                "shipway::preflight::unmatched",
                Text::new()
                    .code(setting)
                    .say(" ")
                    .code(word)
                    .say(" matches nothing"),
                "names are compared letter by letter; `*` is any text, `?` one character",
            );
        }
        Ok(())
    }

    async fn apply(&mut self, planned: Vec<Planned>, asked: &Asked) {
        self.report.started(Phase::Scale);
        let all = planned.iter().map(|p| p.members.len()).sum();
        let telling = Telling::new(&self.report, all);
        let wait = self.args.careful.wait_for_minutes;
        let ends = planned
            .into_iter()
            .map(|p| apply(p.region, p.members, asked, wait, self.env, &telling));
        let services = join_all(ends).await.into_iter().flatten();
        self.outcome.services = services.collect();
        let left = |act: Act| matches!(act, Act::Interrupted | Act::NotBegun);
        self.outcome.cancelled =
            self.env.cancel.is_cancelled() && self.outcome.services.iter().any(|s| left(s.act));
        self.report.finished(Phase::Scale, Text::new());
    }
}
