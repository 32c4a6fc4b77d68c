//! `shipway preview up`.

use super::Run;
use crate::model::preview::PreviewOf;

pub(super) async fn up(_run: Run<'_>, _of: PreviewOf) -> u8 {
    70
}
