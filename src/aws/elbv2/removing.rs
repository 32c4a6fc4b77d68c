//! What is removed from Elastic Load Balancing v2: rules, target groups. One API operation a function.

use super::Elbv2;
use crate::aws::AwsError;

impl Elbv2 {
    /// DeleteRule. A rule that is gone is no error.
    pub async fn delete_rule(&self, rule_arn: &str) -> Result<(), AwsError> {
        match self
            .client
            .delete_rule()
            .rule_arn(rule_arn)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("elasticloadbalancing:DeleteRule", e))
        {
            Ok(_) => Ok(()),
            Err(e) if e.is_code("RuleNotFound") => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// DeleteTargetGroup. One that is gone is no error; `ResourceInUse` while a listener or a rule refers to it.
    pub async fn delete_target_group(&self, target_group_arn: &str) -> Result<(), AwsError> {
        match self
            .client
            .delete_target_group()
            .target_group_arn(target_group_arn)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("elasticloadbalancing:DeleteTargetGroup", e))
        {
            Ok(_) => Ok(()),
            Err(e) if e.is_code("TargetGroupNotFound") => Ok(()),
            Err(e) => Err(e),
        }
    }
}
