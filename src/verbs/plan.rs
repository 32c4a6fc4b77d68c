//! `shipway plan`: what `deploy` would change, and why; changes nothing.

use crate::inputs::arguments::PlanArgs;
use crate::inputs::env::Env;
use crate::steps::admit::{Asks, admit};

pub async fn plan(args: &PlanArgs, env: &Env) -> u8 {
    let _ = (args, env, admit(None, Asks::Plan));
    70
}
