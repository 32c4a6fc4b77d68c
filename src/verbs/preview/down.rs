//! `shipway preview down`.

use super::Run;
use crate::model::preview::PreviewOf;

pub(super) async fn down(_run: Run<'_>, _of: PreviewOf) -> u8 {
    70
}
