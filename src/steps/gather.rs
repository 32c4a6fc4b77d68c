//! Reads, all of them before the first write. Each returns a `Found` of its plan's noun.

pub mod fleet;
pub mod image;
pub mod in_flight;
pub mod preview;
pub mod previews;
pub mod rollback;
pub mod service;
pub mod task_definition_file;
pub mod url;
