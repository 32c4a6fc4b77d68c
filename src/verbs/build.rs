//! `shipway build`: the commit's image, built and pushed; nothing is deployed.

use crate::inputs::arguments::BuildArgs;
use crate::inputs::env::Env;
use crate::steps::admit::{Asks, admit};

pub async fn build(args: &BuildArgs, env: &Env) -> u8 {
    let _ = (args, env, admit(None, Asks::Build));
    70
}
