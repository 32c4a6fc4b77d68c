//! Where the preview's rule is, or goes: the load balancer, its listener, and the rules that are there. Reads only; whether
//! there is room is `plan/preview/limits`'s to say.

use crate::aws::Aws;
use crate::error::Error;
use crate::model::preview::PreviewOf;
use crate::model::target::{Listener, ListenerRule, LoadBalancer, TargetGroup};
use crate::plan::preview::PreviewRefusal;
use crate::plan::preview::limits::{self, LimitError, Room};
use crate::plan::preview::parts::may_be_of_a_preview;
use crate::plan::preview::routing::{Routing, base_way, claims};
use crate::plan::preview::up::{Place, Tags, There};
use crate::steps::patience::patiently;

pub struct Sought<'a> {
    /// Names or ARNs, in order; empty: the base service's.
    pub load_balancers: &'a [String],
    pub listener_port: Option<u16>,
    pub of: &'a PreviewOf,
    pub routing: &'a Routing,
    pub base_group: &'a TargetGroup,
    /// All of the base service's.
    pub base_groups: &'a [TargetGroup],
}

type OwnRule = Option<(ListenerRule, Tags)>;

/// The load balancer that has something of the preview, else the first with room.
pub(super) async fn find(
    aws: &Aws,
    sought: &Sought<'_>,
    there: &There,
) -> Result<(Place, OwnRule), Error> {
    let candidates = load_balancers(aws, sought).await?;
    let attached = there.group.as_ref().map(|(g, _)| &g.load_balancer_arns);
    let attached = attached.and_then(|arns| arns.first());
    if let Some(arn) = attached {
        let Some(balancer) = candidates.iter().find(|b| b.arn == *arn) else {
            return Err(PreviewRefusal::Elsewhere {
                number: sought.of.pull_request,
                load_balancer: name_in(arn),
            }
            .into());
        };
        let looked = Looked::at(aws, balancer.clone()).await?;
        let rule = looked.own_rule(aws, sought, there).await?;
        return Ok((looked.place(sought)?, rule));
    }
    let (mut first, mut full) = (None, Vec::new());
    for balancer in candidates {
        let looked = Looked::at(aws, balancer).await?;
        let rule = looked.own_rule(aws, sought, there).await?;
        if rule.is_some() {
            return Ok((looked.place(sought)?, rule));
        }
        if first.is_some() {
            continue;
        }
        match looked.full(aws).await? {
            Some(why) => full.push(why),
            // With nothing of the preview there, its rule need not be looked for on the others.
            None if there.group.is_none() => return Ok((looked.place(sought)?, None)),
            None => first = Some(looked),
        }
    }
    match first {
        Some(looked) => Ok((looked.place(sought)?, None)),
        None => Err(PreviewRefusal::from(LimitError::Full { full }).into()),
    }
}

/// `…:loadbalancer/app/NAME/ID` → `NAME`
fn name_in(arn: &str) -> String {
    arn.rsplit('/').nth(1).unwrap_or(arn).to_owned()
}

async fn load_balancers(aws: &Aws, sought: &Sought<'_>) -> Result<Vec<LoadBalancer>, Error> {
    let mut given = sought.load_balancers.to_vec();
    if given.is_empty() {
        crate::plan::preflight::check_target_groups(std::slice::from_ref(sought.base_group))?;
        given.clone_from(&sought.base_group.load_balancer_arns);
    }
    let mut found = Vec::new();
    for named in &given {
        let balancer = match named.starts_with("arn:") {
            true => {
                let arn = [named.clone()];
                match patiently(|| aws.elbv2.describe_load_balancers(&arn)).await {
                    Ok(found) => found.into_iter().next(),
                    Err(e) if e.is_code("LoadBalancerNotFound") => None,
                    Err(e) => return Err(e.into()),
                }
            }
            false => patiently(|| aws.elbv2.find_load_balancer(named)).await?,
        };
        let balancer = balancer
            .filter(|b| b.kind == "application")
            .ok_or_else(|| PreviewRefusal::NoSuchLoadBalancer {
                name: named.clone(),
            })?;
        if let (Some(found), Some(wanted)) = (&balancer.vpc_id, &sought.base_group.vpc_id)
            && found != wanted
        {
            return Err(PreviewRefusal::OtherVpc {
                load_balancer: balancer.name.clone(),
                found: found.clone(),
                wanted: wanted.clone(),
            }
            .into());
        }
        found.push(balancer);
    }
    Ok(found)
}

/// A load balancer with its listeners and their rules.
struct Looked {
    balancer: LoadBalancer,
    listeners: Vec<(Listener, Vec<ListenerRule>)>,
}

impl Looked {
    async fn at(aws: &Aws, balancer: LoadBalancer) -> Result<Looked, Error> {
        let mut listeners = Vec::new();
        for listener in patiently(|| aws.elbv2.describe_listeners(&balancer.arn)).await? {
            let rules = patiently(|| aws.elbv2.describe_rules(&listener.arn)).await?;
            listeners.push((listener, rules));
        }
        Ok(Looked {
            balancer,
            listeners,
        })
    }

    /// The rule that carries the preview's tags. Tags cost calls: only rules that may be it are asked for theirs.
    async fn own_rule(
        &self,
        aws: &Aws,
        sought: &Sought<'_>,
        there: &There,
    ) -> Result<OwnRule, Error> {
        let group = there.group.as_ref().map(|(group, _)| &group.arn);
        let asleep = there.service.as_ref().is_some_and(|s| s.desired_count == 0);
        let place = self.place(sought)?;
        let conditions = sought.routing.conditions(&place.base_way)?;
        let leads = |rule: &ListenerRule| {
            rule.forwards_to
                .iter()
                .any(|to| Some(&to.target_group_arn) == group)
        };
        let maybe = |rule: &&ListenerRule| {
            may_be_of_a_preview(rule)
                && (leads(rule)
                    || claims(rule, sought.routing, &conditions)
                    || asleep && rule.fixed_response.is_some())
        };
        let rules: Vec<&ListenerRule> = self
            .listeners
            .iter()
            .flat_map(|(_, rules)| rules)
            .filter(maybe)
            .collect();
        if rules.is_empty() {
            return Ok(None);
        }
        let arns: Vec<String> = rules.iter().map(|r| r.arn.clone()).collect();
        let tags = patiently(|| aws.elbv2.describe_tags(&arns)).await?;
        let name = sought.of.name();
        let mut own: Vec<(&ListenerRule, Tags)> = tags
            .into_iter()
            .filter(|(_, tags)| PreviewOf::of_tags(&name, tags).is_some())
            .filter_map(|(arn, tags)| Some((*rules.iter().find(|r| r.arn == arn)?, tags)))
            .collect();
        // The one at the listener that is meant, where there are several.
        own.sort_by_key(|(rule, _)| place.rules.iter().all(|r| r.arn != rule.arn));
        Ok(own
            .into_iter()
            .next()
            .map(|(rule, tags)| (rule.clone(), tags)))
    }

    async fn full(&self, aws: &Aws) -> Result<Option<String>, Error> {
        let arn = &self.balancer.arn;
        let groups = patiently(|| aws.elbv2.list_target_groups(Some(arn))).await?;
        let rules = self.listeners.iter().flat_map(|(_, rules)| rules);
        let rules = rules.filter(|r| r.priority != "default").count();
        let mut room = Room {
            target_groups: groups.len(),
            rules,
            rules_max: limits::RULES,
        };
        if rules >= limits::RULES {
            // AWS may have raised it; without an answer its default counts.
            let asked = patiently(|| aws.elbv2.describe_account_limits()).await;
            let named = asked.unwrap_or_default().into_iter();
            let raised = named
                .filter(|(name, _)| name == limits::RULES_LIMIT)
                .filter_map(|(_, max)| usize::try_from(max).ok());
            room.rules_max = raised.max().unwrap_or(limits::RULES);
        }
        Ok(room.full(&self.balancer.name))
    }

    fn place(&self, sought: &Sought<'_>) -> Result<Place, PreviewRefusal> {
        let groups: Vec<String> = sought.base_groups.iter().map(|g| g.arn.clone()).collect();
        let (listener, rules) = self.listener(sought, &groups)?;
        Ok(Place {
            load_balancer: self.balancer.clone(),
            base_way: base_way(rules, &groups),
            listener: listener.clone(),
            rules: rules.clone(),
        })
    }

    /// The one on the port that was given; else on 443; else the one that leads to the base service; else the first.
    fn listener(
        &self,
        sought: &Sought<'_>,
        groups: &[String],
    ) -> Result<&(Listener, Vec<ListenerRule>), PreviewRefusal> {
        let speaks = |(listener, _): &&(Listener, Vec<ListenerRule>)| {
            matches!(listener.protocol.as_deref(), Some("HTTP" | "HTTPS"))
        };
        let leads = |rules: &[ListenerRule], listener: &Listener| {
            let to = rules.iter().flat_map(|r| &r.forwards_to);
            to.chain(&listener.forwards_to)
                .any(|to| groups.contains(&to.target_group_arn))
        };
        let found = match sought.listener_port {
            Some(port) => self
                .listeners
                .iter()
                .filter(speaks)
                .find(|(l, _)| l.port == Some(port)),
            None => self
                .listeners
                .iter()
                .filter(speaks)
                .min_by_key(|(l, rules)| (l.port != Some(443), !leads(rules, l))),
        };
        found.ok_or_else(|| PreviewRefusal::NoListener {
            load_balancer: self.balancer.name.clone(),
            port: sought.listener_port,
        })
    }
}
