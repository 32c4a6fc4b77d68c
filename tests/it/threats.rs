//! One place to find what stands against each threat of `docs/security.md`; where the test is elsewhere, its name is here.
//!
//! 1. A pull request chooses production's image: `plan/image`'s tables (a tag is reused by its build key alone).
//! 2. Foreign code with a role in hand: `refusals::of_trust`, `plan/trust_tests`, `steps/admit_tests`.
//! 3. A build reads the run's secrets: `threats::build`, `threats::process`, `docker/context_tests`.
//! 4. Text of others commands, links or mentions: `threats::text`, `report/escape_tests`.
//! 5. Somebody else's comment is taken for ours: `threats::comment`.

mod build;
mod process;
mod reader;
mod text;
