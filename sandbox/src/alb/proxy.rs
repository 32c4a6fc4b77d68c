//! One request through the load balancer: rule, target, answer.
//!
//! Knows what an ALB adds to a request, and which of its own answers stands for which trouble with a target. Does not
//! know how rules are matched.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy;

use super::body::{Activity, Body, full};
use super::{Asked, Balancer, Route};

/// Those that concern one connection only, beside the ones that `Connection` names.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

pub async fn answer(
    balancer: &Balancer,
    request: Request<Incoming>,
    source: SocketAddr,
) -> Response<Body> {
    let host = host(&request);
    let route = balancer.routes.route(&Asked {
        listener_port: balancer.listener_port,
        host: &host,
        method: request.method(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        source,
    });
    match route {
        Route::FixedResponse {
            status,
            content_type,
            body,
        } => fixed(status, content_type.as_deref(), body),
        Route::Redirect { status, location } => redirect(status, &location),
        Route::Forward {
            target_group_arn,
            targets,
            rewritten,
        } => match balancer.next(&target_group_arn, &targets) {
            // No target is registered, or none may be used.
            None => own(StatusCode::SERVICE_UNAVAILABLE),
            Some((address, port)) => match balancer.routes.reach(address, *port) {
                // Nothing listens at an address that no running task has.
                None => own(StatusCode::BAD_GATEWAY),
                Some(target) => {
                    let host = rewritten.host.as_deref().unwrap_or(&host);
                    let path = rewritten.path_and_query.as_deref();
                    forward(balancer, request, (host, path), source, target).await
                }
            },
        },
    }
}

async fn forward(
    balancer: &Balancer,
    request: Request<Incoming>,
    (host, rewritten): (&str, Option<&str>),
    source: SocketAddr,
    target: SocketAddr,
) -> Response<Body> {
    let activity = Activity::new(balancer.idle_timeout);
    let (mut parts, body) = request.into_parts();
    let came = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = rewritten.unwrap_or(came);
    let Ok(uri) = Uri::builder()
        .scheme("http")
        .authority(target.to_string())
        .path_and_query(path)
        .build()
    else {
        return own(StatusCode::BAD_REQUEST);
    };
    parts.uri = uri;
    parts.version = Version::HTTP_11;
    drop_hop_by_hop(&mut parts.headers);
    if let Ok(host) = HeaderValue::from_str(host) {
        parts.headers.insert(header::HOST, host);
    }
    say_who_asked(&mut parts.headers, source, balancer.listener_port);

    let answered = balancer
        .client
        .request(Request::from_parts(parts, activity.watch(body)));
    let mut answered = pin!(answered);
    let answered = tokio::select! {
        biased;
        answered = answered.as_mut() => answered,
        _ = activity.idle() => return own(StatusCode::GATEWAY_TIMEOUT),
    };
    match answered {
        Ok(response) => {
            let (mut parts, body) = response.into_parts();
            parts.version = Version::HTTP_11;
            drop_hop_by_hop(&mut parts.headers);
            Response::from_parts(parts, activity.watch(body))
        }
        Err(error) if timed_out(&error) => own(StatusCode::GATEWAY_TIMEOUT),
        // Refused, reset, or an answer that is no HTTP.
        Err(_) => own(StatusCode::BAD_GATEWAY),
    }
}

/// The host header, or the authority of a request that was sent as to a proxy.
fn host(request: &Request<Incoming>) -> String {
    let header = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    header
        .or_else(|| {
            request
                .uri()
                .authority()
                .map(|authority| authority.as_str())
        })
        .unwrap_or_default()
        .to_owned()
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

fn say_who_asked(headers: &mut HeaderMap, source: SocketAddr, port: u16) {
    const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    let before = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let chain = before
        .map(str::to_owned)
        .chain([source.ip().to_string()])
        .collect::<Vec<_>>()
        .join(", ");
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    headers.insert(
        HeaderName::from_static("x-forwarded-proto"),
        HeaderValue::from_static("http"),
    );
    headers.insert(
        HeaderName::from_static("x-forwarded-port"),
        HeaderValue::from(port),
    );
    const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
    if !headers.contains_key(TRACE_ID) {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let id = format!("Root=1-{seconds:08x}-{:024x}", fastrand::u128(..) >> 32);
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(TRACE_ID, id);
        }
    }
}

fn timed_out(error: &legacy::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let timed_out = error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut);
        if timed_out || error.is::<super::body::Idle>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An answer of the load balancer itself, with the page that ELB sends.
fn own(status: StatusCode) -> Response<Body> {
    let title = format!("{} {}", status.as_u16(), reason(status));
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = Response::new(full(page));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::SERVER, HeaderValue::from_static("awselb/2.0"));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// ELB says "Gateway Time-out" where the registry of status codes says "Gateway Timeout", and "Service Temporarily Unavailable".
fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => "Service Temporarily Unavailable",
        StatusCode::GATEWAY_TIMEOUT => "Gateway Time-out",
        other => other.canonical_reason().unwrap_or_default(),
    }
}

fn fixed(status: u16, content_type: Option<&str>, body: String) -> Response<Body> {
    let Ok(status) = StatusCode::from_u16(status) else {
        return own(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::SERVER, HeaderValue::from_static("awselb/2.0"));
    let content_type = HeaderValue::from_str(content_type.unwrap_or("text/plain"))
        .unwrap_or(HeaderValue::from_static("text/plain"));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

fn redirect(status: u16, location: &str) -> Response<Body> {
    let (Ok(status), Ok(location)) = (
        StatusCode::from_u16(status),
        HeaderValue::from_str(location),
    ) else {
        return own(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = own(status);
    response.headers_mut().insert(header::LOCATION, location);
    response
}
