//! What is where in Amazon ECS: clusters and the services in them, all pages. Tags that are taken away.

use super::Ecs;
use crate::aws::AwsError;

impl Ecs {
    /// ListClusters, all pages: ARNs.
    pub async fn list_clusters(&self) -> Result<Vec<String>, AwsError> {
        let mut arns = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .client
                .list_clusters()
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ecs:ListClusters", e))?;
            arns.extend(answer.cluster_arns.unwrap_or_default());
            token = answer.next_token.filter(|t| !t.is_empty());
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    /// ListServices of a cluster, all pages of a hundred: ARNs, also of services that are being drained.
    pub async fn list_services(&self, cluster: &str) -> Result<Vec<String>, AwsError> {
        let mut arns = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .client
                .list_services()
                .cluster(cluster)
                .max_results(100)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ecs:ListServices", e))?;
            arns.extend(answer.service_arns.unwrap_or_default());
            token = answer.next_token.filter(|t| !t.is_empty());
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    /// UntagResource: takes these keys away; what is not there is no error.
    pub async fn untag_resource(&self, arn: &str, keys: &[&str]) -> Result<(), AwsError> {
        self.client
            .untag_resource()
            .resource_arn(arn)
            .set_tag_keys(Some(keys.iter().map(|k| (*k).to_owned()).collect()))
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs:UntagResource", e))?;
        Ok(())
    }
}
