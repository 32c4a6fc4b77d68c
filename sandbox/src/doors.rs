pub mod in_process;
pub mod server;
