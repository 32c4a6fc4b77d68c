//! `shipway preview list`.

use super::Run;

pub(super) async fn list(_run: Run<'_>) -> u8 {
    70
}
