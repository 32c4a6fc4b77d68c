//! What people do to a pull request while a world runs; one that is not there is left alone. Does not know what follows from it.

use serde::Deserialize;

use super::{GitHub, PullRequestSpec};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Labelled {
    pub number: u64,
    pub label: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pushed {
    pub number: u64,
    pub sha: String,
}

impl GitHub {
    fn change(&mut self, number: u64, change: impl FnOnce(&mut PullRequestSpec)) {
        let pulls = &mut self.spec.pull_requests;
        if let Some(pull) = pulls.iter_mut().find(|pull| pull.number == number) {
            change(pull);
        }
    }

    pub fn close_pull(&mut self, number: u64) {
        self.change(number, |pull| pull.closed = true);
    }

    pub fn merge_pull(&mut self, number: u64) {
        self.change(number, |pull| {
            pull.closed = true;
            pull.merged = true;
        });
    }

    /// What is merged stays closed.
    pub fn reopen_pull(&mut self, number: u64) {
        self.change(number, |pull| pull.closed = pull.merged);
    }

    pub fn label_pull(&mut self, to: &Labelled) {
        self.change(to.number, |pull| {
            if !pull.labels.contains(&to.label) {
                pull.labels.push(to.label.clone());
            }
        });
    }

    pub fn unlabel_pull(&mut self, of: &Labelled) {
        self.change(of.number, |pull| pull.labels.retain(|l| *l != of.label));
    }

    /// A new head.
    pub fn push(&mut self, pushed: &Pushed) {
        self.change(pushed.number, |pull| pull.head_sha.clone_from(&pushed.sha));
    }
}
