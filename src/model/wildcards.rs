//! Names with `*` and `?`, as IAM and shells know them. Knows no more of what is named.

/// Whether it means more than one name.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// `*` is any text, `?` one character. A mismatch goes back to the last star only, so that no pattern is slow.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                None => return false,
                Some((behind, from)) => {
                    p = behind;
                    t = from + 1;
                    star = Some((behind, t));
                }
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What it means, slowly.
    fn meant(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|n| meant(rest, &text[n..])),
            Some((c, rest)) => text
                .split_first()
                .is_some_and(|(t, left)| (*c == '?' || c == t) && meant(rest, left)),
        }
    }

    proptest! {
        #[test]
        fn a_star_is_any_text_and_a_question_mark_one_character(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), meant(&chars(&pattern), &chars(&text)));
        }
    }
}
