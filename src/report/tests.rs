//! What each reader gets: a log, the runner, other programs.

use std::time::Duration;

use secrecy::SecretString;

use super::*;
use crate::inputs::InputError;
use crate::inputs::env::testing;
use crate::model::Untrusted;

/// Runs a story in paused time; answers stderr and stdout.
fn told(
    vars: &[(&str, &str)],
    format: OutputFormat,
    story: impl AsyncFnOnce(&Report),
) -> (String, String) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let heard = runtime.block_on(async {
        let (env, stdout, stderr) = testing::env(vars, dir.path());
        let report = Report::new(&env, format);
        story(&report).await;
        (stderr, stdout)
    });
    (heard.0.text(), heard.1.text())
}

async fn story(report: &Report) {
    report.mask(&SecretString::from("hunter2-token"));
    report.started(Phase::Build);
    report.say(Event::Quoted {
        title: "step 2/3".into(),
        text: Untrusted::new("::error::fake\n##[endgroup]\n"),
    });
    tokio::time::sleep(Duration::from_secs(41)).await;
    report.finished(Phase::Build, "7 of 11 steps cached");
    report.warn(
        "shipway::test::warning",
        Text::new().say("branch ").quote(&"##[x]\n::y".into()),
        "do something",
    );
    report.started(Phase::Rollout);
    report.say(Event::Progress("1 of 2".into()));
    report.line("2 of 2 targets healthy");
    tokio::time::sleep(Duration::from_millis(112_400)).await;
    report.finished(Phase::Rollout, "");
}

#[test]
fn a_log_of_many_says_each_tenth_and_one_of_few_none() {
    async fn story(report: &Report) {
        for total in [1000, 20] {
            for done in 1..=total {
                report.say(fleet::progress(done, done / 300, total));
            }
        }
    }
    let (stderr, _) = told(&[], OutputFormat::Text, story);
    assert_eq!(stderr.lines().count(), 9, "{stderr}");
    assert!(
        stderr.starts_with("  100 of 1,000 services done\n"),
        "{stderr}"
    );
    assert!(
        stderr.ends_with("  900 of 1,000 services done, 3 failed\n"),
        "{stderr}"
    );
}

#[test]
fn a_log_reads_top_to_bottom() {
    let (stderr, stdout) = told(&[], OutputFormat::Text, story);
    assert_eq!(
        stderr,
        "Building the image
  step 2/3
  | :\u{200b}:error::fake
  | #\u{200b}#[endgroup]
  | 
  build: 7 of 11 steps cached · 41 s
warning: branch #\u{200b}#[x] ::y (shipway::test::warning)
  help: do something
Rolling out
  2 of 2 targets healthy
  rollout: 1 min 52 s
"
    );
    assert_eq!(stdout, "");
}

#[test]
fn the_runner_gets_commands_and_masks() {
    let (stderr, _) = told(&[("GITHUB_ACTIONS", "true")], OutputFormat::Text, story);
    let token = stderr
        .lines()
        .find_map(|l| l.strip_prefix("::stop-commands::"))
        .unwrap()
        .to_owned();
    assert!(token.len() > 30, "{token}");
    assert_eq!(
        stderr.replace(&token, "TOKEN"),
        "::add-mask::hunter2-token
::group::Building the image
::endgroup::
  step 2/3
::stop-commands::TOKEN
  | :\u{200b}:error::fake
  | #\u{200b}#[endgroup]
  | 
::TOKEN::
  build: 7 of 11 steps cached · 41 s
::warning title=shipway%3A%3Atest%3A%3Awarning::branch #\u{200b}#[x] ::y%0Ahelp: do something
Rolling out
  2 of 2 targets healthy
  rollout: 1 min 52 s
"
    );
}

#[test]
fn no_stop_token_is_used_twice() {
    assert_ne!(actions::token(), actions::token());
}

#[test]
fn an_error_says_what_why_and_what_next() {
    let fail = async |report: &Report| {
        report.error(
            &InputError::FileUnreadable {
                file: "other.yml".to_owned(),
                reason: "gone".to_owned(),
            }
            .into(),
        );
    };
    let (log, _) = told(&[], OutputFormat::Text, fail);
    assert_eq!(
        log,
        "error: cannot read other.yml: gone
  help: `--config` names a file from the working directory; without it `shipway.yml` is read where it exists
  code: shipway::config::unreadable
"
    );
    let (runner, _) = told(&[("GITHUB_ACTIONS", "true")], OutputFormat::Text, fail);
    assert_eq!(
        runner,
        "::error title=shipway%3A%3Aconfig%3A%3Aunreadable::cannot read other.yml: gone%0Ahelp: `--config` names a file from the working directory; without it `shipway.yml` is read where it exists\n"
    );
}

#[test]
fn a_failed_verdict_is_one_annotation_and_an_error_is_not_told_twice() {
    let bad = Ending {
        headline: "web rolled back".into(),
        exit_code: 1,
        summary: None,
    };
    let runner = [("GITHUB_ACTIONS", "true")];
    let (verdict, _) = told(&runner, OutputFormat::Text, async |report: &Report| {
        report.finish(&outputs(), &bad)
    });
    assert_eq!(verdict, "::error::web rolled back\n");
    let (after_error, _) = told(&runner, OutputFormat::Text, async |report: &Report| {
        report.error(&InputError::NoImage.into());
        report.finish(&outputs(), &bad);
    });
    assert_eq!(after_error.matches("::error").count(), 1, "{after_error}");
    assert!(
        after_error.ends_with("\nweb rolled back\n"),
        "{after_error}"
    );
}

fn outputs() -> Outputs {
    Outputs {
        deployment_status: "serving".to_owned(),
        url: Some("http://alb.example/##[x]".to_owned()),
        changed: true,
        ..Outputs::default()
    }
}

fn ending() -> Ending {
    Ending {
        headline: "web is serving".into(),
        exit_code: 0,
        summary: Some("# web is serving".to_owned()),
    }
}

#[test]
fn stdout_holds_only_what_programs_read() {
    let finish = async |report: &Report| report.finish(&outputs(), &ending());
    let (log, text) = told(&[], OutputFormat::Text, finish);
    assert_eq!(text, "http://alb.example/#\u{200b}#[x]\n");
    assert_eq!(log, "web is serving\n");
    let (_, json) = told(&[], OutputFormat::Json, finish);
    assert!(
        json.contains("\"url\":\"http://alb.example/\\u0023#[x]\""),
        "{json}"
    );
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["url"], "http://alb.example/##[x]");
    assert_eq!(read["deployment-status"], "serving");
    assert_eq!(read["changed"], true);
}

#[test]
fn outputs_and_summary_go_to_the_runners_files() {
    let dir = tempfile::tempdir().unwrap();
    let (out, summary) = (dir.path().join("out"), dir.path().join("summary"));
    std::fs::write(&out, "before=1\n").unwrap();
    let vars = [
        ("GITHUB_OUTPUT", out.to_str().unwrap()),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
    ];
    told(&vars, OutputFormat::Text, async |report: &Report| {
        report.finish(&outputs(), &ending());
    });
    let written = std::fs::read_to_string(&out).unwrap();
    let delimiter = written
        .lines()
        .find_map(|l| l.strip_prefix("deployment-status<<"))
        .unwrap();
    assert_eq!(
        written.replace(delimiter, "EOF"),
        "before=1\ndeployment-status<<EOF\nserving\nEOF\nurl<<EOF\nhttp://alb.example/##[x]\nEOF\nchanged<<EOF\ntrue\nEOF\n"
    );
    assert_eq!(
        std::fs::read_to_string(&summary).unwrap(),
        "# web is serving\n"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_a_warning() {
    let (log, _) = told(
        &[("GITHUB_OUTPUT", "/nowhere/at/all")],
        OutputFormat::Text,
        async |report: &Report| report.finish(&outputs(), &ending()),
    );
    assert!(
        log.contains("warning: `GITHUB_OUTPUT` could not be written"),
        "{log}"
    );
}

#[test]
fn a_secret_over_several_lines_is_masked_line_by_line() {
    let (stderr, _) = told(
        &[("GITHUB_ACTIONS", "true")],
        OutputFormat::Text,
        async |report: &Report| report.mask(&SecretString::from("first-line\nsecond%line\n}\n")),
    );
    assert_eq!(
        stderr,
        "::add-mask::first-line\n::add-mask::second%25line\n"
    );
}

#[test]
fn times_read_as_people_say_them() {
    for (millis, words) in [
        (0, "0 s"),
        (420, "0.4 s"),
        (9_000, "9 s"),
        (9_960, "10 s"),
        (59_600, "1 min"),
        (112_400, "1 min 52 s"),
        (7_200_000, "2 h"),
        (7_380_000, "2 h 3 min"),
    ] {
        assert_eq!(duration(Duration::from_millis(millis)), words);
    }
}

#[test]
fn a_step_has_ten_annotations_of_a_level() {
    let story = async |report: &Report| {
        for n in 1..=12 {
            report.warn(
                "shipway::test::warning",
                format!("{n} {}", "x".repeat(5_000)),
                "",
            );
        }
        report.notice("still one");
        report.error(&InputError::NoImage.into());
    };
    let (runner, _) = told(&[("GITHUB_ACTIONS", "true")], OutputFormat::Text, story);
    let lines: Vec<&str> = runner.lines().collect();
    assert_eq!(runner.matches("::warning title").count(), 10);
    assert!(lines[8].starts_with("::warning ") && !lines[8].contains("GitHub shows"));
    assert!(
        lines[9].ends_with(
            "%0A(GitHub shows no more of these a step: any others stand in the log alone)"
        ),
        "{}",
        lines[9]
    );
    let message = lines[9].split("::").last().unwrap();
    assert!(message.replace("%0A", "\n").chars().count() <= 4_096);
    assert!(lines[10].starts_with("warning: 11 xxx"), "{}", lines[10]);
    // Each level has ten of its own: the error that ends the run is never crowded out.
    assert!(lines[12].starts_with("::notice::"), "{}", lines[12]);
    assert!(lines[13].starts_with("::error "), "{}", lines[13]);
    let (log, _) = told(&[], OutputFormat::Text, story);
    assert_eq!(log.matches("warning: ").count(), 12);
    assert!(!log.contains("GitHub shows"), "{log}");
}

#[test]
fn a_long_quotation_is_folded_on_the_runner_and_outside_of_its_phase() {
    let story = async |report: &Report| {
        report.started(Phase::Build);
        report.say(Event::Quoted {
            title: Text::new().say("Output of ").quote(&"::x".into()),
            text: Untrusted::new("line\n".repeat(30)),
        });
    };
    let (runner, _) = told(&[("GITHUB_ACTIONS", "true")], OutputFormat::Text, story);
    let lines: Vec<&str> = runner.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "::group::Building the image",
            "::endgroup::",
            "::group::Output of ::x"
        ]
    );
    assert!(lines[3].starts_with("::stop-commands::"));
    assert_eq!(lines.last(), Some(&"::endgroup::"));
    let (log, _) = told(&[], OutputFormat::Text, story);
    assert!(
        log.starts_with("Building the image\n  Output of ::x\n  | line\n"),
        "{log}"
    );
}

#[test]
fn the_annotation_of_a_failure_says_why_what_serves_and_what_to_do() {
    let about = Announcement {
        service: "web".to_owned(),
        state: markdown::State::Ended {
            status: crate::model::verdict::Status::Failed,
            cause: Some("it broke".into()),
            failure: Some(Box::new(markdown::Failure {
                evidence: vec!["exit code 1".into()],
                fixes: vec!["mend it".into()],
                ..markdown::Failure::default()
            })),
        },
        now_serving: Some(Text::new().code("web:1").say(" keeps serving")),
        ..Announcement::default()
    };
    let bad = Ending {
        headline: markdown::headline(&about),
        exit_code: 1,
        summary: None,
    };
    let failed = Outputs {
        failure_code: Some("shipway::deploy::failed".to_owned()),
        ..outputs()
    };
    let finish = async |report: &Report| report.finish(&failed, &bad);
    let (runner, _) = told(&[("GITHUB_ACTIONS", "true")], OutputFormat::Text, finish);
    assert_eq!(
        runner,
        "::error title=shipway%3A%3Adeploy%3A%3Afailed::web not deployed: it broke%0A`web:1` keeps serving%0Aexit code 1%0Afix: mend it\n"
    );
    let (log, _) = told(&[], OutputFormat::Text, finish);
    assert_eq!(log, "web not deployed: it broke\n");
}

#[test]
fn each_deploy_of_a_job_has_a_report_file() {
    let temp = tempfile::tempdir().unwrap();
    let outside = temp.path().join("elsewhere");
    std::fs::write(&outside, "mine").unwrap();
    // A name that leads out of the folder, and one that is taken already.
    let service = "arn:aws:ecs:eu-west-1:1:service/prod/we b/../..\u{0}";
    std::os::unix::fs::symlink(&outside, temp.path().join("shipway-prod-web-2.json")).unwrap();
    let deploy = |service: &str| {
        let about = Announcement {
            cluster: "prod".to_owned(),
            service: service.to_owned(),
            notes: vec![Text::new().quote(&"##[error]x\u{1b}[31m\n::y".into())],
            ..Announcement::default()
        };
        let vars = [("RUNNER_TEMP", temp.path().to_str().unwrap())];
        told(&vars, OutputFormat::Json, async |report: &Report| {
            report.started(Phase::Build);
            tokio::time::sleep(Duration::from_secs(3)).await;
            report.keep(&about);
            report.finish(&outputs(), &ending());
        })
        .1
    };
    let path = |json: &str| {
        let told: serde_json::Value = serde_json::from_str(json).unwrap();
        told["report-file"].as_str().unwrap().to_owned()
    };
    let paths: Vec<String> = ["web", "web", service].map(|s| path(&deploy(s))).into();
    let names: Vec<&str> = paths
        .iter()
        .map(|p| {
            let path = Path::new(p);
            assert_eq!(path.parent(), Some(temp.path()));
            path.file_name().unwrap().to_str().unwrap()
        })
        .collect();
    assert_eq!(
        names,
        [
            "shipway-prod-web.json",
            "shipway-prod-web-3.json",
            "shipway-prod-...json"
        ]
    );
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "mine");
    let text = std::fs::read_to_string(&paths[0]).unwrap();
    assert!(!text.contains("##["), "{text}");
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let page = include_str!("../../docs/report-file.md");
    for key in file.as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{key}`")), "{key} is not in docs");
    }
    assert_eq!(file["notes"][0], "##[error]x ::y");
    assert_eq!(file["outputs"]["report-file"], paths[0].as_str());
    assert_eq!(file["outputs"]["url"], "http://alb.example/##[x]");
    assert_eq!(
        file["phases"][0],
        serde_json::json!({"phase": "build", "began-ms": 0, "took-ms": 3000, "ended": false, "note": null})
    );
}
