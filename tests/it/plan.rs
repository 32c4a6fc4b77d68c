//! A plan is the value that a deploy applies: a deploy right after it prints the same lines and does what they say.

use crate::harness::{Played, SETTINGS, Scene, play, yaml};

/// The verb with the usual settings and these, in a world where the image of the commit is there.
fn played(verb: &str, args: &[&str], world: &str) -> Played {
    let args = [verb]
        .into_iter()
        .chain(SETTINGS)
        .chain(args.iter().copied());
    play(Scene {
        args: args.map(str::to_owned).collect(),
        world: yaml(world),
        event: "push".to_owned(),
        git: true,
        files: [
            (
                "Dockerfile".to_owned(),
                "FROM scratch\nCOPY . /\n".to_owned(),
            ),
            ("task.yml".to_owned(), TASK.to_owned()),
        ]
        .into(),
        ..Scene::default()
    })
}

const TASK: &str = "
family: other
networkMode: awsvpc
requiresCompatibilities: [FARGATE]
cpu: '256'
memory: '512'
executionRoleArn: arn:aws:iam::111122223333:role/ecsTaskExecutionRole
containerDefinitions: [{ name: web, image: x, portMappings: [{ containerPort: 80 }] }]
";

const THERE: &str = "
repositories:
  - name: web
    images: [{ tags: [v1] }, { tags: [v2] }, { tags: [HEAD_SHA], labels: { shipway.build-key: BUILD_KEY } }]
";

/// The lines between `Plan` and what follows it, without their indent.
fn planned_by_deploy(deployed: &Played, count: usize) -> Vec<String> {
    let after = deployed.stderr.split("\nPlan\n").nth(1);
    let lines = after
        .unwrap_or_else(|| panic!("no plan: {}", deployed.stderr))
        .lines();
    lines
        .take(count)
        .map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned())
        .collect()
}

#[test]
fn a_deploy_prints_and_does_what_the_plan_said() {
    let cases: [(&str, &[&str]); 9] = [
        ("the commit's image", &["--ecr-repository", "web"]),
        (
            "a given image",
            &["--ecr-repository", "web", "--image", "v2"],
        ),
        (
            "what runs already",
            &["--ecr-repository", "web", "--image", "v1"],
        ),
        (
            "a count alone",
            &[
                "--ecr-repository",
                "web",
                "--image",
                "v1",
                "--desired-count",
                "3",
            ],
        ),
        (
            "force",
            &[
                "--ecr-repository",
                "web",
                "--image",
                "v1",
                "--force-new-deployment",
            ],
        ),
        (
            "overrides",
            &[
                "--ecr-repository",
                "web",
                "--environment-variables",
                "A=b",
                "--secrets",
                "C=/d",
                "--command",
                "x y",
            ],
        ),
        (
            "another family's file",
            &["--ecr-repository", "web", "--task-definition", "task.yml"],
        ),
        (
            "a revision that exists",
            &[
                "--image",
                "v1",
                "--ecr-repository",
                "web",
                "--task-definition",
                "web:1",
            ],
        ),
        (
            "a refusal",
            &["--ecr-repository", "web", "--container-name", "wbe"],
        ),
    ];
    for (what, args) in cases {
        let plan = played("plan", args, THERE);
        assert_eq!(plan.changes(), Vec::<String>::new(), "{what}");
        let with: Vec<&str> = [args, &["--stable-for", "0"]].concat();
        let deploy = played("deploy", &with, THERE);
        if plan.exit != 0 {
            assert_eq!(plan.exit, deploy.exit, "{what}");
            assert_eq!(plan.stdout, "", "{what}");
            continue;
        }
        assert_eq!(deploy.exit, 0, "{what}: {}", deploy.stderr);
        let said: Vec<String> = plan.stdout.lines().map(str::to_owned).collect();
        assert!(!said.is_empty(), "{what}");
        assert_eq!(said, planned_by_deploy(&deploy, said.len()), "{what}");

        let does = |needle: &str| said.iter().any(|line| line.starts_with(needle));
        let did = |call: &str| deploy.changes().iter().any(|c| c == call);
        for (says, call) in [
            ("register a revision", "ecs:RegisterTaskDefinition"),
            ("update service", "ecs:UpdateService"),
            ("tag ", "ecs:TagResource"),
        ] {
            assert_eq!(does(says), did(call), "{what}: {call}\n{said:?}");
        }
        let changed = |played: &Played| {
            let after = played.outputs.split("changed<<").nth(1).unwrap();
            after.lines().nth(1).unwrap().to_owned()
        };
        assert_eq!(changed(&plan), changed(&deploy), "{what}");
    }
}
