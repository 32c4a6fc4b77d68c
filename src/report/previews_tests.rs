//! How previews read.

use super::*;

fn row(number: u64, state: PreviewState, done: Option<(What, bool)>) -> Row {
    let at = |text: &str| text.parse().ok();
    Row {
        pull_request: number,
        repository: "octo-org/web".to_owned(),
        name: format!("pr-{number}-web-c3be0c48"),
        url: (state != PreviewState::Incomplete)
            .then(|| format!("https://pr-{number}.preview.example.com")),
        commit: Some("4f2a9c1d00000000000000000000000000000000".to_owned()),
        state,
        created: at("2026-11-24T11:00:00Z"),
        expires: at(if number > 9 {
            "2026-11-30T14:00:00Z"
        } else {
            "2026-11-24T13:18:00Z"
        }),
        done: done.map(|(what, failed)| Done {
            what,
            why: "pull request open | [x](y)".to_owned(),
            failed,
        }),
    }
}

fn reading(dry_run: bool) -> Reading {
    Reading {
        now: "2026-11-24T14:00:00Z".parse().unwrap(),
        dry_run,
    }
}

fn lines(rows: &[Row]) -> Vec<String> {
    let table = table(rows, &reading(false));
    table.iter().map(escape::text_line).collect()
}

#[test]
fn a_table_has_columns() {
    let rows = [
        row(7, PreviewState::Asleep, None),
        row(123, PreviewState::Incomplete, None),
    ];
    assert_eq!(
        lines(&rows),
        [
            "NUMBER  URL                               COMMIT   STATE       AGE  EXPIRES",
            "7       https://pr-7.preview.example.com  4f2a9c1  asleep      3 h  42 min ago",
            "123     -                                 4f2a9c1  incomplete  3 h  in 6 d",
        ]
    );
    assert_eq!(lines(&[]), Vec::<String>::new());
}

#[test]
fn what_was_done_is_counted_and_said() {
    let rows = [
        row(7, PreviewState::Ready, Some((What::Kept, false))),
        row(8, PreviewState::Removed, Some((What::Removed, false))),
        row(9, PreviewState::Incomplete, Some((What::Removed, true))),
        row(10, PreviewState::Removed, Some((What::Removed, false))),
    ];
    assert_eq!(
        counts(&rows, &reading(false)),
        "2 removed, 1 not removed, 1 kept"
    );
    assert_eq!(
        counts(&rows[..2], &reading(true)),
        "1 would be removed, 1 kept"
    );
    let document = document(&rows, &reading(false));
    assert_eq!(document[1]["done"], "removed");
    assert_eq!(document[1]["age-seconds"], 10_800);
    let summary = summary("🧹", &"4 previews".into(), &rows, &reading(false));
    // A cell stays a cell.
    assert!(
        summary
            .lines()
            .skip(2)
            .all(|l| l.replace("\\|", "").matches('|').count() == 9),
        "{summary}"
    );
    assert!(!summary.contains("[x](y)"), "{summary}");
}
