//! Addresses of previews, what is no address, and which rules meet.

use proptest::prelude::*;

use super::*;

fn balancer() -> LoadBalancer {
    LoadBalancer {
        dns_name: "shop-1.elb.example".to_owned(),
        ..LoadBalancer::default()
    }
}

fn listener(protocol: &str, port: u16) -> Listener {
    Listener {
        protocol: Some(protocol.to_owned()),
        port: Some(port),
        ..Listener::default()
    }
}

fn base(host: &str, path: &str) -> BaseWay {
    let rule = ListenerRule {
        priority: "100".to_owned(),
        host_headers: Some(host.to_owned())
            .filter(|h| !h.is_empty())
            .into_iter()
            .collect(),
        path_patterns: Some(path.to_owned())
            .filter(|p| !p.is_empty())
            .into_iter()
            .collect(),
        forwards_to: vec![crate::model::target::WeightedGroup {
            target_group_arn: "base".to_owned(),
            weight: 1,
        }],
        ..ListenerRule::default()
    };
    base_way(&[rule], &["base".to_owned()])
}

#[test]
fn addresses() {
    let host = |t| Templates {
        host: Some(t),
        ..Templates::default()
    };
    let path = |t| Templates {
        path: Some(t),
        ..Templates::default()
    };
    let header = |t| Templates {
        header: Some(t),
        ..Templates::default()
    };
    let app = || base("app.example.com", "");
    for (templates, listener, base, url, asks) in [
        (
            host("PR-{number}.preview.example.com"),
            listener("HTTPS", 443),
            app(),
            "https://pr-7.preview.example.com",
            "pr-7.preview.example.com",
        ),
        (
            host("pr-{number}.x.example"),
            listener("HTTP", 8080),
            app(),
            "http://pr-7.x.example:8080",
            "pr-7.x.example",
        ),
        (
            path("/pr-{number}"),
            listener("HTTPS", 443),
            app(),
            "https://app.example.com/pr-7/",
            "app.example.com /pr-7 /pr-7/*",
        ),
        (
            path("/p/{number}"),
            listener("HTTP", 80),
            base("", ""),
            "http://shop-1.elb.example/p/7/",
            "/p/7 /p/7/*",
        ),
        (
            path("/p/{number}"),
            listener("HTTP", 80),
            base("*.example.com", "/shop/*"),
            "http://shop-1.elb.example/p/7/",
            "*.example.com /p/7 /p/7/*",
        ),
        (
            header("X-Preview: pr-{number}"),
            listener("HTTPS", 8443),
            base("app.example.com", "/shop/*"),
            "https://app.example.com:8443",
            "app.example.com /shop/* pr-7",
        ),
    ] {
        let routing = Routing::of(templates, 7).unwrap();
        assert_eq!(routing.url(&listener, &balancer(), &base), url);
        assert_eq!(values(&routing.conditions(&base).unwrap()).join(" "), asks);
    }
}

#[test]
fn a_path_is_taken_away_before_the_container_sees_it() {
    let routing = Routing::Path("/p.r+7".to_owned());
    assert_eq!(routing.rewrites()[0].regex, r"^/p\.r\+7/?(.*)$");
    assert_eq!(routing.rewrites()[0].replace, "/$1");
    assert_eq!(Routing::Host("a.b".to_owned()).rewrites(), []);
}

#[test]
fn what_is_no_address() {
    let refused = |templates| Routing::of(templates, 7).unwrap_err().to_string();
    let host = |t| Templates {
        host: Some(t),
        ..Templates::default()
    };
    let path = |t| Templates {
        path: Some(t),
        ..Templates::default()
    };
    let header = |t| Templates {
        header: Some(t),
        ..Templates::default()
    };
    for templates in [
        host("preview.example.com"),
        host("pr-{number}.{x}.example.com"),
        host("pr-{number}-{number}.example.com"),
        host("pr-{number}"),
        host("*.{number}.example.com"),
        host("-{number}.example.com"),
        path("pr-{number}"),
        path("/{number}/"),
        path("/a//{number}"),
        path("/{number}?x=1"),
        path("/*/{number}"),
        header("pr-{number}"),
        header("Host: {number}.example.com"),
        header("X-Preview: *{number}"),
        header(": {number}"),
        Templates::default(),
        Templates {
            host: Some("a{number}.b"),
            path: Some("/{number}"),
            header: None,
        },
    ] {
        let said = refused(templates);
        assert!(said.contains("preview-"), "{templates:?}: {said}");
    }
}

#[test]
fn five_values_are_the_most() {
    let hosts = |n: usize| BaseWay {
        conditions: Conditions {
            host_headers: (0..n).map(|i| format!("h{i}.example.com")).collect(),
            ..Conditions::default()
        },
        host: None,
    };
    let path = Routing::Path("/pr-7".to_owned());
    assert!(path.conditions(&hosts(3)).is_ok());
    assert_eq!(
        path.conditions(&hosts(4)).unwrap_err().to_string(),
        "the preview's rule would have 6 values and 1 wildcard, and a rule takes 5 of each"
    );
}

fn rule(hosts: &[&str], paths: &[&str], headers: &[(&str, &str)]) -> ListenerRule {
    let texts = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect();
    ListenerRule {
        host_headers: texts(hosts),
        path_patterns: texts(paths),
        headers: headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), vec![(*v).to_owned()]))
            .collect(),
        ..ListenerRule::default()
    }
}

#[test]
fn which_rules_meet_and_which_claim_the_address() {
    let none = BaseWay::default();
    let host = Routing::Host("pr-7.preview.example.com".to_owned());
    let path = Routing::Path("/pr-7".to_owned());
    let header = Routing::Header {
        name: "X-Preview".to_owned(),
        value: "pr-7".to_owned(),
    };
    for (routing, rule, meets, claimed) in [
        (&host, rule(&["app.example.com"], &[], &[]), false, false),
        (
            &host,
            rule(&["*.preview.example.com"], &[], &[]),
            true,
            false,
        ),
        (
            &host,
            rule(&["*.EXAMPLE.com"], &["/api/*"], &[]),
            true,
            false,
        ),
        (
            &host,
            rule(&["pr-?.preview.example.com"], &[], &[]),
            true,
            false,
        ),
        (
            &host,
            rule(&["PR-7.preview.example.com"], &[], &[]),
            true,
            true,
        ),
        (&host, rule(&[], &["/pr-7/*"], &[]), true, false),
        (
            &host,
            rule(&["pr-70.preview.example.com"], &[], &[]),
            false,
            false,
        ),
        (&path, rule(&["app.example.com"], &[], &[]), true, false),
        (&path, rule(&[], &["/*"], &[]), true, false),
        (&path, rule(&[], &["/api/*"], &[]), false, false),
        (&path, rule(&[], &["/pr-70", "/pr-70/*"], &[]), false, false),
        (&path, rule(&[], &["/pr-7/*"], &[]), true, true),
        (&path, rule(&[], &["/PR-7"], &[]), false, false),
        (&header, rule(&[], &["/*"], &[]), true, false),
        (
            &header,
            rule(&[], &[], &[("x-preview", "pr-8")]),
            false,
            false,
        ),
        (
            &header,
            rule(&[], &[], &[("x-preview", "pr-*")]),
            true,
            false,
        ),
        (
            &header,
            rule(&[], &[], &[("x-preview", "PR-7")]),
            true,
            true,
        ),
        (&header, rule(&[], &[], &[("x-other", "pr-7")]), true, false),
    ] {
        let conditions = routing.conditions(&none).unwrap();
        assert_eq!(overlaps(&rule, &conditions), meets, "{routing:?} {rule:?}");
        assert_eq!(
            claims(&rule, routing, &conditions),
            claimed,
            "{routing:?} {rule:?}"
        );
    }
}

/// A pattern as a text of plain letters would meet it, letter by letter.
fn matches(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => {
            matches(rest, text) || text.split_first().is_some_and(|(_, t)| matches(pattern, t))
        }
        (Some((p, rest)), Some((t, others))) => (*p == '?' || p == t) && matches(rest, others),
        _ => false,
    }
}

proptest! {
    #[test]
    fn patterns_meet_exactly_where_a_text_matches_both(a in "[ab*?]{0,5}", b in "[ab*?]{0,5}") {
        let (pa, pb): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        // Two patterns of five need a text of ten letters at most; a third letter never helps.
        let mut texts: Vec<Vec<char>> = vec![Vec::new()];
        let mut met = false;
        for _ in 0..=8 {
            met |= texts.iter().any(|t| matches(&pa, t) && matches(&pb, t));
            texts = texts.iter().flat_map(|t| ['a', 'b'].map(|c| [t.as_slice(), &[c]].concat())).collect();
        }
        prop_assert_eq!(both_match(&a, &b), met, "{} and {}", a, b);
    }
}
