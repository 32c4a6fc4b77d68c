//! Back to an earlier revision: which one, whether it can be, and the plan. Pure.

use miette::Diagnostic;
use thiserror::Error;

use super::service::Reasoned;
use super::{Change, Found, Plan, TaskDefinitionRef};
use crate::model::names::family_and_revision;

/// More revisions than this are not looked through, each of which is a call.
pub const LOOKED_THROUGH: u32 = 100;

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum RollbackError {
    #[error("there is no revision `{to}` to go back to")]
    #[diagnostic(
        code(shipway::preflight::no_revision),
        help(
            "`aws ecs list-task-definitions --family-prefix {family} --sort DESC` lists those that are there"
        )
    )]
    NoRevision { to: String, family: String },

    #[error(
        "no ACTIVE revision of family `{family}` is tagged with a commit that begins with `{commit}`"
    )]
    #[diagnostic(
        code(shipway::preflight::no_revision),
        help(
            "Shipway tags the revisions that it registers with `shipway:commit`; name the revision itself: `aws ecs list-task-definitions --family-prefix {family} --sort DESC` lists them"
        )
    )]
    NoCommit { commit: String, family: String },

    #[error("revision `{revision}` is not ACTIVE: ECS starts no deployment of it")]
    #[diagnostic(
        code(shipway::preflight::revision_inactive),
        help(
            "somebody deregistered it: name another revision with `to`, or deploy its commit anew"
        )
    )]
    Inactive { revision: String },

    #[error(
        "image `{image}` of revision `{revision}` is not in Amazon ECR any more, so none of its tasks could start"
    )]
    #[diagnostic(
        code(shipway::preflight::image_gone),
        help(
            "name another revision with `to`, or deploy its commit anew; a lifecycle rule that keeps more images prevents this"
        )
    )]
    ImageGone { revision: String, image: String },

    #[error(
        "the database moved on: `{migrated}`, which is later than `{target}`, is tagged `shipway:migration`"
    )]
    #[diagnostic(
        code(shipway::preflight::migration),
        help(
            "code from before a migration may not work with the database as it is now; if it does, set `allow-migration: true`"
        )
    )]
    Migration { target: String, migrated: String },

    #[error(
        "whether the database moved on since `{target}` is not known: {revisions} revisions are later, too many to look through"
    )]
    #[diagnostic(
        code(shipway::preflight::migration),
        help(
            "if none of them changed the database in a way that `{target}` cannot live with, set `allow-migration: true`"
        )
    )]
    TooMany { target: String, revisions: u32 },

    #[error(
        "there is nothing to go back to: no earlier revision than `{leaving}` is known to have completed"
    )]
    #[diagnostic(
        code(shipway::preflight::nothing_to_go_back_to),
        help(
            "name a revision with `to`: `aws ecs list-task-definitions --family-prefix {family} --sort DESC` lists them"
        )
    )]
    Nothing { leaving: String, family: String },
}

/// `("web", 41)` of `web:41` or its ARN.
pub fn numbered(task_definition: &str) -> Option<(&str, u32)> {
    let (family, revision) = family_and_revision(task_definition).rsplit_once(':')?;
    Some((family, revision.parse().ok()?))
}

/// Whether it is an earlier revision. One of another family is no later one either.
pub fn is_earlier(task_definition: &str, leaving: &str) -> bool {
    match (numbered(task_definition), numbered(leaving)) {
        (Some((family, revision)), Some((of, left))) if family == of => revision < left,
        _ => task_definition != leaving,
    }
}

/// Of those whose deployments completed, the newest first. Never a later revision than the one that is left: after one
/// rollback, the next goes further back, and not to what was rolled back from.
pub fn last_completed<'a>(completed: &'a [String], leaving: &str) -> Option<&'a String> {
    completed.iter().find(|c| is_earlier(c, leaving))
}

/// The revisions that are later than the target, up to the newest that is known: by name, the newest first.
pub fn later(target: &str, known: &[&str]) -> Result<Vec<String>, RollbackError> {
    let Some((family, number)) = numbered(target) else {
        return Ok(Vec::new());
    };
    let same = known.iter().filter_map(|k| numbered(k));
    let newest = same.filter(|(of, _)| *of == family).map(|(_, n)| n).max();
    let newest = newest.unwrap_or(number);
    let revisions = newest.saturating_sub(number);
    if revisions > LOOKED_THROUGH {
        return Err(RollbackError::TooMany {
            target: family_and_revision(target).to_owned(),
            revisions,
        });
    }
    let names = (number..newest)
        .rev()
        .map(|n| format!("{family}:{}", n + 1));
    Ok(names.collect())
}

/// `found.source` is the target. Empty where the service is on it already.
pub fn plan(found: &Found, target: &str, why: String) -> Plan {
    let live = found.live.arn().unwrap_or(&found.service.task_definition);
    let change = Change::UpdateService {
        task_definition: Some(TaskDefinitionRef::Existing(target.to_owned())),
        desired_count: None,
        force_new_deployment: false,
    };
    let there = live == target;
    Plan {
        cluster: found.cluster.clone(),
        service: found.service.name.clone(),
        container: found.container.clone(),
        image: None,
        changes: match there {
            true => Vec::new(),
            false => vec![Reasoned { change, why }],
        },
        previous_task_definition: live.to_owned(),
        in_flight: found.in_flight.clone(),
        older_commit: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(name: &str) -> String {
        format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/{name}")
    }

    fn last(completed: &[&str], leaving: &str) -> Option<String> {
        let completed: Vec<String> = completed.iter().map(|c| arn(c)).collect();
        let found = last_completed(&completed, &arn(leaving))?;
        Some(family_and_revision(found).to_owned())
    }

    #[test]
    fn one_goes_back_and_never_forth() {
        let to = |revision: &str| Some(revision.to_owned());
        assert_eq!(last(&["web:42", "web:41"], "web:42"), to("web:41"));
        // In flight, or failed: it never completed.
        assert_eq!(last(&["web:41", "web:40"], "web:42"), to("web:41"));
        // After a rollback the next goes further back.
        let twice = ["web:41", "web:42", "web:41", "web:40"];
        assert_eq!(last(&twice, "web:41"), to("web:40"));
        // Deployed again after it.
        assert_eq!(
            last(&["web:42", "web:41", "web:42"], "web:42"),
            to("web:41")
        );
        assert_eq!(last(&["web:42", "web:42"], "web:42"), None);
        assert_eq!(last(&[], "web:42"), None);
        assert_eq!(last(&["web2:1", "web:42"], "web2:1"), to("web:42"));
        // As numbers.
        assert_eq!(last(&["web:9", "web:10"], "web:10"), to("web:9"));
    }

    #[test]
    fn what_lies_between_is_looked_through_as_far_as_that_goes() {
        let names = |known: &[&str]| later("web:41", known);
        assert_eq!(names(&["web:41"]), Ok(vec![]));
        assert_eq!(
            names(&["web:42", "web:43", "web:7", "other:99"]),
            Ok(vec!["web:43".to_owned(), "web:42".to_owned()])
        );
        assert!(names(&["web:142"]).is_err());
        assert_eq!(names(&["web:141"]).unwrap().len(), 100);
    }
}
