//! The comment's memory: what is written is read again, and what anybody else wrote there is not.

use proptest::prelude::*;

use super::comment::{Marker, past_line, past_of};
use crate::model::Untrusted;
use crate::model::past::{LONGEST_CAUSE, PastDeployment};
use crate::model::verdict::Status;

fn marker() -> Marker {
    Marker {
        service: "prod/web".to_owned(),
        environment: String::new(),
        run: 1,
        attempt: 1,
    }
}

fn body(past: &[PastDeployment]) -> String {
    format!(
        "{}\n{}\n### words\nmore words\n",
        marker().line(),
        past_line(past)
    )
}

fn one(cause: &str) -> PastDeployment {
    PastDeployment {
        run: 16_839_201_733,
        attempt: 2,
        status: Status::RolledBack,
        cause: Some(Untrusted::new(cause)),
        commit: Some("4f2a9c1d00000000000000000000000000000000".to_owned()),
        ended_at: 1_795_528_880,
        took_ms: 112_000,
        phases: vec![("build".to_owned(), 41_000), ("rollout".to_owned(), 53_000)],
    }
}

proptest! {
    #[test]
    fn whatever_a_cause_says_it_stays_in_its_line_and_comes_back(cause in "[^\\n\\r]{0,200}") {
        prop_assume!(cause.chars().count() <= LONGEST_CAUSE);
        let past = vec![one(&cause), one("exit 137"), one("--> <img src=x> <!-- --")];
        let body = body(&past);
        prop_assert_eq!(past_of(&body), past);
        let line = body.lines().nth(1).unwrap();
        let inside = line.strip_prefix("<!--").unwrap().strip_suffix("-->").unwrap();
        let ends_early = inside.contains("--") || inside.contains(['<', '>']);
        prop_assert!(!ends_early);
        prop_assert_eq!(Marker::of(&body), Some(marker()));
    }

    #[test]
    fn what_anybody_wrote_there_never_panics(line in ".{0,300}") {
        let body = format!("{}\n<!-- shipway past v1 {line} -->\n", marker().line());
        prop_assert!(past_of(&body).len() <= 5);
    }
}

#[test]
fn what_does_not_fit_in_every_respect_is_no_memory() {
    let good = body(&[one("exit 137")]);
    assert_eq!(past_of(&good).len(), 1);
    // As the web's text box sends it.
    assert_eq!(past_of(&good.replace('\n', "\r\n")).len(), 1);
    let spoilt: [(&str, &str); 8] = [
        ("past v1 [", "past v2 ["),
        ("\"run\":168", "\"run\":-168"),
        ("\"attempt\":2", "\"attempt\":2,\"more\":true"),
        ("rolled-back", "<b>fine</b>"),
        ("\"took_ms\":", "\"took_ms\":1e300,\"x\":"),
        ("\"commit\":\"4f2a", "\"commit\":\"@octocat/"),
        ("[\"build\",", "[\"`build`\","),
        ("}] -->", "}] --> hello"),
    ];
    for (from, to) in spoilt {
        let body = good.replacen(from, to, 1);
        assert_ne!(body, good, "{from}");
        assert_eq!(past_of(&body), [], "{to}");
    }
    // Only the second line counts.
    let (first, rest) = good.split_once('\n').unwrap();
    assert_eq!(past_of(&format!("{first}\nhello\n{rest}")), []);
    let long = one(&"<".repeat(LONGEST_CAUSE));
    assert_eq!(past_of(&body(&vec![long.clone(); 5])).len(), 5);
    assert_eq!(past_of(&body(&vec![long; 6])), []);
    let huge = format!(
        "{}\n<!-- shipway past v1 [{}] -->",
        marker().line(),
        " ".repeat(20_000)
    );
    assert_eq!(past_of(&huge), []);
}
