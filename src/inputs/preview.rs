//! What clap cannot see of the settings of a preview: that its two words are one, and what only one of them needs. Asks nobody.

use super::arguments::{PreviewArgs, PreviewWord};
use super::env::Env;
use super::error::InputError;

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

    /// `up` makes an image: where does it go?
    pub fn check_repository(&self, env: &Env) -> Result<(), InputError> {
        match self.build.ecr_repository {
            Some(_) => Ok(()),
            None => Err(InputError::missing(&["ecr-repository".to_owned()], env)),
        }
    }
}

fn name(word: PreviewWord) -> String {
    use clap::ValueEnum;
    word.to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
