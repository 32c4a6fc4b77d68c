//! `shipway doctor`: a tree of OK / NG / SKIP over everything that a deploy needs; changes nothing.

use crate::inputs::arguments::DoctorArgs;
use crate::inputs::env::Env;

pub async fn doctor(args: &DoctorArgs, env: &Env) -> u8 {
    let _ = (args, env);
    70
}
