//! Pushes through the engine of this machine to a registry that answers by script: what is told, retried and refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::super::DockerError;
use super::super::build::{BuildSpec, build};
use super::super::daemon::Daemon;
use super::super::inspect;
use super::super::registry_auth::RegistryAuth;
use super::{LayerState, PushNews, PushOutcome, push};

/// What the registry says to the manifest, in turn; nothing is left to say means that it takes it.
type Script = Arc<Mutex<Vec<(u16, &'static str)>>>;

struct Registry {
    address: String,
    manifest: Arc<Mutex<Vec<u8>>>,
}

impl Registry {
    /// With `login`, every request needs that user and password.
    async fn start(answers: &[(u16, &'static str)], login: Option<&'static str>) -> Registry {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let script: Script = Arc::new(Mutex::new(answers.to_vec()));
        let manifest = Arc::new(Mutex::new(Vec::new()));
        let kept = manifest.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, kept) = (script.clone(), kept.clone());
                let service = hyper::service::service_fn(move |request| {
                    let (script, kept) = (script.clone(), kept.clone());
                    async move {
                        Ok::<_, std::convert::Infallible>(
                            answer(request, login, &script, &kept).await,
                        )
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Registry { address, manifest }
    }

    fn digest(&self) -> String {
        format!(
            "sha256:{}",
            hex::encode(Sha256::digest(&*self.manifest.lock().unwrap()))
        )
    }
}

async fn answer(
    request: Request<Incoming>,
    login: Option<&str>,
    script: &Script,
    kept: &Mutex<Vec<u8>>,
) -> Response<Full<Bytes>> {
    let reply = |status: u16, body: &str| {
        let reply = Response::builder()
            .status(status)
            .header("content-type", "application/json");
        reply
            .header("www-authenticate", "Basic realm=\"r\"")
            .body(Full::new(body.to_owned().into()))
            .unwrap()
    };
    let given = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let needed = login.map(|login| format!("Basic {}", STANDARD.encode(login)));
    if needed.is_some() && given != needed.as_deref() {
        return reply(
            401,
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#,
        );
    }
    let path = request.uri().path().to_owned();
    match *request.method() {
        Method::HEAD if path.contains("/blobs/") => {
            let digest = path.rsplit('/').next().unwrap();
            let reply = Response::builder()
                .header("content-length", "10")
                .header("docker-content-digest", digest);
            reply.body(Full::new(Bytes::new())).unwrap()
        }
        Method::POST | Method::PATCH | Method::PUT if path.contains("/blobs/uploads/") => {
            let is_last = request.method() == Method::PUT;
            let sent = request
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .len();
            Response::builder()
                .status(if is_last { 201 } else { 202 })
                .header("location", "/v2/app/web/blobs/uploads/1")
                .header("docker-upload-uuid", "1")
                .header("range", format!("0-{}", sent.saturating_sub(1)))
                .body(Full::new(Bytes::new()))
                .unwrap()
        }
        Method::PUT if path.contains("/manifests/") => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let next = {
                let mut script = script.lock().unwrap();
                (!script.is_empty()).then(|| script.remove(0))
            };
            if let Some((status, body)) = next {
                return reply(status, body);
            }
            *kept.lock().unwrap() = body.to_vec();
            let digest = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
            let reply = Response::builder()
                .status(StatusCode::CREATED)
                .header("docker-content-digest", digest);
            reply.body(Full::new(Bytes::new())).unwrap()
        }
        _ => reply(if path == "/v2/" { 200 } else { 404 }, "{}"),
    }
}

/// Builds a small image named for the registry and pushes it.
async fn pushed(
    registry: &Registry,
    login: Option<(&str, &str)>,
) -> (Result<PushOutcome, DockerError>, Vec<PushNews>) {
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    let daemon = Daemon::connect(&variables)
        .await
        .expect("these tests need Docker");
    let dir = tempfile::tempdir().unwrap();
    // content of its own: the engine remembers where it pushed a layer before
    let dockerfile = format!(
        "# {}\nFROM scratch\nCOPY Dockerfile /\n",
        super::super::session::random_name()
    );
    std::fs::write(dir.path().join("Dockerfile"), dockerfile).unwrap();
    let repository = format!("{}/app/web", registry.address);
    let spec = BuildSpec {
        context_dir: dir.path().to_owned(),
        dockerfile: dir.path().join("Dockerfile"),
        tags: vec![format!("{repository}:v1")],
        ..BuildSpec::default()
    };
    build(&daemon, &spec, &mut |_| {}).await.unwrap();
    let auths: Vec<RegistryAuth> = login
        .into_iter()
        .map(|(username, password)| RegistryAuth {
            registry: registry.address.clone(),
            username: username.to_owned(),
            password: SecretString::from(password),
        })
        .collect();
    let mut news = Vec::new();
    let outcome = push(&daemon, &repository, "v1", &auths, &mut |n| news.push(n)).await;
    inspect::remove(&daemon, &spec.tags[0]).await.unwrap();
    (outcome, news)
}

#[tokio::test]
async fn a_push_tells_its_layers_and_returns_the_manifests_digest() {
    // the password would break the header in any alphabet but the URL-safe one
    let registry = Registry::start(&[], Some("AWS:??~~>>")).await;
    let (outcome, news) = pushed(&registry, Some(("AWS", "??~~>>"))).await;
    let size = registry.manifest.lock().unwrap().len() as u64;
    let expected = PushOutcome::Pushed {
        digest: registry.digest(),
        manifest_bytes: size,
    };
    assert_eq!(outcome.unwrap(), expected);
    let states: Vec<LayerState> = news
        .iter()
        .map(|news| match news {
            PushNews::Layer { state, .. } => *state,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(states.first(), Some(&LayerState::Waiting), "{news:?}");
    assert_eq!(states.last(), Some(&LayerState::Pushed), "{news:?}");
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again() {
    let registry = Registry::start(&[(503, ""), (429, "{}")], None).await;
    let (outcome, news) = pushed(&registry, None).await;
    assert!(
        matches!(outcome, Ok(PushOutcome::Pushed { .. })),
        "{outcome:?}"
    );
    let retries: Vec<(u32, u64)> = news
        .iter()
        .filter_map(|news| match news {
            PushNews::Retrying {
                attempt,
                after,
                of: 4,
                ..
            } => Some((*attempt, after.as_secs())),
            _ => None,
        })
        .collect();
    assert_eq!(retries, [(2, 1), (3, 2)], "{news:?}");
}

#[tokio::test]
async fn a_refused_tag_is_an_outcome_and_other_refusals_are_errors_at_once() {
    let immutable = r#"{"errors":[{"code":"TAG_INVALID","message":"The image tag 'v1' already exists in the 'app/web' repository and cannot be overwritten because the repository is immutable."}]}"#;
    let registry = Registry::start(&[(400, immutable)], None).await;
    let (outcome, _) = pushed(&registry, None).await;
    assert_eq!(
        outcome.unwrap(),
        PushOutcome::TagImmutable {
            tag: "v1".to_owned()
        }
    );

    let denied = r#"{"errors":[{"code":"DENIED","message":"User is not authorized to perform: ecr:PutImage"}]}"#;
    let registry = Registry::start(&[(403, denied)], None).await;
    let (outcome, news) = pushed(&registry, None).await;
    assert!(
        matches!(outcome, Err(DockerError::PushDenied { .. })),
        "{outcome:?}"
    );
    assert!(
        !news
            .iter()
            .any(|news| matches!(news, PushNews::Retrying { .. })),
        "no second try"
    );

    let expired = r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}"#;
    let registry = Registry::start(&[(403, expired)], None).await;
    let (outcome, _) = pushed(&registry, None).await;
    assert!(
        matches!(outcome, Err(DockerError::LoginExpired { .. })),
        "{outcome:?}"
    );

    let registry = Registry::start(&[], Some("AWS:right")).await;
    for login in [None, Some(("AWS", "wrong"))] {
        let (outcome, _) = pushed(&registry, login).await;
        assert!(
            matches!(outcome, Err(DockerError::PushDenied { .. })),
            "{outcome:?}"
        );
    }
}
