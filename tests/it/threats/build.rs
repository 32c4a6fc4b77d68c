//! Threats 4 and 5: a build is somebody's code. It gets the context, the named build-args and the named secrets, and nothing of
//! the run that builds it. Threat 6: nor does what it says command the runner. Needs Docker.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::reader::Said;
use crate::harness::commit;
use crate::real_image::{Stage, said};

/// Looks twice: once with the one secret that the step asks for, once without.
const HOSTILE: &str = "FROM scratch
COPY spy /spy
COPY . /ctx
ARG NAMED
ARG GITHUB_TOKEN
ARG AWS_SESSION_TOKEN
ARG ACTIONS_ID_TOKEN_REQUEST_TOKEN
RUN --mount=type=secret,id=declared --mount=type=secret,id=undeclared --mount=type=secret,id=GITHUB_TOKEN --mount=type=ssh [\"/spy\", \"/with\"]
RUN [\"/spy\", \"/without\"]
ENTRYPOINT [\"/spy\"]
";

/// `tests/data/hostile/spy.rs` as a static program.
fn spy() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile/spy.rs");
        let directory = tempfile::tempdir().unwrap();
        let rustc = Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()))
            .args([
                "--edition=2024",
                "-Ctarget-feature=+crt-static",
                "-Cstrip=symbols",
            ])
            .args(["-o", "spy"])
            .arg(source)
            .current_dir(directory.path())
            .status();
        assert!(rustc.unwrap().success());
        std::fs::read(directory.path().join("spy")).unwrap()
    })
}

fn hostile_stage() -> Stage {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new();
    let program = stage.root().join("spy");
    std::fs::write(&program, spy()).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    stage.write("Dockerfile", HOSTILE);
    stage
}

fn docker(args: &[&str]) -> Vec<u8> {
    let done = Command::new("docker").args(args).output().unwrap();
    assert!(done.status.success(), "docker {args:?}: {done:?}");
    done.stdout
}

/// What the two looks wrote, and what the image says of itself.
fn found(image: &str) -> (String, String, String) {
    let id = docker(&["create", "--pull=never", image]);
    let id = String::from_utf8(id).unwrap().trim().to_owned();
    let directory = tempfile::tempdir().unwrap();
    let read = |name: &str| {
        let to = directory.path().join(name);
        docker(&["cp", &format!("{id}:/{name}"), to.to_str().unwrap()]);
        String::from_utf8_lossy(&std::fs::read(to).unwrap()).into_owned()
    };
    let (with, without) = (read("with"), read("without"));
    docker(&["rm", &id]);
    let mut about = docker(&["history", "--no-trunc", image]);
    about.extend(docker(&["inspect", image]));
    (with, without, String::from_utf8_lossy(&about).into_owned())
}

/// Everything that the run holds and no build may see.
fn secrets_of(stage: &Stage) -> Vec<(String, String)> {
    let mut secrets = vec![(
        "the registry's password".to_owned(),
        stage.registry_password(),
    )];
    for name in ["GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"] {
        secrets.push((name.to_owned(), stage.variables[name].clone()));
    }
    for record in stage.sandbox.recorded() {
        let Some(answer) = &record.answer else {
            continue;
        };
        let mut keep = |name: &str, value: &Value| {
            secrets.extend(value.as_str().map(|v| (name.to_owned(), v.to_owned())))
        };
        match record.operation.as_str() {
            "GET /_id-token" => keep("the id token", &answer["value"]),
            "AssumeRoleWithWebIdentity" => {
                keep("SecretAccessKey", &answer["Credentials"]["SecretAccessKey"]);
                keep("SessionToken", &answer["Credentials"]["SessionToken"]);
            }
            _ => {}
        }
    }
    secrets
}

#[test]
fn threat_4_a_hostile_build_finds_no_secret_but_the_one_it_was_given() {
    let stage = hostile_stage();
    commit(stage.root());
    let of_environment = [
        ("UNDECLARED", "undeclared-secret-of-the-job"),
        ("AWS_ACCESS_KEY_ID", "AKIAHOSTILEBUILDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret-key-in-the-environment"),
        ("AWS_SESSION_TOKEN", "session-token-in-the-environment"),
        (
            "SHIPWAY_INPUTS",
            r#"{"labels": "note=inputs-of-the-action"}"#,
        ),
    ];
    let output = stage
        .command()
        .args([
            "--ecr-repository",
            "web",
            "--wait-until",
            "none",
            "--output",
            "json",
        ])
        .args([
            "--build-secrets",
            "declared=env:DECLARED",
            "--build-args",
            "NAMED=named-arg",
        ])
        .env("DECLARED", "the-declared-secret")
        .envs(of_environment)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let outputs: Value = serde_json::from_slice(&output.stdout).unwrap();
    let image = format!(
        "{}:{}",
        outputs["image-repository"].as_str().unwrap(),
        outputs["image-tag"].as_str().unwrap()
    );
    let (with, without, about) = found(&image);

    // It really looked.
    assert!(
        with.contains("file /run/secrets/declared = the-declared-secret\n"),
        "{with}"
    );
    for look in [&with, &without] {
        for there in [
            "env NAMED=named-arg\n",
            "file /ctx/page = Hello World!!\n",
            "/environ = ",
            "/.git/config = ",
            "metadata 169.254.169.254:80: ",
        ] {
            assert!(look.contains(there), "{there:?} is missing in\n{look}");
        }
    }
    assert!(
        about.contains("NAMED=named-arg"),
        "build-args are no secrets\n{about}"
    );

    assert!(
        !without.contains("/run/secrets/"),
        "no secret is left behind\n{without}"
    );
    assert!(!without.contains("the-declared-secret"), "{without}");
    assert!(!about.contains("the-declared-secret"), "{about}");
    let mut secrets = secrets_of(&stage);
    assert!(secrets.len() >= 6, "{secrets:?}");
    secrets.extend(
        of_environment[..4]
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
    );
    for (name, value) in secrets {
        for (place, text) in [
            ("a step", &with),
            ("a step", &without),
            ("the image", &about),
        ] {
            assert!(!text.contains(&value), "{name} reached {place}");
        }
    }
    let variables: Vec<&str> = without.lines().filter(|l| l.starts_with("env ")).collect();
    assert!(
        variables
            .iter()
            .all(|l| ["env PATH=", "env HOME=", "env NAMED="]
                .iter()
                .any(|known| l.starts_with(known))),
        "the step's whole environment: {variables:?}"
    );
}

#[test]
fn threat_5_a_token_that_checkout_left_is_not_sent() {
    let stage = hostile_stage();
    commit(stage.root());
    let config = stage.root().join(".git/config");
    let clean = std::fs::read_to_string(&config).unwrap();
    let token = "dG9rZW4tbGVmdC1ieS1jaGVja291dA==";
    let left = format!(
        "{clean}[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic {token}\n"
    );
    std::fs::write(&config, left).unwrap();
    let (refused, outputs) = stage.deploy(&[]);
    let text = said(&refused);
    assert_eq!(
        (refused.status.code(), &outputs["failure-code"]),
        (Some(5), &"shipway::build::git_credentials".into()),
        "{text}"
    );
    assert!(text.contains("persist-credentials: false"), "{text}");
    assert!(!text.contains(token), "{text}");
    // The push is a matter between the engine and the registry; its login is Shipway's.
    let logins = || {
        let recorded = stage.sandbox.recorded();
        recorded
            .iter()
            .filter(|r| r.name() == "ecr:GetAuthorizationToken")
            .count()
    };
    let before = logins();

    // Left out of the context, it is no danger.
    stage.write(".dockerignore", ".git\n");
    let (built, outputs) = stage.deploy(&["--wait-until", "none"]);
    assert!(built.status.success(), "{}", said(&built));
    let image = format!(
        "{}:{}",
        outputs["image-repository"].as_str().unwrap(),
        outputs["image-tag"].as_str().unwrap()
    );
    assert_eq!(logins(), before + 1, "{}", said(&built));
    let (with, without, about) = found(&image);
    assert!(with.contains("file /ctx/page = "), "{with}");
    for text in [with, without, about] {
        assert!(
            !text.contains(token) && !text.contains("/ctx/.git"),
            "{text}"
        );
    }
}

/// What a run in GitHub Actions wrote.
fn everything(stage: &Stage, output: &std::process::Output, files: &Path) -> Said {
    let read = |name: &str| std::fs::read_to_string(files.join(name)).unwrap_or_default();
    Said {
        stderr: said(output),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        outputs: read("output"),
        summary: read("summary"),
        comments: stage
            .sandbox
            .with_world(|w| w.github.comments_on(7).map(|c| c.body.clone()).collect()),
    }
}

#[test]
fn threat_6_the_output_of_a_build_commands_nothing() {
    let texts: Vec<String> =
        serde_yaml::from_str(include_str!("../../data/hostile/texts.yml")).unwrap();
    let stage = hostile_stage();
    // Half of them at a time: the last lines of a step are kept, not all of them.
    let (first, second) = texts.split_at(texts.len() / 2);
    let step = |shell: &str| format!("FROM scratch\nCOPY spy say /\n{shell}\n");
    for (dockerfile, text) in [
        (step("RUN [\"/spy\", \"say\", \"/say\"]"), first.join("\n")),
        (step("RUN [\"/spy\", \"say\", \"/say\"]"), second.join("\n")),
        // A step's own words are in its name.
        (
            step(
                "RUN [\"/spy\", \"say\", \"/say\", \"##[error]Evil @octocat <img src=x> https://evil.example `\"]",
            ),
            "::error::Evil".to_owned(),
        ),
        (
            step("COPY [\"::error::Evil @octocat <img>\", \"/x\"]"),
            String::new(),
        ),
        (
            "FROM scratch\n::error::Evil ##[error]Evil\n".to_owned(),
            String::new(),
        ),
    ] {
        stage.write("Dockerfile", &dockerfile);
        stage.write("say", &text);
        let files = tempfile::tempdir().unwrap();
        let event = files.path().join("event.json");
        let payload = serde_json::json!({
            "number": 7, "repository": { "id": 7001 },
            "pull_request": { "number": 7, "state": "open", "head": { "sha": "4f2a9c1d00000000000000000000000000000000", "ref": "f", "repo": { "id": 7001 } } },
        });
        std::fs::write(&event, payload.to_string()).unwrap();
        let output = stage
            .command()
            .args(["--ecr-repository", "web", "--no-cache"])
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", &event)
            .env("GITHUB_REPOSITORY", "octo-org/web")
            .env("GITHUB_REPOSITORY_ID", "7001")
            .env("GITHUB_RUN_ID", "16839201733")
            .env("GITHUB_OUTPUT", files.path().join("output"))
            .env("GITHUB_STEP_SUMMARY", files.path().join("summary"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(5), "{}", said(&output));
        let said = everything(&stage, &output, files.path());
        assert!(
            said.stderr.to_lowercase().contains("evil"),
            "it is shown\n{}",
            said.stderr
        );
        assert!(
            said.comments.len() == 1 && !said.summary.is_empty(),
            "{}",
            said.stderr
        );
        said.is_harmless(&dockerfile);
    }
}

/// Names of files come up where something is wrong with them.
#[test]
fn threat_6_the_name_of_a_file_commands_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let stage = hostile_stage();
    stage.write("Dockerfile", "FROM scratch\nCOPY page /page\n");
    for name in [
        "##[error]Evil",
        "\n::error::Evil",
        "\u{1b}[31mEvil\u{202e}",
        "@octocat <img src=Evil>",
    ] {
        let socket = stage.root().join(name);
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let output = stage
            .command()
            .args([
                "--ecr-repository",
                "web",
                "--wait-until",
                "none",
                "--on-existing-tag",
                "rebuild",
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{name:?}: {}", said(&output));
        let text = everything(&stage, &output, stage.root());
        assert!(text.stderr.contains("is a socket"), "{}", text.stderr);
        text.is_harmless(name);
        std::fs::remove_file(socket).unwrap();
    }
    // An unreadable directory is named in the error itself, unless root reads everything.
    let directory = stage.root().join("##[error]Evil");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o000)).unwrap();
    let output = stage
        .command()
        .args(["--ecr-repository", "web", "--wait-until", "none"])
        .output()
        .unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    everything(&stage, &output, stage.root()).is_harmless("an unreadable directory");
}
