//! The plan of a preview: what is made in which order, that it converges from wherever a run was killed, and what is refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::image::Image;
use crate::model::preview::{COMMIT, EXPIRES};
use crate::model::service::{CapacityProvider, Deployment, ServiceLoadBalancer};
use crate::model::target::WeightedGroup;

fn of() -> PreviewOf {
    PreviewOf {
        repository: "octo-org/web".to_owned(),
        pull_request: 7,
        cluster: "prod".to_owned(),
        base_service: "web".to_owned(),
    }
}

fn definition(value: Value) -> TaskDefinition {
    TaskDefinition {
        document: value.as_object().unwrap().clone(),
        tags: Vec::new(),
    }
}

fn found() -> Found {
    let live = definition(json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/web:41", "family": "web", "status": "ACTIVE",
        "containerDefinitions": [{"name": "web", "image": "web:v1", "portMappings": [{"containerPort": 80}]}]
    }));
    let base_group = TargetGroup {
        arn: "base".to_owned(),
        name: "web".to_owned(),
        target_type: "ip".to_owned(),
        health_check_path: Some("/healthz".to_owned()),
        health_check_interval_seconds: 30,
        health_check_timeout_seconds: Some(20),
        healthy_threshold_count: 5,
        unhealthy_threshold_count: 2,
        load_balancer_arns: vec!["alb".to_owned()],
        ..TargetGroup::default()
    };
    Found {
        of: of(),
        base: plan::Found {
            cluster: "prod".to_owned(),
            service: Service {
                name: "web".to_owned(),
                status: "ACTIVE".to_owned(),
                task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/web:41".to_owned(),
                launch_type: Some("FARGATE".to_owned()),
                platform_version: Some("1.4.0".to_owned()),
                ..Service::default()
            },
            source: live.clone(),
            live,
            container: "web".to_owned(),
            target_groups: vec![base_group.clone()],
            url: None,
            in_flight: None,
        },
        base_group,
        container_name: "web".to_owned(),
        container_port: 80,
        spot: true,
        place: Place {
            listener: Listener {
                arn: "listener".to_owned(),
                port: Some(443),
                protocol: Some("HTTPS".to_owned()),
                ..Listener::default()
            },
            rules: vec![rule("10", "www.example.com", "base")],
            ..Place::default()
        },
        there: There::default(),
        others: Vec::new(),
        certificates: Certificates::Covered,
    }
}

fn rule(priority: &str, host: &str, group: &str) -> ListenerRule {
    ListenerRule {
        arn: format!("rule/{priority}"),
        priority: priority.to_owned(),
        host_headers: vec![host.to_owned()],
        forwards_to: vec![WeightedGroup {
            target_group_arn: group.to_owned(),
            weight: 1,
        }],
        ..ListenerRule::default()
    }
}

fn wanted(commit: &str, hours: i64) -> Wanted {
    Wanted {
        image: WantedImage::Pushed(Image {
            repository: "web-preview".to_owned(),
            tag: Some(commit.to_owned()),
            digest: Some(format!("sha256:{commit}")),
        }),
        commit: Some(commit.to_owned()),
        run: Some("1".to_owned()),
        now: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours),
        expires_after: SignedDuration::from_hours(168),
        routing: Routing::Host("pr-7.preview.example.com".to_owned()),
        url: None,
        max_previews: 50,
        inherited: Inherited::default(),
        environment_variables: vec![("PREVIEW_PR".to_owned(), "mine".to_owned())],
        secrets: Vec::new(),
        command: None,
        spot: true,
    }
}

/// What there is once these changes were made.
fn made(mut found: Found, changes: &[Reasoned]) -> Found {
    let put = |there: &mut Tags, tags: &Tags| {
        there.retain(|(key, _)| tags.iter().all(|(k, _)| k != key));
        there.extend(tags.iter().cloned());
    };
    let mut registered = None;
    for reasoned in changes {
        let there = &mut found.there;
        let name = of().name();
        let group_arn = "group".to_owned();
        match &reasoned.change {
            Change::CreateTargetGroup { group, tags } => {
                let group = TargetGroup {
                    arn: group_arn,
                    ..group.clone()
                };
                there.group = Some((group, tags.clone()));
            }
            Change::SetDeregistrationDelay { .. } => {}
            Change::CreateRule {
                priority,
                conditions,
                tags,
                ..
            } => {
                let made = rule(
                    &priority.to_string(),
                    &conditions.host_headers[0],
                    &group_arn,
                );
                found.place.rules.push(made.clone());
                there.rule = Some((made, tags.clone()));
            }
            Change::ModifyRule { conditions, .. } => {
                let (rule, _) = there.rule.as_mut().unwrap();
                rule.host_headers.clone_from(&conditions.host_headers);
                rule.fixed_response = None;
                rule.forwards_to = self::rule("1", "x", &group_arn).forwards_to;
            }
            Change::RegisterTaskDefinition { document, .. } => {
                let number = there
                    .revision
                    .as_ref()
                    .map_or(0, |r| r.document["revision"].as_u64().unwrap());
                let mut document = document.clone();
                document.insert("revision".to_owned(), json!(number + 1));
                document.insert("status".to_owned(), json!("ACTIVE"));
                let arn = format!(
                    "arn:aws:ecs:eu-west-1:1:task-definition/{name}:{}",
                    number + 1
                );
                document.insert("taskDefinitionArn".to_owned(), json!(arn));
                registered = Some(arn);
                there.revision = Some(TaskDefinition {
                    document,
                    tags: Vec::new(),
                });
            }
            Change::CreateService {
                service,
                task_definition,
                tags,
            } => {
                there.service = Some(Service {
                    arn: "service".to_owned(),
                    name: service.name.clone(),
                    status: "ACTIVE".to_owned(),
                    task_definition: arn_of(task_definition, &registered),
                    desired_count: service.desired_count,
                    load_balancers: vec![ServiceLoadBalancer {
                        target_group_arn: Some(group_arn),
                        container_name: Some(service.container_name.clone()),
                        container_port: Some(service.container_port),
                        ..ServiceLoadBalancer::default()
                    }],
                    tags: tags.clone(),
                    ..Service::default()
                });
            }
            Change::UpdateService {
                task_definition,
                desired_count,
                ..
            } => {
                let service = there.service.as_mut().unwrap();
                if let Some(task_definition) = task_definition {
                    service.task_definition = arn_of(task_definition, &registered);
                }
                service.desired_count = desired_count.unwrap_or(service.desired_count);
                service.deployments.clear();
            }
            Change::Tag { tags, .. } => {
                there.group.iter_mut().for_each(|(_, t)| put(t, tags));
                there.rule.iter_mut().for_each(|(_, t)| put(t, tags));
                there
                    .service
                    .iter_mut()
                    .for_each(|s| put(&mut s.tags, tags));
            }
        }
    }
    // Without a service gather reads the newest of the family; with one, what it runs.
    found
}

fn arn_of(reference: &TaskDefinitionRef, registered: &Option<String>) -> String {
    match reference {
        TaskDefinitionRef::JustRegistered => registered.clone().unwrap(),
        TaskDefinitionRef::Existing(arn) => arn.clone(),
    }
}

fn words(plan: &Plan) -> Vec<&'static str> {
    plan.changes
        .iter()
        .map(|c| match c.change {
            Change::CreateTargetGroup { .. } => "group",
            Change::SetDeregistrationDelay { .. } => "delay",
            Change::CreateRule { .. } => "rule",
            Change::ModifyRule { .. } => "modify",
            Change::RegisterTaskDefinition { .. } => "revision",
            Change::CreateService { .. } => "service",
            Change::UpdateService { .. } => "update",
            Change::Tag { .. } => "tag",
        })
        .collect()
}

fn up(found: &Found, wanted: &Wanted) -> Found {
    let plan = plan(found, wanted).unwrap();
    made(found.clone(), &plan.changes)
}

#[test]
fn the_first_one_is_made_in_the_order_that_aws_wants() {
    let plan = plan(&found(), &wanted("a", 0)).unwrap();
    assert_eq!(
        words(&plan),
        ["group", "delay", "rule", "revision", "service"]
    );
    let Change::CreateTargetGroup { group, tags } = &plan.changes[0].change else {
        panic!("{plan:?}");
    };
    assert_eq!(group.name, of().name());
    assert_eq!(
        (
            group.health_check_interval_seconds,
            group.health_check_timeout_seconds
        ),
        (10, Some(9))
    );
    assert_eq!(
        (
            group.healthy_threshold_count,
            group.unhealthy_threshold_count
        ),
        (2, 2)
    );
    assert_eq!(group.health_check_path.as_deref(), Some("/healthz"));
    assert!(PreviewOf::of_tags(&of().name(), tags).is_some());
    assert!(tags.contains(&(COMMIT.to_owned(), "a".to_owned())));
    assert!(tags.contains(&(EXPIRES.to_owned(), "1970-01-08T00:00:00Z".to_owned())));
    let Change::CreateService { service, .. } = &plan.changes[4].change else {
        panic!("{plan:?}");
    };
    assert_eq!(service.capacity_providers[0].name, "FARGATE_SPOT");
    assert_eq!(
        (service.launch_type.as_deref(), service.desired_count),
        (None, 1)
    );
    assert_eq!(service.platform_version.as_deref(), Some("1.4.0"));
    let breaker = service
        .deployment_configuration
        .circuit_breaker
        .as_ref()
        .unwrap();
    assert!(breaker.enable && breaker.rollback);
    let environment = &plan.register().unwrap()["containerDefinitions"][0]["environment"];
    assert_eq!(
        *environment,
        json!([{"name": "PREVIEW_URL", "value": "https://pr-7.preview.example.com"}, {"name": "PREVIEW_PR", "value": "7"}])
    );
}

#[test]
fn what_its_task_runs_on() {
    let strategy = vec![CapacityProvider {
        name: "own".to_owned(),
        weight: 1,
        base: 0,
    }];
    for (cluster_has_it, asked, fargate, expected) in [
        (true, true, true, "FARGATE_SPOT"),
        (false, true, true, "FARGATE"),
        (true, false, true, "FARGATE"),
        (true, true, false, "own"),
    ] {
        let mut found = found();
        found.spot = cluster_has_it;
        if !fargate {
            found.base.service.launch_type = None;
            found.base.service.capacity_providers.clone_from(&strategy);
        }
        let wanted = Wanted {
            spot: asked,
            ..wanted("a", 0)
        };
        let plan = plan(&found, &wanted).unwrap();
        let Some(Change::CreateService { service, .. }) = plan.changes.last().map(|c| &c.change)
        else {
            panic!("{plan:?}");
        };
        let providers = service.capacity_providers.iter().map(|p| p.name.as_str());
        let all: Vec<&str> = providers.chain(service.launch_type.as_deref()).collect();
        assert_eq!(all, [expected]);
    }
}

#[test]
fn the_same_commit_is_no_change_until_half_of_its_time_is_over() {
    let there = up(&found(), &wanted("a", 0));
    for (hours, expected) in [
        (0, vec![]),
        (1, vec![]),
        (84, vec![]),
        (85, vec!["tag"]),
        (400, vec!["tag"]),
    ] {
        let plan = plan(&there, &wanted("a", hours)).unwrap();
        assert_eq!(words(&plan), expected, "after {hours} h");
    }
    let later = up(&there, &wanted("a", 100));
    assert_eq!(words(&plan(&later, &wanted("a", 150)).unwrap()), [""; 0]);
}

#[test]
fn what_a_push_and_a_rest_change() {
    let there = up(&found(), &wanted("a", 0));
    assert_eq!(
        words(&plan(&there, &wanted("b", 1)).unwrap()),
        ["revision", "update", "tag"]
    );

    let mut asleep = there.clone();
    let (rule, _) = asleep.there.rule.as_mut().unwrap();
    rule.forwards_to.clear();
    rule.fixed_response = Some("503".to_owned());
    asleep.there.service.as_mut().unwrap().desired_count = 0;
    let woken = plan(&asleep, &wanted("a", 1)).unwrap();
    assert_eq!(words(&woken), ["modify", "update", "tag"]);
    assert!(matches!(
        woken.changes[1].change,
        Change::UpdateService {
            task_definition: None,
            desired_count: Some(1),
            ..
        }
    ));

    let mut failed = there.clone();
    failed.there.service.as_mut().unwrap().deployments = vec![Deployment {
        status: "PRIMARY".to_owned(),
        rollout_state: Some("FAILED".to_owned()),
        ..Deployment::default()
    }];
    let again = plan(&failed, &wanted("a", 1)).unwrap();
    assert!(matches!(
        again.changes[0].change,
        Change::UpdateService {
            force_new_deployment: true,
            ..
        }
    ));

    let mut draining = there.clone();
    draining.there.service.as_mut().unwrap().status = "DRAINING".to_owned();
    let again = plan(&draining, &wanted("a", 1)).unwrap();
    assert_eq!(words(&again), ["service", "tag"]);
    assert!(again.changes[0].why.contains("draining"));

    let elsewhere = Wanted {
        routing: Routing::Host("seven.example.com".to_owned()),
        ..wanted("a", 1)
    };
    assert_eq!(
        words(&plan(&there, &elsewhere).unwrap()),
        ["modify", "revision", "update", "tag"]
    );
}

#[test]
fn what_is_refused() {
    let there = up(&found(), &wanted("a", 0));
    let refused = |found: &Found| plan(found, &wanted("a", 1)).unwrap_err().to_string();
    let mut foreign = found();
    foreign
        .place
        .rules
        .push(rule("20", "pr-7.preview.example.com", "other"));
    assert!(refused(&foreign).contains("rule 20"));
    let mut no_certificate = found();
    no_certificate.certificates = Certificates::NotCovered(vec!["*.example.com".to_owned()]);
    assert!(refused(&no_certificate).contains("`*.example.com`"));
    let mut crowded = found();
    crowded.others = (1..=50).collect();
    assert!(refused(&crowded).contains("50 previews"));
    // One that is there is brought to its commit, however many there are.
    let mut there_already = there.clone();
    there_already.others = (1..=50).collect();
    assert!(plan(&there_already, &wanted("a", 1)).is_ok());
    let mut other_port = there.clone();
    other_port.container_port = 81;
    assert!(refused(&other_port).contains("port 80"));
    let mut other_group = there.clone();
    other_group.there.group.as_mut().unwrap().0.arn = "new".to_owned();
    assert!(refused(&other_group).contains("target group"));
    let mut nameless = found();
    nameless.place.base_way.conditions.host_headers = vec!["*.example.com".to_owned()];
    let by_path = Wanted {
        routing: Routing::Path("/pr-7".to_owned()),
        ..wanted("a", 0)
    };
    assert!(
        plan(&nameless, &by_path)
            .unwrap_err()
            .to_string()
            .contains("wildcards")
    );
    let told = Wanted {
        url: Some("https://x.example".to_owned()),
        ..by_path
    };
    assert_eq!(plan(&nameless, &told).unwrap().url, "https://x.example");
}

#[test]
fn one_of_several_target_groups_is_warned_of() {
    let codes = |found: &Found| {
        let warnings = plan(found, &wanted("a", 0)).unwrap().warnings;
        warnings.into_iter().map(|w| w.code).collect::<Vec<_>>()
    };
    let mut found = found();
    let entry = ServiceLoadBalancer::default();
    found.base.service.load_balancers = vec![entry.clone()];
    assert_eq!(codes(&found), [""; 0]);
    found.base.service.load_balancers = vec![entry.clone(), entry];
    assert_eq!(codes(&found), ["shipway::preflight::one_target_group"]);
}

proptest! {
    /// A run may be killed between any two changes; the next ones may be of other commits, and be killed too.
    #[test]
    fn from_wherever_runs_were_killed_one_run_ends_where_the_next_changes_nothing(
        runs in prop::collection::vec((0..3usize, 0..9usize), 0..6),
    ) {
        let commits = ["a", "b", "c"];
        let mut found = found();
        for (commit, changes) in runs {
            let plan = plan(&found, &wanted(commits[commit], 1)).unwrap();
            let done = changes.min(plan.changes.len());
            found = made(found, &plan.changes[..done]);
            // Gather reads what the service runs, or the newest of the family: here they are the newest or one before.
        }
        let ended = up(&found, &wanted("a", 2));
        prop_assert_eq!(words(&plan(&ended, &wanted("a", 2)).unwrap()), [""; 0]);
        let service = ended.there.service.as_ref().unwrap();
        let revision = ended.there.revision.as_ref().unwrap();
        prop_assert_eq!(Some(service.task_definition.as_str()), revision.arn());
        prop_assert!(revision.document["containerDefinitions"][0]["image"].as_str().unwrap().ends_with("sha256:a"));
        // One rule of ours, and nobody else's was touched.
        let ours = ended.place.rules.iter().filter(|r| r.forwards_to[0].target_group_arn == "group");
        prop_assert_eq!(ours.count(), 1);
        prop_assert_eq!(&ended.place.rules[0], &rule("10", "www.example.com", "base"));
    }
}
