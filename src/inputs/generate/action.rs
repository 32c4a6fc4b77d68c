//! An action's `action.yml`. Inputs travel as one JSON variable, and no expression stands in a script: what a branch or a
//! person wrote is no code there. No step `uses:` anything, so that pinning the action pins all of it.

use std::fmt::Write;

use super::{OF_THE_ACTION, settings, verbs, words};
use crate::model::verdict::outputs_of;

/// The actions there are: the verbs that a workflow runs, and `setup`, which only installs.
pub const ACTIONS: [&str; 7] = [
    "deploy", "build", "plan", "preview", "scale", "rollback", "setup",
];

/// For a step of composite actions nobody reads stdout.
const NO_INPUTS: [&str; 1] = ["output"];

const INPUTS: &str = "\
# Inputs travel as one JSON variable: no input is ever part of a script. `\"\"` means not set. The binary checks names and
# values: on GitHub a misspelt input is only a warning, and a missing required one arrives empty.
";

/// `action.yml` of one of `ACTIONS`.
pub fn action(name: &str) -> Option<String> {
    ACTIONS.contains(&name).then(|| text(name))
}

fn text(name: &str) -> String {
    let verb = verbs().into_iter().find(|verb| verb.get_name() == name);
    let about = match &verb {
        Some(verb) => words(
            &verb
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        None => "Put the shipway that this commit pins on PATH, for the verbs that have no action"
            .to_owned(),
    };
    let inputs = match verb {
        Some(_) => INPUTS,
        None => "",
    };
    let mut text = format!(
        "# Written by `shipway schema action --verb {name}`: change the settings there, not here.\n\
         {inputs}\
         name: Shipway {name}\n\
         description: {}\n\
         branding:\n  icon: anchor\n  color: blue\n\
         inputs:\n",
        quoted(&about)
    );
    for setting in verb.iter().flat_map(settings) {
        if !NO_INPUTS.contains(&setting.name.as_str()) {
            push_input(&mut text, &setting.name, &setting.help, setting.required);
        }
    }
    for (input, help) in OF_THE_ACTION {
        push_input(&mut text, input, help, false);
    }
    text.push_str("outputs:\n");
    for (output, meaning) in outputs_of(name) {
        let _ = write!(
            text,
            "  {output}:\n    description: {}\n    value: ${{{{ steps.shipway.outputs.{output} }}}}\n",
            quoted(meaning)
        );
    }
    text.push_str(&steps(name));
    text
}

fn push_input(text: &mut String, name: &str, help: &str, required: bool) {
    // A flag is repeated, an input has lines.
    let help = quoted(&help.replace("; repeatable", "; one a line"));
    let _ = write!(
        text,
        "  {name}:\n    description: {help}\n    required: {required}\n"
    );
}

/// Of a YAML text in double quotes, which JSON's are.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn steps(name: &str) -> String {
    let folder = match name {
        "deploy" => "$GITHUB_ACTION_PATH/action",
        _ => "$GITHUB_ACTION_PATH/../action",
    };
    let (variables, script) = match name {
        "setup" => (String::new(), format!("\"{folder}/install.sh\"")),
        verb => (
            "        SHIPWAY_INPUTS: ${{ toJSON(inputs) }}\n        GITHUB_TOKEN: ${{ github.token }}\n".to_owned(),
            format!("\"{folder}/run.sh\" {verb}"),
        ),
    };
    format!(
        "runs:\n\
         \x20 using: composite\n\
         \x20 steps:\n\
         \x20   - if: runner.os == 'Windows'\n\
         \x20     shell: pwsh\n\
         \x20     run: |\n\
         \x20       Write-Output '::error title=Shipway was not installed::Shipway does not run on Windows. Use a Linux runner, e.g. `runs-on: ubuntu-24.04`. (shipway::install::windows)'\n\
         \x20       exit 2\n\
         \x20   - id: shipway\n\
         \x20     shell: /usr/bin/env -u BASH_ENV -u ENV /bin/sh -eu {{0}}\n\
         \x20     env:\n\
         {variables}\
         \x20       SHIPWAY_ACTION_MIRROR: ${{{{ inputs.mirror }}}}\n\
         \x20     run: exec /bin/sh {script}\n"
    )
}
