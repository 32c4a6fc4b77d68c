//! The doctor changes nothing, also where it asks by a request: the world is the same before and after.

use shipway_sandbox::World;

use crate::harness::{Scene, play, yaml};

/// Whatever a deploy would change.
fn what_there_is(world: &World) -> String {
    let services: Vec<_> = world
        .ecs
        .services
        .values()
        .map(|s| {
            let deployments: Vec<_> = s.deployments.iter().map(|d| d.id()).collect();
            format!(
                "{} {} {} {deployments:?} {} {} {:?}",
                s.name,
                s.task_definition,
                s.desired,
                s.service_deployments.len(),
                s.events.len(),
                s.members
            )
        })
        .collect();
    let revisions: Vec<_> = world
        .ecs
        .families
        .iter()
        .map(|(family, revisions)| format!("{family} {}", revisions.len()))
        .collect();
    let images: Vec<_> = world
        .ecr
        .registry
        .repositories
        .values()
        .map(|r| format!("{} {:?}", r.name, r.image_tags))
        .collect();
    format!(
        "{services:#?}\n{revisions:?}\n{:?}\n{images:?}\n{:?}\n{:?}",
        world.ecs.tags, world.github.comments, world.github.deployments
    )
}

#[test]
fn it_changes_nothing_though_it_may() {
    // Everything is allowed but to ask IAM: then writes are asked by requests that cannot succeed.
    let role = "{iam: {roles: [{name: shipway-production, policy: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: '*', Resource: '*'}, {Effect: Deny, Action: 'iam:*', Resource: '*'}]}}]},
        github: {permissions: {id-token: write, pull-requests: write, contents: read, deployments: write}}}";
    let before = crate::harness::world_file(&yaml(role))
        .build(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let played = play(Scene {
        world: yaml(role),
        args: ["doctor"]
            .into_iter()
            .chain(crate::harness::SETTINGS)
            .map(str::to_owned)
            .collect(),
        event: "pull_request".to_owned(),
        ..Scene::default()
    });
    assert_eq!(played.exit, 0, "{}", played.stderr);
    let asked: Vec<String> = played
        .calls
        .iter()
        .filter(|c| {
            let writes = ["POST /repos", "Register", "Update"];
            writes.iter().any(|w| c.operation.starts_with(w))
        })
        .map(|c| format!("{} {}", c.operation, c.status))
        .collect();
    assert_eq!(
        asked,
        [
            "RegisterTaskDefinition 400",
            "UpdateService 400",
            "POST /repos/{owner}/{repo}/issues/{issue_number}/comments 422",
            "POST /repos/{owner}/{repo}/deployments 422",
        ]
    );
    let after = played.sandbox.with_world(|w| what_there_is(w));
    assert!(after == what_there_is(&before), "{after}");
}
