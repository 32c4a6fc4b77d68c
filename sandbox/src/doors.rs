//! The two ways into a world: a function call, and a listening socket.

pub mod in_process;
pub mod server;
