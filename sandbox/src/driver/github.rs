//! The way of a GitHub call: its route, its trouble, its record, and GitHub's headers.
//!
//! Knows: HTTP as GitHub's API speaks it. Does not know: what a route does.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::{ID_TOKEN_PATH, Sandbox, wait};
use crate::services::github::{self, Ask, Refusal, Reply, Route};
use crate::wire::record::Record;
use crate::wire::trouble::{Asked, Effect as Strike};
use crate::wire::{Reset, header, response};
use crate::world::World;

/// What of GitHub a request is for.
enum Wanted {
    IdToken,
    Route(&'static Route, BTreeMap<&'static str, String>),
    Nothing,
}

impl Wanted {
    fn operation(&self, method: &str, path: &str) -> String {
        match self {
            Wanted::IdToken => format!("{method} {ID_TOKEN_PATH}"),
            Wanted::Route(route, _) => format!("{method} {}", route.template),
            Wanted::Nothing => format!("{method} {path}"),
        }
    }
}

impl Sandbox {
    pub(super) async fn github(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Reset> {
        let method = request.method().as_str();
        let (api_url, graphql_url) = {
            let inner = self.lock();
            let github = &inner.world.github;
            (github.api_url.clone(), github.graphql_url())
        };
        let Some(path) = below(request.uri(), &api_url, &graphql_url) else {
            // Nobody is there.
            return Err(Reset);
        };
        let wanted = match github::find(method, path) {
            _ if path == ID_TOKEN_PATH => Wanted::IdToken,
            Some((route, values)) => Wanted::Route(route, values),
            None => Wanted::Nothing,
        };
        let operation = wanted.operation(method, path);
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let input = json!({"path": path, "query": query, "body": body});

        let asked = Asked::outside("github", &operation);
        let fate = self.lock().troubles.fate(asked, self.clock.now());
        wait(fate.delay).await;

        let mut inner = self.lock();
        let mut record = Record {
            n: 0,
            at: String::new(),
            service: "github".to_owned(),
            operation: operation.clone(),
            caller: github::OURSELVES.to_owned(),
            input: input.clone(),
            status: 0,
            answer: None,
            error: None,
            body: None,
        };
        if fate.strike == Some(Strike::Reset) {
            inner.record(record);
            return Err(Reset);
        }
        let stale = match fate.strike {
            Some(Strike::Stale) => inner.troubles.stale(asked, &input),
            _ => None,
        };
        let result = match (stale, refusal(fate.strike)) {
            (Some(body), _) => Ok(Reply {
                status: 200,
                body,
                page: None,
            }),
            (None, Some(mut refusal)) => {
                refusal.message = fate.message.unwrap_or(refusal.message);
                Err(refusal)
            }
            (None, None) => answer(&mut inner.world, request, &wanted, query, &body),
        };
        let mut headers = vec![
            ("content-type", "application/json; charset=utf-8".to_owned()),
            ("x-github-request-id", inner.world.call_ids.uuid()),
            ("x-github-media-type", "github.v3; format=json".to_owned()),
        ];
        let (status, body) = match result {
            Ok(reply) => {
                if let Some((page, more)) = reply.page {
                    headers.extend(links(request, page, more).map(|links| ("link", links)));
                }
                let now = inner.world.now;
                inner
                    .troubles
                    .remember(asked, &input, &Ok(reply.body.clone()), now);
                record.answer = Some(reply.body.clone());
                (reply.status, reply.body)
            }
            Err(refusal) => {
                if let (403, Wanted::Route(route, _)) = (refusal.status, &wanted) {
                    headers.push((
                        "x-accepted-github-permissions",
                        github::accepted_permissions(route),
                    ));
                }
                if refusal.status == 429 {
                    headers.push(("retry-after", "60".to_owned()));
                }
                record.error = Some(format!("{}: {}", refusal.status, refusal.message));
                let body = refusal.body();
                record.body = Some(body.to_string());
                (refusal.status, body)
            }
        };
        let lost = fate.strike == Some(Strike::LostAnswer);
        record.status = if lost { 0 } else { status };
        inner.record(record);
        if lost {
            Err(Reset)
        } else {
            let body = if status == 204 {
                String::new()
            } else {
                body.to_string()
            };
            Ok(response(status, &headers, body))
        }
    }
}

/// A request's path below the API's address: the server answers GitHub under a prefix of its own, a server of one's own
/// under `/api/v3`, github.com under none. `None`: it is for another host.
fn below<'a>(uri: &'a http::Uri, api_url: &str, graphql_url: &str) -> Option<&'a str> {
    let (api, graphql): (http::Uri, http::Uri) = (api_url.parse().ok()?, graphql_url.parse().ok()?);
    let path = uri.path();
    if path == ID_TOKEN_PATH {
        return Some(path);
    }
    // A request to the server names its host in a header alone.
    if uri.authority().is_some() && uri.authority() != api.authority() {
        return None;
    }
    if path == graphql.path() {
        return Some("/graphql");
    }
    let prefix = api.path().trim_end_matches('/');
    Some(
        path.strip_prefix(prefix)
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(path),
    )
}

fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    wanted: &Wanted,
    query: BTreeMap<String, String>,
    body: &Value,
) -> Result<Reply, Refusal> {
    let authorization = header(request.headers(), "authorization");
    match wanted {
        Wanted::IdToken => github::id_token(
            world,
            query.get("audience").map(String::as_str),
            authorization,
        ),
        Wanted::Route(route, values) => github::handle(
            world,
            route,
            &Ask {
                path: values.clone(),
                query,
                body,
            },
            authorization,
        ),
        Wanted::Nothing => Err(github::not_found()),
    }
}

/// What a strike makes GitHub say.
fn refusal(strike: Option<Strike>) -> Option<Refusal> {
    let refusal = |status: u16, message: &str| {
        Some(Refusal {
            status,
            message: message.to_owned(),
            errors: None,
        })
    };
    match strike? {
        Strike::Throttle => refusal(
            429,
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        ),
        Strike::InternalError => refusal(500, "Server Error"),
        Strike::Unavailable => refusal(503, "Service Unavailable"),
        Strike::ExpiredToken => refusal(401, "Bad credentials"),
        Strike::Denied => Some(github::not_accessible()),
        Strike::Reset
        | Strike::LostAnswer
        | Strike::Delay
        | Strike::Conflict
        | Strike::Stale
        | Strike::IssuerUnreachable => None,
    }
}

/// GitHub's `Link` header: where the neighbouring pages are.
fn links(request: &Request<Bytes>, page: u64, more: bool) -> Option<String> {
    let authority = request
        .uri()
        .authority()
        .map(ToString::to_string)
        .unwrap_or_else(|| header(request.headers(), "host").to_owned());
    let scheme = request.uri().scheme_str().unwrap_or("http");
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        .into_owned();
    let others: Vec<(String, String)> = query.filter(|(name, _)| name != "page").collect();
    let link = |page: u64, relation: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&others)
            .append_pair("page", &page.to_string())
            .finish();
        format!(
            "<{scheme}://{authority}{}?{query}>; rel=\"{relation}\"",
            request.uri().path()
        )
    };
    let previous = (page > 1).then(|| link(page - 1, "prev"));
    let next = more.then(|| link(page + 1, "next"));
    let links: Vec<String> = previous.into_iter().chain(next).collect();
    (!links.is_empty()).then(|| links.join(", "))
}
