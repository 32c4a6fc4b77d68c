//! Comments on pull requests, which GitHub keeps with the issue of the same number.
//!
//! Knows: who wrote what. Does not know: what a comment means to anyone.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::reactions::Reaction;
use super::{Ask, GitHub, OURSELVES, Refusal, Reply, not_found, shapes, timestamp, unprocessable};
use crate::world::World;

/// GitHub's limit, in characters.
const LONGEST: usize = 65_536;

#[derive(Clone, Debug)]
pub struct Comment {
    pub id: u64,
    /// Of the pull request.
    pub number: u64,
    pub author: String,
    pub body: String,
    pub created_at: SystemTime,
    pub updated_at: SystemTime,
    pub is_minimized: bool,
    pub reactions: Vec<Reaction>,
}

impl GitHub {
    /// Writes a comment as `author`; its id.
    pub fn comment(&mut self, number: u64, author: &str, body: &str, now: SystemTime) -> u64 {
        let id = self.id();
        let (author, body) = (author.to_owned(), body.to_owned());
        self.comments.push(Comment {
            id,
            number,
            author,
            body,
            created_at: now,
            updated_at: now,
            is_minimized: false,
            reactions: Vec::new(),
        });
        id
    }

    pub(super) fn comment_html_url(&self, comment: &Comment) -> String {
        format!(
            "{}/pull/{}#issuecomment-{}",
            self.html_url(),
            comment.number,
            comment.id
        )
    }
}

fn show(github: &GitHub, comment: &Comment) -> Value {
    let api = github.repository_url();
    let ours = comment.author == OURSELVES;
    json!({
        "url": format!("{api}/issues/comments/{}", comment.id),
        "html_url": github.comment_html_url(comment),
        "issue_url": format!("{api}/issues/{}", comment.number),
        "id": comment.id,
        "node_id": format!("IC_kwDO{:x}", comment.id),
        "user": shapes::user(github, &comment.author),
        "created_at": timestamp(comment.created_at),
        "updated_at": timestamp(comment.updated_at),
        "author_association": if ours { "NONE" } else { "CONTRIBUTOR" },
        "body": comment.body,
        "reactions": super::reactions::counted(github, comment.id, &comment.reactions),
        "performed_via_github_app": null,
    })
}

fn body<'a>(ask: &'a Ask<'_>) -> Result<&'a str, Refusal> {
    let body = ask
        .text("body")
        .ok_or_else(|| unprocessable("IssueComment", "body", "missing_field", "body is missing"))?;
    if body.trim().is_empty() {
        return Err(unprocessable(
            "IssueComment",
            "body",
            "unprocessable",
            "Body cannot be blank",
        ));
    }
    if body.chars().count() > LONGEST {
        return Err(unprocessable(
            "IssueComment",
            "body",
            "unprocessable",
            "Body is too long (maximum is 65536 characters)",
        ));
    }
    Ok(body)
}

pub fn list(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (github, number) = (&world.github, ask.number("issue_number")?);
    github.pull_request(number).ok_or_else(not_found)?;
    Reply::list(
        github
            .comments_on(number)
            .map(|comment| show(github, comment))
            .collect(),
        ask,
    )
}

pub fn create(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let number = ask.number("issue_number")?;
    world.github.pull_request(number).ok_or_else(not_found)?;
    let id = world
        .github
        .comment(number, OURSELVES, body(ask)?, world.now);
    let github = &world.github;
    let made = github
        .comments
        .iter()
        .find(|comment| comment.id == id)
        .ok_or_else(not_found)?;
    Reply::new(201, show(github, made))
}

pub fn get(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (github, id) = (&world.github, ask.number("comment_id")?);
    let comment = github
        .comments
        .iter()
        .find(|comment| comment.id == id)
        .ok_or_else(not_found)?;
    Reply::new(200, show(github, comment))
}

pub fn update(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("comment_id")?;
    let comment = world
        .github
        .comments
        .iter_mut()
        .find(|comment| comment.id == id)
        .ok_or_else(not_found)?;
    comment.body = body(ask)?.to_owned();
    comment.updated_at = world.now;
    let comment = comment.clone();
    Reply::new(200, show(&world.github, &comment))
}
