pub mod json11;
pub mod query;
pub mod record;
pub mod sigv4;
pub mod trouble;
