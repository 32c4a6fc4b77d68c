//! `shipway scale`: services to zero, and back exactly as they were.

use crate::inputs::arguments::ScaleArgs;
use crate::inputs::env::Env;

pub async fn scale(_args: &ScaleArgs, _env: &Env) -> u8 {
    70
}
