//! How far each service came, at any moment: whatever ends the run, there is something true to tell of each.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::telling::Telling;
use crate::plan::scale::{Act, Found, One};

pub struct Ledger<'a> {
    rows: Mutex<Vec<One>>,
    telling: &'a Telling<'a>,
}

/// Nothing was done to it yet.
pub fn untouched(found: &Found) -> One {
    One {
        region: found.region.clone(),
        cluster: found.cluster.clone(),
        service: found.service.clone(),
        preview: found.preview.clone(),
        was: found.desired_count,
        now: found.desired_count,
        act: Act::NotBegun,
        why: None,
        failed: None,
        notes: Vec::new(),
        slept_for: None,
        size: None,
    }
}

impl<'a> Ledger<'a> {
    pub fn new<'f>(all: impl Iterator<Item = &'f Found>, telling: &'a Telling<'a>) -> Ledger<'a> {
        Ledger {
            rows: Mutex::new(all.map(untouched).collect()),
            telling,
        }
    }

    /// From here on a signal leaves it halfway.
    pub fn begin(&self, at: usize) {
        self.rows()[at].act = Act::Interrupted;
    }

    pub fn counts(&self, at: usize, desired_count: u32) {
        self.rows()[at].now = desired_count;
    }

    /// So many are in the hands of others.
    pub fn waits_for(&self, deploying: usize) {
        self.telling.waiting(deploying);
    }

    /// How it went.
    pub fn end(&self, at: usize, with: impl FnOnce(&mut One)) {
        let one = {
            let row = &mut self.rows()[at];
            with(row);
            row.clone()
        };
        self.telling.done(&one);
    }

    pub fn into_ones(self) -> Vec<One> {
        let rows = self.rows.into_inner();
        rows.unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> MutexGuard<'_, Vec<One>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
