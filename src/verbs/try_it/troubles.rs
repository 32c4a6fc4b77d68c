//! What `shipway try --trouble` can make go wrong: a table of how, and of the exit code that `deploy` answers with.
//!
//! The troubles are real where they can be: the built-in page misbehaves in its container, the role lacks the permission,
//! the image is gone from the registry. Only throttling is scripted.

use std::time::Duration;

use serde_json::{Value, json};
use shipway_sandbox::scenario::{Action, Entry, UpdateService, When, WorldFile};
use shipway_sandbox::seed_world::SERVICE;
use shipway_sandbox::wire::trouble::{Effect, Rule};

use super::page::{Executable, Misbehaviour};

#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    pub name: &'static str,
    pub about: &'static str,
    /// What `deploy` exits with.
    pub exit_code: u8,
    pub page: Misbehaviour,
    /// Further arguments of `deploy`.
    pub arguments: &'static [&'static str],
    /// Does to the world what the trouble needs; the second argument is the image of the old page.
    pub world: fn(&mut WorldFile, &str),
}

impl Trouble {
    pub fn find(name: &str) -> Option<&'static Trouble> {
        TROUBLES.iter().find(|trouble| trouble.name == name)
    }

    pub fn needs_page(&self) -> bool {
        !self.page.is_none()
    }
}

/// A trouble that one of the other members makes.
const fn trouble(name: &'static str, exit_code: u8, about: &'static str) -> Trouble {
    Trouble {
        name,
        about,
        exit_code,
        page: GOOD,
        arguments: &[],
        world: |_, _| {},
    }
}

const GOOD: Misbehaviour = Misbehaviour {
    variables: &[],
    server: Executable::Good,
};

const fn page(variables: &'static [(&'static str, &'static str)]) -> Misbehaviour {
    Misbehaviour { variables, ..GOOD }
}

const fn server(server: Executable) -> Misbehaviour {
    Misbehaviour { server, ..GOOD }
}

const CRASH: Misbehaviour = page(&[("PAGE_CRASH_AFTER", "0")]);

pub const TROUBLES: &[Trouble] = &[
    Trouble {
        page: CRASH,
        world: |file, _| breaker(file, false),
        ..trouble(
            "crash-loop",
            1,
            "the container exits with 1 as soon as it starts; the circuit breaker stops the deployment",
        )
    },
    Trouble {
        page: page(&[("PAGE_EXIT", "0")]),
        world: |file, _| breaker(file, false),
        ..trouble(
            "exit-0",
            1,
            "the container ends with 0 at once, as a job does that was deployed as a service",
        )
    },
    Trouble {
        page: server(Executable::Missing),
        world: |file, _| breaker(file, false),
        ..trouble(
            "entrypoint-missing",
            1,
            "the image's entrypoint is no file of the image",
        )
    },
    Trouble {
        page: server(Executable::NoExecuteBit),
        world: |file, _| breaker(file, false),
        ..trouble(
            "entrypoint-not-executable",
            1,
            "the image's entrypoint is a file without the permission to execute it",
        )
    },
    Trouble {
        page: server(Executable::Foreign),
        world: |file, _| breaker(file, false),
        ..trouble(
            "exec-format-error-late",
            1,
            "the image says it is for linux/amd64, but its program is not, and the kernel refuses it",
        )
    },
    Trouble {
        arguments: &["--platform", "linux/arm64"],
        ..trouble(
            "exec-format-error",
            6,
            "the image is built for another architecture than the tasks have",
        )
    },
    Trouble {
        page: page(&[("PAGE_STATUS", "500")]),
        world: |file, _| breaker(file, false),
        ..trouble(
            "unhealthy",
            1,
            "the page answers health checks with 500; the circuit breaker stops the deployment",
        )
    },
    Trouble {
        page: page(&[("PAGE_NO_HEALTHZ", "1")]),
        world: |file, _| {
            breaker(file, false);
            for group in &mut file.target_groups {
                group.path = Some("/healthz".to_owned());
            }
        },
        ..trouble(
            "health-path",
            1,
            "the new page answers the health check's path with 404; the circuit breaker stops the deployment",
        )
    },
    Trouble {
        page: page(&[("PAGE_START_AFTER", "60")]),
        world: |file, _| {
            breaker(file, false);
            for service in &mut file.services {
                service.grace_period = Some(5);
            }
        },
        ..trouble(
            "slow-start",
            1,
            "the page needs longer to start than the health check's grace period",
        )
    },
    Trouble {
        page: page(&[("PORT", "8080")]),
        world: |file, _| breaker(file, false),
        ..trouble(
            "wrong-port",
            1,
            "the page listens on port 8080, and its target is port 80",
        )
    },
    Trouble {
        page: page(&[("PAGE_LISTEN", "127.0.0.1")]),
        world: |file, _| breaker(file, false),
        ..trouble(
            "wrong-address",
            1,
            "the page listens on its own loopback address, where no load balancer reaches it",
        )
    },
    Trouble {
        page: page(&[("PAGE_EAT_MEMORY", "1")]),
        world: |file, _| {
            breaker(file, false);
            for service in &mut file.services {
                // Fargate's smallest task: what it may take is soon taken.
                service.memory = Some("512".to_owned());
                service.cpu = Some("256".to_owned());
            }
        },
        ..trouble(
            "out-of-memory",
            1,
            "the container takes more memory than it may",
        )
    },
    Trouble {
        world: |file, _| {
            breaker(file, false);
            let gone = Action {
                delete_image_of: Some(SERVICE.to_owned()),
                ..Action::default()
            };
            after_the_update(file, Duration::ZERO, gone);
        },
        ..trouble(
            "image-missing",
            1,
            "the image is deleted after the preflight, before a task can pull it",
        )
    },
    Trouble {
        page: CRASH,
        world: |file, _| breaker(file, true),
        ..trouble(
            "rollback",
            1,
            "the container crashes, and the circuit breaker rolls the service back",
        )
    },
    Trouble {
        world: |file, old_image| {
            let update = UpdateService {
                service: SERVICE.to_owned(),
                image: Some(old_image.to_owned()),
                ..UpdateService::default()
            };
            let newer = Action {
                update_service: Some(update),
                ..Action::default()
            };
            after_the_update(file, Duration::from_secs(3), newer);
        },
        ..trouble(
            "superseded",
            0,
            "somebody deploys a newer revision while this one rolls out",
        )
    },
    Trouble {
        world: |file, _| {
            // Twice: the SDK's own retries bear it. The looks of the wait are not retried, but paced.
            throttle(file, "DescribeServices", 2);
            throttle(file, "*ServiceDeployments", 2);
            throttle(file, "DescribeTasks", 2);
        },
        ..trouble("throttled", 0, "Amazon ECS throttles for a while")
    },
    Trouble {
        world: |file, _| {
            for role in &mut file.iam.roles {
                role.policy = all_but_update_service();
            }
        },
        ..trouble(
            "denied",
            4,
            "the role's policies do not allow ecs:UpdateService",
        )
    },
];

/// The deployment circuit breaker, with a threshold that is soon reached.
fn breaker(file: &mut WorldFile, rollback: bool) {
    for service in &mut file.services {
        service.breaker = Some(json!({
            "enable": true,
            "rollback": rollback,
            "thresholdConfiguration": {"type": "COUNT", "value": 2},
        }));
    }
}

fn after_the_update(file: &mut WorldFile, at: Duration, action: Action) {
    file.timeline.push(Entry {
        when: When::Updated,
        at,
        action,
    });
}

fn throttle(file: &mut WorldFile, operation: &str, times: u32) {
    file.trouble.rules.push(Rule {
        operation: operation.to_owned(),
        service: Some("ecs".to_owned()),
        region: None,
        effect: Effect::Throttle,
        from: Duration::ZERO,
        until: None,
        times: Some(times),
        delay: Duration::ZERO,
        message: None,
    });
}

/// What people write when they list the actions one by one, and forget one.
fn all_but_update_service() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": [
                "ecr:*", "elasticloadbalancing:Describe*", "logs:*", "ecs:Describe*", "ecs:List*",
                "ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole",
            ],
            "Resource": "*",
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::{TROUBLES, Trouble};

    #[test]
    fn names_are_found_and_differ() {
        for trouble in TROUBLES {
            assert_eq!(
                Trouble::find(trouble.name).map(|found| found.about),
                Some(trouble.about)
            );
        }
        assert!(Trouble::find("boredom").is_none());
    }
}
