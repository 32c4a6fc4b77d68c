//! What there is of a preview: its rules, service, target group, revisions and image tag, sorted by name *and* tag, and how
//! it stands. What has a preview's name but not its tags, or its tags but another name, belongs to nobody here. Pure.

use jiff::Timestamp;

use crate::model::names::last_segment;
use crate::model::preview::{self, PreviewOf, PreviewState, is_preview_name};
use crate::model::service::Service;
use crate::model::sleep::SCALE;
use crate::model::target::{ListenerRule, TargetGroup};

pub type Tags = Vec<(String, String)>;

/// Everything that may be of some preview, as AWS describes it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// With their tags.
    pub services: Vec<Service>,
    pub target_groups: Vec<(TargetGroup, Tags)>,
    /// With the address that each gives.
    pub rules: Vec<(ListenerRule, Tags, Option<String>)>,
    /// With an ACTIVE revision.
    pub families: Vec<Family>,
    /// `pr-N`, in the previews' repository.
    pub image_tags: Vec<ImageTag>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    pub name: String,
    /// Of its newest ACTIVE revision; only read where nothing else of the preview is there.
    pub newest: Option<(Tags, Option<Timestamp>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTag {
    pub repository: String,
    pub tag: String,
    pub pull_request: u64,
    /// No other tag names the image: ECR would delete it with this one.
    pub alone: bool,
}

/// What there is of one preview.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    pub of: PreviewOf,
    pub rules: Vec<ListenerRule>,
    pub service: Option<Service>,
    pub target_group: Option<TargetGroup>,
    /// Its family has ACTIVE revisions.
    pub family: bool,
    /// Those that carry its tags, the newest first; only read where they are to be removed.
    pub revisions: Vec<String>,
    pub image_tag: Option<ImageTag>,
    pub url: Option<String>,
    pub commit: Option<String>,
    pub expires: Option<Timestamp>,
    /// The newest moment at which AWS says that something of it was made.
    pub made: Option<Timestamp>,
}

/// Has the name of a preview, and tags that do not say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOurs {
    pub what: &'static str,
    pub name: String,
}

#[derive(Clone, Debug, Default)]
pub struct Sorted {
    pub previews: Vec<Parts>,
    pub not_ours: Vec<NotOurs>,
    /// Of pull requests without a preview here.
    pub stray_tags: Vec<ImageTag>,
}

impl Parts {
    pub fn nothing(of: PreviewOf) -> Parts {
        Parts {
            of,
            rules: Vec::new(),
            service: None,
            target_group: None,
            family: false,
            revisions: Vec::new(),
            image_tag: None,
            url: None,
            commit: None,
            expires: None,
            made: None,
        }
    }

    /// One that can run tasks: a service that is drained is on its way out by itself.
    pub fn active_service(&self) -> Option<&Service> {
        self.service.as_ref().filter(|s| s.status == "ACTIVE")
    }

    /// Its rules answer themselves.
    pub fn sleeps(&self) -> bool {
        !self.rules.is_empty() && self.rules.iter().all(|r| r.fixed_response.is_some())
    }

    /// It shall run no task.
    pub fn runs_nothing(&self) -> bool {
        self.active_service().is_some_and(|s| s.desired_count == 0)
    }

    /// The first thing that it lacks to answer.
    pub fn lacks(&self) -> Option<&'static str> {
        match () {
            () if self.active_service().is_none() => Some("service"),
            () if self.target_group.is_none() => Some("target group"),
            () if self.rules.is_empty() => Some("rule"),
            () => None,
        }
    }

    /// Nothing that `up` made is there any more.
    pub fn is_nothing(&self) -> bool {
        self.active_service().is_none()
            && self.target_group.is_none()
            && self.rules.is_empty()
            && !self.family
            && self.image_tag.is_none()
    }

    pub fn state(&self) -> PreviewState {
        let Some(service) = self.active_service() else {
            let visible = !self.rules.is_empty() || self.target_group.is_some();
            return match visible {
                true => PreviewState::Incomplete,
                false => PreviewState::Absent,
            };
        };
        if self.lacks().is_some() {
            return PreviewState::Incomplete;
        }
        if self.sleeps() {
            return PreviewState::Asleep;
        }
        let primary = service.primary().and_then(|p| p.rollout_state.as_deref());
        match primary {
            _ if service.desired_count == 0 && is_scaled_to_zero(service) => PreviewState::Asleep,
            _ if service.desired_count == 0 => PreviewState::Incomplete,
            Some("FAILED") => PreviewState::Incomplete,
            _ if service.running_count == 0 || service.deployments.len() > 1 => {
                PreviewState::Deploying
            }
            Some("IN_PROGRESS") => PreviewState::Deploying,
            _ => PreviewState::Ready,
        }
    }

    /// The service's tags are brought up to date; what was made before it keeps those of its making.
    fn dated(&mut self, tags: &[(String, String)]) {
        let value = |key: &str| tags.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        if self.commit.is_none() {
            self.commit = value(preview::COMMIT).map(str::to_owned);
        }
        let expires = value(preview::EXPIRES).and_then(|at| at.parse().ok());
        if self.service.is_none() || self.expires.is_none() {
            self.expires = self.expires.max(expires);
        }
    }
}

/// `pr-7` → 7.
pub fn number_of_image_tag(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix("pr-")?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

/// Whether a rule can be of a preview at all, so that its tags are worth a question: it answers itself, or forwards to
/// preview's groups alone.
pub fn may_be_of_a_preview(rule: &ListenerRule) -> bool {
    if rule.priority == "default" {
        return false;
    }
    let to_previews = || {
        rule.forwards_to
            .iter()
            .all(|g| is_preview_name(group_name(&g.target_group_arn)))
    };
    match rule.forwards_to.is_empty() {
        true => rule.fixed_response.is_some(),
        false => to_previews(),
    }
}

/// `…:targetgroup/NAME/ID` → `NAME`
fn group_name(arn: &str) -> &str {
    last_segment(arn.rsplit_once('/').map_or("", |(path, _)| path))
}

/// A rule has no name of its own: it is called by the group that it forwards to.
fn owner_of_rule(rule: &ListenerRule, tags: &Tags) -> Option<PreviewOf> {
    let named = tags.iter().find(|(k, _)| k == preview::PREVIEW)?.1.as_str();
    let agrees = may_be_of_a_preview(rule)
        && rule
            .forwards_to
            .iter()
            .all(|g| group_name(&g.target_group_arn) == named);
    PreviewOf::of_tags(named, tags).filter(|_| agrees)
}

/// Each preview with what is its own. `repository` is whose image tags those of the previews' repository are.
pub fn sorted(seen: Seen, repository: Option<&str>) -> Sorted {
    let mut all = Sorted::default();
    for service in seen.services {
        match PreviewOf::of_tags(&service.name, &service.tags) {
            Some(of) => {
                let made = service.deployments.iter().filter_map(|d| d.created_at);
                let made = made.chain(service.created_at).max();
                let parts = all.parts(of);
                parts.made = made;
                let tags = service.tags.clone();
                parts.dated(&tags);
                parts.service = Some(service);
            }
            None => all.foreign("service", &service.name),
        }
    }
    for (group, tags) in seen.target_groups {
        match PreviewOf::of_tags(&group.name, &tags) {
            Some(of) => {
                let parts = all.parts(of);
                parts.dated(&tags);
                parts.target_group = Some(group);
            }
            None => all.foreign("target group", &group.name),
        }
    }
    for (rule, tags, url) in seen.rules {
        if let Some(of) = owner_of_rule(&rule, &tags) {
            let parts = all.parts(of);
            parts.dated(&tags);
            parts.url = parts.url.take().or(url);
            parts.rules.push(rule);
        } else if let Some(group) = rule.forwards_to.first() {
            all.foreign("rule to", group_name(&group.target_group_arn));
        }
    }
    for family in seen.families {
        if let Some(parts) = all.previews.iter_mut().find(|p| p.of.name() == family.name) {
            parts.family = true;
        } else if let Some((tags, registered)) = &family.newest {
            match PreviewOf::of_tags(&family.name, tags) {
                Some(of) => {
                    let parts = all.parts(of);
                    parts.dated(tags);
                    parts.family = true;
                    parts.made = *registered;
                }
                None => all.foreign("task definition family", &family.name),
            }
        }
    }
    for tag in seen.image_tags {
        let number = tag.pull_request;
        let mut of_number = all
            .previews
            .iter_mut()
            .filter(|p| p.of.pull_request == number);
        match (of_number.next(), of_number.next()) {
            (None, _) => all.stray_tags.push(tag),
            (Some(one), None)
                if repository.is_some_and(|r| r.eq_ignore_ascii_case(&one.of.repository)) =>
            {
                one.image_tag = Some(tag);
            }
            // Another preview of that number may be what it is for: the last one takes it along.
            _ => {}
        }
    }
    all.previews.sort_by(|a, b| {
        let key = |p: &Parts| (p.of.pull_request, p.of.name());
        key(a).cmp(&key(b))
    });
    all
}

impl Sorted {
    fn parts(&mut self, of: PreviewOf) -> &mut Parts {
        let name = of.name();
        let at = match self.previews.iter().position(|p| p.of.name() == name) {
            Some(at) => at,
            None => {
                self.previews.push(Parts::nothing(of));
                self.previews.len() - 1
            }
        };
        &mut self.previews[at]
    }

    fn foreign(&mut self, what: &'static str, name: &str) {
        self.not_ours.push(NotOurs {
            what,
            name: name.to_owned(),
        });
    }
}

#[cfg(test)]
#[path = "parts_tests.rs"]
pub(super) mod tests;

/// By `shipway scale`, which leaves the rule as it is.
fn is_scaled_to_zero(service: &Service) -> bool {
    service.tags.iter().any(|(key, _)| key == SCALE)
}
