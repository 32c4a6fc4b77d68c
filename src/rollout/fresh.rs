//! Reads after writes are eventually consistent: what is older than what was seen already is dropped. Knows AWS's
//! `updatedAt`s, which are only compared with one another.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Observation, Unseen};

#[derive(Debug, Default)]
pub(super) struct Fresh {
    /// By `ecs-svc/N`, and by service-deployment ARN.
    updated_at: BTreeMap<String, Timestamp>,
}

impl Fresh {
    pub fn drop_old(&mut self, seen: &mut Observation) {
        if let Ok(service) = &seen.service {
            let stamps: Vec<(&str, Option<Timestamp>)> = service
                .deployments
                .iter()
                .map(|d| (d.id.as_str(), d.updated_at))
                .collect();
            if !self.accept(&stamps) {
                // The rest of such a look was not necessarily old, but nothing proves that it was not.
                seen.service = Err(Unseen::Skipped);
            }
        }
        if let Ok(deployment) = &seen.deployment
            && !self.accept(&[(deployment.arn.as_str(), deployment.updated_at)])
        {
            seen.deployment = Err(Unseen::Skipped);
        }
    }

    fn accept(&mut self, stamps: &[(&str, Option<Timestamp>)]) -> bool {
        let older = |(id, at): &(&str, Option<Timestamp>)| {
            at.is_some_and(|at| self.updated_at.get(*id).is_some_and(|last| at < *last))
        };
        if stamps.iter().any(older) {
            return false;
        }
        for (id, at) in stamps {
            if let Some(at) = at {
                self.updated_at.insert((*id).to_owned(), *at);
            }
        }
        true
    }
}
