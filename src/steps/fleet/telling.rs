//! What is said while many services are done: how many, and each that failed, at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::plan::scale::{Act, One};
use crate::report::{Report, fleet};

/// Failures that are told when they come; the table has all.
const AT_ONCE: usize = 10;

pub struct Telling<'a> {
    report: &'a Report,
    total: usize,
    done: AtomicUsize,
    failed: AtomicUsize,
}

impl<'a> Telling<'a> {
    pub fn new(report: &'a Report, total: usize) -> Telling<'a> {
        Telling {
            report,
            total,
            done: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
        }
    }

    /// Before the silence of a wait.
    pub fn waiting(&self, deploying: usize) {
        let words = match deploying {
            0 => return,
            1 => "1 service is being deployed: waiting for the end of it".to_owned(),
            n => format!("{n} services are being deployed: waiting for the end of it"),
        };
        self.report.line(words);
    }

    /// One more is done, however it went.
    pub fn done(&self, one: &One) {
        if let Some(line) = fleet::failure(one)
            && self.failed.fetch_add(1, Ordering::Relaxed) < AT_ONCE
        {
            self.report.line(line);
        }
        if matches!(one.act, Act::Interrupted | Act::NotBegun) {
            return;
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let failed = self.failed.load(Ordering::Relaxed);
        self.report.say(fleet::progress(done, failed, self.total));
    }
}
