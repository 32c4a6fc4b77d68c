//! Each way in which two commits and two runs can stand to one another.

use super::*;

const OLD: &str = "1111111000000000000000000000000000000000";
const NEW: &str = "2222222000000000000000000000000000000000";

fn stamp(commit: Option<&str>, run: Option<u64>) -> Stamp {
    Stamp {
        commit: commit.map(str::to_owned),
        run,
        repository: Some("octo-org/web".to_owned()),
    }
}

fn judged(live: &Stamp, ours: &Stamp, ancestry: Ancestry) -> Result<Option<String>, String> {
    let pair = Pair {
        live,
        revision: "web:7",
        ours,
    };
    pair.judge(&ancestry).map_err(|e| e.to_string())
}

#[test]
fn ancestry_decides_whatever_the_runs_are() {
    let (newer_run, older_run) = (Some(9), Some(3));
    for run in [newer_run, older_run, None] {
        let (live, ours) = (stamp(Some(NEW), Some(5)), stamp(Some(OLD), run));
        assert_eq!(judged(&live, &ours, Ancestry::Ahead), Ok(None));
        assert_eq!(judged(&live, &ours, Ancestry::Identical), Ok(None));
        assert!(judged(&live, &ours, Ancestry::Behind).is_err());
    }
}

#[test]
fn without_ancestry_the_runs_decide() {
    for ancestry in [Ancestry::Diverged, Ancestry::Unknown("no token".to_owned())] {
        let judge = |ours, live| {
            judged(
                &stamp(Some(NEW), live),
                &stamp(Some(OLD), ours),
                ancestry.clone(),
            )
        };
        assert!(judge(Some(3), Some(5)).is_err());
        // A re-run has the id of the run that it repeats.
        for (ours, live) in [
            (Some(5), Some(5)),
            (Some(9), Some(5)),
            (None, Some(5)),
            (Some(3), None),
        ] {
            assert!(
                matches!(judge(ours, live), Ok(Some(_))),
                "{ours:?} {live:?}"
            );
        }
    }
}

#[test]
fn what_has_no_order_is_not_asked_about() {
    let question = |live: &Stamp, ours: &Stamp| {
        let pair = Pair {
            live,
            revision: "web:7",
            ours,
        };
        format!("{:?}", pair.question())
    };
    let ours = stamp(Some(OLD), Some(3));
    let other = Stamp {
        repository: Some("octo-org/api".to_owned()),
        ..stamp(Some(NEW), Some(5))
    };
    assert_eq!(question(&other, &ours), "None");
    assert_eq!(question(&Stamp::default(), &ours), "None");
    assert_eq!(question(&ours, &Stamp::default()), "None");
    assert_eq!(question(&stamp(Some(OLD), Some(5)), &ours), "None");
    assert_eq!(question(&stamp(None, Some(5)), &ours), "Runs");
    assert!(question(&stamp(Some(NEW), Some(5)), &ours).starts_with("Ancestry"));
    let renamed_in_case = Stamp {
        repository: Some("Octo-Org/Web".to_owned()),
        ..stamp(Some(NEW), Some(5))
    };
    assert!(question(&renamed_in_case, &ours).starts_with("Ancestry"));
}

#[test]
fn the_refusal_names_both() {
    let (live, ours) = (stamp(Some(NEW), Some(5)), stamp(Some(OLD), Some(3)));
    assert_eq!(
        judged(&live, &ours, Ancestry::Behind).unwrap_err(),
        "`1111111` is older than what runs: `2222222` of web:7 was built on it; this is run 3, run 5 deployed what runs"
    );
    assert_eq!(
        judged(&live, &ours, Ancestry::Diverged).unwrap_err(),
        "`1111111` is of an older run (3) than what runs: run 5 deployed `2222222` as web:7 (neither was built on the other)"
    );
}
