//! Twenty deploys in one account, begun in the same second: nobody may be throttled.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use serde_json::json;
use shipway_sandbox::scenario::{ServiceFile, TargetGroupFile, WorldFile};
use shipway_sandbox::{Clock, Sandbox};

use crate::killable::{Killable, in_virtual_time};
use crate::simulation::stage::variables;

const DEPLOYS: usize = 20;
/// Jobs of one push do not start in the same instant: what each reads before its update is 60 calls of ELBv2's together, of
/// which the account has 40 at once and 10 a second.
const APART: Duration = Duration::from_millis(250);
const WORLD: &str = include_str!("../../tests/scenarios/world.yml");

/// Whether a target was missed.
pub fn twenty() -> bool {
    in_virtual_time(async {
        let sandbox = world();
        let directory = tempfile::tempdir().unwrap();
        let runs = (0..DEPLOYS).map(|number| {
            let (sandbox, cwd) = (&sandbox, directory.path());
            async move {
                tokio::time::sleep(APART * number as u32).await;
                let args = [
                    "deploy",
                    "--aws-region=eu-west-1",
                    "--role-to-assume=arn:aws:iam::111122223333:role/shipway-production",
                    "--cluster=prod",
                    "--image=v2",
                    "--ecr-repository=web",
                    "--comment=off",
                    "--github-deployment=off",
                ];
                let service = format!("--service={}", name(number));
                Killable {
                    sandbox,
                    args: args
                        .map(str::to_owned)
                        .into_iter()
                        .chain([service])
                        .collect(),
                    vars: variables(sandbox),
                    cwd,
                    kill: None,
                    latency: Duration::from_millis(20),
                    watcher: None,
                }
                .run()
                .await
            }
        });
        let done = join_all(runs).await;
        let failed = done.iter().filter(|lived| lived.exit != Some(0)).count();
        let calls = sandbox.recorded();
        let throttled = |r: &&shipway_sandbox::wire::record::Record| {
            r.error
                .as_deref()
                .is_some_and(|e| e.contains("Rate exceeded"))
        };
        let mut by_name = BTreeMap::<String, usize>::new();
        for record in calls.iter().filter(throttled) {
            *by_name.entry(record.name()).or_default() += 1;
        }
        println!(
            "\n{DEPLOYS} deploys at once: {failed} failed, {} calls, throttled {by_name:?} = none; the last took {:.0?}",
            calls.len(),
            done.iter()
                .map(|lived| lived.took)
                .max()
                .unwrap_or_default(),
        );
        failed > 0 || !by_name.is_empty()
    })
}

fn name(number: usize) -> String {
    format!("web-{number:02}")
}

fn world() -> Sandbox {
    fastrand::seed(7);
    let mut file = WorldFile::parse(WORLD).unwrap();
    file.trouble.limits = true;
    let names: Vec<String> = (0..DEPLOYS).map(name).collect();
    file.target_groups = (names.iter())
        .map(|name| TargetGroupFile {
            name: name.clone(),
            ..TargetGroupFile::default()
        })
        .collect();
    file.services = (names.iter())
        .map(|name| ServiceFile {
            cluster: Some("prod".to_owned()),
            name: name.clone(),
            desired: Some(2),
            image: "ecr:web:v1".to_owned(),
            port: Some(80),
            target_group: Some(name.clone()),
            breaker: Some(json!({ "enable": true, "rollback": true })),
            ..ServiceFile::default()
        })
        .collect();
    let rules = (names.iter().enumerate()).map(|(number, name)| {
        json!({ "priority": number + 1, "host": format!("{name}.example.com"), "forward": [name] })
    });
    let listener = json!({ "port": 443, "protocol": "HTTPS", "rules": rules.collect::<Vec<_>>() });
    let balancer = json!({ "name": "web-alb", "listeners": [listener] });
    file.load_balancers = vec![serde_json::from_value(balancer).unwrap()];
    let trouble = file.trouble.clone();
    let world = file.build(SystemTime::UNIX_EPOCH).unwrap();
    let clock = Clock::starting_at(world.now);
    Sandbox::new(world, clock, trouble)
}
