//! The service, its task definition, its image, and the load balancer in front of it. Reads only.

use super::{Doctor, failed, not_set};
use crate::aws::{AwsError, Failure, Retries};
use crate::error::Error;
use crate::model::container_logs::{LogPlace, region_and_partition};
use crate::model::image::{Image, Platform};
use crate::model::image_tag::BUILD_KEY_LABEL;
use crate::model::names::family_and_revision;
use crate::model::service::ServiceLoadBalancer;
use crate::model::untrusted::one_line;
use crate::plan::checkup::Outcome;
use crate::plan::preflight;
use crate::steps::gather;

impl Doctor<'_> {
    pub(super) async fn service(&mut self) -> Result<Outcome, Error> {
        let (Some(cluster), Some(name)) = (self.sought.cluster, self.sought.service) else {
            return Ok(not_set(match self.sought.cluster {
                None => "cluster",
                Some(_) => "service",
            }));
        };
        let service = gather::service::describe_service(self.aws()?, cluster, name).await?;
        let outcome = Outcome::ok(format!(
            "`{}` is {}, on `{}`, {} of {} tasks run",
            service.name,
            service.status,
            family_and_revision(&service.task_definition),
            service.running_count,
            service.desired_count
        ));
        self.service = Some(service);
        Ok(outcome)
    }

    pub(super) fn controller(&self) -> Outcome {
        let Some(service) = &self.service else {
            return not_set("service");
        };
        match preflight::check_service(service, None, true) {
            Ok(()) => Outcome::ok("ACTIVE, deployed by ECS, and its percentages let tasks move"),
            Err(error) => failed(&error.into()),
        }
    }

    pub(super) async fn task_definition(&mut self) -> Result<Outcome, Error> {
        let Some(service) = &self.service else {
            return Ok(not_set("service"));
        };
        let definition = self
            .aws()?
            .ecs
            .describe_task_definition(&service.task_definition)
            .await?;
        let outcome = Outcome::ok(format!(
            "`{}`, containers {}",
            family_and_revision(&service.task_definition),
            definition
                .container_names()
                .iter()
                .map(|c| format!("`{c}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ));
        self.definition = Some(definition);
        Ok(outcome)
    }

    /// Whether it comes from the repository, and whether Shipway built it.
    pub(super) async fn running_image(&mut self) -> Result<Outcome, Error> {
        let (Some(service), Some(definition), Some(repository)) =
            (&self.service, &self.definition, &self.repository)
        else {
            return Ok(not_set("ecr-repository"));
        };
        let container = preflight::choose_container(service, definition, None)?;
        let image = definition
            .container(&container)
            .and_then(|c| c.get("image")?.as_str())
            .unwrap_or_default();
        let shown = one_line(&short(image).into());
        let Some(image) = Image::parse(image) else {
            return Ok(Outcome::skip(format!("`{shown}` is no image name")));
        };
        if image.repository != repository.uri {
            // What is read there may be read of any image: the permission is asked with a tag that means nothing.
            self.aws()?
                .ecr
                .batch_get_image(&repository.name, "latest")
                .await?;
            return Ok(Outcome::ok(format!(
                "`{container}` runs `{shown}`, which is not of this repository"
            ))
            .detail("the first deploy changes that"));
        }
        let reference = image
            .digest
            .as_deref()
            .or(image.tag.as_deref())
            .unwrap_or("latest");
        let platform = self.tasks_platform();
        let found = self
            .aws()?
            .ecr
            .image(&repository.name, reference, &platform, true)
            .await?;
        let Some(found) = found else {
            let mut outcome = Outcome::ng(
                format!(
                    "`{container}` runs `{shown}`, which is not in the repository any more: no task can start with it"
                ),
                "deploy an image that is there, and let no lifecycle rule expire what services run",
            );
            outcome.code = Some("shipway::preflight::no_image".to_owned());
            return Ok(outcome);
        };
        let outcome = Outcome::ok(format!("`{container}` runs `{shown}`, of this repository"));
        let key = found.labels.iter().find(|(k, _)| k == BUILD_KEY_LABEL);
        Ok(outcome.detail(match key {
            Some((_, key)) => format!("built by Shipway: `{BUILD_KEY_LABEL}` is `{}`", one_line(&key.as_str().into())),
            None => format!("it has no label `{BUILD_KEY_LABEL}`: something else built it, so the same commit is built anew"),
        }))
    }

    /// What the tasks run on, as far as it is known; else what is built by default.
    pub(super) fn tasks_platform(&self) -> Platform {
        let known = self.service.as_ref().zip(self.definition.as_ref());
        known
            .and_then(|(service, definition)| preflight::platform_of_tasks(service, definition))
            .map_or_else(|| Platform::of_runtime("LINUX", "X86_64"), |(p, _)| p)
    }

    /// What the wait for a rollout reads.
    pub(super) async fn tasks(&mut self) -> Result<Outcome, Error> {
        let Some(service) = &self.service else {
            return Ok(not_set("service"));
        };
        let ecs = &self.aws()?.ecs;
        let arns = ecs
            .list_tasks(&service.cluster_arn, &service.name, "RUNNING", Retries::Sdk)
            .await?;
        let outcome = Outcome::ok("they can be listed and described");
        if arns.is_empty() {
            return Ok(outcome.detail("none runs, so ecs:DescribeTasks was not asked"));
        }
        ecs.describe_tasks(&service.cluster_arn, &arns, Retries::Sdk)
            .await?;
        Ok(outcome)
    }

    /// A deploy does without them, and says so: no NG.
    pub(super) async fn service_deployments(&mut self) -> Outcome {
        let (Some(service), Ok(aws)) = (&self.service, self.aws()) else {
            return not_set("service");
        };
        let asked = async {
            let listed = aws
                .ecs
                .list_service_deployments(&service.cluster_arn, &service.name, None, Retries::Sdk)
                .await?;
            let Some(newest) = listed.into_iter().next() else {
                return Ok(Outcome::ok("they can be listed")
                    .detail("there is none, so ecs:DescribeServiceDeployments was not asked"));
            };
            let arns = [newest.arn];
            aws.ecs
                .describe_service_deployments(&arns, Retries::Sdk)
                .await?;
            // Only then a deploy asks which target group a revision has.
            let shifts = |b: &ServiceLoadBalancer| b.alternate_target_group_arn.is_some();
            let revision = newest.target_service_revision_arn;
            let Some(revision) = revision.filter(|_| service.load_balancers.iter().any(shifts))
            else {
                return Ok(Outcome::ok("they can be listed and described"));
            };
            aws.ecs
                .describe_service_revision(&revision, Retries::Sdk)
                .await?;
            let said = "they can be listed and described, and so can the service's revisions (ecs:DescribeServiceRevisions)";
            Ok::<Outcome, AwsError>(Outcome::ok(said))
        };
        match asked.await {
            Ok(outcome) => outcome,
            Err(error) => {
                let help = match &error.failure {
                    Failure::Denied { permission } => {
                        format!("allow {permission} for clearer verdicts")
                    }
                    _ => "an endpoint without them is fine".to_owned(),
                };
                let without = match error.operation == "ecs:DescribeServiceRevisions" {
                    true => "a deploy does without, and does not look at the targets of its tasks",
                    false => "a deploy does without, by `rolloutState`",
                };
                Outcome::skip(format!("{without}: {error}")).help(help)
            }
        }
    }

    /// A deploy does without them, and says so: no NG. Asked of a stream that cannot be there.
    pub(super) async fn logs(&mut self) -> Result<Outcome, Error> {
        let (Some(service), Some(definition)) = (&self.service, &self.definition) else {
            return Ok(not_set("service"));
        };
        let essential = definition.essential_containers();
        let container = essential
            .first()
            .and_then(|name| definition.container(name));
        let Some((name, container)) = essential.first().zip(container) else {
            return Ok(Outcome::skip(
                "the task definition has no essential container",
            ));
        };
        let (region, _) = region_and_partition(&service.arn);
        let place = LogPlace::of(container, "no-such-task", &region);
        let LogPlace::CloudWatch(at) = &place else {
            return Ok(Outcome::ok(format!(
                "`{name}` logs elsewhere than to CloudWatch: nothing to allow"
            )));
        };
        let Some(stream) = &at.stream else {
            return Ok(Outcome::skip(format!(
                "`{name}` has no `awslogs-stream-prefix`: the streams of its tasks cannot be named"
            )));
        };
        let logs = &self.aws()?.logs;
        let asked = logs.get_log_events(&at.region, &at.group, stream, 1).await;
        let group = plain_group(&at.group);
        Ok(match asked {
            Ok(_) => Outcome::ok(format!("lines of `{group}` can be read")),
            Err(error) if error.message.contains("log group does not exist") => {
                Outcome::skip(format!("log group `{group}` does not exist"))
                    .help("make it, or set `awslogs-create-group`: without it no task starts")
            }
            Err(error) if error.is_code("ResourceNotFoundException") => {
                Outcome::ok(format!("lines of `{group}` can be read"))
            }
            Err(error) => {
                let help = match &error.failure {
                    Failure::Denied { permission } => {
                        format!(
                            "allow {permission} on the group's streams to see why a container ended"
                        )
                    }
                    _ => "a failure then links to the console alone".to_owned(),
                };
                Outcome::skip(format!("a failure is told without its log lines: {error}"))
                    .help(help)
            }
        })
    }

    pub(super) async fn target_groups(&mut self) -> Result<Outcome, Error> {
        let Some(service) = &self.service else {
            return Ok(not_set("service"));
        };
        let arns: Vec<String> = service
            .load_balancers
            .iter()
            .flat_map(|b| b.target_groups().cloned())
            .collect();
        if arns.is_empty() {
            return Ok(Outcome::skip("the service has no target group"));
        }
        self.groups = self.aws()?.elbv2.describe_target_groups(&arns).await?;
        preflight::check_target_groups(&self.groups)?;
        let names: Vec<String> = self
            .groups
            .iter()
            .map(|g| format!("`{}`", g.name))
            .collect();
        Ok(Outcome::ok(format!(
            "{}, behind a load balancer",
            names.join(", ")
        )))
    }

    pub(super) async fn listeners(&mut self) -> Result<Outcome, Error> {
        let elbv2 = &self.aws()?.elbv2;
        let mut balancers: Vec<String> = self
            .groups
            .iter()
            .flat_map(|g| g.load_balancer_arns.clone())
            .collect();
        balancers.sort();
        balancers.dedup();
        elbv2.describe_load_balancers(&balancers).await?;
        let (mut listeners, mut rules) = (0, 0);
        for balancer in &balancers {
            for listener in elbv2.describe_listeners(balancer).await? {
                listeners += 1;
                rules += elbv2.describe_rules(&listener.arn).await?.len();
            }
        }
        Ok(Outcome::ok(format!(
            "they can be read (listeners {listeners}, rules {rules})"
        )))
    }

    pub(super) async fn target_health(&mut self) -> Result<Outcome, Error> {
        let (mut healthy, mut of) = (0, 0);
        for group in &self.groups {
            let targets = self
                .aws()?
                .elbv2
                .describe_target_health(&group.arn, Retries::Sdk)
                .await?;
            of += targets.len();
            healthy += targets.iter().filter(|t| t.state == "healthy").count();
        }
        Ok(Outcome::ok(format!("{healthy} of {of} targets healthy")))
    }
}

/// With the digest's first digits, which tell it from others.
fn short(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((name, digest)) if digest.chars().count() > 12 => {
            let start: String = digest.chars().take(12).collect();
            format!("{name}@sha256:{start}…")
        }
        _ => image.to_owned(),
    }
}

/// Who registers a task definition writes the group's name; CloudWatch's alphabet has no space or backtick.
fn plain_group(group: &str) -> String {
    one_line(&group.into()).replace(['`', ' '], "_")
}
