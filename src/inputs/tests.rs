//! Precedence, and every complaint with its exact words.

use super::arguments::{Command, DeployArgs};
use super::env::testing;
use super::values::{OutputFormat, SecretSource, WaitUntil};
use super::*;

/// What settles everything but the setting under test.
const BASE: [&str; 8] = [
    "--aws-region",
    "eu-west-1",
    "--cluster",
    "prod",
    "--service",
    "web",
    "--ecr-repository",
    "web",
];

struct Asked<'a> {
    flags: &'a [&'a str],
    vars: &'a [(&'a str, &'a str)],
    file: Option<&'a str>,
}

fn read_with(asked: &Asked<'_>, base: &[&str]) -> Result<DeployArgs, Unread> {
    let dir = tempfile::tempdir().unwrap();
    if let Some(text) = asked.file {
        std::fs::write(dir.path().join("shipway.yml"), text).unwrap();
    }
    let (env, _, _) = testing::env(asked.vars, dir.path());
    let args = ["shipway", "deploy"]
        .iter()
        .chain(base)
        .chain(asked.flags)
        .map(OsString::from)
        .collect();
    match read(args, &env)?.command {
        Command::Deploy(deploy) => Ok(*deploy),
        #[allow(
            unreachable_patterns,
            reason = "without the feature `try` there is one verb"
        )]
        _ => panic!("deploy was asked for"),
    }
}

fn deploy(asked: Asked<'_>) -> DeployArgs {
    match read_with(&asked, &BASE) {
        Ok(deploy) => deploy,
        Err(Unread::Refused(error)) => panic!("{error:?}"),
        Err(Unread::Shown(text)) => panic!("{text}"),
    }
}

fn flags<'a>(flags: &'a [&'a str]) -> Asked<'a> {
    Asked {
        flags,
        vars: &[],
        file: None,
    }
}

fn vars<'a>(vars: &'a [(&'a str, &'a str)]) -> Asked<'a> {
    Asked {
        flags: &[],
        vars,
        file: None,
    }
}

fn file(text: &str) -> Asked<'_> {
    Asked {
        flags: &[],
        vars: &[],
        file: Some(text),
    }
}

/// Message, help and code, as a person meets them.
fn refusal(asked: Asked<'_>) -> String {
    refusal_with(asked, &BASE)
}

fn refusal_with(asked: Asked<'_>, base: &[&str]) -> String {
    match read_with(&asked, base) {
        Err(Unread::Refused(error)) => {
            assert_eq!(error.exit_code(), 2, "{error:?}");
            let help = error
                .help()
                .map(|h| format!("\nhelp: {h}"))
                .unwrap_or_default();
            format!("{}{help}\n{}", error.chain().join("\n"), error.code())
        }
        Err(Unread::Shown(text)) => panic!("{text}"),
        Ok(deploy) => panic!("was accepted: {deploy:?}"),
    }
}

#[test]
fn a_stronger_source_wins() {
    let inputs = ("SHIPWAY_INPUTS", r#"{"wait-for-minutes": "20"}"#);
    let variable = ("SHIPWAY_WAIT_FOR_MINUTES", "10");
    let yaml = Some("wait-for-minutes: 5\n");
    let all = Asked {
        flags: &["--wait-for-minutes", "40"],
        vars: &[inputs, variable],
        file: yaml,
    };
    let table = [
        (Asked { ..all }, 40),
        (Asked { flags: &[], ..all }, 20),
        (
            Asked {
                flags: &[],
                vars: &[variable],
                ..all
            },
            10,
        ),
        (
            Asked {
                flags: &[],
                vars: &[],
                ..all
            },
            5,
        ),
        (flags(&[]), 30),
    ];
    for (asked, minutes) in table {
        assert_eq!(deploy(asked).limits.wait_for_minutes, minutes);
    }
}

#[test]
fn a_list_of_a_stronger_source_replaces_the_weaker_one() {
    let asked = Asked {
        flags: &["--labels", "a=flag"],
        vars: &[(
            "SHIPWAY_INPUTS",
            r#"{"labels": "a=input\nb=input", "build-args": "x=1"}"#,
        )],
        file: Some("build-args: [y=2]\nextra-tags: [one, two]\n"),
    };
    let build = deploy(asked).build;
    let pairs = |list: &[values::KeyValue]| -> Vec<String> {
        list.iter()
            .map(|p| format!("{}={}", p.key, p.value))
            .collect()
    };
    assert_eq!(pairs(&build.labels), ["a=flag"]);
    assert_eq!(pairs(&build.build_args), ["x=1"]);
    assert_eq!(build.extra_tags, ["one", "two"]);
}

#[test]
fn a_truth_from_a_weaker_source_can_be_taken_back() {
    let asked = |flags| Asked {
        flags,
        vars: &[],
        file: Some("no-cache: true\n"),
    };
    assert!(deploy(asked(&[])).build.no_cache);
    assert!(!deploy(asked(&["--no-cache=false"])).build.no_cache);
    assert!(deploy(flags(&["--no-cache"])).build.no_cache);
}

#[test]
fn what_is_empty_is_not_set() {
    let asked = vars(&[
        (
            "SHIPWAY_INPUTS",
            r#"{"cluster": "", "labels": "", "no-cache": "", "output": ""}"#,
        ),
        ("SHIPWAY_OUTPUT", "json"),
        ("SHIPWAY_SOMETHING_ELSE", "is ignored"),
    ]);
    let deploy = deploy(asked);
    assert_eq!(deploy.target.cluster, "prod");
    assert_eq!(deploy.output.output, OutputFormat::Json);
}

#[test]
fn the_region_of_the_environment_is_the_default() {
    let base: Vec<&str> = BASE[2..].to_vec();
    let region = |vars: &[(&str, &str)], file| {
        let asked = Asked {
            flags: &[],
            vars,
            file,
        };
        read_with(&asked, &base).ok().map(|d| d.target.aws_region)
    };
    let (first, second) = (
        ("AWS_REGION", "eu-north-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    );
    assert_eq!(
        region(&[first, second], None).as_deref(),
        Some("eu-north-1")
    );
    assert_eq!(region(&[second], None).as_deref(), Some("us-east-1"));
    assert_eq!(
        region(&[first], Some("aws-region: ap-south-1\n")).as_deref(),
        Some("ap-south-1")
    );
    assert_eq!(region(&[], None), None);
}

#[test]
fn values_hold_what_they_hold() {
    let asked = vars(&[(
        "SHIPWAY_ENVIRONMENT_VARIABLES",
        "URL=https://x/?a=b\n\"QUOTED=first\nsecond \"\"line\"\"\"\n  JSON={\"a\": \"b\"}\nEMPTY=\n",
    )]);
    let pairs = deploy(asked).overrides.environment_variables;
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|p| (p.key.as_str(), p.value.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("URL", "https://x/?a=b"),
            ("QUOTED", "first\nsecond \"line\""),
            ("JSON", "{\"a\": \"b\"}"),
            ("EMPTY", ""),
        ]
    );
    let flag = deploy(flags(&["--environment-variables", "A=\"b\"=\nc"]));
    assert_eq!(flag.overrides.environment_variables[0].value, "\"b\"=\nc");
}

#[test]
fn pairs_may_be_json() {
    for (text, value) in [
        (r#"{"A": "x=y", "B": 1.10}"#, ["A=x=y", "B=1.10"]),
        (r#"["A=x=y", "B=1.10"]"#, ["A=x=y", "B=1.10"]),
        (
            r#"[{"name": "A", "value": "x=y"}, {"name": "B", "valueFrom": "1.10"}]"#,
            ["A=x=y", "B=1.10"],
        ),
    ] {
        assert_eq!(lists::pairs(text).unwrap(), value);
    }
}

#[test]
fn lists_split_as_they_say() {
    assert_eq!(
        lists::entries("a, b\n\n\"c,d\"\r\n", true).unwrap(),
        ["a", "b", "c,d"]
    );
    assert_eq!(
        lists::entries("type=registry,ref=x\r\n", false).unwrap(),
        ["type=registry,ref=x"]
    );
    assert!(lists::entries("\"open", false).is_err());
    assert!(lists::entries("\"a\" b", false).is_err());
}

#[test]
fn a_command_is_json_or_words() {
    let words = |asked| deploy(asked).overrides.command.map(|c| c.0);
    let expected = Some(vec![
        "sh".to_owned(),
        "-c".to_owned(),
        "echo 'hi'".to_owned(),
    ]);
    assert_eq!(
        words(flags(&["--command", r#"sh -c "echo 'hi'""#])),
        expected
    );
    assert_eq!(
        words(flags(&["--command", r#"["sh","-c","echo 'hi'"]"#])),
        expected
    );
    assert_eq!(words(file("command: [sh, -c, \"echo 'hi'\"]\n")), expected);
    assert_eq!(words(file("command: sh -c \"echo 'hi'\"\n")), expected);
}

#[test]
fn five_settings_suffice_and_the_rest_has_defaults() {
    let deploy = deploy(flags(&[]));
    assert_eq!(deploy.limits.wait_until, WaitUntil::Healthy);
    assert_eq!(deploy.limits.wait_for_minutes, 30);
    assert_eq!(deploy.build.context, std::path::Path::new("."));
    assert_eq!(deploy.announce.github.github_token, None);
    assert!(!deploy.build.create_repository);
}

#[test]
fn secrets_are_read_where_they_are() {
    use secrecy::ExposeSecret;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "from a file\n").unwrap();
    let (env, _, _) = testing::env(&[("GITHUB_TOKEN", "default"), ("MINE", "mine")], dir.path());
    let token = |source: Option<SecretSource>| {
        let mut announce = deploy(flags(&[])).announce;
        announce.github.github_token = source;
        announce
            .github
            .read_github_token(&env)
            .map(|t| t.map(|t| t.expose_secret().to_owned()))
            .map_err(|e| e.to_string())
    };
    let some = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(token(None), some("default"));
    assert_eq!(token(Some(SecretSource::Env("MINE".into()))), some("mine"));
    assert_eq!(
        token(Some(SecretSource::File("token".into()))),
        some("from a file")
    );
    assert_eq!(
        token(Some(SecretSource::Env("GONE".into()))),
        Err("environment variable `GONE` is not set (`github-token` names it)".to_owned())
    );
}

#[test]
fn help_names_every_way_to_set_a_value() {
    let Err(Unread::Shown(help)) = read_with(&flags(&["--help"]), &[]) else {
        panic!("help was asked for");
    };
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "[env: SHIPWAY_AWS_REGION]",
        "--wait-for-minutes <MINUTES>",
        "[default: 30]",
        "in minutes (1 to 360)",
        "[possible values: reuse, rebuild, fail]",
    ] {
        assert!(help.contains(part), "{part} is missing in {help}");
    }
}

#[test]
fn the_code_does_not_choose_the_target_on_privileged_events() {
    let asked = |flags, event| Asked {
        flags,
        vars: event,
        file: Some("service: web\n"),
    };
    let base = &BASE[..4];
    let target = [("GITHUB_EVENT_NAME", "pull_request_target")];
    let rest = ["--ecr-repository", "web"];
    assert_eq!(
        refusal_with(asked(&rest, &target), base),
        "`service` in shipway.yml does not count on `pull_request_target`
help: there the checked-out file may be somebody else's while the job has this repository's rights: set it as an input, a flag or a variable
shipway::config::privileged_event"
    );
    assert!(read_with(&asked(&rest, &[("GITHUB_EVENT_NAME", "push")]), base).is_ok());
}

#[path = "refusals.rs"]
mod refusals;
