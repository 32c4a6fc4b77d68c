//! AWS STS: who we are. How a session is had is `credentials`' matter.

use aws_sdk_sts::Client;

use super::AwsError;

#[derive(Clone, Debug)]
pub struct Sts {
    pub(super) client: Client,
}

/// Who AWS takes us for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    /// `…:assumed-role/NAME/SESSION`, `…:user/NAME`.
    pub arn: String,
}

impl Sts {
    /// GetCallerIdentity: no policy can deny it.
    pub async fn get_caller_identity(&self) -> Result<Identity, AwsError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let answer = self
            .client
            .get_caller_identity()
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        Ok(Identity {
            account: answer
                .account
                .ok_or_else(|| AwsError::malformed(OPERATION, "Account"))?,
            arn: answer
                .arn
                .ok_or_else(|| AwsError::malformed(OPERATION, "Arn"))?,
        })
    }
}
