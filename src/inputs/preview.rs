//! What clap cannot see of the settings of a preview, for they may come from a file: that there is one word, and one way to
//! reach a preview. Asks nobody.

use super::arguments::{PreviewArgs, PreviewWord};
use super::env::Env;
use super::error::InputError;

/// Stands for the number of the pull request.
pub const NUMBER: &str = "{number}";

impl PreviewArgs {
    /// What is asked for by its name, if anything.
    pub fn given_word(&self) -> Result<Option<PreviewWord>, InputError> {
        match (self.word, self.action) {
            (Some(word), Some(action)) if word != action => Err(InputError::Usage {
                text: format!(
                    "`{}` is asked for, and `{}` by `action`",
                    name(word),
                    name(action)
                ),
            }),
            (word, action) => Ok(word.or(action)),
        }
    }

    /// What only `up` needs: a repository for the image, and how the preview is reached.
    pub fn check_up(&self, env: &Env) -> Result<(), InputError> {
        if self.build.ecr_repository.is_none() {
            return Err(InputError::missing(&["ecr-repository".to_owned()], env));
        }
        let preview = &self.preview;
        let ways = [
            ("preview-host", &preview.preview_host),
            ("preview-path", &preview.preview_path),
            ("preview-header", &preview.preview_header),
        ];
        let set: Vec<(&str, &String)> = ways
            .into_iter()
            .filter_map(|(setting, value)| Some((setting, value.as_ref()?)))
            .collect();
        match set[..] {
            [] => Err(InputError::NoRouting),
            [(setting, value)] if !value.contains(NUMBER) => Err(InputError::NoNumberInRouting {
                setting: setting.to_owned(),
                value: value.clone(),
            }),
            [_] => Ok(()),
            [(one, _), (other, _), ..] => Err(InputError::TwoRoutings {
                one: one.to_owned(),
                other: other.to_owned(),
            }),
        }
    }
}

fn name(word: PreviewWord) -> String {
    use clap::ValueEnum;
    word.to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
