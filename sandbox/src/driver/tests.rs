//! The world as a caller meets it: whole ways through the in-process door, and one through a socket.

mod github;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::Sandbox;
use crate::iam::{Iam, IamSpec};
use crate::services::ecr::Ecr;
use crate::services::github::GitHub;
use crate::wire::Reset;
use crate::wire::trouble::Trouble;
use crate::world::registry::digest_of;
use crate::world::{Place, World};
use crate::{Clock, doors};

const JSON: &str = "application/x-amz-json-1.1";

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn with(trouble: &str, permissions: Value) -> Sandbox {
    let place = Place {
        partition: "aws".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
    };
    let mut world = World::new(place.clone(), start(), 1);
    let iam: IamSpec = serde_json::from_value(json!({
        "roles": [{"name": "deployer"}, {"name": "reader", "policy": {"Statement": {"Effect": "Allow", "Action": ["ecr:Describe*", "ecr:Get*"], "Resource": "*"}}}],
    }))
    .unwrap();
    world.iam = Iam::new(&iam, &place).unwrap();
    let repositories = json!([{"name": "web", "mutability": "IMMUTABLE_WITH_EXCLUSION", "exclusion-filters": ["latest"], "images": [{"tags": ["abc"]}]}]);
    world.ecr = Ecr::from_specs(
        &serde_json::from_value::<Vec<_>>(repositories).unwrap(),
        start(),
    );
    let github = json!({"pull-requests": [{"number": 7, "head-sha": "4f2a9c1d00000000000000000000000000000000"}], "permissions": permissions});
    world.github = GitHub::from_spec(
        serde_json::from_value(github).unwrap(),
        start(),
        &mut world.ids,
    );
    Sandbox::new(
        world,
        Clock::starting_at(start()),
        serde_yaml::from_str::<Trouble>(trouble).unwrap(),
    )
}

fn all() -> Value {
    json!({"contents": "read", "pull-requests": "write", "deployments": "write", "id-token": "write"})
}

/// A world with two roles, a repository with one image, and an open pull request.
pub(crate) fn sandbox() -> Sandbox {
    with("{}", all())
}

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

async fn github(sandbox: &Sandbox, method: &str, path: &str, body: Value) -> Response<Bytes> {
    let environment = sandbox.environment();
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", environment["GITHUB_API_URL"]))
        .header(
            "authorization",
            format!("Bearer {}", environment["GITHUB_TOKEN"]),
        )
        .body(Bytes::from(body.to_string()))
        .unwrap();
    doors::in_process::call(sandbox, request).await.unwrap()
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let from = xml.find(&format!("<{name}>")).unwrap() + name.len() + 2;
    &xml[from..][..xml[from..].find('<').unwrap()]
}

/// The whole way of a workflow's credentials: id token, then a role's session.
async fn credentials(sandbox: &Sandbox, role: &str) -> Credentials {
    let environment = sandbox.environment();
    let request = Request::get(format!(
        "{}&audience=sts.amazonaws.com",
        environment["ACTIONS_ID_TOKEN_REQUEST_URL"]
    ))
    .header(
        "authorization",
        format!("bearer {}", environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]),
    )
    .body(Bytes::new())
    .unwrap();
    let token = json_of(&doors::in_process::call(sandbox, request).await.unwrap())["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "AssumeRoleWithWebIdentity")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &format!("arn:aws:iam::123456789012:role/{role}"))
        .append_pair("RoleSessionName", "shipway-1")
        .append_pair("WebIdentityToken", &token)
        .finish();
    let request = Request::post("https://sts.eu-west-1.amazonaws.com/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .unwrap();
    let response = doors::in_process::call(sandbox, request).await.unwrap();
    let xml = String::from_utf8(response.body().to_vec()).unwrap();
    Credentials::new(
        element(&xml, "AccessKeyId"),
        element(&xml, "SecretAccessKey"),
        Some(element(&xml, "SessionToken").to_owned()),
        None,
        "test",
    )
}

async fn call(
    sandbox: &Sandbox,
    credentials: &Credentials,
    operation: &str,
    input: Value,
) -> Result<Response<Bytes>, Reset> {
    let (uri, body) = (
        "https://api.ecr.eu-west-1.amazonaws.com/",
        input.to_string(),
    );
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("ecr")
        .time(sandbox.clock().now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    let headers = [("content-type", JSON), ("x-amz-target", target.as_str())];
    let signable = SignableRequest::new(
        "POST",
        uri,
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )
    .unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut request = Request::post(uri)
        .header("content-type", JSON)
        .header("x-amz-target", &target)
        .body(Bytes::from(body))
        .unwrap();
    instructions.apply_to_request_http1x(&mut request);
    doors::in_process::call(sandbox, request).await
}

async fn answer(
    sandbox: &Sandbox,
    credentials: &Credentials,
    operation: &str,
    input: Value,
) -> Value {
    json_of(&call(sandbox, credentials, operation, input).await.unwrap())
}

#[tokio::test]
async fn an_id_token_becomes_credentials_that_sign() {
    let sandbox = sandbox();
    let credentials = credentials(&sandbox, "deployer").await;
    let response = call(&sandbox, &credentials, "DescribeRepositories", json!({}))
        .await
        .unwrap();
    assert_eq!(response.headers()["date"], "Mon, 21 Sep 2026 14:13:20 GMT");
    assert_eq!(
        json_of(&response)["repositories"][0]["repositoryUri"],
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web"
    );
    let calls: Vec<String> = sandbox
        .recorded()
        .iter()
        .map(|record| record.name())
        .collect();
    assert_eq!(
        calls,
        [
            "github:GET /_id-token",
            "sts:AssumeRoleWithWebIdentity",
            "ecr:DescribeRepositories"
        ]
    );
    sandbox.with_world(|world| world.iam.expire_sessions(world.now));
    assert_eq!(
        answer(&sandbox, &credentials, "DescribeRepositories", json!({})).await["__type"],
        "ExpiredTokenException"
    );
}

#[tokio::test]
async fn a_roles_policy_is_enforced() {
    let sandbox = sandbox();
    let credentials = credentials(&sandbox, "reader").await;
    let refused = answer(
        &sandbox,
        &credentials,
        "CreateRepository",
        json!({"repositoryName": "new"}),
    )
    .await;
    assert_eq!(
        refused,
        json!({"__type": "AccessDeniedException", "message": "User: arn:aws:sts::123456789012:assumed-role/reader/shipway-1 is not authorized to perform: \
            ecr:CreateRepository on resource: arn:aws:ecr:eu-west-1:123456789012:repository/new because no identity-based policy allows the ecr:CreateRepository action"})
    );
    assert_eq!(
        answer(&sandbox, &credentials, "Nonsense", json!({})).await["__type"],
        "UnknownOperationException"
    );
}

#[tokio::test]
async fn trouble_strikes_on_the_way() {
    let sandbox = with(
        "rules: [{operation: ListImages, do: throttle, times: 1}, {operation: ListImages, do: reset, from: 300ms}, \
         {operation: PutImage, do: lost-answer}, {operation: DescribeImages, do: delay, delay: 50ms}, {operation: DescribeRepositories, do: stale, from: 300ms}]",
        all(),
    );
    let credentials = credentials(&sandbox, "deployer").await;
    let input = json!({"repositoryName": "web"});
    assert_eq!(
        answer(&sandbox, &credentials, "ListImages", input.clone()).await["__type"],
        "ThrottlingException"
    );
    assert_eq!(
        answer(&sandbox, &credentials, "ListImages", input.clone()).await["imageIds"][0]["imageTag"],
        "abc"
    );
    answer(&sandbox, &credentials, "DescribeRepositories", json!({})).await;
    let before = tokio::time::Instant::now();
    answer(&sandbox, &credentials, "DescribeImages", input.clone()).await;
    assert!(before.elapsed() >= Duration::from_millis(50));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        call(&sandbox, &credentials, "ListImages", input.clone())
            .await
            .unwrap_err(),
        Reset
    );
    // The call whose answer is lost has happened, and is not yet seen.
    let image = answer(
        &sandbox,
        &credentials,
        "BatchGetImage",
        json!({"repositoryName": "web", "imageIds": [{"imageTag": "abc"}]}),
    )
    .await;
    let put = json!({"repositoryName": "web", "imageTag": "latest", "imageManifest": image["images"][0]["imageManifest"]});
    assert_eq!(
        call(&sandbox, &credentials, "PutImage", put)
            .await
            .unwrap_err(),
        Reset
    );
    assert_eq!(
        sandbox.with_world(|world| world.ecr.registry.repositories["web"].image_tags.len()),
        2
    );
    answer(
        &sandbox,
        &credentials,
        "CreateRepository",
        json!({"repositoryName": "another"}),
    )
    .await;
    assert_eq!(
        answer(&sandbox, &credentials, "DescribeRepositories", json!({})).await["repositories"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

async fn oci(
    sandbox: &Sandbox,
    password: &str,
    method: &str,
    path: &str,
    content_type: &str,
    body: &str,
) -> Response<Bytes> {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("AWS:{password}"));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Basic {basic}"))
        .header("content-type", content_type)
        .body(Bytes::from(body.to_owned()))
        .unwrap();
    doors::in_process::call(sandbox, request).await.unwrap()
}

#[tokio::test]
async fn what_is_pushed_ecr_shows_and_immutable_tags_hold() {
    let sandbox = sandbox();
    let credentials = credentials(&sandbox, "deployer").await;
    let token = answer(&sandbox, &credentials, "GetAuthorizationToken", json!({})).await["authorizationData"][0]["authorizationToken"].clone();
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(token.as_str().unwrap())
        .unwrap();
    let password = String::from_utf8(decoded)
        .unwrap()
        .strip_prefix("AWS:")
        .unwrap()
        .to_owned();
    let push = |path: &'static str, body: &'static str| {
        let (sandbox, password) = (sandbox.clone(), password.clone());
        async move {
            oci(
                &sandbox,
                &password,
                "PUT",
                path,
                crate::world::registry::MANIFEST,
                body,
            )
            .await
        }
    };

    let response = oci(&sandbox, "wrong", "GET", "/v2/", "", "").await;
    assert_eq!(response.status(), 401);
    assert!(
        response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic realm=\"https://123456789012.dkr.ecr.")
    );
    assert_eq!(
        oci(&sandbox, &password, "GET", "/v2/", "", "")
            .await
            .status(),
        200
    );

    let manifest = r#"{"schemaVersion":2,"layers":[]}"#;
    assert_eq!(
        json_of(&push("/v2/none/manifests/v1", manifest).await)["errors"][0],
        json!({"code": "NAME_UNKNOWN", "message": "The repository with name 'none' does not exist in the registry with id '123456789012'"})
    );
    assert_eq!(push("/v2/web/manifests/v1", manifest).await.status(), 201);
    assert_eq!(push("/v2/web/manifests/v1", manifest).await.status(), 201);
    let refused = push(
        "/v2/web/manifests/v1",
        r#"{"schemaVersion":2,"layers":[ ]}"#,
    )
    .await;
    assert_eq!(refused.status(), 400);
    assert_eq!(json_of(&refused)["errors"][0]["code"], "TAG_INVALID");
    assert_eq!(
        push(
            "/v2/web/manifests/latest",
            r#"{"schemaVersion":2,"layers":[ ]}"#
        )
        .await
        .status(),
        201
    );

    let shown = answer(
        &sandbox,
        &credentials,
        "BatchGetImage",
        json!({"repositoryName": "web", "imageIds": [{"imageTag": "v1"}, {"imageTag": "v2"}]}),
    )
    .await;
    assert_eq!(
        shown["images"][0]["imageId"]["imageDigest"],
        digest_of(manifest.as_bytes())
    );
    assert_eq!(shown["failures"][0]["failureCode"], "ImageNotFound");
    sandbox.with_world(|world| {
        assert_eq!(
            world
                .ecr
                .pullable("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:v1"),
            Ok(())
        );
        assert!(
            world
                .ecr
                .pullable("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:v2")
                .unwrap_err()
                .starts_with("CannotPullContainerError: ")
        );
        assert_eq!(world.ecr.pullable("docker.io/library/nginx:latest"), Ok(()));
    });
}

#[tokio::test]
async fn a_layers_address_works_once_asked_for() {
    let sandbox = sandbox();
    let credentials = credentials(&sandbox, "deployer").await;
    let image = answer(
        &sandbox,
        &credentials,
        "BatchGetImage",
        json!({"repositoryName": "web", "imageIds": [{"imageTag": "abc"}]}),
    )
    .await;
    let manifest: Value =
        serde_json::from_str(image["images"][0]["imageManifest"].as_str().unwrap()).unwrap();
    let digest = &manifest["config"]["digest"];
    let url = answer(
        &sandbox,
        &credentials,
        "GetDownloadUrlForLayer",
        json!({"repositoryName": "web", "layerDigest": digest}),
    )
    .await["downloadUrl"]
        .clone();
    let get = |url: String| Request::get(url).body(Bytes::new()).unwrap();
    let config = sandbox
        .handle(get(url.as_str().unwrap().to_owned()))
        .await
        .unwrap();
    assert_eq!(json_of(&config)["architecture"], "amd64");
    assert_eq!(
        sandbox
            .handle(get(format!("{}x", url.as_str().unwrap())))
            .await
            .unwrap()
            .status(),
        403
    );
}

#[tokio::test]
async fn the_server_answers_what_the_function_does_and_resets_break_connections() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let sandbox = with(
        "rules: [{operation: 'GET /repos/{owner}/{repo}', do: reset, times: 1}]",
        all(),
    );
    let server = doors::server::Server::start(sandbox, 0).await.unwrap();
    let environment = server.environment();
    assert_eq!(
        environment["AWS_ENDPOINT_URL"],
        format!("http://{}", server.addr)
    );
    let ask = async || {
        let mut stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
        let request = format!(
            "GET /github/repos/octo-org/web HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            server.addr, environment["GITHUB_TOKEN"]
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    assert_eq!(ask().await, "");
    assert!(ask().await.starts_with("HTTP/1.1 200 OK"));
    server.stop().await;
}

#[tokio::test]
async fn the_registry_knows_trouble_too() {
    let sandbox = with(
        "rules: [{operation: 'GET /v2/', service: oci, do: unavailable, times: 1}]",
        all(),
    );
    let password = sandbox.registry_password();
    assert_eq!(
        oci(&sandbox, &password, "GET", "/v2/", "", "")
            .await
            .status(),
        503
    );
    assert_eq!(
        oci(&sandbox, &password, "GET", "/v2/", "", "")
            .await
            .status(),
        200
    );
}
