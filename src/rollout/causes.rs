//! Why tasks do not come up or do not stay: one entry a cause, with what ECS, Docker or ELB says of it, what that means, what
//! helps, and AWS's page. Data, and how a stop is looked up in it; `diagnosis` chooses among several and puts values in.

use serde::{Serialize, Serializer};

use crate::model::Untrusted;
use crate::model::task::Task;

/// One cause.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// `image-not-found`: the output `failure-cause`, and the heading in docs/causes.md. Stays.
    pub name: &'static str,
    /// A clause: "the image is not there".
    pub title: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// What helps, the likeliest first.
    pub fixes: &'static [&'static str],
    /// AWS's page about it.
    pub page: &'static str,
    /// No later task escapes it: fail-fast ends the deployment at the second one.
    pub certain: bool,
    /// Any of these in a reason of a stop; the words of one come together.
    pub says: &'static [&'static [&'static str]],
    /// Where the message's shape is from: AWS's page, or a public issue.
    pub source: &'static str,
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name)
    }
}

const PULL_PAGE: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html";

/// In the order in which they are asked.
pub const CAUSES: &[Cause] = &[
    Cause {
        name: "image-not-found",
        title: "the image is not there",
        meaning: "ECS asked the registry for the image of the task definition, and it does not have it.",
        fixes: &["push the image again, or deploy a commit whose image is still in the repository"],
        page: PULL_PAGE,
        certain: true,
        says: &[
            &["CannotPull", "not found"],
            &["CannotPull", "does not exist"],
            &["CannotPull", "manifest unknown"],
        ],
        source: PULL_PAGE,
    },
    Cause {
        name: "pull-denied",
        title: "pulling the image is denied",
        meaning: "The registry knows the image, or does not say, and the task's execution role may not pull it.",
        fixes: &["let the task execution role pull from the repository"],
        page: PULL_PAGE,
        certain: true,
        says: &[&["CannotPull", "denied"], &["CannotPull", "not authorized"]],
        source: PULL_PAGE,
    },
    Cause {
        name: "secret-unreadable",
        title: "a secret of its could not be read",
        meaning: "ECS reads the container's secrets before it starts it, and could not.",
        fixes: &["check that the secret exists and that the task execution role may read it"],
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html",
        certain: true,
        says: &[&["unable to pull secrets"]],
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html",
    },
    Cause {
        name: "exec-format-error",
        title: "the image is for another architecture",
        meaning: "The kernel cannot run the container's binary.",
        fixes: &["build the image for the platform that the tasks run on"],
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html",
        certain: true,
        says: &[&["exec format error"]],
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html",
    },
];

/// What a stop's own words give as its cause.
pub fn of_stop(task: &Task) -> Option<&'static Cause> {
    CAUSES.iter().find(|cause| {
        let said =
            |words: &&[&str]| reasons(task).any(|reason| words.iter().all(|w| reason.contains(w)));
        cause.says.iter().any(|words| said(words))
    })
}

fn reasons(task: &Task) -> impl Iterator<Item = &Untrusted> {
    let containers = task.containers.iter().filter_map(|c| c.reason.as_ref());
    task.stopped_reason.iter().chain(containers)
}
