//! Makes way before an update: for a deployment that goes on already, as `if-deploying` says, and for ECS's own rollbacks;
//! and looks once more at what is live. What was found a build ago, or an approval, may be history.

use std::time::Duration;

use super::Rolling;
use crate::aws::{Aws, Retries};
use crate::error::Error;
use crate::model::names::family_and_revision;
use crate::plan::Found;
use crate::plan::in_flight::{DeployingError, InFlight, Way, way};
use crate::report::{Phase, Text};
use crate::steps::gather;
use crate::steps::gather::service::describe_service;
use crate::steps::wanted::limits;
use crate::steps::watch::others;

impl Rolling<'_> {
    /// True when something ended that was waited for: then what is live has to be found anew.
    pub async fn make_way(&mut self, aws: &Aws, found: &Found) -> Result<bool, Error> {
        let Way::Wait(other) = way(found.in_flight.as_ref(), self.if_deploying)? else {
            return Ok(false);
        };
        let all = limits(self.limits).wait_for;
        let began = self.env.clock.elapsed();
        let report = self.report.clone();
        let mut say = |other: &InFlight| {
            report.line(Text::with_code(format!(
                "waiting for the end of {}",
                other.in_words()
            )));
        };
        let left = others::wait(
            aws,
            &found.cluster,
            &found.service.name,
            other,
            all.saturating_sub(self.waited),
            &mut say,
            self.env.cancel.token(),
        )
        .await?;
        self.waited += self.env.clock.elapsed().saturating_sub(began);
        match left {
            Some(other) => Err(DeployingError::WaitedInVain {
                other,
                minutes: all.as_secs() / 60,
            }
            .into()),
            None => Ok(true),
        }
    }

    /// Reads the service again. True when another deployment than the found one is PRIMARY now: then the plan is about what is
    /// no more.
    pub async fn has_moved(&self, aws: &Aws, found: &mut Found) -> Result<bool, Error> {
        let now = describe_service(aws, &found.cluster, &found.service.name).await?;
        let primary =
            |service: &crate::model::service::Service| service.primary().map(|p| p.id.clone());
        if primary(&now) != primary(&found.service) {
            return Ok(true);
        }
        found.in_flight =
            gather::in_flight::in_flight(aws, &found.cluster, &now, Retries::Sdk).await?;
        found.service = now;
        Ok(false)
    }

    /// Whose place is taken.
    pub fn say_whom_we_supersede(&self, found: &Found) {
        if let Some(other) = &found.in_flight {
            self.report.line(Text::with_code(format!(
                "takes the place of {}: it becomes superseded",
                other.in_words()
            )));
        }
    }

    /// The first look says on what the service is; a later one, that it is on something else now.
    pub fn say_what_is_live(&self, found: &Found, first: bool) {
        let on = Text::new()
            .say("service ")
            .code(found.service.name.as_str())
            .say(" is on ")
            .code(family_and_revision(&found.service.task_definition));
        match first {
            true => self.report.finished(Phase::Preflight, on),
            false => self.report.line(on.say(" now")),
        }
    }

    /// What is left for our own rollout.
    pub fn time_left(&self) -> Duration {
        limits(self.limits).wait_for.saturating_sub(self.waited)
    }
}
