//! What the role may change, asked without changing it: by IAM's simulation of its policies, else by requests that AWS must
//! refuse for their content, else not at all.
//!
//! A simulation reads the role's own policies, its boundary and, where IAM tells, the organisation's. It knows nothing of
//! resource policies and session policies; what it says is told as its word, no more.

use serde_json::{Map, Value, json};

use super::Doctor;
use crate::aws::ecs::ServiceUpdate;
use crate::aws::iam::Simulated;
use crate::aws::{AwsError, Failure};
use crate::error::Error;
use crate::model::names::{Arn, plain_arn};
use crate::model::untrusted::one_line;
use crate::plan::checkup::Outcome;
use crate::plan::checkup::{CHECKS, Grant, Id, Word};

/// A family has at most a million revisions (quota of Amazon ECS), so this one never exists.
const NO_SUCH_REVISION: u32 = 2_147_483_647;

const PASSED_TO: &str = "iam:PassedToService";

/// What tells it for sure.
const TELLS: &str = "allow `iam:SimulatePrincipalPolicy` on the role itself to have it asked";

/// A simulated action, on one resource.
pub(super) struct Question<'a> {
    pub actions: &'a [&'static str],
    pub resource: &'a str,
    pub context: &'a [(&'a str, &'a str)],
}

impl Question<'_> {
    fn grant<'n>(&self, actions: impl Iterator<Item = &'n str>) -> Grant {
        let passed_to = self.context.iter().find(|(k, _)| *k == PASSED_TO);
        Grant {
            actions: actions.map(str::to_owned).collect(),
            resource: self.resource.to_owned(),
            only_if: passed_to.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        }
    }
}

pub(super) fn asks(id: Id) -> &'static [&'static str] {
    CHECKS
        .iter()
        .find(|c| c.id == id)
        .map_or(&[][..], |c| c.asks)
}

impl Doctor<'_> {
    pub(super) async fn push(&mut self) -> Result<Outcome, Error> {
        let Some(resource) = self.repository_arn() else {
            return Ok(Outcome::skip("the repository's ARN is not known"));
        };
        let question = Question {
            actions: asks(Id::Push),
            resource: &resource,
            context: &[],
        };
        Ok(self.simulate(&question).await)
    }

    /// AWS documents no resource for it, so `*` is asked; a policy that names the family alone may or may not do.
    pub(super) async fn register(&mut self) -> Result<Outcome, Error> {
        let Some((family, revisions)) = self.family() else {
            return Ok(Outcome::skip("the task definition has no family"));
        };
        let question = Question {
            actions: asks(Id::Register),
            resource: "*",
            context: &[],
        };
        let everywhere = self.simulate(&question).await;
        if self.no_simulation.is_none() {
            if everywhere.word != Word::Ng {
                return Ok(everywhere);
            }
            let of_family = Question {
                resource: &revisions,
                ..question
            };
            return Ok(match self.simulate(&of_family).await.word {
                Word::Ok => Outcome::skip(format!(
                    "could not tell: it is allowed on `{revisions}`, and AWS documents that it wants `*`"
                ))
                .help("allow ecs:RegisterTaskDefinition on `*`: it knows no resources"),
                _ => everywhere,
            });
        }
        // Without a container there is nothing to register.
        let mut document = Map::new();
        document.insert("family".to_owned(), json!(family));
        document.insert("containerDefinitions".to_owned(), json!([]));
        let answer = self
            .aws()?
            .ecs
            .register_task_definition(&document, &[])
            .await;
        let grant = question.grant(question.actions.iter().copied());
        Ok(refused_for_its_content(
            answer.map(|_| ()),
            "a revision without containers",
            grant,
        ))
    }

    pub(super) async fn tag(&mut self) -> Result<Outcome, Error> {
        let Some((_, resource)) = self.family() else {
            return Ok(Outcome::skip("the task definition has no family"));
        };
        let question = Question {
            actions: asks(Id::Tag),
            resource: &resource,
            context: &[("ecs:CreateAction", "RegisterTaskDefinition")],
        };
        let outcome = self.simulate(&question).await;
        Ok(match outcome.word {
            // As without service deployments: it works, and warns.
            Word::Ng => Outcome {
                word: Word::Skip,
                code: None,
                said: format!("a deploy does without tags: {}", outcome.said),
                ..outcome
            },
            _ => outcome,
        })
    }

    pub(super) async fn update(&mut self) -> Result<Outcome, Error> {
        let (Some(service), Some((family, _))) = (self.service.clone(), self.family()) else {
            return Ok(Outcome::skip("the task definition has no family"));
        };
        let question = Question {
            actions: asks(Id::Update),
            resource: &service.arn,
            context: &[
                ("ecs:cluster", &service.cluster_arn),
                ("ecs:task-definition", &service.task_definition),
            ],
        };
        let simulated = self.simulate(&question).await;
        if self.no_simulation.is_none() {
            return Ok(simulated);
        }
        let update = ServiceUpdate {
            task_definition: Some(format!("{family}:{NO_SUCH_REVISION}")),
            ..ServiceUpdate::default()
        };
        let answer = self
            .aws()?
            .ecs
            .update_service(&service.cluster_arn, &service.name, &update)
            .await;
        let grant = question.grant(question.actions.iter().copied());
        Ok(refused_for_its_content(
            answer.map(|_| ()),
            "a revision that cannot exist",
            grant,
        ))
    }

    /// Only simulated: there is nothing to stop.
    pub(super) async fn stop(&mut self) -> Result<Outcome, Error> {
        let Some(service) = self.service.clone() else {
            return Ok(Outcome::skip("the service is not known"));
        };
        let deployments = service.arn.replacen(":service/", ":service-deployment/", 1) + "/*";
        let question = Question {
            actions: asks(Id::Stop),
            resource: &deployments,
            context: &[("ecs:cluster", &service.cluster_arn)],
        };
        let outcome = self.simulate(&question).await;
        Ok(match outcome.word {
            Word::Ng => Outcome {
                word: Word::Skip,
                code: None,
                said: format!(
                    "a deploy that cannot succeed goes back by UpdateService instead: {}",
                    outcome.said
                ),
                ..outcome
            },
            _ => outcome,
        })
    }

    /// `member` of the task definition names the role that ECS is handed.
    pub(super) async fn pass_role(&mut self, member: &str) -> Result<Outcome, Error> {
        let named = self
            .definition
            .as_ref()
            .and_then(|d| d.document.get(member))
            .and_then(Value::as_str)
            .filter(|role| !role.is_empty());
        let Some(named) = named else {
            return Ok(Outcome::skip(format!(
                "the task definition has no `{member}`"
            )));
        };
        let role = match (named.starts_with("arn:"), self.own_arn()) {
            (true, _) | (false, None) => named.to_owned(),
            // A task definition may name a role without its ARN.
            (false, Some(own)) => {
                format!("arn:{}:iam::{}:role/{named}", own.partition, own.account)
            }
        };
        let service = self.tasks_principal().await;
        let context: Vec<(&str, &str)> = service.iter().map(|s| (PASSED_TO, s.as_str())).collect();
        let question = Question {
            actions: asks(Id::TaskRole),
            resource: &role,
            context: &context,
        };
        let outcome = self.simulate(&question).await;
        Ok(match self.no_simulation {
            Some(_) => outcome.detail(format!("role: {}", shown(&role))),
            None => outcome,
        })
    }

    /// ECS's own name where it takes a role for tasks, in this partition.
    async fn tasks_principal(&self) -> Option<String> {
        let audience = crate::aws::credentials::audience(self.sought.region).await?;
        Some(format!("ecs-tasks.{}", audience.strip_prefix("sts.")?))
    }

    pub(super) fn own_arn(&self) -> Option<Arn> {
        Arn::parse(&self.identity.as_ref()?.arn)
    }

    fn repository_arn(&self) -> Option<String> {
        let (own, repository) = (self.own_arn()?, self.repository.as_ref()?);
        let registry = repository.registry_id.as_ref().unwrap_or(&own.account);
        Some(format!(
            "arn:{}:ecr:{}:{registry}:repository/{}",
            own.partition, self.sought.region, repository.name
        ))
    }

    /// The family of the service's task definition, and the ARN of all its revisions.
    fn family(&self) -> Option<(String, String)> {
        let definition = self.definition.as_ref()?;
        let (family, arn) = (definition.family()?, definition.arn()?);
        let (before, _) = arn.rsplit_once(':')?;
        Some((family.to_owned(), format!("{before}:*")))
    }

    /// What IAM says. SKIP where it does not, and `no_simulation` where it never will.
    pub(super) async fn simulate(&mut self, question: &Question<'_>) -> Outcome {
        if let Some(known) = &self.no_simulation {
            return known.clone();
        }
        let Some(principal) = self.principal() else {
            return self.without_simulation(
                "these credentials are of no role or user that IAM can simulate",
            );
        };
        // What every request carries, and policies ask for.
        let mut context = question.context.to_vec();
        context.push(("aws:RequestedRegion", self.sought.region));
        context.push(("aws:PrincipalArn", &principal));
        let Ok(aws) = self.aws() else {
            return self.without_simulation("there is no session");
        };
        let answer = aws
            .iam
            .simulate_principal_policy(&principal, question.actions, question.resource, &context)
            .await;
        match answer {
            Ok(simulated) => Outcome {
                by_simulation: true,
                ..judged(&simulated, question)
            },
            Err(error) => self.without_simulation(&match &error.failure {
                Failure::Denied { .. } => "`iam:SimulatePrincipalPolicy` is denied".to_owned(),
                _ => error.to_string(),
            }),
        }
    }

    fn without_simulation(&mut self, why: &str) -> Outcome {
        let outcome = Outcome::skip(format!("could not tell: {why}")).help(TELLS);
        self.no_simulation = Some(outcome.clone());
        outcome
    }
}

fn judged(simulated: &[Simulated], question: &Question<'_>) -> Outcome {
    let mut missing: Vec<&str> = simulated
        .iter()
        .flat_map(|s| s.missing_context.iter().map(String::as_str))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    let missing: Vec<String> = missing
        .iter()
        .map(|key| format!("`{}`", one_line(&(*key).into())))
        .collect();
    let denied: Vec<&Simulated> = simulated.iter().filter(|s| !s.is_allowed()).collect();
    let resource = shown(question.resource);
    if denied.is_empty() {
        let outcome = Outcome::ok(format!("allowed on `{resource}` by IAM's simulation"));
        return match missing.is_empty() {
            true => outcome,
            false => outcome.detail(format!(
                "the policies also ask for {}, which a simulation cannot know",
                missing.join(", ")
            )),
        };
    }
    let names: Vec<&str> = denied.iter().map(|s| s.action.as_str()).collect();
    let names = names.join(", ");
    if !missing.is_empty() && denied.iter().all(|s| s.decision == "implicitDeny") {
        return Outcome::skip(format!(
            "could not tell: whether {names} is allowed hangs on {}, which a simulation cannot know",
            missing.join(", ")
        ));
    }
    let allow = format!("allow {names} on `{resource}`");
    let (by, help) = match denied.first() {
        Some(s) if s.by_boundary == Some(false) => (
            "the role's permissions boundary does not allow it",
            format!("{allow} in the boundary too"),
        ),
        Some(s) if s.by_organization == Some(false) => (
            "a policy of the organization does not allow it",
            format!("have whoever manages the organization's policies {allow}"),
        ),
        Some(s) if s.decision == "explicitDeny" => (
            "a Deny statement of the role's policies says so",
            format!("narrow that Deny statement, and {allow}"),
        ),
        _ => (
            "no policy of the role allows it",
            format!("{allow} in the role's permissions policy"),
        ),
    };
    let mut outcome = Outcome::ng(
        format!("{names} would be denied on `{resource}` by IAM's simulation: {by}"),
        help,
    );
    outcome.code = Some("shipway::permission::denied".to_owned());
    outcome.grant = Some(question.grant(denied.iter().map(|s| s.action.as_str())));
    outcome
}

/// The answer to a request that AWS cannot carry out: whoever is refused for its content was let through to it.
fn refused_for_its_content(answer: Result<(), AwsError>, content: &str, grant: Grant) -> Outcome {
    match answer {
        Err(error) => match &error.failure {
            Failure::Denied { .. } => Outcome {
                grant: Some(grant),
                ..super::failed(&error.into())
            },
            Failure::Refused { .. } => Outcome::ok(format!(
                "allowed: asked with {content}, AWS refused that and not the caller"
            )),
            _ => Outcome::skip(format!("could not tell: {error}")).help(TELLS),
        },
        Ok(()) => Outcome::skip(format!("could not tell: AWS accepted {content}")).help(TELLS),
    }
}

fn shown(resource: &str) -> String {
    plain_arn(resource).map_or_else(|| one_line(&resource.into()), str::to_owned)
}

#[cfg(test)]
#[path = "permissions_tests.rs"]
mod tests;
