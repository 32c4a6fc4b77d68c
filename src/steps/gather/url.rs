//! Where a target group answers: the address out of listeners and rules. Pure, so that its cases are a table.
//!
//! Facts: a forward action has two forms (read by the port); a rule's host-header and path-pattern values may hold
//! the wildcards `*` and `?` (Elastic Load Balancing, "Condition types for listener rules").

use crate::model::target::{Listener, ListenerRule, LoadBalancer, WeightedGroup};

/// A way through a load balancer to a target group: a listener, by its default action or by one of its rules.
#[derive(Clone, Debug)]
pub struct Way<'a> {
    pub load_balancer: &'a LoadBalancer,
    pub listener: &'a Listener,
    pub rule: Option<&'a ListenerRule>,
}

/// Whether any weight leads to the group. Weight 0 still names a group of ours during a blue/green shift, but
/// carries no traffic.
pub fn leads_to(groups: &[WeightedGroup], target_group_arn: &str) -> bool {
    let alone = groups.len() == 1;
    groups
        .iter()
        .any(|g| g.target_group_arn == target_group_arn && (g.weight > 0 || alone))
}

/// Whether the best way has no host of its own, so that the load balancer's DNS name is the address.
pub fn needs_dns_name(ways: &[Way<'_>]) -> bool {
    let speaks =
        |way: &&Way<'_>| matches!(way.listener.protocol.as_deref(), Some("HTTP" | "HTTPS"));
    ways.iter()
        .filter(speaks)
        .min_by_key(|way| rank(way))
        .is_some_and(|way| host(way.rule).is_none())
}

/// The address of the best way: HTTPS before HTTP, a rule with a host before one without, one that a URL alone can meet.
pub fn url(ways: &[Way<'_>]) -> Option<String> {
    ways.iter()
        .filter_map(|way| Some((rank(way), address(way)?)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, url)| url)
}

fn rank(way: &Way<'_>) -> (bool, bool, bool, u32) {
    let conditions = way.rule.is_some_and(|r| r.other_conditions);
    let priority = way
        .rule
        .and_then(|r| r.priority.parse().ok())
        .unwrap_or(u32::MAX);
    (
        conditions,
        way.listener.protocol.as_deref() != Some("HTTPS"),
        host(way.rule).is_none(),
        priority,
    )
}

fn address(way: &Way<'_>) -> Option<String> {
    let (scheme, usual_port) = match way.listener.protocol.as_deref()? {
        "HTTPS" => ("https", 443),
        "HTTP" => ("http", 80),
        // A Network Load Balancer's TLS or TCP listener says nothing of what speaks behind it.
        _ => return None,
    };
    let port = match way.listener.port {
        Some(port) if port != usual_port => format!(":{port}"),
        _ => String::new(),
    };
    let host = host(way.rule).unwrap_or(&way.load_balancer.dns_name);
    (!host.is_empty()).then(|| format!("{scheme}://{host}{port}{}", path(way.rule)))
}

fn host(rule: Option<&ListenerRule>) -> Option<&str> {
    let hosts = &rule?.host_headers;
    hosts
        .iter()
        .map(String::as_str)
        .find(|h| !h.contains(['*', '?']))
}

/// The path before its first wildcard, cut at a `/`.
fn path(rule: Option<&ListenerRule>) -> String {
    let Some(pattern) = rule.and_then(|r| r.path_patterns.first()) else {
        return String::new();
    };
    let literal = match pattern.find(['*', '?']) {
        Some(at) => &pattern[..pattern[..at].rfind('/').map_or(0, |slash| slash + 1)],
        None => pattern.as_str(),
    };
    if literal == "/" {
        String::new()
    } else {
        literal.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(protocol: &str, port: u16) -> Listener {
        Listener {
            arn: "l".into(),
            port: Some(port),
            protocol: Some(protocol.into()),
            forwards_to: Vec::new(),
            ..Listener::default()
        }
    }

    fn rule(hosts: &[&str], paths: &[&str]) -> ListenerRule {
        ListenerRule {
            host_headers: hosts.iter().map(|h| (*h).into()).collect(),
            path_patterns: paths.iter().map(|p| (*p).into()).collect(),
            priority: "10".into(),
            ..ListenerRule::default()
        }
    }

    #[test]
    fn addresses() {
        let balancer = LoadBalancer {
            dns_name: "alb.example".into(),
            ..LoadBalancer::default()
        };
        let cases = [
            ("HTTP", 80, None, Some("http://alb.example")),
            ("HTTP", 8080, None, Some("http://alb.example:8080")),
            (
                "HTTPS",
                443,
                Some(rule(&["www.example.com"], &[])),
                Some("https://www.example.com"),
            ),
            (
                "HTTPS",
                443,
                Some(rule(&["*.example.com", "a.example.com"], &["/api/*"])),
                Some("https://a.example.com/api/"),
            ),
            (
                "HTTP",
                80,
                Some(rule(&["*.example.com"], &["/img?.png"])),
                Some("http://alb.example"),
            ),
            (
                "HTTP",
                80,
                Some(rule(&[], &["/shop"])),
                Some("http://alb.example/shop"),
            ),
            ("TLS", 443, None, None),
        ];
        for (protocol, port, rule, expected) in cases {
            let listener = listener(protocol, port);
            let way = Way {
                load_balancer: &balancer,
                listener: &listener,
                rule: rule.as_ref(),
            };
            assert_eq!(
                url(&[way]).as_deref(),
                expected,
                "{protocol} {port} {rule:?}"
            );
        }
    }

    #[test]
    fn https_goes_before_http_and_a_host_before_none() {
        let balancer = LoadBalancer {
            dns_name: "alb.example".into(),
            ..LoadBalancer::default()
        };
        let (http, https) = (listener("HTTP", 80), listener("HTTPS", 443));
        let named = rule(&["www.example.com"], &[]);
        let way = |listener, rule| Way {
            load_balancer: &balancer,
            listener,
            rule,
        };
        assert_eq!(
            url(&[
                way(&http, None),
                way(&https, None),
                way(&https, Some(&named))
            ])
            .as_deref(),
            Some("https://www.example.com")
        );
    }
}
