//! SSM Parameter Store: what was before, where services cannot carry it in a tag.

use aws_sdk_ssm::Client;

#[derive(Clone, Debug)]
pub struct Ssm {
    #[expect(dead_code, reason = "its operations come next")]
    pub(super) client: Client,
}
