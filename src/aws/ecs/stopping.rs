//! Service deployments that somebody steps into while ECS works on them: stopped, or told to go on. One API operation a
//! function.

use aws_sdk_ecs::types as sdk;

use super::Ecs;
use crate::aws::AwsError;

impl Ecs {
    /// StopServiceDeployment with ROLLBACK. Twice is as good as once.
    pub async fn stop_service_deployment(&self, arn: &str) -> Result<(), AwsError> {
        self.client
            .stop_service_deployment()
            .service_deployment_arn(arn)
            .stop_type(sdk::StopServiceDeploymentStopType::Rollback)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs:StopServiceDeployment", e))?;
        Ok(())
    }

    /// ContinueServiceDeployment with CONTINUE, for a hook that waits for a person.
    pub async fn continue_service_deployment(
        &self,
        arn: &str,
        hook_id: &str,
    ) -> Result<(), AwsError> {
        self.client
            .continue_service_deployment()
            .service_deployment_arn(arn)
            .hook_id(hook_id)
            .action(sdk::DeploymentLifecycleHookAction::Continue)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs:ContinueServiceDeployment", e))?;
        Ok(())
    }
}
