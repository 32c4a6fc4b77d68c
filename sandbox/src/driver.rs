//! The shell around the world: one lock, one clock, and the way of a request from bytes to bytes.
//!
//! Knows: which part of the world a request is for, when it arrives, and what trouble it meets. Does not know: sockets.
//! The lock is never held across an await.

mod github;
pub mod real;
#[cfg(test)]
pub(crate) mod tests;
mod visit;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use crate::Clock;
use crate::iam::policy::Decision;
use crate::iam::{Principal, denied};
use crate::oci::Oci;
use crate::services::{self, sts};
use crate::wire::record::{Record, Recorder};
use crate::wire::trouble::{self, Asked, Effect as Strike, Rule, Trouble, Troubles};
use crate::wire::{Decoded, Protocol, Reset, json11, query, response, sigv4};
use crate::world::{Answer, ApiError, Effect, Fact, World};

/// A running world. Clones are the same one.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
    oci: Oci,
}

pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) troubles: Troubles,
    recorder: Recorder,
    /// Where the server listens, if there is one.
    base: Option<String>,
}

/// Where a job asks for its id token when no server listens.
const ID_TOKEN_BASE: &str = "https://run-actions-1-azure-eastus.actions.githubusercontent.com";
pub(crate) const ID_TOKEN_PATH: &str = "/_id-token";
pub(crate) const LAYERS_PATH: &str = "/_layers/";

impl Sandbox {
    /// Trouble's offsets count from the world's present time. Records what `SHIPWAY_SANDBOX_RECORD` asks for.
    pub fn new(world: World, clock: Clock, trouble: Trouble) -> Sandbox {
        let troubles = Troubles::new(trouble, world.now);
        let inner = Arc::new(Mutex::new(Inner {
            world,
            troubles,
            recorder: Recorder::of_process(),
            base: None,
        }));
        Sandbox {
            oci: Oci::new(Arc::clone(&inner), clock),
            inner,
            clock,
        }
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Reads or changes the world, as it is now.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.lock().world)
    }

    /// The same of another region of the account, which the world file lists.
    pub fn with_region<T>(&self, region: &str, look: impl FnOnce(&mut World) -> T) -> T {
        self.lock().world.in_region(region, look)
    }

    /// Every call so far, in order.
    pub fn recorded(&self) -> Vec<Record> {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recorder
            .all()
            .to_vec()
    }

    /// The same, which are forgotten: a copy of every answer costs as much as the calls' bookkeeping.
    pub fn take_recorded(&self) -> Vec<Record> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.recorder.take()
    }

    /// No file gets its calls, whatever `SHIPWAY_SANDBOX_RECORD` says: where answers are changed on their way, a later request may
    /// hold what was never AWS's.
    pub fn record_in_no_file(&self) {
        self.lock().recorder.no_file();
    }

    /// Adds a rule while the world runs; its offsets count from the world's start, as all do.
    pub fn trouble(&self, rule: Rule) {
        self.lock().troubles.add(rule);
    }

    /// From now on nothing goes wrong.
    pub fn end_trouble(&self) {
        self.lock().troubles.clear();
    }

    /// Tells the world what a runtime saw.
    pub fn learn(&self, fact: Fact) {
        self.lock().world.learn(fact);
    }

    /// What a runtime must do, as of now.
    pub fn take_effects(&self) -> Vec<Effect> {
        std::mem::take(&mut self.lock().world.effects)
    }

    /// A password for the registry that is bound by no one's policies: ECS pulls with its own right.
    pub fn registry_password(&self) -> String {
        self.with_world(|world| {
            world
                .ecr
                .issue_password(None, world.now, &mut world.call_ids)
        })
    }

    /// What a process must have in its environment to find this world. Whether it runs in GitHub Actions is not said here.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let inner = self.lock();
        let (world, github) = (&inner.world, &inner.world.github);
        let mut variables = vec![
            ("AWS_REGION", world.place.region.clone()),
            ("GITHUB_TOKEN", github.token.clone()),
            ("GITHUB_API_URL", github.api_url.clone()),
            ("GITHUB_GRAPHQL_URL", github.graphql_url()),
        ];
        if github.grants_id_tokens() {
            let base = inner.base.as_deref().unwrap_or(ID_TOKEN_BASE);
            variables.push((
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                format!("{base}{ID_TOKEN_PATH}?api-version=2.0"),
            ));
            variables.push((
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                github.request_token.clone(),
            ));
        }
        if let Some(base) = &inner.base {
            variables.push(("AWS_ENDPOINT_URL", base.clone()));
        }
        variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// From now on answers name the server at `authority` (`127.0.0.1:PORT`) instead of AWS's and GitHub's own hosts.
    pub(crate) fn serve_at(&self, authority: &str) {
        let mut inner = self.lock();
        inner.base = Some(format!("http://{authority}"));
        inner.world.ecr.registry_host = Some(authority.to_owned());
        inner.world.github.api_url = format!("http://{authority}/github");
    }

    pub(crate) fn oci(&self) -> &Oci {
        &self.oci
    }

    /// The world, advanced to now.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner, &self.clock)
    }

    /// Answers one request, or breaks the connection.
    pub async fn handle(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Reset> {
        let path = request.uri().path();
        let mut answered = if request.headers().contains_key("x-amz-target") {
            self.aws(&request, Protocol::Json11, json11::decode(&request))
                .await?
        } else if query::is_query(&request) {
            self.aws(&request, Protocol::Query, query::decode(&request))
                .await?
        } else if path == "/v2" || path.starts_with("/v2/") {
            self.oci.serve_bytes(request).await?
        } else if let Some(digest) = path.strip_prefix(LAYERS_PATH) {
            self.layer(digest, request.uri().query().unwrap_or_default())
        } else if let Some(visited) = self.visit(&request).await {
            visited?
        } else {
            self.github(&request).await?
        };
        let now = self.clock.now();
        let date = jiff::Timestamp::try_from(now)
            .unwrap_or_default()
            .strftime("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        if let Ok(date) = http::HeaderValue::from_str(&date) {
            answered.headers_mut().insert(http::header::DATE, date);
        }
        Ok(answered)
    }

    async fn aws(
        &self,
        request: &Request<Bytes>,
        protocol: Protocol,
        decoded: Result<Decoded, ApiError>,
    ) -> Result<Response<Bytes>, Reset> {
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(error) => return Ok(self.unread(request, protocol, error)),
        };
        let asked = Asked {
            service: decoded.service,
            operation: &decoded.operation,
            region: sigv4::region(request),
        };
        let fate = self.lock().troubles.fate(asked, self.clock.now());
        wait(fate.delay).await;

        let mut inner = self.lock();
        let mut record = Record {
            n: 0,
            at: String::new(),
            service: decoded.service.to_owned(),
            operation: decoded.operation.clone(),
            caller: String::new(),
            input: decoded.input.clone(),
            status: 0,
            answer: None,
            error: None,
            body: None,
        };
        let now = inner.world.now;
        if fate.strike == Some(Strike::Reset) {
            inner.recorder.push(now, record);
            return Err(Reset);
        }
        let (caller, mut answer) = inner.answer(request, &decoded, asked, fate.strike);
        if let (Err(error), Some(message)) = (&mut answer, fate.message) {
            error.message = message;
        }
        let id = inner.world.call_ids.uuid();
        let answered = match protocol {
            Protocol::Json11 => json11::answer(&answer, &id),
            Protocol::Query => query::answer(&decoded, &answer, &id),
        };
        record.caller = caller.arn;
        record.status = answered.status().as_u16();
        if protocol == Protocol::Query || answer.is_err() {
            record.body = Some(String::from_utf8_lossy(answered.body()).into_owned());
        }
        match answer {
            Ok(answer) => record.answer = Some(answer),
            Err(error) => record.error = Some(format!("{}: {}", error.code, error.message)),
        }
        let lost = fate.strike == Some(Strike::LostAnswer);
        if lost {
            record.status = 0;
        }
        inner.recorder.push(now, record);
        if lost { Err(Reset) } else { Ok(answered) }
    }

    /// The answer to what could not be read. It is recorded without a service: which one it was for is not known.
    fn unread(
        &self,
        request: &Request<Bytes>,
        protocol: Protocol,
        error: ApiError,
    ) -> Response<Bytes> {
        let mut inner = self.lock();
        let id = inner.world.call_ids.uuid();
        let (said, operation) = (format!("{}: {}", error.code, error.message), "unread");
        let answered = match protocol {
            Protocol::Json11 => json11::answer(&Err(error), &id),
            Protocol::Query => query::error(&error, &id),
        };
        inner.record(Record {
            n: 0,
            at: String::new(),
            service: String::new(),
            operation: operation.to_owned(),
            caller: String::new(),
            input: Value::from(String::from_utf8_lossy(request.body())),
            status: answered.status().as_u16(),
            answer: None,
            error: Some(said),
            body: Some(String::from_utf8_lossy(answered.body()).into_owned()),
        });
        answered
    }

    fn layer(&self, digest: &str, query: &str) -> Response<Bytes> {
        let token = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
        let token = token
            .map(|(_, token)| token.into_owned())
            .unwrap_or_default();
        let found = self.with_world(|world| world.ecr.download(&token, digest, world.now));
        match found {
            Some(bytes) => response(
                200,
                &[("content-type", "application/octet-stream".to_owned())],
                bytes,
            ),
            None => response(
                403,
                &[("content-type", "application/xml".to_owned())],
                "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            ),
        }
    }
}

impl Inner {
    fn answer(
        &mut self,
        request: &Request<Bytes>,
        decoded: &Decoded,
        asked: Asked<'_>,
        strike: Option<Strike>,
    ) -> (Principal, Answer) {
        let Inner {
            world, troubles, ..
        } = self;
        world.in_region(asked.region, |world| {
            answer(world, troubles, request, decoded, asked, strike)
        })
    }

    pub(crate) fn record(&mut self, record: Record) {
        let now = self.world.now;
        self.recorder.push(now, record);
    }
}

/// What the world of the region says.
fn answer(
    world: &mut World,
    troubles: &mut Troubles,
    request: &Request<Bytes>,
    decoded: &Decoded,
    asked: Asked<'_>,
    strike: Option<Strike>,
) -> (Principal, Answer) {
    let operation = match services::operation(decoded) {
        Ok(operation) => operation,
        Err(error) => return (Principal::default(), Err(error)),
    };
    let signed = operation.name != sts::ASSUME;
    let caller = match signed {
        false => Principal::default(),
        true => {
            // STS has endpoints beyond a region's own, and IAM one for a whole partition.
            let region = if matches!(decoded.service, "iam" | "sts") {
                ""
            } else {
                &world.place.region
            };
            match sigv4::verify(
                request,
                decoded.protocol,
                decoded.service,
                region,
                &world.iam,
                world.now,
            ) {
                Ok(caller) => caller,
                Err(error) => return (Principal::default(), Err(error)),
            }
        }
    };
    let answer = match strike {
        Some(Strike::Denied) if signed => {
            let resources = (operation.resources)(world, &decoded.input);
            let action = format!("{}:{}", operation.service, operation.name);
            let resource = resources.first().map_or("*", String::as_str);
            Err(denied(
                &caller,
                decoded.protocol,
                &action,
                resource,
                Decision::NotMentioned,
            ))
        }
        Some(Strike::Denied) => Err(sts::not_authorised()),
        Some(strike) if trouble::error(strike, decoded.protocol, decoded.service).is_some() => {
            trouble::error(strike, decoded.protocol, decoded.service).map_or(Ok(Value::Null), Err)
        }
        Some(Strike::Stale) => match troubles.stale(asked, &decoded.input) {
            Some(answer) => Ok(answer),
            None => services::handle(world, operation, decoded.protocol, &caller, &decoded.input),
        },
        _ => services::handle(world, operation, decoded.protocol, &caller, &decoded.input),
    };
    troubles.remember(asked, &decoded.input, &answer, world.now);
    (caller, answer)
}

/// Every look at the world brings it to the present first.
pub(crate) fn lock<'a>(inner: &'a Mutex<Inner>, clock: &Clock) -> MutexGuard<'a, Inner> {
    let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
    let now: SystemTime = clock.now();
    inner.world.advance(now);
    inner
}

async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}
