//! The session that BuildKit calls back on while it builds: the context, the named secrets, the registry logins, and
//! a sign of life. bollard opens such a session with logins only; ours carries the other services too. Whatever is
//! not in here, a build cannot ask for: no SSH agent, no environment, no other directory.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::health::health_check_response::ServingStatus;
use bollard::health::health_server::{Health, HealthServer};
use bollard::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use bollard::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard::moby::filesync::packet::file_sync_server::FileSyncServer;
use bollard::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request as HttpRequest;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretSlice};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};

use super::DockerError;
use super::daemon::Daemon;
use super::filesync::ContextSync;
use super::registry_auth::{self, RegistryAuth};
use super::wire::{accepted, broken};

/// What the engine may call; it looks the methods up in lower case.
const METHODS: [&str; 4] = [
    "/moby.filesync.v1.FileSync/diffcopy",
    "/moby.filesync.v1.Auth/credentials",
    "/moby.buildkit.secrets.v1.Secrets/getsecret",
    "/grpc.health.v1.Health/check",
];

/// What a session offers.
pub struct Offer {
    pub context: ContextSync,
    pub secrets: HashMap<String, SecretSlice<u8>>,
    pub auths: Vec<RegistryAuth>,
}

/// An open session; it ends when this is dropped.
pub struct Session {
    pub id: String,
    _open: oneshot::Sender<()>,
}

/// A name that no other build has.
pub fn random_name() -> String {
    let mut name = [0u8; 16];
    // not a secret: the engine only has to tell builds apart
    for byte in &mut name {
        *byte = fastrand::u8(..);
    }
    hex::encode(name)
}

impl Session {
    pub async fn open(daemon: &Daemon, offer: Offer) -> Result<Session, DockerError> {
        const DOING: &str = "open a build session";
        let id = random_name();
        let mut request = HttpRequest::post(daemon.path("/session"))
            .header("Connection", "Upgrade")
            .header("Upgrade", "h2c")
            .header("X-Docker-Expose-Session-Uuid", &id)
            .header("X-Docker-Expose-Session-Name", "shipway")
            // Contexts with equal keys share a copy in the engine, which compares sizes and times. Times may be
            // the commit's here, so a key of its own keeps a changed file from being taken for the old one.
            .header("X-Docker-Expose-Session-Sharedkey", &id);
        for method in METHODS {
            request = request.header("X-Docker-Expose-Session-Grpc-Method", method);
        }
        let request = request
            .body(Full::new(Bytes::new()))
            .map_err(|error| broken(DOING, &error))?;
        let answer = accepted(DOING, daemon.address.send(request).await).await?;
        let stream = hyper::upgrade::on(answer)
            .await
            .map_err(|error| broken(DOING, &error))?;

        let server = tonic::transport::Server::builder()
            .add_service(HealthServer::new(Alive))
            .add_service(AuthServer::new(Logins(offer.auths)))
            .add_service(SecretsServer::new(NamedSecrets(Arc::new(offer.secrets))))
            .add_service(FileSyncServer::new(offer.context));
        let (open, ended) = oneshot::channel::<()>();
        let one = stream::once(async { Ok::<_, std::io::Error>(Upgraded(TokioIo::new(stream))) });
        let incoming = Box::pin(one.chain(stream::pending()));
        tokio::spawn(server.serve_with_incoming_shutdown(incoming, async {
            let _ = ended.await;
        }));
        Ok(Session { id, _open: open })
    }
}

/// The upgraded connection, as tonic wants one.
struct Upgraded(TokioIo<hyper::upgrade::Upgraded>);

impl tonic::transport::server::Connected for Upgraded {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl tokio::io::AsyncRead for Upgraded {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl tokio::io::AsyncWrite for Upgraded {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The engine asks every second, and takes silence for the client's end.
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }))
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("only check"))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("only check"))
    }
}

struct NamedSecrets(Arc<HashMap<String, SecretSlice<u8>>>);

#[tonic::async_trait]
impl Secrets for NamedSecrets {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        match self.0.get(&request.get_ref().id) {
            Some(secret) => Ok(Response::new(GetSecretResponse {
                data: secret.expose_secret().to_vec(),
            })),
            None => Err(Status::not_found("no such secret was given")),
        }
    }
}

/// Logins for base images and caches. The engine fetches tokens itself.
struct Logins(Vec<RegistryAuth>);

#[tonic::async_trait]
impl Auth for Logins {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let found = registry_auth::find(&self.0, &request.get_ref().host);
        Ok(Response::new(CredentialsResponse {
            username: found.map(|auth| auth.username.clone()).unwrap_or_default(),
            secret: found
                .map(|auth| auth.password.expose_secret().to_owned())
                .unwrap_or_default(),
        }))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens"))
    }
}
