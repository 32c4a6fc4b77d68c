//! `Matcher.HttpCode` of a target group: which status codes are healthy.

/// `200`, `200,202`, `200-299`, or any mix of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher(Vec<(u16, u16)>);

impl Matcher {
    /// `None` where AWS would answer with a ValidationError.
    pub fn parse(text: &str) -> Option<Matcher> {
        let code = |text: &str| {
            text.trim()
                .parse()
                .ok()
                .filter(|code| (100..600).contains(code))
        };
        let range = |part: &str| match part.split_once('-') {
            Some((from, to)) => Some((code(from)?, code(to)?)),
            None => code(part).map(|code| (code, code)),
        };
        text.split(',')
            .map(range)
            .collect::<Option<Vec<_>>>()
            .map(Matcher)
    }

    pub fn matches(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|&(from, to)| (from..=to).contains(&status))
    }
}

#[cfg(test)]
mod tests {
    use super::Matcher;

    #[track_caller]
    fn check(text: &str, healthy: &[u16], unhealthy: &[u16]) {
        let matcher = Matcher::parse(text).expect("it parses");
        assert!(
            healthy.iter().all(|&status| matcher.matches(status)),
            "{text} is healthy for {healthy:?}"
        );
        assert!(
            !unhealthy.iter().any(|&status| matcher.matches(status)),
            "{text} is unhealthy for {unhealthy:?}"
        );
    }

    #[test]
    fn codes_lists_and_ranges() {
        check("200", &[200], &[201, 404]);
        check("200,202", &[200, 202], &[201]);
        check("200-299", &[200, 250, 299], &[199, 300]);
        check("200-204, 301", &[200, 204, 301], &[205, 302]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "ok", "200-", "20", "200;201", "999"] {
            assert_eq!(Matcher::parse(text), None, "{text}");
        }
    }
}
