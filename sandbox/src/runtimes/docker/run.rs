//! One run of the sandbox, as its containers are labelled, so that they are found again whatever happened to it.
//!
//! Knows: labels, and whether the process that owns one is still there.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ContainerSummary;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use futures_util::future::join_all;

/// Every container of a sandbox has it.
const RUN: &str = "shipway.sandbox";
const TASK: &str = "shipway.sandbox.task";
const CONTAINER: &str = "shipway.sandbox.container";

/// The value of the label: the machine's boot, the namespace of process ids, the process, its start, and a count within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run(String);

impl Run {
    /// A run of this very process.
    pub fn here() -> Run {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let started = started_at(pid).unwrap_or_default();
        Run(format!(
            "{}/{}/{pid}/{started}/{run}",
            boot(),
            pid_namespace()
        ))
    }

    pub fn labels(&self, task_arn: &str, container: &str) -> HashMap<String, String> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        HashMap::from([
            label(RUN, &self.0),
            label(TASK, task_arn),
            label(CONTAINER, container),
        ])
    }
}

/// Removes all containers of a run, and says how many.
pub async fn sweep(docker: &Docker, run: &Run) -> Result<usize, Error> {
    let found = list(docker, format!("{RUN}={}", run.0)).await?;
    Ok(remove(docker, found).await)
}

/// Removes what runs left behind that were killed, and says how many containers that were.
pub async fn sweep_stale(docker: &Docker) -> Result<usize, Error> {
    let found = list(docker, RUN.to_owned()).await?;
    let stale = |container: &ContainerSummary| {
        let label = container.labels.as_ref().and_then(|labels| labels.get(RUN));
        let stopped = container
            .state
            .as_ref()
            .is_some_and(|state| !state.to_string().eq_ignore_ascii_case("running"));
        label.is_some_and(|label| is_stale(label, stopped))
    };
    Ok(remove(docker, found.into_iter().filter(stale).collect()).await)
}

/// Forgets the images of a registry that is going away, and says how many names that were.
pub async fn forget_images(docker: &Docker, registry: &str) -> Result<usize, Error> {
    let prefix = format!("{registry}/");
    let images = docker
        .list_images(Some(ListImagesOptionsBuilder::new().build()))
        .await?;
    let names = images
        .iter()
        .flat_map(|image| image.repo_tags.iter().chain(&image.repo_digests))
        .filter(|name| name.starts_with(&prefix));
    let options = RemoveImageOptionsBuilder::new().force(true).build();
    let removals = names.map(|name| docker.remove_image(name, Some(options.clone()), None));
    // An image goes with its last name, so a name may be gone already.
    Ok(join_all(removals)
        .await
        .into_iter()
        .filter(Result::is_ok)
        .count())
}

/// A daemon can be shared by machines and by containers: only what cannot belong to a living process is stale.
fn is_stale(label: &str, stopped: bool) -> bool {
    let mut parts = label.split('/');
    let (Some(boot_id), Some(namespace), Some(pid), Some(started)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    if boot().is_empty() || boot_id.is_empty() {
        return false; // no /proc: nothing can be told
    }
    if boot_id != boot() {
        return stopped; // another machine's, or of before a restart, which no container survives
    }
    let Ok(pid) = pid.parse() else { return false };
    namespace == pid_namespace() && started_at(pid).as_deref() != Some(started)
}

async fn list(docker: &Docker, label: String) -> Result<Vec<ContainerSummary>, Error> {
    let filters = HashMap::from([("label", vec![label])]);
    docker
        .list_containers(Some(
            ListContainersOptionsBuilder::new()
                .all(true)
                .filters(&filters)
                .build(),
        ))
        .await
}

async fn remove(docker: &Docker, containers: Vec<ContainerSummary>) -> usize {
    let removals = containers
        .iter()
        .filter_map(|container| container.id.as_deref())
        .map(|id| remove_container(docker, id));
    join_all(removals)
        .await
        .into_iter()
        .filter(Result::is_ok)
        .count()
}

/// With its anonymous volumes, running or not.
pub async fn remove_container(docker: &Docker, id: &str) -> Result<(), Error> {
    docker
        .remove_container(
            id,
            Some(
                RemoveContainerOptionsBuilder::new()
                    .force(true)
                    .v(true)
                    .build(),
            ),
        )
        .await
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn pid_namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy()
        .chars()
        .filter(char::is_ascii_digit)
        .collect()
}

/// In clock ticks since the boot; a process id may be used again, its start time is not.
fn started_at(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets and may hold anything.
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Run, boot, is_stale, pid_namespace};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_living_run_is_not_stale_and_a_dead_one_is() {
        let run = Run::here();
        assert!(!is_stale(&run.0, true), "{run:?} is alive");
        assert_ne!(run, Run::here(), "two runs of a process are told apart");

        let (boot, namespace) = (boot(), pid_namespace());
        assert!(
            is_stale(
                &format!("{boot}/{namespace}/{}/1/0", std::process::id()),
                false
            ),
            "the process id was used again"
        );
        assert!(
            is_stale(&format!("{boot}/{namespace}/4194305/7/0"), false),
            "no such process can be"
        );
        assert!(
            !is_stale(&format!("{boot}/0{namespace}/4194305/7/0"), false),
            "another namespace's processes are unknown"
        );
        assert!(
            !is_stale("other-boot/1/1/1/0", false),
            "it may run on another machine"
        );
        assert!(is_stale("other-boot/1/1/1/0", true));
        assert!(!is_stale("hand-made", true));
    }
}
