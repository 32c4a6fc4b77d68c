//! Who may command previews, as GitHub answers.

use super::*;
use crate::inputs::env::testing;
use crate::inputs::trigger::Comment;
use crate::inputs::values::OutputFormat;

fn on_comment(env: &Env, author: &str) -> Trigger {
    let mut trigger = Trigger::read(env).unwrap().unwrap();
    trigger.comment = Some(Comment {
        id: 1,
        author: author.into(),
        body: "/preview wake".into(),
    });
    trigger
}

/// Asks with this token about this author; what GitHub answers, and which paths it was asked for.
fn may(
    author: &str,
    token: Option<&str>,
    (status, permission): (u16, &'static str),
) -> (Result<bool, String>, Vec<String>) {
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (mut env, _, _) = testing::env(
        &[
            ("GITHUB_EVENT_NAME", "issue_comment"),
            ("GITHUB_REPOSITORY", "octo-org/web"),
        ],
        std::path::Path::new("."),
    );
    let seen = asked.clone();
    env.wire = testing::wire(move |request| {
        seen.lock().unwrap().push(request.uri().path().to_owned());
        let body = match status {
            200 => format!(r#"{{"permission": "{permission}", "role_name": "custom"}}"#),
            _ => format!(r#"{{"message": "{permission}"}}"#),
        };
        Ok(http::Response::builder().status(status).body(body).unwrap())
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let answer = runtime.block_on(async {
        let report = Report::new(&env, OutputFormat::Text);
        let trigger = on_comment(&env, author);
        let token = token.map(SecretString::from);
        let hub = Hub::new(&env, &trigger, token.as_ref(), &report).unwrap();
        hub.ask_permission(&trigger).await.map_err(|e| e.code())
    });
    let asked = asked.lock().unwrap().clone();
    (answer, asked)
}

#[test]
fn who_may_write_may_command() {
    for (permission, expected) in [
        ("admin", true),
        ("maintain", true),
        ("write", true),
        ("triage", false),
        ("read", false),
        ("none", false),
        ("", false),
        ("owner", false),
        ("Write", false),
    ] {
        let (answer, asked) = may("octocat", Some("t"), (200, permission));
        assert_eq!(answer, Ok(expected), "{permission}");
        assert_eq!(
            asked,
            ["/repos/octo-org/web/collaborators/octocat/permission"]
        );
    }
    // A person whom the repository does not know.
    assert_eq!(may("octocat", Some("t"), (404, "Not Found")).0, Ok(false));
    let bot = may("dependabot[bot]", Some("t"), (200, "read"));
    assert_eq!(
        bot.1,
        ["/repos/octo-org/web/collaborators/dependabot%5Bbot%5D/permission"]
    );
}

#[test]
fn without_an_answer_nobody_may() {
    let unknown = || Err("shipway::preflight::commenter_unknown".to_owned());
    assert_eq!(
        may("octocat", None, (200, "admin")),
        (unknown(), Vec::new())
    );
    for status in [401, 403, 422, 500, 503] {
        assert_eq!(
            may("octocat", Some("t"), (status, "no")).0,
            unknown(),
            "{status}"
        );
    }
}

#[test]
fn what_is_no_login_is_not_asked_about() {
    let long = "a".repeat(101);
    for author in [
        "",
        "octo cat",
        "../../octo-org/web/collaborators/admin",
        "octocat/permission?x=",
        "octocat%2f..",
        "\u{43e}ctocat",
        "octocat\n",
        "octocat#",
        long.as_str(),
    ] {
        let (answer, asked) = may(author, Some("t"), (200, "admin"));
        assert_eq!(answer, Ok(false), "{author:?}");
        assert_eq!(asked, Vec::<String>::new(), "{author:?}");
    }
}
