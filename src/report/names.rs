//! Which words of a sentence of ours are names: identifiers, ARNs, hashes, addresses, ECS's own words. A medium that has code
//! sets them as code, so that they survive copying. Renders nothing.

/// Of somebody else's identifier: ARNs are shorter.
const LONGEST_ID: usize = 300;

/// A sentence in pieces: `true` is a name.
pub(super) fn spans(words: &str) -> Vec<(bool, &str)> {
    let mut spans = Vec::new();
    // Where the text that is no name began.
    let mut from = 0;
    let mut at = 0;
    for token in words.split_inclusive(char::is_whitespace) {
        let start = at;
        at += token.len();
        let name = bare(token);
        if !is_name(name) {
            continue;
        }
        let offset = token.find(name).unwrap_or_default();
        let (begins, ends) = (start + offset, start + offset + name.len());
        if from < begins {
            spans.push((false, &words[from..begins]));
        }
        spans.push((true, &words[begins..ends]));
        from = ends;
    }
    if from < words.len() {
        spans.push((false, &words[from..]));
    }
    spans
}

/// Of text that others wrote: identifiers of AWS's that a comment would make links of, or that would not survive copying with
/// what keeps them from it. Only of letters, digits and `:/._@-`, so that they are harmless as code.
pub(super) fn foreign_ids(text: &str) -> Vec<(bool, &str)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":/._@-".contains(c);
    let mut spans = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(start) = text[at..].find(plain).map(|n| at + n) {
        let end = text[start..]
            .find(|c| !plain(c))
            .map_or(text.len(), |n| start + n);
        at = end;
        let id = text[start..end].trim_matches([':', '.', '/', '-', '_', '@']);
        if id.len() > LONGEST_ID || id.contains("://") || !has_hash(id) {
            continue;
        }
        let begins = start + text[start..end].find(id).unwrap_or_default();
        if from < begins {
            spans.push((false, &text[from..begins]));
        }
        from = begins + id.len();
        spans.push((true, &text[begins..from]));
    }
    if from < text.len() {
        spans.push((false, &text[from..]));
    }
    spans
}

/// An ARN of a target group as that group's name: events of ECS have many, and the name tells them apart. Whatever else the
/// text is, it stays.
pub(super) fn without_target_group_arns(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":/._-".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("arn:") {
        let end = rest[start..]
            .find(|c| !plain(c))
            .map_or(rest.len(), |n| start + n);
        out.push_str(&rest[..start]);
        let arn = &rest[start..end];
        out.push_str(target_group_of(arn).unwrap_or(arn));
        rest = &rest[end..];
    }
    out + rest
}

fn target_group_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next()?;
    let mut resource = parts.nth(2)?.split('/');
    let is = service == "elasticloadbalancing" && resource.next()? == "targetgroup";
    let name = resource.next()?;
    let id = resource.next()?;
    (is && !name.is_empty() && id.len() == 16 && resource.next().is_none()).then_some(name)
}

/// Without the punctuation of the sentence around it.
fn bare(token: &str) -> &str {
    token
        .trim()
        .trim_start_matches(['(', '[', '"', '\'', '“'])
        .trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '"', '\'', '”', '…'])
}

fn is_name(word: &str) -> bool {
    is_arn(word)
        || is_revision(word)
        || is_permission(word)
        || is_constant(word)
        || must_not_link(word)
}

fn is_arn(word: &str) -> bool {
    word.starts_with("arn:") && word.matches(':').count() >= 5
}

/// `web:42`
fn is_revision(word: &str) -> bool {
    word.rsplit_once(':').is_some_and(|(family, number)| {
        family.starts_with(|c: char| c.is_ascii_alphabetic())
            && family
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
            && !number.is_empty()
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

/// `ecs:TagResource`, `Target.FailedHealthChecks`.
fn is_permission(word: &str) -> bool {
    let split = word.split_once(':').or_else(|| word.split_once('.'));
    split.is_some_and(|(service, action)| {
        service.len() > 1
            && service
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-')
            && action.starts_with(|c: char| c.is_ascii_uppercase())
            && action.chars().all(|c| c.is_ascii_alphanumeric())
            && action.len() > 3
    })
}

/// `ROLLBACK_SUCCESSFUL`, `COMPLETED`, `repository_id`.
fn is_constant(word: &str) -> bool {
    let shouted = word.len() >= 6 && word.chars().all(|c| c.is_ascii_uppercase());
    shouted
        || word.contains('_')
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-./:".contains(c))
}

/// What a comment would make a link of: addresses, hashes, mentions, numbers of issues.
fn must_not_link(word: &str) -> bool {
    word.contains("://")
        || word.contains(['@', '#'])
        || word.to_ascii_lowercase().starts_with("www.")
        || has_hash(word)
}

/// A run of 7 to 64 hex digits that stands alone.
fn has_hash(word: &str) -> bool {
    word.split(|c: char| !c.is_ascii_hexdigit())
        .any(|run| (7..=64).contains(&run.len()) && run.contains(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &str) -> Vec<&str> {
        let all: String = spans(words).iter().map(|(_, part)| *part).collect();
        assert_eq!(all, words, "nothing is lost");
        spans(words)
            .into_iter()
            .filter_map(|(name, part)| name.then_some(part))
            .collect()
    }

    #[test]
    fn names_are_found_without_the_punctuation_around_them() {
        assert_eq!(
            names(
                "Task 33c0a0f227efccb59bbf25c761799359 stopped (EssentialContainerExited): ROLLBACK_FAILED."
            ),
            ["33c0a0f227efccb59bbf25c761799359", "ROLLBACK_FAILED"]
        );
        assert_eq!(
            names(
                "assume arn:aws:iam::111122223333:role/x (AccessDenied), see https://a.example/b."
            ),
            ["arn:aws:iam::111122223333:role/x", "https://a.example/b"]
        );
        assert_eq!(
            names("ecs-svc/9768169620446552782 of web:1; allow ecs:TagResource"),
            ["ecs-svc/9768169620446552782", "web:1", "ecs:TagResource"]
        );
        assert_eq!(
            names("111122223333.dkr.ecr.eu-west-1.amazonaws.com/web does not show v1"),
            ["111122223333.dkr.ecr.eu-west-1.amazonaws.com/web"]
        );
    }

    #[test]
    fn ids_of_others_are_found_and_nothing_else() {
        let said = "(service web) (task 8ab381e0a6e622e7e7feea18fbba8c0b) of (arn:aws:ecs:eu-west-1:111122223333:task/x).";
        let ids: Vec<&str> = foreign_ids(said)
            .into_iter()
            .filter_map(|(id, part)| id.then_some(part))
            .collect();
        assert_eq!(
            ids,
            [
                "8ab381e0a6e622e7e7feea18fbba8c0b",
                "arn:aws:ecs:eu-west-1:111122223333:task/x"
            ]
        );
        for plain in [
            "https://evil.example/12345678a",
            "effaced facade",
            "",
            "::",
            "é12345",
        ] {
            assert_eq!(
                foreign_ids(plain).iter().filter(|(id, _)| *id).count(),
                0,
                "{plain}"
            );
        }
    }

    #[test]
    fn a_target_groups_arn_becomes_its_name_and_all_else_stays() {
        let arn =
            "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/21f55ccdb82ff3c6";
        assert_eq!(
            without_target_group_arns(&format!("registered 1 targets in (target-group {arn})")),
            "registered 1 targets in (target-group web)"
        );
        for other in [
            "arn:aws:ecs:eu-west-1:111122223333:task/prod/1",
            "arn: arn:: an arn:aws:elasticloadbalancing:x:y:targetgroup/web",
            "é arn:é",
        ] {
            assert_eq!(without_target_group_arns(other), other);
        }
    }

    #[test]
    fn words_stay_words() {
        for plain in [
            "The limit of 1 min ran out; ECS is still working on it.",
            "",
            "  two of 2 tasks: run. Then stop.",
            "effaced facade: a decade of 1234567890123456789012345678901234567890123456789012345678901234567890",
        ] {
            assert_eq!(names(plain), [""; 0], "{plain}");
        }
    }
}
