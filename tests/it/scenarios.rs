//! One file an incident: a world, what goes wrong in it, and below the line what people must read.
//!
//! `SHIPWAY_BLESS=1 cargo test --workspace scenarios` writes what is read now below the line; look at it before you commit it.

mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use serde_yaml::Value;

use shipway_sandbox::World;

use reading::{difference, what_is_read};

use crate::harness::{Played, SETTINGS, Scene, overlay, play};

/// Between the incident and what people read.
const LINE: &str = "\n---\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Incident {
    /// What it shows, and why it matters.
    #[allow(dead_code, reason = "for the reader of the file")]
    about: String,
    /// A file of `tests/worlds`, between the usual world and this one's.
    #[serde(default)]
    base: Option<String>,
    #[serde(default)]
    world: Value,
    /// What is asked for.
    #[serde(default = "deploy")]
    verb: String,
    /// After the verb and its settings: region, role and, unless it is `build`, cluster and service.
    #[serde(default)]
    args: Vec<String>,
    /// The whole command line instead.
    #[serde(default)]
    command_line: Option<Vec<String>>,
    #[serde(default = "pull_request")]
    event: String,
    #[serde(default)]
    vars: BTreeMap<String, String>,
    #[serde(default)]
    unset: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    git: bool,
    #[serde(default)]
    merge_checked_out: bool,
    #[serde(default)]
    signal_after_seconds: Option<f64>,
    /// SIGINT first and SIGTERM later, as a runner sends them; else SIGTERM alone.
    #[serde(default)]
    interrupted: bool,
    /// The run is played a second time so long after the first, and that one is shown.
    #[serde(default)]
    again_after_seconds: Option<f64>,
    exit: u8,
    /// `deployment-status` of the outputs.
    #[serde(default = "no_outputs")]
    status: String,
    /// Also show these below the line: `deployments` (GitHub's), `memory` (the comment's), `reactions`, `calls`, `summary`, `outputs`, `stdout`, `report` (the report file), `document` (what was registered).
    #[serde(default)]
    show: BTreeSet<String>,
    /// Nothing in AWS was changed.
    #[serde(default)]
    nothing_changed: bool,
    /// How often these were called.
    #[serde(default)]
    counts: BTreeMap<String, usize>,
    #[serde(default)]
    aws_calls_at_most: Option<usize>,
    /// It took at most so long, in virtual time.
    #[serde(default)]
    seconds_at_most: Option<f64>,
}

fn pull_request() -> String {
    "pull_request".to_owned()
}

fn deploy() -> String {
    "deploy".to_owned()
}

fn no_outputs() -> String {
    "(no outputs)".to_owned()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Of previews, beside region, role and cluster.
const PREVIEWS: [&str; 4] = ["--base-service", "web", "--ecr-repository", "web-preview"];

/// The rule of a preview without tasks answers itself: its target group is attached to nothing then.
fn put_to_sleep(world: &mut World) {
    let services = world.ecs.services.values();
    let asleep: Vec<String> = services
        .filter(|s| s.desired == 0)
        .map(|s| format!(":targetgroup/{}/", s.name))
        .collect();
    for rule in world.elbv2.rules.values_mut() {
        let to = rule.actions.to_string();
        if asleep.iter().any(|group| to.contains(group)) {
            let page =
                json!({ "StatusCode": "503", "ContentType": "text/html", "MessageBody": "asleep" });
            rule.actions = json!([{ "Type": "fixed-response", "FixedResponseConfig": page }]);
        }
    }
}

fn world_named(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/worlds/{name}.yml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn check(name: &str) {
    let path = folder().join(format!("{name}.yml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (incident_text, must_read) = text.split_once(LINE).unwrap_or((text.trim_end(), ""));
    let incident: Incident =
        serde_yaml::from_str(incident_text).unwrap_or_else(|e| panic!("{name}.yml: {e}"));
    let settings = match incident.verb.as_str() {
        "build" => SETTINGS[..4].to_vec(),
        "preview" => [&SETTINGS[..6], &PREVIEWS].concat(),
        _ => SETTINGS.to_vec(),
    };
    let usual = [incident.verb.as_str()]
        .into_iter()
        .chain(settings)
        .map(str::to_owned)
        .chain(incident.args.iter().cloned())
        .collect();
    let mut world = incident
        .base
        .as_deref()
        .map(world_named)
        .unwrap_or_default();
    overlay(&mut world, &incident.world);
    let played = play(Scene {
        world,
        prepare: incident.base.map(|_| put_to_sleep as fn(&mut World)),
        args: incident.command_line.unwrap_or(usual),
        vars: incident.vars,
        unset: incident.unset,
        event: incident.event,
        files: incident.files,
        git: incident.git,
        merge_checked_out: incident.merge_checked_out,
        signal: incident.interrupted.then_some(shipway::Signal::Interrupt),
        signal_after: incident.signal_after_seconds.map(Duration::from_secs_f64),
        again_after: incident.again_after_seconds.map(Duration::from_secs_f64),
    });
    let reads = what_is_read(&played, &incident.show);
    if std::env::var_os("SHIPWAY_BLESS").is_some() {
        std::fs::write(&path, format!("{}{LINE}{reads}", incident_text.trim_end())).unwrap();
    } else {
        assert!(
            must_read == reads,
            "{name}: people read something else now.\n\n{}",
            difference(must_read, &reads)
        );
    }
    assert_eq!(
        (played.exit, status(&played)),
        (incident.exit, incident.status),
        "{name}\n{}",
        played.stderr
    );
    // Who reads the report file reads what the outputs say, on failure too.
    if played.outputs.contains("report-file<<") {
        let report: serde_json::Value = serde_json::from_str(&played.report).unwrap();
        assert_eq!(report["exit-code"], played.exit, "{name}");
        if let Some(told) = report["outputs"].get("deployment-status") {
            assert_eq!(*told, status(&played), "{name}");
        }
        assert!(!played.report.contains("##["), "{name}");
    }
    if incident.nothing_changed {
        assert_eq!(played.changes(), Vec::<String>::new(), "{name}");
    }
    for (call, times) in &incident.counts {
        let called = played.calls.iter().filter(|r| r.name() == *call).count();
        assert_eq!(called, *times, "{name}: {call}");
    }
    if let Some(most) = incident.aws_calls_at_most {
        assert!(
            played.aws_calls().count() <= most,
            "{name}: more than {most} calls"
        );
    }
    if let Some(most) = incident.seconds_at_most {
        assert!(
            played.took.as_secs_f64() <= most,
            "{name}: took longer than {most} s"
        );
    }
}

fn status(played: &Played) -> String {
    let after = played.outputs.split("deployment-status<<").nth(1);
    let value = after.and_then(|rest| rest.lines().nth(1));
    value.map(str::to_owned).unwrap_or_else(no_outputs)
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*

        #[test]
        fn every_file_is_a_test() {
            let named: BTreeSet<String> = [$(stringify!($name)),*].into_iter().map(str::to_owned).collect();
            let files = std::fs::read_dir(folder()).unwrap().map(|f| f.unwrap().path());
            let files: BTreeSet<String> = files
                .filter(|f| f.extension().is_some_and(|e| e == "yml") && f.file_stem().is_some_and(|s| s != "world"))
                .map(|f| f.file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            assert_eq!(named, files);
        }
    };
}

scenarios! {
    address_is_given
    address_of_the_load_balancer
    address_with_a_path
    adopted
    after_a_successful_run
    alarms
    answer_of_the_update_is_lost
    autoscaling_moves_the_count
    build_as_json
    build_for_another_architecture
    build_into_no_repository
    build_may_not_read_the_repository
    build_reuses_the_image
    build_tag_exists_and_must_not
    build_without_a_repository
    cancelled_at_the_end
    cancelled_during_the_update
    cancelled_while_ecs_answers
    cancelled_while_github_hangs
    cancelled_while_github_is_slow
    cancelled_while_the_comment_is_written
    comment_after_a_merge
    comment_is_denied
    comment_is_edited
    comment_may_not_be_looked_for
    comment_names_a_commit
    comment_of_a_newer_run
    comment_of_another_environment
    comment_of_somebody_else
    comment_off
    comment_remembers
    comment_with_a_forged_memory
    commit_is_in_the_repository
    container_health_check
    container_unhealthy
    deployment_answer_is_lost
    deployment_fails
    deployment_is_denied
    deployment_left_open
    deployment_of_the_environment
    deployment_off
    deployment_on_the_commit
    desired_count_0
    desired_count_up
    doctor_all_is_well
    doctor_denied_here_and_there
    doctor_hangs_on_a_tag
    doctor_in_an_unknown_region
    doctor_no_id_token_permission
    doctor_on_a_fork
    doctor_outside_of_actions
    doctor_previews
    doctor_previews_reach_production
    doctor_register_by_family
    doctor_repository
    doctor_role_is_refused
    doctor_service_is_missing
    doctor_shared_repository
    doctor_simulation_is_denied
    errors_and_broken_connections
    expired_token_in_the_middle
    first_deploy
    force_new_deployment
    foreign_code_is_allowed
    fork
    github_enterprise_server
    github_is_down
    github_of_a_tenant
    healthy_for_20_seconds
    image_by_uri
    image_for_another_architecture
    image_is_missing
    image_may_not_be_read
    image_of_another_registry
    image_vanishes
    in_actions
    in_actions_preflight
    issuer_answers_late
    issuer_cannot_be_reached
    load_balancer_may_not_be_read
    long_wait_renews_its_session
    merge_commit_is_built
    merged_pull_request_is_closed
    new_image_and_desired_count_0
    no_github_token
    no_id_token_outside_of_actions
    no_id_token_permission
    no_identity_provider
    no_load_balancer
    no_repository
    nothing_to_roll_back_to
    old_targets_still_healthy
    output_json
    overrides
    pass_role_is_denied
    plan_cancelled
    plan_creates_a_repository
    plan_desired_count
    plan_from_another_build
    plan_in_actions
    plan_in_the_merge_queue
    plan_new_image
    plan_no_repository
    plan_not_pushed_yet
    plan_only_tags
    plan_overrides
    plan_reads_are_denied
    plan_refuses_as_deploy_does
    plan_unchanged
    preview_after_a_merge_queue
    preview_comment_is_denied
    preview_comment_is_obeyed_in_vain
    preview_comment_is_talk
    preview_comment_of_a_merged_one
    preview_comment_without_a_token
    preview_dispatched_for_a_merged_one
    preview_dispatched_for_nothing
    preview_dispatched_without_a_token
    preview_down
    preview_down_as_a_plan
    preview_down_is_denied_a_service
    preview_down_of_a_remainder
    preview_down_the_only_tag
    preview_down_twice
    preview_label_is_removed
    preview_list
    preview_list_is_empty
    preview_of_a_fork
    preview_of_a_merged_one
    preview_of_a_push
    preview_prune
    preview_prune_as_a_plan
    preview_prune_keeps_going
    preview_prune_orphans
    preview_prune_removes_expired
    preview_prune_without_a_token
    preview_prune_without_permission
    preview_reached_in_two_ways
    preview_removed_by_a_comment
    preview_role_is_refused
    preview_sleep
    preview_sleep_twice
    preview_up_address_is_taken
    preview_up_after_a_failed_one
    preview_up_again_after_days
    preview_up_answers_are_lost
    preview_up_base_has_a_task_role
    preview_up_by_header
    preview_up_by_host
    preview_up_by_path
    preview_up_certificate_does_not_match
    preview_up_certificate_may_not_be_read
    preview_up_dry_run
    preview_up_first_one_fails
    preview_up_in_an_environment
    preview_up_is_cancelled
    preview_up_name_of_somebody_else
    preview_up_no_room_before_a_rule
    preview_up_of_productions_repository
    preview_up_overlapping_rules
    preview_up_reopened_while_draining
    preview_up_role_may_push
    preview_up_rule_is_denied
    preview_up_second_push
    preview_up_second_push_fails
    preview_up_shares_files
    preview_up_throttled
    preview_up_too_many
    preview_up_twice
    preview_up_wakes_a_sleeping_one
    preview_up_with_a_task_role
    preview_up_with_the_jobs_deployment
    preview_wake
    preview_wake_awake
    preview_wake_nothing
    preview_wake_unhealthy
    preview_without_the_label
    preview_woken_by_a_comment
    push_without_a_pull_request
    reads_are_denied
    rerun_of_the_same_commit
    rerun_with_an_immutable_tag
    revision_may_not_be_tagged
    role_does_not_exist
    role_is_refused
    rolled_back_by_an_alarm
    rolled_back_by_the_breaker
    rolled_back_without_service_deployments
    same_revision_in_flight
    service_at_desired_0
    service_deployments_denied
    service_deployments_unavailable
    service_is_deleted
    session_ends_and_cannot_be_renewed
    session_is_too_long
    sigterm_before_the_update
    sigterm_during_the_rollout
    smoke_after_a_rollback
    smoke_at_desired_0
    smoke_cancelled
    smoke_connection_breaks
    smoke_fails
    smoke_flaky_then_fine
    smoke_is_not_waited_for
    smoke_passes
    smoke_redirect_counts
    smoke_times_out
    smoke_unchanged
    smoke_without_address
    spot_interruption
    stable_for_0
    stale_reads
    stopped_by_a_person
    stopped_by_the_breaker
    superseded_after_healthy
    superseded_before_healthy
    superseded_is_a_failure_if_asked
    tag_exists_and_must_not
    target_health_denied
    task_definition_by_arn
    task_definition_by_family
    task_definition_by_json_file
    task_definition_by_yaml_file
    throttled
    throttled_everywhere
    timed_out
    timed_out_unhealthy
    unchanged
    unchanged_is_tagged
    unchanged_may_not_be_tagged
    unhealthy_by_the_load_balancer
    update_does_not_arrive
    update_is_denied
    update_never_arrives
    vanished
    verbose
    wait_until_deployed
    wait_until_none
    wrong_audience
}
