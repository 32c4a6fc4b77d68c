//! How a preview is reached: by host, by path or by header; the conditions and the rewrite of its rule, its address, and
//! which other rules it meets. Pure. Knows the limits of a rule's conditions (quotas of Application Load Balancers).

use serde::Serialize;

use super::PreviewRefusal;
use crate::model::target::{Conditions, Listener, ListenerRule, LoadBalancer, Rewrite};

/// Stands for the number of the pull request.
pub const NUMBER: &str = "{number}";

/// Values of one rule's conditions, all together; wildcards the same.
const VALUES: usize = 5;
/// Lengths of ELBv2's condition values and of a header's name.
const VALUE_MAX: usize = 128;
const HEADER_NAME_MAX: usize = 40;

/// The three ways, with the pull request's number filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    Host(String),
    /// Begins with a slash and ends without one.
    Path(String),
    Header {
        name: String,
        value: String,
    },
}

/// The settings, one of which is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Templates<'a> {
    pub host: Option<&'a str>,
    pub path: Option<&'a str>,
    pub header: Option<&'a str>,
}

/// What leads to the base service at the listener that gets the rule: empty where nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BaseWay {
    pub conditions: Conditions,
    /// A host to show; none where the load balancer's own name is all there is.
    pub host: Option<String>,
}

impl Routing {
    pub fn of(templates: Templates<'_>, number: u64) -> Result<Routing, PreviewRefusal> {
        let wrong = |setting: &'static str, reason: &str| PreviewRefusal::Routing {
            setting,
            reason: reason.to_owned(),
        };
        let (setting, template) = match (templates.host, templates.path, templates.header) {
            (Some(host), None, None) => ("preview-host", host),
            (None, Some(path), None) => ("preview-path", path),
            (None, None, Some(header)) => ("preview-header", header),
            (None, None, None) => return Err(PreviewRefusal::NoRouting),
            _ => return Err(PreviewRefusal::SeveralRoutings),
        };
        let Some(filled) = fill(template, number) else {
            return Err(wrong(
                setting,
                "must hold `{number}` once: without it all previews would share one address",
            ));
        };
        let routing = match setting {
            "preview-host" => Routing::Host(filled.to_ascii_lowercase()),
            "preview-path" => Routing::Path(filled),
            _ => {
                let (name, value) = filled.split_once(':').ok_or_else(|| {
                    wrong(
                        setting,
                        "must be a name and a value, `X-Preview: pr-{number}`",
                    )
                })?;
                Routing::Header {
                    name: name.trim().to_owned(),
                    value: value.trim().to_owned(),
                }
            }
        };
        match routing.fault() {
            Some(fault) => Err(wrong(setting, fault)),
            None => Ok(routing),
        }
    }

    fn fault(&self) -> Option<&'static str> {
        match self {
            Routing::Host(host) => {
                let label = |l: &str| {
                    (1..=63).contains(&l.len())
                        && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                        && !l.starts_with('-')
                        && !l.ends_with('-')
                };
                let good =
                    host.len() <= VALUE_MAX && host.contains('.') && host.split('.').all(label);
                (!good).then_some(
                    "must be a host name with a domain, at most 128 letters, digits, `-` and `.`",
                )
            }
            Routing::Path(path) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || "_-.$/~:@+".contains(c);
                let good = path.len() <= VALUE_MAX - 2
                    && path.len() > 1
                    && path.starts_with('/')
                    && !path.ends_with('/')
                    && !path.contains("//")
                    && path.chars().all(plain);
                (!good).then_some("must begin with one `/`, end without, and hold letters, digits and `_-.$/~:@+` only")
            }
            Routing::Header { name, value } => {
                let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
                let named = (1..=HEADER_NAME_MAX).contains(&name.len())
                    && name.chars().all(token)
                    && !name.eq_ignore_ascii_case("host");
                let plain = |c: char| c.is_ascii_graphic() || c == ' ';
                let valued = (1..=VALUE_MAX).contains(&value.len())
                    && value.chars().all(plain)
                    && !value.contains(['*', '?', '\\']);
                match (named, valued) {
                    (false, _) => {
                        Some("must begin with a header's name, at most 40 characters and not Host")
                    }
                    (_, false) => {
                        Some("must hold a value without `*`, `?` and `\\`, at most 128 characters")
                    }
                    _ => None,
                }
            }
        }
    }

    /// What the rule asks for. By path and by header it asks for the base service's host and path too, so that no other
    /// service of the load balancer loses a request.
    pub fn conditions(&self, base: &BaseWay) -> Result<Conditions, PreviewRefusal> {
        let conditions = match self {
            Routing::Host(host) => Conditions {
                host_headers: vec![host.clone()],
                ..Conditions::default()
            },
            Routing::Path(path) => Conditions {
                host_headers: base.conditions.host_headers.clone(),
                path_patterns: vec![path.clone(), format!("{path}/*")],
                ..Conditions::default()
            },
            Routing::Header { name, value } => {
                let mut conditions = base.conditions.clone();
                conditions.headers.push((name.clone(), vec![value.clone()]));
                conditions
            }
        };
        let all = values(&conditions);
        let wildcards: usize = all
            .iter()
            .map(|v| v.chars().filter(|c| matches!(c, '*' | '?')).count())
            .sum();
        if all.len() > VALUES || wildcards > VALUES {
            return Err(PreviewRefusal::TooManyValues {
                values: all.len(),
                wildcards,
            });
        }
        Ok(conditions)
    }

    /// The container gets a path without the preview's own.
    pub fn rewrites(&self) -> Vec<Rewrite> {
        let Routing::Path(path) = self else {
            return Vec::new();
        };
        let mut prefix = String::new();
        for c in path.chars() {
            if !c.is_ascii_alphanumeric() && !"/-_~:@".contains(c) {
                prefix.push('\\');
            }
            prefix.push(c);
        }
        vec![Rewrite {
            regex: format!("^{prefix}/?(.*)$"),
            replace: "/$1".to_owned(),
        }]
    }

    pub fn url(&self, listener: &Listener, balancer: &LoadBalancer, base: &BaseWay) -> String {
        let https = listener.protocol.as_deref() == Some("HTTPS");
        let scheme = if https { "https" } else { "http" };
        let port = match listener.port {
            Some(port) if port != if https { 443 } else { 80 } => format!(":{port}"),
            _ => String::new(),
        };
        let there = base.host.as_deref().unwrap_or(&balancer.dns_name);
        match self {
            Routing::Host(host) => format!("{scheme}://{host}{port}"),
            // With its slash, for a page's relative links go by it.
            Routing::Path(path) => format!("{scheme}://{there}{port}{path}/"),
            Routing::Header { .. } => format!("{scheme}://{there}{port}"),
        }
    }
}

/// `None` unless the number's place is there once.
fn fill(template: &str, number: u64) -> Option<String> {
    let (before, after) = template.split_once(NUMBER)?;
    let filled = format!("{before}{number}{after}");
    (!filled.contains(['{', '}'])).then_some(filled)
}

fn values(conditions: &Conditions) -> Vec<&str> {
    let headers = conditions.headers.iter().flat_map(|(_, values)| values);
    let hosts = conditions.host_headers.iter();
    hosts
        .chain(&conditions.path_patterns)
        .chain(headers)
        .map(String::as_str)
        .collect()
}

/// What leads to the base service at a listener: its first rule that forwards to one of its groups, else the default action.
pub fn base_way(rules: &[ListenerRule], groups: &[String]) -> BaseWay {
    let leads = |rule: &&ListenerRule| {
        rule.forwards_to
            .iter()
            .any(|to| groups.contains(&to.target_group_arn))
    };
    let by_priority = |rule: &&ListenerRule| rule.priority.parse().unwrap_or(u32::MAX);
    let Some(rule) = rules.iter().filter(leads).min_by_key(by_priority) else {
        return BaseWay::default();
    };
    let conditions = Conditions {
        host_headers: rule.host_headers.clone(),
        path_patterns: rule.path_patterns.clone(),
        headers: rule.headers.clone(),
    };
    let host = rule
        .host_headers
        .iter()
        .find(|host| !host.contains(['*', '?']))
        .cloned();
    BaseWay { conditions, host }
}

/// Whether one request could meet both: a condition that is not known here is taken to hold.
pub fn overlaps(rule: &ListenerRule, conditions: &Conditions) -> bool {
    let meet = |a: &[String], b: &[String], fold: bool| {
        let (a, b) = (folded(a, fold), folded(b, fold));
        a.is_empty() || b.is_empty() || a.iter().any(|a| b.iter().any(|b| both_match(a, b)))
    };
    let headers = rule.headers.iter().all(|(name, values)| {
        let ours = conditions
            .headers
            .iter()
            .filter(|(ours, _)| ours.eq_ignore_ascii_case(name));
        ours.into_iter().all(|(_, ours)| meet(values, ours, true))
    });
    headers
        && meet(&rule.host_headers, &conditions.host_headers, true)
        && meet(&rule.path_patterns, &conditions.path_patterns, false)
}

/// Whether the rule names our very address: somebody else answers there.
pub fn claims(rule: &ListenerRule, routing: &Routing, conditions: &Conditions) -> bool {
    let same = |a: &String, b: &String| a.eq_ignore_ascii_case(b);
    let named = match routing {
        Routing::Host(host) => rule.host_headers.iter().any(|h| same(h, host)),
        Routing::Path(_) => rule
            .path_patterns
            .iter()
            .any(|p| conditions.path_patterns.contains(p)),
        Routing::Header { name, value } => rule
            .headers
            .iter()
            .any(|(n, values)| same(n, name) && values.iter().any(|v| same(v, value))),
    };
    named && overlaps(rule, conditions)
}

fn folded(patterns: &[String], fold: bool) -> Vec<String> {
    let one = |p: &String| match fold {
        true => p.to_ascii_lowercase(),
        false => p.clone(),
    };
    patterns.iter().map(one).collect()
}

/// Whether some text matches both patterns, where `*` is any text and `?` one character.
fn both_match(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // `reached[j]`: some text takes us to the place before `a[i]` and to the place before `b[j]`.
    let width = b.len() + 1;
    let mut reached = vec![false; (a.len() + 1) * width];
    reached[0] = true;
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if !reached[i * width + j] {
                continue;
            }
            let (x, y) = (a.get(i), b.get(j));
            if x == Some(&'*') {
                // The star is over, or it takes what the other one takes.
                reached[(i + 1) * width + j] = true;
                if y.is_some() {
                    reached[i * width + j + 1] = true;
                }
            }
            if y == Some(&'*') {
                reached[i * width + j + 1] = true;
                if x.is_some() {
                    reached[(i + 1) * width + j] = true;
                }
            }
            if let (Some(x), Some(y)) = (x, y)
                && (x == y || *x == '?' || *y == '?')
            {
                reached[(i + 1) * width + j + 1] = true;
            }
        }
    }
    reached[a.len() * width + b.len()]
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
