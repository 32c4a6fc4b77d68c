//! Application Auto Scaling: what moves a service's desired count by itself.

use aws_sdk_applicationautoscaling::Client;

#[derive(Clone, Debug)]
pub struct AutoScaling {
    #[expect(dead_code, reason = "its operations come next")]
    pub(super) client: Client,
}
