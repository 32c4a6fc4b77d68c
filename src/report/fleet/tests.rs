//! What a person reads of many services: the table, the summary, the last line; and that no service is lost between them.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::Untrusted;
use crate::report::escape;
use crate::report::markdown::fleet_summary;

fn row(service: &str, done: Done, was: u32, now: u32) -> Row {
    Row {
        region: "eu-west-1".to_owned(),
        cluster: "staging".to_owned(),
        service: service.to_owned(),
        done,
        was: Some(was),
        now: Some(now),
        why: None,
        alike: String::new(),
        evidence: Vec::new(),
        code: None,
        fix: None,
        notes: Vec::new(),
        slept_for: None,
        size: Some(Size {
            cpu_units: 512,
            memory_mib: 1024,
        }),
    }
}

fn fleet(goal: Goal, rows: Vec<Row>) -> Fleet {
    Fleet {
        goal,
        dry_run: false,
        cancelled: false,
        rows,
        regions: Vec::new(),
        took: Duration::from_secs(41),
        run_url: Some("https://github.com/octo-org/web/actions/runs/1".to_owned()),
    }
}

/// One of each.
fn night() -> Fleet {
    let denied = Row {
        why: Some("the role may not ecs:UpdateService".into()),
        code: Some("shipway::permission::denied".to_owned()),
        fix: Some("add it to the role's policy".into()),
        ..row("billing", Done::Failed, 2, 2)
    };
    let kept = Row {
        why: Some(Text::new().say("tagged ").code("shipway:keep-awake")),
        ..row("status-page", Done::Skipped, 1, 1)
    };
    let scaled = Row {
        notes: vec!["autoscaling 2–10 suspended".into()],
        ..row("shop", Done::Changed, 4, 0)
    };
    let rows = vec![
        row("api", Done::Changed, 2, 0),
        kept,
        scaled,
        row("worker", Done::Changed, 2, 0),
        denied,
        row("cron", Done::Unchanged, 0, 0),
    ];
    fleet(Goal::Count(0), rows)
}

/// Shown as it is, so that it can be read where it fails.
fn reads(is: &str, must: &str) {
    assert!(is == must, "it reads:\n{is}\nand must:\n{must}");
}

fn plain(lines: &[Text]) -> String {
    let lines: Vec<String> = lines.iter().map(escape::text_line).collect();
    lines.join("\n")
}

#[test]
fn a_night_as_a_table() {
    reads(
        &plain(&lines(&night())),
        r##"            CLUSTER  TASKS  SERVICES
failed      staging  2      billing: the role may not ecs:UpdateService
  help: add it to the role's policy
left alone  staging  1      status-page: tagged `shipway:keep-awake`
asleep      staging  2 → 0  api, worker
asleep      staging  4 → 0  shop · autoscaling 2–10 suspended
as it is    staging  0      cron"##,
    );
    reads(
        &plain(&headline(&night()).lines()),
        r##"1 of 6 services failed, 3 are asleep, 1 was asleep already, 1 left alone
billing: the role may not ecs:UpdateService
help: add it to the role's policy"##,
    );
}

#[test]
fn a_night_as_a_summary() {
    reads(
        &fleet_summary(&night()),
        r##"# ❌ 1 of 6 services failed, 3 are asleep, 1 was asleep already, 1 left alone
frees 4 vCPU and 8 GB · 41 s · [run](https://github.com/octo-org/web/actions/runs/1)

### Failed: 1 service

- `billing` in `staging`: the role may not `ecs:UpdateService`
  <br>**Fix** add it to the role's policy

### Left alone: 1 service

| Services | Cluster | Tasks |  |
| :-- | :-- | :-- | :-- |
| `status-page` | `staging` | 1 | tagged `shipway:keep-awake` |

### Asleep: 3 services

| Services | How many | Cluster | Tasks |  |
| :-- | --: | :-- | :-- | :-- |
| `api`, `worker` | 2 | `staging` | 2 → 0 |  |
| `shop` | 1 | `staging` | 4 → 0 | autoscaling 2–10 suspended |

### Nothing to do: 1 service

| Services | Cluster | Tasks |
| :-- | :-- | :-- |
| `cron` | `staging` | 0 |
"##,
    );
}

#[test]
fn a_morning_says_how_long_they_slept_and_what_that_saved() {
    let woke = |name: &str, count: u32, hours: f64| Row {
        slept_for: Some(Duration::from_secs_f64(hours * 3600.0)),
        ..row(name, Done::Changed, 0, count)
    };
    let morning = fleet(
        Goal::Restore,
        vec![
            woke("api", 2, 10.3),
            woke("worker", 2, 10.31),
            woke("shop", 4, 9.0),
        ],
    );
    reads(
        &plain(&lines(&morning)),
        r##"      CLUSTER  TASKS  SERVICES
back  staging  0 → 2  api, worker · slept 10 h 18 min to 10 h 19 min
back  staging  0 → 4  shop · slept 9 h"##,
    );
    reads(
        &fleet_summary(&morning),
        r##"# ✅ 3 services are back
saved 38.6 vCPU-hours and 77.2 GB-hours · 41 s · [run](https://github.com/octo-org/web/actions/runs/1)

### Back: 3 services

| Services | How many | Cluster | Tasks |  |
| :-- | --: | :-- | :-- | :-- |
| `api`, `worker` | 2 | `staging` | 0 → 2 | slept 10 h 18 min to 10 h 19 min |
| `shop` | 1 | `staging` | 0 → 4 | slept 9 h |
"##,
    );
}

#[test]
fn a_dry_run_speaks_of_what_would_be() {
    let mut plan = night();
    plan.dry_run = true;
    plan.rows.retain(|r| r.done != Done::Failed);
    reads(
        &plain(&lines(&plan)),
        r##"            CLUSTER  TASKS  SERVICES
left alone  staging  1      status-page: tagged `shipway:keep-awake`
to sleep    staging  2 → 0  api, worker
to sleep    staging  4 → 0  shop · autoscaling 2–10 suspended
as it is    staging  0      cron"##,
    );
    reads(
        &fleet_summary(&plan),
        r##"# 📋 3 services would be put to sleep, 1 was asleep already, 1 would be left alone
would free 4 vCPU and 8 GB · 41 s · [run](https://github.com/octo-org/web/actions/runs/1)

### Would be left alone: 1 service

| Services | Cluster | Tasks |  |
| :-- | :-- | :-- | :-- |
| `status-page` | `staging` | 1 | tagged `shipway:keep-awake` |

### Would be put to sleep: 3 services

| Services | How many | Cluster | Tasks |  |
| :-- | --: | :-- | :-- | :-- |
| `api`, `worker` | 2 | `staging` | 2 → 0 |  |
| `shop` | 1 | `staging` | 4 → 0 | autoscaling 2–10 suspended |

### Nothing to do: 1 service

| Services | Cluster | Tasks |
| :-- | :-- | :-- |
| `cron` | `staging` | 0 |
"##,
    );
}

#[test]
fn nothing_to_do_is_no_empty_page() {
    let asleep = fleet(Goal::Count(0), vec![row("api", Done::Unchanged, 0, 0)]);
    assert_eq!(
        plain(&headline(&asleep).lines()),
        "1 service was asleep already"
    );
    let broken_off = Fleet {
        cancelled: true,
        rows: vec![
            row("api", Done::Changed, 2, 0),
            row("web", Done::NotReached, 2, 2),
        ],
        ..asleep
    };
    assert_eq!(
        plain(&headline(&broken_off).lines()),
        "cancelled: 1 service is asleep, 1 not begun"
    );
}

#[test]
fn a_thousand_services_are_a_page() {
    let many = |distinct: bool| {
        let rows = (0..1000).map(|n| {
            let why = match distinct {
                true => format!("reason {n}: {}", "x".repeat(2000)),
                false => "AWS does not answer".to_owned(),
            };
            Row {
                cluster: format!("cluster-{}", n % 20),
                why: (n % 4 == 0).then(|| Text::new().quote(&Untrusted::new(why))),
                ..row(
                    &format!("service-{n:0>200}"),
                    if n % 4 == 0 {
                        Done::Failed
                    } else {
                        Done::Changed
                    },
                    n % 3,
                    0,
                )
            }
        });
        fleet(Goal::Count(0), rows.collect())
    };
    for distinct in [true, false] {
        let many = many(distinct);
        let page = fleet_summary(&many);
        assert!(page.len() < 1024 * 1024, "{}", page.len());
        assert!(
            page.contains("### Failed: 250 services"),
            "failures are first"
        );
        assert!(page.contains("### Asleep: 750 services"));
        assert!(lines(&many).len() <= 62);
    }
    // Equal ones are one row.
    assert!(fleet_summary(&many(false)).lines().count() < 100);
}

#[test]
fn words_of_others_are_no_markup() {
    let mut night = night();
    night.rows[4].why = Some(Text::new().quote(&Untrusted::new("| <b> ::error::x\n# [a](b)")));
    let page = fleet_summary(&night);
    assert!(
        !page.contains("<b>") && !page.contains("[a](b)") && !page.contains("\n# ["),
        "{page}"
    );
    assert!(!plain(&lines(&night)).contains("\n::"));
}

#[test]
fn other_programs_get_every_row() {
    let services = serde_json::to_value(services(&night())).unwrap();
    let of = |n: usize, key: &str| services[n][key].to_string();
    assert_eq!(services.as_array().unwrap().len(), 6);
    assert_eq!(
        (of(0, "state"), of(0, "was"), of(0, "now")),
        (r#""asleep""#.into(), "2".into(), "0".into())
    );
    assert_eq!(of(1, "reason"), r#""tagged shipway:keep-awake""#);
    assert_eq!(of(4, "code"), r#""shipway::permission::denied""#);
}

proptest! {
    /// Whatever the mixture, each service is in one group, and what is shown and what is only counted are all.
    #[test]
    fn no_service_is_lost(rows in prop::collection::vec((0..5u8, 0..3u32, 0..4usize, 0..3u8), 0..300)) {
        let kinds = [Done::Failed, Done::NotReached, Done::Skipped, Done::Changed, Done::Unchanged];
        let rows: Vec<Row> = rows.iter().enumerate().map(|(n, (kind, was, cluster, why))| Row {
            cluster: format!("c{cluster}"),
            why: (*why > 0).then(|| format!("reason {why}").into()),
            ..row(&format!("s{n}"), kinds[usize::from(*kind)], *was, 0)
        }).collect();
        let fleet = fleet(Goal::Count(0), rows);
        let groups = groups(&fleet);
        let mut named: Vec<String> = groups.iter().flat_map(|g| &g.names).map(|name| {
            name.rsplit('/').next().unwrap().to_owned()
        }).collect();
        named.sort();
        let mut all: Vec<String> = fleet.rows.iter().map(|r| r.service.clone()).collect();
        all.sort();
        prop_assert_eq!(named, all);
        for group in &groups {
            for room in [0, 20, 400] {
                let (shown, more) = group.some_names(room);
                prop_assert_eq!(shown.len() + more, group.names.len());
                prop_assert!(!shown.is_empty() && more != 1);
            }
        }
        prop_assert!(groups.is_sorted_by_key(|g| g.done));
    }
}
