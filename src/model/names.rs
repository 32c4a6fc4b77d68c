//! Names and ARNs. Knows their grammar only; no partition, DNS suffix, account or host is a constant here.

/// `arn:partition:service:region:account:resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account: String,
    pub resource: String,
}

impl Arn {
    pub fn parse(text: &str) -> Option<Arn> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let arn = Arn {
            partition: parts.next()?.to_owned(),
            service: parts.next()?.to_owned(),
            region: parts.next()?.to_owned(),
            account: parts.next()?.to_owned(),
            resource: parts.next()?.to_owned(),
        };
        (!arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty())
            .then_some(arn)
    }
}

/// Whose policies a simulation reads: a session's role, not the session; a user. Not the account's root user.
pub fn principal_of_session(caller: &str) -> Option<String> {
    let arn = Arn::parse(caller)?;
    match arn.resource.split_once('/') {
        // A role's path is not in its sessions' ARN: with one, IAM will not know this name, and that is told.
        Some(("assumed-role", rest)) => Some(format!(
            "arn:{}:iam::{}:role/{}",
            arn.partition,
            arn.account,
            rest.split('/').next().unwrap_or_default()
        )),
        Some(("user", _)) => Some(caller.to_owned()),
        _ => None,
    }
}

/// An ARN that can be shown as it is, so that it can be copied: nothing in it means anything to a log or to Markdown.
pub fn plain_arn(text: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_graphic() && !"#`[]<>|\\".contains(c);
    (text.starts_with("arn:") && text.chars().all(plain)).then_some(text)
}

/// The last path segment of an ARN or path: `…:task-definition/web:7` → `web:7`, `…:task/prod/abc` → `abc`.
pub fn last_segment(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `web:7` out of a task-definition ARN, or the text itself.
pub fn family_and_revision(task_definition: &str) -> &str {
    last_segment(task_definition)
}
