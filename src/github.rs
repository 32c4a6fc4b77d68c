//! Port to GitHub: the id token, comments and reactions, deployments, pull requests, what people may do. Knows GitHub's wire and words; decides nothing about
//! a deploy.

pub mod client;
pub mod collaborators;
pub mod comment;
pub mod commits;
pub mod deployments;
pub mod id_token;
pub mod permissions;
pub mod pulls;
pub mod reactions;

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;
