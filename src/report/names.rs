//! Which words of a sentence of ours are names: identifiers, ARNs, hashes, addresses, ECS's own words. A medium that has code
//! sets them as code, so that they survive copying. Renders nothing.

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
