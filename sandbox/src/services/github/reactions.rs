//! Reactions to comments. Knows who reacted how; one person reacts in one way once.

use serde_json::{Value, json};

use super::{Ask, GitHub, OURSELVES, Refusal, Reply, not_found, shapes, timestamp};
use crate::world::World;

const CONTENTS: &[&str] = &[
    "+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub id: u64,
    pub author: String,
    pub content: String,
}

pub fn create(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("comment_id")?;
    let content = ask.text("content").unwrap_or_default().to_owned();
    if !CONTENTS.contains(&content.as_str()) {
        return Err(Refusal::new(422, "Validation Failed"));
    }
    let now = world.now;
    let next = world.github.id();
    let comment = world
        .github
        .comments
        .iter_mut()
        .find(|comment| comment.id == id)
        .ok_or_else(not_found)?;
    let there = comment
        .reactions
        .iter()
        .find(|r| r.author == OURSELVES && r.content == content);
    let (status, reaction) = match there {
        Some(there) => (200, there.clone()),
        None => {
            let reaction = Reaction {
                id: next,
                author: OURSELVES.to_owned(),
                content,
            };
            comment.reactions.push(reaction.clone());
            (201, reaction)
        }
    };
    Reply::new(
        status,
        json!({
            "id": reaction.id,
            "node_id": format!("REA_kwDO{:x}", reaction.id),
            "user": shapes::user(&world.github, OURSELVES),
            "content": reaction.content,
            "created_at": timestamp(now),
        }),
    )
}

/// As comments show how often each was given.
pub(super) fn counted(github: &GitHub, comment: u64, reactions: &[Reaction]) -> Value {
    let api = github.repository_url();
    let mut shown = json!({
        "url": format!("{api}/issues/comments/{comment}/reactions"),
        "total_count": reactions.len(),
    });
    for content in CONTENTS {
        let given = reactions.iter().filter(|r| r.content == *content);
        shown[*content] = given.count().into();
    }
    shown
}
