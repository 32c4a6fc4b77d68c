//! What a parser of `values` takes, as a regular expression, for editors: nothing that it matches is refused for its form.
//! Knows the settings by name, as `check` does, because a parser is a function and has nothing to read.

/// A `KEY=VALUE`.
pub(super) const PAIR: &str = r"^\s*[^=\s][^=]*=";
/// Its key, where it stands alone.
pub(super) const KEY: &str = r"^\s*[^=\s][^=]*$";

/// Of one text of the setting; of the values, where it has keys.
pub(super) fn pattern(setting: &str) -> Option<&'static str> {
    Some(match setting {
        "role-to-assume" => r"^arn:[^:]+:iam:[^:]*:[^:]*:role/",
        "platform" => r"^[^/]+/[^/]+",
        "image" => r"^[^\s:@][^\s@]*(@sha256:[0-9a-f]{64})?$",
        "extra-tags" => r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
        "secrets" => r"^(arn:|/)",
        "wait-until" => r"^(healthy|deployed|none|stage:[A-Z0-9_]+)$",
        "smoke-path" => r"^/([A-Za-z0-9._~%!$&'()*+,;=:@?-][A-Za-z0-9._~%!$&'()*+,;=:@?/-]*)?$",
        "url" => r"^https?://[A-Za-z0-9\[]",
        _ => return None,
    })
}
