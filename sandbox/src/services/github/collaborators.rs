//! What a person may do in the repository. Knows roles; does not know teams or organisations.

use serde_json::json;

use super::{Ask, Refusal, Reply, shapes};
use crate::world::World;

pub fn permission(world: &mut World, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let login = ask.path.get("username").map(String::as_str);
    let login = login.unwrap_or_default();
    let github = &world.github;
    // Whoever is no collaborator reads what is public.
    let usual = if github.spec.private { "none" } else { "read" };
    let role = github
        .spec
        .collaborators
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(login))
        .map_or(usual, |(_, role)| role.as_str());
    // The older of the two members knows no more than these four.
    let permission = match role {
        "maintain" => "write",
        "triage" => "read",
        other => other,
    };
    let may = |least: &[&str]| least.contains(&role);
    let user = super::with(
        shapes::user(github, login),
        json!({
            "role_name": role,
            "permissions": {
                "admin": may(&["admin"]),
                "maintain": may(&["admin", "maintain"]),
                "push": may(&["admin", "maintain", "write"]),
                "triage": may(&["admin", "maintain", "write", "triage"]),
                "pull": role != "none",
            },
        }),
    );
    Reply::new(
        200,
        json!({ "permission": permission, "role_name": role, "user": user }),
    )
}
