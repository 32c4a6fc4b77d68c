//! The sticky comment: found by author and hidden marker, created or edited; what it remembers stands behind the marker.
//! Knows the form of both hidden lines; not what the comment says.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{GitHub, GitHubError};
use crate::model::past::{self, PastDeployment};

const PERMISSION: &str = "pull-requests: write";
const OPENING: &str = "<!-- shipway v1 ";
const PAST_OPENING: &str = "<!-- shipway past v1 ";
const CLOSING: &str = " -->";
/// Of the memory's line, in bytes: five entries of the longest kind are shorter.
const LONGEST_PAST: usize = 16 * 1024;
/// Pages of 100 that are looked through: nobody reads a pull request with more.
const PAGES: usize = 50;

/// Asked of GraphQL because only it tells `viewerDidAuthor`: anyone can paste a marker.
const FIND: &str = "query($owner:String!,$name:String!,$number:Int!,$after:String){repository(owner:$owner,name:$name){pullRequest(number:$number){comments(first:100,after:$after){nodes{fullDatabaseId url body viewerDidAuthor isMinimized} pageInfo{hasNextPage endCursor}}}}}";

/// What a comment is about, and which run wrote it last. Hidden in its first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// `cluster/service`
    pub service: String,
    /// Of the job, by its token; empty without one.
    pub environment: String,
    pub run: u64,
    pub attempt: u64,
}

impl Marker {
    pub fn line(&self) -> String {
        hidden(OPENING, self)
    }

    /// Of a comment's body: only its first line counts.
    pub fn of(body: &str) -> Option<Marker> {
        let first = body.lines().next()?;
        serde_json::from_str(first.strip_prefix(OPENING)?.strip_suffix(CLOSING)?).ok()
    }

    fn is_about_the_same(&self, other: &Marker) -> bool {
        self.service == other.service && self.environment == other.environment
    }

    /// By run, then by attempt: run ids grow.
    pub fn is_older_than(&self, other: &Marker) -> bool {
        (self.run, self.attempt) < (other.run, other.attempt)
    }
}

/// A line of a comment that nobody sees. `--` and `>` could end the HTML comment early; inside JSON they have another
/// spelling.
fn hidden(opening: &str, value: &impl Serialize) -> String {
    let json = serde_json::to_string(value)
        .unwrap_or_default()
        .replace("--", "\\u002d\\u002d")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e");
    // Nor is there anything in it that shows or turns in an editor.
    let mut line = opening.to_owned();
    for c in json.chars() {
        match c {
            ' '..='~' => line.push(c),
            c => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| line.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    line + CLOSING
}

/// The memory's line, the newest first.
pub fn past_line(past: &[PastDeployment]) -> String {
    hidden(PAST_OPENING, &past)
}

/// What a comment's body remembers: its second line, which anybody who may edit comments may have written. What does not
/// fit in every respect is no memory.
pub fn past_of(body: &str) -> Vec<PastDeployment> {
    let read = || {
        let line = body.lines().nth(1).filter(|l| l.len() <= LONGEST_PAST)?;
        let json = line.strip_prefix(PAST_OPENING)?.strip_suffix(CLOSING)?;
        past::sound(serde_json::from_str(json).ok()?)
    };
    read().unwrap_or_default()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub url: String,
    pub marker: Option<Marker>,
    /// Of its memory, the newest first.
    pub past: Vec<PastDeployment>,
}

/// The newest comment of ours about the marker's service and environment.
pub async fn find(
    github: &GitHub,
    owner: &str,
    name: &str,
    number: u64,
    about: &Marker,
) -> Result<Option<Comment>, GitHubError> {
    const DOING: &str = "looking for the comment";
    let mut found: Option<Comment> = None;
    let mut after: Option<String> = None;
    for _ in 0..PAGES {
        let query = json!({
            "query": FIND,
            "variables": { "owner": owner, "name": name, "number": number, "after": after },
        });
        let data = github.query(&query, DOING, PERMISSION).await?;
        let comments = &data["repository"]["pullRequest"]["comments"];
        for node in comments["nodes"].as_array().into_iter().flatten() {
            if node["viewerDidAuthor"] != true {
                continue;
            }
            let body = node["body"].as_str().unwrap_or_default();
            let (Some(marker), Some(id)) = (Marker::of(body), id_of(node)) else {
                continue;
            };
            let newest = found
                .as_ref()
                .and_then(|c| c.marker.as_ref())
                .is_none_or(|best| !marker.is_older_than(best));
            if marker.is_about_the_same(about) && newest {
                found = Some(Comment {
                    id,
                    url: node["url"].as_str().unwrap_or_default().to_owned(),
                    marker: Some(marker),
                    past: past_of(body),
                });
            }
        }
        if comments["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = comments["pageInfo"]["endCursor"]
            .as_str()
            .map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    Ok(found)
}

/// REST's id of a comment. `databaseId` is an Int of 32 bits, which comments of github.com have outgrown; the full one is a
/// BigInt, which GraphQL writes as text. A comment's address ends in it, too.
fn id_of(node: &Value) -> Option<u64> {
    let full = &node["fullDatabaseId"];
    full.as_str()
        .and_then(|id| id.parse().ok())
        .or_else(|| full.as_u64())
        .or_else(|| {
            let (_, id) = node["url"].as_str()?.rsplit_once("#issuecomment-")?;
            id.parse().ok()
        })
}

/// GET /repos/{owner}/{repo}/issues/comments/{id}
pub async fn get_comment(
    github: &GitHub,
    repository: &str,
    id: u64,
) -> Result<Comment, GitHubError> {
    let answer: Value = github
        .crab()
        .get(
            format!("/repos/{repository}/issues/comments/{id}"),
            None::<&()>,
        )
        .await
        .map_err(|e| GitHubError::of(e, "reading the comment", PERMISSION))?;
    Ok(of_rest(&answer, id))
}

/// POST /repos/{owner}/{repo}/issues/{number}/comments
pub async fn create_comment(
    github: &GitHub,
    repository: &str,
    number: u64,
    body: &str,
) -> Result<Comment, GitHubError> {
    let answer: Value = github
        .crab()
        .post(
            format!("/repos/{repository}/issues/{number}/comments"),
            Some(&json!({ "body": body })),
        )
        .await
        .map_err(|e| GitHubError::of(e, "commenting on the pull request", PERMISSION))?;
    let id = answer["id"].as_u64().ok_or(GitHubError::Answer {
        doing: "commenting on the pull request",
        status: 201,
        message: "no comment in it".to_owned(),
    })?;
    Ok(of_rest(&answer, id))
}

/// PATCH /repos/{owner}/{repo}/issues/comments/{id}
pub async fn update_comment(
    github: &GitHub,
    repository: &str,
    id: u64,
    body: &str,
) -> Result<Comment, GitHubError> {
    let answer: Value = github
        .crab()
        .patch(
            format!("/repos/{repository}/issues/comments/{id}"),
            Some(&json!({ "body": body })),
        )
        .await
        .map_err(|e| GitHubError::of(e, "editing the comment", PERMISSION))?;
    Ok(of_rest(&answer, id))
}

fn of_rest(answer: &Value, id: u64) -> Comment {
    let body = answer["body"].as_str().unwrap_or_default();
    Comment {
        id,
        url: answer["html_url"].as_str().unwrap_or_default().to_owned(),
        marker: Marker::of(body),
        past: past_of(body),
    }
}
