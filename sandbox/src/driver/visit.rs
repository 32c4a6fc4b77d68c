//! A request to the application, through a load balancer of the world whose tasks are scripted: no socket, and time may be
//! virtual. Worlds with real tasks have the real data plane of [`crate::alb`] instead.

use bytes::Bytes;
use http::{Request, Response, header};

use super::{Sandbox, wait};
use crate::services::elbv2::routing::{self, Route};
use crate::wire::{Reset, response};
use crate::world::World;

impl Sandbox {
    /// The answer, if the request is for a load balancer at all: for its DNS name, or for a host that a rule names.
    pub(super) async fn visit(
        &self,
        request: &Request<Bytes>,
    ) -> Option<Result<Response<Bytes>, Reset>> {
        let uri = request.uri();
        let named = request.headers().get(header::HOST);
        let host = match uri.host() {
            Some(host) => host.to_owned(),
            None => named?.to_str().ok()?.split(':').next()?.to_owned(),
        };
        let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
            Some("https") => 443,
            _ => 80,
        });
        let path = uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
        let page = {
            let mut inner = self.lock();
            let world = &mut inner.world;
            if world.real_tasks || !is_balanced(world, &host) {
                return None;
            }
            let query = uri.query().unwrap_or_default();
            let headers: Vec<(String, String)> = request
                .headers()
                .iter()
                .filter_map(|(n, v)| Some((n.to_string(), v.to_str().ok()?.to_owned())))
                .collect();
            match routing::route(world, port, &host, uri.path(), query, &headers) {
                Route::Forward { targets, .. } if targets.is_empty() => {
                    return Some(Ok(unavailable()));
                }
                Route::Forward { rewritten, .. } => {
                    let path = rewritten.path_and_query.unwrap_or(path);
                    world.pages.answer(&path, world.now)
                }
                Route::Fixed {
                    status,
                    content_type,
                    body,
                } => {
                    return Some(Ok(response(
                        status,
                        &[("content-type", content_type)],
                        body,
                    )));
                }
                Route::Redirect { status, location } => {
                    return Some(Ok(response(status, &[("location", location)], "")));
                }
                // Nothing listens at that port.
                Route::NoListener => return Some(Err(Reset)),
            }
        };
        wait(page.delay).await;
        if page.reset {
            return Some(Err(Reset));
        }
        let mut answer = response(
            page.status,
            &[("content-type", "text/plain".to_owned())],
            page.body,
        );
        for (name, value) in &page.headers {
            if let (Ok(name), Ok(value)) = (
                name.parse::<header::HeaderName>(),
                value.parse::<header::HeaderValue>(),
            ) {
                answer.headers_mut().insert(name, value);
            }
        }
        Some(Ok(answer))
    }
}

fn is_balanced(world: &World, host: &str) -> bool {
    let by_name = world
        .elbv2
        .load_balancers
        .values()
        .any(|b| b.dns_name.eq_ignore_ascii_case(host));
    by_name
        || world
            .elbv2
            .rules
            .values()
            .flat_map(|r| r.conditions.as_array().into_iter().flatten())
            .filter(|c| c["Field"] == "host-header")
            .flat_map(routing::values_of)
            .any(|pattern| routing::matches(&pattern.to_lowercase(), &host.to_lowercase()))
}

/// As an ALB words it.
fn unavailable() -> Response<Bytes> {
    response(
        503,
        &[
            ("server", "awselb/2.0".to_owned()),
            ("content-type", "text/html".to_owned()),
        ],
        "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n",
    )
}
