//! Threat 3: a build is somebody's code. It gets the context, the named build-args and the named secrets, and nothing of
//! the run that builds it. Needs Docker.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

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
fn threat_3_a_hostile_build_finds_no_secret_but_the_one_it_was_given() {
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
fn threat_3_a_token_that_checkout_left_is_not_sent() {
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
