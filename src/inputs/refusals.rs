//! Every complaint about what was asked, with its exact words: message, help, code.

use super::*;

#[test]
fn refusals_of_the_command_line() {
    assert_eq!(refusal_with(flags(&[]), &["--ecr-repository", "web"]), "not set: `aws-region`, `cluster`, `service`
help: give `--aws-region`, `--cluster`, `--service`, or set `SHIPWAY_AWS_REGION`, `SHIPWAY_CLUSTER`, `SHIPWAY_SERVICE`, or write the keys into shipway.yml
shipway::usage::missing");
    assert_eq!(refusal_with(flags(&[]), &BASE[..6]), "neither `ecr-repository` nor `image` is set: there is nothing to deploy
help: set `ecr-repository` to build and push the commit's image, or `image` to deploy one that exists
shipway::usage::no_image");
    assert_eq!(
        refusal(flags(&["--clutser", "x"])),
        "unexpected argument '--clutser' found

  tip: a similar argument exists: '--cluster'
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments"
    );
    assert_eq!(
        refusal(flags(&["--wait-for-minutes", "0"])),
        "invalid value '0' for '--wait-for-minutes <MINUTES>': 0 is not in 1..=360
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments"
    );
    assert_eq!(refusal(flags(&["--wait-until", "helthy"])), "invalid value 'helthy' for '--wait-until <healthy|deployed|stage:STAGE|none>': must be healthy, deployed, stage:<LIFECYCLE_STAGE> or none
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments");
    assert_eq!(
        refusal(flags(&["--comment", "yes"])),
        "invalid value 'yes' for '--comment <COMMENT>'
  [possible values: auto, off]
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments"
    );
    assert_eq!(refusal(flags(&["--image", "web:"])), "invalid value 'web:' for '--image <IMAGE>': must be repository[:tag][@sha256:…], and hold no space
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments");
    assert_eq!(refusal(flags(&["--platform", "arm64"])), "invalid value 'arm64' for '--platform <OS/ARCHITECTURE>': must be os/architecture, e.g. linux/amd64
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments");
    assert_eq!(refusal(flags(&["--url", "www.example.com"])), "invalid value 'www.example.com' for '--url <URL>': must begin with https:// or http:// and name a host
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments");
    assert_eq!(
        refusal(flags(&["--command", "sh -c 'x"])),
        "invalid value 'sh -c 'x' for '--command <COMMAND>': has a quote that is not closed
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments"
    );
    assert_eq!(refusal(flags(&["--command", "[1]"])), "invalid value '[1]' for '--command <COMMAND>': begins like a JSON array, but is not one of texts
help: `shipway --help` and `shipway <COMMAND> --help` list what there is
shipway::usage::arguments");
}

#[test]
fn refusals_of_inputs_and_variables() {
    assert_eq!(
        refusal_with(
            vars(&[("SHIPWAY_INPUTS", "{\"cluster\":\"\"}")]),
            &["--aws-region", "x"]
        ),
        "not set: `cluster`, `service`
help: set the action's inputs `cluster`, `service` (a misspelt input arrives empty)
shipway::usage::missing"
    );
    assert_eq!(
        refusal(vars(&[("SHIPWAY_INPUTS", "{")])),
        "`SHIPWAY_INPUTS` is not a JSON object of the action's inputs: line 1 column 1
help: it is set by the action as `${{ toJSON(inputs) }}`; elsewhere use flags or `SHIPWAY_<FLAG>`
shipway::usage::inputs"
    );
    assert_eq!(
        refusal(vars(&[("SHIPWAY_INPUTS", "[]")])),
        "`SHIPWAY_INPUTS` is not a JSON object of the action's inputs: it is no object
help: it is set by the action as `${{ toJSON(inputs) }}`; elsewhere use flags or `SHIPWAY_<FLAG>`
shipway::usage::inputs"
    );
    assert_eq!(
        refusal(vars(&[("SHIPWAY_INPUTS", r#"{"clutser": "x"}"#)])),
        "there is no input `clutser`, did you mean `cluster`?
help: inputs have the names of the flags of `shipway deploy`
shipway::usage::unknown_input"
    );
    assert_eq!(
        refusal(vars(&[("SHIPWAY_INPUTS", r#"{"no-cache": "yes"}"#)])),
        "input `no-cache`: must be true or false, not `yes`
shipway::usage::value"
    );
    assert_eq!(refusal(vars(&[("SHIPWAY_INPUTS", r#"{"labels": ["a=b"]}"#)])), "`SHIPWAY_INPUTS` is not a JSON object of the action's inputs: the value of `labels` is no text
help: it is set by the action as `${{ toJSON(inputs) }}`; elsewhere use flags or `SHIPWAY_<FLAG>`
shipway::usage::inputs");
    assert_eq!(
        refusal(vars(&[("SHIPWAY_INPUTS", r#"{"labels": "\"a=b"}"#)])),
        "input `labels`: has a quote that is not closed
shipway::usage::value"
    );
    assert_eq!(
        refusal(vars(&[("SHIPWAY_INPUTS", r#"{"labels": "{\"a\": {}}"}"#)])),
        "input `labels`: the value of `a` must be a text
shipway::usage::value"
    );
    assert_eq!(refusal(vars(&[("SHIPWAY_WAIT_UNTIL", "helthy")])), "`SHIPWAY_WAIT_UNTIL`: must be healthy, deployed, stage:<LIFECYCLE_STAGE> or none, not `helthy`
shipway::usage::value");
    assert_eq!(
        refusal(vars(&[("SHIPWAY_STABLE_FOR", "9999")])),
        "`SHIPWAY_STABLE_FOR`: 9999 is not in 0..=3600
shipway::usage::value"
    );
    assert_eq!(
        refusal(vars(&[("SHIPWAY_ON_EXISTING_TAG", "keep")])),
        "`SHIPWAY_ON_EXISTING_TAG`: must be reuse, rebuild or fail, not `keep`
shipway::usage::value"
    );
    assert_eq!(
        refusal(vars(&[("SHIPWAY_DESIRED_COUNT", "two")])),
        "`SHIPWAY_DESIRED_COUNT`: must be a whole number, not `two`
shipway::usage::value"
    );
    assert_eq!(refusal(vars(&[("SHIPWAY_ROLE_TO_ASSUME", "deployer")])), "`SHIPWAY_ROLE_TO_ASSUME`: must be the ARN of an IAM role (arn:<partition>:iam::<account>:role/<name>), not `deployer`
shipway::usage::value");
}

#[test]
fn refusals_of_secrets_and_pairs_echo_nothing() {
    assert_eq!(
        refusal(flags(&["--github-token", "ghp_hunter2"])),
        "`--github-token` takes no secret itself, only where it is
help: write env:NAME or file:PATH; if a secret stood here, it may have been logged: replace it
shipway::usage::secret_literal"
    );
    assert_eq!(
        refusal(vars(&[("SHIPWAY_GITHUB_TOKEN", "ghp_hunter2")])),
        "`SHIPWAY_GITHUB_TOKEN` takes no secret itself, only where it is
help: write env:NAME or file:PATH; if a secret stood here, it may have been logged: replace it
shipway::usage::secret_literal"
    );
    assert_eq!(
        refusal(flags(&["--build-secrets", "npm=hunter2"])),
        "`--build-secrets` takes no secret itself, only where it is
help: write id=env:NAME or id=file:PATH; if a secret stood here, it may have been logged: replace it
shipway::usage::secret_literal"
    );
    assert_eq!(
        refusal(vars(&[(
            "SHIPWAY_INPUTS",
            r#"{"build-secrets": "hunter2"}"#
        )])),
        "input `build-secrets` takes no secret itself, only where it is
help: write id=env:NAME or id=file:PATH; if a secret stood here, it may have been logged: replace it
shipway::usage::secret_literal"
    );
    assert_eq!(refusal(flags(&["--secrets", "DB=hunter2"])), "`--secrets`: the value of `DB` is no reference to a secret
help: the container's secrets are ARNs (`arn:…`) or parameter names (`/…`); did you mean `build-secrets`?
shipway::usage::secrets_value");
    assert_eq!(refusal(vars(&[("SHIPWAY_INPUTS", r#"{"secrets": "A=arn:x\nDB=hunter2"}"#)])), "input `secrets`: the value of `DB` is no reference to a secret
help: the container's secrets are ARNs (`arn:…`) or parameter names (`/…`); did you mean `build-secrets`?
shipway::usage::secrets_value");
    assert_eq!(refusal(flags(&["--environment-variables", "hunter2"])), "`--environment-variables`: entry 1 has no key
help: an entry is KEY=VALUE, the value being everything after the first `=`; an entry that holds newlines is put into double quotes as a whole
shipway::usage::key_value");
    assert_eq!(refusal(vars(&[("SHIPWAY_ENVIRONMENT_VARIABLES", "A=b\nhunter2")])), "`SHIPWAY_ENVIRONMENT_VARIABLES`: entry 2 has no key
help: an entry is KEY=VALUE, the value being everything after the first `=`; an entry that holds newlines is put into double quotes as a whole
shipway::usage::key_value");
}

#[test]
fn refusals_of_the_file_have_line_and_column() {
    assert_eq!(refusal(flags(&["--config", "other.yml"])), "cannot read other.yml: No such file or directory (os error 2)
help: `--config` names a file from the working directory; without it `shipway.yml` is read where it exists
shipway::config::unreadable");
    assert_eq!(
        refusal(file("cluster: prod\n\nservcie: web\n")),
        "shipway.yml:3:1: there is no key `servcie`, did you mean `service`?
help: keys have the names of the flags, as `shipway deploy --help` lists them
shipway::config::unknown_key"
    );
    assert_eq!(
        refusal(file("zzz: 1\n")),
        "shipway.yml:1:1: there is no key `zzz`
help: keys have the names of the flags, as `shipway deploy --help` lists them
shipway::config::unknown_key"
    );
    assert_eq!(
        refusal(file("config: other.yml\n")),
        "shipway.yml:1:1: there is no key `config`
help: keys have the names of the flags, as `shipway deploy --help` lists them
shipway::config::unknown_key"
    );
    assert_eq!(
        refusal(file("github-token: env:X\n")),
        "shipway.yml:1:1: `github-token` is not allowed in a file
help: use the flag or the environment variable `SHIPWAY_GITHUB_TOKEN`
shipway::config::not_in_file"
    );
    assert_eq!(
        refusal(file("build-secrets: [a=env:B]\n")),
        "shipway.yml:1:1: `build-secrets` is not allowed in a file
help: use the flag or the environment variable `SHIPWAY_BUILD_SECRETS`
shipway::config::not_in_file"
    );
    assert_eq!(
        refusal(file("allow-untrusted-build: true\n")),
        "shipway.yml:1:1: `allow-untrusted-build` is not allowed in a file, for a pull request could set it
help: set it in the workflow, as an input of the action, or as the environment variable `SHIPWAY_ALLOW_UNTRUSTED_BUILD`
shipway::config::not_by_code"
    );
    assert_eq!(
        refusal(file("no-cache: maybe\n")),
        "shipway.yml:1:11: `no-cache`: must be true or false, not `maybe`
shipway::config::value"
    );
    assert_eq!(
        refusal(file("cluster: true\n")),
        "shipway.yml:1:10: `cluster`: must be one text or number, not true
shipway::config::value"
    );
    assert_eq!(
        refusal(file("cluster: 1.10\n")),
        "shipway.yml:1:10: `cluster`: must be quoted, for YAML changes how a number is written
shipway::config::value"
    );
    assert_eq!(
        refusal(file("labels: a=b\n")),
        "shipway.yml:1:9: `labels`: must be a list of KEY=VALUE, or keys with texts as values
shipway::config::value"
    );
    assert_eq!(
        refusal(file("cluster: [a]\n")),
        "shipway.yml:1:10: `cluster`: must be one text or number
shipway::config::value"
    );
    assert_eq!(
        refusal(file("extra-tags: {a: b}\n")),
        "shipway.yml:1:13: `extra-tags`: must be a list of texts
shipway::config::value"
    );
    assert_eq!(
        refusal(file("environment-variables:\n  PORT: 8080\n")),
        r#"shipway.yml:2:9: `environment-variables`: write "8080" in quotes, for YAML changes how a number or a truth value is written
shipway::config::value"#
    );
    assert_eq!(
        refusal(file("environment-variables:\n  - A=b\n  - 1\n")),
        r#"shipway.yml:3:5: `environment-variables`: write "1" in quotes, for YAML changes how a number or a truth value is written
shipway::config::value"#
    );
    assert_eq!(
        refusal(file("environment-variables:\n  PORT:\n")),
        r#"shipway.yml:2:8: `environment-variables`: an empty value is written as ""
shipway::config::value"#
    );
    assert_eq!(refusal(file("cluster: prod\nwait-until: helthy\n")), "shipway.yml:2:13: `wait-until`: must be healthy, deployed, stage:<LIFECYCLE_STAGE> or none, not `helthy`
shipway::config::value");
    assert_eq!(
        refusal(file("wait-for-minutes: 0\n")),
        "shipway.yml:1:19: `wait-for-minutes`: 0 is not in 1..=360
shipway::config::value"
    );
    assert_eq!(
        refusal(file("desired-count: -1\n")),
        "shipway.yml:1:16: `desired-count`: -1 is not in 0..=4294967295
shipway::config::value"
    );
    assert_eq!(refusal(file("secrets:\n  DB: hunter2\n")), "shipway.yml:2:3: `secrets`: the value of `DB` is no reference to a secret
help: the container's secrets are ARNs (`arn:…`) or parameter names (`/…`); did you mean `build-secrets`?
shipway::usage::secrets_value");
    assert_eq!(refusal(file("labels:\n  - ok=1\n  - hunter2\n")), "shipway.yml:2:3: `labels`: entry 2 has no key
help: an entry is KEY=VALUE, the value being everything after the first `=`; an entry that holds newlines is put into double quotes as a whole
shipway::usage::key_value");
    assert_eq!(
        refusal(file("cluster: a\ncluster: b\n")),
        "shipway.yml:2:1: `cluster`: is set twice
shipway::config::value"
    );
    assert_eq!(
        refusal(file("cluster: 'a\nservice: b\n")),
        "shipway.yml:3:1: found unexpected end of stream
shipway::config::syntax"
    );
    assert_eq!(
        refusal(file("hello\n")),
        "shipway.yml:1:1: must be keys with values
shipway::config::syntax"
    );
    assert_eq!(
        refusal(file("cluster: a\n---\ncluster: b\n")),
        "shipway.yml: deserializing from YAML containing more than one document is not supported
shipway::config::syntax"
    );
    assert_eq!(
        refusal(file("cluster: !x a\n")),
        "shipway.yml:1:10: must be a plain value
shipway::config::syntax"
    );
    assert_eq!(
        refusal(file("1: a\n")),
        "shipway.yml:1:1: there is no key `1`
help: keys have the names of the flags, as `shipway deploy --help` lists them
shipway::config::unknown_key"
    );
}
