//! Transforms of a rule: how a request is rewritten after the rule matched and before a target gets it. What ELBv2 refuses of
//! them, too. Knows no rule.

use regex::{Captures, Regex};
use serde_json::{Value, json};

use super::required;
use crate::world::ApiError;
use crate::world::shapes::{list, text};

/// Of a regular expression and of a replacement.
const LONGEST: usize = 1024;

/// What of a request is to be rewritten; `None` stays as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub host: Option<String>,
    pub path_and_query: Option<String>,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}

fn config(transform: &Value) -> Option<&Value> {
    let member = match text(transform, "Type")? {
        "host-header-rewrite" => "HostHeaderRewriteConfig",
        "url-rewrite" => "UrlRewriteConfig",
        _ => return None,
    };
    transform.get(member)
}

/// Transforms as ELBv2 keeps them: at most one of a type, each with one regular expression that compiles.
pub fn normal(given: &[Value]) -> Result<Value, ApiError> {
    for (index, transform) in given.iter().enumerate() {
        let kind = required(transform, "Type")?;
        if !matches!(kind, "host-header-rewrite" | "url-rewrite") {
            return Err(invalid(format!(
                "Transform type '{kind}' must be one of '[host-header-rewrite, url-rewrite]'"
            )));
        }
        if given[..index].iter().any(|t| text(t, "Type") == Some(kind)) {
            return Err(invalid(format!(
                "A rule can only have one transform of type '{kind}'"
            )));
        }
        let rewrites = config(transform).map(|c| list(c, "Rewrites"));
        let [rewrite] = rewrites.unwrap_or_default() else {
            return Err(invalid(format!(
                "Transform '{kind}' must have exactly one rewrite"
            )));
        };
        let (regex, replace) = (
            required(rewrite, "Regex")?,
            text(rewrite, "Replace").ok_or_else(|| invalid("A Replace must be specified"))?,
        );
        if regex.len() > LONGEST || replace.len() > LONGEST {
            return Err(invalid(
                "A rewrite's regex and replacement cannot be longer than '1024' characters",
            ));
        }
        Regex::new(regex).map_err(|_| invalid(format!("Regex '{regex}' is not valid")))?;
    }
    Ok(json!(given))
}

/// What becomes of a request. No match leaves it as it came (transforms for listener rules).
pub fn apply(transforms: &Value, host: &str, path_and_query: &str) -> Rewritten {
    let rewritten = |kind: &str, subject: &str| {
        let transforms = transforms.as_array()?.iter();
        let transform = transforms
            .filter(|t| text(t, "Type") == Some(kind))
            .find_map(config)?;
        let rewrite = list(transform, "Rewrites").first()?;
        let regex = Regex::new(text(rewrite, "Regex")?).ok()?;
        let replace = text(rewrite, "Replace")?;
        regex
            .is_match(subject)
            .then(|| regex.replace(subject, |found: &Captures<'_>| expand(replace, found)))
            .map(|text| text.into_owned())
    };
    Rewritten {
        host: rewritten("host-header-rewrite", host),
        path_and_query: rewritten("url-rewrite", path_and_query),
    }
}

/// `$1` is the first group, whatever follows it.
fn expand(replace: &str, found: &Captures<'_>) -> String {
    let (mut text, mut rest) = (String::new(), replace);
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        match after[..digits].parse::<usize>() {
            Ok(group) => text.push_str(found.get(group).map_or("", |g| g.as_str())),
            Err(_) => text.push('$'),
        }
        rest = &after[digits..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(regex: &str, replace: &str) -> Value {
        json!([{ "Type": "url-rewrite", "UrlRewriteConfig": { "Rewrites": [{ "Regex": regex, "Replace": replace }] } }])
    }

    #[test]
    fn a_path_loses_its_prefix_and_keeps_its_query() {
        let transforms = url("^/pr-7/?(.*)$", "/$1");
        for (asked, got) in [
            ("/pr-7", Some("/")),
            ("/pr-7/", Some("/")),
            ("/pr-7/a/b?c=d", Some("/a/b?c=d")),
            ("/pr-8/a", None),
        ] {
            let rewritten = apply(&transforms, "www.example.com", asked);
            assert_eq!(rewritten.path_and_query.as_deref(), got, "{asked}");
            assert_eq!(rewritten.host, None);
        }
    }

    #[test]
    fn a_host_is_rewritten_by_its_groups() {
        let transforms = json!([{ "Type": "host-header-rewrite", "HostHeaderRewriteConfig": { "Rewrites": [
            { "Regex": "^mywebsite-(.+).com$", "Replace": "internal.dev.$1.myweb.com" }] } }]);
        let rewritten = apply(&transforms, "mywebsite-example.com", "/");
        assert_eq!(
            rewritten.host.as_deref(),
            Some("internal.dev.example.myweb.com")
        );
    }

    #[test]
    fn what_elbv2_refuses() {
        let twice = [url("a", "b")[0].clone(), url("c", "d")[0].clone()];
        for given in [
            &twice[..],
            &[json!({ "Type": "url-rewrite" })],
            &[json!({ "Type": "body-rewrite" })],
            url("(", "/").as_array().unwrap(),
            url(&"a".repeat(1025), "/").as_array().unwrap(),
        ] {
            assert_eq!(
                normal(given).unwrap_err().code,
                "ValidationError",
                "{given:?}"
            );
        }
    }
}
