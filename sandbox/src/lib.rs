//! Stand-ins for the parts of AWS and GitHub that Shipway calls, in one simulated [`World`].
//!
//! The world is sans-IO: `World::handle(call, now)` answers a call, `World::learn(fact, now)` takes what a runtime saw,
//! and both leave [`Effect`]s for a driver to carry out. Before either, the world advances to `now` by popping its
//! agenda, so it is lazy and time is whatever the [`Clock`] says: real, or tokio's paused time.
//!
//! Two doors lead in: [`doors::in_process`] (a function from HTTP request to HTTP response) and [`doors::server`]
//! (a listening socket for the built binary, `boto3`, `docker` and `curl`).
//!
//! It holds only what Shipway calls, and answers an unknown operation with an error, never with silence.

pub mod alb;
pub mod clock;
pub mod doors;
pub mod driver;
pub mod iam;
pub mod oci;
pub mod runtimes;
pub mod scenario;
pub mod seed_world;
pub mod services;
pub mod wire;
pub mod world;

pub use clock::Clock;
pub use driver::Sandbox;
pub use world::{Effect, Fact, World};
