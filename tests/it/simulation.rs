//! Whole deployments by chance: the same `deploy` as ever against worlds, troubles and other people that a seed draws, judged by
//! what was really so. `SHIPWAY_SEEDS=N` plays more of them, `SHIPWAY_SEED=n` one, with its world and its whole transcript.

mod draw;
mod holds;
mod seeds;
mod stage;
mod truth;

use std::time::Duration;

use seeds::{Played, number_in, play_all, show};

/// Two share a world.
const SEEDS: u64 = 2_000;
/// From the end of the window to our exit: what the wait itself costs.
const MEAN: Duration = Duration::from_secs(3);
const MOST_IN_95: Duration = Duration::from_secs(6);

#[test]
fn simulation_of_whole_deployments() {
    if let Some(seed) = number_in("SHIPWAY_SEED") {
        return println!("{}", show(seed));
    }
    let all = play_all(0..number_in("SHIPWAY_SEEDS").unwrap_or(SEEDS));
    let wrong: Vec<String> = all.iter().filter_map(Played::wrong).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} seeds; SHIPWAY_SEED=n shows one:\n{}",
        wrong.len(),
        all.len(),
        wrong.join("\n")
    );
    notices_soon(&all);
    keeps_its_pace(&all);
    trouble_makes_no_success(&all);
    meets_every_end(&all);
}

/// Virtual time is exact, so this is no matter of the machine.
fn notices_soon(all: &[Played]) {
    let of = |late: fn(&holds::Measured) -> Option<Duration>| -> Vec<Duration> {
        all.iter().filter_map(|p| late(&p.measured)).collect()
    };
    // Of a failure the container's last lines are looked for, for up to ten seconds.
    let with_logs = (Duration::from_secs(5), Duration::from_secs(12));
    for (what, late, (most, most_in_95)) in [
        ("a good end", of(|m| m.served_late), (MEAN, MOST_IN_95)),
        ("a failure", of(|m| m.failed_late), with_logs),
        (
            "what is hopeless",
            of(|m| m.hopeless_late),
            (MEAN, MOST_IN_95),
        ),
    ] {
        let (mean, in_95) = seeds::mean_and_95(late);
        assert!(
            mean <= most && in_95 <= most_in_95,
            "{what} is noticed after {mean:?}, in 95 of 100 within {in_95:?}"
        );
    }
}

/// AWS rations its calls.
fn keeps_its_pace(all: &[Played]) {
    let quiet = || all.iter().filter(|p| !p.troubled).map(|p| &p.measured);
    let calls: usize = quiet().map(|m| m.calls).sum();
    let watched: Duration = quiet().map(|m| m.watched).sum();
    let pace = calls as f64 / watched.as_secs_f64();
    assert!(pace <= holds::PACE, "{pace:.2} calls a second");
}

/// Two seeds share a world. What fails where nothing is in the way succeeds in trouble only if the world serves: nobody's
/// success is believed here, each was held against the world. So it is a matter of the world when the two differ.
fn trouble_makes_no_success(all: &[Played]) {
    let well = |p: &Played| {
        matches!(
            p.measured.word.as_str(),
            "serving" | "deployed" | "unchanged"
        )
    };
    for pair in all.chunks_exact(2) {
        let [quiet, troubled] = pair else { continue };
        assert_eq!(quiet.seed + 1, troubled.seed);
        if well(troubled) && !well(quiet) {
            assert!(troubled.measured.served, "seed {}", troubled.seed);
        }
    }
}

/// Seeds that all end alike would prove little.
fn meets_every_end(all: &[Played]) {
    for word in [
        "serving",
        "deployed",
        "unchanged",
        "superseded",
        "rolled-back",
        "failed",
        "timed-out",
        "paused",
        "started",
    ] {
        let number = all.iter().filter(|p| p.measured.word == word).count();
        assert!(
            number * 1_000 >= all.len(),
            "{number} of {} are {word}",
            all.len()
        );
    }
}
