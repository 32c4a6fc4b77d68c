//! The door without a socket: a request goes in, a response comes out, and time may be virtual.
//!
//! Knows: nothing of its own. A test puts it behind the one HTTP connector of the process under test.

use bytes::Bytes;
use http::{Request, Response};

use crate::Sandbox;
use crate::wire::Reset;

/// Answers one request, whatever host it names; `Err` is a broken connection.
pub async fn call(sandbox: &Sandbox, request: Request<Bytes>) -> Result<Response<Bytes>, Reset> {
    sandbox.handle(request).await
}
