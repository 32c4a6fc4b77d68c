//! Comments and summaries with everything in them there is to tell, and what is left when it is too much.

use std::time::Duration;

use super::tests::{MARKER, base, ended};
use super::*;
use crate::model::Untrusted;
use crate::model::past::PastDeployment;
use crate::model::verdict::Status;
use crate::report::event::{Phase, Stretch, Text};
use crate::rollout::{Advice, TargetNote, TaskTimes, Timings};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn stretch(phase: Phase, began: u64, took: u64, note: &str) -> Stretch {
    Stretch {
        phase,
        began: seconds(began),
        took: seconds(took),
        note: note.into(),
        ended: true,
    }
}

fn past(status: Status, took: u64, cause: Option<&str>) -> PastDeployment {
    PastDeployment {
        run: 7,
        attempt: 1,
        status,
        cause: cause.map(Untrusted::from),
        commit: Some("77b01de000".to_owned()),
        ended_at: 1_795_528_920,
        took_ms: took * 1000,
        phases: Vec::new(),
    }
}

/// A run with everything there is to tell.
fn rich() -> Announcement {
    let task = |n: u64| TaskTimes {
        task: format!("33c0a0f227efccb59bbf25c76179935{n}"),
        created: Some(seconds(2)),
        pull_started: Some(seconds(5)),
        pulled: Some(seconds(23)),
        running: Some(seconds(24 + n)),
        healthy: Some(seconds(59)),
    };
    Announcement {
        url: Some("https://www.example.com".to_owned()),
        healthy: Some((2, 2)),
        took: Some(seconds(112)),
        stretches: vec![
            stretch(Phase::Build, 0, 41, "7 of 11 steps cached"),
            stretch(Phase::Push, 41, 12, "3 MB sent"),
            stretch(Phase::Rollout, 54, 119, "serving"),
        ],
        timings: Some(Timings {
            running: Some(seconds(25)),
            healthy: Some(seconds(59)),
            ended: seconds(119),
            longest_pull: Some(seconds(18)),
            window: Some(seconds(60)),
            tasks: vec![task(0), task(1)],
            ..Timings::default()
        }),
        targets: vec![
            TargetNote {
                target_group: "web".to_owned(),
                target: "10.0.0.9".to_owned(),
                port: Some(80),
                state: "draining".to_owned(),
                reason: Some("Target.DeregistrationInProgress".to_owned()),
                description: Some("Target deregistration is in progress".into()),
            },
            TargetNote {
                target_group: "web".to_owned(),
                target: "10.0.0.7".to_owned(),
                port: Some(80),
                state: "healthy".to_owned(),
                reason: None,
                description: None,
            },
        ],
        advice: vec![Advice::HealthCheckInterval {
            target_group: "web".to_owned(),
            interval_seconds: 30,
            unhealthy_threshold: 2,
            spent: seconds(90),
            better_seconds: 5,
            saves: seconds(70),
        }],
        history: vec![
            past(Status::Serving, 121, None),
            past(Status::Failed, 48, Some("exit 137 | out of memory")),
        ],
        ..base(ended(Status::Serving, None, None))
    }
}

#[test]
fn a_summary_says_where_the_time_went_and_draws_it() {
    assert_eq!(
        summary(&rich()),
        "# ✅ web is serving: <https://www.example.com>
commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `web:42` (was `web:41`) · 2 of 2 targets healthy · 1 min 52 s, 9 s faster than the last one · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

| Phase | Took | |
|:--|--:|:--|
| build | 41 s | 7 of 11 steps cached |
| push | 12 s | 3 MB sent |
| rollout | 1 min 59 s |  |
| – pull | 18 s | the longest of 2 tasks |
| – start → healthy | 34 s | a health check every 30 s |
| – stays healthy | 1 min | 2 checks every 30 s: so long a failure takes to show |

```mermaid
gantt
    accTitle: Where the time went
    accDescr: build 41 s, push 12 s, rollout to healthy 59 s, stays healthy 1 min, pull 18 s, start to healthy 35 s, pull 18 s, start to healthy 34 s
    dateFormat YYYY-MM-DD HH:mm:ss
    axisFormat %M:%S
    todayMarker off
    section Build
    build 41 s :done, 2000-01-01 00:00:00, 41s
    section Push
    push 12 s :done, 2000-01-01 00:00:41, 12s
    section Rollout
    rollout to healthy 59 s :done, 2000-01-01 00:00:54, 59s
    stays healthy 1 min :done, 2000-01-01 00:01:53, 60s
    section Task 1
    pull 18 s :done, 2000-01-01 00:00:59, 18s
    start to healthy 35 s :active, 2000-01-01 00:01:18, 35s
    section Task 2
    pull 18 s :done, 2000-01-01 00:00:59, 18s
    start to healthy 34 s :active, 2000-01-01 00:01:19, 34s
```

> [!TIP]
> 1 min 30 s went into the health check of `web`, which looks every 30 s and takes 2 failures for one: an interval of 5 s would save 1 min 10 s of every deploy (`HealthCheckIntervalSeconds`; the check's time-out has to be shorter)

<details><summary>Targets: 1 of 2 healthy</summary>

| Target | State | Why |
|:--|:--|:--|
| `10.0.0.9:80` | draining | `Target.DeregistrationInProgress` Target deregistration is in progress |
| `10.0.0.7:80` | healthy |  |

</details>

<details><summary>Tasks</summary>

| Task | Created after | Pull | Start → healthy |
|:--|--:|--:|--:|
| `33c0a0f227efccb59bbf25c761799350` | 2 s | 18 s | 35 s |
| `33c0a0f227efccb59bbf25c761799351` | 2 s | 18 s | 34 s |

</details>

<details><summary>Last 2 deployments before this one</summary>

| Result | Commit | When (UTC) | Took |
|:--|:--|:--|--:|
| ✅ serving | `77b01de` | 24 Nov 14:02 | 2 min 1 s |
| ❌ failed: exit 137 \\| out of memory | `77b01de` | 24 Nov 14:02 | 48 s |

</details>
"
    );
    let comment = comment(MARKER, &rich());
    assert!(!comment.contains("mermaid"), "{comment}");
    assert!(
        comment.contains("| Build · push · pull · start → healthy · stays healthy | 41 s · 12 s · 18 s · 34 s · 1 min |"),
        "{comment}"
    );
}

#[test]
fn a_chart_has_forty_bars_at_most() {
    let mut about = rich();
    let timings = about.timings.as_mut().unwrap();
    let task = timings.tasks[0].clone();
    timings.tasks = vec![task; 300];
    let bars = |about: &Announcement| summary(about).matches(", 2000-01-01").count();
    assert!((38..=40).contains(&bars(&about)), "{}", bars(&about));
    assert!(summary(&about).contains("and 280 more"));
    // One bar is no comparison.
    about.stretches = vec![stretch(Phase::Build, 0, 41, "")];
    about.timings = None;
    assert_eq!(bars(&about), 0);
}

#[test]
fn this_time_is_compared_with_those_that_went_well() {
    let told = |took: u64, history: Vec<PastDeployment>| {
        let about = Announcement {
            took: Some(seconds(took)),
            history,
            ..base(ended(Status::Serving, None, None))
        };
        let line = comment(MARKER, &about).lines().nth(2).unwrap().to_owned();
        line.split(" · ").nth(2).unwrap().to_owned()
    };
    let good = |took| past(Status::Serving, took, None);
    assert_eq!(told(60, vec![]), "1 min");
    assert_eq!(told(60, vec![past(Status::Failed, 5, None)]), "1 min");
    assert_eq!(told(60, vec![good(60)]), "1 min, as fast as the last one");
    assert_eq!(
        told(60, (0..7).map(|n| good(66 + n)).collect()),
        "1 min, 8 s faster than the last five"
    );
    assert_eq!(
        told(70, vec![good(61), good(59)]),
        "1 min 10 s, 10 s slower than the last two"
    );
    // Whoever edits the comment may write any number.
    assert_eq!(
        told(60, vec![past(Status::Serving, u64::MAX / 1000, None); 5])
            .split(',')
            .count(),
        2
    );
}

#[test]
fn a_fix_of_several_lines_keeps_them() {
    let help = "one of these:\n- the role does not exist\n- `sub` does not match\nthe token claims:\n  sub: repo:octo-org/web:pull_request\n  aud: ~~~\nthen run again";
    let about = base(ended(
        Status::NotStarted,
        Some(Text::with_code(
            "AWS STS refused arn:aws:iam::111122223333:role/x".to_owned(),
        )),
        Some(Failure {
            code: Some("shipway::credentials::role_refused".to_owned()),
            fixes: vec![Text::with_code(help.to_owned())],
            ..Failure::default()
        }),
    ));
    let body = comment(MARKER, &about);
    let expected = "### ❌ web not deployed: AWS STS refused `arn:aws:iam::111122223333:role/x`
**The service was not changed** · commit [`4f2a9c1`](https://github.com/octo-org/web/commit/4f2a9c1d) · revision `web:42` (was `web:41`) · [run](https://github.com/octo-org/web/actions/runs/7/attempts/1)

1. **Fix** one of these:
2. **Code** `shipway::credentials::role_refused`

- the role does not exist
- `sub` does not match

the token claims:

~~~~text
sub: repo:octo-org/web:pull_request
aud: ~~~
~~~~

then run again
";
    assert_eq!(body.split_once('\n').unwrap().1, expected);
}

#[test]
fn a_summary_that_is_too_long_says_where_the_rest_is() {
    let mut about = rich();
    about.notes = vec![Text::new().quote(&Untrusted::new("*".repeat(2_000))); 2_000];
    let summary = summary(&about);
    assert!(summary.len() < 1024 * 1024, "{}", summary.len());
    assert!(
        summary.ends_with("has the rest\n") && summary.contains("[the run](https://github.com/"),
        "{}",
        &summary[summary.len() - 200..]
    );
}
