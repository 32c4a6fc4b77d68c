//! What must hold for any text whatever, and the cases that people tried.

use proptest::prelude::*;

use super::escape::*;
use super::event::Text;
use crate::model::Untrusted;

/// Text of the pieces that attacks are made of.
pub(super) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "##[", "#", "[", "]", "::", ":", "error", "::error::x", "##[add-mask]x", "\n", "\r", "\r\n", "\u{1b}[31m",
            "\u{1b}]8;;http://x\u{7}", "\u{1b}", "\u{9b}2J", "\u{202e}", "\u{200b}", "@octocat", "https://evil.example",
            "www.evil.example", "GH-1", "#1", "owner/repo#2", "0123456789abcdef", "`", "``", "~~~", "~~~~~", "<img src=x>",
            "<!--", "-->", "</details>", "|", "\\", "*", "_", "$x$", "%0A", "%", " ", "\t", "- ", "1. ", "&lt;", "e", "w",
            "shipway", "{\"a\":1}",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn visible(text: &str) -> String {
    text.chars().filter(|c| *c != '\u{200b}').collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_is_one_line_and_no_command(text in hostile()) {
        let line = line(&text);
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        prop_assert!(!line.contains("##["), "{line:?}");
        prop_assert!(!line.trim_start().starts_with("::"), "{line:?}");
        prop_assert!(!line.chars().any(|c| ('\u{202a}'..='\u{202e}').contains(&c)), "{line:?}");
    }

    #[test]
    fn a_line_is_stable(text in hostile()) {
        let once = line(&text);
        prop_assert_eq!(visible(&line(&once)), visible(&once));
    }

    #[test]
    fn a_command_message_decodes_to_harmless_lines(text in hostile()) {
        let message = command_message(&text);
        prop_assert!(!message.contains(['\n', '\r']), "{message:?}");
        let decoded = message.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
        for part in decoded.split('\n') {
            prop_assert!(!part.contains("##["), "{decoded:?}");
            prop_assert!(!part.trim_start().starts_with("::"), "{decoded:?}");
        }
        prop_assert!(decoded.chars().count() <= 4_096);
    }

    #[test]
    fn a_property_ends_where_it_should(text in hostile()) {
        let property = command_property(&text);
        prop_assert!(!property.contains([':', ',', '\n', '\r']), "{property:?}");
    }

    #[test]
    fn inline_markdown_starts_nothing(text in hostile()) {
        let markdown = markdown_inline(&text);
        let mut before = ' ';
        for c in markdown.chars() {
            let escaped = before == '\\';
            if "`*_[]|~$".contains(c) {
                prop_assert!(escaped, "{c} in {markdown:?}");
            }
            prop_assert!(!"<>\n\r".contains(c), "{c:?} in {markdown:?}");
            if before == '@' || before == '#' {
                prop_assert_eq!(c, '\u{200b}', "{:?}", markdown);
            }
            before = if escaped && c == '\\' { ' ' } else { c };
        }
        prop_assert!(!markdown.contains("://"), "{markdown:?}");
        prop_assert!(!markdown.to_lowercase().contains("www."), "{markdown:?}");
    }

    #[test]
    fn a_fence_is_closed_by_its_own_end_only(text in hostile(), limit in 10usize..200) {
        let fenced = markdown_fence(&Untrusted::new(text), limit);
        let mut lines = fenced.lines();
        let fence = lines.next().unwrap().trim_end_matches("text").to_owned();
        prop_assert!(fence.len() >= 3 && fence.chars().all(|c| c == '~'));
        let inside: Vec<&str> = lines.collect();
        let (last, inside) = inside.split_last().unwrap();
        prop_assert_eq!(*last, &fence);
        for line in inside {
            prop_assert!(!line.contains(&fence), "{fenced:?}");
        }
    }

    #[test]
    fn code_is_closed_by_its_own_end_only(text in hostile()) {
        let code = markdown_code(&text);
        let ticks = code.chars().take_while(|c| *c == '`').count();
        let body = code.trim_matches('`');
        prop_assert!(!body.contains(&"`".repeat(ticks.max(1))), "{code:?}");
        prop_assert!(!code.contains('\n'));
    }

    #[test]
    fn a_link_leads_where_it_says_or_nowhere(url in hostile()) {
        let link = markdown_link("run", &url);
        if link != "run" {
            prop_assert_eq!(link, format!("[run]({url})"));
            prop_assert!(!url.contains([' ', '(', ')', '<', '>', '\n', '|']));
        }
    }
}

#[test]
fn known_tricks() {
    // A command anywhere in the line, and one built by what an escape sequence leaves.
    assert_eq!(line("x ##[add-mask]y"), "x #\u{200b}#[add-mask]y");
    assert_eq!(line("#\u{1b}[0m#[error]"), "#\u{200b}#[error]");
    assert_eq!(
        line("  ::set-output name=x::y"),
        "  :\u{200b}:set-output name=x::y"
    );
    // A real log line: colours go, words stay.
    assert_eq!(
        line("\u{1b}[1;31mERROR\u{1b}[0m npm ERR! 404"),
        "ERROR npm ERR! 404"
    );
    assert_eq!(
        line("\u{1b}]8;;https://evil\u{7}click\u{1b}]8;;\u{7}"),
        "click"
    );
    // A progress bar ends with what it showed last.
    assert_eq!(
        block(&Untrusted::new("10%\r50%\r100%\ndone\r\n")),
        ["100%", "done", ""]
    );
}

#[test]
fn markdown_of_others_is_text() {
    assert_eq!(
        markdown_inline("fix @octocat's bug in #12, see https://x.example <b>now</b>"),
        "fix @\u{200b}octocat's bug in #\u{200b}12, see https:\u{200b}//x.example &lt;b&gt;now&lt;/b&gt;"
    );
    assert_eq!(
        markdown_inline("health-check of 4f2a9c1d"),
        "health-check of 4f2\u{200b}a9c1d"
    );
    assert_eq!(markdown_code("a`b"), "``a`b``");
    assert_eq!(markdown_url("javascript:alert(1)"), "`javascript:alert(1)`");
    let text = Text::new()
        .say("container ")
        .code("web")
        .say(" said ")
        .quote(&"*<!--*".into());
    assert_eq!(markdown(&text), "container `web` said \\*&lt;!--\\*");
    assert_eq!(
        html(&text),
        "container <code>web</code> said &#42;&lt;!--&#42;"
    );
}
