//! Users, repositories and commits as GitHub shows them everywhere: whole, because its description requires all members.
//!
//! Knows: shapes. Does not know: who may see them.

use serde_json::{Value, json};

use super::{GitHub, Object};

/// GitHub's `simple-user`.
pub fn user(github: &GitHub, login: &str) -> Value {
    let (id, kind) = match login {
        super::OURSELVES => (41_898_282, "Bot"),
        login if login == github.owner() => (github.spec.owner_id, "Organization"),
        login if login == github.spec.job.actor => (github.spec.job.actor_id, "User"),
        // Anyone else's id only has to be the same each time.
        login => (
            login.bytes().fold(1_000_003, |id, byte| {
                (id * 31 + u64::from(byte)) % 100_000_000
            }),
            "User",
        ),
    };
    let api = format!("{}/users/{login}", github.api_url);
    let html = match login.strip_suffix("[bot]") {
        Some(app) => format!("{}/apps/{app}", github.spec.server_url),
        None => format!("{}/{login}", github.spec.server_url),
    };
    json!({
        "login": login,
        "id": id,
        "node_id": format!("U_kgDO{id:08x}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "gravatar_id": "",
        "url": api,
        "html_url": html,
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": kind,
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// Members whose value is the repository's API address and this suffix.
const LINKS: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    (
        "notifications_url",
        "/notifications{?since,all,participating}",
    ),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// GitHub's `full-repository`: the repository itself, asked for by name.
pub fn full_repository(github: &GitHub) -> Value {
    super::with(
        repository(github, github.spec.repository_id),
        json!({"subscribers_count": 0, "network_count": 0}),
    )
}

/// GitHub's `repository`, as it is shown inside other things. Another id stands for a fork.
pub fn repository(github: &GitHub, id: u64) -> Value {
    let fork = id != github.spec.repository_id;
    let name = github.spec.repository.split('/').nth(1).unwrap_or_default();
    let owner = if fork { "contributor" } else { github.owner() };
    let full_name = format!("{owner}/{name}");
    let (api, html) = (
        format!("{}/repos/{full_name}", github.api_url),
        format!("{}/{full_name}", github.spec.server_url),
    );
    let mut shown = Object::new();
    let facts = json!({
        "id": id,
        "node_id": format!("R_kgDO{id:08x}"),
        "name": name,
        "full_name": full_name,
        "owner": user(github, owner),
        "private": github.spec.private,
        "html_url": html,
        "description": null,
        "fork": fork,
        "url": api,
        "git_url": format!("git://github.com/{full_name}.git"),
        "ssh_url": format!("git@github.com:{full_name}.git"),
        "clone_url": format!("{html}.git"),
        "svn_url": html,
        "mirror_url": null,
        "homepage": null,
        "language": "HTML",
        "license": null,
    });
    let settings = json!({
        "forks_count": 0, "forks": 0,
        "stargazers_count": 0,
        "watchers_count": 0, "watchers": 0,
        "open_issues_count": 0, "open_issues": 0,
        "size": 108,
        "default_branch": github.spec.default_branch,
        "is_template": false,
        "topics": [],
        "has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_downloads": true, "has_discussions": false,
        "archived": false,
        "disabled": false,
        "visibility": if github.spec.private { "private" } else { "public" },
        "pushed_at": "2026-01-01T00:00:00Z",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "permissions": {"admin": false, "maintain": false, "push": false, "triage": false, "pull": true},
        "allow_rebase_merge": true, "allow_squash_merge": true, "allow_merge_commit": true, "allow_auto_merge": false, "allow_forking": true,
        "delete_branch_on_merge": false,
        "web_commit_signoff_required": false,
    });
    for part in [facts, settings] {
        if let Value::Object(part) = part {
            shown.extend(part);
        }
    }
    shown.extend(
        LINKS
            .iter()
            .map(|(member, suffix)| ((*member).to_owned(), Value::from(format!("{api}{suffix}")))),
    );
    Value::Object(shown)
}

/// GitHub's `commit`.
pub fn commit(github: &GitHub, sha: &str) -> Value {
    let known = github.spec.commits.iter().find(|commit| commit.sha == sha);
    let (api, html) = (github.repository_url(), github.html_url());
    let person = json!({"name": github.spec.job.actor, "email": format!("{}@users.noreply.github.com", github.spec.job.actor), "date": "2026-01-01T00:00:00Z"});
    let parents = known
        .map(|commit| commit.parents.as_slice())
        .unwrap_or_default()
        .iter();
    json!({
        "sha": sha,
        "node_id": format!("C_kwDO{}", sha.get(..12).unwrap_or(sha)),
        "commit": {
            "author": person,
            "committer": person,
            "message": known.map(|commit| commit.message.as_str()).unwrap_or_default(),
            "tree": {"sha": sha, "url": format!("{api}/git/trees/{sha}")},
            "url": format!("{api}/git/commits/{sha}"),
            "comment_count": 0,
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
        },
        "url": format!("{api}/commits/{sha}"),
        "html_url": format!("{html}/commit/{sha}"),
        "comments_url": format!("{api}/commits/{sha}/comments"),
        "author": user(github, &github.spec.job.actor),
        "committer": user(github, &github.spec.job.actor),
        "parents": parents.map(|parent| json!({
            "sha": parent, "url": format!("{api}/commits/{parent}"), "html_url": format!("{html}/commit/{parent}"),
        })).collect::<Vec<_>>(),
    })
}
