//! The OCI distribution protocol in front of the world's registry: what `docker login`, `push` and `pull` speak.
//!
//! Knows: ECR's door (passwords, policies, missing repositories, immutable tags). Does not know: the protocol itself,
//! which is `ferro-oci-server`'s; it is given the world's registry as its store.

mod store;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use base64::Engine;
use bytes::Bytes;
use ferro_oci_server::AppState;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::Clock;
use crate::driver::{Inner, lock};
use crate::iam::policy::Context;
use crate::services::ecr::{self, Entry};
use crate::wire::record::Record;
use crate::wire::trouble::{Asked, Effect as Strike};
use crate::wire::{Protocol, Reset, header, response};
use crate::world::registry::{PutRefusal, digest_of};

/// No manifest is larger (ECR allows 4 MiB).
const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;

const EXPIRED: &str = "Your authorization token has expired. Reauthenticate and try again.";

#[derive(Clone)]
pub struct Oci {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
    router: axum::Router,
}

/// What a path under `/v2/` is about.
struct Target<'a> {
    repository: &'a str,
    kind: &'static str,
    /// Tag, digest or upload.
    reference: &'a str,
}

impl<'a> Target<'a> {
    fn parse(path: &'a str) -> Option<Target<'a>> {
        let rest = path.strip_prefix("/v2/")?;
        [
            "/blobs/uploads/",
            "/blobs/",
            "/manifests/",
            "/tags/",
            "/referrers/",
        ]
        .into_iter()
        .find_map(|kind| {
            let at = rest.rfind(kind)?;
            Some(Target {
                repository: &rest[..at],
                kind,
                reference: rest[at + kind.len()..].trim_end_matches('/'),
            })
        })
    }

    /// The name that trouble and records know the call by.
    fn template(&self) -> &'static str {
        match self.kind {
            "/blobs/uploads/" => "/v2/{name}/blobs/uploads/{reference}",
            "/blobs/" => "/v2/{name}/blobs/{digest}",
            "/manifests/" => "/v2/{name}/manifests/{reference}",
            "/tags/" => "/v2/{name}/tags/list",
            _ => "/v2/{name}/referrers/{digest}",
        }
    }

    /// The action that a policy must allow.
    fn action(&self, method: &Method) -> &'static str {
        match (self.kind, method.as_str()) {
            ("/blobs/uploads/", "POST") => "ecr:InitiateLayerUpload",
            ("/blobs/uploads/", "PUT") => "ecr:CompleteLayerUpload",
            ("/blobs/uploads/", _) => "ecr:UploadLayerPart",
            ("/blobs/", "HEAD") => "ecr:BatchCheckLayerAvailability",
            ("/blobs/", _) => "ecr:GetDownloadUrlForLayer",
            ("/manifests/", "PUT") => "ecr:PutImage",
            ("/manifests/", "DELETE") => "ecr:BatchDeleteImage",
            ("/tags/", _) => "ecr:ListImages",
            _ => "ecr:BatchGetImage",
        }
    }
}

impl Oci {
    pub(crate) fn new(inner: Arc<Mutex<Inner>>, clock: Clock) -> Oci {
        let store = Arc::new(store::Store::new(Arc::clone(&inner), clock));
        let router = ferro_oci_server::router(AppState::new(store.clone(), store));
        Oci {
            inner,
            clock,
            router,
        }
    }

    /// Answers a request whose body is in memory already.
    pub async fn serve_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Reset> {
        let (parts, body) = self.serve(request.map(Body::from)).await?.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap_or_default();
        Ok(Response::from_parts(parts, body))
    }

    /// Answers a request; layers stream through.
    pub async fn serve(&self, request: Request<Body>) -> Result<Response<Body>, Reset> {
        let operation =
            Target::parse(request.uri().path()).map_or("/v2/", |target| target.template());
        let operation = format!("{} {operation}", request.method());
        let fate = lock(&self.inner, &self.clock)
            .troubles
            .fate(Asked::outside("oci", &operation), self.clock.now());
        if !fate.delay.is_zero() {
            tokio::time::sleep(fate.delay).await;
        }
        if fate.strike == Some(Strike::Reset) {
            return Err(Reset);
        }
        let checked = match struck(fate.strike).map_or_else(|| self.admit(&request), Err) {
            Ok(()) => self.check_put(request).await,
            Err(refused) => Err(refused),
        };
        let mut answered = match checked {
            Ok(request) => self
                .router
                .clone()
                .oneshot(request)
                .await
                .unwrap_or_else(|never| match never {}),
            Err(refused) => (*refused).map(Body::from),
        };
        if fate.strike == Some(Strike::LostAnswer) {
            return Err(Reset);
        }
        answered.headers_mut().insert(
            "docker-distribution-api-version",
            http::HeaderValue::from_static("registry/2.0"),
        );
        Ok(answered)
    }

    /// Who is at the door, whether the repository exists, and whether its policies let them do this.
    fn admit(&self, request: &Request<Body>) -> Result<(), Box<Response<Bytes>>> {
        let inner = lock(&self.inner, &self.clock);
        let world = &inner.world;
        let authorization = header(request.headers(), "authorization");
        let password = basic(authorization)
            .filter(|(user, _)| user == "AWS")
            .map(|(_, password)| password)
            .unwrap_or_default();
        let caller = match world.ecr.entry(&password, world.now) {
            Entry::Open(caller) => caller,
            Entry::Expired => return Err(refusal(StatusCode::FORBIDDEN, "DENIED", EXPIRED)),
            Entry::Unknown => {
                let scheme = if world.ecr.registry_host.is_some() {
                    "http"
                } else {
                    "https"
                };
                let realm = format!(
                    "Basic realm=\"{scheme}://{}/\",service=\"ecr.amazonaws.com\"",
                    world.ecr.host(&world.place)
                );
                let headers = [
                    ("www-authenticate", realm),
                    ("content-type", "text/plain; charset=utf-8".to_owned()),
                ];
                return Err(Box::new(response(401, &headers, "Not Authorized\n")));
            }
        };
        let Some(target) = Target::parse(request.uri().path()) else {
            return Ok(());
        };
        if let Some(caller) = caller {
            let resource = ecr::arn(&world.place, target.repository);
            let action = target.action(request.method());
            if let Err(error) = world.iam.authorise(
                &caller,
                Protocol::Json11,
                action,
                &[resource],
                &Context::new(),
            ) {
                return Err(refusal(StatusCode::FORBIDDEN, "DENIED", &error.message));
            }
        }
        if !world
            .ecr
            .registry
            .repositories
            .contains_key(target.repository)
        {
            return Err(refusal(
                StatusCode::NOT_FOUND,
                "NAME_UNKNOWN",
                &ecr::no_such_repository(&world.place, target.repository),
            ));
        }
        if target.kind == "/manifests/" && request.method() == Method::GET {
            drop(inner);
            let mut inner = lock(&self.inner, &self.clock);
            let now = inner.world.now;
            inner
                .world
                .ecr
                .registry
                .pulled(target.repository, target.reference, now);
        }
        Ok(())
    }

    /// A tag that may not move refuses another manifest; the same one is welcome again.
    async fn check_put(
        &self,
        request: Request<Body>,
    ) -> Result<Request<Body>, Box<Response<Bytes>>> {
        let path = request.uri().path().to_owned();
        let target = Target::parse(&path).filter(|target| target.kind == "/manifests/");
        let (Some(target), &Method::PUT) = (target, request.method()) else {
            return Ok(request);
        };
        let (parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, MANIFEST_LIMIT).await else {
            return Err(refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "MANIFEST_INVALID",
                "the manifest is larger than 4 MiB",
            ));
        };
        let tag = (!target.reference.contains(':')).then_some(target.reference);
        let digest = digest_of(&body);
        let mut inner = lock(&self.inner, &self.clock);
        let verdict = inner
            .world
            .ecr
            .registry
            .repositories
            .get(target.repository)
            .map(|repository| repository.admits(tag, &digest));
        let refused = verdict == Some(Err(PutRefusal::TagIsImmutable));
        inner.record(Record {
            n: 0,
            at: String::new(),
            service: "oci".to_owned(),
            operation: "PUT /v2/{name}/manifests/{reference}".to_owned(),
            caller: String::new(),
            input: json!({"name": target.repository, "reference": target.reference, "digest": digest}),
            status: if refused { 400 } else { 201 },
            answer: None,
            error: refused.then(|| "TAG_INVALID".to_owned()),
            body: None,
        });
        drop(inner);
        if refused {
            return Err(refusal(
                StatusCode::BAD_REQUEST,
                "TAG_INVALID",
                &ecr::immutable_tag(target.repository, target.reference),
            ));
        }
        Ok(Request::from_parts(parts, Body::from(body)))
    }
}

/// What a strike makes the registry say.
fn struck(strike: Option<Strike>) -> Option<Box<Response<Bytes>>> {
    let (status, code, message) = match strike? {
        Strike::Throttle => (
            StatusCode::TOO_MANY_REQUESTS,
            "TOOMANYREQUESTS",
            "Rate exceeded",
        ),
        Strike::InternalError => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNKNOWN",
            "unknown error",
        ),
        Strike::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "service unavailable",
        ),
        Strike::ExpiredToken => (StatusCode::FORBIDDEN, "DENIED", EXPIRED),
        Strike::Denied => (
            StatusCode::FORBIDDEN,
            "DENIED",
            "requested access to the resource is denied",
        ),
        Strike::Reset
        | Strike::LostAnswer
        | Strike::Delay
        | Strike::Conflict
        | Strike::Stale
        | Strike::IssuerUnreachable => return None,
    };
    Some(refusal(status, code, message))
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Box<Response<Bytes>> {
    let body: Value = json!({"errors": [{"code": code, "message": message}]});
    Box::new(response(
        status.as_u16(),
        &[("content-type", "application/json; charset=utf-8".to_owned())],
        body.to_string(),
    ))
}

fn basic(authorization: &str) -> Option<(String, String)> {
    let (kind, encoded) = authorization.split_once(' ')?;
    if !kind.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(
        base64::engine::general_purpose::STANDARD
            .decode(encoded.trim())
            .ok()?,
    )
    .ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
