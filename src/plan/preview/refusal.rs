//! Why a preview is not made: what was found, and what to do. Exit code 6; settings that fit nothing, 2. Pure.

use miette::Diagnostic;
use thiserror::Error;

use super::limits::LimitError;

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum PreviewRefusal {
    #[error(
        "it is not said how previews are reached: `preview-host`, `preview-path` or `preview-header`"
    )]
    #[diagnostic(
        code(shipway::usage::routing),
        help("set exactly one of them, e.g. `preview-host: pr-{{number}}.preview.example.com`")
    )]
    NoRouting,

    #[error(
        "a preview is reached in one way: of `preview-host`, `preview-path` and `preview-header` more than one is set"
    )]
    #[diagnostic(
        code(shipway::usage::routing),
        help("leave all but one out; one of them may stand in `shipway.yml`")
    )]
    SeveralRoutings,

    #[error("`{setting}` {reason}")]
    #[diagnostic(
        code(shipway::usage::routing),
        help(
            "`{{number}}` stands for the pull request's number, e.g. `pr-{{number}}.preview.example.com`"
        )
    )]
    Routing {
        setting: &'static str,
        reason: String,
    },

    #[error("the preview's rule would have {values} values and {wildcards} wildcard{}, and a rule takes 5 of each", if *.wildcards == 1 { "" } else { "s" })]
    #[diagnostic(
        code(shipway::preflight::preview_rule),
        help(
            "the base service's own hosts and paths are part of it: use `preview-host`, which needs one value alone"
        )
    )]
    TooManyValues { values: usize, wildcards: usize },

    #[error("the base service is reached by names with wildcards only ({}): a preview by path or header has no address there", .hosts.join(", "))]
    #[diagnostic(
        code(shipway::preflight::preview_address),
        help("use `preview-host`, or tell the address with `url`")
    )]
    NoAddress { hosts: Vec<String> },

    #[error("service {service} scales by {strategy}: a preview cannot be made after it")]
    #[diagnostic(
        code(shipway::preflight::preview_base),
        help("name a `base-service` that scales by REPLICA")
    )]
    NotReplica { service: String, strategy: String },

    #[error("service {service} is behind no target group of an Application Load Balancer")]
    #[diagnostic(
        code(shipway::preflight::preview_base),
        help(
            "a preview gets a rule of such a load balancer: name a `base-service` that is behind one"
        )
    )]
    NoLoadBalancer { service: String },

    #[error("target group {target_group} of service {service} has targets of type {target_type}")]
    #[diagnostic(
        code(shipway::preflight::preview_base),
        help("a preview can be made after a service whose target group is of type ip or instance")
    )]
    TargetType {
        service: String,
        target_group: String,
        target_type: String,
    },

    #[error("there is no Application Load Balancer {name}")]
    #[diagnostic(
        code(shipway::preflight::no_load_balancer),
        help(
            "check `load-balancers`: names or ARNs of Application Load Balancers in this account and Region"
        )
    )]
    NoSuchLoadBalancer { name: String },

    #[error(
        "load balancer {load_balancer} is in {found}, and the base service's target group in {wanted}"
    )]
    #[diagnostic(
        code(shipway::preflight::no_load_balancer),
        help("name load balancers in `load-balancers` that are in the base service's VPC")
    )]
    OtherVpc {
        load_balancer: String,
        found: String,
        wanted: String,
    },

    #[error("load balancer {load_balancer} has no listener {}", .port.map_or_else(|| "of HTTP or HTTPS".to_owned(), |p| format!("of HTTP or HTTPS on port {p}")))]
    #[diagnostic(
        code(shipway::preflight::no_listener),
        help("set `listener-port` to the port of one; `aws elbv2 describe-listeners` lists them")
    )]
    NoListener {
        load_balancer: String,
        port: Option<u16>,
    },

    #[error("no certificate of the listener is good for `{host}`; they are good for {}", .names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))]
    #[diagnostic(
        code(shipway::preflight::certificate),
        help(
            "add a certificate for `{host}` to the listener (a wildcard is good for one label), or choose `preview-host` so that one fits"
        )
    )]
    Certificate { host: String, names: Vec<String> },

    #[error("the base service's tasks have the role `{role}`, which a preview does not inherit")]
    #[diagnostic(
        code(shipway::preflight::preview_task_role),
        help("set `preview-task-role-arn` to a role that code from a pull request may have")
    )]
    TaskRole { role: String },

    #[error(
        "`ecr-repository` `{repository}` is the one that service `{service}` pulls its own image from"
    )]
    #[diagnostic(
        code(shipway::preflight::shared_repository),
        help(
            "give previews a repository of their own, or a pull request could choose what production runs"
        )
    )]
    SharedRepository { repository: String, service: String },

    #[error(
        "there is a {what} named `{name}` already, and its tags do not say that it is this preview's"
    )]
    #[diagnostic(
        code(shipway::preflight::not_ours),
        help("it is left alone: remove it, or give it back its `shipway:` tags, then run again")
    )]
    NotOurs { what: &'static str, name: String },

    #[error("rule {priority} of the listener leads `{address}` elsewhere already")]
    #[diagnostic(
        code(shipway::preflight::address_taken),
        help(
            "it is not this preview's and is left alone: choose another `preview-host`, `preview-path` or `preview-header` for this repository, or remove the rule"
        )
    )]
    AddressTaken { priority: String, address: String },

    #[error(
        "the preview of pull request {number} is on load balancer {load_balancer}, which `load-balancers` does not name"
    )]
    #[diagnostic(
        code(shipway::preflight::preview_elsewhere),
        help(
            "name it too, or remove the preview with `shipway preview down --pull-request {number}` and make it again"
        )
    )]
    Elsewhere { number: u64, load_balancer: String },

    #[error(
        "the preview of pull request {number} was made for {was}; a preview is now made for {now}"
    )]
    #[diagnostic(
        code(shipway::preflight::preview_elsewhere),
        help("remove it with `shipway preview down --pull-request {number}` and make it again")
    )]
    OtherTarget {
        number: u64,
        was: String,
        now: String,
    },

    #[error(
        "there is no unused priority before rule {before} of the listener, which would take the preview's requests"
    )]
    #[diagnostic(
        code(shipway::preflight::no_priority),
        help(
            "give that rule a higher number (`aws elbv2 set-rule-priorities`): Shipway moves no rule of others"
        )
    )]
    NoPriority { before: u32 },

    #[error(transparent)]
    #[diagnostic(transparent)]
    Limit(#[from] LimitError),
}
