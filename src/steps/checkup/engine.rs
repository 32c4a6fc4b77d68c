//! The Docker engine, where anything is to be built.

use super::{Doctor, not_set};
use crate::docker::daemon::{CanRun, Daemon};
use crate::error::Error;
use crate::plan::checkup::Outcome;

impl Doctor<'_> {
    pub(super) async fn engine(&mut self) -> Result<Outcome, Error> {
        if self.sought.ecr_repository.is_none() {
            let Outcome { said, .. } = not_set("ecr-repository");
            return Ok(Outcome::skip(format!("{said}, so nothing is built")));
        }
        let daemon = Daemon::connect(&self.env.vars).await?;
        let outcome = Outcome::ok(format!(
            "Docker {} (API {}) on {}",
            daemon.facts.version,
            daemon.facts.api,
            daemon.platform()
        ));
        self.engine = Some(daemon);
        Ok(outcome)
    }

    pub(super) fn platform(&self) -> Outcome {
        let Some(engine) = &self.engine else {
            return not_set("ecr-repository");
        };
        let wanted = self.tasks_platform().to_string();
        match engine.can_run(&wanted) {
            CanRun::Natively => Outcome::ok(format!("{wanted}, as the engine itself")),
            CanRun::Emulated => Outcome::ok(format!("{wanted}, emulated")),
            CanRun::Unknown => Outcome::skip(format!(
                "could not tell whether the engine, on {}, runs {wanted}: only a build does",
                engine.platform()
            )),
            CanRun::No => {
                let mut outcome = Outcome::ng(
                    format!(
                        "the tasks run on {wanted}, the engine on {}, and it has no emulator",
                        engine.platform()
                    ),
                    "run the job on a runner of that architecture, or add docker/setup-qemu-action before Shipway; a Dockerfile without RUN needs neither",
                );
                outcome.code = Some("shipway::build::no_emulator".to_owned());
                outcome
            }
        }
    }
}
