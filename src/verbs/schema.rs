//! `shipway schema`: what is generated from the settings: the file's JSON Schema, the actions, the reference.

use crate::error::Error;
use crate::inputs::InputError;
use crate::inputs::arguments::SchemaArgs;
use crate::inputs::env::Env;
use crate::inputs::generate;
use crate::inputs::values::{OutputFormat, SchemaOf};
use crate::report::{self, Report};

pub fn schema(args: &SchemaArgs, env: &Env) -> u8 {
    let text = match args.of {
        SchemaOf::File => Some(generate::file()),
        SchemaOf::Action => generate::action(&args.verb),
        SchemaOf::Reference => Some(generate::reference()),
    };
    let Some(text) = text else {
        let error = Error::from(InputError::no_action(&args.verb));
        Report::new(env, OutputFormat::Text).error(&error);
        return error.exit_code();
    };
    report::show(env, &text);
    0
}
