//! GitHub: one repository, its pull requests and deployments, and the token of one workflow run.
//!
//! Knows: GitHub's routes, permissions and refusals. Does not know: HTTP headers beyond the Authorization's value.

mod collaborators;
mod comments;
mod deployments;
mod graphql;
mod id_token;
mod pull_events;
mod pulls;
mod reactions;
mod shapes;
mod spec;

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::world::{Ids, World};

pub use comments::Comment;
pub use deployments::Deployment;
pub use id_token::id_token;
pub use pull_events::{Labelled, Pushed};
pub use spec::{
    CommentSpec, CommitSpec, DeploymentSpec, GitHubSpec, JobSpec, PullRequestSpec, StatusSpec,
};

pub struct GitHub {
    pub spec: GitHubSpec,
    /// What the job presents to the REST and GraphQL APIs.
    pub token: String,
    /// What the job presents to the id-token endpoint.
    pub request_token: String,
    /// Where this API answers; answers carry it in their links.
    pub api_url: String,
    pub comments: Vec<Comment>,
    pub deployments: Vec<Deployment>,
    signing_key: String,
    next_id: u64,
}

impl Default for GitHub {
    fn default() -> GitHub {
        GitHub::from_spec(
            GitHubSpec::default(),
            SystemTime::UNIX_EPOCH,
            &mut Ids::seeded(0),
        )
    }
}

/// The login behind the job token.
pub const OURSELVES: &str = "github-actions[bot]";

impl GitHub {
    pub fn from_spec(spec: GitHubSpec, now: SystemTime, ids: &mut Ids) -> GitHub {
        let mut github = GitHub {
            token: spec
                .token
                .clone()
                .unwrap_or_else(|| format!("ghs_{}", ids.alphanumeric(36))),
            request_token: format!("eyJ0eXAiOiJKV1Qi.{}", ids.alphanumeric(120)),
            signing_key: ids.hex(64),
            api_url: spec.api_url.clone(),
            comments: Vec::new(),
            deployments: Vec::new(),
            next_id: 2_900_000_001,
            spec,
        };
        for pull in github.spec.pull_requests.clone() {
            for comment in pull.comments {
                github.comment(pull.number, &comment.author, &comment.body, now);
            }
        }
        for deployment in github.spec.deployments.clone() {
            github.seed_deployment(&deployment, now);
        }
        github
    }

    /// `/graphql` beside the REST API; on a server of one's own, which has `/api/v3`, at `/api/graphql`.
    pub fn graphql_url(&self) -> String {
        let base = self.api_url.strip_suffix("/v3").unwrap_or(&self.api_url);
        format!("{base}/graphql")
    }

    pub fn pull_request(&self, number: u64) -> Option<&PullRequestSpec> {
        self.spec
            .pull_requests
            .iter()
            .find(|pull| pull.number == number)
    }

    /// The comments of a pull request, oldest first.
    pub fn comments_on(&self, number: u64) -> impl Iterator<Item = &Comment> {
        self.comments
            .iter()
            .filter(move |comment| comment.number == number)
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn owner(&self) -> &str {
        self.spec.repository.split('/').next().unwrap_or_default()
    }

    fn repository_url(&self) -> String {
        format!("{}/repos/{}", self.api_url, self.spec.repository)
    }

    fn html_url(&self) -> String {
        format!("{}/{}", self.spec.server_url, self.spec.repository)
    }

    /// Whether the job token has one of these permissions. Public repositories are read without.
    fn may(&self, needs: &[(&str, &str)]) -> bool {
        let has = |name: &str, access: &str| {
            let granted = self
                .spec
                .permissions
                .get(name)
                .map_or("none", String::as_str);
            granted == "write" || granted == access || (access == "read" && !self.spec.private)
        };
        needs.is_empty() || needs.iter().any(|(name, access)| has(name, access))
    }
}

/// One REST call, taken apart.
pub struct Ask<'a> {
    /// The values of the template's `{…}`.
    pub path: BTreeMap<&'static str, String>,
    pub query: BTreeMap<String, String>,
    pub body: &'a Value,
}

impl Ask<'_> {
    fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.path
            .get(name)
            .and_then(|value| value.parse().ok())
            .ok_or_else(not_found)
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.body[member].as_str()
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    /// For lists: which page this is, and whether another follows.
    pub page: Option<(u64, bool)>,
}

impl Reply {
    fn new(status: u16, body: Value) -> Result<Reply, Refusal> {
        Ok(Reply {
            status,
            body,
            page: None,
        })
    }

    /// A page of a list, by `per_page` and `page`.
    fn list(items: Vec<Value>, ask: &Ask<'_>) -> Result<Reply, Refusal> {
        let number = |name: &str, default: u64| {
            ask.query
                .get(name)
                .and_then(|value| value.parse().ok())
                .unwrap_or(default)
        };
        let (size, page) = (
            number("per_page", 30).clamp(1, 100),
            number("page", 1).max(1),
        );
        let start = usize::try_from((page - 1) * size)
            .unwrap_or(usize::MAX)
            .min(items.len());
        let end = (start + size as usize).min(items.len());
        Ok(Reply {
            status: 200,
            body: Value::from(items[start..end].to_vec()),
            page: Some((page, end < items.len())),
        })
    }
}

/// An error as GitHub's REST API answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    pub errors: Option<Value>,
}

impl Refusal {
    fn new(status: u16, message: &str) -> Refusal {
        Refusal {
            status,
            message: message.to_owned(),
            errors: None,
        }
    }

    pub fn body(&self) -> Value {
        let mut body = json!({
            "message": self.message,
            "documentation_url": "https://docs.github.com/rest",
            "status": self.status.to_string(),
        });
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        body
    }
}

pub fn not_found() -> Refusal {
    Refusal::new(404, "Not Found")
}

/// The job token lacks a permission.
pub fn not_accessible() -> Refusal {
    Refusal::new(403, "Resource not accessible by integration")
}

fn unprocessable(resource: &str, field: &str, code: &str, message: &str) -> Refusal {
    let errors = json!([{"resource": resource, "field": field, "code": code, "message": message}]);
    Refusal {
        errors: Some(errors),
        ..Refusal::new(422, "Validation Failed")
    }
}

/// A row of the API.
pub struct Route {
    pub method: &'static str,
    pub template: &'static str,
    /// Any one of these suffices; none means that every token may.
    needs: &'static [(&'static str, &'static str)],
    function: fn(&mut World, &Ask<'_>) -> Result<Reply, Refusal>,
}

const READ_COMMENTS: &[(&str, &str)] = &[("issues", "read"), ("pull-requests", "read")];
const WRITE_COMMENTS: &[(&str, &str)] = &[("issues", "write"), ("pull-requests", "write")];
const READ_DEPLOYMENTS: &[(&str, &str)] = &[("deployments", "read")];
const WRITE_DEPLOYMENTS: &[(&str, &str)] = &[("deployments", "write")];

pub const ROUTES: &[Route] = &[
    route("GET", "/repos/{owner}/{repo}", &[], pulls::get_repository),
    route(
        "GET",
        "/repos/{owner}/{repo}/pulls",
        &[("pull-requests", "read")],
        pulls::list_pulls,
    ),
    route(
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}",
        &[("pull-requests", "read")],
        pulls::get_pull,
    ),
    route(
        "GET",
        "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
        &[("pull-requests", "read")],
        pulls::list_pulls_of_commit,
    ),
    // Every token reads a repository's metadata.
    route(
        "GET",
        "/repos/{owner}/{repo}/collaborators/{username}/permission",
        &[],
        collaborators::permission,
    ),
    route(
        "GET",
        "/repos/{owner}/{repo}/compare/{basehead}",
        &[("contents", "read")],
        pulls::compare,
    ),
    route(
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        READ_COMMENTS,
        comments::list,
    ),
    route(
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        WRITE_COMMENTS,
        comments::create,
    ),
    route(
        "GET",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        READ_COMMENTS,
        comments::get,
    ),
    route(
        "PATCH",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        WRITE_COMMENTS,
        comments::update,
    ),
    route(
        "POST",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
        WRITE_COMMENTS,
        reactions::create,
    ),
    route(
        "GET",
        "/repos/{owner}/{repo}/deployments",
        READ_DEPLOYMENTS,
        deployments::list,
    ),
    route(
        "POST",
        "/repos/{owner}/{repo}/deployments",
        WRITE_DEPLOYMENTS,
        deployments::create,
    ),
    route(
        "GET",
        "/repos/{owner}/{repo}/deployments/{deployment_id}",
        READ_DEPLOYMENTS,
        deployments::get,
    ),
    route(
        "DELETE",
        "/repos/{owner}/{repo}/deployments/{deployment_id}",
        WRITE_DEPLOYMENTS,
        deployments::delete,
    ),
    route(
        "GET",
        "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        READ_DEPLOYMENTS,
        deployments::list_statuses,
    ),
    route(
        "POST",
        "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        WRITE_DEPLOYMENTS,
        deployments::create_status,
    ),
    // The query says itself what it may not see.
    route("POST", "/graphql", &[], graphql::query),
];

const fn route(
    method: &'static str,
    template: &'static str,
    needs: &'static [(&'static str, &'static str)],
    function: fn(&mut World, &Ask<'_>) -> Result<Reply, Refusal>,
) -> Route {
    Route {
        method,
        template,
        needs,
        function,
    }
}

/// The row for a path, and the values of its template.
pub fn find(method: &str, path: &str) -> Option<(&'static Route, BTreeMap<&'static str, String>)> {
    ROUTES
        .iter()
        .filter(|route| route.method == method)
        .find_map(|route| Some((route, values(route.template, path)?)))
}

fn values(template: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let (wanted, given): (Vec<&'static str>, Vec<&str>) = (
        template.split('/').collect(),
        path.trim_end_matches('/').split('/').collect(),
    );
    if wanted.len() != given.len() {
        return None;
    }
    let mut values = BTreeMap::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) => {
                values.insert(name, given.to_owned());
            }
            None if wanted == given => {}
            None => return None,
        }
    }
    Some(values)
}

/// Answers one REST or GraphQL call.
pub fn handle(
    world: &mut World,
    route: &Route,
    ask: &Ask<'_>,
    authorization: &str,
) -> Result<Reply, Refusal> {
    let token = authorization.split_once(' ').filter(|(kind, _)| {
        kind.eq_ignore_ascii_case("bearer") || kind.eq_ignore_ascii_case("token")
    });
    if token.is_none_or(|(_, token)| token != world.github.token) {
        return Err(Refusal::new(401, "Bad credentials"));
    }
    if let (Some(owner), Some(name)) = (ask.path.get("owner"), ask.path.get("repo"))
        && !world
            .github
            .spec
            .repository
            .eq_ignore_ascii_case(&format!("{owner}/{name}"))
    {
        return Err(not_found());
    }
    if !world.github.may(route.needs) {
        return Err(not_accessible());
    }
    (route.function)(world, ask)
}

/// `issues=write; pull_requests=write`, which GitHub puts on a refusal.
pub fn accepted_permissions(route: &Route) -> String {
    route
        .needs
        .iter()
        .map(|(name, access)| format!("{}={access}", name.replace('-', "_")))
        .collect::<Vec<_>>()
        .join("; ")
}

/// GitHub writes times without a fraction.
fn timestamp(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .unwrap_or_default()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Adds to an object; what is there stays.
fn with(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        more.into_iter().for_each(|(name, value)| {
            object.entry(name).or_insert(value);
        });
    }
    object
}

type Object = Map<String, Value>;
