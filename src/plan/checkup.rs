//! A checkup as data: what is asked, what must be so before it makes sense to ask, and which permission answers it. Pure:
//! who asks is `steps/checkup`.

pub mod pushers;

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    TokenRequest,
    Claims,
    Audience,
    Role,
    Session,
    Repository,
    TagMutability,
    Pushers,
    Login,
    Push,
    Service,
    Controller,
    TaskDefinition,
    Image,
    Watching,
    ServiceDeployments,
    Register,
    Tag,
    Update,
    Stop,
    TargetGroups,
    Listeners,
    TargetHealth,
    ExecutionRole,
    TaskRole,
    PreviewBase,
    PreviewRepository,
    PreviewPush,
    PreviewChange,
    Engine,
    Platform,
    GitHubToken,
    Contents,
    PullRequests,
    Deployments,
}

/// One line of the tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    pub id: Id,
    pub group: &'static str,
    pub name: &'static str,
    /// Without these it is not asked.
    pub needs: &'static [Id],
    /// What a deploy needs here, and so what is asked: AWS's actions, or GitHub's permission.
    pub asks: &'static [&'static str],
}

const fn check(
    id: Id,
    group: &'static str,
    name: &'static str,
    needs: &'static [Id],
    asks: &'static [&'static str],
) -> Check {
    Check {
        id,
        group,
        name,
        needs,
        asks,
    }
}

/// The group of what is looked at for previews alone.
pub const PREVIEW: &str = "preview";

/// In the order in which they are asked and shown.
#[rustfmt::skip]
pub const CHECKS: &[Check] = &[
    check(Id::TokenRequest, "token", "request", &[], &[]),
    check(Id::Claims, "token", "claims", &[Id::TokenRequest], &[]),
    check(Id::Audience, "token", "audience", &[Id::Claims], &[]),
    // Without a role to assume there is no token, and credentials all the same: it looks at those above itself.
    check(Id::Role, "role", "assumed", &[], &[]),
    check(Id::Session, "role", "session", &[Id::Role], &["sts:GetCallerIdentity"]),
    check(Id::Repository, "ECR", "repository", &[Id::Session], &["ecr:DescribeRepositories"]),
    check(Id::TagMutability, "ECR", "tags", &[Id::Repository], &[]),
    check(Id::Pushers, "ECR", "who else may push", &[Id::Repository], &["ecr:GetRepositoryPolicy"]),
    check(Id::Login, "ECR", "login", &[Id::Repository], &["ecr:GetAuthorizationToken"]),
    check(Id::Push, "ECR", "push", &[Id::Repository], &[
        "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload",
        "ecr:PutImage", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
    ]),
    check(Id::Service, "ECS", "service", &[Id::Session], &["ecs:DescribeServices"]),
    check(Id::Controller, "ECS", "can be deployed", &[Id::Service], &[]),
    check(Id::TaskDefinition, "ECS", "task definition", &[Id::Service], &["ecs:DescribeTaskDefinition"]),
    check(Id::Image, "ECS", "running image", &[Id::TaskDefinition, Id::Repository], &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
    check(Id::Watching, "ECS", "tasks", &[Id::Service], &["ecs:ListTasks", "ecs:DescribeTasks"]),
    check(Id::ServiceDeployments, "ECS", "service deployments", &[Id::Service], &["ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments"]),
    check(Id::Register, "ECS", "register a revision", &[Id::TaskDefinition], &["ecs:RegisterTaskDefinition"]),
    check(Id::Tag, "ECS", "tag a revision", &[Id::TaskDefinition], &["ecs:TagResource"]),
    check(Id::Update, "ECS", "update the service", &[Id::TaskDefinition], &["ecs:UpdateService"]),
    check(Id::Stop, "ECS", "stop a deployment", &[Id::TaskDefinition], &["ecs:StopServiceDeployment"]),
    check(Id::TargetGroups, "ELB", "target groups", &[Id::Service], &["elasticloadbalancing:DescribeTargetGroups"]),
    check(Id::Listeners, "ELB", "listeners and rules", &[Id::TargetGroups], &[
        "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeLoadBalancers",
    ]),
    check(Id::TargetHealth, "ELB", "target health", &[Id::TargetGroups], &["elasticloadbalancing:DescribeTargetHealth"]),
    check(Id::ExecutionRole, "pass-role", "execution role", &[Id::TaskDefinition], &["iam:PassRole"]),
    check(Id::TaskRole, "pass-role", "task role", &[Id::TaskDefinition], &["iam:PassRole"]),
    // Of a role of previews; asked where a base service is named.
    check(Id::PreviewBase, PREVIEW, "base service", &[Id::Session], &["ecs:DescribeServices", "ecs:DescribeTaskDefinition"]),
    check(Id::PreviewRepository, PREVIEW, "a repository of its own", &[Id::PreviewBase, Id::Repository], &[]),
    check(Id::PreviewPush, PREVIEW, "no push to the base's repository", &[Id::PreviewBase], &["ecr:PutImage"]),
    check(Id::PreviewChange, PREVIEW, "no change of the base service", &[Id::PreviewBase], &["ecs:UpdateService", "ecs:DeleteService"]),
    check(Id::Engine, "Docker", "engine", &[], &[]),
    check(Id::Platform, "Docker", "platform", &[Id::Engine], &[]),
    check(Id::GitHubToken, "GitHub", "token", &[], &[]),
    check(Id::Contents, "GitHub", "contents", &[Id::GitHubToken], &["contents: read"]),
    check(Id::PullRequests, "GitHub", "pull requests", &[Id::GitHubToken], &["pull-requests: write"]),
    check(Id::Deployments, "GitHub", "deployments", &[Id::GitHubToken], &["deployments: write"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Ok,
    Ng,
    Skip,
}

impl Word {
    pub fn word(self) -> &'static str {
        match self {
            Word::Ok => "OK",
            Word::Ng => "NG",
            Word::Skip => "SKIP",
        }
    }
}

/// What came of a check. Names and values stand between backticks, others' words are on one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub word: Word,
    pub said: String,
    pub details: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    /// Of the error that a deploy would end with here.
    pub code: Option<String>,
    /// What the role would have to be allowed.
    pub grant: Option<Grant>,
    /// IAM was asked what it would say, and nothing was tried.
    pub by_simulation: bool,
    /// Something to copy: its title and its lines.
    pub block: Option<(String, String)>,
}

impl Outcome {
    fn of(word: Word, said: impl Into<String>) -> Outcome {
        Outcome {
            word,
            said: said.into(),
            details: Vec::new(),
            help: None,
            code: None,
            grant: None,
            by_simulation: false,
            block: None,
        }
    }

    pub fn ok(said: impl Into<String>) -> Outcome {
        Outcome::of(Word::Ok, said)
    }

    pub fn ng(said: impl Into<String>, help: impl Into<String>) -> Outcome {
        Outcome::of(Word::Ng, said).help(help)
    }

    pub fn skip(because: impl Into<String>) -> Outcome {
        Outcome::of(Word::Skip, because)
    }

    pub fn help(mut self, help: impl Into<String>) -> Outcome {
        self.help = Some(help.into());
        self
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Outcome {
        self.details.push(detail.into());
        self
    }
}

/// A statement of a permissions policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub actions: Vec<String>,
    pub resource: String,
    /// A condition that narrows it: key and value.
    pub only_if: Option<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Checked {
    pub check: &'static Check,
    pub outcome: Outcome,
}

/// Why a check is not asked: what it needs is not so. The reason is the first one's, not the whole chain's.
pub fn blocked(check: &Check, done: &[Checked]) -> Option<Outcome> {
    let needed = check.needs.iter().find_map(|need| {
        done.iter()
            .find(|d| d.check.id == *need && d.outcome.word != Word::Ok)
    })?;
    Some(Outcome::skip(match needed.outcome.word {
        Word::Skip => needed.outcome.said.clone(),
        _ => because(needed.check),
    }))
}

pub fn because(check: &Check) -> String {
    format!("because {}: {} is NG", check.group, check.name)
}

/// 0 where nothing is NG; 4 where the token or the role is; else 6.
pub fn exit_code(done: &[Checked]) -> u8 {
    let groups: Vec<&str> = done
        .iter()
        .filter(|d| d.outcome.word == Word::Ng)
        .map(|d| d.check.group)
        .collect();
    match groups.as_slice() {
        [] => 0,
        some if some.contains(&"token") || some.contains(&"role") => 4,
        _ => 6,
    }
}

/// A permissions policy of everything that was found missing, to paste.
pub fn missing_permissions(done: &[Checked]) -> Option<Value> {
    let mut statements: Vec<Value> = Vec::new();
    for grant in done.iter().filter_map(|d| d.outcome.grant.as_ref()) {
        let mut statement = json!({
            "Effect": "Allow",
            "Action": grant.actions,
            "Resource": grant.resource,
        });
        if let Some((key, value)) = &grant.only_if {
            statement["Condition"] = json!({"StringEquals": {key: value}});
        }
        if !statements.contains(&statement) {
            statements.push(statement);
        }
    }
    (!statements.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": statements}))
}

/// What the answers leave open: nothing more is promised than what was asked.
pub fn not_checked(done: &[Checked]) -> Option<&'static str> {
    done.iter().any(|d| d.outcome.by_simulation).then_some(
        "IAM's simulation reads the role's own policies, its permissions boundary and, where IAM tells, the organization's; \
         not checked: resource policies (of the repository, of keys), session policies, and what hangs on a resource's tags",
    )
}

/// `2 NG, 18 OK, 3 SKIP`, and which are NG.
pub fn headline(done: &[Checked]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in done {
        *counts.entry(one.outcome.word.word()).or_default() += 1;
    }
    let counted: Vec<String> = [Word::Ng, Word::Ok, Word::Skip]
        .iter()
        .filter_map(|w| Some(format!("{} {}", counts.get(w.word())?, w.word())))
        .collect();
    let wrong: Vec<String> = done
        .iter()
        .filter(|d| d.outcome.word == Word::Ng)
        .map(|d| format!("{} {}", d.check.group, d.check.name))
        .collect();
    match wrong.is_empty() {
        true => counted.join(", "),
        false => format!("{}. NG: {}", counted.join(", "), wrong.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(id: Id, outcome: Outcome) -> Checked {
        Checked {
            check: CHECKS.iter().find(|c| c.id == id).unwrap(),
            outcome,
        }
    }

    #[test]
    fn what_is_needed_comes_before_and_groups_hang_together() {
        for (n, check) in CHECKS.iter().enumerate() {
            for need in check.needs {
                assert!(CHECKS[..n].iter().any(|c| c.id == *need), "{check:?}");
            }
            let first = CHECKS.iter().position(|c| c.group == check.group).unwrap();
            assert!(
                CHECKS[first..=n].iter().all(|c| c.group == check.group),
                "{check:?}"
            );
            assert_eq!(CHECKS.iter().filter(|c| c.id == check.id).count(), 1);
        }
    }

    #[test]
    fn the_exit_code_follows_the_worst() {
        let (ok, ng, skip) = (
            || Outcome::ok("fine"),
            || Outcome::ng("wrong", "mend it"),
            || Outcome::skip("not asked"),
        );
        for (outcomes, code) in [
            (vec![], 0),
            (vec![(Id::Role, ok()), (Id::Push, skip())], 0),
            (vec![(Id::Role, ok()), (Id::Push, ng())], 6),
            (vec![(Id::Push, ng()), (Id::Role, ng())], 4),
            (vec![(Id::TokenRequest, ng()), (Id::GitHubToken, skip())], 4),
            (vec![(Id::Engine, ng())], 6),
        ] {
            let done: Vec<Checked> = outcomes.into_iter().map(|(id, o)| done(id, o)).collect();
            assert_eq!(exit_code(&done), code, "{done:?}");
        }
    }

    #[test]
    fn a_skip_hands_on_its_reason_and_an_ng_its_name() {
        let of = |id| CHECKS.iter().find(|c| c.id == id).unwrap();
        let no_service = [done(Id::Service, Outcome::skip("`service` is not set"))];
        assert_eq!(
            blocked(of(Id::TaskDefinition), &no_service).unwrap().said,
            "`service` is not set"
        );
        let gone = [done(Id::Service, Outcome::ng("it is gone", "look"))];
        assert_eq!(
            blocked(of(Id::TaskDefinition), &gone).unwrap().said,
            "because ECS: service is NG"
        );
        assert_eq!(blocked(of(Id::Engine), &gone), None);
    }
}
