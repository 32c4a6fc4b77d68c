//! Which rule a request meets and where it goes. Knows conditions, weights and failing open. Does not know sockets.

use serde_json::Value;

use super::rule_members::{forwards_to, regexes_of};
use super::transforms::{self, Rewritten};
use super::{Rule, TargetState};
use crate::world::World;
use crate::world::shapes::{list, text, texts};

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Any of these targets; none at all is a 503.
    Forward {
        target_group_arn: String,
        targets: Vec<(String, u16)>,
        rewritten: Rewritten,
    },
    Fixed {
        status: u16,
        content_type: String,
        body: String,
    },
    Redirect {
        status: u16,
        location: String,
    },
    NoListener,
}

struct Request<'a> {
    port: u16,
    host: &'a str,
    path: &'a str,
    query: &'a str,
    headers: &'a [(String, String)],
}

impl Request<'_> {
    fn path_and_query(&self) -> String {
        match self.query {
            "" => self.path.to_owned(),
            query => format!("{}?{query}", self.path),
        }
    }
}

/// The first rule by priority whose conditions all hold decides, then the listener's default.
pub fn route(
    world: &mut World,
    listener_port: u16,
    host: &str,
    path: &str,
    query: &str,
    headers: &[(String, String)],
) -> Route {
    let host = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.parse::<u16>().is_ok() {
            name
        } else {
            host
        }
    });
    let request = Request {
        port: listener_port,
        host,
        path,
        query,
        headers,
    };
    let Some(listener) = world
        .elbv2
        .listeners
        .values()
        .find(|l| l.port == listener_port)
    else {
        return Route::NoListener;
    };
    let (arn, protocol) = (listener.arn.clone(), listener.protocol.clone());
    let mut rules: Vec<&Rule> = world
        .elbv2
        .rules
        .values()
        .filter(|r| r.listener == arn)
        .collect();
    rules.sort_by_key(|r| r.priority.unwrap_or(u32::MAX));
    let met = rules.into_iter().find(|r| {
        r.conditions
            .as_array()
            .into_iter()
            .flatten()
            .all(|c| holds(c, &request))
    });
    let Some((actions, transforms)) = met.map(|r| (r.actions.clone(), r.transforms.clone())) else {
        return Route::NoListener;
    };
    for action in actions.as_array().into_iter().flatten() {
        match text(action, "Type") {
            Some("forward") => {
                let rewritten = transforms::apply(&transforms, host, &request.path_and_query());
                return forward(world, action, rewritten);
            }
            Some("fixed-response") => return fixed(action),
            Some("redirect") => return redirect(action, &request, &protocol),
            _ => {}
        }
    }
    Route::Fixed {
        status: 500,
        content_type: "text/plain".to_owned(),
        body: String::new(),
    }
}

fn forward(world: &mut World, action: &Value, rewritten: Rewritten) -> Route {
    let groups = forwards_to(&Value::Array(vec![action.clone()]));
    let total: u64 = groups.iter().map(|(_, weight)| weight).sum();
    let mut pick = world.ids.below(if groups.len() > 1 { total } else { 0 });
    let mut chosen = String::new();
    for (arn, weight) in groups {
        chosen = arn;
        if pick < weight {
            break;
        }
        pick -= weight;
    }
    let targets = world.elbv2.target_groups.get(&chosen).map(|group| {
        let with = |keep: fn(TargetState) -> bool| -> Vec<(String, u16)> {
            group
                .targets
                .iter()
                .filter(|(_, t)| keep(t.state))
                .map(|(key, _)| key.clone())
                .collect()
        };
        let healthy = with(|state| state == TargetState::Healthy);
        // No healthy target: the load balancer fails open to all that are registered.
        if healthy.is_empty() {
            with(|state| state != TargetState::Draining)
        } else {
            healthy
        }
    });
    Route::Forward {
        target_group_arn: chosen,
        targets: targets.unwrap_or_default(),
        rewritten,
    }
}

fn fixed(action: &Value) -> Route {
    let config = action
        .get("FixedResponseConfig")
        .cloned()
        .unwrap_or_default();
    Route::Fixed {
        status: text(&config, "StatusCode")
            .and_then(|s| s.parse().ok())
            .unwrap_or(200),
        content_type: text(&config, "ContentType")
            .unwrap_or("text/plain")
            .to_owned(),
        body: text(&config, "MessageBody").unwrap_or_default().to_owned(),
    }
}

fn redirect(action: &Value, request: &Request<'_>, protocol: &str) -> Route {
    let config = action.get("RedirectConfig").cloned().unwrap_or_default();
    let fill = |template: &str| {
        let path = request.path.trim_start_matches('/');
        let filled = template
            .replace("#{host}", request.host)
            .replace("#{path}", path)
            .replace("#{query}", request.query);
        filled
            .replace("#{port}", &request.port.to_string())
            .replace("#{protocol}", protocol)
    };
    let part = |member: &str, usual: &str| fill(text(&config, member).unwrap_or(usual));
    let protocol = part("Protocol", "#{protocol}").to_lowercase();
    let port = part("Port", "#{port}");
    let usual_port = if protocol == "https" { "443" } else { "80" };
    let port = if port == usual_port {
        String::new()
    } else {
        format!(":{port}")
    };
    let query = part("Query", "#{query}");
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    let status = if text(&config, "StatusCode") == Some("HTTP_302") {
        302
    } else {
        301
    };
    let location = format!(
        "{protocol}://{}{port}{}{query}",
        part("Host", "#{host}"),
        part("Path", "/#{path}")
    );
    Route::Redirect { status, location }
}

/// A condition's plain values, from whichever of its forms holds them.
pub fn values_of(condition: &Value) -> Vec<String> {
    let configs = [
        "HostHeaderConfig",
        "PathPatternConfig",
        "HttpHeaderConfig",
        "HttpRequestMethodConfig",
        "SourceIpConfig",
    ];
    let from_config = configs
        .iter()
        .filter_map(|c| condition.get(*c))
        .map(|c| texts(c, "Values"))
        .find(|v| !v.is_empty());
    from_config.unwrap_or_else(|| texts(condition, "Values"))
}

fn holds(condition: &Value, request: &Request<'_>) -> bool {
    let values = values_of(condition);
    let regexes = regexes_of(condition);
    let by_regex = |text: &str| {
        let mut compiled = regexes.iter().filter_map(|r| regex::Regex::new(r).ok());
        compiled.any(|r| r.is_match(text))
    };
    let any = |text: &str| {
        by_regex(text)
            || values
                .iter()
                .any(|pattern| matches(&pattern.to_lowercase(), &text.to_lowercase()))
    };
    match text(condition, "Field") {
        Some("host-header") => any(request.host),
        Some("path-pattern") => {
            by_regex(request.path) || values.iter().any(|pattern| matches(pattern, request.path))
        }
        Some("http-header") => {
            let name = condition
                .get("HttpHeaderConfig")
                .and_then(|c| text(c, "HttpHeaderName"))
                .unwrap_or_default();
            request
                .headers
                .iter()
                .any(|(n, value)| n.eq_ignore_ascii_case(name) && any(value))
        }
        Some("query-string") => {
            let wanted = condition
                .get("QueryStringConfig")
                .map(|c| list(c, "Values"))
                .unwrap_or_default();
            let given: Vec<(String, String)> =
                url::form_urlencoded::parse(request.query.as_bytes())
                    .into_owned()
                    .collect();
            wanted.iter().any(|pair| {
                let (key, value) = (text(pair, "Key"), text(pair, "Value").unwrap_or_default());
                let fits = |pattern: &str, text: &str| {
                    matches(&pattern.to_lowercase(), &text.to_lowercase())
                };
                given
                    .iter()
                    .any(|(k, v)| key.is_none_or(|key| fits(key, k)) && fits(value, v))
            })
        }
        // The method is not handed over, and who asks on a loopback machine says nothing.
        _ => true,
    }
}

/// `*` is any text, `?` any one character.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        for (pattern, text, wanted) in [
            ("/img/*", "/img/a/b", true),
            ("/img/*", "/im", false),
            ("*.example.com", "pr-7.preview.example.com", true),
            ("*.example.com", "example.com", false),
            ("pr-?.example.com", "pr-7.example.com", true),
            ("pr-?.example.com", "pr-17.example.com", false),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} on {text}");
        }
    }
}
