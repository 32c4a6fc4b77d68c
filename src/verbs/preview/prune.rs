//! `shipway preview prune`.

use super::Run;

pub(super) async fn prune(_run: Run<'_>) -> u8 {
    70
}
