//! What is removed from Amazon ECS, and what is listed for it: DeleteService, ListTaskDefinitionFamilies,
//! ListTaskDefinitions, DeregisterTaskDefinition. One API operation a function.

use aws_sdk_ecs::types as sdk;

use super::Ecs;
use crate::aws::AwsError;

impl Ecs {
    /// DeleteService with `force`: the tasks are stopped too. One that is gone, or is being drained, is no error.
    pub async fn delete_service(&self, cluster: &str, service: &str) -> Result<(), AwsError> {
        match self
            .client
            .delete_service()
            .cluster(cluster)
            .service(service)
            .force(true)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs:DeleteService", e))
        {
            Ok(_) => Ok(()),
            Err(e) if e.is_no_such_service() || e.is_code("ServiceNotActiveException") => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// ListTaskDefinitionFamilies, all pages: those that begin so and have an ACTIVE revision.
    pub async fn list_task_definition_families(
        &self,
        prefix: &str,
    ) -> Result<Vec<String>, AwsError> {
        let mut families = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .client
                .list_task_definition_families()
                .family_prefix(prefix)
                .status(sdk::TaskDefinitionFamilyStatus::Active)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ecs:ListTaskDefinitionFamilies", e))?;
            families.extend(answer.families.unwrap_or_default());
            token = answer.next_token.filter(|t| !t.is_empty());
            if token.is_none() {
                return Ok(families);
            }
        }
    }

    /// ListTaskDefinitions, all pages: the ACTIVE revisions of a family, by ARN, the newest first. `familyPrefix` is the whole
    /// family's name there.
    pub async fn list_task_definitions(&self, family: &str) -> Result<Vec<String>, AwsError> {
        let mut arns = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .client
                .list_task_definitions()
                .family_prefix(family)
                .status(sdk::TaskDefinitionStatus::Active)
                .sort(sdk::SortOrder::Desc)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ecs:ListTaskDefinitions", e))?;
            arns.extend(answer.task_definition_arns.unwrap_or_default());
            token = answer.next_token.filter(|t| !t.is_empty());
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    /// DeregisterTaskDefinition of one revision: tasks that run go on, new ones cannot start. Its bucket is shared with
    /// RegisterTaskDefinition and refills with one a second: who calls this paces.
    pub async fn deregister_task_definition(&self, revision: &str) -> Result<(), AwsError> {
        match self
            .client
            .deregister_task_definition()
            .task_definition(revision)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs:DeregisterTaskDefinition", e))
        {
            Ok(_) => Ok(()),
            Err(e) if e.is_code("ClientException") && e.message.contains("does not exist") => {
                Ok(())
            }
            Err(e) => Err(e),
        }
    }
}
