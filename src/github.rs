//! Port to GitHub: the id token, comments, deployments, pull requests. Knows GitHub's wire and words; decides nothing about
//! a deploy.

pub mod client;
pub mod comment;
pub mod deployments;
pub mod id_token;
pub mod permissions;
pub mod pulls;

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;
