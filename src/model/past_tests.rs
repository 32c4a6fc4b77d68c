//! What is remembered, and what is no memory.

use super::*;

fn entry(run: u64, attempt: u64) -> PastDeployment {
    PastDeployment {
        run,
        attempt,
        status: Status::Serving,
        cause: None,
        commit: Some("4f2a9c1d".to_owned()),
        ended_at: 1_795_528_880,
        took_ms: 44_700,
        phases: vec![("rollout".to_owned(), 44_000)],
    }
}

#[test]
fn the_newest_stands_in_front_and_five_are_kept() {
    let earlier: Vec<_> = (1..=5).rev().map(|run| entry(run, 1)).collect();
    let runs = |past: Vec<PastDeployment>| past.iter().map(|p| p.run).collect::<Vec<_>>();
    assert_eq!(runs(with(entry(6, 1), &earlier)), [6, 5, 4, 3, 2]);
    assert_eq!(runs(with(entry(3, 1), &earlier)), [3, 5, 4, 2, 1]);
    assert_eq!(runs(with(entry(3, 2), &earlier)), [3, 5, 4, 3, 2]);
}

#[test]
fn what_no_run_could_have_written_is_no_memory() {
    let wrong: [fn(&mut PastDeployment); 9] = [
        |p| p.commit = Some("short".to_owned()),
        |p| p.commit = Some("<img src=x>".to_owned()),
        |p| p.commit = Some("a".repeat(65)),
        |p| p.cause = Some("x".repeat(LONGEST_CAUSE + 1).into()),
        |p| p.cause = Some("one\ntwo".into()),
        |p| p.ended_at = -1,
        |p| p.took_ms = u64::MAX,
        |p| p.phases = vec![("](http://evil)".to_owned(), 1)],
        |p| p.phases = vec![("build".to_owned(), 1); 13],
    ];
    assert!(sound(vec![entry(1, 1)]).is_some());
    for (n, spoil) in wrong.iter().enumerate() {
        let mut one = entry(1, 1);
        spoil(&mut one);
        assert_eq!(sound(vec![entry(2, 1), one]), None, "{n}");
    }
    assert_eq!(sound(vec![entry(1, 1); REMEMBERED + 1]), None);
}
