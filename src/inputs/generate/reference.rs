//! `docs/inputs.md`: every setting of every verb, as Markdown.

use std::fmt::Write;

use super::super::check::{self, Shape};
use super::super::sources::variable;
use super::{ACTIONS, OF_THE_ACTION, Setting, settings, verbs, words};
use crate::model::verdict::outputs_of;

const HEAD: &str = "\
<!-- Written by `shipway schema reference`: change the settings there, not here. -->

# Inputs and outputs

A setting has one name: the flag `--aws-region`, the input `aws-region` of the action, the variable `SHIPWAY_AWS_REGION`, the key
`aws-region` of `shipway.yml`. Where it is set more than once, the strongest counts: flag, then input, then variable, then file,
then default. `\"\"` means not set. What is misspelt or has a wrong value is refused before anything happens (exit 2).

- **Lists** in inputs and variables: an entry a line, as in docker/build-push-action. An entry that begins with `\"` runs to the
  closing quote, over lines and commas; `\"\"` is a quote in it. Flags are repeated instead: `--labels a=b --labels c=d`.
- **`KEY=VALUE`**: the value is everything after the first `=`. A list of them may also be a JSON object, or a JSON array of
  `KEY=VALUE` or of `{\"name\": …, \"value\": …}`; in `shipway.yml` it may be keys with texts.
- **`true|false`**: those two words and no others.
- **Secrets** themselves are no values: a setting says where they are, `env:NAME` or `file:PATH`. These, and what must be decided by
  who runs the job, are no keys of the file.
- `output` is no input of an action, for nobody reads a step's stdout: the action's outputs say the same.

The schema of `shipway.yml` for your editor is `shipway.schema.json` (`shipway schema file`); put this line on top of the file:

```yaml
# yaml-language-server: $schema=https://raw.githubusercontent.com/octo-org/shipway/v1/shipway.schema.json
```
";

/// The page, as text.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for verb in verbs() {
        let name = verb.get_name();
        let about = verb
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = write!(text, "\n## {name}\n\n{}.", words(&about));
        let uses = match (ACTIONS.contains(&name), name) {
            (true, "deploy") => " Action: `octo-org/shipway@v1`.".to_owned(),
            (true, _) => format!(" Action: `octo-org/shipway/{name}@v1`."),
            (false, _) => {
                format!(" No action: `octo-org/shipway/setup@v1`, then `shipway {name}`.")
            }
        };
        let _ = writeln!(text, "{uses}");
        let settings = settings(&verb);
        let mut headings: Vec<&str> = Vec::new();
        for setting in &settings {
            if !headings.contains(&setting.heading.as_str()) {
                headings.push(&setting.heading);
            }
        }
        for heading in headings {
            let _ = write!(
                text,
                "\n### {heading} ({name})\n\n| Name | Meaning | Takes | Default | Variable | Key of `shipway.yml` |\n\
                 | --- | --- | --- | --- | --- | --- |\n"
            );
            for setting in settings.iter().filter(|s| s.heading == heading) {
                push_row(&mut text, name, setting);
            }
        }
        push_outputs(&mut text, name);
    }
    text.push_str(
        "\n## setup\n\nPuts the `shipway` that this commit pins on PATH for the steps that follow. Action: `octo-org/shipway/setup@v1`.\n",
    );
    push_outputs(&mut text, "setup");
    text.push_str(
        "\n## Every action\n\n| Input | Meaning | Default | Variable |\n| --- | --- | --- | --- |\n",
    );
    for (input, help) in OF_THE_ACTION {
        let (meaning, default) = help.split_once(" [default: ").unwrap_or((help, ""));
        let default = default.trim_end_matches(']');
        let _ = writeln!(
            text,
            "| `{input}` | {meaning} | {default} | `{}` |",
            variable(input)
        );
    }
    text.push_str(
        "\nTwo more variables, for whoever needs them: `SHIPWAY_BINARY`, the path of a `shipway` of your own build, which is then run \
         instead\nof the release (PATH is never searched); `SHIPWAY_INSTALL_SECONDS`, how long fetching the binary may take in all, in \
         seconds (60).\n",
    );
    text
}

fn push_row(text: &mut String, verb: &str, setting: &Setting) {
    let (meaning, told) = setting.meaning_and_default();
    let default = match (setting.default.as_deref(), told) {
        (Some(value), _) => format!("`{value}`"),
        (None, Some(told)) => told.to_owned(),
        (None, None) if setting.required => "required".to_owned(),
        (None, None) => String::new(),
    };
    let default = match (setting.required, told) {
        (true, Some(_)) => format!("required; {default}"),
        _ => default,
    };
    let key = match check::is_key_of(verb, &setting.name) {
        true => format!("`{}`", setting.name),
        false => "none".to_owned(),
    };
    let cells = [
        format!("`{}`", setting.name),
        meaning.to_owned(),
        takes(setting),
        default,
        format!("`{}`", variable(&setting.name)),
        key,
    ];
    let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// The form of a value, and its unit.
fn takes(setting: &Setting) -> String {
    if !setting.choices.is_empty() {
        let choices: Vec<String> = setting.choices.iter().map(|c| format!("`{c}`")).collect();
        return choices.join(", ");
    }
    match (setting.shape, setting.range) {
        (Shape::Scalar, Some((low, high))) => {
            let unit = setting.takes.to_lowercase();
            match high {
                0..=99_999 => format!("{unit}, {low} to {high}"),
                _ => format!("{unit}, from {low}"),
            }
        }
        (Shape::List { .. } | Shape::Pairs, _) => format!("list of `{}`", setting.takes),
        _ => format!("`{}`", setting.takes),
    }
}

fn push_outputs(text: &mut String, action: &str) {
    let outputs = outputs_of(action);
    if outputs.is_empty() {
        return;
    }
    let _ = write!(
        text,
        "\n### Outputs ({action})\n\nOn failure too, as far as it came.\n\n| Output | Meaning |\n| --- | --- |\n"
    );
    for (name, meaning) in outputs {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
}
