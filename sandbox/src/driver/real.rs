//! The sandbox as the load balancer's data plane and the runtime of real containers see it.
//!
//! Knows: which question of theirs is which function of the world. Does not know sockets or Docker.

use std::net::SocketAddr;

use crate::alb::{self, Asked, Routes};
use crate::driver::Sandbox;
use crate::runtimes::docker::{DockerCredentials, Tasks};
use crate::services::elbv2::{routing, target_health};
use crate::world::{Effect, Fact};

/// The user that ECR's registry takes passwords for.
const REGISTRY_USER: &str = "AWS";

impl Routes for Sandbox {
    fn route(&self, asked: &Asked<'_>) -> alb::Route {
        let headers: Vec<(String, String)> = asked
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let met = self.with_world(|world| {
            routing::route(
                world,
                asked.listener_port,
                asked.host,
                asked.path,
                asked.query,
                &headers,
            )
        });
        match met {
            routing::Route::Forward {
                target_group_arn,
                targets,
                rewritten,
            } => alb::Route::Forward {
                target_group_arn,
                targets,
                rewritten,
            },
            routing::Route::Fixed {
                status,
                content_type,
                body,
            } => alb::Route::FixedResponse {
                status,
                content_type: Some(content_type),
                body,
            },
            routing::Route::Redirect { status, location } => {
                alb::Route::Redirect { status, location }
            }
            // The listener was deleted while its port is still open here: as with no target, the answer is ELB's 503.
            routing::Route::NoListener => alb::Route::Forward {
                target_group_arn: String::new(),
                targets: Vec::new(),
                rewritten: alb::Rewritten::default(),
            },
        }
    }

    fn checks(&self) -> Vec<alb::HealthCheck> {
        let due = self.with_world(|world| target_health::checks_due(world));
        let check = |due: target_health::HealthCheck| alb::HealthCheck {
            target_group_arn: due.target_group_arn,
            address: due.address,
            port: due.port,
            check_port: due.check_port,
            protocol: due.protocol,
            path: due.path,
            interval: due.interval,
            timeout: due.timeout,
            matcher: due.matcher,
        };
        due.into_iter().map(check).collect()
    }

    fn reach(&self, address: &str, port: u16) -> Option<SocketAddr> {
        self.with_world(|world| {
            let key = (address.to_owned(), port);
            world.ecs.reachable.get(&key).copied()
        })
    }

    fn learn(&self, fact: Fact) {
        Sandbox::learn(self, fact);
    }
}

impl Tasks for Sandbox {
    fn take_effects(&self) -> Vec<Effect> {
        Sandbox::take_effects(self)
    }

    fn learn(&self, fact: Fact) {
        Sandbox::learn(self, fact);
    }

    fn credentials(&self, registry: &str) -> Option<DockerCredentials> {
        let ours = self.with_world(|world| world.ecr.host(&world.place) == registry);
        ours.then(|| DockerCredentials {
            username: Some(REGISTRY_USER.to_owned()),
            password: Some(self.registry_password()),
            ..DockerCredentials::default()
        })
    }
}

/// The same data plane behind a further listener: each target is checked once, by the first one.
pub struct FurtherListener(pub Sandbox);

impl Routes for FurtherListener {
    fn route(&self, asked: &Asked<'_>) -> alb::Route {
        Routes::route(&self.0, asked)
    }

    fn checks(&self) -> Vec<alb::HealthCheck> {
        Vec::new()
    }

    fn reach(&self, address: &str, port: u16) -> Option<SocketAddr> {
        self.0.reach(address, port)
    }

    fn learn(&self, fact: Fact) {
        self.0.learn(fact);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::Clock;
    use crate::seed_world::{LOAD_BALANCER, Parameters, seed_world};
    use crate::wire::trouble::Trouble;

    fn sandbox() -> Sandbox {
        let clock = Clock::real();
        let world = seed_world(Parameters::default()).build(clock.now());
        Sandbox::new(world.unwrap(), clock, Trouble::default())
    }

    fn route(sandbox: &Sandbox, listener_port: u16) -> alb::Route {
        Routes::route(
            sandbox,
            &Asked {
                listener_port,
                host: "127.0.0.1:80",
                method: &Method::GET,
                path: "/",
                query: "",
                headers: &HeaderMap::new(),
                source: SocketAddr::from(([127, 0, 0, 1], 1)),
            },
        )
    }

    #[test]
    fn a_request_goes_to_the_services_target_and_nowhere_without_a_listener() {
        let sandbox = sandbox();
        let alb::Route::Forward { targets, .. } = route(&sandbox, 80) else {
            panic!("{LOAD_BALANCER} forwards");
        };
        assert_eq!(targets.len(), 1);
        let nowhere = alb::Route::Forward {
            target_group_arn: String::new(),
            targets: Vec::new(),
            rewritten: alb::Rewritten::default(),
        };
        assert_eq!(route(&sandbox, 81), nowhere, "which is a 503");
    }

    #[test]
    fn only_the_own_registry_gets_a_password() {
        let sandbox = sandbox();
        let own = sandbox.with_world(|world| world.ecr.host(&world.place));
        assert!(sandbox.credentials(&own).is_some());
        assert!(sandbox.credentials("docker.io").is_none());
    }

    #[test]
    fn a_further_listener_checks_no_target_a_second_time() {
        let sandbox = sandbox();
        assert_eq!(sandbox.checks().len(), 1);
        assert!(FurtherListener(sandbox).checks().is_empty());
    }
}
