//! Whether a listener's certificates are good for a preview's host. Pure. Knows wildcards: one label, the first (RFC 6125).

/// What is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// HTTP, or no host of its own.
    NotAsked,
    Covered,
    /// All were looked at; these are their names.
    NotCovered(Vec<String>),
    /// One was not, for this reason.
    Unknown(String),
}

pub fn covers(name: &str, host: &str) -> bool {
    let (name, host) = (name.to_ascii_lowercase(), host.to_ascii_lowercase());
    match name.strip_prefix("*.") {
        Some(domain) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
        None => name == host,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_wildcard_is_one_label() {
        for (name, host, good) in [
            ("*.preview.example.com", "pr-7.preview.example.com", true),
            ("*.Example.com", "PR-7.example.com", true),
            ("*.example.com", "pr-7.preview.example.com", false),
            ("*.example.com", "example.com", false),
            ("pr-7.example.com", "pr-7.example.com", true),
            ("example.com", "pr-7.example.com", false),
            ("*.com", ".com", false),
        ] {
            assert_eq!(covers(name, host), good, "{name} {host}");
        }
    }
}
