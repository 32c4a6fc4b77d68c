//! AWS Certificate Manager: which names a certificate is good for.

use aws_sdk_acm::Client;

#[derive(Clone, Debug)]
pub struct Acm {
    #[expect(dead_code, reason = "its operations come next")]
    pub(super) client: Client,
}
