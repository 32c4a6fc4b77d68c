//! Secrets go where they belong and nowhere else: no output, comment or request holds one.
//!
//! Exempt exactly: headers (never recorded), the `WebIdentityToken` of that one request, and `::add-mask::` lines, which
//! are written on GitHub's runner only. The registry's password is handed out for a build alone, which needs an engine.

use base64::Engine;
use serde_json::Value;

use crate::harness::{Played, SETTINGS, Scene, deploy, play, yaml};

const IMAGE: [&str; 4] = ["--image", "v2", "--ecr-repository", "web"];

/// Every secret of a run, by name.
fn secrets(played: &Played) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in ["GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"] {
        found.push((name.to_owned(), played.vars[name].clone()));
    }
    for call in &played.calls {
        let Some(answer) = &call.answer else { continue };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match call.operation.as_str() {
            "GET /_id-token" => {
                found.extend(text(&answer["value"]).map(|v| ("id token".to_owned(), v)))
            }
            "AssumeRoleWithWebIdentity" => {
                for member in ["SecretAccessKey", "SessionToken"] {
                    found.extend(
                        text(&answer["Credentials"][member]).map(|v| (member.to_owned(), v)),
                    );
                }
            }
            "GetAuthorizationToken" => {
                let token = answer["authorizationData"][0]["authorizationToken"].as_str();
                let login =
                    token.and_then(|t| base64::engine::general_purpose::STANDARD.decode(t).ok());
                let login = String::from_utf8(login.expect("a login")).unwrap();
                let (_, password) = login.split_once(':').unwrap();
                found.push(("the registry's password".to_owned(), password.to_owned()));
            }
            _ => {}
        }
    }
    found
}

/// Asserts that none of them is anywhere, and says how many kinds there were.
fn holds_none(name: &str, played: &Played) -> usize {
    let in_actions = played
        .vars
        .get("GITHUB_ACTIONS")
        .is_some_and(|v| v == "true");
    let is_mask = |line: &&str| line.starts_with("::add-mask::");
    let masks = played.stderr.lines().filter(is_mask).count();
    assert_eq!(
        masks > 0,
        in_actions,
        "{name}: masks belong on GitHub's runner, and only there"
    );

    let mut places = vec![
        ("stdout", played.stdout.clone()),
        (
            "stderr",
            played
                .stderr
                .lines()
                .filter(|l| !is_mask(l))
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        ("GITHUB_OUTPUT", played.outputs.clone()),
        ("the summary", played.summary.clone()),
        ("the comments", played.comments.join("\n")),
    ];
    for call in &played.calls {
        let mut input = call.input.clone();
        if call.operation == "AssumeRoleWithWebIdentity"
            && let Some(members) = input.as_object_mut()
        {
            members
                .remove("WebIdentityToken")
                .expect("STS is shown the id token");
        }
        places.push((
            "a request",
            format!("{} {} {input}", call.name(), call.caller),
        ));
        places.push(("an error", call.error.clone().unwrap_or_default()));
    }
    let secrets = secrets(played);
    for (secret, value) in &secrets {
        assert!(value.len() > 16, "{secret} is too short to be looked for");
        for (place, text) in &places {
            assert!(
                !text.contains(value),
                "{name}: {secret} is in {place}\n{text}"
            );
        }
    }
    let mut kinds: Vec<&String> = secrets.iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds.len()
}

fn scene(args: &[&str], world: &str, in_actions: bool) -> Scene {
    let mut vars = std::collections::BTreeMap::new();
    if in_actions {
        vars.insert("GITHUB_ACTIONS".to_owned(), "true".to_owned());
    }
    Scene {
        args: deploy(&[&IMAGE, args].concat()),
        world: yaml(world),
        vars,
        event: "pull_request".to_owned(),
        ..Scene::default()
    }
}

#[test]
fn no_secret_gets_out() {
    let crash = "{behaviours: [{task-definition: '2', crash: {after: 3s, exit-code: 1}}]}";
    let refused = "{iam: {roles: [{name: shipway-production, trust: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {Federated: 'arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com'}, Action: 'sts:AssumeRoleWithWebIdentity', Condition: {StringEquals: {'token.actions.githubusercontent.com:sub': 'repo:octo-org/web:ref:refs/heads/main'}}}]}}]}}";
    let renewals = "{behaviours: [{task-definition: '2', start-after: 12m}]}";
    let lost = "{trouble: {rules: [{operation: UpdateService, do: reset}, {operation: 'PATCH *', service: github, do: internal-error}]}}";
    let expired =
        "{trouble: {rules: [{operation: '*', service: ecs, do: expired-token, from: 20s}]}}";
    for in_actions in [false, true] {
        for (name, args, world, kinds) in [
            ("serving", &["--verbose"][..], "{}", 5),
            ("rolled back", &["--output", "json"], crash, 5),
            ("role refused", &[], refused, 3),
            (
                "sessions renewed",
                &["--role-duration-seconds", "900"],
                renewals,
                5,
            ),
            ("nothing arrives", &[], lost, 5),
            ("session refused", &[], expired, 5),
        ] {
            let played = play(scene(args, world, in_actions));
            assert_eq!(
                holds_none(name, &played),
                kinds,
                "{name}: kinds of secrets\n{}",
                played.stderr
            );
        }
    }
}

/// It asks for everything that a deploy asks for, the registry's password included.
#[test]
fn the_doctor_tells_no_secret() {
    for in_actions in [false, true] {
        let mut scene = scene(&[], "{}", in_actions);
        scene.args = ["doctor"]
            .into_iter()
            .chain(SETTINGS)
            .chain(["--ecr-repository", "web", "--output", "json", "--verbose"])
            .map(str::to_owned)
            .collect();
        let nowhere = "unix:///nowhere/docker.sock".to_owned();
        scene.vars.insert("DOCKER_HOST".to_owned(), nowhere);
        let played = play(scene);
        assert_eq!(holds_none("doctor", &played), 6, "{}", played.stderr);
    }
}

/// What the check above would miss if secrets were only looked for where they cannot be.
#[test]
fn the_secrets_are_the_real_ones() {
    let played = play(scene(&[], "{}", true));
    let masked: Vec<&str> = played
        .stderr
        .lines()
        .filter_map(|l| l.strip_prefix("::add-mask::"))
        .collect();
    let secrets = secrets(&played);
    for kind in ["GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "id token"] {
        let (_, value) = secrets.iter().find(|(k, _)| k == kind).unwrap();
        assert!(masked.contains(&value.as_str()), "{kind} is masked");
    }
    let assume = played
        .calls
        .iter()
        .find(|c| c.operation == "AssumeRoleWithWebIdentity")
        .unwrap();
    let (_, id_token) = secrets.iter().find(|(k, _)| k == "id token").unwrap();
    assert_eq!(
        assume.input["WebIdentityToken"].as_str(),
        Some(id_token.as_str())
    );
}
