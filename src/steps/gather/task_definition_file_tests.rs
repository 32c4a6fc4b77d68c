//! What stands in the file is what ECS gets: a table of notations, and one of complaints with their places.

use serde_json::json;

use super::*;

const REST: &str = "\nfamily: web\ncontainerDefinitions: [{ name: web }]\n";

#[track_caller]
fn yaml_of(text: &str) -> Value {
    let parsed = parse("task.yml", text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    Value::Object(parsed.document)
}

#[test]
fn yaml_is_taken_as_it_is_written() {
    let document = yaml_of(
        r#"
# A comment, and one at the end of a line.
family: web # so
cpu: 256
memory: "0512"
x-shared: &logging # an anchor
  logDriver: awslogs
  options: { awslogs-group: /web, max-buffer-size: 25m, mode: 1.10, on: true }
containerDefinitions:
  - &web
    name: web
    image: "nginx:1.27"
    essential: yes
    memoryReservation: 128
    command: [sleep, 3600, 1e3, true]
    entryPoint: []
    environment:
      - { name: PORT, value: 8080 }
      - { name: VERSION, value: 1.10 }
      - { name: MODE, value: 0644 }
      - { name: HEX, value: 0x1F }
      - { name: ON, value: True }
      - { name: DATE, value: 2026-11-24 }
      - { name: EMPTY, value: "" }
    dockerLabels: { build: 007 }
    mountPoints: []
    healthCheck: {}
    user:
    logConfiguration: *logging
    text: |
      two
      lines
  - <<: *web
    name: sidecar
    essential: false
"#,
    );
    let environment = json!([
        { "name": "PORT", "value": "8080" },
        { "name": "VERSION", "value": "1.10" },
        { "name": "MODE", "value": "0644" },
        { "name": "HEX", "value": "0x1F" },
        { "name": "ON", "value": "True" },
        { "name": "DATE", "value": "2026-11-24" },
        { "name": "EMPTY", "value": "" },
    ]);
    let logging = json!({
        "logDriver": "awslogs",
        "options": { "awslogs-group": "/web", "max-buffer-size": "25m", "mode": "1.10", "on": "true" },
    });
    let container = |name: &str, essential: Value| {
        json!({
            "name": name, "image": "nginx:1.27", "essential": essential, "memoryReservation": 128,
            "command": ["sleep", "3600", "1e3", "true"], "entryPoint": [], "environment": environment,
            "dockerLabels": { "build": "007" }, "mountPoints": [], "healthCheck": {}, "user": null,
            "logConfiguration": logging, "text": "two\nlines\n",
        })
    };
    let expected = json!({
        "family": "web", "cpu": "256", "memory": "0512", "x-shared": logging,
        // YAML 1.2: `yes` is a word.
        "containerDefinitions": [container("web", json!("yes")), container("sidecar", json!(false))],
    });
    assert_eq!(document, expected);
}

#[test]
fn numbers_keep_their_digits() {
    for (written, expected) in [
        ("1", "1"),
        ("-7", "-7"),
        ("1.10", "1.10"),
        ("1e3", "1e+3"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("12345678901234567890", "12345678901234567890"),
        ("0x1F", "31"),
        ("0o17", "15"),
        (".5", "0.5"),
        ("\"1.10\"", "\"1.10\""),
        ("~", "null"),
        ("true", "true"),
        ("''", "\"\""),
        ("[]", "[]"),
        ("{}", "{}"),
    ] {
        let document = yaml_of(&format!("x: {written}{REST}"));
        assert_eq!(document["x"].to_string(), expected, "{written}");
        if written.parse::<Number>().is_ok() {
            let json = format!(
                r#"{{"x": {written}, "family": "web", "containerDefinitions": [{{"name": "web"}}]}}"#
            );
            let same = parse("task.json", &json).unwrap();
            assert_eq!(Value::Object(same.document), document, "{written}");
        }
    }
}

#[test]
fn as_describe_prints_it_and_its_tags() {
    let parsed = parse(
        "task.YAML",
        "taskDefinition:\n  family: web\n  revision: 7\n  status: ACTIVE\n  containerDefinitions: [{ name: web }]\ntags: [{ key: team, value: 7 }]\n",
    )
    .unwrap();
    assert_eq!(
        Value::Object(parsed.document),
        json!({ "family": "web", "containerDefinitions": [{ "name": "web" }] })
    );
    assert_eq!(parsed.tags, [("team".to_owned(), "7".to_owned())]);
}

#[test]
fn complaints_name_the_place() {
    for (file, text, expected) in [
        (
            "t.yml",
            "family: 'web\n",
            "t.yml:2:1: found unexpected end of stream",
        ),
        (
            "t.yml",
            "family: web\n  cpu: 256\n",
            "t.yml:2:6: mapping values are not allowed in this context",
        ),
        (
            "t.yml",
            "family: web\ncpu: 1\ncpu: 2\n",
            "t.yml:3:1: `cpu` is set twice",
        ),
        (
            "t.yml",
            "family: web\ncpu: !Ref Cpu\n",
            "t.yml:2:6: a YAML tag (`!…`) means nothing here",
        ),
        (
            "t.yml",
            "family: web\nx: .inf\n",
            "t.yml:2:4: inf is no number of JSON",
        ),
        (
            "t.yml",
            "family: web\nx: *nowhere\n",
            "t.yml:2:4: unknown anchor",
        ),
        (
            "t.yml",
            "family: web\n---\nfamily: api\n",
            "t.yml: deserializing from YAML containing more than one document is not supported",
        ),
        ("t.yml", "# nothing\n", "t.yml: it holds no object"),
        ("t.yml", "- family: web\n", "t.yml: it holds no object"),
        ("t.yml", "cpu: 256\n", "t.yml: it has no `family`"),
        (
            "t.yml",
            "family: web\ncontainerDefinitions: []\n",
            "t.yml: it has no `containerDefinitions`",
        ),
        (
            "t.json",
            "{\"family\": \"web\",}",
            "t.json:1:18: trailing comma",
        ),
    ] {
        let error = parse(file, text).unwrap_err().to_string();
        assert_eq!(error, expected, "{text:?}");
    }
}
