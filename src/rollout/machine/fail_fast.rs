//! A deployment that cannot succeed is ended early.

use std::time::Duration;

use super::super::{Acted, Action};
use super::Rollout;

impl Rollout {
    pub(super) fn end_answered(&mut self, _action: &Action, _acted: Acted, _elapsed: Duration) {}
}
