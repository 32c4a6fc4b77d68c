//! GitHub as a workflow meets it: comments, permissions, deployments.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::{github, json_of, sandbox, with};

#[tokio::test]
async fn a_comment_is_made_found_and_edited() {
    let sandbox = sandbox();
    let made = github(
        &sandbox,
        "POST",
        "/repos/octo-org/web/issues/7/comments",
        json!({"body": "one"}),
    )
    .await;
    assert_eq!(made.status(), 201);
    let id = json_of(&made)["id"].clone();
    let edited = github(
        &sandbox,
        "PATCH",
        &format!("/repos/octo-org/web/issues/comments/{id}"),
        json!({"body": "two"}),
    )
    .await;
    assert_eq!(json_of(&edited)["body"], "two");
    let query = "query($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name){pullRequest(number:$number){\
                 comments(first:100){nodes{fullDatabaseId body viewerDidAuthor}}}}}";
    let found = github(
        &sandbox,
        "POST",
        "/graphql",
        json!({"query": query, "variables": {"owner": "octo-org", "name": "web", "number": 7}}),
    )
    .await;
    assert_eq!(
        json_of(&found)["data"]["repository"]["pullRequest"]["comments"]["nodes"],
        json!([{"fullDatabaseId": id.to_string(), "body": "two", "viewerDidAuthor": true}])
    );
    assert_eq!(
        github(
            &sandbox,
            "GET",
            "/repos/octo-org/web/issues/8/comments",
            Value::Null
        )
        .await
        .status(),
        404
    );
    assert_eq!(
        github(
            &sandbox,
            "GET",
            "/repos/octo-org/other/pulls/7",
            Value::Null
        )
        .await
        .status(),
        404
    );
    assert_eq!(
        github(&sandbox, "GET", "/nonsense", Value::Null)
            .await
            .status(),
        404
    );
}

#[tokio::test]
async fn permissions_of_the_job_token_are_enforced() {
    let sandbox = with("{}", json!({"contents": "read", "pull-requests": "read"}));
    let refused = github(
        &sandbox,
        "POST",
        "/repos/octo-org/web/issues/7/comments",
        json!({"body": "one"}),
    )
    .await;
    assert_eq!(refused.status(), 403);
    assert_eq!(
        json_of(&refused)["message"],
        "Resource not accessible by integration"
    );
    assert_eq!(
        refused.headers()["x-accepted-github-permissions"],
        "issues=write; pull_requests=write"
    );
    assert_eq!(
        github(
            &sandbox,
            "GET",
            "/repos/octo-org/web/issues/7/comments",
            Value::Null
        )
        .await
        .status(),
        200
    );
    assert!(
        !sandbox
            .environment()
            .contains_key("ACTIONS_ID_TOKEN_REQUEST_URL")
    );
    let request = Request::get("https://api.github.com/repos/octo-org/web")
        .header("authorization", "Bearer other")
        .body(Bytes::new())
        .unwrap();
    assert_eq!(sandbox.handle(request).await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_success_retires_the_deployments_before_it() {
    let sandbox = sandbox();
    let create = async || {
        json_of(
            &github(
                &sandbox,
                "POST",
                "/repos/octo-org/web/deployments",
                json!({"ref": "feature", "environment": "dev"}),
            )
            .await,
        )["id"]
            .clone()
    };
    let status = async |id: &Value, body: Value| {
        github(
            &sandbox,
            "POST",
            &format!("/repos/octo-org/web/deployments/{id}/statuses"),
            body,
        )
        .await
    };
    let (first, second) = (create().await, create().await);
    assert_eq!(
        status(&first, json!({"state": "success"})).await.status(),
        201
    );
    assert_eq!(
        status(&second, json!({"state": "success"})).await.status(),
        201
    );
    assert_eq!(
        status(&second, json!({"state": "great"})).await.status(),
        422
    );
    let of_first = github(
        &sandbox,
        "GET",
        &format!("/repos/octo-org/web/deployments/{first}/statuses"),
        Value::Null,
    )
    .await;
    assert_eq!(json_of(&of_first)[0]["state"], "inactive");
}

#[tokio::test]
async fn an_active_deployment_is_deleted_once_it_is_over() {
    let sandbox = sandbox();
    let path = "/repos/octo-org/web/deployments";
    let mut ids = Vec::new();
    for _ in 0..2 {
        let body = json!({"ref": "feature", "environment": "dev"});
        let made = github(&sandbox, "POST", path, body).await;
        ids.push(json_of(&made)["id"].clone());
    }
    let first = format!("{path}/{}", ids[0]);
    let refused = github(&sandbox, "DELETE", &first, Value::Null).await;
    assert_eq!(refused.status(), 422);
    let over = json!({"state": "inactive"});
    github(&sandbox, "POST", &format!("{first}/statuses"), over).await;
    let gone = github(&sandbox, "DELETE", &first, Value::Null).await;
    assert_eq!((gone.status().as_u16(), gone.body().len()), (204, 0));
    let listed = github(&sandbox, "GET", path, Value::Null).await;
    assert_eq!(json_of(&listed).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_comments_may_write_or_not_and_gets_a_reaction_once() {
    let sandbox = sandbox();
    let may = async |login: &str| {
        let path = format!("/repos/octo-org/web/collaborators/{login}/permission");
        json_of(&github(&sandbox, "GET", &path, Value::Null).await)["permission"].clone()
    };
    assert_eq!(
        (may("octocat").await, may("stranger").await),
        (json!("write"), json!("none"))
    );
    let body = json!({"body": "/preview wake"});
    let path = "/repos/octo-org/web/issues";
    let made = github(&sandbox, "POST", &format!("{path}/7/comments"), body).await;
    let path = format!("{path}/comments/{}", json_of(&made)["id"]);
    for (content, status) in [("eyes", 201), ("eyes", 200), ("wow", 422)] {
        let reaction = json!({"content": content});
        let made = github(&sandbox, "POST", &format!("{path}/reactions"), reaction).await;
        assert_eq!(made.status(), status, "{content}");
    }
    let comment = json_of(&github(&sandbox, "GET", &path, Value::Null).await);
    assert_eq!(
        (
            &comment["reactions"]["eyes"],
            &comment["reactions"]["total_count"]
        ),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn pull_requests_are_listed_by_state() {
    let sandbox = sandbox();
    let numbers = async |query: &str| {
        let path = format!("/repos/octo-org/web/pulls{query}");
        let listed = json_of(&github(&sandbox, "GET", &path, Value::Null).await);
        let pulls = listed.as_array().unwrap().iter();
        pulls
            .map(|p| p["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("").await, [7]);
    sandbox.with_world(|w| w.github.close_pull(7));
    assert_eq!(numbers("").await, [0; 0]);
    assert_eq!(numbers("?state=closed&per_page=1").await, [7]);
    sandbox.with_world(|w| w.github.reopen_pull(7));
    assert_eq!(numbers("?state=open").await, [7]);
}
