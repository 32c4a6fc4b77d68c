//! `shipway preview sleep` and `wake`.

use super::Run;
use crate::model::preview::PreviewOf;

pub(super) async fn sleep(_run: Run<'_>, _of: PreviewOf) -> u8 {
    70
}

pub(super) async fn wake(_run: Run<'_>, _of: PreviewOf) -> u8 {
    70
}
